/* The whole command, with programs that sleep: their time is never less than they sleep, and all
 * else in the JSON must follow from the times that stand there. */
#include "command.h"

#include <jansson.h>
#include <math.h>

static struct outcome outcome;

static void says(const char *text, const char *words)
{
        ck_assert_msg(strstr(text, words), "'%s' is not in:\n%s", words, text);
}

static void ends_with(int code, const char *words)
{
        ck_assert_msg(outcome.code == code, "exit code %d, not %d:\n%s", outcome.code, code,
                      outcome.err);
        says(outcome.err, words);
}

static double number(const json_t *object, const char *key)
{
        const json_t *value = json_object_get(object, key);
        ck_assert_msg(json_is_number(value), "%s is no number", key);
        return json_number_value(value);
}

static void is_near(double value, double wanted)
{
        ck_assert_double_eq_tol(value, wanted, 1e-6 * fabs(wanted) + 1e-9);
}

static int by_size(const void *a, const void *b)
{
        double x = *(const double *)a;
        double y = *(const double *)b;
        return (x > y) - (x < y);
}

/* Of an odd number of times. */
static double median(const json_t *run, size_t repeat, double least)
{
        double times[9];
        const json_t *list = json_object_get(run, "times_s");
        ck_assert_uint_eq(json_array_size(list), repeat);
        for (size_t i = 0; i < repeat; i++) {
                times[i] = json_number_value(json_array_get(list, i));
                ck_assert_double_ge(times[i], least);
        }
        qsort(times, repeat, sizeof(*times), by_size);
        is_near(number(run, "low_s"), times[0]);
        is_near(number(run, "high_s"), times[repeat - 1]);
        return times[repeat / 2];
}

static void check_run(const json_t *run, const json_t *base, int workers, double least)
{
        double here = median(run, 5, least);
        ck_assert_int_eq((int)number(run, "workers"), workers);
        is_near(number(run, "median_s"), here);
        double speedup = number(base, "median_s") / here;
        is_near(number(run, "speedup"), speedup);
        is_near(number(run, "efficiency"), speedup / workers);
        ck_assert_double_ge(number(run, "others"), 0);
        is_near(number(run, "spread"), (number(run, "high_s") - number(run, "low_s")) / here);
        ck_assert_double_le(number(run, "speedup_low"), speedup + 1e-9);
        ck_assert_double_ge(number(run, "speedup_high"), speedup - 1e-9);
        if (workers == 1)
                ck_assert(json_is_null(json_object_get(run, "karp_flatt")));
        else
                is_near(number(run, "karp_flatt"),
                        (1 / speedup - 1.0 / workers) / (1 - 1.0 / workers));
}

TEST(the_json_follows_from_its_times)
{
        folder_make();
        COMMAND(&outcome, "speedup", "--workers", "1,2,4", "--json", folder_path("r.json"), "--",
                subject, "--serial", "5", "--parallel", "60", "--say", "not to be seen");
        ck_assert_msg(outcome.code == 0, "%s", outcome.err);
        ck_assert_ptr_null(strstr(outcome.out, "\nnot to be seen"));
        json_t *root = json_load_file(folder_path("r.json"), 0, NULL);
        ck_assert_ptr_nonnull(root);
        const json_t *runs = json_object_get(root, "runs");
        ck_assert_uint_eq(json_array_size(runs), 3);
        const json_t *base = json_array_get(runs, 0);
        check_run(base, base, 1, 0.065);
        check_run(json_array_get(runs, 1), base, 2, 0.035);
        check_run(json_array_get(runs, 2), base, 4, 0.020);
        ck_assert_int_eq((int)number(root, "repeat"), 5);
        ck_assert_int_eq((int)number(root, "warmup"), 1);
        is_near(number(root, "interval_coverage"), 0.9375);
        ck_assert_str_eq(json_string_value(json_object_get(root, "program")), subject);
        const json_t *argv = json_object_get(root, "argv");
        ck_assert_uint_eq(json_array_size(argv), 7);
        ck_assert_str_eq(json_string_value(json_array_get(argv, 6)), "not to be seen");
        const json_t *machine = json_object_get(root, "machine");
        ck_assert_int_eq((int)number(machine, "processors"), hay_cpu_count());
        bool beyond = hay_cpu_count() < 4;
        ck_assert_int_eq(json_is_true(json_object_get(json_array_get(runs, 2), "oversubscribed")),
                         beyond);
        if (beyond)
                says(outcome.err, "4 workers are more than this process's");
        const json_t *fit = json_object_get(root, "fit");
        if (hay_cpu_count() == 2) {
                /* One point: the fit is its serial fraction. */
                double shown = number(json_array_get(runs, 1), "karp_flatt");
                is_near(number(fit, "serial_fraction"), fmin(fmax(shown, 0), 1));
                is_near(number(root, "serial_fraction"), number(fit, "serial_fraction"));
        }
        json_decref(root);
        folder_remove();
}

TEST(the_report_shows_table_chart_and_fit)
{
        COMMAND(&outcome, "speedup", "-w", "1,2", "-r", "3", "--", subject, "--parallel", "20");
        ck_assert_int_eq(outcome.code, 0);
        says(outcome.out, "speed-up of ");
        says(outcome.out, "75 % interval");
        says(outcome.out, "efficiency");
        says(outcome.out, "is the ideal)");
        ck_assert_ptr_null(strchr(outcome.out, '\033'));
        ck_assert_ptr_null(strstr(outcome.err, "run 1 of"));
}

TEST(runs_are_interleaved_and_the_warm_up_comes_first)
{
        folder_make();
        COMMAND(&outcome, "speedup", "-q", "-w", "1..3", "-r", "2", "--", subject, "--log",
                folder_path("log"));
        ck_assert_int_eq(outcome.code, 0);
        ck_assert_str_eq(outcome.out, "");
        char *log = file_read(folder_path("log"));
        ck_assert_str_eq(log, "workers 3\n"
                              "workers 1\nworkers 2\nworkers 3\n"
                              "workers 3\nworkers 2\nworkers 1\n");
        free(log);
        folder_remove();
}

TEST(one_worker_is_always_run)
{
        folder_make();
        COMMAND(&outcome, "speedup", "-w", "2", "-r", "1", "--warmup", "0", "--", subject, "--log",
                folder_path("log"));
        ck_assert_int_eq(outcome.code, 0);
        says(outcome.err, "one repeat shows no spread");
        char *log = file_read(folder_path("log"));
        ck_assert_str_eq(log, "workers 1\nworkers 2\n");
        free(log);
        folder_remove();
}

TEST(json_to_standard_output_comes_alone)
{
        COMMAND(&outcome, "speedup", "--json", "-", "-w", "1", "-r", "1", subject);
        ck_assert_int_eq(outcome.code, 0);
        json_t *root = json_loads(outcome.out, 0, NULL);
        ck_assert_ptr_nonnull(root);
        ck_assert(json_is_null(json_object_get(root, "fit")));
        ck_assert(json_is_null(json_object_get(root, "serial_fraction")));
        json_decref(root);
}

TEST(a_programs_exit_code_is_passed_on_and_nothing_is_written)
{
        folder_make();
        file_write(folder_path("r.json"), "old", 0644);
        COMMAND(&outcome, "speedup", "-w", "1,2", "--json", folder_path("r.json"), "--", subject,
                "--when", "1", "--exit", "37");
        ends_with(37, "failed with exit code 37 (run 2 of 11, 1 worker)");
        char *text = file_read(folder_path("r.json"));
        ck_assert_str_eq(text, "old");
        free(text);
        ck_assert_int_eq(folder_count(), 1);
        folder_remove();
}

TEST(a_programs_signal_is_128_and_its_number)
{
        COMMAND(&outcome, "speedup", "-w", "1", "--", subject, "--signal", "9");
        ends_with(128 + 9, "was ended by signal 9");
        COMMAND(&outcome, "speedup", "-w", "1", "--", subject, "--signal", "15");
        ends_with(128 + 15, "was ended by signal 15");
}

TEST(a_program_that_is_not_there_is_127_and_one_that_is_none_126)
{
        folder_make();
        file_write(folder_path("text"), "no program", 0644);
        COMMAND(&outcome, "speedup", folder_path("none"));
        ends_with(127, "no such program");
        COMMAND(&outcome, "speedup", "hayfork-no-such-program");
        ends_with(127, "'hayfork-no-such-program': no such program in PATH");
        COMMAND(&outcome, "speedup", folder_path("text"));
        ends_with(126, "can't be executed");
        file_write(folder_path("text"), "#!/no/such/interpreter\n", 0755);
        COMMAND(&outcome, "speedup", "-w", "1", folder_path("text"));
        ends_with(127, "could not be run: No such file or directory");
        folder_remove();
}

TEST(a_bad_command_line_is_2_and_says_what_was_expected)
{
        COMMAND(&outcome, "speedup", "--repeat", "0", "--", subject);
        ends_with(2, "--repeat '0': expected a number from 1 to 1000");
        COMMAND(&outcome, "speedup", "--repeat", "3x", "--", subject);
        ends_with(2, "--repeat '3x'");
        COMMAND(&outcome, "speedup", "--warmup", "", "--", subject);
        ends_with(2, "--warmup ''");
        COMMAND(&outcome, "speedup", "--workers", "1..", "--", subject);
        ends_with(2, "'1..' in --workers '1..': expected numbers from 1 to 4096");
        COMMAND(&outcome, "speedup", "--plot", "picture.pdf", "--", subject);
        ends_with(2, "ends with .svg or .png");
        COMMAND(&outcome, "speedup", "--nonsense", "--", subject);
        ends_with(2, "unrecognized option");
        COMMAND(&outcome, "speedup");
        ends_with(2, "no program to run");
        COMMAND(&outcome, "nonsense");
        ends_with(2, "no command 'nonsense'");
        command_run(&outcome, (const char *const[]){ NULL });
        ends_with(2, "no command");
}

/* What can't be written is found before the program is run at all. */
TEST(a_file_that_cannot_be_written_costs_no_run)
{
        folder_make();
        COMMAND(&outcome, "speedup", "--json", folder_path("none/r.json"), "--", subject, "--log",
                folder_path("log"));
        ends_with(1, "none/r.json' can't be written: No such file or directory");
        COMMAND(&outcome, "speedup", "--json", folder_path(""), "--", subject, "--log",
                folder_path("log"));
        ends_with(1, "can't be written: Is a directory");
        COMMAND(&outcome, "speedup", "--input", folder_path("none"), "--", subject, "--log",
                folder_path("log"));
        ends_with(1, "can't be read: No such file or directory");
        ck_assert_int_eq(folder_count(), 0);
        folder_remove();
}

TEST(a_full_disk_is_told)
{
        COMMAND(&outcome, "speedup", "-q", "-w", "1", "-r", "1", "--json", "/dev/full", subject);
        ends_with(1, "could not write '/dev/full': No space left on device");
}

TEST(a_file_that_grows_beyond_its_limit_is_an_error_and_not_left)
{
        char line[1024];
        folder_make();
        snprintf(line, sizeof(line),
                 "ulimit -f 0; exec \"$0\" speedup -q -w 1 -r 1 --json %s -- \"$1\"",
                 folder_path("r.json"));
        ck_assert_int_eq(command_shell(line), 1);
        ck_assert_int_eq(folder_count(), 0);
        folder_remove();
}

TEST(a_reader_that_went_away_costs_the_report_but_no_file)
{
        char line[1024];
        folder_make();
        snprintf(line, sizeof(line),
                 "(sleep 0.2; exec \"$0\" speedup -w 1 -r 1 --json %s -- \"$1\") | true",
                 folder_path("r.json"));
        ck_assert_int_eq(command_shell(line), 0);
        json_t *root = json_load_file(folder_path("r.json"), 0, NULL);
        ck_assert_ptr_nonnull(root);
        json_decref(root);
        folder_remove();
}

TEST(the_program_may_read_a_file_each_time_and_be_heard)
{
        folder_make();
        file_write(folder_path("input"), "words\n", 0644);
        COMMAND(&outcome, "speedup", "-q", "--show-output", "-w", "1", "-r", "1", "--input",
                folder_path("input"), "--", subject, "--log", folder_path("log"), "--input",
                "--say", "aloud", "--complain", "softly");
        ck_assert_int_eq(outcome.code, 0);
        ck_assert_str_eq(outcome.out, "aloud\naloud\n");
        says(outcome.err, "softly\nsoftly\n");
        char *log = file_read(folder_path("log"));
        ck_assert_str_eq(log, "workers 1\nwords\nworkers 1\nwords\n");
        free(log);
        folder_remove();
}

TEST(help_and_version_are_0)
{
        COMMAND(&outcome, "--version");
        ck_assert_int_eq(outcome.code, 0);
        char wanted[64];
        snprintf(wanted, sizeof(wanted), "hayfork %s\n", hay_version());
        ck_assert_str_eq(outcome.out, wanted);
        COMMAND(&outcome, "speedup", "--version");
        ck_assert_str_eq(outcome.out, wanted);
        COMMAND(&outcome, "--help");
        ck_assert_int_eq(outcome.code, 0);
        says(outcome.out, "doctor");
        COMMAND(&outcome, "speedup", "--help");
        ck_assert_int_eq(outcome.code, 0);
        says(outcome.out, "Exit codes: ");
        COMMAND(&outcome, "doctor", "--help");
        ck_assert_int_eq(outcome.code, 0);
        says(outcome.out, "Exit codes: ");
}

static char *read_manual(const char *page)
{
        char path[512];
        snprintf(path, sizeof(path), "%s/%s", manual_folder, page);
        char *manual = file_read(path);
        ck_assert_ptr_nonnull(manual);
        return manual;
}

/* Every "--option" of the help is a "Fl -option" of the page, or of hayfork(1) if all have it. */
static void is_documented(const char *page, const char *help)
{
        char *manual = read_manual(page);
        char *common = read_manual("hayfork.1");
        int count = 0;
        for (const char *at = help; (at = strstr(at, " --")); at += 3) {
                char wanted[64];
                int length = (int)strspn(at + 3, "abcdefghijklmnopqrstuvwxyz-");
                snprintf(wanted, sizeof(wanted), "Fl -%.*s", length, at + 3);
                ck_assert_msg(!length || strstr(manual, wanted) || strstr(common, wanted),
                              "%s lacks %s", page, wanted);
                count += length > 0;
        }
        ck_assert_int_ge(count, 3);
        free(manual);
        free(common);
}

TEST(the_manual_knows_all_options)
{
        COMMAND(&outcome, "--help");
        is_documented("hayfork.1", outcome.out);
        COMMAND(&outcome, "doctor", "--help");
        is_documented("hayfork-doctor.1", outcome.out);
        COMMAND(&outcome, "speedup", "--help");
        is_documented("hayfork-speedup.1", outcome.out);
}

KIT_MAIN
