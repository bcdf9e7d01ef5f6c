/* Worker threads for calls that may block. */
#include "sys/co.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>

struct pool {
    pthread_mutex_t lock;
    pthread_cond_t has_work;
    struct list jobs;
    bool is_ending;
    unsigned thread_count;
    pthread_t threads[];
};

static void *pool_work(void *arg)
{
    struct pool *p = arg;
    pthread_mutex_lock(&p->lock);
    for (;;) {
        struct list *item = list_pop_front(&p->jobs);
        if (item != NULL) {
            pthread_mutex_unlock(&p->lock);
            struct pool_job *job = LIST_ITEM(item, struct pool_job, item_);
            job->fn(job->arg);
            co_event_set(&job->done); /* the job may be gone after this */
            pthread_mutex_lock(&p->lock);
        } else if (p->is_ending) {
            break;
        } else {
            pthread_cond_wait(&p->has_work, &p->lock);
        }
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

struct result pool_new(unsigned threads, struct pool **ret, struct error *e)
{
    assert(threads > 0);
    struct pool *p = mem_zalloc(sizeof(*p) + threads * sizeof(p->threads[0]));
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->has_work, NULL);
    list_init(&p->jobs);
    sigset_t all, old; /* signals are the business of the thread that made the pool */
    sigfillset(&all);
    const int own[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGSYS }; /* but those it raises itself */
    for (size_t i = 0; i < ARRAY_LEN(own); i++) {
        sigdelset(&all, own[i]);
    }
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int err = 0;
    while (err == 0 && p->thread_count < threads) {
        err = pthread_create(&p->threads[p->thread_count], NULL, pool_work, p);
        p->thread_count += err == 0;
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (err != 0) {
        pool_free(p);
        return error_set_sys(e, err, "start a worker thread");
    }
    *ret = p;
    return RESULT_OK;
}

void pool_free(struct pool *p)
{
    if (p == NULL) {
        return;
    }
    pthread_mutex_lock(&p->lock);
    p->is_ending = true;
    pthread_cond_broadcast(&p->has_work);
    pthread_mutex_unlock(&p->lock);
    for (unsigned i = 0; i < p->thread_count; i++) {
        pthread_join(p->threads[i], NULL);
    }
    pthread_cond_destroy(&p->has_work);
    pthread_mutex_destroy(&p->lock);
    mem_free(p);
}

void pool_submit(struct pool *p, struct pool_job *job)
{
    co_event_init(&job->done);
    pthread_mutex_lock(&p->lock);
    list_push_back(&p->jobs, &job->item_);
    pthread_cond_signal(&p->has_work);
    pthread_mutex_unlock(&p->lock);
}

void co_call(struct pool *p, void (*fn)(void *arg), void *arg)
{
    if (p == NULL || !co_is_inside()) {
        fn(arg);
        return;
    }
    struct pool_job job = { .fn = fn, .arg = arg };
    pool_submit(p, &job);
    result_ignore(co_event_wait(&job.done, INT64_MAX)); /* without a deadline it can't fail */
}
