/* QR codes. */
#ifndef TROTH_IDENTITY_QR_H
#define TROTH_IDENTITY_QR_H

#include "base/arena.h"
#include "base/buf.h"

/* The text (at most 1,000 bytes) as a QR code (ISO/IEC 18004, level M), a PNG of grey pixels, four
 * a module, with its quiet zone; in the arena. The picture is as secret as the text. */
RESULT qr_png(const char *text, struct arena *arena, struct bytes *ret, struct error *e);

/* For the terminal, two modules a character: dark on light, whatever its colours are. ERRC_LIMIT
 * when the text is too long for a code. */
RESULT qr_text(const char *text, struct buf *out, struct error *e);

#endif
