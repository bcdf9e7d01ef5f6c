/*
 * The edge's face: what every handler is given. One `struct api` per process, one `struct api_loop`
 * per event loop. Handlers are thin: parse, one domain call, render.
 */
#ifndef TROTH_API_API_H
#define TROTH_API_API_H

#include "api/metrics.h"
#include "base/clock.h"
#include "base/rng.h"
#include "identity/directory.h"
#include "identity/oidc.h"
#include "keys/root.h"
#include "ledger/client.h"
#include "net/http.h"
#include "vault/vault.h"

#include <stdatomic.h>

#define API_REQUEST_ID_BYTES 17 /* 16 upper-case hex digits and NUL */
#define API_ADDRESSES_MAX    32
#define API_WITNESSES_MAX    16

/* What of the configuration the handlers need; replaced as a whole on reload. */
struct api_settings {
    char region[64];
    char origin[256];    /* of the deployment */
    char s3_domain[256]; /* "" : path style only */
    bool log_public;
    enum crypto_suite suite; /* of new tenants */
    int64_t destroy_wait_ms;
    char contact[256];      /* for the key management responsibility statement */
    uint32_t rotation_days; /* keys are rotated at the latest after so many days */
    char rp_id[256];        /* of passkeys */
    char rp_origin[256];    /* "": https:// and the Host, if that is rp_id */
    char metrics_allow[API_ADDRESSES_MAX][SOCK_ADDR_TEXT_MAX];
    size_t metrics_allow_count;
    char witnesses[API_WITNESSES_MAX][512]; /* verifier keys */
    size_t witness_count;
    const struct api_settings
            *previous; /* what a reload replaced; kept for requests that still read it */
};

struct api {
    struct vault *vault;
    struct db *metadata; /* the vault's */
    struct fs *ledger;   /* DIR/ledger, for reading */
    struct directory *directory;
    struct ledger_tiles *tiles;
    struct pool *pool; /* for calls that may block */
    struct oidc *oidc; /* web identities */
    const struct clock *clock;
    const struct rng *rng;
    struct metrics *metrics;
    struct http_shared *http;
    _Atomic(const struct api_settings *) settings;
};

struct api_loop {
    struct api *api;
    struct rpc_client *keeper, *scribe; /* this loop's own connections */
    unsigned index;
};

/* http_handler of the HTTPS side, and of the management socket; ctx is a struct api_loop. */
void api_handle(void *ctx, struct http_exchange *x);
void api_handle_management(void *ctx, struct http_exchange *x);

static inline const struct api_settings *api_settings(const struct api_loop *l)
{
    return atomic_load_explicit(&l->api->settings, memory_order_acquire);
}

void api_request_id(struct api_loop *l, char ret[API_REQUEST_ID_BYTES]);

/* Fills who acts from the request; texts live in the request's arena. */
void api_vault_ctx(struct api_loop *l, struct http_exchange *x, const char *tenant,
                   const char *actor, const char *access_key, const char *request_id,
                   struct vault_ctx *ret);

/* Status for an error code at this edge (507 for FULL, 503 for AGAIN, ...). */
unsigned api_status(enum errc code);
/* {"error":{"code","message"}} with the fitting status; 503 carries Retry-After. Of the paths
 * without a format of their own; REST has problem details. */
void api_respond_error(struct http_exchange *x, const struct error *e);
void api_respond_json(struct http_exchange *x, unsigned status, struct buf *json);

#endif
