/* The counter of changes: grown within each change, kept in memory for those who tell of it. */
#include "identity/rollback_priv.h"
#include "identity/sql_priv.h"

#include <stdio.h>

static RESULT counter_load(struct db *db, uint64_t *ret, struct error *e)
{
    CLEANUP(db_read_end_p) struct db_conn *c = NULL;
    int64_t n = 0;
    TRY(db_read_begin(db, &c, e));
    TRY(sql_i64(c, "SELECT n FROM changes", (struct sql_in){ NULL, 0 }, &n, e));
    *ret = (uint64_t)n;
    return RESULT_OK;
}

RESULT changes_new(struct db *db, struct changes **ret, struct error *e)
{
    uint64_t n = 0;
    TRY(counter_load(db, &n, e));
    struct changes *c = mem_zalloc(sizeof(*c));
    atomic_init(&c->n, n);
    c->logs = map_new();
    pthread_mutex_init(&c->lock, NULL);
    *ret = c;
    return RESULT_OK;
}

void changes_free(struct changes *c)
{
    if (c != NULL) {
        map_free(c->logs, mem_free);
        pthread_mutex_destroy(&c->lock);
        mem_free(c);
    }
}

void changes_set(struct changes *c, uint64_t n)
{
    uint64_t have = atomic_load(&c->n);
    while (have < n && !atomic_compare_exchange_weak(&c->n, &have, n)) {
    }
}

/* --- a change --- */

struct counted {
    RESULT (*fn)(struct db_conn *c, void *arg, struct error *e);
    void *arg;
    int64_t n;
};

static RESULT counted_write(struct db_conn *c, void *arg, struct error *e)
{
    struct counted *w = arg;
    TRY(w->fn(c, w->arg, e));
    TRY(sql_run(c, "UPDATE changes SET n = n + 1", (struct sql_in){ NULL, 0 }, e));
    return sql_i64(c, "SELECT n FROM changes", (struct sql_in){ NULL, 0 }, &w->n, e);
}

RESULT directory_write(struct directory *d,
                       RESULT (*fn)(struct db_conn *c, void *arg, struct error *e), void *arg,
                       struct error *e)
{
    struct counted w = { fn, arg, 0 };
    TRY(db_write(d->db, counted_write, &w, e));
    changes_set(d->changes, (uint64_t)w.n);
    return RESULT_OK;
}

uint64_t directory_changes(struct directory *d)
{
    return atomic_load(&d->changes->n);
}

/* --- what is told --- */

/* Under the lock. */
static struct changes_told *log_of(struct changes *c, const char *log)
{
    struct changes_told *t = map_get(c->logs, bytes_str(log));
    if (t == NULL) {
        t = mem_zalloc(sizeof(*t));
        (void)snprintf(t->log, sizeof(t->log), "%s", log);
        t->turn = c->turn;
        (void)map_set(c->logs, bytes_str(t->log), t);
    }
    return t;
}

void changes_log_set(struct changes *c, const char *log, uint64_t told, uint64_t at)
{
    pthread_mutex_lock(&c->lock);
    struct changes_told *t = log_of(c, log);
    t->told = MAX(t->told, told);
    t->at = MAX(t->at, at);
    pthread_mutex_unlock(&c->lock);
}

void changes_log_forget(struct changes *c, const char *log)
{
    pthread_mutex_lock(&c->lock);
    mem_free(map_del(c->logs, bytes_str(log)));
    pthread_mutex_unlock(&c->lock);
}

size_t changes_logs_next(struct changes *c, struct changes_told *ret, size_t max)
{
    size_t n = 0;
    struct bytes key;
    void *value = NULL;
    pthread_mutex_lock(&c->lock);
    for (size_t it = 0; n < max && map_next(c->logs, &it, &key, &value);) {
        struct changes_told *t = value;
        if (t->turn == c->turn) {
            t->turn = c->turn + 1;
            ret[n++] = *t;
        }
    }
    c->turn += n < max;
    pthread_mutex_unlock(&c->lock);
    return n;
}

uint64_t directory_changes_tell(struct directory *d, const char *log, uint64_t before)
{
    uint64_t n = directory_changes(d);
    if (n <= before) {
        return 0;
    }
    changes_log_set(d->changes, log, n, 0);
    return n;
}
