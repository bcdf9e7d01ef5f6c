/* Tile paths: each tile has one spelling, so what is accepted is written again the same. */
#include "ledger/tile_path.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_index(uint64_t n, char *dst, size_t cap)
{
    char rest[64] = "";

    snprintf(dst, cap, "%03u", (unsigned)(n % 1000));
    for (n /= 1000; n > 0; n /= 1000) {
        snprintf(rest, sizeof(rest), "x%03u/%s", (unsigned)(n % 1000), dst);
        snprintf(dst, cap, "%s", rest);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tile_path p;
    char index[64], width[16] = "", text[128];

    if (!result_is_ok(tile_path_parse(bytes_of(data, size), &p)) || p.kind == TILE_CHECKPOINT) {
        return 0;
    }
    write_index(p.index, index, sizeof(index));
    if (p.width < 256) {
        snprintf(width, sizeof(width), ".p/%u", p.width);
    }
    if (p.kind == TILE_ENTRIES) {
        snprintf(text, sizeof(text), "tile/entries/%s%s", index, width);
    } else {
        snprintf(text, sizeof(text), "tile/%u/%s%s", p.level, index, width);
    }
    if (!bytes_equal_str(bytes_of(data, size), text)) {
        abort();
    }
    return 0;
}
