/*
 * A sealed page: what one 4096-byte page of SQLite looks like on the disk. The format is
 * docs/formats/metadata.md.
 *
 *   nonce(24) ct(4048) tag(16) "TROTHPG1"(8)
 *
 * SQLite keeps the last 48 bytes of each page free (reserved bytes, header byte 20); they are zero
 * in memory. The associated data is the mark, the kind, the position and, in the WAL, the first 16
 * bytes of the frame header (page number, size after commit, both salts): a page opens only where
 * it was written, and a frame only in its own generation of the WAL.
 */
#ifndef TROTH_STORE_PAGE_H
#define TROTH_STORE_PAGE_H

#include "crypto/box.h"

#define PAGE_BYTES      4096u
#define PAGE_RESERVED   48u
#define PAGE_CONTENT    (PAGE_BYTES - PAGE_RESERVED)
#define PAGE_FRAME_HEAD 16u /* bytes of a frame header that the page is bound to */

enum page_kind { PAGE_DB = 1, PAGE_WAL = 2 };

struct page_place {
    enum page_kind kind;
    uint64_t number;           /* page number or frame number, from 1 */
    const uint8_t *frame_head; /* PAGE_WAL: PAGE_FRAME_HEAD bytes; else NULL */
};

/* plain, dst: PAGE_BYTES each, not overlapping. ERRC_BUG when the reserved bytes of `plain` are not
 * zero. */
RESULT page_seal(struct box_key *k, const struct page_place *at, const uint8_t *plain,
                 uint8_t *dst);
/* ERRC_INTEGRITY when `sealed` was not written there under this key; dst is wiped then. Reserved
 * bytes come back zero. */
RESULT page_open(struct box_key *k, const struct page_place *at, const uint8_t *sealed,
                 uint8_t *dst);

#endif
