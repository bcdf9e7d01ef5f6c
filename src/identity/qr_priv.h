/* QR codes. */
#ifndef TROTH_IDENTITY_QR_PRIV_H
#define TROTH_IDENTITY_QR_PRIV_H

#include "base/arena.h"

/* The text (at most 1,000 bytes) as a QR code (ISO/IEC 18004, level M), a PNG of grey pixels, four a
 * module, with its quiet zone; in the arena. The picture is as secret as the text. */
RESULT qr_png(const char *text, struct arena *arena, struct bytes *ret, struct error *e);

#endif
