#include "store/page.h"

#define MARK       "TROTHPG1"
#define MARK_BYTES 8u
#define AAD_MAX    (MARK_BYTES + 1 + 8 + PAGE_FRAME_HEAD)
#define BOX_BYTES  (PAGE_BYTES - MARK_BYTES)

static struct bytes place_aad(const struct page_place *at, uint8_t dst[AAD_MAX])
{
    size_t n = MARK_BYTES;

    memcpy(dst, MARK, MARK_BYTES);
    dst[n++] = (uint8_t)at->kind;
    put_be64(dst + n, at->number);
    n += 8;
    if (at->frame_head != NULL) {
        memcpy(dst + n, at->frame_head, PAGE_FRAME_HEAD);
        n += PAGE_FRAME_HEAD;
    }
    return bytes_of(dst, n);
}

/*= 2.1.3-4 "metadata lies on the disk encrypted only" */
RESULT page_seal(struct box_key *k, const struct page_place *at, const uint8_t *plain, uint8_t *dst)
{
    static const uint8_t zeros[PAGE_RESERVED];
    uint8_t aad[AAD_MAX];

    /* Were they not zero, the page would come back changed, and SQLite's checksum of the frame
     * would not hold. */
    if (memcmp(plain + PAGE_CONTENT, zeros, PAGE_RESERVED) != 0) {
        return result_of(ERRC_BUG);
    }
    TRY(box_key_seal_at(k, place_aad(at, aad), bytes_of(plain, PAGE_CONTENT), &rng_system, dst));
    memcpy(dst + BOX_BYTES, MARK, MARK_BYTES);
    return RESULT_OK;
}

RESULT page_open(struct box_key *k, const struct page_place *at, const uint8_t *sealed,
                 uint8_t *dst)
{
    uint8_t aad[AAD_MAX];

    if (memcmp(sealed + BOX_BYTES, MARK, MARK_BYTES) != 0) {
        memset(dst, 0, PAGE_BYTES);
        return result_of(ERRC_INTEGRITY);
    }
    memset(dst + PAGE_CONTENT, 0, PAGE_RESERVED);
    return box_key_open_at(k, place_aad(at, aad), bytes_of(sealed, BOX_BYTES), dst);
}
