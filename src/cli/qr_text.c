/* QR codes in the terminal, by libqrencode and half blocks. */
#include "cli/qr_text.h"

#include <qrencode.h>

#define QUIET_ZONE 2 /* modules around; four by the standard, two are enough on a screen */

static bool is_dark(const QRcode *code, int x, int y)
{
    bool is_inside = x >= 0 && y >= 0 && x < code->width && y < code->width;
    return is_inside && (code->data[y * code->width + x] & 1) != 0;
}

RESULT qr_text(const char *text, struct buf *out, struct error *e)
{
    QRcode *code = QRcode_encodeString8bit(text, 0, QR_ECLEVEL_L);
    if (code == NULL) {
        FAIL(e, ERRC_LIMIT, "the text makes no QR code");
    }
    int to = code->width + QUIET_ZONE;
    for (int y = -QUIET_ZONE; y < to; y += 2) {
        buf_add_str(out, "\x1b[30;47m"); /* dark on light, whatever the terminal's colours are */
        for (int x = -QUIET_ZONE; x < to; x++) {
            bool upper = is_dark(code, x, y), lower = is_dark(code, x, y + 1);
            buf_add_str(out, upper && lower ? "\u2588" : upper ? "\u2580" : lower ? "\u2584" : " ");
        }
        buf_add_str(out, "\x1b[0m\n");
    }
    mem_wipe(code->data, (size_t)code->width * (size_t)code->width);
    QRcode_free(code);
    return buf_result(out);
}
