#include "others.h"

#include <math.h>
#include <stdio.h>
#include <unistd.h>

double others_busy(void)
{
        unsigned long long user, nice, system, idle, wait, irq, softirq, steal;
        FILE *file = fopen("/proc/stat", "re");
        if (!file)
                return NAN;
        int n = fscanf(file, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &user, &nice, &system,
                       &idle, &wait, &irq, &softirq, &steal);
        fclose(file);
        if (n != 8)
                return NAN;
        return (double)(user + nice + system + irq + softirq + steal) /
               (double)sysconf(_SC_CLK_TCK);
}
