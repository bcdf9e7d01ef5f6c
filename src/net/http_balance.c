/*
 * Connections spread over loops. Whichever loop wakes first accepts, and a long-lived connection
 * stays where it starts: without this a few of them would crowd on one loop while others idle.
 *
 * 1. Listeners that accept from the same descriptor know each other through http_shared, under its
 *    lock.
 * 2. A new connection goes to the server with the fewest TCP connections; the one that accepted it
 *    wins a tie. It travels as one message through the pipe of that server's listener.
 * 3. A listener that rests, drains or ends gets none; what was on its way then is closed.
 */
#include "net/http_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

struct handed {
    int fd;
    struct address_key key;
};

static bool handed_read(const struct listener *li, struct handed *ret)
{
    ssize_t n;
    do {
        n = read(li->handed.fd, ret, sizeof(*ret));
    } while (n < 0 && errno == EINTR);
    return n == (ssize_t)sizeof(*ret); /* written whole: shorter than PIPE_BUF */
}

static void refuse(struct listener *li, const struct handed *h)
{
    sock_close(h->fd);
    http_shared_leave(li->server->shared, &h->key);
    atomic_fetch_sub_explicit(&li->server->load, 1, memory_order_relaxed);
}

static void on_handed(struct loop_fd *f, uint32_t events)
{
    struct listener *li = CONTAINER_OF(f, struct listener, handed);
    struct http_server *s = li->server;
    struct handed h;
    (void)events;
    while (handed_read(li, &h)) {
        if (s->is_draining) {
            refuse(li, &h);
            continue;
        }
        http_shared_limits(s->shared, &s->limits);
        conn_start(s, h.fd, li->tls, &h.key);
    }
}

RESULT balance_join(struct listener *li, struct error *e)
{
    struct http_shared *shared = li->server->shared;
    int fds[2];
    if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) != 0) {
        FAIL_SYS(e, "listener");
    }
    li->handed = (struct loop_fd){ .fd = fds[0], .fn = on_handed };
    li->hand_fd = fds[1];
    struct result r = loop_fd_add(li->server->loop, &li->handed, EPOLLIN, e);
    if (!result_is_ok(r)) {
        sock_close(fds[0]);
        sock_close(fds[1]);
        li->handed.fd = li->hand_fd = -1;
        return r;
    }
    (void)pthread_mutex_lock(&shared->lock);
    list_push_back(&shared->listeners, &li->shared_item);
    (void)pthread_mutex_unlock(&shared->lock);
    return RESULT_OK;
}

void balance_pause(struct listener *li, bool may_take)
{
    struct http_shared *shared = li->server->shared;
    (void)pthread_mutex_lock(&shared->lock);
    li->may_take = may_take;
    (void)pthread_mutex_unlock(&shared->lock);
}

void balance_leave(struct listener *li)
{
    struct http_shared *shared = li->server->shared;
    struct handed h;
    if (li->handed.fd < 0) {
        return;
    }
    (void)pthread_mutex_lock(&shared->lock);
    list_remove(&li->shared_item);
    (void)pthread_mutex_unlock(&shared->lock);
    while (handed_read(li, &h)) {
        refuse(li, &h);
    }
    loop_fd_del(li->server->loop, &li->handed);
    sock_close(li->handed.fd);
    sock_close(li->hand_fd);
    li->handed.fd = li->hand_fd = -1;
}

static unsigned load_of(struct listener *li)
{
    return atomic_load_explicit(&li->server->load, memory_order_relaxed);
}

static struct listener *least_loaded(struct listener *li)
{
    struct listener *best = li;
    LIST_EACH(it, &li->server->shared->listeners)
    {
        struct listener *other = LIST_ITEM(it, struct listener, shared_item);
        if (other->may_take && other->fd.fd == li->fd.fd && load_of(other) < load_of(best)) {
            best = other;
        }
    }
    return best;
}

void balance_start(struct listener *li, int fd, const struct address_key *key)
{
    struct http_shared *shared = li->server->shared;
    struct handed h = { .fd = fd, .key = *key };
    (void)pthread_mutex_lock(&shared->lock);
    struct listener *to = least_loaded(li);
    if (to != li && write(to->hand_fd, &h, sizeof(h)) != (ssize_t)sizeof(h)) {
        to = li; /* its pipe is full */
    }
    atomic_fetch_add_explicit(&to->server->load, 1, memory_order_relaxed);
    (void)pthread_mutex_unlock(&shared->lock);
    if (to == li) {
        conn_start(li->server, fd, li->tls, key);
    }
}
