#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>

int hf_error(struct hay_error *error, int code, const char *format, ...)
{
        if (!error)
                return code;
        *error = (struct hay_error){ .code = code, .index = SIZE_MAX };
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(error->message, sizeof(error->message), format, arguments);
        va_end(arguments);
        return code;
}
