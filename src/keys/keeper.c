/* The keeper's life and its permission table. */
#include "keys/keeper.h"

#include "keys/keeper_priv.h"

#define EDGE   (1u << ROLE_EDGE)
#define SCRIBE (1u << ROLE_SCRIBE)
#define SMALL  KEYS_SMALL_REQUEST
#define AAD    (KEYS_SMALL_REQUEST + KEY_AAD_MAX)

/*= 2.1.3-7 "keys are used for their purpose only, by whom they are for" */
const struct rpc_op keeper_ops[] = {
    { KEYS_OP_DATA_KEY, "data_key", EDGE, AAD, keeper_data_key },
    { KEYS_OP_UNWRAP, "unwrap", EDGE, AAD, keeper_unwrap },
    { KEYS_OP_REWRAP, "rewrap", EDGE, AAD, keeper_rewrap },
    { KEYS_OP_SIGV4_KEY, "sigv4_key", EDGE, AAD + KEYS_SEALED_MAX, keeper_sigv4_key },
    { KEYS_OP_SEAL_SECRET, "seal_secret", EDGE, AAD + KEY_SECRET_MAX, keeper_seal_secret },
    { KEYS_OP_METADATA_KEY, "metadata_key", EDGE, 0, keeper_metadata_key },
    { KEYS_OP_TENANT_CREATE, "tenant_create", EDGE, SMALL, keeper_tenant_create },
    { KEYS_OP_CREATE, "create", EDGE, SMALL, keeper_create },
    { KEYS_OP_SHOW, "show", EDGE, SMALL, keeper_show },
    { KEYS_OP_LIST, "list", EDGE, SMALL, keeper_list },
    { KEYS_OP_ROTATE, "rotate", EDGE, SMALL, keeper_rotate },
    { KEYS_OP_SET_ENABLED, "set_enabled", EDGE, SMALL, keeper_set_enabled },
    { KEYS_OP_SCHEDULE_DESTROY, "schedule_destroy", EDGE, SMALL, keeper_schedule_destroy },
    { KEYS_OP_CANCEL_DESTROY, "cancel_destroy", EDGE, SMALL, keeper_cancel_destroy },
    { KEYS_OP_DESTROY, "destroy", EDGE, SMALL, keeper_destroy },
    { KEYS_OP_TENANT_CLOSE, "tenant_close", EDGE, SMALL, keeper_tenant_close },
    { KEYS_OP_SIGN_STATEMENT, "sign_statement", EDGE, SMALL + KEY_STATEMENT_MAX,
      keeper_sign_statement },
    { KEYS_OP_STATEMENT_VKEY, "statement_vkey", EDGE, 0, keeper_statement_vkey },
    { KEYS_OP_SIGN_CHECKPOINT, "sign_checkpoint", SCRIBE, SMALL, keeper_sign_checkpoint },
    { KEYS_OP_LOG_PAYLOAD_KEY, "log_payload_key", SCRIBE, SMALL, keeper_log_payload_key },
    { KEYS_OP_LOG_VKEY, "log_vkey", EDGE | SCRIBE, SMALL, keeper_log_vkey },
    { KEYS_OP_TOTP, "totp", EDGE, AAD + KEYS_SEALED_MAX, keeper_totp },
    { KEYS_OP_ROOT_INFO, "root_info", EDGE, 0, keeper_root_info },
    { 0 },
};

RESULT keeper_body_end(struct bytes body, struct error *e)
{
    if (body.n != 0) {
        FAIL(e, ERRC_FORMAT, "request: %zu bytes too many", body.n);
    }
    return RESULT_OK;
}

static void batch_end(void *ctx)
{
    struct keeper *k = ctx;

    checkpoints_sync(k->checkpoints);
}

static int64_t next_wake_ms(void *ctx)
{
    struct keeper *k = ctx;

    return checkpoints_next_sync_ms(k->checkpoints);
}

static const struct rpc_server_hooks hooks = { batch_end, next_wake_ms };

static struct keyring_env ring_env(const struct keeper_options *o)
{
    return (struct keyring_env){ o->dir, o->clock, o->rng };
}

/* Opens the checkpoints file with the keyring's key for it. */
static struct result open_checkpoints(const struct keeper_options *o, struct keyring *ring,
                                      struct checkpoints **ret, struct error *e)
{
    CLEANUP(key256_wipe) struct key256 mac_key;

    TRY(keyring_checkpoint_mac_key(ring, &mac_key, e));
    return checkpoints_open(o->dir, o->clock, &mac_key, ret, e);
}

static struct result prepare_log(void *arg, const char *log, uint32_t slot, struct error *e)
{
    return checkpoints_prepare(arg, log, slot, e);
}

static struct result add_log(void *arg, const char *log, uint32_t slot, struct error *e)
{
    return checkpoints_add(arg, log, slot, e);
}

static struct result begin_checkpoints(const struct keeper_options *o, struct keyring *ring,
                                       struct error *e)
{
    CLEANUP(checkpoints_close_p) struct checkpoints *c = NULL;

    TRY(checkpoints_create(o->dir, e));
    TRY(open_checkpoints(o, ring, &c, e));
    return keyring_logs(ring, prepare_log, c, e);
}

RESULT keeper_init(const struct keeper_options *o, const struct secret *root,
                   const char *deployment, struct error *e)
{
    CLEANUP(keyring_close_p) struct keyring *ring = NULL;
    const struct keyring_env env = ring_env(o);

    TRY(keyring_create(&env, root, deployment, e));
    TRY(keyring_open(&env, root, &ring, e));
    return begin_checkpoints(o, ring, e);
}

RESULT keeper_new(const struct keeper_options *o, const struct secret *root, struct keeper **ret,
                  struct error *e)
{
    CLEANUP(keeper_free_p) struct keeper *k = mem_zalloc(sizeof(*k));
    const struct keyring_env env = ring_env(o);
    struct fs_stat st;

    k->o = *o;
    if (k->o.wait_min_ms == 0) {
        k->o.wait_min_ms = KEEPER_WAIT_MIN_MS;
    }
    k->signers = map_new();
    TRY(keyring_open(&env, root, &k->ring, e));
    if (o->accept_lost_checkpoints &&
        fs_stat(o->dir, CHECKPOINTS_FILE, &st, NULL).code == ERRC_NOT_FOUND) {
        TRY(begin_checkpoints(o, k->ring, e));
    }
    TRY(open_checkpoints(o, k->ring, &k->checkpoints, e));
    TRY(keyring_logs(k->ring, add_log, k->checkpoints, e));
    TRY(rpc_server_new(keeper_ops, &hooks, k, &k->server, e));
    *ret = TAKE(k);
    return RESULT_OK;
}

void keeper_free(struct keeper *k)
{
    if (k == NULL) {
        return;
    }
    rpc_server_free(k->server);
    map_free(k->signers, signer_free);
    checkpoints_close(k->checkpoints);
    keyring_close(k->ring);
    mem_free(k);
}

void keeper_add_peer(struct keeper *k, int fd, enum role peer, uint32_t channel)
{
    if (peer == ROLE_EDGE && channel < KEEPER_CHANNELS) {
        k->once[channel] = 0;
    }
    rpc_server_add_peer(k->server, fd, peer, channel);
}

struct rpc_server *keeper_server(struct keeper *k)
{
    return k->server;
}

RESULT keeper_run(struct keeper *k, struct error *e)
{
    return rpc_server_run(k->server, e);
}

void keeper_stop(struct keeper *k)
{
    rpc_server_stop(k->server);
}
