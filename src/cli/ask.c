/* Asking a person. */
#include "cli/ask.h"

#include <stdio.h>
#include <termios.h>
#include <unistd.h>

bool ask_is_terminal(void)
{
    return isatty(STDIN_FILENO) == 1;
}

static RESULT line_take(const char *prompt, struct buf *out, struct error *e)
{
    char line[ASK_MAX + 2];
    if (fgets(line, sizeof(line), stdin) == NULL) {
        FAIL(e, ERRC_CLOSED, "%s: no answer", prompt);
    }
    size_t n = strcspn(line, "\r\n");
    buf_add_mem(out, line, n);
    mem_wipe(line, sizeof(line));
    if (n == 0) {
        FAIL(e, ERRC_FORMAT, "%s: empty", prompt);
    }
    return buf_result(out);
}

RESULT ask_line(const char *prompt, bool is_secret, struct buf *out, struct error *e)
{
    struct termios before, quiet;
    buf_reset(out);
    if (!ask_is_terminal()) {
        return line_take(prompt, out, e);
    }
    (void)fprintf(stderr, "%s: ", prompt);
    if (!is_secret || tcgetattr(STDIN_FILENO, &before) != 0) {
        return line_take(prompt, out, e);
    }
    quiet = before;
    quiet.c_lflag &= ~(tcflag_t)ECHO;
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
    struct result r = line_take(prompt, out, e);
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    (void)fputc('\n', stderr);
    return r;
}
