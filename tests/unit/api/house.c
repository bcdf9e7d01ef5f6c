#include "house.h"

#include "api/s3/request.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "crypto/hash.h"
#include "crypto/hmac.h"
#include "keys/keeper.h"
#include "ledger/scribe.h"
#include "sys/sock.h"

#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#define DEPLOYMENT "troth.test"

struct house {
    struct fs *keeper_fs, *ledger_fs, *vault_fs, *identity_fs;
    struct keeper *keeper;
    pthread_t keeper_thread, scribe_thread, loop_thread;
    _Atomic bool is_keeper_stopping, is_scribe_stopping;
    struct scribe *scribe;
    struct rpc_client *scribe_to_keeper;
    struct rpc_client *own_keeper, *own_scribe;
    struct db *db;
    struct api api;
    struct api_loop api_loop;
    struct loop *loop;
    struct http_server *s3, *admin;
    char dir[32], s3_path[64], admin_path[64];
    int s3_fd, admin_fd, keeper_fd, scribe_fd; /* the last two: the loop's ends, until it runs */
    int spare_keeper_fd, spare_scribe_fd;      /* for a second connection */
    struct loop_task start, stop;
};

static void must(struct result r, const struct error *e)
{
    if (!result_is_ok(r)) {
        fprintf(stderr, "house: %s\n", e->msg);
        abort();
    }
}

/* --- keeper and scribe --- */

static void *keeper_main(void *arg)
{
    struct house *h = arg;
    struct error e;
    while (!atomic_load(&h->is_keeper_stopping)) {
        must(rpc_server_turn(keeper_server(h->keeper), 5, &e), &e);
    }
    return NULL;
}

static int keeper_peer(struct house *h, enum role role, uint32_t channel)
{
    int fds[2];
    struct error e;
    must(sock_pair(fds, &e), &e);
    keeper_add_peer(h->keeper, fds[1], role, channel);
    return fds[0];
}

static void keeper_start(struct house *h)
{
    struct error e;
    CLEANUP(secret_free_p) struct secret *root = NULL;
    struct keeper_options o = {
        .dir = h->keeper_fs, .clock = &clock_system, .rng = &rng_system, .wait_min_ms = 1
    };
    must(root_generate(&rng_system, &root), &e);
    must(keeper_init(&o, root, DEPLOYMENT, &e), &e);
    must(keeper_new(&o, root, &h->keeper, &e), &e);
    must(rpc_client_new(NULL, "keeper", &h->scribe_to_keeper, &e), &e);
    must(rpc_client_new(NULL, "keeper", &h->own_keeper, &e), &e);
    rpc_client_attach(h->scribe_to_keeper, keeper_peer(h, ROLE_SCRIBE, 0));
    rpc_client_attach(h->own_keeper, keeper_peer(h, ROLE_EDGE, 1));
    h->keeper_fd = keeper_peer(h, ROLE_EDGE, 0);
    h->spare_keeper_fd = keeper_peer(h, ROLE_EDGE, 2);
    assert_int_equal(pthread_create(&h->keeper_thread, NULL, keeper_main, h), 0);
}

static RESULT sign_checkpoint(void *ctx, const char *log, const char *origin, uint64_t size,
                              const struct tree_hash *root, struct buf *ret, struct error *e)
{
    return keys_sign_checkpoint(ctx, log, origin, size, root->b, ret, e);
}

static RESULT payload_key(void *ctx, const char *log, const char *month, struct key256 *ret,
                          enum crypto_suite *ret_suite, struct error *e)
{
    return keys_log_payload_key(ctx, log, month, ret, ret_suite, e);
}

static RESULT log_vkey(void *ctx, const char *log, const char *origin, struct buf *ret,
                       struct error *e)
{
    return keys_log_vkey(ctx, log, origin, ret, e);
}

static void *scribe_main(void *arg)
{
    struct house *h = arg;
    struct error e;
    while (!atomic_load(&h->is_scribe_stopping)) {
        must(rpc_server_turn(scribe_server(h->scribe), 5, &e), &e);
    }
    return NULL;
}

static int scribe_peer(struct house *h, uint32_t channel)
{
    int fds[2];
    struct error e;
    must(sock_pair(fds, &e), &e);
    rpc_server_add_peer(scribe_server(h->scribe), fds[1], ROLE_EDGE, channel);
    return fds[0];
}

static void scribe_start(struct house *h)
{
    struct ledger_config c;
    struct engine *en = NULL;
    struct error e;
    ledger_config_default(&c);
    c.deployment = DEPLOYMENT;
    c.keys = (struct ledger_keys){ sign_checkpoint, payload_key, log_vkey, h->scribe_to_keeper };
    c.publish_ms = 20;
    c.low_water_bytes = c.reserve_bytes = 1 << 20;
    c.journal = (struct journal_config){ 1 << 20, 2, 8 };
    must(engine_open(h->ledger_fs, &c, &en, &e), &e);
    must(scribe_new(en, &h->scribe, &e), &e);
    must(rpc_client_new(NULL, "scribe", &h->own_scribe, &e), &e);
    rpc_client_attach(h->own_scribe, scribe_peer(h, 1));
    h->scribe_fd = scribe_peer(h, 0);
    h->spare_scribe_fd = scribe_peer(h, 2);
    assert_int_equal(pthread_create(&h->scribe_thread, NULL, scribe_main, h), 0);
}

/* --- the edge --- */

static void stores_open(struct house *h)
{
    static const struct key256 key = { { 9 } };
    struct error e;
    must(pool_new(2, &h->api.pool, &e), &e);
    must(directory_open(h->identity_fs, &key, &clock_system, &rng_system, &h->api.directory, &e),
         &e);
    must(db_open(h->vault_fs, "meta.db", &key, vault_migrations, vault_migration_count, &h->db, &e),
         &e);
    struct vault_config vc = { .fs = h->vault_fs,
                               .db = h->db,
                               .pool = h->api.pool,
                               .clock = &clock_system,
                               .rng = &rng_system,
                               .buffer_bytes = 64u << 20,
                               .reserve_bytes = 4096,
                               .pack_bytes = 4u << 20 };
    must(vault_open(&vc, &h->api.vault, &e), &e);
    must(ledger_tiles_open(h->ledger_fs, DEPLOYMENT, &h->api.tiles, &e), &e);
    h->api.metadata = h->db;
    h->api.ledger = h->ledger_fs;
    h->api.clock = &clock_system;
    h->api.rng = &rng_system;
    h->api.metrics = metrics_new();
    h->api.http = http_shared_new(&http_limits_default);
    struct api_settings *s = mem_zalloc(sizeof(*s));
    *s = (struct api_settings){ .region = REGION,
                                .origin = DEPLOYMENT,
                                .s3_domain = "s3.test",
                                .log_public = true,
                                .suite = SUITE_AES256_GCM,
                                .destroy_wait_ms = 1,
                                .contact = "keys@example.org",
                                .rotation_days = 365,
                                .metrics_allow = { "unix" },
                                .metrics_allow_count = 1 };
    h->api.settings = s;
}

static void loop_started(void *arg)
{
    struct house *h = arg;
    rpc_client_attach(h->api_loop.keeper, h->keeper_fd);
    rpc_client_attach(h->api_loop.scribe, h->scribe_fd);
}

static void *loop_main(void *arg)
{
    struct house *h = arg;
    struct error e;
    must(loop_run(h->loop, &e), &e);
    return NULL;
}

static void edge_start(struct house *h)
{
    struct error e;
    must(loop_new(&h->loop, &e), &e);
    h->api_loop = (struct api_loop){ .api = &h->api };
    must(rpc_client_new(h->loop, "keeper", &h->api_loop.keeper, &e), &e);
    must(rpc_client_new(h->loop, "scribe", &h->api_loop.scribe, &e), &e);
    must(http_server_new(h->loop, h->api.http, api_handle, &h->api_loop, &h->s3, &e), &e);
    must(http_server_new(h->loop, h->api.http, api_handle_admin, &h->api_loop, &h->admin, &e), &e);
    snprintf(h->dir, sizeof(h->dir), "/tmp/troth-api-XXXXXX");
    assert_non_null(mkdtemp(h->dir));
    snprintf(h->s3_path, sizeof(h->s3_path), "%s/s3", h->dir);
    snprintf(h->admin_path, sizeof(h->admin_path), "%s/admin", h->dir);
    must(sock_listen_unix(h->s3_path, &h->s3_fd, &e), &e);
    must(sock_listen_unix(h->admin_path, &h->admin_fd, &e), &e);
    must(http_server_listen(h->s3, h->s3_fd, NULL, &e), &e);
    must(http_server_listen(h->admin, h->admin_fd, NULL, &e), &e);
    h->start = (struct loop_task){ .fn = loop_started, .arg = h };
    loop_post(h->loop, &h->start);
    assert_int_equal(pthread_create(&h->loop_thread, NULL, loop_main, h), 0);
}

struct house *house_open(void)
{
    struct house *h = mem_zalloc(sizeof(*h));
    log_init("house", LOG_ERROR, false);
    h->keeper_fs = fs_fake_new((uint64_t)64 << 20);
    h->ledger_fs = fs_fake_new((uint64_t)512 << 20);
    h->vault_fs = fs_fake_new((uint64_t)1 << 30);
    h->identity_fs = fs_fake_new((uint64_t)64 << 20);
    keeper_start(h);
    scribe_start(h);
    stores_open(h);
    edge_start(h);
    return h;
}

static void edge_end(void *arg)
{
    struct house *h = arg;
    http_server_close_all(h->s3);
    http_server_close_all(h->admin);
    while (http_server_active(h->s3) + http_server_active(h->admin) != 0) {
        co_sleep_ms(1);
    }
    http_server_free(h->s3);
    http_server_free(h->admin);
    rpc_client_free(h->api_loop.keeper);
    rpc_client_free(h->api_loop.scribe);
    loop_stop(h->loop);
}

static void edge_spawn_end(void *arg)
{
    struct house *h = arg;
    struct error e;
    must(co_spawn(h->loop, edge_end, h, &e), &e);
}

void house_close(struct house *h)
{
    h->stop = (struct loop_task){ .fn = edge_spawn_end, .arg = h };
    loop_post(h->loop, &h->stop);
    pthread_join(h->loop_thread, NULL);
    loop_free(h->loop);
    atomic_store(&h->is_scribe_stopping, true);
    pthread_join(h->scribe_thread, NULL);
    rpc_client_free(h->own_scribe);
    scribe_free(h->scribe); /* its last checkpoint needs the keeper */
    atomic_store(&h->is_keeper_stopping, true);
    pthread_join(h->keeper_thread, NULL);
    rpc_client_free(h->own_keeper);
    rpc_client_free(h->scribe_to_keeper);
    keeper_free(h->keeper);
    ledger_tiles_close(h->api.tiles);
    vault_close(h->api.vault);
    db_close(h->db);
    directory_close(h->api.directory);
    pool_free(h->api.pool);
    metrics_free(h->api.metrics);
    http_shared_free(h->api.http);
    for (const struct api_settings *s = h->api.settings, *before; s != NULL; s = before) {
        before = s->previous;
        mem_free((void *)(uintptr_t)s);
    }
    fs_free(h->keeper_fs);
    fs_free(h->ledger_fs);
    fs_free(h->vault_fs);
    fs_free(h->identity_fs);
    sock_close(h->s3_fd);
    sock_close(h->admin_fd);
    (void)unlink(h->s3_path);
    (void)unlink(h->admin_path);
    (void)rmdir(h->dir);
    mem_free(h);
}

struct api *house_api(struct house *h)
{
    return &h->api;
}

struct rpc_client *house_keeper(struct house *h)
{
    return h->own_keeper;
}

struct rpc_client *house_scribe(struct house *h)
{
    return h->own_scribe;
}

void house_set(struct house *h, void (*fn)(struct api_settings *s))
{
    struct api_settings *s = mem_dup(h->api.settings, sizeof(*s));
    s->previous = h->api.settings;
    fn(s);
    atomic_store_explicit(&h->api.settings, s, memory_order_release);
}

struct attaching {
    struct loop_task task;
    struct rpc_client *client;
    int fd;
    struct co_event done;
};

static void attach(void *arg)
{
    struct attaching *a = arg;
    rpc_client_attach(a->client, a->fd);
    co_event_set(&a->done);
}

static void attach_on_loop(struct house *h, struct rpc_client *client, int fd)
{
    struct attaching a = { .task = { .fn = attach, .arg = &a }, .client = client, .fd = fd };
    co_event_init(&a.done);
    loop_post(h->loop, &a.task);
    assert_int_equal(co_event_wait(&a.done, INT64_MAX).code, ERRC_OK);
}

/* Once each: the spare connections were made before the servers ran. */
void house_keeper_away(struct house *h, bool is_away)
{
    attach_on_loop(h, h->api_loop.keeper, is_away ? -1 : h->spare_keeper_fd);
}

void house_scribe_away(struct house *h, bool is_away)
{
    attach_on_loop(h, h->api_loop.scribe, is_away ? -1 : h->spare_scribe_fd);
}

/* --- the client --- */

struct signing {
    struct sigv4_header heads[128];
    size_t n;
    char stamp[TIME_TEXT_MAX], payload[80];
};

static void head_add(struct signing *s, const char *name, const char *value)
{
    assert_true(s->n < ARRAY_LEN(s->heads));
    s->heads[s->n++] = (struct sigv4_header){ bytes_str(name), bytes_str(value) };
}

static int by_name(const void *a, const void *b)
{
    const struct sigv4_header *x = a, *y = b;
    return bytes_compare(x->name, y->name);
}

static void authorize(const struct ask *q, struct signing *s, struct buf *out)
{
    struct error e;
    struct key256 key;
    char date[9] = { 0 }, hex[65];
    uint8_t digest[SHA256_BYTES];
    CLEANUP(buf_done_p) struct buf names = BUF(4096);
    CLEANUP(buf_done_p) struct buf canonical = BUF(256 * 1024);
    CLEANUP(buf_done_p) struct buf text = BUF(4096);
    struct bytes path = bytes_str(q->target), query = path;
    if (!bytes_split(&query, '?', &path)) {
        query = BYTES_NONE;
    }
    memcpy(date, s->stamp, 8);
    qsort(s->heads, s->n, sizeof(s->heads[0]), by_name);
    for (size_t i = 0; i < s->n; i++) {
        if (i == 0 || !bytes_equal(s->heads[i].name, s->heads[i - 1].name)) {
            buf_addf(&names, "%s%.*s", i == 0 ? "" : ";", BYTES_FMT(s->heads[i].name));
        }
    }
    struct sigv4_request rq = { bytes_str(q->method), path, query, s->heads, s->n };
    struct sigv4_claim claim = { .service = BYTES_LIT("s3"),
                                 .signed_headers = buf_bytes(&names),
                                 .payload_text = bytes_str(s->payload) };
    must(sigv4_canonical_request(&rq, &claim, &canonical, &e), &e);
    sha256(buf_bytes(&canonical), digest);
    hex_encode(BYTES_OF(digest), hex);
    buf_addf(&text, "AWS4-HMAC-SHA256\n%s\n%s/%s/s3/aws4_request\n%s", s->stamp, date, REGION, hex);
    sigv4_signing_key(bytes_str(q->as->secret), bytes_str(date), BYTES_LIT(REGION), BYTES_LIT("s3"),
                      &key);
    hmac_sha256(key256_bytes(&key), buf_bytes(&text), digest);
    hex_encode(BYTES_OF(digest), hex);
    buf_addf(out,
             "Authorization: AWS4-HMAC-SHA256 Credential=%s/%s/%s/s3/aws4_request, "
             "SignedHeaders=%.*s, Signature=%s\r\n",
             q->as->id, date, REGION, BYTES_FMT(buf_bytes(&names)), hex);
}

static void heads_build(const struct ask *q, struct buf *out)
{
    struct signing s = { 0 };
    const char *form = NULL;
    head_add(&s, "host", q->host != NULL ? q->host : "localhost");
    for (const struct head *h = q->heads; h != NULL && h->name != NULL; h++) {
        head_add(&s, h->name, h->value);
        if (strcmp(h->name, "x-amz-content-sha256") == 0) {
            form = h->value;
        }
    }
    if (q->as != NULL) {
        uint8_t digest[SHA256_BYTES];
        sha256(q->body, digest);
        hex_encode(BYTES_OF(digest), s.payload);
        if (form != NULL || q->form == BODY_UNSIGNED) {
            snprintf(s.payload, sizeof(s.payload), "%s", form != NULL ? form : "UNSIGNED-PAYLOAD");
        }
        if (form == NULL) {
            head_add(&s, "x-amz-content-sha256", s.payload);
        }
        (void)time_iso8601_basic(clock_wall_ms(&clock_system) + q->clock_off_ms, s.stamp);
        head_add(&s, "x-amz-date", s.stamp);
        authorize(q, &s, out);
    }
    for (size_t i = 0; i < s.n; i++) {
        buf_addf(out, "%.*s: %.*s\r\n", BYTES_FMT(s.heads[i].name), BYTES_FMT(s.heads[i].value));
    }
    if (!q->has_no_length) {
        buf_addf(out, "Content-Length: %zu\r\n", q->body.n);
    }
}

static void send_all(int fd, struct bytes v)
{
    while (v.n > 0) {
        ssize_t n = send(fd, v.p, v.n, MSG_NOSIGNAL);
        if (n <= 0) {
            return; /* refused early: the answer tells */
        }
        v = bytes_slice(v, (size_t)n, v.n);
    }
}

static void read_all(int fd, struct buf *out)
{
    for (;;) {
        uint8_t *p = buf_reserve(out, 65536);
        assert_non_null(p);
        ssize_t n = recv(fd, p, 65536, 0);
        if (n < 0) {
            fail_msg("no answer within 30 s");
        }
        if (n == 0) {
            return;
        }
        buf_commit(out, (size_t)n);
    }
}

static void dechunk(struct bytes in, struct buf *out)
{
    for (;;) {
        size_t end = bytes_find(in, BYTES_LIT("\r\n"));
        uint64_t n = 0;
        assert_int_equal(num_hex64(bytes_slice(in, 0, end), UINT32_MAX, &n).code, ERRC_OK);
        if (n == 0) {
            return;
        }
        buf_add(out, bytes_slice(in, end + 2, end + 2 + (size_t)n));
        in = bytes_slice(in, end + 4 + (size_t)n, in.n);
    }
}

static void answer_split(struct bytes in, struct answer *ret)
{
    uint64_t status = 0;
    size_t end = bytes_find(in, BYTES_LIT("\r\n\r\n"));
    if (end == in.n) {
        fail_msg("no answer: '%.*s'", BYTES_FMT(in));
    }
    assert_int_equal(num_u64(bytes_slice(in, 9, 12), 100, 599, &status).code, ERRC_OK);
    if (status == 100) {
        answer_split(bytes_slice(in, end + 4, in.n), ret);
        return;
    }
    ret->status = (unsigned)status;
    ret->head = mem_printf("%.*s\r\n", (int)end, (const char *)in.p);
    ret->body = BUF(256u << 20);
    struct bytes body = bytes_slice(in, end + 4, in.n);
    if (answer_header(ret, "transfer-encoding") != NULL) {
        dechunk(body, &ret->body);
    } else {
        buf_add(&ret->body, body);
    }
}

static void ask_on(const char *path, const struct ask *q, struct answer *ret)
{
    struct error e;
    int fd = -1;
    CLEANUP(buf_done_p) struct buf head = BUF(1 << 20);
    CLEANUP(buf_done_p) struct buf got = BUF(256u << 20);
    struct timeval tv = { .tv_sec = 30 };
    must(sock_connect_unix(path, &fd, &e), &e);
    must(sock_set_nonblocking(fd, false, &e), &e);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)), 0);
    buf_addf(&head, "%s %s HTTP/1.1\r\nConnection: close\r\n", q->method, q->target);
    heads_build(q, &head);
    buf_add_str(&head, "\r\n");
    send_all(fd, buf_bytes(&head));
    send_all(fd, q->body);
    read_all(fd, &got);
    sock_close(fd);
    answer_split(buf_bytes(&got), ret);
}

void answer_done(struct answer *a)
{
    mem_free(a->head);
    buf_done(&a->body);
    *a = (struct answer){ 0 };
}

const char *answer_header(const struct answer *a, const char *name)
{
    static char value[64 * 1024];
    struct bytes rest = bytes_str(a->head), line, field;
    while (bytes_split(&rest, '\n', &line)) {
        struct bytes v = line;
        if (bytes_split(&v, ':', &field) && bytes_equal_str_nocase(field, name)) {
            snprintf(value, sizeof(value), "%.*s", BYTES_FMT(bytes_trim(v, " \r")));
            return value;
        }
    }
    return NULL;
}

void house_ask(struct house *h, const struct ask *q, struct answer *ret)
{
    ask_on(h->s3_path, q, ret);
}

void house_manage(struct house *h, const char *method, const char *target, const char *json,
                  struct answer *ret)
{
    struct ask q = { .method = method, .target = target, .body = bytes_str(json) };
    ask_on(h->admin_path, &q, ret);
}

static void member(struct json v, const char *key, char *dst, size_t cap)
{
    struct bytes text;
    struct error e = { 0 };
    must(json_get_str(v, key, &text, &e), &e);
    snprintf(dst, cap, "%.*s", BYTES_FMT(text));
}

void house_tenant(struct house *h, const char *name, struct credentials *ret)
{
    CLEANUP(answer_done_p) struct answer a = { 0 };
    CLEANUP(json_doc_free_p) struct json_doc *doc = NULL;
    char body[128];
    struct error e = { 0 };
    snprintf(body, sizeof(body), "{\"name\":\"%s\"}", name);
    house_manage(h, "POST", "/v1/tenants", body, &a);
    assert_int_equal(a.status, 200);
    must(json_parse(buf_bytes(&a.body), 65536, &doc, &e), &e);
    struct json v = json_root(doc);
    snprintf(ret->tenant, sizeof(ret->tenant), "%s", name);
    member(v, "account", ret->account, sizeof(ret->account));
    member(v, "access_key_id", ret->id, sizeof(ret->id));
    member(v, "secret_access_key", ret->secret, sizeof(ret->secret));
}

const struct answer *s3(struct house *h, const struct credentials *as, const char *method,
                        const char *target, struct bytes body, const struct head *heads)
{
    static struct answer last;
    struct ask q = { .as = as, .method = method, .target = target, .body = body, .heads = heads };
    answer_done(&last);
    house_ask(h, &q, &last);
    return &last;
}

const char *answer_element(const struct answer *a, const char *element)
{
    static char value[64 * 1024];
    char open[128], close[128];
    struct bytes in = buf_bytes(&a->body);
    snprintf(open, sizeof(open), "<%s>", element);
    snprintf(close, sizeof(close), "</%s>", element);
    size_t at = bytes_find(in, bytes_str(open));
    if (at == in.n) {
        return NULL;
    }
    in = bytes_slice(in, at + strlen(open), in.n);
    snprintf(value, sizeof(value), "%.*s", (int)bytes_find(in, bytes_str(close)),
             (const char *)in.p);
    return value;
}

void s3_expect(struct house *h, const struct credentials *as, const char *method,
               const char *target, struct bytes body, const struct head *heads, unsigned status,
               const char *code)
{
    const struct answer *a = s3(h, as, method, target, body, heads);
    const char *got = code == NULL ? NULL : answer_element(a, "Code");
    if (a->status != status || (code != NULL && (got == NULL || strcmp(got, code) != 0))) {
        fail_msg("%s %s: %u %s, expected %u %s\n%.*s", method, target, a->status,
                 got == NULL ? "" : got, status, code == NULL ? "" : code,
                 BYTES_FMT(buf_bytes(&a->body)));
    }
}
