/*
 * Output buffers of one thread's connections. Few large ones are kept and lent, so that bulk
 * senders gather 256 KiB per system call without 256 KiB per connection; when all are lent, a
 * connection goes on with one record at a time.
 */
#include "crypto/tls_priv.h"

#define FULL_LENT_MAX 64 /* 16 MiB */
#define KEPT_MAX      8  /* of each size */
#define HARD_MAX      (1u << 20)

struct shelf {
    void *kept[KEPT_MAX];
    size_t n;
};

struct tls_pool {
    struct shelf small, full;
    size_t full_lent;
};

struct tls_pool *tls_pool_new(void)
{
    return mem_zalloc(sizeof(struct tls_pool));
}

void tls_pool_free(struct tls_pool *p)
{
    if (p == NULL) {
        return;
    }
    while (p->small.n > 0) {
        mem_free(p->small.kept[--p->small.n]);
    }
    while (p->full.n > 0) {
        mem_free(p->full.kept[--p->full.n]);
    }
    mem_free(p);
}

static uint8_t *shelf_take(struct shelf *s, size_t size)
{
    return s->n > 0 ? s->kept[--s->n] : mem_alloc(size);
}

static void shelf_put(struct shelf *s, uint8_t *p)
{
    if (s->n < KEPT_MAX) {
        s->kept[s->n++] = p;
    } else {
        mem_free(p);
    }
}

void tls_out_release(struct tls_pool *p, struct tls_out *o)
{
    if (o->cap == TLS_BUF_SMALL) {
        shelf_put(&p->small, o->p);
    } else if (o->cap == TLS_BUF_FULL) {
        p->full_lent--;
        shelf_put(&p->full, o->p);
    } else {
        mem_free(o->p);
    }
    *o = (struct tls_out){ 0 };
}

/* Moves what is gathered into a buffer of another size. */
static void out_move(struct tls_pool *p, struct tls_out *o, size_t cap)
{
    struct tls_out to = { .cap = cap, .n = o->n - o->at };

    if (cap == TLS_BUF_SMALL) {
        to.p = shelf_take(&p->small, cap);
    } else if (cap == TLS_BUF_FULL) {
        to.p = shelf_take(&p->full, cap);
        p->full_lent++;
    } else {
        to.p = mem_alloc(cap);
    }
    if (o->p != NULL) {
        memcpy(to.p, o->p + o->at, to.n);
        tls_out_release(p, o);
    }
    *o = to;
}

size_t tls_out_room(struct tls_pool *p, struct tls_out *o, size_t more)
{
    if (o->p == NULL || (o->cap == TLS_BUF_SMALL && o->n + more > TLS_BUF_SMALL - TLS_BUF_SLACK)) {
        bool is_small = o->n + more <= TLS_BUF_SMALL - TLS_BUF_SLACK;
        if (!is_small && p->full_lent < FULL_LENT_MAX) {
            out_move(p, o, TLS_BUF_FULL);
        } else if (o->p == NULL) {
            out_move(p, o, TLS_BUF_SMALL);
        }
    }
    size_t cap = o->cap - TLS_BUF_SLACK;
    return o->n < cap ? cap - o->n : 0;
}

bool tls_out_force(struct tls_pool *p, struct tls_out *o, size_t more)
{
    if (o->p == NULL && more <= TLS_BUF_SMALL) {
        out_move(p, o, TLS_BUF_SMALL);
    }
    if (o->cap - o->n >= more) {
        return true;
    }
    if (o->n - o->at + more > HARD_MAX) {
        return false;
    }
    size_t cap = o->n - o->at + more;
    out_move(p, o, cap <= TLS_BUF_FULL && o->cap < TLS_BUF_FULL ? TLS_BUF_FULL : HARD_MAX);
    return true;
}
