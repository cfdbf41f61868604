/* gnuplot reads its script from a memory file and writes the picture to its standard output, which
 * is the new file: no shell and no file name comes into the script. The one foreign text in it is
 * the title, in single quotes (in which gnuplot expands nothing) and without its text markup. Its
 * start-up files are not read. */
#include "plot.h"

#include "cli.h"
#include "output.h"
#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <unistd.h>

static bool has_ending(const char *path, const char *ending)
{
        size_t length = strlen(path);
        size_t tail = strlen(ending);
        return length > tail && strcasecmp(path + length - tail, ending) == 0;
}

bool plot_has_form(const char *path)
{
        return has_ending(path, ".svg") || has_ending(path, ".png");
}

bool plot_has_gnuplot(void)
{
        char *program;
        if (cli_find_program("gnuplot", &program) < 0)
                return false;
        free(program);
        return true;
}

/* As a string of gnuplot's: in single quotes only they themselves mean anything. */
static void quote(FILE *script, const char *text)
{
        fputc('\'', script);
        for (; *text; text++) {
                if (*text == '\'')
                        fputc('\'', script);
                fputc(*text, script);
        }
        fputc('\'', script);
}

static void write_title(const struct study *study, FILE *script)
{
        const char *slash = strrchr(study->argv[0], '/');
        char *name = cli_clean(slash && slash[1] ? slash + 1 : study->argv[0]);
        char *title = cli_format("Speed-up of %.80s", name);
        char *whole = cli_clean(title); /* the cut may have gone through a character */
        fputs("set title ", script);
        quote(script, whole);
        fputs(" font ',16'\n", script);
        free(whole);
        free(title);
        free(name);
}

static void write_frame(const struct study *study, FILE *script, bool is_png)
{
        int most = study->measurements[study->count - 1].workers;
        double top = most;
        for (size_t i = 0; i < study->count; i++)
                top = fmax(top, study->measurements[i].speedup_high);
        fputs("set encoding utf8\n", script);
        if (is_png)
                fputs("if (strstrt(GPVAL_TERMINALS, 'pngcairo')) {\n"
                      "set terminal pngcairo size 900,600 noenhanced font 'sans,12'\n"
                      "} else {\nset terminal png size 900,600 noenhanced\n}\n",
                      script);
        else
                fputs("set terminal svg size 900,600 dynamic noenhanced font 'sans,14' "
                      "background 'white'\n",
                      script);
        write_title(study, script);
        fprintf(script,
                "set xlabel 'workers'\nset ylabel 'speed-up'\nset key top left Left reverse\n"
                "set grid lt 1 lw 0.5 lc rgb '#d0d0d0'\nset border 3\nset tics nomirror\nset "
                "samples 501\n"
                "set xrange [0:%.17g]\nset yrange [0:%.17g]\n",
                most + fmax(0.5, most * 0.04), fmax(top * 1.08, top + 0.3));
        if (most <= 20)
                fputs("set xtics 1\n", script);
        if (most > study->processors)
                fprintf(script,
                        "set arrow from %d, graph 0 to %d, graph 1 nohead dt 3 lc rgb '#b02020'\n"
                        "set label ' %d processor%s' at %d, graph 0.04 tc rgb '#b02020'\n",
                        study->processors, study->processors, study->processors,
                        study->processors == 1 ? "" : "s", study->processors);
}

static void write_curves(const struct study *study, FILE *script)
{
        double fraction = study->fit.serial_fraction;
        fputs("$measured << END\n", script);
        for (size_t i = 0; i < study->count; i++) {
                const struct measurement *one = &study->measurements[i];
                fprintf(script, "%d %.17g %.17g %.17g\n", one->workers, one->speedup,
                        one->speedup_low, one->speedup_high);
        }
        fputs("END\n"
              "plot x title 'ideal' with lines lw 2 dt 2 lc rgb '#808080'",
              script);
        if (study->fit.points)
                fprintf(script,
                        ", (x >= 1 ? 1 / (%.17g + (1 - %.17g) / x) : 1/0) title "
                        "'Amdahl fit, serial fraction %.1f %%' with lines lw 2 lc rgb '#2060c0'",
                        fraction, fraction, fraction * 100);
        fprintf(script,
                ", $measured using 1:2:3:4 title 'measured%s' with yerrorbars pt 7 ps 1.2 "
                "lw 2 lc rgb '#208020'\n",
                study->repeat > 1 ? ", and the interval of the ratio of medians" : "");
}

static int write_script(const struct study *study, bool is_png, int *ret_fd)
{
        int fd = memfd_create("hayfork-plot", MFD_CLOEXEC);
        if (fd < 0)
                return -errno;
        FILE *script = fdopen(fcntl(fd, F_DUPFD_CLOEXEC, 3), "w");
        if (!script) {
                close(fd);
                return -ENOMEM;
        }
        write_frame(study, script, is_png);
        write_curves(study, script);
        if (fclose(script) == EOF || lseek(fd, 0, SEEK_SET) < 0) {
                close(fd);
                return -EIO;
        }
        *ret_fd = fd;
        return 0;
}

/* The last line of what gnuplot said: before it, it repeats the script. */
static char *read_complaint(int fd)
{
        char text[1024];
        off_t end = lseek(fd, 0, SEEK_END);
        off_t from = end > (off_t)sizeof(text) - 1 ? end - (off_t)sizeof(text) + 1 : 0;
        ssize_t n = pread(fd, text, sizeof(text) - 1, from);
        while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == ' '))
                n--;
        text[n > 0 ? n : 0] = '\0';
        const char *line = strrchr(text, '\n');
        return cli_clean(line ? line + 1 : text);
}

/* gnuplot exits with 0 after some failures, so the picture's first bytes are looked at too. */
static bool is_picture(int fd, bool is_png)
{
        char head[8] = "";
        struct output_head {
                const char *bytes;
                size_t size;
        } wanted =
                is_png ? (struct output_head){ "\x89PNG", 4 } : (struct output_head){ "<?xml", 5 };
        return pread(fd, head, sizeof(head), 0) == (ssize_t)sizeof(head) &&
               memcmp(head, wanted.bytes, wanted.size) == 0;
}

static int run_gnuplot(int script, int picture, bool is_png, char **ret_problem)
{
        static char *const argv[] = { (char *)"gnuplot", (char *)"-d", (char *)"-", NULL };
        int errors = memfd_create("hayfork-gnuplot-errors", MFD_CLOEXEC);
        if (errors < 0)
                return -errno;
        struct run_end end;
        int r = run_program(&(struct run){ .argv = argv,
                                           .input = script,
                                           .output = picture,
                                           .errors = errors,
                                           .errors_from = -1 },
                            &end);
        if (r < 0) {
                *ret_problem = cli_format("gnuplot could not be run: %s", strerror(-r));
        } else if (end.interrupted) {
                r = end.interrupted;
        } else if (end.code != 0 || !is_picture(picture, is_png)) {
                char *complaint = read_complaint(errors);
                *ret_problem = cli_format("gnuplot failed (exit code %d): %s", end.code, complaint);
                free(complaint);
                r = -EIO;
        }
        close(errors);
        return r;
}

int plot_write(const struct study *study, const char *path, char **ret_problem)
{
        bool is_png = has_ending(path, ".png");
        struct output output;
        int script = -1;
        int r = output_open(path, &output);
        if (r < 0)
                goto failed;
        r = write_script(study, is_png, &script);
        if (r < 0)
                goto discard;
        r = run_gnuplot(script, output.fd, is_png, ret_problem);
        close(script);
        if (r != 0)
                goto discard;
        r = output_commit(&output);
        if (r < 0)
                goto failed;
        return 0;
discard:
        output_discard(&output);
failed:
        if (r < 0 && !*ret_problem)
                *ret_problem = cli_format("could not write '%s': %s", path, strerror(-r));
        return r;
}
