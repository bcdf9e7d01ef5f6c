/*
 * The session that `troth login` leaves, one for each server:
 * ${XDG_STATE_HOME:-~/.local/state}/troth/ session, mode 0600, JSON. A server is its URL, or
 * "unix:" and the absolute path of its state folder.
 */
#ifndef TROTH_CLI_SESSION_H
#define TROTH_CLI_SESSION_H

#include "cli/command.h"

struct cli_session {
    char token[64]; /* "" : none */
    char realm[64], user[160];
};
void cli_session_wipe(struct cli_session *s);
/* Of the server that this command speaks to; none is no error. */
RESULT cli_session_find(const struct cli *c, struct cli_session *ret, struct error *e);
RESULT cli_session_put(const struct cli *c, const struct cli_session *s, struct error *e);
RESULT cli_session_forget(const struct cli *c, struct error *e);

#endif
