#include "chart.h"
#include "report.h"

#include <kit.h>

#include <math.h>

static char text[4096];

static struct terminal open_text(int width, bool is_utf8)
{
        memset(text, 0, sizeof(text));
        FILE *stream = fmemopen(text, sizeof(text), "w");
        ck_assert_ptr_nonnull(stream);
        return (struct terminal){ .stream = stream, .width = width, .is_utf8 = is_utf8 };
}

/* A study whose times are exact. */
static void fill(struct study *study, const int *numbers, const double *seconds, size_t count)
{
        static char program[] = "prog";
        static char *argv[] = { program, NULL };
        struct workers workers = { .numbers = (int *)numbers, .count = count };
        study_init(study, argv, &workers, 5, 0, 4);
        study->online = 4;
        for (size_t i = 0; i < count; i++)
                for (int k = 0; k < 5; k++) {
                        struct measurement *one = &study->measurements[i];
                        one->seconds[one->count] = seconds[i];
                        one->cpu_seconds[one->count++] = seconds[i];
                }
        study_evaluate(study);
}

TEST(bars_are_as_long_as_the_speed_ups_and_marks_stand_at_the_ideal)
{
        struct study study;
        fill(&study, (int[]){ 1, 2, 4 }, (double[]){ 4, 2, 2 }, 3);
        struct terminal terminal = open_text(37, false);
        chart_print(&study, &terminal);
        fclose(terminal.stream);
        ck_assert_str_eq(text, " workers speed-up (| is the ideal)\n"
                               "       1 ####|                   1.00\n"
                               "       2 #########|              2.00\n"
                               "       4 ##########         |    2.00\n");
        study_fini(&study);
}

TEST(utf8_bars_are_exact_to_an_eighth_of_a_column)
{
        struct study study;
        fill(&study, (int[]){ 1, 2 }, (double[]){ 1.3125, 1 }, 2);
        struct terminal terminal = open_text(17 + 8, true);
        chart_print(&study, &terminal);
        fclose(terminal.stream);
        /* 8 columns for 2: a speed-up of 1.3125 is 5 columns and a quarter. */
        ck_assert_str_eq(text, " workers speed-up (│ is the ideal)\n"
                               "       1 ███│        1.00\n"
                               "       2 █████▎ │    1.31\n");
        study_fini(&study);
}

TEST(no_line_is_wider_than_the_terminal)
{
        struct study study;
        fill(&study, (int[]){ 1, 2, 4, 8 }, (double[]){ 4, 2.2, 1.3, 1.2 }, 4);
        for (int width = 50; width <= 200; width++) {
                struct terminal terminal = open_text(width, false);
                report_print(&study, &terminal);
                fclose(terminal.stream);
                char *save = NULL;
                for (char *line = strtok_r(text, "\n", &save); line;
                     line = strtok_r(NULL, "\n", &save))
                        ck_assert_msg(strlen(line) <= (size_t)width, "width %d: %s", width, line);
        }
        study_fini(&study);
}

TEST(there_are_no_colours_where_there_is_no_terminal)
{
        struct study study;
        fill(&study, (int[]){ 1, 2 }, (double[]){ 2, 1 }, 2);
        struct terminal terminal = open_text(80, true);
        report_print(&study, &terminal);
        fclose(terminal.stream);
        ck_assert_ptr_null(strchr(text, '\033'));
        ck_assert_ptr_nonnull(strstr(text, "speed-up of prog\n4 processors, 5 repeats\n"));
        ck_assert_ptr_nonnull(strstr(text, "no serial part seen"));
        study_fini(&study);
}

static bool warns(const struct study *study, const char *words)
{
        for (size_t i = 0; i < study->warning_count; i++)
                if (strstr(study->warnings[i], words))
                        return true;
        return false;
}

TEST(clear_results_have_no_warnings)
{
        struct study study;
        fill(&study, (int[]){ 1, 2, 4 }, (double[]){ 4, 2.1, 1.2 }, 3);
        ck_assert_uint_eq(study.warning_count, 0);
        study_fini(&study);
}

TEST(more_workers_than_processors_are_told)
{
        struct study study;
        fill(&study, (int[]){ 1, 2, 6 }, (double[]){ 4, 2.1, 1.2 }, 3);
        ck_assert(warns(&study, "6 workers are more than this process's 4 processors"));
        ck_assert_uint_eq(study.fit.points, 1);
        study_fini(&study);
}

TEST(a_program_that_gains_nothing_is_asked_for_HAYFORK_WORKERS)
{
        struct study study;
        fill(&study, (int[]){ 1, 2, 4 }, (double[]){ 1, 1, 1 }, 3);
        ck_assert(
                warns(&study, "does the program take its number of workers from HAYFORK_WORKERS"));
        ck_assert(warns(&study, "neither faster nor slower than 1 worker, as far as these runs can "
                                "tell: 2, 4 workers"));
        study_fini(&study);
}

/* 5 runs of 1 s; the machine's own number of processors counts, so others are relative to it. */
static bool is_disturbed_by(double others)
{
        struct study study;
        char *argv[] = { (char *)"prog", NULL };
        struct workers workers = { .numbers = (int[]){ 1, 2 }, .count = 2 };
        study_init(&study, argv, &workers, 5, 0, 2);
        study.online = 4;
        for (size_t i = 0; i < 2; i++)
                for (int k = 0; k < 5; k++) {
                        study.measurements[i].seconds[k] = 1;
                        study.measurements[i].count++;
                }
        study.measurements[1].others_s = others * 5;
        study_evaluate(&study);
        bool warned = warns(&study, "other programs used up to");
        ck_assert(!warned || warns(&study, "too little was left for 2 workers"));
        study_fini(&study);
        return warned;
}

TEST(other_programs_are_told_when_they_leave_too_little)
{
        ck_assert(!is_disturbed_by(0));
        ck_assert(!is_disturbed_by(2));
        ck_assert(!is_disturbed_by(2.1));
        ck_assert(is_disturbed_by(2.3));
        ck_assert(is_disturbed_by(4));
        ck_assert(!is_disturbed_by(NAN));
}

TEST(runs_that_are_all_start_and_end_are_told)
{
        struct study study;
        fill(&study, (int[]){ 1, 2 }, (double[]){ 0.004, 0.002 }, 2);
        ck_assert(warns(&study, "a run takes only 4 ms"));
        study_fini(&study);
}

TEST(a_wide_spread_is_told_with_its_width_and_the_limit)
{
        struct study study;
        static const double times[] = { 1.0, 1.1, 1.2, 0.9, 1.05 };
        char *argv[] = { (char *)"prog", NULL };
        struct workers workers = { .numbers = (int[]){ 1 }, .count = 1 };
        study_init(&study, argv, &workers, 5, 0, 1);
        memcpy(study.measurements[0].seconds, times, sizeof(times));
        study.measurements[0].count = 5;
        study_evaluate(&study);
        ck_assert_double_eq_tol(study.measurements[0].spread, 0.3 / 1.05, 1e-12);
        ck_assert(warns(&study, "the spread is too wide to conclude with 1 worker: up to 28.6 % of "
                                "the median (limit 10 %)"));
        study_fini(&study);
}

KIT_MAIN
