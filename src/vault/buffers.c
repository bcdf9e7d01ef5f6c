#include "vault/buffers.h"

#include <pthread.h>

struct buffers {
    pthread_mutex_t lock;
    uint8_t **free; /* a stack */
    size_t free_count;
    size_t allocated, in_use, max;
    struct list waiters;
};

struct waiter {
    struct list item;
    struct co_event ready;
    struct buffers_share *share;
    uint8_t *p;
};

struct buffers *buffers_new(uint64_t budget_bytes)
{
    struct buffers *b = mem_zalloc(sizeof(*b));
    pthread_mutex_init(&b->lock, NULL);
    list_init(&b->waiters);
    b->max = MAX((size_t)(budget_bytes / BUFFER_BYTES), (size_t)2);
    b->free = mem_calloc(b->max, sizeof(*b->free));
    return b;
}

void buffers_free(struct buffers *b)
{
    if (b == NULL) {
        return;
    }
    for (size_t i = 0; i < b->free_count; i++) {
        mem_free(b->free[i]);
    }
    mem_free(b->free);
    pthread_mutex_destroy(&b->lock);
    mem_free(b);
}

static bool may_have(const struct buffers *b, const struct buffers_share *share)
{
    return share->held < MAX(b->max / 4 * 3, (size_t)1);
}

/* Under the lock: the first who waits and may have one, or NULL. */
static struct waiter *first_waiter(struct buffers *b)
{
    LIST_EACH(i, &b->waiters)
    {
        struct waiter *w = LIST_ITEM(i, struct waiter, item);
        if (may_have(b, w->share)) {
            return w;
        }
    }
    return NULL;
}

/* Under the lock. NULL: all are in use, others come first, or there is no memory. */
static uint8_t *take_locked(struct buffers *b, struct buffers_share *share)
{
    uint8_t *p = NULL;
    if (!may_have(b, share) || first_waiter(b) != NULL) {
        return NULL;
    }
    if (b->free_count > 0) {
        p = b->free[--b->free_count];
    } else if (b->allocated < b->max) {
        void *fresh = NULL;
        if (!result_is_ok(mem_try_aligned(BUFFER_BYTES, &fresh))) {
            return NULL;
        }
        b->allocated++;
        p = fresh;
    }
    b->in_use += p != NULL;
    share->held += p != NULL;
    return p;
}

RESULT buffers_take(struct buffers *b, struct buffers_share *share, uint8_t **ret)
{
    struct waiter w = { .share = share };

    pthread_mutex_lock(&b->lock);
    uint8_t *p = take_locked(b, share);
    if (p == NULL && b->in_use == 0) {
        pthread_mutex_unlock(&b->lock);
        return result_of(ERRC_NOMEM);
    }
    if (p == NULL) {
        co_event_init(&w.ready);
        list_push_back(&b->waiters, &w.item);
    }
    pthread_mutex_unlock(&b->lock);
    if (p == NULL) {
        TRY(co_event_wait(&w.ready, INT64_MAX));
        p = w.p;
    }
    *ret = p;
    return RESULT_OK;
}

uint8_t *buffers_take_spare(struct buffers *b, struct buffers_share *share)
{
    pthread_mutex_lock(&b->lock);
    uint8_t *p = take_locked(b, share);
    pthread_mutex_unlock(&b->lock);
    return p;
}

bool buffers_is_wanted(struct buffers *b)
{
    pthread_mutex_lock(&b->lock);
    bool wanted = first_waiter(b) != NULL;
    pthread_mutex_unlock(&b->lock);
    return wanted;
}

void buffers_give(struct buffers *b, struct buffers_share *share, uint8_t *p)
{
    if (p == NULL) {
        return;
    }
    pthread_mutex_lock(&b->lock);
    share->held--;
    struct waiter *w = first_waiter(b);
    if (w == NULL) {
        b->free[b->free_count++] = p;
        b->in_use--;
    } else {
        list_remove(&w->item);
        w->share->held++;
        w->p = p;
    }
    pthread_mutex_unlock(&b->lock);
    if (w != NULL) {
        co_event_set(&w->ready);
    }
}

void buffers_count(struct buffers *b, uint64_t *ret_in_use, uint64_t *ret_all)
{
    pthread_mutex_lock(&b->lock);
    *ret_in_use = b->in_use;
    *ret_all = b->max;
    pthread_mutex_unlock(&b->lock);
}
