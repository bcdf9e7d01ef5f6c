/*
 * Paths of C2SP tlog-tiles below a log's origin: "checkpoint", "tile/<L>/<N>[.p/<W>]",
 * "tile/entries/<N>[.p/<W>]". N is written in groups of three digits, all but the last with an 'x'
 * before: 1234067 is "x001/x234/067".
 */
#ifndef TROTH_LEDGER_TILE_PATH_H
#define TROTH_LEDGER_TILE_PATH_H

#include "base/bytes.h"

#define TILE_LEVEL_MAX 5 /* 256^6 leaves are more than a log may have */

enum tile_kind { TILE_CHECKPOINT, TILE_HASHES, TILE_ENTRIES };
struct tile_path {
    enum tile_kind kind;
    unsigned level;
    uint64_t index; /* N; at most 2^48 */
    unsigned width; /* W, 1..255; 256: a full tile */
};
/* Strict: one spelling for each tile. ERRC_NOT_FOUND for anything else. */
RESULT tile_path_parse(struct bytes path, struct tile_path *ret);

#endif
