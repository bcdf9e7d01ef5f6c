/* Listening, accepting within limits, draining. */
#include "net/http_priv.h"

#include "base/clock.h"
#include "base/log.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

RESULT http_server_new(struct loop *l, struct http_shared *shared, http_handler handler, void *ctx,
                       struct http_server **ret, struct error *e)
{
    struct http_server *s;
    void *p = NULL;
    TRY_MSG(mem_try_alloc(sizeof(*s), &p), e, "HTTP server");
    s = memset(p, 0, sizeof(*s));
    s->loop = l;
    s->shared = shared;
    s->handler = handler;
    s->ctx = ctx;
    s->pool = tls_pool_new();
    s->date_s = -1;
    list_init(&s->listeners);
    list_init(&s->conns);
    list_init(&s->free_exchanges);
    *ret = s;
    return RESULT_OK;
}

static void listener_stop(struct listener *li)
{
    loop_timer_cancel(li->server->loop, &li->pause);
    if (li->is_on) {
        li->is_on = false;
        balance_pause(li, false);
        loop_fd_del(li->server->loop, &li->fd);
    }
}

void http_server_free(struct http_server *s)
{
    if (s == NULL) {
        return;
    }
    assert(s->active == 0);
    LIST_EACH(it, &s->listeners)
    {
        struct listener *li = LIST_ITEM(it, struct listener, item);
        listener_stop(li);
        balance_leave(li);
        tls_ctx_unref(li->tls);
        mem_free(li);
    }
    LIST_EACH(it, &s->conns)
    {
        conn_close(LIST_ITEM(it, struct conn, item));
    }
    for (struct list *it; (it = list_pop_front(&s->free_exchanges)) != NULL;) {
        exchange_free(LIST_ITEM(it, struct http_exchange, item));
    }
    tls_pool_free(s->pool);
    mem_wipe(s->scratch, sizeof(s->scratch));
    mem_free(s);
}

const char *http_server_date(struct http_server *s)
{
    int64_t now_s = clock_wall_ms(&clock_system) / 1000;
    if (now_s != s->date_s) {
        s->date_s = now_s;
        (void)time_http(now_s * 1000, s->date_text);
    }
    return s->date_text;
}

static void key_of(const struct sockaddr_storage *a, struct address_key *ret)
{
    *ret = (struct address_key){ .n = 0 };
    if (a->ss_family == AF_INET) {
        ret->n = 4;
        memcpy(ret->b, &((const struct sockaddr_in *)a)->sin_addr, ret->n);
    } else if (a->ss_family == AF_INET6) {
        const uint8_t *ip = ((const struct sockaddr_in6 *)a)->sin6_addr.s6_addr;
        bool is_v4 = IN6_IS_ADDR_V4MAPPED(&((const struct sockaddr_in6 *)a)->sin6_addr);
        ret->n = is_v4 ? 4 : 8;
        memcpy(ret->b, is_v4 ? ip + 12 : ip, ret->n);
    }
}

static void listener_resume(struct loop_timer *t)
{
    struct listener *li = CONTAINER_OF(t, struct listener, pause);
    struct error e = { 0 };
    li->is_on = result_is_ok(loop_fd_add_listener(li->server->loop, &li->fd, &e));
    if (li->is_on) {
        balance_pause(li, true);
    } else {
        loop_timer_set(li->server->loop, t, loop_now_ms(li->server->loop) + ACCEPT_PAUSE_MS);
    }
}

/* The system is out of descriptors or memory: a level-triggered listener would spin, so it rests.
 */
static void listener_rest(struct listener *li, int err)
{
    char text[128];
    log_warn("accept: %s", strerror_r(err, text, sizeof(text)));
    listener_stop(li);
    loop_timer_set(li->server->loop, &li->pause, loop_now_ms(li->server->loop) + ACCEPT_PAUSE_MS);
}

static void accepted(struct listener *li, int fd, const struct sockaddr_storage *from)
{
    struct http_server *s = li->server;
    struct address_key key;
    key_of(from, &key);
    if (!http_shared_enter(s->shared, &key, &s->limits)) {
        sock_close(fd);
        return;
    }
    if (from->ss_family == AF_UNIX) {
        conn_start(s, fd, li->tls, &key);
        return;
    }
    int on = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    balance_start(li, fd, &key);
}

static void on_listener(struct loop_fd *f, uint32_t events)
{
    struct listener *li = CONTAINER_OF(f, struct listener, fd);
    (void)events;
    for (int i = 0; i < ACCEPT_BATCH; i++) {
        struct sockaddr_storage from = { .ss_family = AF_UNIX };
        socklen_t n = sizeof(from);
        int fd = accept4(f->fd, (struct sockaddr *)&from, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            accepted(li, fd, &from);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            listener_rest(li, errno);
            return;
        }
        if (errno == EAGAIN) {
            return;
        }
    }
}

/*= 2.1.3-1 "data in transfer is protected by TLS 1.3" */
RESULT http_server_listen(struct http_server *s, int fd, struct tls_ctx *tls, struct error *e)
{
    int family = AF_UNSPEC;
    socklen_t n = sizeof(family);
    if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &n) != 0) {
        FAIL_SYS(e, "listener");
    }
    if (tls == NULL && family != AF_UNIX) {
        FAIL(e, ERRC_BUG, "a listener without TLS that is no Unix socket");
    }
    struct listener *li = mem_zalloc(sizeof(*li));
    li->server = s;
    li->fd = (struct loop_fd){ .fd = fd, .fn = on_listener };
    li->pause.fn = listener_resume;
    li->handed.fd = li->hand_fd = -1;
    list_init(&li->shared_item);
    struct result r = tls == NULL ? RESULT_OK : balance_join(li, e);
    r = result_is_ok(r) ? loop_fd_add_listener(s->loop, &li->fd, e) : r;
    if (!result_is_ok(r)) {
        balance_leave(li);
        mem_free(li);
        return r;
    }
    li->is_on = true;
    balance_pause(li, true);
    li->tls = tls == NULL ? NULL : tls_ctx_ref(tls);
    list_push_back(&s->listeners, &li->item);
    return RESULT_OK;
}

void http_server_set_tls(struct http_server *s, struct tls_ctx *tls)
{
    LIST_EACH(it, &s->listeners)
    {
        struct listener *li = LIST_ITEM(it, struct listener, item);
        if (li->tls != NULL) {
            tls_ctx_unref(li->tls);
            li->tls = tls_ctx_ref(tls);
        }
    }
}

void http_server_drain(struct http_server *s)
{
    s->is_draining = true;
    LIST_EACH(it, &s->listeners)
    {
        listener_stop(LIST_ITEM(it, struct listener, item));
    }
    LIST_EACH(it, &s->conns)
    {
        struct conn *c = LIST_ITEM(it, struct conn, item);
        if (c->state == CONN_HANDSHAKE || (c->state == CONN_HEAD && !c->is_head_open)) {
            conn_end(c);
        }
    }
}

size_t http_server_active(const struct http_server *s)
{
    return s->active;
}

void http_server_close_all(struct http_server *s)
{
    http_server_drain(s);
    LIST_EACH(it, &s->conns)
    {
        conn_abort(LIST_ITEM(it, struct conn, item));
    }
}
