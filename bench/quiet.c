/* Who used the processors, as /proc tells it: all that was used, less what this process group used.
 * When a child is waited for its time passes to its parent, so the sum over the group stays right.
 * Without /proc everything is quiet. */
#include "quiet.h"
#include "kit.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static double used_by_all(void)
{
        unsigned long long t[8] = { 0 };
        FILE *file = fopen("/proc/stat", "re");
        if (!file)
                return 0;
        int fields = fscanf(file, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &t[0], &t[1],
                            &t[2], &t[3], &t[4], &t[5], &t[6], &t[7]);
        fclose(file);
        if (fields != 8)
                return 0;
        /* user, nice, system; not idle, not iowait; irq, softirq, stolen by other guests */
        return (double)(t[0] + t[1] + t[2] + t[5] + t[6] + t[7]);
}

/* Ticks of one process and its ended children, if it is of our group. */
static double used_by_process(const char *pid)
{
        char path[300], line[1024];
        snprintf(path, sizeof(path), "/proc/%s/stat", pid);
        FILE *file = fopen(path, "re");
        if (!file)
                return 0;
        size_t length = fread(line, 1, sizeof(line) - 1, file);
        fclose(file);
        line[length] = '\0';

        int group;
        unsigned long own[2];
        long children[2];
        char *after_name = strrchr(line, ')');
        if (!after_name ||
            sscanf(after_name, ") %*c %*d %d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %ld %ld",
                   &group, &own[0], &own[1], &children[0], &children[1]) != 5 ||
            group != getpgrp())
                return 0;
        return (double)(own[0] + own[1]) + (double)(children[0] + children[1]);
}

static double used_by_group(void)
{
        double ticks = 0;
        DIR *folder = opendir("/proc");
        if (!folder)
                return 0;
        for (struct dirent *entry; (entry = readdir(folder));)
                if (isdigit((unsigned char)entry->d_name[0]))
                        ticks += used_by_process(entry->d_name);
        closedir(folder);
        return ticks;
}

struct usage usage_now(void)
{
        double tick = 1 / (double)sysconf(_SC_CLK_TCK);
        return (struct usage){ used_by_all() * tick, used_by_group() * tick, bench_now() };
}

double usage_by_others(struct usage from, struct usage to)
{
        double processors = (double)sysconf(_SC_NPROCESSORS_ONLN);
        double others = (to.all - from.all) - (to.own - from.own);
        double noise = 3 / (double)sysconf(_SC_CLK_TCK);
        return others <= noise ? 0 : others / (processors * (to.at - from.at));
}
