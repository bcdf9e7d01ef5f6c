/* Inside of the keeper: its state and the operations of its table. */
#ifndef TROTH_KEYS_KEEPER_PRIV_H
#define TROTH_KEYS_KEEPER_PRIV_H

#include "base/map.h"
#include "keys/checkpoints.h"
#include "keys/keeper.h"
#include "keys/keyring.h"
#include "keys/wire.h"

#define KEEPER_CHANNELS 1024u

struct signer;

struct keeper {
    struct keeper_options o;
    struct keyring *ring;
    struct checkpoints *checkpoints;
    struct rpc_server *server;
    struct map *signers;           /* log -> struct signer; "" is the statement key */
    uint8_t once[KEEPER_CHANNELS]; /* per edge channel: the metadata key was given */
};

typedef RESULT keeper_run_fn(void *ctx, struct rpc_request *rq, struct bytes body,
                             struct buf *reply, struct error *e);

/* keeper_use.c */
keeper_run_fn keeper_data_key, keeper_unwrap, keeper_rewrap, keeper_sigv4_key, keeper_seal_secret,
        keeper_metadata_key, keeper_log_payload_key;
/* keeper_totp.c */
keeper_run_fn keeper_totp;
/* keeper_admin.c */
keeper_run_fn keeper_tenant_create, keeper_create, keeper_show, keeper_list, keeper_rotate,
        keeper_set_enabled, keeper_schedule_destroy, keeper_cancel_destroy, keeper_destroy,
        keeper_tenant_close;
/* keeper_sign.c */
keeper_run_fn keeper_sign_statement, keeper_statement_vkey, keeper_sign_checkpoint, keeper_log_vkey,
        keeper_root_info;
/* A note of "troth/<context>\n" and text by the statement key. */
RESULT keeper_statement_note(struct keeper *k, const char *context, struct bytes text,
                             struct buf *out, struct error *e);
void signer_free(void *signer);

/* The body must have been taken whole. */
RESULT keeper_body_end(struct bytes body, struct error *e);

#define BODY(expr, what) TRY_MSG((expr), e, "request: %s", (what))

#endif
