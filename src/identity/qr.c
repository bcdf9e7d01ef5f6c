/* QR codes by libqrencode, written as PNG by libpng. */
#include "identity/qr.h"

#include <png.h>
#include <qrencode.h>

#define TEXT_MAX   1000
#define MODULE     4 /* pixels */
#define QUIET_ZONE 4 /* modules around */
#define TEXT_ZONE  2 /* the same on a terminal: enough for a screen */

static void code_free(QRcode *const *c)
{
    if (*c != NULL) {
        mem_wipe((*c)->data, (size_t)(*c)->width * (size_t)(*c)->width);
        QRcode_free(*c);
    }
}

/* Grey pixels, 0 is black. */
static void pixels_draw(const QRcode *code, uint8_t *px, size_t side)
{
    size_t width = (size_t)code->width;
    memset(px, 255, side * side);
    for (size_t y = 0; y < width * MODULE; y++) {
        for (size_t x = 0; x < width * MODULE; x++) {
            if ((code->data[y / MODULE * width + x / MODULE] & 1) != 0) {
                px[(y + QUIET_ZONE * MODULE) * side + x + QUIET_ZONE * MODULE] = 0;
            }
        }
    }
}

static RESULT png_write(const uint8_t *px, size_t side, struct arena *arena, struct bytes *ret,
                        struct error *e)
{
    png_image image = { .version = PNG_IMAGE_VERSION,
                        .width = (png_uint_32)side,
                        .height = (png_uint_32)side,
                        .format = PNG_FORMAT_GRAY };
    png_alloc_size_t n = PNG_IMAGE_PNG_SIZE_MAX(image);
    uint8_t *out = arena_alloc(arena, n);

    if (png_image_write_to_memory(&image, out, &n, 0, px, 0, NULL) == 0) {
        FAIL(e, ERRC_BUG, "picture of a QR code: %s", image.message);
    }
    *ret = bytes_of(out, n);
    return RESULT_OK;
}

RESULT qr_png(const char *text, struct arena *arena, struct bytes *ret, struct error *e)
{
    if (strlen(text) > TEXT_MAX) {
        FAIL(e, ERRC_LIMIT, "QR code: at most %d bytes", TEXT_MAX);
    }
    CLEANUP(code_free)
    QRcode *code = QRcode_encodeString8bit(text, 0, QR_ECLEVEL_M);
    if (code == NULL) {
        FAIL(e, ERRC_BUG, "the text makes no QR code");
    }
    size_t side = ((size_t)code->width + 2 * (size_t)QUIET_ZONE) * MODULE;
    uint8_t *px = mem_alloc(side * side);
    pixels_draw(code, px, side);
    struct result r = png_write(px, side, arena, ret, e);
    mem_wipe(px, side * side);
    mem_free(px);
    return r;
}

static bool is_dark(const QRcode *code, int x, int y)
{
    bool is_inside = x >= 0 && y >= 0 && x < code->width && y < code->width;
    return is_inside && (code->data[y * code->width + x] & 1) != 0;
}

RESULT qr_text(const char *text, struct buf *out, struct error *e)
{
    CLEANUP(code_free)
    QRcode *code = strlen(text) > TEXT_MAX ? NULL : QRcode_encodeString8bit(text, 0, QR_ECLEVEL_L);
    if (code == NULL) {
        FAIL(e, ERRC_LIMIT, "the text makes no QR code");
    }
    int to = code->width + TEXT_ZONE;
    for (int y = -TEXT_ZONE; y < to; y += 2) {
        buf_add_str(out, "\x1b[30;47m");
        for (int x = -TEXT_ZONE; x < to; x++) {
            bool upper = is_dark(code, x, y), lower = is_dark(code, x, y + 1);
            buf_add_str(out, upper && lower ? "\u2588" : upper ? "\u2580" : lower ? "\u2584" : " ");
        }
        buf_add_str(out, "\x1b[0m\n");
    }
    return buf_result(out);
}
