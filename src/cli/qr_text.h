/* A QR code (ISO/IEC 18004) for the terminal: two modules a character, dark on light. */
#ifndef TROTH_CLI_QR_TEXT_H
#define TROTH_CLI_QR_TEXT_H

#include "base/buf.h"

/* ERRC_LIMIT when the text is too long for one. */
RESULT qr_text(const char *text, struct buf *out, struct error *e);

#endif
