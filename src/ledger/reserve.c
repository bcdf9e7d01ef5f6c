/* The reserve on the disk. */
#include "ledger/reserve.h"

#include "base/log.h"

#define RESERVE_NAME "reserve"

static void reserve_make(struct reserve *r)
{
    CLEANUP(fs_close_p) struct fs_file *f = NULL;
    struct error e;

    if (r->is_held || r->bytes == 0 ||
        r->free_bytes < r->low_water_bytes + r->low_water_bytes / 4 + r->bytes) {
        return;
    }
    struct result x = fs_open(r->fs, RESERVE_NAME, FS_WRITE | FS_CREATE, &f, &e);
    if (result_is_ok(x)) {
        x = fs_preallocate(f, r->bytes, &e);
    }
    if (result_is_ok(x)) {
        r->is_held = true;
    } else {
        log_warn("ledger: the reserve could not be made: %s", e.msg);
    }
}

void reserve_give_up(struct reserve *r)
{
    r->is_low = true;
    if (r->is_held) {
        log_warn("ledger: the disk is full; its reserve is given up");
        result_ignore(fs_unlink(r->fs, RESERVE_NAME, NULL));
        r->is_held = false;
    }
}

RESULT reserve_look(struct reserve *r, bool *ret_changed, struct error *e)
{
    uint64_t total = 0;
    bool was_low = r->is_low;

    TRY(fs_space(r->fs, &r->free_bytes, &total, e));
    uint64_t mark = r->low_water_bytes + (was_low ? r->low_water_bytes / 4 : 0);
    r->is_low = r->free_bytes < mark;
    if (r->free_bytes < r->low_water_bytes / 8) {
        reserve_give_up(r);
    }
    reserve_make(r);
    *ret_changed = r->is_low != r->was_told;
    r->was_told = r->is_low;
    return RESULT_OK;
}

RESULT reserve_init(struct reserve *r, struct fs *fs, uint64_t low_water_bytes, uint64_t bytes,
                    struct error *e)
{
    bool changed;
    struct fs_stat st;

    *r = (struct reserve){ .fs = fs, .low_water_bytes = low_water_bytes, .bytes = bytes };
    r->is_held =
            result_is_ok(fs_stat(fs, RESERVE_NAME, &st, NULL)) && st.size >= bytes && bytes > 0;
    return reserve_look(r, &changed, e);
}
