#include "kit.h"

#include "base/error.h"

TEST(an_error_tells_its_code_and_a_message_and_names_no_child_and_no_item)
{
        struct hay_error error = { .signal = 9, .pid = 1, .index = 2 };
        ck_assert_int_eq(hf_error(&error, -ENOMEM, "no room for %d items", 12), -ENOMEM);
        ck_assert_int_eq(error.code, -ENOMEM);
        ck_assert_int_eq(error.signal, 0);
        ck_assert_int_eq(error.pid, 0);
        ck_assert_uint_eq(error.index, SIZE_MAX);
        ck_assert_str_eq(error.message, "no room for 12 items");
}

TEST(who_wants_no_detail_still_gets_the_code)
{
        ck_assert_int_eq(hf_error(NULL, -EPIPE, "closed"), -EPIPE);
}

TEST(a_long_message_is_cut)
{
        char text[1000];
        memset(text, 'x', sizeof(text) - 1);
        text[sizeof(text) - 1] = '\0';
        struct hay_error error;
        ck_assert_int_eq(hf_error(&error, -EIO, "%s", text), -EIO);
        ck_assert_uint_eq(strlen(error.message), sizeof(error.message) - 1);
        ck_assert_mem_eq(error.message, text, sizeof(error.message) - 1);
}

KIT_MAIN
