/*
 * The REST interface under /api/v1, on HTTPS and on the management socket: one table of routes, each
 * with its action, so that nothing is reachable without a decision. docs/api/openapi.json describes
 * it; the tests hold the two together.
 *
 * Who asks: a session (cookie __Host-troth with X-Troth-CSRF on changes, or Authorization: Bearer),
 * SigV4 with the service name "troth", or on the socket nobody: then the local operator (root or the
 * server's own user). Errors are RFC 9457 problem details. Lists page by cursor: ?limit=, ?after=,
 * answer {"items":[...],"next":"..."}. Creates take Idempotency-Key; changes take If-Match.
 */
#ifndef TROTH_API_REST_REST_H
#define TROTH_API_REST_REST_H

#include "api/act.h"
#include "identity/login.h"

#define REST_BODY_MAX   (1024 * 1024)
#define REST_PARAMS_MAX 6
#define REST_PAGE_MAX   1000

struct rest;

/* The realm whose things a call touches, so what is decided. */
enum rest_realm {
    REST_OPEN,     /* no decision: signing in, the OpenAPI document */
    REST_SELF,     /* any session, of whatever stage: one's own session and factors */
    REST_PLATFORM, /* the provider's own */
    REST_PARAM,    /* params[0] names the realm: a tenant or "platform" */
    REST_HANDLER,  /* the handler decides (a grant by id, ...), by rest_decide */
};
struct rest_route {
    const char *method, *path; /* "/api/v1/tenants/{realm}/users/{user}" */
    enum rest_realm realm;
    const char *action;   /* "iam:GetUser"; NULL for OPEN and SELF */
    const char *resource; /* after "arn:aws:": "iam::{account}:user/{user}"; "*": none */
    unsigned flags;       /* REST_* */
    /* Answers, or returns the error that is to be answered. */
    RESULT (*run)(struct rest *r, struct error *e);
};
#define REST_CREATES 1u                       /* takes Idempotency-Key; answers 201 */
#define REST_STREAM  2u                       /* reads its body, or writes its answer, itself */
extern const struct rest_route rest_routes[]; /* ended by a NULL method */

struct rest {
    struct api_loop *l;
    struct http_exchange *x;
    const struct http_request *http;
    struct arena *arena;
    const struct api_settings *settings;
    char request_id[API_REQUEST_ID_BYTES];
    const struct rest_route *route;
    const char *params[REST_PARAMS_MAX]; /* what stood for each {} */
    struct json_doc *doc;                /* body, or NULL */
    struct api_who who;
    struct session session; /* when has_session */
    bool has_session, is_cookie;
    const char *realm; /* whose things it is about */
    char account[ACCOUNT_BYTES];
    const char *grant; /* by which it was let in, or NULL */
};

/* http_handler of /api/v1 on either listener. */
void rest_handle(struct api_loop *l, struct http_exchange *x);

/* A decision besides the route's own. */
RESULT rest_decide(struct rest *r, const char *realm, const char *action, const char *resource,
                   struct error *e);

/* A query parameter, decoded, in the arena; NULL when absent. */
const char *rest_query(struct rest *r, const char *name);
RESULT rest_query_u64(struct rest *r, const char *name, uint64_t max, uint64_t fallback,
                      uint64_t *ret, struct error *e);
/* A member of the body as a terminated text; fallback (may be NULL) when absent. ERRC_FORMAT when
 * of another type. Members that no handler knows are refused: rest_body_only. */
RESULT rest_body_text(struct rest *r, const char *name, const char *fallback, const char **ret,
                      struct error *e);
RESULT rest_body_only(struct rest *r, const char *const *names, struct error *e);
/* Version of If-Match; 0: none was sent. */
RESULT rest_if_match(struct rest *r, uint64_t *ret, struct error *e);

/* An object with what fn writes into it; ETag when version is not 0. */
RESULT rest_reply(struct rest *r, unsigned status, uint64_t version,
                  void (*fn)(void *arg, struct jsonw *w), void *arg, struct error *e);
void rest_reply_empty(struct rest *r); /* 204 */
/* {"items":[...],"next":...}: item(arg, i, w) writes object i; next NULL: the last page. */
RESULT rest_reply_list(struct rest *r, size_t n, void (*item)(void *arg, size_t i, struct jsonw *w),
                       void *arg, const char *next, struct error *e);
/* application/problem+json: type, title, status, detail, code, request; "denied" carries the
 * reason of the decision. */
void rest_problem(struct rest *r, const struct error *e);

/* api_act_run with this request's who, realm and grant. */
RESULT rest_act(struct rest *r, const char *kind, const char *target, struct bytes before,
                RESULT (*fn)(void *arg, struct buf *after, struct error *e), void *arg,
                struct error *e);

#endif
