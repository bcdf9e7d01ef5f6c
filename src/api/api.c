/* Dispatch of the HTTPS side, and what its handlers share: errors, health, metrics, the public face
 * of the ledger. */
#include "api/api.h"

#include "api/query/query.h"
#include "api/rest/rest.h"
#include "api/s3/s3.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"

#include <stdio.h>

unsigned api_status(enum errc code)
{
    switch (code) {
    case ERRC_OK:
        return 200;
    case ERRC_FORMAT:
    case ERRC_RANGE:
        return 400;
    case ERRC_DENIED:
        return 403;
    case ERRC_NOT_FOUND:
        return 404;
    case ERRC_TIMEOUT:
        return 408;
    case ERRC_EXISTS:
    case ERRC_CONFLICT:
        return 409;
    case ERRC_EXPIRED:
        return 410;
    case ERRC_LIMIT:
        return 413;
    case ERRC_UNSUPPORTED:
        return 501;
    case ERRC_AGAIN:
    case ERRC_NOMEM:
        return 503;
    case ERRC_FULL:
        return 507;
    case ERRC_IO:
    case ERRC_INTEGRITY:
    case ERRC_CLOSED:
    case ERRC_BUG:
    case ERRC_COUNT_:
        break;
    }
    return 500;
}

void api_respond_json(struct http_exchange *x, unsigned status, struct buf *json)
{
    struct error e;
    if (!result_is_ok(buf_result(json))) {
        result_ignore(error_set(&e, ERRC_LIMIT, "the answer is too long"));
        api_respond_error(x, &e);
        return;
    }
    result_ignore(http_respond(x, status, "application/json", buf_bytes(json), NULL));
}

void api_respond_error(struct http_exchange *x, const struct error *e)
{
    if (http_is_begun(x)) {
        log_warn("an answer broke off: %s", e->msg);
        http_close_after(x);
        return;
    }
    CLEANUP(buf_done_p) struct buf out = BUF(4096);
    struct jsonw w;
    jsonw_init(&w, &out);
    jsonw_object(&w);
    jsonw_key(&w, "error");
    jsonw_object(&w);
    jsonw_kv_cstr(&w, "code", errc_name(e->code));
    jsonw_kv_cstr(&w, "message", e->msg);
    jsonw_object_end(&w);
    jsonw_object_end(&w);
    unsigned status = api_status(e->code);
    if (status == 503) {
        http_set_header_str(x, "Retry-After", "1");
    }
    result_ignore(http_respond(x, status, "application/json", buf_bytes(&out), NULL));
}

void api_request_id(struct api_loop *l, char ret[API_REQUEST_ID_BYTES])
{
    static const char digits[] = "0123456789ABCDEF";
    uint64_t v = rng_u64(l->api->rng);
    for (size_t i = 0; i < API_REQUEST_ID_BYTES - 1; i++) {
        ret[i] = digits[(v >> (60 - 4 * i)) & 15];
    }
    ret[API_REQUEST_ID_BYTES - 1] = '\0';
}

void api_vault_ctx(struct api_loop *l, struct http_exchange *x, const char *tenant,
                   const char *actor, const char *access_key, const char *request_id,
                   struct vault_ctx *ret)
{
    const struct http_request *rq = http_request(x);
    struct bytes agent = BYTES_NONE;
    (void)http_find(x, "User-Agent", &agent);
    *ret = (struct vault_ctx){
        .vault = l->api->vault,
        .keeper = l->keeper,
        .scribe = l->scribe,
        .arena = rq->arena,
        .tenant = tenant,
        .actor = actor,
        .access_key = access_key,
        .ip = rq->peer_host,
        .agent = arena_str(rq->arena, bytes_slice(agent, 0, 256)),
        .request_id = request_id,
    };
}

static void health_respond(struct api_loop *l, struct http_exchange *x)
{
    bool keeper = rpc_client_is_up(l->keeper), scribe = rpc_client_is_up(l->scribe);
    bool is_well = keeper && scribe;
    CLEANUP(buf_done_p) struct buf out = BUF(1024);
    struct jsonw w;
    jsonw_init(&w, &out);
    jsonw_object(&w);
    jsonw_key(&w, "roles");
    jsonw_object(&w);
    jsonw_kv_cstr(&w, "edge", "ok");
    jsonw_kv_cstr(&w, "keeper", keeper ? "ok" : "away");
    jsonw_kv_cstr(&w, "scribe", scribe ? "ok" : "away");
    jsonw_object_end(&w);
    jsonw_kv_cstr(&w, "status", is_well ? "ok" : "degraded");
    jsonw_object_end(&w);
    if (!is_well) {
        http_set_header_str(x, "Retry-After", "1");
    }
    http_set_header_str(x, "Cache-Control", "no-store");
    api_respond_json(x, is_well ? 200 : 503, &out);
}

static bool may_read_metrics(struct api_loop *l, const struct http_request *rq)
{
    const struct api_settings *s = api_settings(l);
    for (size_t i = 0; i < s->metrics_allow_count; i++) {
        if (strcmp(s->metrics_allow[i], rq->peer_host) == 0) {
            return true;
        }
    }
    return false;
}

static void metrics_respond(struct api_loop *l, struct http_exchange *x)
{
    struct error e;
    if (!may_read_metrics(l, http_request(x))) {
        result_ignore(error_set(&e, ERRC_DENIED, "this address may not read metrics"));
        api_respond_error(x, &e);
        return;
    }
    CLEANUP(buf_done_p) struct buf out = BUF(1 << 20);
    metrics_write(l->api->metrics, &out);
    struct http_stats h;
    http_shared_stats(l->api->http, &h);
    metrics_line(&out, "troth_http_accepted_total", "counter", h.accepted);
    metrics_line(&out, "troth_http_refused_total", "counter", h.refused);
    metrics_line(&out, "troth_http_bad_requests_total", "counter", h.bad_requests);
    metrics_line(&out, "troth_http_handshake_failures_total", "counter", h.handshake_failures);
    metrics_line(&out, "troth_http_timeouts_total", "counter", h.timeouts);
    metrics_line(&out, "troth_http_connections", "gauge", h.connections);
    metrics_line(&out, "troth_http_active", "gauge", h.active);
    struct vault_stats v;
    vault_get_stats(l->api->vault, &v);
    metrics_line(&out, "troth_vault_objects", "gauge", v.objects);
    metrics_line(&out, "troth_vault_bytes", "gauge", v.bytes);
    metrics_line(&out, "troth_vault_packs", "gauge", v.packs);
    metrics_line(&out, "troth_vault_blobs_pending_delete", "gauge", v.blobs_pending_delete);
    metrics_line(&out, "troth_vault_buffers_in_use", "gauge", v.buffers_in_use);
    metrics_line(&out, "troth_keeper_up", "gauge", rpc_client_is_up(l->keeper));
    metrics_line(&out, "troth_scribe_up", "gauge", rpc_client_is_up(l->scribe));
    result_ignore(http_respond(x, 200, "text/plain; version=0.0.4", buf_bytes(&out), NULL));
}

static void cosignature_take(struct api_loop *l, struct http_exchange *x, struct bytes log)
{
    struct error e;
    CLEANUP(buf_done_p) struct buf body = BUF(16 * 1024);
    struct result r = http_read_all(x, &body, &e);
    uint64_t size = 0;
    struct bytes lines = buf_bytes(&body), first;
    if (result_is_ok(r)) {
        (void)bytes_split(&lines, '\n', &first);
        r = num_u64(first, 1, UINT64_MAX, &size);
        if (!result_is_ok(r)) {
            result_ignore(error_set(&e, ERRC_FORMAT, "first line: the size of the checkpoint"));
        }
    }
    if (result_is_ok(r)) {
        const char *name = arena_str(http_request(x)->arena, log);
        r = ledger_cosign(l->scribe, name, size, lines, &e);
    }
    if (result_is_ok(r)) {
        result_ignore(http_respond(x, 204, NULL, BYTES_NONE, NULL));
    } else {
        api_respond_error(x, &e);
    }
}

/* "/log/<origin>/<rest>": static files of the ledger, and the place where a pulling witness leaves
 * its cosignature. */
static void log_respond(struct api_loop *l, struct http_exchange *x)
{
    const struct http_request *rq = http_request(x);
    const struct api_settings *s = api_settings(l);
    struct bytes path = bytes_slice(rq->path, strlen("/log/"), rq->path.n);
    struct error e;
    if (!s->log_public) {
        result_ignore(error_set(&e, ERRC_DENIED, "the ledger is not public here"));
        api_respond_error(x, &e);
        return;
    }
    struct bytes suffix = BYTES_LIT("/cosignature");
    size_t origin_n = strlen(s->origin);
    if (bytes_equal_str(rq->method, "POST") && bytes_has_suffix(path, suffix) &&
        path.n > origin_n + 1 + suffix.n && bytes_has_prefix(path, bytes_str(s->origin)) &&
        path.p[origin_n] == '/') {
        cosignature_take(l, x, bytes_slice(path, origin_n + 1, path.n - suffix.n));
        return;
    }
    if (!bytes_equal_str(rq->method, "GET") && !bytes_equal_str(rq->method, "HEAD")) {
        http_set_header_str(x, "Allow", "GET, HEAD");
        result_ignore(http_respond(x, 405, NULL, BYTES_NONE, NULL));
        return;
    }
    CLEANUP(buf_done_p) struct buf out = BUF(256 * (2 + LEDGER_ENTRY_MAX));
    const char *type = NULL;
    bool is_immutable = false;
    if (!result_is_ok(ledger_tiles_get(l->api->tiles, path, &out, &type, &is_immutable, &e))) {
        api_respond_error(x, &e);
        return;
    }
    http_set_header_str(x, "Cache-Control",
                        is_immutable ? "public, max-age=31536000, immutable" : "no-cache");
    result_ignore(http_respond(x, 200, type, buf_bytes(&out), NULL));
}

static void own_count(struct api_loop *l, struct http_exchange *x, const char *op,
                      int64_t started_ns)
{
    metrics_request(l->api->metrics, op, http_status(x), 0, 0,
                    (clock_mono_ns() - started_ns) / 1000);
}

void api_handle_management(void *ctx, struct http_exchange *x)
{
    rest_handle(ctx, x, true);
}

void api_handle(void *ctx, struct http_exchange *x)
{
    struct api_loop *l = ctx;
    const struct http_request *rq = http_request(x);
    int64_t started = clock_mono_ns();
    if (rest_takes(x)) {
        rest_handle(l, x, false);
        return;
    }
    if (query_is_signed(x)) {
        query_handle(l, x);
        return;
    }
    if (!s3_is_signed(x)) {
        if (query_is_unsigned(x)) {
            query_handle_unsigned(l, x);
            return;
        }
        if (bytes_equal_str(rq->path, "/healthz")) {
            health_respond(l, x);
            own_count(l, x, "healthz", started);
            return;
        }
        if (bytes_equal_str(rq->path, "/metrics")) {
            metrics_respond(l, x);
            own_count(l, x, "metrics", started);
            return;
        }
        if (bytes_has_prefix(rq->path, BYTES_LIT("/log/"))) {
            log_respond(l, x);
            own_count(l, x, "log", started);
            return;
        }
    }
    s3_handle(l, x);
}
