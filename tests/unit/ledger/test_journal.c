/* The journal: what comes back after it is opened anew, segments used again, and every flipped
 * byte. */
#include "testkit.h"

#include "base/rng.h"
#include "ledger/journal.h"
#include "sys/fault.h"

static const struct journal_config config = { .segment_bytes = 64 * 1024,
                                              .segments_first = 2,
                                              .segments_max = 4 };

struct replayed {
    uint64_t next; /* index expected; records come in order without gaps */
    uint64_t first;
    unsigned count;
};

static struct bytes record_text(uint64_t index, char *dst, size_t cap)
{
    int n = snprintf(dst, cap, "leaf %llu", (unsigned long long)index);
    return bytes_of(dst, (size_t)n);
}

static struct result on_record(void *arg, const struct journal_record *r, struct error *e)
{
    struct replayed *p = arg;
    char text[64];

    (void)e;
    assert_true(bytes_equal_str(r->log, "acme"));
    if (p->count == 0) {
        p->first = p->next = r->index;
    }
    assert_int_equal(r->index, p->next);
    assert_bytes(r->leaf, record_text(r->index, text, sizeof(text)));
    assert_bytes(r->frame, BYTES_LIT("frame"));
    p->next++;
    p->count++;
    return RESULT_OK;
}

static struct result on_any(void *arg, const struct journal_record *r, struct error *e)
{
    (void)arg;
    (void)r;
    (void)e;
    return RESULT_OK;
}

static struct journal *must_open(struct fs *fs, struct replayed *p)
{
    struct journal *j;
    struct error e = { 0 };

    *p = (struct replayed){ 0 };
    assert_ok(journal_open(fs, &config, on_record, p, &j, &e), e);
    return j;
}

static void write_group(struct journal *j, uint64_t *index, unsigned records)
{
    CLEANUP(buf_done_p) struct buf group = BUF(1 << 20);
    struct error e = { 0 };
    char text[64];

    journal_begin(&group);
    for (unsigned i = 0; i < records; i++, ++*index) {
        journal_add_record(&group, "acme", *index, record_text(*index, text, sizeof(text)),
                           BYTES_LIT("frame"));
    }
    assert_ok(journal_reserve(j, journal_body_size(&group), &e), e);
    assert_ok(journal_write(j, &group, &e), e);
}

static void test_replay(void **state)
{
    (void)state;
    struct fs *fs = fs_fake_new(1 << 24);
    struct replayed p;
    uint64_t index = 0;

    struct journal *j = must_open(fs, &p);
    assert_int_equal(p.count, 0);
    assert_int_equal(journal_next(j), 1);
    for (int i = 0; i < 10; i++) {
        write_group(j, &index, 3);
    }
    journal_close(j);
    j = must_open(fs, &p);
    assert_int_equal(p.count, 30);
    assert_int_equal(journal_next(j), 11);
    journal_settle(j, 6); /* groups 1..5 are published */
    write_group(j, &index, 3);
    journal_close(j);
    j = must_open(fs, &p);
    assert_int_equal(p.first, 15);
    assert_int_equal(p.count, 18);
    journal_close(j);
    fs_free(fs);
}

/* Far more than the segments hold, as long as it is published in time; refused when it is not, and
 * well again after. */
static void test_segments(void **state)
{
    (void)state;
    struct fs *fs = fs_fake_new(1 << 24);
    struct replayed p;
    struct error e = { 0 };
    uint64_t index = 0;

    struct journal *j = must_open(fs, &p);
    for (int i = 0; i < 500; i++) {
        write_group(j, &index, 20);
        journal_settle(j, i < 3 ? 1 : journal_next(j) - 3);
    }
    journal_close(j);
    j = must_open(fs, &p);
    assert_int_equal(p.next, index);
    assert_in_range(p.count, 40, 120);
    uint64_t before = index;
    while (result_is_ok(journal_reserve(j, 1000, &e))) {
        write_group(j, &index, 20);
    }
    assert_code(journal_reserve(j, 1000, &e), ERRC_FULL);
    assert_in_range(index - before, 20 * 3 * 14, 20 * 4 * 16);
    journal_settle(j, journal_next(j));
    write_group(j, &index, 20);
    journal_close(j);
    j = must_open(fs, &p);
    assert_int_equal(p.next, index);
    assert_code(journal_reserve(j, journal_body_max(j) + 1, &e), ERRC_LIMIT);
    journal_close(j);
    fs_free(fs);
}

/* A flipped byte: the same records, or fewer at the end (as if torn), or a refusal. Never another
 * record, never a gap. */
/*= 2.1.5-3 test */
static void test_flips(void **state)
{
    (void)state;
    struct fs *fs = fs_fake_new(1 << 24);
    struct replayed p;
    uint64_t index = 0;
    unsigned refused = 0, shorter = 0, same = 0;
    const struct journal_config small = { .segment_bytes = 64 * 1024,
                                          .segments_first = 1,
                                          .segments_max = 1 };

    struct journal *j = must_open(fs, &p);
    for (int i = 0; i < 5; i++) {
        write_group(j, &index, 2);
    }
    journal_close(j);
    for (uint64_t at = 0; at < 6 * 4096; at += at % 4096 < 200 ? 1 : 61) {
        struct error e = { 0 };
        struct result flipped = fs_fake_flip(fs, "journal/0000", at, (uint8_t)(1U << at % 8));
        assert_ok(flipped, e);
        p = (struct replayed){ 0 };
        struct result r = journal_open(fs, &small, on_record, &p, &j, &e);
        if (result_is_ok(r)) {
            journal_close(j);
            assert_true(p.count == 10 || p.count == 8);
            same += p.count == 10 ? 1U : 0;
            shorter += p.count == 8 ? 1U : 0;
        } else {
            assert_int_equal(r.code, ERRC_INTEGRITY);
            refused++;
        }
        assert_ok(fs_fake_flip(fs, "journal/0000", at, (uint8_t)(1U << at % 8)), e);
    }
    assert_true(refused >= 4 * 100 && shorter >= 100 && same > 0);
    fs_free(fs);
}

/*
 * Power goes while a segment is used again: what the newest durable group says is needed must not
 * have been in it.
 */
static void test_torn_reuse(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 100; seed++) {
        const struct journal_config two = { .segment_bytes = 64 * 1024,
                                            .segments_first = 2,
                                            .segments_max = 2 };
        struct fs *fs = fs_fake_new(1 << 24);
        struct replayed p = { 0 };
        struct error e = { 0 };
        struct journal *j;
        uint64_t index = 0;
        CLEANUP(buf_done_p) struct buf group = BUF(1 << 20);

        assert_ok(journal_open(fs, &two, on_record, &p, &j, &e), e);
        while (result_is_ok(journal_reserve(j, 200 * 40, &e))) {
            write_group(j, &index, 200);
        }
        journal_settle(j, journal_next(j));
        journal_begin(&group);
        for (int i = 0; i < 400; i++) {
            journal_add_record(&group, "acme", index, BYTES_LIT("not acknowledged"),
                               BYTES_LIT("frame"));
        }
        fault_arm("fs.sync", FAULT_EIO, (unsigned)(seed % 2), 1000);
        assert_code(journal_write(j, &group, &e), ERRC_IO);
        fault_disarm_all();
        assert_code(journal_write(j, &group, &e), ERRC_IO); /* for good */
        journal_close(j);
        fs_fake_power_loss(fs, seed);
        struct result r = journal_open(fs, &two, on_any, &p, &j, &e);
        if (!result_is_ok(r)) {
            fail_msg("seed %d: %s", (int)seed, e.msg);
        }
        journal_close(j);
        fs_free(fs);
    }
}

static void test_records_refused(void **state)
{
    (void)state;
    CLEANUP(buf_done_p) struct buf b = BUF(1024);
    struct journal_record r;

    journal_add_record(&b, "acme", 7, BYTES_LIT("leaf"), BYTES_LIT("frame"));
    for (size_t n = 0; n < b.n; n++) {
        struct bytes in = bytes_slice(buf_bytes(&b), 0, n);
        assert_code(journal_take_record(&in, &r), ERRC_FORMAT);
    }
    struct bytes in = buf_bytes(&b);
    assert_true(result_is_ok(journal_take_record(&in, &r)));
    assert_int_equal(in.n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_replay),          cmocka_unit_test(test_segments),
        cmocka_unit_test(test_flips),           cmocka_unit_test(test_torn_reuse),
        cmocka_unit_test(test_records_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
