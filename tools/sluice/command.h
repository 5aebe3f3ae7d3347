/* The commands of `sluice`. A new one is a row in commands.def and a file with its help and its function. */
#ifndef SLUICE_SLUICE_COMMAND_H
#define SLUICE_SLUICE_COMMAND_H

struct call;

struct command {
    const char *name, *arguments, *summary;
    const char *help; /* options and examples, printed below the usage */
    /* argv[0] is the command's name; returns the exit code. */
    int (*run)(struct call *call, int argc, char **argv);
};

#define COMMAND(name, arguments, summary)                                                                    \
    extern const char command_##name##_help[];                                                               \
    int command_##name##_run(struct call *call, int argc, char **argv);
#include "tools/sluice/commands.def"
#undef COMMAND

/* The command of this name, or NULL. */
const struct command *command_find(const char *name);
/* Prints a command's help, or with NULL the program's. */
void command_print_help(const struct command *command);

#endif
