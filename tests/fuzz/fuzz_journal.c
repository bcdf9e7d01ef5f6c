/*
 * Recovery of a journal: the input is the contents of its segment, block by block; checksums are
 * made right where the first byte of a block asks for it, so that what lies behind them is reached.
 */
#include "base/log.h"
#include "crypto/hash.h"
#include "ledger/journal.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct result on_record(void *arg, const struct journal_record *r, struct error *e)
{
    uint64_t *sum = arg;

    (void)e;
    for (size_t i = 0; i < r->leaf.n; i++) {
        *sum += r->leaf.p[i];
    }
    for (size_t i = 0; i < r->frame.n; i++) {
        *sum += r->frame.p[i];
    }
    return RESULT_OK;
}

/* Turns a piece of input into a group with a right checksum. */
static void seal(uint8_t *block, size_t n)
{
    uint32_t body = get_be32(block + 4) % (uint32_t)(n - JOURNAL_HEAD + 1);
    const struct bytes parts[2] = { bytes_of(block, 32), bytes_of(block + JOURNAL_HEAD, body) };

    memcpy(block, "TRJ1", 4);
    put_be32(block + 4, body);
    sha256_parts(parts, 2, block + 32);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t segment[8 * JOURNAL_BLOCK];
    const struct journal_config c = { .segment_bytes = sizeof(segment),
                                      .segments_first = 1,
                                      .segments_max = 1 };
    struct fs *fs = fs_fake_new(1 << 20);
    struct fs_file *f = NULL;
    struct journal *j = NULL;
    struct error e;
    uint64_t sum = 0;

    memset(segment, 0, sizeof(segment));
    for (size_t block = 0; block < 8 && size > 0; block++) {
        size_t n = size < 512 ? size : 512;
        memcpy(segment + block * JOURNAL_BLOCK, data, n);
        if (n > JOURNAL_HEAD && data[0] != 0) {
            seal(segment + block * JOURNAL_BLOCK, n);
        }
        data += n;
        size -= n;
    }
    result_ignore(fs_mkdir(fs, "journal", &e));
    if (!result_is_ok(fs_open(fs, "journal/0000", FS_WRITE | FS_CREATE, &f, &e)) ||
        !result_is_ok(fs_pwrite(f, segment, sizeof(segment), 0, &e))) {
        abort();
    }
    fs_close(f);
    if (result_is_ok(journal_open(fs, &c, on_record, &sum, &j, &e))) {
        struct buf group = BUF(JOURNAL_BLOCK);
        journal_begin(&group);
        journal_add_record(&group, "acme", 1, BYTES_LIT("leaf"), BYTES_LIT("frame"));
        result_ignore(journal_write(j, &group, &e));
        buf_done(&group);
        journal_close(j);
    }
    fs_free(fs);
    return 0;
}
