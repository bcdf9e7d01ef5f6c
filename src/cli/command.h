/*
 * The command line: a table of commands, each with its options and help in two languages. Adding a
 * command is one file and one line in commands.c, or one entry of a table of calls (call.h).
 *
 * Exit statuses: 0 done; 1 refused, failed or not verified; 2 usage.
 */
#ifndef TROTH_CLI_COMMAND_H
#define TROTH_CLI_COMMAND_H

#include "base/buf.h"
#include "base/json.h"

#define CLI_OK      0
#define CLI_REFUSED 1
#define CLI_USAGE   2

#define CLI_OPTIONS_MAX 16
#define CLI_ARGS_MAX    8
#define CLI_REPEAT_MAX  16

struct cli;

struct cli_option {
    const char *name;  /* "tenant": --tenant VALUE; "o": -o VALUE */
    const char *value; /* placeholder "NAME"; NULL: a flag */
    const char *en, *zh;
    bool is_required, is_repeated;
};

struct cli_command {
    const char *name; /* "tenant create" */
    const char *args; /* "NAME" or "FILE" or "[NAME]"; NULL: none */
    unsigned min_args, max_args;
    const char *en, *zh; /* one line each */
    const struct cli_option *
            options; /* ended by a NULL name; --dir, --server, --ca, --json, --lang, --help are everywhere */
    int (*run)(struct cli *c);
};

struct cli {
    const struct cli_command *command;
    const char *args[CLI_ARGS_MAX];
    size_t arg_count;
    struct {
        const char *values[CLI_REPEAT_MAX];
        size_t count;
    } given[CLI_OPTIONS_MAX];
    const char *dir;    /* --dir, TROTH_DIR, or NULL */
    const char *server; /* --server, TROTH_SERVER, or NULL: then the socket of `dir` */
    const char *ca;     /* --ca, TROTH_CA: PEM authorities of `server`; NULL: the system's */
    char realm[64];     /* of manage_realm */
    bool is_json, is_zh;
};

/* Command i; NULL behind the last one. */
const struct cli_command *cli_command_at(size_t i);

/* Finds and runs the command of argv[1..]. */
int cli_main(int argc, char **argv);

/* Value of an option of this command; NULL when not given. cli_has for flags. */
const char *cli_get(const struct cli *c, const char *name);
bool cli_has(const struct cli *c, const char *name);
size_t cli_get_all(const struct cli *c, const char *name, const char *const **ret);
/* As a number in min..max, absent: fallback. False: CLI_USAGE was reported. */
bool cli_get_u64(const struct cli *c, const char *name, uint64_t min, uint64_t max,
                 uint64_t fallback, uint64_t *ret);

/* The text in the language of the person. */
__attribute__((format_arg(2), format_arg(3))) const char *cli_say(const struct cli *c,
                                                                  const char *en, const char *zh);
/* Reports on standard error (as JSON object with --json) and returns CLI_REFUSED / CLI_USAGE. */
int cli_refuse(const struct cli *c, const struct error *e);
__attribute__((format(printf, 2, 3))) int cli_usage(const struct cli *c, const char *fmt, ...);
/* Prints a buffer on standard output; CLI_REFUSED when that fails. */
int cli_print(const struct cli *c, struct buf *out);
/* The state folder; NULL and a usage message when neither --dir nor TROTH_DIR is given. */
const char *cli_dir(const struct cli *c);
/* Progress on standard error when it is a terminal: "label 37 % (3.7 MiB)". done == total ends the
 * line. */
void cli_progress(const struct cli *c, const char *label, uint64_t done, uint64_t total);

#endif
