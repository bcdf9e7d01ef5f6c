/* Asking a person, on the terminal; where standard input is none, its next line is the answer. */
#ifndef TROTH_CLI_ASK_H
#define TROTH_CLI_ASK_H

#include "base/buf.h"

#define ASK_MAX 1024

/* One line without its end, at most ASK_MAX bytes; a secret one is not echoed. ERRC_CLOSED at the
 * end of input, ERRC_FORMAT when it is empty. `out` is reset first. */
RESULT ask_line(const char *prompt, bool is_secret, struct buf *out, struct error *e);
bool ask_is_terminal(void);

#endif
