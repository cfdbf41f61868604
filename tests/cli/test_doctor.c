#include "command.h"

#include <jansson.h>
#include <sched.h>

static struct outcome outcome;

static const json_t *find(const json_t *root, const char *name)
{
        size_t index;
        const json_t *check;
        json_array_foreach(json_object_get(root, "checks"), index,
                           check) if (strcmp(json_string_value(json_object_get(check, "name")),
                                             name) == 0) return check;
        ck_abort_msg("there is no check '%s'", name);
        return NULL;
}

static const char *word(const json_t *root, const char *name, const char *key)
{
        return json_string_value(json_object_get(find(root, name), key));
}

static json_t *examine(void)
{
        COMMAND(&outcome, "doctor", "--json");
        json_t *root = json_loads(outcome.out, 0, NULL);
        ck_assert_msg(root != NULL, "%s%s", outcome.out, outcome.err);
        return root;
}

/* These tests themselves run on hayfork: what it needs is there. */
TEST(a_machine_that_runs_hayfork_is_fit_for_it)
{
        static const char *const needed[] = { "memfd_create", "sealing", "fallocate on memfd",
                                              "futex",        "eventfd", "epoll",
                                              "shared region" };
        json_t *root = examine();
        ck_assert_int_eq(outcome.code, 0);
        ck_assert_str_ne(json_string_value(json_object_get(root, "verdict")), "fail");
        for (size_t i = 0; i < sizeof(needed) / sizeof(*needed); i++)
                ck_assert_str_eq(word(root, needed[i], "status"), "ok");
        json_decref(root);
}

TEST(each_check_says_what_it_found_and_what_that_means)
{
        json_t *root = examine();
        const json_t *checks = json_object_get(root, "checks");
        ck_assert_uint_ge(json_array_size(checks), 20);
        size_t index;
        const json_t *check;
        json_array_foreach(checks, index, check)
        {
                static const char *const keys[] = { "group", "name", "status", "found", "meaning" };
                for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
                        const char *text = json_string_value(json_object_get(check, keys[i]));
                        ck_assert_msg(text && *text, "check %zu has no %s", index, keys[i]);
                }
        }
        json_decref(root);
}

TEST(people_get_marks_and_a_verdict)
{
        COMMAND(&outcome, "doctor");
        ck_assert_int_eq(outcome.code, 0);
        ck_assert_ptr_nonnull(strstr(outcome.out, "  ok    memfd_create: works\n"));
        ck_assert_ptr_nonnull(strstr(outcome.out, "\nAll that hayfork needs is here; "));
        ck_assert_ptr_null(strchr(outcome.out, '\033'));
}

TEST(processors_follow_the_affinity_mask)
{
        cpu_set_t all, one;
        ck_assert_int_eq(sched_getaffinity(0, sizeof(all), &all), 0);
        CPU_ZERO(&one);
        size_t first = 0;
        while (!CPU_ISSET(first, &all))
                first++;
        CPU_SET(first, &one);
        ck_assert_int_eq(sched_setaffinity(0, sizeof(one), &one), 0);
        json_t *root = examine();
        ck_assert_int_eq(sched_setaffinity(0, sizeof(all), &all), 0);
        ck_assert_int_eq(outcome.code, 0);
        ck_assert_str_eq(word(root, "usable processors", "found"), "1");
        ck_assert_str_eq(word(root, "usable processors", "status"), "warn");
        ck_assert_str_eq(json_string_value(json_object_get(root, "verdict")), "warn");
        json_decref(root);
}

TEST(a_wrong_environment_is_named)
{
        setenv("HAYFORK_WORKERS", "many", 1);
        json_t *root = examine();
        ck_assert_int_eq(outcome.code, 0);
        ck_assert_str_eq(word(root, "HAYFORK_WORKERS", "status"), "warn");
        ck_assert_str_eq(word(root, "HAYFORK_WORKERS", "found"), "'many'");
        json_decref(root);
        setenv("HAYFORK_WORKERS", "3", 1);
        root = examine();
        ck_assert_str_eq(word(root, "HAYFORK_WORKERS", "status"), "ok");
        json_decref(root);
}

TEST(a_region_that_cannot_be_made_fails_the_machine)
{
        setenv("HAYFORK_REGION_SIZE", "nonsense", 1);
        json_t *root = examine();
        unsetenv("HAYFORK_REGION_SIZE");
        ck_assert_int_eq(outcome.code, 1);
        ck_assert_str_eq(json_string_value(json_object_get(root, "verdict")), "fail");
        ck_assert_str_eq(word(root, "shared region", "status"), "fail");
        ck_assert_ptr_nonnull(strstr(word(root, "shared region", "found"), "nonsense"));
        json_decref(root);
}

TEST(arguments_are_refused)
{
        COMMAND(&outcome, "doctor", "please");
        ck_assert_int_eq(outcome.code, 2);
        ck_assert_ptr_nonnull(strstr(outcome.err, "unexpected argument 'please'"));
}

KIT_MAIN
