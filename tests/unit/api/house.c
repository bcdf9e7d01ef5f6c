/* The house: its servers and threads. */
#include "house.h"

#include "base/log.h"
#include "keys/keeper.h"
#include "ledger/scribe.h"
#include "sys/sock.h"

#include <pthread.h>
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

/* Issuers of web identities are none here. */
static RESULT no_issuer(void *arg, const char *url, struct buf *out, struct error *e)
{
    (void)arg;
    (void)out;
    FAIL(e, ERRC_AGAIN, "%s is not there", url);
}

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
    h->api.oidc = oidc_new(h->api.directory, h->api.pool, &(struct oidc_source){ no_issuer, NULL });
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
    must(http_server_new(h->loop, h->api.http, api_handle_management, &h->api_loop, &h->admin, &e),
         &e);
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
    oidc_free(h->api.oidc);
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

const char *house_path(const struct house *h, bool is_admin)
{
    return is_admin ? h->admin_path : h->s3_path;
}
