/*
 * Calls of the command line to the running server: over DIR/troth.sock, or to --server URL by
 * HTTPS. With a session that `troth login` left for that server they are the person's, without one
 * on the socket the local operator's.
 *
 * A command is an options table, a fields table and one call:
 *
 *     static const struct manage_field fields[] = { { "owner", "owner", MANAGE_TEXT }, { 0 } };
 *     return manage_send(c, "POST", manage_path(&path, "/api/v1/realms/", manage_realm(c),
 *     "/users"),
 *                        fields, user_show);
 */
#ifndef TROTH_CLI_MANAGE_H
#define TROTH_CLI_MANAGE_H

#include "cli/command.h"

#define MANAGE_ANSWER_MAX (64u * 1024 * 1024)

/*
 * Calls and gives the answer's text (empty of 204). An error status becomes the error that the
 * server names; ERRC_AGAIN when no server runs. body: JSON or empty.
 */
RESULT manage_call(const struct cli *c, const char *method, const char *path, struct bytes body,
                   struct buf *out, struct error *e);
/* The same with this token ("": none) in place of the session's. */
RESULT manage_call_as(const struct cli *c, const char *token, const char *method, const char *path,
                      struct bytes body, struct buf *out, struct error *e);
/* manage_call, streamed into `sink`. */
RESULT manage_stream(const struct cli *c, const char *method, const char *path,
                     RESULT (*sink)(void *arg, struct bytes part, struct error *e), void *arg,
                     struct error *e);

/* "/api/v1/tenants/" NAME "/keys": path elements, percent-encoded. */
const char *manage_path_of(struct buf *out, ...) __attribute__((sentinel));
#define manage_path(out, ...) manage_path_of((out), __VA_ARGS__, (const char *)NULL)
/* Adds "?name=value" or "&name=value" when value is not NULL. */
const char *manage_query(struct buf *path, const char *name, const char *value);

/* What prints a thing for people. */
typedef void (*manage_show)(const struct cli *c, struct json v, struct buf *out);

/* Calls; with --json prints the answer as it came, else what `show` makes of it ("done" of an empty
 * one). Returns the exit status. */
int manage_print(const struct cli *c, const char *method, const char *path, struct bytes body,
                 manage_show show);
/* All pages of a list, `show` for each item; with --json {"items":[...]} in one. */
int manage_list(const struct cli *c, const char *path, manage_show show);

/* A member of the body from an option of the command, or from an argument ("1", "2" ...). Options
 * that were not given are left out. */
enum manage_kind {
    MANAGE_TEXT,
    MANAGE_NUMBER,
    MANAGE_SECONDS, /* "30m", "2h": a number of seconds */
    MANAGE_FLAG,    /* true when given */
    MANAGE_LIST,    /* a repeated option: array of texts */
    MANAGE_PAIRS,   /* a repeated option "name=value": object of texts */
    MANAGE_JSON,    /* the text is JSON; "@FILE" or "file://FILE": what the file holds */
};
struct manage_field {
    const char *option, *member;
    enum manage_kind kind;
};
RESULT manage_body(const struct cli *c, const struct manage_field *fields, struct buf *out,
                   struct error *e);
/* manage_print with such a body. */
int manage_send(const struct cli *c, const char *method, const char *path,
                const struct manage_field *fields, manage_show show);

/* A text member, or "". */
struct bytes manage_text(struct json v, const char *key);
/* A member as text for people: numbers, "yes" and "no", null as "-", lists with blanks. */
void manage_value(const struct cli *c, struct json v, const char *key, struct buf *out);
/* Fills up with blanks what was added from `from` on, to `width` columns of a terminal. */
void manage_pad(struct buf *out, size_t from, size_t width);
/* The members of a table, each padded to its width (0: as long as it is), as one line. */
struct manage_column {
    const char *member;
    unsigned width;
};
void manage_line(const struct cli *c, struct json v, const struct manage_column *columns,
                 struct buf *out);
/* All members that say something, one a line: for "show" commands. */
void manage_members(const struct cli *c, struct json v, struct buf *out);

/* Does the command know which server: --server, --dir, or their variables. Else a usage message. */
bool manage_has_server(const struct cli *c);
/* --tenant of this command; else the realm of the session; else NULL and a usage message. */
const char *manage_realm(struct cli *c);

#endif
