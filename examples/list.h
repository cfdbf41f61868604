/* Print a list as Python does. */
#ifndef LIST_H
#define LIST_H

#include <stdio.h>

static inline void print_list(const char *title, const int *list, int length)
{
        printf("%s: [", title);
        for (int i = 0; i < length; i++)
                printf(i ? ", %d" : "%d", list[i]);
        printf("]\n");
}

#endif
