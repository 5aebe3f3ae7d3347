#include "tools/sluice/command.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

static const struct command commands[] = {
#define COMMAND(name, arguments, summary)                                                                    \
    {#name, arguments, summary, command_##name##_help, command_##name##_run},
#include "tools/sluice/commands.def"
#undef COMMAND
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

const struct command *command_find(const char *name) {
    for (size_t i = 0; i < COMMANDS; i++) {
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    }
    return NULL;
}

static const char common[] =
    "Before or after the command:\n"
    "  -s, --server ADDR      unix:/path, unix:@name or tcp:HOST:PORT; default: $SLUICE_ADDR\n"
    "  -t, --timeout SECONDS  longest wait without progress; default 30, 0: no limit\n"
    "  -h, --help             this text, or a command's\n";

static const char exit_codes[] =
    "Exit codes: 0 done; 1 the server refused (its status and reason are printed), or the\n"
    "output could not be written; 2 wrong usage; 3 no connection, or it broke.\n";

static const char examples[] =
    "Examples:\n"
    "  sluice -s unix:/run/sluice.sock get models/a.bin -o a.bin\n"
    "  sluice -s tcp:localhost:7080 ls models/\n"
    "  SLUICE_ADDR=unix:/run/sluice.sock sluice exec models/a.bin -- sha256sum /dev/fd/3\n";

void command_print_help(const struct command *command) {
    if (command) {
        printf("usage: sluice [-s ADDR] %s %s\n\n%s\n%s", command->name, command->arguments, command->help,
               common);
        return;
    }
    printf("usage: sluice [-s ADDR] COMMAND ...\n\nFetches objects from a sluiced and shows its state.\n\n");
    for (size_t i = 0; i < COMMANDS; i++)
        printf("  %-8s %s\n", commands[i].name, commands[i].summary);
    printf("\n%s  -V, --version            (before any command)\n\n%s\n%s", common, exit_codes, examples);
}
