/* The edge's loops: started, drained, reloaded. */
#include "daemon/edge.h"

#include "base/log.h"
#include "daemon/state.h"
#include "sys/path.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define PEM_MAX (256 * 1024)

static RESULT pem_read(struct edge *ed, const char *path, struct buf *out, struct error *e)
{
    if (path[0] == '\0') {
        return RESULT_OK;
    }
    return path[0] == '/' ? path_read(path, out, e) : fs_read_file(ed->fs, path, PEM_MAX, out, e);
}

/*= 2.1.3-1 "TLS 1.3 on every connection, certificates checked before they serve" */
RESULT edge_tls_load(struct edge *ed, const struct config *c, struct tls_ctx **ret, struct error *e)
{
    CLEANUP(buf_done_p) struct buf cert = BUF(PEM_MAX);
    CLEANUP(buf_done_p) struct buf key = BUF_SECRET(PEM_MAX);
    CLEANUP(buf_done_p) struct buf ca = BUF(PEM_MAX);
    enum tls_client_auth auth = strcmp(c->tls_client_auth, "required") == 0   ? TLS_CLIENT_REQUIRED
                                : strcmp(c->tls_client_auth, "optional") == 0 ? TLS_CLIENT_OPTIONAL
                                                                              : TLS_CLIENT_NONE;
    TRY_MSG(pem_read(ed, c->tls_certificate, &cert, e), e, "tls.certificate");
    TRY_MSG(pem_read(ed, c->tls_key, &key, e), e, "tls.key");
    TRY_MSG(pem_read(ed, c->tls_client_ca, &ca, e), e, "tls.client_ca");
    TRY_MSG(x509_check_pair(buf_bytes(&cert), buf_bytes(&key), clock_wall_ms(&clock_system), e), e,
            "tls.certificate");
    return tls_server_ctx_new(buf_bytes(&cert), buf_bytes(&key), buf_bytes(&ca), auth, ret, e);
}

void edge_http_limits(const struct config *c, struct http_limits *ret)
{
    *ret = http_limits_default;
    ret->head_bytes = (size_t)c->http_head_bytes;
    ret->request_line_bytes = MIN(ret->request_line_bytes, ret->head_bytes);
    ret->handshake_ms = c->http_handshake_ms;
    ret->head_ms = c->http_head_ms;
    ret->idle_ms = c->http_idle_ms;
    ret->stall_ms = c->http_stall_ms;
    ret->body_bytes_per_s = c->http_body_bytes_per_s;
    ret->connections = (unsigned)c->http_connections;
    ret->connections_per_address = (unsigned)c->http_connections_per_address;
}

static void text_cut(char *dst, size_t cap, const char *src)
{
    size_t n = MIN(strlen(src), cap - 1);
    memcpy(dst, src, n);
    dst[n] = '\0';
}

/* The old settings stay for requests that still read them: a reload is rare and they are small. */
void edge_settings_set(struct edge *ed, const struct config *c)
{
    struct api_settings *s = mem_zalloc(sizeof(*s));
    text_cut(s->region, sizeof(s->region), c->region);
    text_cut(s->origin, sizeof(s->origin), ed->config.origin); /* fixed while it runs */
    text_cut(s->s3_domain, sizeof(s->s3_domain), c->s3_domain);
    s->log_public = c->ledger_public;
    result_ignore(suite_by_name(bytes_str(c->key_suite), &s->suite));
    s->destroy_wait_ms = c->key_destroy_wait_ms;
    text_cut(s->contact, sizeof(s->contact), c->key_contact);
    s->rotation_days = (uint32_t)c->key_rotation_days;
    for (size_t i = 0; i < c->metrics_allow_count; i++) {
        text_cut(s->metrics_allow[i], sizeof(s->metrics_allow[i]), c->metrics_allow[i]);
    }
    s->metrics_allow_count = c->metrics_allow_count;
    for (size_t i = 0; i < c->witness_count; i++) {
        text_cut(s->witnesses[i], sizeof(s->witnesses[i]), c->witnesses[i].vkey);
    }
    s->witness_count = c->witness_count;
    text_cut(s->rp_id, sizeof(s->rp_id), c->rp_id);
    text_cut(s->rp_origin, sizeof(s->rp_origin), c->rp_origin);
    s->previous = atomic_load(&ed->api.settings);
    atomic_store_explicit(&ed->api.settings, s, memory_order_release);
}

/* --- work that must run on a loop's own thread --- */

enum posted_kind { POSTED_ATTACH, POSTED_DRAIN, POSTED_CLOSE, POSTED_TLS };

struct posted {
    struct loop_task task;
    struct edge_loop *l;
    enum posted_kind kind;
    enum role peer;
    int fd;
    struct tls_ctx *tls;
};

static void posted_run(void *arg)
{
    struct posted *p = arg;
    switch (p->kind) {
    case POSTED_ATTACH:
        rpc_client_attach(p->peer == ROLE_KEEPER ? p->l->api.keeper : p->l->api.scribe, p->fd);
        break;
    case POSTED_DRAIN:
        http_server_drain(p->l->https);
        http_server_drain(p->l->unix_http);
        break;
    case POSTED_CLOSE:
        http_server_close_all(p->l->https);
        http_server_close_all(p->l->unix_http);
        break;
    case POSTED_TLS:
        http_server_set_tls(p->l->https, p->tls);
        tls_ctx_unref(p->tls);
        break;
    }
    mem_free(p);
}

static void post(struct edge_loop *l, struct posted what)
{
    struct posted *p = mem_dup(&what, sizeof(what));
    p->l = l;
    p->task = (struct loop_task){ .fn = posted_run, .arg = p };
    loop_post(l->loop, &p->task);
}

void edge_loop_attach(struct edge_loop *l, enum role peer, int fd)
{
    post(l, (struct posted){ .kind = POSTED_ATTACH, .peer = peer, .fd = fd });
}

static RESULT config_read(int fd, struct config *ret, struct error *e)
{
    CLEANUP(buf_done_p) struct buf text = BUF(CONFIG_FILE_MAX);
    if (fd < 0) {
        config_defaults(ret);
        return RESULT_OK;
    }
    for (;;) {
        uint8_t part[4096];
        ssize_t n = pread(fd, part, sizeof(part), (off_t)text.n);
        if (n < 0) {
            FAIL_SYS(e, "configuration");
        }
        if (n == 0) {
            break;
        }
        buf_add_mem(&text, part, (size_t)n);
    }
    TRY_MSG(buf_result(&text), e, "configuration");
    return config_parse(buf_bytes(&text), ret, e);
}

void edge_reload(struct edge *ed, int config_fd)
{
    struct config c;
    struct error e;
    CLEANUP(tls_ctx_unref_p) struct tls_ctx *tls = NULL;
    struct result r = config_read(config_fd, &c, &e);
    if (result_is_ok(r)) {
        r = edge_tls_load(ed, &c, &tls, &e);
    }
    if (!result_is_ok(r)) {
        log_error("reload: %s: what runs stays", e.msg);
        return;
    }
    struct http_limits limits;
    edge_http_limits(&c, &limits);
    http_shared_set_limits(ed->api.http, &limits);
    edge_settings_set(ed, &c);
    for (size_t i = 0; i < ed->loop_count; i++) {
        post(&ed->loops[i], (struct posted){ .kind = POSTED_TLS, .tls = tls_ctx_ref(tls) });
    }
    log_info("reloaded configuration and certificates");
}

/* --- life --- */

static void *loop_thread(void *arg)
{
    struct edge_loop *l = arg;
    struct error e;
    if (!result_is_ok(loop_run(l->loop, &e))) {
        log_error("loop %u: %s", l->api.index, e.msg);
        abort();
    }
    return NULL;
}

static RESULT loop_serve(struct edge *ed, struct edge_loop *l, struct error *e)
{
    TRY(http_server_new(l->loop, ed->api.http, api_handle, &l->api, &l->https, e));
    TRY(http_server_new(l->loop, ed->api.http, api_handle_management, &l->api, &l->unix_http, e));
    TRY(http_server_listen(l->https, ed->tls_listener, ed->tls, e));
    return http_server_listen(l->unix_http, ed->unix_listener, NULL, e);
}

RESULT edge_serve_start(struct edge *ed, struct error *e)
{
    TRY(edge_tls_load(ed, &ed->config, &ed->tls, e));
    for (size_t i = 0; i < ed->loop_count; i++) {
        TRY(loop_serve(ed, &ed->loops[i], e));
    }
    for (size_t i = 0; i < ed->loop_count; i++) {
        if (pthread_create(&ed->loops[i].thread, NULL, loop_thread, &ed->loops[i]) != 0) {
            FAIL(e, ERRC_NOMEM, "no thread for loop %zu", i);
        }
        ed->loops[i].has_thread = true;
    }
    return RESULT_OK;
}

static uint64_t active(const struct edge *ed)
{
    struct http_stats s;
    http_shared_stats(ed->api.http, &s);
    return s.active;
}

void edge_serve_stop(struct edge *ed)
{
    int64_t deadline = clock_mono_ms(&clock_system) + ed->config.drain_ms;
    for (size_t i = 0; i < ed->loop_count; i++) {
        post(&ed->loops[i], (struct posted){ .kind = POSTED_DRAIN });
    }
    while (active(ed) > 0 && clock_mono_ms(&clock_system) < deadline) {
        co_sleep_ms(10);
    }
    if (active(ed) > 0) {
        log_warn("%llu requests were cut after %lld ms", (unsigned long long)active(ed),
                 (long long)ed->config.drain_ms);
    }
    for (size_t i = 0; i < ed->loop_count; i++) {
        post(&ed->loops[i], (struct posted){ .kind = POSTED_CLOSE });
    }
    for (int i = 0; i < 100 && active(ed) > 0; i++) {
        co_sleep_ms(10);
    }
    for (size_t i = 0; i < ed->loop_count; i++) {
        loop_stop(ed->loops[i].loop);
        if (ed->loops[i].has_thread) {
            (void)pthread_join(ed->loops[i].thread, NULL);
        }
    }
}
