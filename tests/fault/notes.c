#include "notes.h"

#include "fault.h"

struct fault_run *fault_noting;

static void note(const char *function, int error)
{
        struct fault_run *run = fault_noting;
        if (run->notes == FAULT_NOTES)
                return;
        struct fault_note *note = &run->note[run->notes++];
        snprintf(note->function, sizeof(note->function), "%s", function);
        note->error = error;
}

void fault_note_result(const char *function, long result, int made)
{
        if (!fault_noting)
                return;
        if (result < 0)
                note(function, (int)-result);
        else
                fault_noting->balance += made;
}

void fault_note_free(void)
{
        if (fault_noting)
                fault_noting->balance--;
}
