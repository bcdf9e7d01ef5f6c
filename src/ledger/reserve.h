/*
 * Room on the disk. A file of zeros, `reserve`, is kept; under the low-water mark changes are
 * refused while the log goes on; where even that is not enough the file is given up, so that what
 * must be written still can be.
 */
#ifndef TROTH_LEDGER_RESERVE_H
#define TROTH_LEDGER_RESERVE_H

#include "sys/fs.h"

struct reserve {
    struct fs *fs;
    uint64_t low_water_bytes;
    uint64_t bytes;      /* of the file; 0: none */
    uint64_t free_bytes; /* when last looked at */
    bool is_low;
    bool was_told; /* is_low, as of the last look */
    bool is_held;  /* the file is there */
};
/* Looks at the disk and makes the file where there is room for it. */
RESULT reserve_init(struct reserve *r, struct fs *fs, uint64_t low_water_bytes, uint64_t bytes,
                    struct error *e);
/*
 * Looks again. *ret_changed: is_low is another than at the last look (it ends a quarter above the
 * mark). Making the file again after it was given up takes a moment.
 */
RESULT reserve_look(struct reserve *r, bool *ret_changed, struct error *e);
/* A write found no space: gives the file up. */
void reserve_give_up(struct reserve *r);

#endif
