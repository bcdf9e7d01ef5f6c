/*
 * First byte chooses: the keyring's own grammar (header, records: what is parsed must be written
 * again as the same bytes), a whole keyring file with a byte string put over a good one, a root key
 * file.
 */
#include "base/clock.h"
#include "keys/keyring_priv.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool is_true)
{
    if (!is_true) {
        abort();
    }
}

static void fuzz_header(struct bytes in)
{
    CLEANUP(buf_done_p) struct buf out = BUF(1 << 20);
    struct kr_header h;
    struct error e;
    const struct bytes all = in;

    if (result_is_ok(kr_header_parse(&in, &h, &e))) {
        kr_header_encode(&h, &out);
        must(bytes_equal(buf_bytes(&out), h.whole) && h.whole.p == all.p);
    }
}

static void fuzz_record(struct bytes in)
{
    CLEANUP(buf_done_p) struct buf out = BUF(1 << 20);
    struct kr_record *r;
    struct error e;

    if (result_is_ok(kr_record_parse(in, &r, &e))) {
        char name[160];
        kr_record_describe(r, name, sizeof(name));
        kr_record_encode(r, &out);
        must(bytes_equal(bytes_slice(buf_bytes(&out), 4, out.n), in));
        kr_record_free(r);
    }
}

static void fuzz_root(struct bytes in)
{
    struct root_info info;
    struct bytes body;
    struct error e;

    result_ignore(root_parse(in, &info, &body, &e));
}

/* The place is given by two bytes; the rest replaces what stands there. */
static void fuzz_file(struct bytes in)
{
    struct rng_test rng;
    struct clock_fake clock;
    struct keyring *kr = NULL;
    struct error e;
    uint16_t at;
    CLEANUP(buf_done_p) struct buf good = BUF(1 << 20);

    rng_test_init(&rng, 1);
    clock_fake_init(&clock, 1795340476000);
    CLEANUP(fs_free_p) struct fs *fs = fs_fake_new(1 << 20);
    CLEANUP(secret_free_p) struct secret *root = NULL;
    const struct keyring_env env = { fs, &clock.base, &rng.base };
    must(result_is_ok(root_generate(&rng.base, &root)));
    must(result_is_ok(keyring_create(&env, root, "troth.fuzz", &e)));
    must(result_is_ok(fs_read_file(fs, KR_FILE, 1 << 20, &good, &e)));
    if (!result_is_ok(bytes_take_be16(&in, &at)) || at >= good.n) {
        return;
    }
    size_t n = MIN(in.n, good.n - at);
    bool is_same = n == 0 || memcmp(good.p + at, in.p, n) == 0;
    if (n != 0) {
        memcpy(good.p + at, in.p, n);
    }
    must(result_is_ok(fs_write_file(fs, KR_FILE, buf_bytes(&good), &e)));
    must(result_is_ok(keyring_open(&env, root, &kr, &e)) == is_same);
    keyring_close(kr);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const kinds[])(struct bytes) = { fuzz_header, fuzz_record, fuzz_root, fuzz_file };

    if (size > 0) {
        kinds[data[0] % ARRAY_LEN(kinds)](bytes_of(data + 1, size - 1));
    }
    return 0;
}
