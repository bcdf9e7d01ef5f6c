/*
 * The management side: JSON over HTTP/1.1 on the Unix socket of the state folder. The peer must be
 * root or the server's own user. One table (routes.c); changes write intent before and outcome
 * after to the ledger.
 */
#ifndef TROTH_API_ADMIN_ADMIN_H
#define TROTH_API_ADMIN_ADMIN_H

#include "api/api.h"
#include "base/json.h"

#define ADMIN_BODY_MAX   (1024 * 1024)
#define ADMIN_PARAMS_MAX 4

struct admin {
    struct api_loop *l;
    struct http_exchange *x;
    const struct http_request *http;
    struct arena *arena;
    const struct api_settings *settings;
    char request_id[API_REQUEST_ID_BYTES];
    const char *actor;                    /* "operator/0": by the peer's uid */
    const char *params[ADMIN_PARAMS_MAX]; /* what stood for each {} of the route */
    struct json_doc *doc;                 /* body, or NULL */
};

struct admin_route {
    const char *method, *path; /* "/v1/tenants/{}/keys" */
    /* Answers, or returns the error that is to be answered. */
    RESULT (*run)(struct admin *a, struct error *e);
};
extern const struct admin_route admin_routes[]; /* ended by a NULL method */

/* A query parameter, decoded, in the arena; NULL when absent. */
const char *admin_query(struct admin *a, const char *name);
RESULT admin_query_u64(struct admin *a, const char *name, uint64_t max, uint64_t fallback,
                       uint64_t *ret, struct error *e);
/* A member of the body as a terminated text; fallback (may be NULL) when absent. ERRC_FORMAT when
 * of another type. */
RESULT admin_body_text(struct admin *a, const char *name, const char *fallback, const char **ret,
                       struct error *e);

/* 200 with what fn writes. */
RESULT admin_reply(struct admin *a, void (*fn)(void *arg, struct jsonw *w), void *arg,
                   struct error *e);

/* What an administrative act is about; NULL members are left out of the entry. */
struct admin_act {
    const char *kind; /* "key.rotate" */
    const char *log;  /* "platform" or a tenant */
    const char *tenant, *key, *detail;
};
/*
 * Two-phase: writes the intent; runs fn; writes the outcome. fn does not run when the intent can't
 * be written. The error of fn is returned.
 */
RESULT admin_run(struct admin *a, const struct admin_act *act,
                 RESULT (*fn)(struct admin *a, void *arg, struct error *e), void *arg,
                 struct error *e);

/* An act of reading, of one phase: written to the platform log before anything is given out. */
RESULT admin_note(struct admin *a, const char *kind, const char *tenant, const char *detail,
                  struct error *e);

/* The tenant of params[0]: ERRC_NOT_FOUND. */
RESULT admin_tenant(struct admin *a, struct tenant *ret, struct error *e);
/* Is `name` a log: a tenant, or "platform". */
RESULT admin_log_name(struct admin *a, const char *name, struct error *e);
/* Waits, a few seconds at most, until a checkpoint covers what the log holds now. ERRC_AGAIN. */
RESULT admin_log_published(struct admin *a, const char *log, struct ledger_status *ret,
                           struct error *e);

void admin_write_key(struct jsonw *w, struct admin *a, const struct key_info *k,
                     const char *account);

/* Handlers, by file. */
RESULT admin_tenants_list(struct admin *a, struct error *e);
RESULT admin_tenants_create(struct admin *a, struct error *e);
RESULT admin_tenants_show(struct admin *a, struct error *e);
RESULT admin_tenants_suspend(struct admin *a, struct error *e);
RESULT admin_tenants_resume(struct admin *a, struct error *e);
RESULT admin_tenants_close(struct admin *a, struct error *e);
RESULT admin_access_keys_list(struct admin *a, struct error *e);
RESULT admin_access_keys_create(struct admin *a, struct error *e);
RESULT admin_access_keys_delete(struct admin *a, struct error *e);
RESULT admin_keys_list(struct admin *a, struct error *e);
RESULT admin_keys_show(struct admin *a, struct error *e);
RESULT admin_keys_create(struct admin *a, struct error *e);
RESULT admin_keys_rotate(struct admin *a, struct error *e);
RESULT admin_keys_rewrap(struct admin *a, struct error *e);
RESULT admin_keys_enable(struct admin *a, struct error *e);
RESULT admin_keys_disable(struct admin *a, struct error *e);
RESULT admin_keys_schedule(struct admin *a, struct error *e);
RESULT admin_keys_cancel(struct admin *a, struct error *e);
RESULT admin_keys_destroy(struct admin *a, struct error *e);
RESULT admin_keys_statement(struct admin *a, struct error *e);
RESULT admin_buckets_list(struct admin *a, struct error *e);
RESULT admin_buckets_set(struct admin *a, struct error *e);
RESULT admin_log_checkpoint(struct admin *a, struct error *e);
RESULT admin_log_policy(struct admin *a, struct error *e);
RESULT admin_log_entries(struct admin *a, struct error *e);
RESULT admin_log_prove(struct admin *a, struct error *e);
RESULT admin_log_export(struct admin *a, struct error *e);
RESULT admin_status(struct admin *a, struct error *e);
RESULT admin_check(struct admin *a, struct error *e);

#endif
