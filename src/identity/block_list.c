/*
 * Breached passwords: lines of 40 hex digits of SHA-1, sorted, each with or without ":count", LF or
 * CR LF; of either case, the same in the whole file. Searched by halving the file, a line at a
 * time: about 30 reads of 128 bytes for a thousand million passwords.
 */
#include "identity/password_rules.h"

#include "base/text.h"
#include "crypto/hash.h"

#include <inttypes.h>

#define LINE_MAX_BYTES 64 /* 40 digits, ':', a count, CR LF */
#define PROBES         256

struct block_list {
    struct fs_file *file;
    uint64_t size;
};

/* The line that holds or follows `at`'s previous line end: from `at` (0: the first line) the next
 * start of a line. */
struct probe {
    uint8_t hash[SHA1_BYTES];
    uint64_t from, to; /* of the line in the file, its line end within */
    bool is_there;     /* false: no line begins at or after `at` */
};

static RESULT line_parse(struct bytes line, uint8_t ret[SHA1_BYTES])
{
    TRY(hex_decode(bytes_slice(line, 0, 2 * (size_t)SHA1_BYTES), ret, SHA1_BYTES));
    struct bytes rest = bytes_trim(bytes_slice(line, 2 * (size_t)SHA1_BYTES, line.n), "\r");
    uint64_t count;
    if (rest.n == 0) {
        return RESULT_OK;
    }
    return rest.p[0] == ':' ? num_u64(bytes_slice(rest, 1, rest.n), 0, UINT64_MAX, &count)
                            : result_of(ERRC_FORMAT);
}

static RESULT probe_at(const struct block_list *b, uint64_t at, struct probe *ret, struct error *e)
{
    uint8_t block[2 * LINE_MAX_BYTES + 1];
    struct probe p = { .from = at };
    uint64_t start = at == 0 ? 0 : at - 1; /* the byte before tells whether a line begins here */
    size_t n = (size_t)MIN((uint64_t)sizeof(block), b->size - start);

    TRY(fs_pread(b->file, block, n, start, NULL, e));
    struct bytes in = bytes_of(block, n), skipped, line;
    if (at > 0) {
        if (!bytes_split(&in, '\n', &skipped) && start + n < b->size) {
            FAIL(e, ERRC_FORMAT, "at byte %" PRIu64 ": a line is too long", at);
        }
        p.from = start + (uint64_t)(n - in.n);
    }
    if (in.n > 0) {
        (void)bytes_split(&in, '\n', &line); /* the last one may lack its end */
        if (!result_is_ok(line_parse(line, p.hash))) {
            FAIL(e, ERRC_FORMAT,
                 "at byte %" PRIu64 ": a line is 40 hex digits of SHA-1, with or without ':count'",
                 p.from);
        }
        p.is_there = true;
        p.to = start + (uint64_t)(n - in.n);
    }
    *ret = p;
    return RESULT_OK;
}

/* First line, last line and some between: well-formed, and in order. */
static RESULT list_check(const struct block_list *b, struct error *e)
{
    struct probe last = { 0 }, p;
    for (uint64_t i = 0; i < PROBES; i++) {
        TRY(probe_at(b, b->size / PROBES * i + b->size % PROBES * i / PROBES, &p, e));
        if (i > 0 && p.is_there && p.from > last.from &&
            memcmp(p.hash, last.hash, SHA1_BYTES) <= 0) {
            FAIL(e, ERRC_FORMAT, "at byte %" PRIu64 ": not sorted", p.from);
        }
        last = p.is_there ? p : last;
    }
    return RESULT_OK;
}

RESULT block_list_open(struct fs *fs, const char *path, struct block_list **ret, struct error *e)
{
    struct block_list *b = mem_zalloc(sizeof(*b));
    struct result r = fs_open(fs, path, FS_READ, &b->file, e);
    r = result_is_ok(r) ? fs_size(b->file, &b->size, e) : r;
    r = result_is_ok(r) && b->size > 0 ? list_check(b, e) : r;
    if (!result_is_ok(r)) {
        block_list_close(b);
        return r;
    }
    *ret = b;
    return RESULT_OK;
}

void block_list_close(struct block_list *b)
{
    if (b != NULL) {
        fs_close(b->file);
        mem_free(b);
    }
}

RESULT block_list_has(const struct block_list *b, struct bytes password, bool *ret, struct error *e)
{
    uint8_t want[SHA1_BYTES];
    uint64_t low = 0, high = b->size; /* the line, if there, begins in low..high */
    struct probe p;

    hash_once(HASH_SHA1, password, want);
    *ret = false;
    while (low < high && !*ret) {
        uint64_t middle = low + (high - low) / 2;
        TRY_MSG(probe_at(b, middle, &p, e), e, "list of blocked passwords");
        int order = p.is_there && p.from < high ? memcmp(want, p.hash, SHA1_BYTES) : -1;
        if (order < 0) {
            high = middle;
        } else if (order > 0) {
            low = p.to;
        } else {
            *ret = true;
        }
    }
    return RESULT_OK;
}
