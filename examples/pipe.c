/* A Pipe: two processes talk to each other, each at its end. */
#include <hayfork.h>
#include <stdio.h>
#include <string.h>

static int asker(void *arg)
{
        const char *messages[] = { "hello", "how are you?", "END" };
        char answer[100];

        for (int i = 0; i < 3; i++) {
                if (hay_connection_send(arg, messages[i], strlen(messages[i]) + 1, HAY_FOREVER) <
                            0 ||
                    hay_connection_recv(arg, answer, sizeof(answer), NULL, HAY_FOREVER) < 0)
                        return 1;
                printf("Sent: %s. The answer: %s\n", messages[i], answer);
        }
        return 0;
}

static int answerer(void *arg)
{
        char message[100] = "", answer[120];

        while (strcmp(message, "END")) {
                if (hay_connection_recv(arg, message, sizeof(message), NULL, HAY_FOREVER) < 0)
                        return 1;
                printf("Received the message: %s\n", message);
                snprintf(answer, sizeof(answer), "you said %s", message);
                if (hay_connection_send(arg, answer, strlen(answer) + 1, HAY_FOREVER) < 0)
                        return 1;
        }
        return 0;
}

int main(void)
{
        hay_connection *end1, *end2;
        hay_process *p1, *p2;

        if (hay_pipe_new(true, &end1, &end2) < 0 || hay_process_start(&p1, asker, end1, NULL) < 0 ||
            hay_process_start(&p2, answerer, end2, NULL) < 0)
                return 1;
        hay_process_join(p1, HAY_FOREVER, NULL);
        hay_process_join(p2, HAY_FOREVER, NULL);
        hay_connection_close(end1);
        hay_connection_close(end2);
        return 0;
}
