#include <hayfork/base.h>

const char *hay_version(void)
{
        return HF_VERSION;
}
