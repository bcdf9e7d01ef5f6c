/* The gate: a place that is left goes to the first in line, never to one who just comes. */
#include "identity/gate_priv.h"

struct waiter {
    struct list item;
    struct co_event let_in;
};

void login_gate_init(struct login_gate *g, unsigned inside_max, unsigned waiting_max)
{
    *g = (struct login_gate){ .inside_max = inside_max, .waiting_max = waiting_max };
    pthread_mutex_init(&g->lock, NULL);
    list_init(&g->line);
}

void login_gate_done(struct login_gate *g)
{
    pthread_mutex_destroy(&g->lock);
}

RESULT login_gate_enter(struct login_gate *g, struct error *e)
{
    struct waiter w;
    bool is_full = false, must_wait = false;

    co_event_init(&w.let_in);
    pthread_mutex_lock(&g->lock);
    if (g->inside < g->inside_max) {
        g->inside++;
    } else if (g->waiting < g->waiting_max) {
        g->waiting++;
        list_push_back(&g->line, &w.item);
        must_wait = true;
    } else {
        is_full = true;
    }
    pthread_mutex_unlock(&g->lock);
    if (is_full) {
        FAIL(e, ERRC_AGAIN, "too many passwords are being checked: try again in 1 s");
    }
    return must_wait ? co_event_wait(&w.let_in, INT64_MAX) : RESULT_OK;
}

void login_gate_leave(struct login_gate *g)
{
    pthread_mutex_lock(&g->lock);
    struct list *next = list_pop_front(&g->line);
    if (next != NULL) {
        g->waiting--;
    } else {
        g->inside--;
    }
    pthread_mutex_unlock(&g->lock);
    if (next != NULL) {
        co_event_set(&LIST_ITEM(next, struct waiter, item)->let_in);
    }
}
