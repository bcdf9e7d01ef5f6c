/* The publishing thread. */
#include "ledger/publisher.h"

#include "base/log.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum state { IDLE, SUBMITTED, DONE, STOPPING };

struct publisher {
    struct journal *journal;
    bool is_inline;
    bool is_busy; /* the submitting thread's own view */
    int fd;
    pthread_t thread;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t changed;
    enum state state;
    struct log_publication *items;
    size_t count;
};

static void work(struct publisher *p)
{
    struct error e;

    e.code = ERRC_OK;
    if (journal_wants_segment(p->journal)) {
        struct result r = journal_grow(p->journal, &e);
        if (!result_is_ok(r)) {
            log_warn("ledger: %s", e.msg); /* appends find out for themselves when it matters */
        }
    }
    for (size_t i = 0; i < p->count; i++) {
        log_publish_write(&p->items[i]);
    }
}

static void *thread_main(void *arg)
{
    struct publisher *p = arg;
    uint64_t one = 1;

    pthread_mutex_lock(&p->lock);
    for (;;) {
        while (p->state != SUBMITTED && p->state != STOPPING) {
            pthread_cond_wait(&p->changed, &p->lock);
        }
        if (p->state == STOPPING) {
            break;
        }
        pthread_mutex_unlock(&p->lock);
        work(p);
        pthread_mutex_lock(&p->lock);
        p->state = DONE;
        pthread_cond_broadcast(&p->changed);
        if (write(p->fd, &one, sizeof(one)) < 0) {
            log_error("ledger: eventfd: errno %d",
                      errno); /* the main thread looks again at its next turn */
        }
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

RESULT publisher_new(struct journal *j, bool is_inline, struct publisher **ret, struct error *e)
{
    struct publisher *p = mem_zalloc(sizeof(*p));
    sigset_t all, old;

    *p = (struct publisher){ .journal = j, .is_inline = is_inline, .fd = -1 };
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->changed, NULL);
    if (!is_inline) {
        p->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (p->fd < 0) {
            int err = errno;
            mem_free(p);
            return error_set_sys(e, err, "ledger: eventfd");
        }
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &old);
        int err = pthread_create(&p->thread, NULL, thread_main, p);
        pthread_sigmask(SIG_SETMASK, &old, NULL);
        if (err != 0) {
            close(p->fd);
            mem_free(p);
            return error_set_sys(e, err, "ledger: thread");
        }
    }
    *ret = p;
    return RESULT_OK;
}

void publisher_wait(struct publisher *p)
{
    if (p->is_inline || !p->is_busy) {
        return;
    }
    pthread_mutex_lock(&p->lock);
    while (p->state == SUBMITTED) {
        pthread_cond_wait(&p->changed, &p->lock);
    }
    pthread_mutex_unlock(&p->lock);
}

void publisher_free(struct publisher *p)
{
    if (p == NULL) {
        return;
    }
    publisher_wait(p);
    if (!p->is_inline) {
        pthread_mutex_lock(&p->lock);
        p->state = STOPPING;
        pthread_cond_broadcast(&p->changed);
        pthread_mutex_unlock(&p->lock);
        pthread_join(p->thread, NULL);
        close(p->fd);
    }
    pthread_mutex_destroy(&p->lock);
    pthread_cond_destroy(&p->changed);
    mem_free(p->items);
    mem_free(p);
}

bool publisher_is_idle(const struct publisher *p)
{
    return !p->is_busy;
}

void publisher_submit(struct publisher *p, struct log_publication *items, size_t count)
{
    pthread_mutex_lock(&p->lock);
    p->items = items;
    p->count = count;
    p->is_busy = true;
    if (p->is_inline) {
        work(p);
    }
    p->state = p->is_inline ? DONE : SUBMITTED;
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
}

bool publisher_is_done(struct publisher *p)
{
    if (!p->is_busy) {
        return false;
    }
    pthread_mutex_lock(&p->lock);
    bool is_done = p->state == DONE;
    pthread_mutex_unlock(&p->lock);
    return is_done;
}

struct log_publication *publisher_take(struct publisher *p, size_t *ret_count)
{
    struct log_publication *items = NULL;
    uint64_t drained;

    pthread_mutex_lock(&p->lock);
    if (p->state == DONE) {
        items = TAKE(p->items);
        *ret_count = p->count;
        p->state = IDLE;
        p->is_busy = false;
        if (p->fd >= 0 && read(p->fd, &drained, sizeof(drained)) < 0 && errno != EAGAIN) {
            log_error("ledger: eventfd: errno %d", errno);
        }
    }
    pthread_mutex_unlock(&p->lock);
    return items;
}

int publisher_fd(const struct publisher *p)
{
    return p->fd;
}
