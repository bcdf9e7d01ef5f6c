/*
 * Writing and checking an evidence package: bench_package FILE [ENTRIES [PER_CHECKPOINT]]. Prints
 * entries a second, bytes, and the greatest resident memory of the process while it checks.
 */
#include "base/clock.h"
#include "crypto/sign.h"
#include "ledger/package.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

struct made {
    struct sign_key *key;
    struct note_key log;
    struct tree_frontier tree;
    uint64_t size, every;
    int fd;
};

static void die(const struct error *e)
{
    fprintf(stderr, "bench_package: %s\n", e->msg);
    exit(1);
}

static void entry_make(uint64_t i, struct buf *payload, struct buf *leaf, uint8_t salt[32])
{
    struct entry en = { .counter = i + 1, .time_ms = 1795340476123 + (int64_t)i * 40 };

    buf_reset(payload);
    buf_reset(leaf);
    buf_addf(payload,
             "{\"actor\":{\"access_key\":\"AKQ3ZJ5N2M7RT4VX6Y2A\",\"agent\":\"aws-cli/"
             "2.9.19\",\"id\":\"zhang.wei\","
             "\"ip\":\"10.1.2.3\"},\"bucket\":\"contracts\",\"custodian\":\"provider\",\"key\":"
             "\"2026/11/%012" PRIu64 ".pdf\",\"key_id\":\"0b6f0f5c-7a55-4d0e-8a5e-0c4f1a2b3c4d\","
             "\"key_version\":3,\"request\":\"%016" PRIX64
             "\",\"sha256\":\"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\","
             "\"size\":%" PRIu64 ",\"status\":200,\"suite\":\"aes\",\"tenant\":\"acme\"}",
             i, i, i % 100000);
    memset(salt, (int)(i % 251), 32);
    strcpy(en.kind, "object.put");
    strcpy(en.source, "edge");
    en.commitment = entry_commitment(salt, buf_bytes(payload));
    entry_encode(&en, leaf);
}

static struct result entries(void *arg, uint64_t from, uint64_t count, package_record_fn fn,
                             void *fn_arg, struct error *e)
{
    CLEANUP(buf_done_p) struct buf payload = BUF(LEDGER_PAYLOAD_MAX);
    CLEANUP(buf_done_p) struct buf leaf = BUF(LEDGER_ENTRY_MAX);
    uint8_t salt[32];

    (void)arg;
    for (uint64_t i = from; i < from + count; i++) {
        entry_make(i, &payload, &leaf, salt);
        const struct ledger_record r = { i, buf_bytes(&leaf), salt, buf_bytes(&payload), false };
        TRY(fn(fn_arg, &r, e));
    }
    return RESULT_OK;
}

static void sign_text(struct made *m, struct bytes text, struct buf *out)
{
    uint8_t sig[SIGN_MAX];
    size_t n;

    result_ignore(sign_bytes(m->key, text, sig, &n));
    buf_add(out, text);
    buf_add_u8(out, '\n');
    note_add_signature(out, &m->log, 0, sig);
}

static struct result checkpoint(void *arg, uint64_t least, struct buf *ret_note,
                                struct buf *ret_token, struct error *e)
{
    struct made *m = arg;
    CLEANUP(buf_done_p) struct buf payload = BUF(LEDGER_PAYLOAD_MAX);
    CLEANUP(buf_done_p) struct buf leaf = BUF(LEDGER_ENTRY_MAX);
    CLEANUP(buf_done_p) struct buf text = BUF(1024);
    uint64_t size = MIN((least + m->every - 1) / m->every * m->every, m->size);
    uint8_t salt[32];

    (void)ret_token;
    (void)e;
    while (m->tree.size < size) {
        entry_make(m->tree.size, &payload, &leaf, salt);
        struct tree_hash h = tree_leaf_hash(buf_bytes(&leaf));
        tree_frontier_add(&m->tree, &h);
    }
    struct tree_hash root = tree_frontier_root(&m->tree);
    checkpoint_text(&text, m->log.name, size, &root);
    sign_text(m, buf_bytes(&text), ret_note);
    return RESULT_OK;
}

static struct result seal(void *arg, struct bytes statement, struct buf *ret_note, struct error *e)
{
    CLEANUP(buf_done_p) struct buf text = BUF(1024);

    (void)e;
    buf_add_str(&text, "troth/package\n");
    buf_add(&text, statement);
    sign_text(arg, buf_bytes(&text), ret_note);
    return RESULT_OK;
}

static struct result sink(void *arg, struct bytes part, struct error *e)
{
    struct made *m = arg;

    if (write(m->fd, part.p, part.n) != (ssize_t)part.n) {
        FAIL(e, ERRC_IO, "write");
    }
    return RESULT_OK;
}

static struct result source(void *arg, void *dst, size_t cap, size_t *ret_n, struct error *e)
{
    ssize_t n = read(*(int *)arg, dst, cap);

    if (n < 0) {
        FAIL(e, ERRC_IO, "read");
    }
    *ret_n = (size_t)n;
    return RESULT_OK;
}

static void make(struct made *m, struct error *e)
{
    static const uint8_t seed[32] = { 7 };
    CLEANUP(buf_done_p) struct buf vkey = BUF(512);

    if (!result_is_ok(sign_key_from_seed(SIGN_ED25519, BYTES_OF(seed), &m->key)) ||
        !result_is_ok(note_key_make("troth.local/bench", NOTE_ED25519, sign_key_public(m->key).p,
                                    &m->log, e))) {
        die(e);
    }
    note_key_text(&m->log, &vkey);
    const struct package_writer w = { .origin = m->log.name,
                                      .vkey = buf_bytes(&vkey),
                                      .sealer = buf_bytes(&vkey),
                                      .size = m->size,
                                      .created_ms = 1795340476123,
                                      .arg = m,
                                      .entries = entries,
                                      .checkpoint = checkpoint,
                                      .sign = seal,
                                      .sink = sink };
    int64_t began = clock_mono_ns();
    if (!result_is_ok(package_write(&w, e))) {
        die(e);
    }
    printf("written: %.0f entries/s (making them twice is in it)\n",
           (double)m->size * 1e9 / (double)(clock_mono_ns() - began));
}

int main(int argc, char **argv)
{
    struct error e = { 0 };
    struct made m = { .size = argc > 2 ? strtoull(argv[2], NULL, 10) : 1000000,
                      .every = argc > 3 ? strtoull(argv[3], NULL, 10) : 1000 };
    struct rusage before, after;

    if (argc < 2) {
        fprintf(stderr, "usage: bench_package FILE [ENTRIES [PER_CHECKPOINT]]\n");
        return 2;
    }
    if (m.size > 0) {
        m.fd = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC, 0600);
        make(&m, &e);
        close(m.fd);
    }
    int fd = open(argv[1], O_RDONLY);
    const struct package_input in = { source, &fd };
    const struct package_options o = { .log_key = m.size > 0 ? &m.log : NULL };
    struct package_report *r = mem_alloc(sizeof(*r));
    (void)getrusage(RUSAGE_SELF, &before);
    int64_t began = clock_mono_ns();
    if (!result_is_ok(package_verify(&in, &o, r, &e))) {
        die(&e);
    }
    double s = (double)(clock_mono_ns() - began) / 1e9;
    (void)getrusage(RUSAGE_SELF, &after);
    printf("verified: %" PRIu64 " entries, %" PRIu64 " checkpoints, %" PRIu64
           " bytes in %.2f s: %.0f entries/s, %.0f MB/s; resident %ld KiB before, %ld KiB at "
           "most\n",
           r->entries, r->checkpoints, r->bytes, s, (double)r->entries / s,
           (double)r->bytes / s / 1e6, before.ru_maxrss, after.ru_maxrss);
    mem_free(r);
    sign_key_free(m.key);
    close(fd);
    return 0;
}
