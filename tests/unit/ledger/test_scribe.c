/* The scribe through messages, with its publishing thread: all requests of client.h, receipts under
 * load, permissions. */
#include "testkit.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "fake_keys.h"
#include "ledger/scribe.h"
#include "ledger/wire.h"
#include "sys/fault.h"
#include "sys/sock.h"

#include <pthread.h>
#include <unistd.h>

#define DEPLOYMENT "troth.test"

struct world {
    struct fs *fs;
    struct fake_keys keys;
    struct scribe *scribe;
    struct rpc_client *edge, *keeper;
    pthread_t thread;
    int stop[2]; /* a pair: a byte from here ends the scribe on its own thread */
    struct result end;
};

static void on_stop(void *arg)
{
    struct world *w = arg;
    char c;
    if (read(w->stop[0], &c, 1) == 1) {
        rpc_server_stop(scribe_server(w->scribe));
    }
}

static void *scribe_main(void *arg)
{
    struct world *w = arg;
    struct error e;
    w->end = scribe_run(w->scribe, &e);
    return NULL;
}

static struct rpc_client *connect_as(struct world *w, enum role role)
{
    struct rpc_client *c;
    struct error e = { 0 };
    int fds[2];

    assert_ok(sock_pair(fds, &e), e);
    rpc_server_add_peer(scribe_server(w->scribe), fds[0], role, 0);
    assert_ok(rpc_client_new(NULL, "scribe", &c, &e), e);
    rpc_client_attach(c, fds[1]);
    return c;
}

static void world_init(struct world *w)
{
    struct ledger_config c;
    struct engine *en;
    struct error e = { 0 };

    *w = (struct world){ .fs = fs_fake_new((uint64_t)1 << 30) };
    fake_keys_init(&w->keys);
    ledger_config_default(&c);
    c.deployment = DEPLOYMENT;
    c.keys = w->keys.face;
    c.publish_ms = 20;
    c.low_water_bytes = c.reserve_bytes = 1 << 20;
    c.journal = (struct journal_config){ 1 << 20, 2, 8 };
    assert_ok(engine_open(w->fs, &c, &en, &e), e);
    assert_ok(scribe_new(en, &w->scribe, &e), e);
    assert_ok(sock_pair(w->stop, &e), e);
    rpc_server_watch(scribe_server(w->scribe), w->stop[0], on_stop, w);
    w->edge = connect_as(w, ROLE_EDGE);
    w->keeper = connect_as(w, ROLE_KEEPER);
    pthread_create(&w->thread, NULL, scribe_main, w);
}

static void world_done(struct world *w)
{
    assert_int_equal(write(w->stop[1], "x", 1), 1);
    pthread_join(w->thread, NULL);
    rpc_client_free(w->edge);
    rpc_client_free(w->keeper);
    scribe_free(w->scribe);
    sock_close(w->stop[0]);
    sock_close(w->stop[1]);
    fs_free(w->fs);
    fake_keys_done(&w->keys);
}

struct seen {
    uint64_t next;
    unsigned erased;
};

static struct result on_record(void *arg, const struct ledger_record *r, struct error *e)
{
    struct seen *s = arg;
    struct entry en;

    assert_int_equal(r->index, s->next);
    assert_ok(entry_parse(r->leaf, &en, e), *e);
    if (r->is_erased) {
        assert_null(r->salt);
        s->erased++;
    } else {
        struct tree_hash h = entry_commitment(r->salt, r->payload);
        assert_true(tree_hash_equal(&h, &en.commitment));
    }
    s->next++;
    return RESULT_OK;
}

static void wait_published(struct world *w, const char *log, uint64_t size)
{
    struct ledger_status st = { 0 };
    struct error e = { 0 };

    for (int i = 0; i < 2000 && st.published_size < size; i++) {
        assert_ok(ledger_get_status(w->edge, log, &st, &e), e);
        usleep(1000);
    }
    assert_true(st.published_size >= size);
}

/*= 2.1.5-3 test */
static void test_requests(void **state)
{
    (void)state;
    struct world w;
    struct error e = { 0 };
    struct ledger_position pos[600];
    struct ledger_item items[600];
    struct ledger_status st;
    struct tree_proof proof;
    CLEANUP(buf_done_p) struct buf out = BUF(1 << 20);

    world_init(&w);
    assert_code(ledger_append(w.edge, "acme", "object.put", BYTES_LIT("{}"), pos, &e),
                ERRC_NOT_FOUND);
    assert_ok(ledger_create(w.edge, "acme", &e), e);
    assert_code(ledger_create(w.edge, "acme", &e), ERRC_EXISTS);
    assert_ok(ledger_append(w.edge, "acme", "object.put", BYTES_LIT("{}"), pos, &e), e);
    assert_int_equal(pos[0].index, 0);
    assert_code(ledger_append(w.edge, "acme", "object.put", BYTES_LIT("{ }"), pos, &e),
                ERRC_FORMAT);
    assert_code(ledger_append(w.edge, "acme", "heartbeat", BYTES_LIT("{}"), pos, &e), ERRC_DENIED);
    for (size_t i = 0; i < 600; i++) {
        items[i] = (struct ledger_item){ "acme", "object.get", BYTES_LIT("{\"a\":1}") };
    }
    assert_ok(ledger_append_many(w.edge, items, 600, pos, &e), e);
    assert_int_equal(pos[599].index, 600);
    items[599].log = "nobody";
    assert_code(ledger_append_many(w.edge, items, 600, pos, &e), ERRC_NOT_FOUND);
    assert_ok(ledger_append_receipt(w.edge, "acme", "object.put", BYTES_LIT("{\"b\":2}"), pos, &out,
                                    &e),
              e);
    assert_int_equal(pos[0].index, 601);
    CLEANUP(json_doc_free_p) struct json_doc *doc = NULL;
    assert_ok(json_parse(buf_bytes(&out), 1 << 20, &doc, &e), e);
    wait_published(&w, "acme", 602);
    assert_ok(ledger_get_status(w.edge, "acme", &st, &e), e);
    assert_int_equal(st.size, 602);
    assert_false(st.is_full);

    struct seen s = { 0 };
    assert_ok(ledger_read(w.edge, "acme", 0, 10000, on_record, &s, &e), e);
    assert_int_equal(s.next, 602);
    s = (struct seen){ .next = 100 };
    assert_ok(ledger_read(w.edge, "acme", 100, 7, on_record, &s, &e), e);
    assert_int_equal(s.next, 107);
    buf_reset(&out);
    assert_ok(ledger_prove(w.edge, "acme", 17, &out, &e), e);
    assert_code(ledger_prove(w.edge, "acme", 602, &out, &e), ERRC_RANGE);
    assert_ok(ledger_consistency(w.edge, "acme", 5, 602, &proof, &e), e);
    assert_true(proof.n > 0);
    assert_ok(ledger_checkpoint(w.edge, "acme", &out, &e), e);
    assert_ok(ledger_checkpoints(w.edge, "acme", 0, &out, &e), e);
    assert_true(out.n > 0 && out.p[out.n - 1] == '\n');
    assert_code(ledger_cosign(w.edge, "acme", 602, BYTES_LIT("nonsense\n"), &e), ERRC_FORMAT);
    assert_ok(ledger_timestamp(w.edge, "acme", 602, BYTES_LIT("token"), &e), e);
    assert_ok(ledger_get_timestamp(w.edge, "acme", 602, &out, &e), e);
    assert_bytes(buf_bytes(&out), BYTES_LIT("token"));
    assert_code(ledger_append(w.keeper, "acme", "object.put", BYTES_LIT("{}"), pos, &e),
                ERRC_DENIED);
    world_done(&w);
}

/* No truncation of a request, and none with a byte more, is taken for something else. */
static void test_malformed(void **state)
{
    (void)state;
    struct world w;
    struct error e = { 0 };
    CLEANUP(buf_done_p) struct buf body = BUF(4096);
    CLEANUP(buf_done_p) struct buf reply = BUF(1 << 20);

    world_init(&w);
    buf_add_u8(&body, 0);
    buf_add_be16(&body, 1);
    wire_add_text(&body, "platform");
    wire_add_text(&body, "object.put");
    buf_add_be32_prefixed(&body, BYTES_LIT("{\"a\":1}"));
    for (size_t n = 0; n < body.n; n++) {
        assert_code(rpc_call(w.edge, WIRE_APPEND, bytes_slice(buf_bytes(&body), 0, n), &reply, 5000,
                             &e),
                    ERRC_FORMAT);
    }
    for (size_t i = 0; i < body.n;
         i++) { /* every flipped byte: an answer of some kind, and the scribe lives */
        body.p[i] ^= 0x41;
        result_ignore(rpc_call(w.edge, WIRE_APPEND, buf_bytes(&body), &reply, 5000, &e));
        body.p[i] ^= 0x41;
    }
    assert_ok(rpc_call(w.edge, WIRE_APPEND, buf_bytes(&body), &reply, 5000, &e), e);
    buf_add_u8(&body, 0);
    assert_code(rpc_call(w.edge, WIRE_APPEND, buf_bytes(&body), &reply, 5000, &e), ERRC_FORMAT);
    for (uint16_t op = WIRE_CREATE; op <= WIRE_STATUS; op++) {
        assert_false(result_is_ok(rpc_call(w.edge, op, BYTES_LIT("\x09no"), &reply, 5000, &e)));
        assert_false(result_is_ok(rpc_call(w.edge, op, BYTES_NONE, &reply, 5000, &e)));
    }
    world_done(&w);
}

/* A journal that fails: nothing is acknowledged from then on, and the scribe ends with the error.
 */
static void test_journal_fails(void **state)
{
    (void)state;
    struct world w;
    struct error e = { 0 };
    struct ledger_position pos;

    world_init(&w);
    assert_ok(ledger_append(w.edge, "platform", "object.put", BYTES_LIT("{}"), &pos, &e), e);
    fault_arm("fs.sync", FAULT_EIO, 0, 1000000);
    assert_false(result_is_ok(
            ledger_append(w.edge, "platform", "object.put", BYTES_LIT("{}"), &pos, &e)));
    pthread_join(w.thread, NULL);
    assert_int_equal(w.end.code, ERRC_IO);
    fault_disarm_all();
    pthread_create(&w.thread, NULL, scribe_main, &w);
    world_done(&w);
}

int main(void)
{
    log_init("test", LOG_ERROR, false);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_journal_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
