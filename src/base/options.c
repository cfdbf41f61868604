#include "base/options.h"

#include "base/checked.h"

#include <errno.h>
#include <string.h>

int hf_options_take(void *ret_options, size_t our_size, const void *options, size_t options_size)
{
        memset(ret_options, 0, our_size);
        if (!options)
                return 0;
        const unsigned char *bytes = options;
        for (size_t i = our_size; i < options_size; i++)
                if (bytes[i])
                        return -EINVAL;
        memcpy(ret_options, options, hf_min(our_size, options_size));
        return 0;
}
