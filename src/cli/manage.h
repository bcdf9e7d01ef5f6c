/* Calls of the command line to the running server, over DIR/troth.sock. */
#ifndef TROTH_CLI_MANAGE_H
#define TROTH_CLI_MANAGE_H

#include "cli/command.h"

#define MANAGE_ANSWER_MAX (64u * 1024 * 1024)

/*
 * Calls and gives the answer's text. An error status becomes the error that the server names;
 * ERRC_AGAIN when no server runs. body: JSON or empty.
 */
RESULT manage_call(const struct cli *c, const char *method, const char *path, struct bytes body,
                   struct buf *out, struct error *e);
/* The same, streamed into `sink`. */
RESULT manage_stream(const struct cli *c, const char *method, const char *path,
                     RESULT (*sink)(void *arg, struct bytes part, struct error *e), void *arg,
                     struct error *e);

/* "/v1/tenants/" NAME "/keys": path elements, percent-encoded. */
const char *manage_path_of(struct buf *out, ...) __attribute__((sentinel));
#define manage_path(out, ...) manage_path_of((out), __VA_ARGS__, (const char *)NULL)

/* Calls; with --json prints the answer as it came, else what `show` makes of it. Returns the exit
 * status. */
int manage_print(const struct cli *c, const char *method, const char *path, struct bytes body,
                 void (*show)(const struct cli *c, struct json v, struct buf *out));

/* A text member, or "". */
struct bytes manage_text(struct json v, const char *key);

#endif
