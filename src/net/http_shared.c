/* What the loops of a process share: limits, connections per address and in all, counts. */
#include "net/http_priv.h"

const struct http_limits http_limits_default = {
    .request_line_bytes = 8192,
    .head_bytes = 16384,
    .header_count = 100,
    .handshake_ms = 10000,
    .head_ms = 10000,
    .idle_ms = 60000,
    .stall_ms = 30000,
    .body_bytes_per_s = 1024,
    .connections = 10000,
    .connections_per_address = 1000,
};

struct address {
    unsigned connections;
};

struct http_shared *http_shared_new(const struct http_limits *limits)
{
    struct http_shared *s = mem_zalloc(sizeof(*s));
    (void)pthread_mutex_init(&s->lock, NULL);
    s->limits = *limits;
    s->addresses = map_new();
    list_init(&s->listeners);
    return s;
}

void http_shared_free(struct http_shared *s)
{
    if (s == NULL) {
        return;
    }
    map_free(s->addresses, mem_free);
    (void)pthread_mutex_destroy(&s->lock);
    mem_free(s);
}

void http_shared_set_limits(struct http_shared *s, const struct http_limits *limits)
{
    (void)pthread_mutex_lock(&s->lock);
    s->limits = *limits;
    (void)pthread_mutex_unlock(&s->lock);
}

static bool address_enter(struct http_shared *s, struct bytes key)
{
    struct address *a = map_get(s->addresses, key);
    if (s->counted >= s->limits.connections ||
        (a != NULL && a->connections >= s->limits.connections_per_address)) {
        return false;
    }
    if (a == NULL) {
        a = mem_zalloc(sizeof(*a));
        (void)map_set(s->addresses, key, a);
    }
    a->connections++;
    s->counted++;
    return true;
}

void http_shared_limits(struct http_shared *s, struct http_limits *ret)
{
    (void)pthread_mutex_lock(&s->lock);
    *ret = s->limits;
    ret->header_count = MIN(s->limits.header_count, HEADERS_MAX);
    (void)pthread_mutex_unlock(&s->lock);
}

bool http_shared_enter(struct http_shared *s, const struct address_key *key,
                       struct http_limits *ret_limits)
{
    http_shared_limits(s, ret_limits);
    (void)pthread_mutex_lock(&s->lock);
    bool is_in = key->n == 0 || address_enter(s, bytes_of(key->b, key->n));
    (void)pthread_mutex_unlock(&s->lock);
    if (!is_in) {
        s->counts.refused++;
        return false;
    }
    s->counts.accepted++;
    s->counts.connections++;
    return true;
}

void http_shared_leave(struct http_shared *s, const struct address_key *key)
{
    s->counts.connections--;
    if (key->n == 0) {
        return;
    }
    struct bytes k = bytes_of(key->b, key->n);
    (void)pthread_mutex_lock(&s->lock);
    struct address *a = map_get(s->addresses, k);
    s->counted--;
    if (a != NULL && --a->connections == 0) {
        mem_free(map_del(s->addresses, k));
    }
    (void)pthread_mutex_unlock(&s->lock);
}

void http_shared_stats(struct http_shared *s, struct http_stats *ret)
{
    *ret = (struct http_stats){
        .accepted = s->counts.accepted,
        .refused = s->counts.refused,
        .requests = s->counts.requests,
        .bad_requests = s->counts.bad_requests,
        .handshake_failures = s->counts.handshake_failures,
        .timeouts = s->counts.timeouts,
        .connections = s->counts.connections,
        .active = s->counts.active,
    };
}
