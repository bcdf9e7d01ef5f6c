/* The edge's stores: opened under keys that the keeper gives, then brought in line with the ledger.
 */
#include "daemon/edge.h"

#include "base/log.h"
#include "crypto/hmac.h"
#include "identity/login.h"
#include "identity/rollback.h"
#include "sys/path.h"

#include <time.h>

#define POOL_THREADS 8
#define RETRY_MS     50

bool edge_pause(struct edge *ed, int64_t ms)
{
    int64_t until = clock_mono_ms(&clock_system) + ms;
    while (!atomic_load(&ed->is_stopping)) {
        int64_t left = until - clock_mono_ms(&clock_system);
        if (left <= 0) {
            return true;
        }
        struct timespec ts = { 0, (long)(MIN(left, 50) * 1000000) };
        (void)nanosleep(&ts, NULL);
    }
    return false;
}

/* While the keeper is away (starting, restarting), asks again. */
static RESULT metadata_key(struct edge *ed, struct key256 *ret, struct error *e)
{
    for (;;) {
        struct result r = keys_metadata_key(ed->keeper, ret, e);
        if (r.code != ERRC_AGAIN || !edge_pause(ed, RETRY_MS)) {
            return r;
        }
    }
}

static RESULT directory_key(const struct key256 *metadata, struct key256 *ret)
{
    return hkdf(HASH_SHA256, key256_bytes(metadata), BYTES_NONE,
                BYTES_LIT("troth identity database"), ret->b, sizeof(ret->b));
}

/* Relative to the state folder, or absolute. */
static RESULT blocked_open(struct edge *ed, struct error *e)
{
    CLEANUP(buf_done_p) struct buf name = BUF(CONFIG_TEXT_MAX);
    CLEANUP(fs_free_p) struct fs *folder = NULL;
    const char *path = ed->config.blocked_passwords;
    struct block_list *list = NULL;

    if (path[0] == '\0') {
        return RESULT_OK;
    }
    if (path[0] == '/') {
        TRY(path_folder(path, &folder, &name, e));
        path = buf_cstr(&name);
    }
    TRY(block_list_open(folder != NULL ? folder : ed->fs, path, &list, e));
    login_block_list_set(ed->api.directory, list);
    return RESULT_OK;
}

static RESULT stores_open(struct edge *ed, struct error *e)
{
    CLEANUP(key256_wipe) struct key256 key = { 0 };
    CLEANUP(key256_wipe) struct key256 identity_key = { 0 };
    TRY_MSG(metadata_key(ed, &key, e), e, "metadata key");
    TRY_MSG(directory_key(&key, &identity_key), e, "identity key");
    TRY_MSG(directory_open(ed->identity_fs, &identity_key, &clock_system, &rng_system,
                           &ed->api.directory, e),
            e, "identity");
    TRY_MSG(blocked_open(ed, e), e, "identity.blocked_passwords");
    const struct oidc_source source = { oidc_get_https, ed->config.oidc_ca };
    ed->api.oidc = oidc_new(ed->api.directory, ed->api.pool, &source);
    TRY_MSG(db_open(ed->vault_fs, "meta.db", &key, vault_migrations, vault_migration_count, &ed->db,
                    e),
            e, "vault");
    struct vault_config vc = {
        .fs = ed->vault_fs,
        .db = ed->db,
        .pool = ed->api.pool,
        .clock = &clock_system,
        .rng = &rng_system,
        .buffer_bytes = ed->config.vault_buffer_bytes,
        .reserve_bytes = ed->config.vault_reserve_bytes,
    };
    TRY_MSG(vault_open(&vc, &ed->api.vault, e), e, "vault");
    ed->api.metadata = ed->db;
    ed->api.ledger = ed->ledger_fs;
    return ledger_tiles_open(ed->ledger_fs, ed->config.origin, &ed->api.tiles, e);
}

static RESULT log_recover(struct edge *ed, const char *log, struct error *e)
{
    for (;;) {
        struct result r = vault_recover(ed->api.vault, ed->scribe, log, e);
        if (r.code != ERRC_AGAIN || !edge_pause(ed, RETRY_MS)) {
            return r;
        }
    }
}

static RESULT tenant_recover(void *arg, const struct tenant *t, struct error *e)
{
    TRY_MSG(log_recover(arg, t->name, e), e, "tenant %s", t->name);
    return RESULT_OK;
}

static RESULT accounts_check(struct edge *ed, struct error *e)
{
    for (;;) {
        struct result r = rollback_check(ed->api.directory, ed->scribe, e);
        if (r.code != ERRC_AGAIN || !edge_pause(ed, RETRY_MS)) {
            return r;
        }
    }
}

RESULT edge_folders_open(struct edge *ed, struct error *e)
{
    TRY(fs_open_dir(ed->dir, &ed->fs, e));
    TRY(fs_sub(ed->fs, "vault", &ed->vault_fs, e));
    TRY(fs_sub(ed->fs, "identity", &ed->identity_fs, e));
    return fs_sub(ed->fs, "ledger", &ed->ledger_fs, e);
}

RESULT edge_open(struct edge *ed, struct error *e)
{
    TRY(pool_new(POOL_THREADS, &ed->api.pool, e));
    TRY(stores_open(ed, e));
    TRY_MSG(accounts_check(ed, e), e, "accounts");
    TRY_MSG(log_recover(ed, LEDGER_PLATFORM, e), e, "log " LEDGER_PLATFORM);
    return directory_tenant_list(ed->api.directory, tenant_recover, ed, e);
}

void edge_close(struct edge *ed)
{
    ledger_tiles_close(ed->api.tiles);
    vault_close(ed->api.vault);
    db_close(ed->db);
    oidc_free(ed->api.oidc);
    directory_close(ed->api.directory);
    pool_free(ed->api.pool);
    fs_free(ed->ledger_fs);
    fs_free(ed->identity_fs);
    fs_free(ed->vault_fs);
    fs_free(ed->fs);
}
