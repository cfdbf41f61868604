/* hayfork speedup: everything that can be found wrong is found before the first run; then the runs,
 * round by round; then the report and the files. Signals that want an end are looked at between any
 * two steps, and leave neither a process nor a half-written file. */
#include "cli.h"
#include "json.h"
#include "others.h"
#include "output.h"
#include "plot.h"
#include "progress.h"
#include "report.h"
#include "run.h"
#include "speedup_options.h"
#include "study.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What the runs need, beside the study. */
struct stage {
        const struct speedup_options *options;
        struct study study;
        struct progress progress;
        int null;
        int input;
        int errors[2]; /* a pipe while the progress is shown, which must not be written into */
};

static bool is_standard_output(const char *path)
{
        return strcmp(path, "-") == 0;
}

static int check_program(const char *name)
{
        char *path;
        int r = cli_find_program(name, &path);
        if (r == 0)
                free(path);
        else if (r == -ENOENT)
                cli_error("'%s': no such program%s", name,
                          strchr(name, '/') ? "" : " in PATH (a path with a / is taken as it is)");
        else
                cli_error("'%s': can't be executed: expected a program or script with execute "
                          "permission",
                          name);
        return r == 0 ? CLI_OK : r == -ENOENT ? CLI_NOT_FOUND : CLI_NOT_EXECUTABLE;
}

static int check_files(const struct speedup_options *options)
{
        int r = 0;
        if (options->plot && !plot_has_gnuplot()) {
                cli_error("--plot needs gnuplot, which is nowhere in PATH: install it (Debian: "
                          "package gnuplot-nox) or leave --plot out");
                return CLI_FAILURE;
        }
        const char *path = options->plot;
        if (path)
                r = output_check(path);
        if (r == 0 && options->json && !is_standard_output(options->json)) {
                path = options->json;
                r = output_check(path);
        }
        if (r == 0)
                return CLI_OK;
        cli_error("'%s' can't be written: %s", path, strerror(-r));
        return CLI_FAILURE;
}

static void tick(void *arg)
{
        struct stage *stage = arg;
        progress_draw(&stage->progress);
}

static void said(void *arg, const char *bytes, size_t size)
{
        struct stage *stage = arg;
        progress_clear(&stage->progress);
        fwrite(bytes, 1, size, stderr);
        fflush(stderr);
}

static int open_stage(struct stage *stage, const struct speedup_options *options)
{
        *stage = (struct stage){ .options = options, .errors = { -1, -1 } };
        study_init(&stage->study, options->argv, &options->workers, options->repeat,
                   options->warmup, options->processors);
        progress_init(&stage->progress, &stage->study,
                      !options->is_quiet && !options->shows_output);
        const char *input = options->input ? options->input : "/dev/null";
        stage->null = open("/dev/null", O_RDWR | O_CLOEXEC);
        stage->input = open(input, O_RDONLY | O_CLOEXEC);
        if (stage->input < 0) {
                cli_error("'%s' can't be read: %s", input, strerror(errno));
                return CLI_FAILURE;
        }
        int r = run_take_signals();
        if (r == 0 && stage->progress.is_shown && pipe2(stage->errors, O_CLOEXEC) < 0)
                r = -errno;
        if (r == 0 && stage->progress.is_shown && fcntl(stage->errors[0], F_SETFL, O_NONBLOCK) < 0)
                r = -errno;
        if (r < 0 || stage->null < 0) {
                cli_error("can't prepare the runs: %s", strerror(r < 0 ? -r : errno));
                return CLI_FAILURE;
        }
        return CLI_OK;
}

static void close_stage(struct stage *stage)
{
        close(stage->null);
        close(stage->input);
        if (stage->errors[0] >= 0) {
                close(stage->errors[0]);
                close(stage->errors[1]);
        }
        study_fini(&stage->study);
}

/* Why a run was not as it should be; the exit code for that. */
static int explain(const struct stage *stage, int workers, int r, const struct run_end *end)
{
        char where[64];
        const char *name = stage->options->argv[0];
        snprintf(where, sizeof(where), "run %d of %d, %d worker%s", stage->progress.run,
                 stage->progress.runs, workers, workers == 1 ? "" : "s");
        if (r < 0) {
                cli_error("'%s' could not be run: %s (%s)", name, strerror(-r), where);
                return r == -ENOENT                   ? CLI_NOT_FOUND
                       : r == -EAGAIN || r == -ENOMEM ? CLI_FAILURE
                                                      : CLI_NOT_EXECUTABLE;
        }
        if (end->signal) {
                cli_error("'%s' was ended by signal %d, %s (%s)", name, end->signal,
                          strsignal(end->signal), where);
                return CLI_SIGNAL + end->signal;
        }
        cli_error("'%s' failed with exit code %d (%s)", name, end->code, where);
        return end->code > 0 ? end->code : CLI_FAILURE;
}

static void interrupted(struct stage *stage, int signal)
{
        progress_clear(&stage->progress);
        cli_error("ended by signal %d, %s, in run %d of %d; nothing was written", signal,
                  strsignal(signal), stage->progress.run, stage->progress.runs);
        close_stage(stage);
        run_die(signal);
}

/* One run; its times go to `one`, unless that is NULL. */
static int run_once(struct stage *stage, int workers, struct measurement *one)
{
        char value[16];
        struct run_end end = { 0 };
        bool is_shown = stage->progress.is_shown;
        snprintf(value, sizeof(value), "%d", workers);
        struct run run = {
                .argv = stage->options->argv,
                .variable = "HAYFORK_WORKERS",
                .value = value,
                .input = stage->input,
                .output = stage->options->shows_output ? STDOUT_FILENO : stage->null,
                .errors = is_shown ? stage->errors[1] : STDERR_FILENO,
                .tick = is_shown ? tick : NULL,
                .arg = stage,
                .errors_from = stage->errors[0],
                .said = said,
        };
        progress_begin(&stage->progress, one ? workers : 0);
        int r;
        double busy;
        do {
                int signal = run_check_signals();
                if (signal)
                        interrupted(stage, signal);
                lseek(stage->input, 0, SEEK_SET);
                busy = others_busy();
                r = run_program(&run, &end);
                if (r == 0 && end.interrupted)
                        interrupted(stage, end.interrupted);
        } while (r == 0 && end.paused && end.code == 0);
        if (r < 0 || end.code != 0) {
                progress_clear(&stage->progress);
                return explain(stage, workers, r, &end);
        }
        if (one) {
                one->others_s += others_busy() - busy - end.cpu_seconds;
                one->seconds[one->count] = end.seconds;
                one->cpu_seconds[one->count++] = end.cpu_seconds;
        }
        return CLI_OK;
}

static int run_all(struct stage *stage)
{
        struct study *study = &stage->study;
        int code = CLI_OK;
        for (int i = 0; i < study->warmup && code == CLI_OK; i++)
                code = run_once(stage, study->measurements[study->count - 1].workers, NULL);
        for (size_t round = 0; round < (size_t)study->repeat; round++)
                for (size_t i = 0; i < study->count && code == CLI_OK; i++) {
                        struct measurement *one =
                                &study->measurements[workers_turn(study->count, round, i)];
                        code = run_once(stage, one->workers, one);
                }
        if (code == CLI_OK)
                progress_clear(&stage->progress);
        return code;
}

static int write_json(const struct stage *stage)
{
        const char *path = stage->options->json;
        struct output output;
        int r;
        if (is_standard_output(path)) {
                r = json_write(json_study(&stage->study), STDOUT_FILENO);
        } else {
                r = output_open(path, &output);
                if (r == 0) {
                        r = json_write(json_study(&stage->study), output.fd);
                        if (r < 0)
                                output_discard(&output);
                        else
                                r = output_commit(&output);
                }
        }
        if (r < 0)
                cli_error("could not write '%s': %s", path, strerror(-r));
        return r < 0 ? CLI_FAILURE : CLI_OK;
}

static int write_plot(struct stage *stage)
{
        char *problem = NULL;
        int r = plot_write(&stage->study, stage->options->plot, &problem);
        if (r > 0) {
                cli_error("ended by signal %d, %s, while gnuplot drew '%s', which was not written",
                          r, strsignal(r), stage->options->plot);
                close_stage(stage);
                run_die(r);
        }
        if (r < 0)
                cli_error("%s", problem);
        free(problem);
        return r < 0 ? CLI_FAILURE : CLI_OK;
}

/* Each output is tried, whatever became of the others: the runs were long. */
static int tell(struct stage *stage)
{
        const struct speedup_options *options = stage->options;
        struct terminal terminal;
        int code = CLI_OK;
        study_evaluate(&stage->study);
        terminal_init(&terminal, stdout);
        if (!options->is_quiet && !(options->json && is_standard_output(options->json)))
                report_print(&stage->study, &terminal);
        if (fflush(stdout) == EOF) {
                cli_error("could not write the report: %s", strerror(errno));
                code = CLI_FAILURE;
        }
        report_warn(&stage->study);
        if (options->json && write_json(stage) != CLI_OK)
                code = CLI_FAILURE;
        if (options->plot && write_plot(stage) != CLI_OK)
                code = CLI_FAILURE;
        return code;
}

int speedup_main(int argc, char **argv)
{
        struct speedup_options options;
        struct stage stage;
        speedup_options_parse(argc, argv, &options);
        int code = check_program(options.argv[0]);
        if (code == CLI_OK)
                code = check_files(&options);
        if (code != CLI_OK)
                goto free_options;
        code = open_stage(&stage, &options);
        if (code == CLI_OK)
                code = run_all(&stage);
        if (code == CLI_OK)
                code = tell(&stage);
        close_stage(&stage);
        int signal = run_check_signals();
        if (signal)
                run_die(signal);
free_options:
        free(options.workers.numbers);
        return code;
}
