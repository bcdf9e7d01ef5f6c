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

/* Under the lock. NULL: all are in use, or there is no memory. */
static uint8_t *take_locked(struct buffers *b)
{
    uint8_t *p = NULL;
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
    return p;
}

RESULT buffers_take(struct buffers *b, uint8_t **ret)
{
    struct waiter w;

    pthread_mutex_lock(&b->lock);
    uint8_t *p = list_is_empty(&b->waiters) ? take_locked(b) : NULL;
    if (p == NULL && b->in_use == 0) {
        pthread_mutex_unlock(&b->lock);
        return result_of(ERRC_NOMEM);
    }
    if (p == NULL) {
        w.p = NULL;
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

uint8_t *buffers_take_spare(struct buffers *b)
{
    pthread_mutex_lock(&b->lock);
    uint8_t *p = list_is_empty(&b->waiters) ? take_locked(b) : NULL;
    pthread_mutex_unlock(&b->lock);
    return p;
}

bool buffers_is_wanted(struct buffers *b)
{
    pthread_mutex_lock(&b->lock);
    bool wanted = !list_is_empty(&b->waiters);
    pthread_mutex_unlock(&b->lock);
    return wanted;
}

void buffers_give(struct buffers *b, uint8_t *p)
{
    if (p == NULL) {
        return;
    }
    pthread_mutex_lock(&b->lock);
    struct list *next = list_pop_front(&b->waiters);
    if (next == NULL) {
        b->free[b->free_count++] = p;
        b->in_use--;
    }
    pthread_mutex_unlock(&b->lock);
    if (next != NULL) {
        struct waiter *w = LIST_ITEM(next, struct waiter, item);
        w->p = p;
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
