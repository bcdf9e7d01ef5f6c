/* Tile paths. */
#include "ledger/tile_path.h"

#include "base/text.h"

#define INDEX_MAX (UINT64_C(1) << 48)

static RESULT digits3(struct bytes v, uint64_t *ret)
{
    return v.n == 3 ? num_u64(v, 0, 999, ret) : result_of(ERRC_NOT_FOUND);
}

/* "x001/x234/067" and what is behind it. */
static RESULT take_index(struct bytes *in, uint64_t *ret)
{
    uint64_t n = 0, group;

    for (bool is_first = true;; is_first = false) {
        bool has_more = in->n > 0 && in->p[0] == 'x';
        size_t at = has_more ? 1 : 0;
        TRY(digits3(bytes_slice(*in, at, at + 3), &group));
        if (has_more && is_first && group == 0) {
            return result_of(ERRC_NOT_FOUND); /* a leading zero group */
        }
        n = n * 1000 + group;
        *in = bytes_slice(*in, at + 3, in->n);
        if (n > INDEX_MAX) {
            return result_of(ERRC_NOT_FOUND);
        }
        if (!has_more) {
            *ret = n;
            return RESULT_OK;
        }
        if (in->n == 0 || in->p[0] != '/') {
            return result_of(ERRC_NOT_FOUND);
        }
        *in = bytes_slice(*in, 1, in->n);
    }
}

/* Nothing, or ".p/<W>". */
static RESULT take_width(struct bytes in, unsigned *ret)
{
    const struct bytes mark = BYTES_LIT(".p/");
    uint64_t w = 0;

    if (in.n == 0) {
        *ret = 256;
        return RESULT_OK;
    }
    if (!bytes_has_prefix(in, mark)) {
        return result_of(ERRC_NOT_FOUND);
    }
    in = bytes_slice(in, mark.n, in.n);
    if (in.n == 0 || in.p[0] == '0' || !result_is_ok(num_u64(in, 1, 255, &w))) {
        return result_of(ERRC_NOT_FOUND);
    }
    *ret = (unsigned)w;
    return RESULT_OK;
}

static RESULT parse(struct bytes path, struct tile_path *ret)
{
    struct tile_path p = { .kind = TILE_CHECKPOINT };
    struct bytes head;
    uint64_t level = 0;

    if (bytes_equal_str(path, "checkpoint")) {
        *ret = p;
        return RESULT_OK;
    }
    if (!bytes_split(&path, '/', &head) || !bytes_equal_str(head, "tile") ||
        !bytes_split(&path, '/', &head)) {
        return result_of(ERRC_NOT_FOUND);
    }
    p.kind = bytes_equal_str(head, "entries") ? TILE_ENTRIES : TILE_HASHES;
    if (p.kind == TILE_HASHES) {
        if (head.n != 1) {
            return result_of(ERRC_NOT_FOUND);
        }
        TRY(num_u64(head, 0, TILE_LEVEL_MAX, &level));
    }
    p.level = (unsigned)level;
    TRY(take_index(&path, &p.index));
    TRY(take_width(path, &p.width));
    *ret = p;
    return RESULT_OK;
}

RESULT tile_path_parse(struct bytes path, struct tile_path *ret)
{
    return result_is_ok(parse(path, ret)) ? RESULT_OK : result_of(ERRC_NOT_FOUND);
}
