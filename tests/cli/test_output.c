#include "output.h"

#include "command.h"

#include <sys/stat.h>

static unsigned mode_of(const char *path)
{
        struct stat status;
        ck_assert_int_eq(stat(path, &status), 0);
        return status.st_mode & 07777;
}

static void holds(const char *path, const char *wanted)
{
        char *text = file_read(path);
        ck_assert_ptr_nonnull(text);
        ck_assert_str_eq(text, wanted);
        free(text);
}

static int write_to(const char *path, const char *text)
{
        struct output output;
        int r = output_open(path, &output);
        if (r < 0)
                return r;
        ck_assert_int_eq(write(output.fd, text, strlen(text)), (ssize_t)strlen(text));
        return output_commit(&output);
}

TEST(a_file_appears_whole_at_the_commit)
{
        struct output output;
        folder_make();
        ck_assert_int_eq(output_open(folder_path("new"), &output), 0);
        ck_assert_int_eq(write(output.fd, "half", 4), 4);
        ck_assert_ptr_null(file_read(folder_path("new")));
        ck_assert_int_eq(write(output.fd, "whole", 5), 5);
        ck_assert_int_eq(output_commit(&output), 0);
        holds(folder_path("new"), "halfwhole");
        ck_assert_int_eq(folder_count(), 1);
        folder_remove();
}

TEST(a_discarded_file_leaves_the_old_one)
{
        struct output output;
        folder_make();
        file_write(folder_path("old"), "old", 0640);
        ck_assert_int_eq(output_open(folder_path("old"), &output), 0);
        ck_assert_int_eq(write(output.fd, "new", 3), 3);
        output_discard(&output);
        holds(folder_path("old"), "old");
        ck_assert_int_eq(folder_count(), 1);
        folder_remove();
}

TEST(the_mode_is_that_of_the_old_file_or_of_the_umask)
{
        folder_make();
        file_write(folder_path("old"), "old", 0604);
        mode_t mask = umask(027);
        ck_assert_int_eq(write_to(folder_path("old"), "x"), 0);
        ck_assert_int_eq(write_to(folder_path("new"), "y"), 0);
        umask(mask);
        ck_assert_uint_eq(mode_of(folder_path("old")), 0604);
        ck_assert_uint_eq(mode_of(folder_path("new")), 0640);
        folder_remove();
}

TEST(a_link_stays_and_its_target_is_replaced)
{
        folder_make();
        file_write(folder_path("target"), "old", 0644);
        ck_assert_int_eq(symlink("target", folder_path("link")), 0);
        ck_assert_int_eq(write_to(folder_path("link"), "new"), 0);
        struct stat status;
        ck_assert_int_eq(lstat(folder_path("link"), &status), 0);
        ck_assert(S_ISLNK(status.st_mode));
        holds(folder_path("target"), "new");
        folder_remove();
}

TEST(a_device_is_written_and_not_replaced)
{
        struct stat status;
        ck_assert_int_eq(write_to("/dev/null", "x"), 0);
        ck_assert_int_eq(stat("/dev/null", &status), 0);
        ck_assert(S_ISCHR(status.st_mode));
}

TEST(a_file_name_without_a_folder_is_of_the_current_one)
{
        folder_make();
        ck_assert_int_eq(chdir(folder_path("")), 0);
        ck_assert_int_eq(write_to("plain", "x"), 0);
        ck_assert_int_eq(chdir("/"), 0);
        holds(folder_path("plain"), "x");
        ck_assert_int_eq(folder_count(), 1);
        folder_remove();
}

TEST(what_cannot_be_written_is_found_by_the_check)
{
        folder_make();
        ck_assert_int_eq(output_check(folder_path("new")), 0);
        ck_assert_int_eq(folder_count(), 0);
        ck_assert_int_eq(output_check(""), -ENOENT);
        ck_assert_int_eq(output_check(folder_path("none/new")), -ENOENT);
        ck_assert_int_eq(output_check(folder_path("")), -EISDIR);
        ck_assert_int_eq(output_check(folder_path("new/")), -EISDIR);
        ck_assert_int_eq(output_check("/dev/null"), 0);
        file_write(folder_path("file"), "x", 0644);
        ck_assert_int_eq(output_check(folder_path("file")), 0);
        ck_assert_int_eq(output_check(folder_path("file/new")), -ENOTDIR);
        holds(folder_path("file"), "x");
        ck_assert_int_eq(folder_count(), 1);
        folder_remove();
}

TEST(a_pipe_is_not_opened_by_the_check)
{
        folder_make();
        ck_assert_int_eq(mkfifo(folder_path("pipe"), 0600), 0);
        ck_assert_int_eq(output_check(folder_path("pipe")), 0);
        folder_remove();
}

KIT_MAIN
