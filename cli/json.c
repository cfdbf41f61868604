#include "json.h"

#include "cli.h"

#include <hayfork.h>

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

json_t *json_number(double value)
{
        return isfinite(value) ? json_real(value) : json_null();
}

json_t *json_text(const char *text)
{
        char *clean = cli_clean(text);
        json_t *string = json_string(clean);
        free(clean);
        return string;
}

/* "model name : …" of /proc/cpuinfo; null where there is no such line. */
static json_t *processor_model(void)
{
        char line[256];
        json_t *model = NULL;
        FILE *file = fopen("/proc/cpuinfo", "re");
        while (file && !model && fgets(line, sizeof(line), file)) {
                char *value = strchr(line, ':');
                if (strncmp(line, "model name", 10) != 0 || !value)
                        continue;
                value += 1 + strspn(value + 1, " ");
                value[strcspn(value, "\n")] = '\0';
                model = json_text(value);
        }
        if (file)
                fclose(file);
        return model ? model : json_null();
}

json_t *json_machine(int processors)
{
        struct utsname name = { 0 };
        uname(&name);
        json_t *machine = json_object();
        json_object_set_new(machine, "processors", json_integer(processors));
        json_object_set_new(machine, "processors_online",
                            json_integer(sysconf(_SC_NPROCESSORS_ONLN)));
        json_object_set_new(machine, "processor_model", processor_model());
        json_object_set_new(
                machine, "memory_bytes",
                json_integer((json_int_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE)));
        json_object_set_new(machine, "system", json_text(name.sysname));
        json_object_set_new(machine, "kernel", json_text(name.release));
        json_object_set_new(machine, "architecture", json_text(name.machine));
        return machine;
}

static json_t *numbers(const double *values, size_t count)
{
        json_t *array = json_array();
        for (size_t i = 0; i < count; i++)
                json_array_append_new(array, json_number(values[i]));
        return array;
}

static json_t *measurement(const struct study *study, const struct measurement *one)
{
        json_t *run = json_object();
        bool is_repeated = study->repeat > 1;
        json_object_set_new(run, "workers", json_integer(one->workers));
        json_object_set_new(run, "median_s", json_number(one->time.median));
        json_object_set_new(run, "speedup", json_number(one->speedup));
        json_object_set_new(run, "efficiency", json_number(one->efficiency));
        json_object_set_new(run, "karp_flatt", json_number(one->karp_flatt));
        json_object_set_new(run, "low_s", json_number(one->time.low));
        json_object_set_new(run, "high_s", json_number(one->time.high));
        json_object_set_new(run, "min_s", json_number(one->time.least));
        json_object_set_new(run, "max_s", json_number(one->time.most));
        json_object_set_new(run, "spread", json_number(is_repeated ? one->spread : NAN));
        json_object_set_new(run, "speedup_low", json_number(one->speedup_low));
        json_object_set_new(run, "speedup_high", json_number(one->speedup_high));
        json_object_set_new(run, "cpu_s", json_number(one->cpu));
        json_object_set_new(run, "others", json_number(one->others));
        json_object_set_new(run, "oversubscribed", json_boolean(one->workers > study->processors));
        json_object_set_new(run, "times_s", numbers(one->seconds, one->count));
        return run;
}

static json_t *fit(const struct fit *fit)
{
        if (!fit->points)
                return json_null();
        json_t *object = json_object();
        json_object_set_new(object, "model", json_string("amdahl"));
        json_object_set_new(object, "serial_fraction", json_number(fit->serial_fraction));
        json_object_set_new(object, "max_speedup", json_number(1 / fit->serial_fraction));
        json_object_set_new(object, "error", json_number(fit->error));
        json_object_set_new(object, "points", json_integer((json_int_t)fit->points));
        return object;
}

static json_t *now(void)
{
        char text[32];
        struct tm tm;
        time_t seconds = time(NULL);
        gmtime_r(&seconds, &tm);
        strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
        return json_string(text);
}

json_t *json_study(const struct study *study)
{
        json_t *object = json_object();
        json_t *argv = json_array();
        json_t *runs = json_array();
        json_t *warnings = json_array();
        for (char **word = study->argv; *word; word++)
                json_array_append_new(argv, json_text(*word));
        for (size_t i = 0; i < study->count; i++)
                json_array_append_new(runs, measurement(study, &study->measurements[i]));
        for (size_t i = 0; i < study->warning_count; i++)
                json_array_append_new(warnings, json_text(study->warnings[i]));
        json_object_set_new(object, "program", json_text(study->argv[0]));
        json_object_set_new(object, "argv", argv);
        json_object_set_new(object, "runs", runs);
        json_object_set_new(object, "serial_fraction", json_number(study->fit.serial_fraction));
        json_object_set_new(object, "fit", fit(&study->fit));
        json_object_set_new(object, "repeat", json_integer(study->repeat));
        json_object_set_new(object, "warmup", json_integer(study->warmup));
        json_object_set_new(object, "interval_coverage",
                            json_number(study->measurements[0].time.coverage));
        json_object_set_new(object, "machine", json_machine(study->processors));
        json_object_set_new(object, "warnings", warnings);
        json_object_set_new(object, "finished", now());
        json_object_set_new(object, "hayfork", json_string(hay_version()));
        return object;
}

int json_write(json_t *value, int fd)
{
        char *text = json_dumps(value, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
        json_decref(value);
        if (!text)
                return -ENOMEM;
        int r = dprintf(fd, "%s\n", text) < 0 ? -errno : 0;
        free(text);
        return r;
}
