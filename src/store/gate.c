/* Snapshots: connections for readers, and the gate that lets a checkpoint empty the WAL. */
#include "base/clock.h"
#include "store/db_priv.h"

#include <time.h>

void gate_init(struct gate *g)
{
    pthread_condattr_t attr;

    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&g->changed, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&g->lock, NULL);
    list_init(&g->idle);
}

void gate_done(struct gate *g)
{
    for (struct list *i; (i = list_pop_front(&g->idle)) != NULL;) {
        conn_free(LIST_ITEM(i, struct db_conn, item));
    }
    pthread_mutex_destroy(&g->lock);
    pthread_cond_destroy(&g->changed);
}

static struct db_conn *gate_enter(struct gate *g)
{
    struct list *i = NULL;

    pthread_mutex_lock(&g->lock);
    while (g->is_shut) {
        pthread_cond_wait(&g->changed, &g->lock);
    }
    g->snapshots++;
    i = list_pop_front(&g->idle);
    pthread_mutex_unlock(&g->lock);
    return i == NULL ? NULL : LIST_ITEM(i, struct db_conn, item);
}

static void gate_leave(struct gate *g, struct db_conn *c)
{
    pthread_mutex_lock(&g->lock);
    if (c != NULL) {
        list_push_front(&g->idle, &c->item); /* the warmest first */
    }
    g->snapshots--;
    if (g->is_shut && g->snapshots == 0) {
        pthread_cond_broadcast(&g->changed);
    }
    pthread_mutex_unlock(&g->lock);
}

bool gate_shut(struct gate *g, int64_t wait_ms)
{
    int64_t until = clock_mono_ns() + wait_ms * 1000000;
    struct timespec ts = { until / 1000000000, until % 1000000000 };
    bool is_empty = true;

    pthread_mutex_lock(&g->lock);
    g->is_shut = true;
    while (g->snapshots > 0 && is_empty) {
        is_empty = pthread_cond_timedwait(&g->changed, &g->lock, &ts) == 0;
    }
    is_empty = g->snapshots == 0;
    pthread_mutex_unlock(&g->lock);
    if (!is_empty) {
        gate_open(g);
    }
    return is_empty;
}

void gate_open(struct gate *g)
{
    pthread_mutex_lock(&g->lock);
    g->is_shut = false;
    pthread_cond_broadcast(&g->changed);
    pthread_mutex_unlock(&g->lock);
}

/* BEGIN alone takes no snapshot; the first read does. */
static struct result begin(struct db_conn *c, struct error *e)
{
    struct db_stmt *s = NULL;
    bool row = false;

    TRY(db_prepare(c, "BEGIN", &s, e));
    TRY(db_run(s, e));
    TRY(db_prepare(c, "SELECT 1 FROM sqlite_schema LIMIT 1", &s, e));
    TRY(db_step(s, &row, e));
    db_reset(s);
    return RESULT_OK;
}

static void end(struct db_conn *c)
{
    struct db_stmt *s = NULL;

    conn_reset_all(c);
    if (!sqlite3_get_autocommit(c->sql) && result_is_ok(db_prepare(c, "COMMIT", &s, NULL))) {
        result_ignore(db_run(s, NULL)); /* nothing was written: it has nothing to fail at */
    }
}

RESULT db_read_begin(struct db *db, struct db_conn **ret, struct error *e)
{
    struct db_conn *c = gate_enter(&db->gate);
    struct result r = c == NULL ? conn_open(db, false, &c, e) : RESULT_OK;

    if (result_is_ok(r)) {
        r = begin(c, e);
    }
    if (!result_is_ok(r)) {
        conn_free(c); /* a connection that failed is not kept */
        gate_leave(&db->gate, NULL);
        return r;
    }
    *ret = c;
    return RESULT_OK;
}

void db_read_end(struct db_conn *c)
{
    if (c == NULL) {
        return;
    }
    end(c);
    gate_leave(&c->db->gate, c);
}
