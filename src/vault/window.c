#include "vault/window.h"

#include <stdatomic.h>

#define PAGE         4096u
#define WINDOW_BYTES (1024 * 1024u)
#define SMALL_BYTES  (2 * PAGE + STREAM_CHUNK + SUITE_TAG_MAX + PAGE)
/* Of all large reads: two for each of 16 readers. */
#define BUFFERS_MAX 32

struct part {
    uint8_t *p;
    size_t cap;
    uint64_t from, until; /* chunks in it */
    uint64_t at;          /* file offset of p */
    size_t need;          /* bytes from p that must come */
    struct window *w;
    struct pool_job job;
    bool is_under_way;
    struct result r;
    struct error e;
};

struct window {
    struct vault *v;
    const struct extent *x;
    struct fs_file *file;
    uint64_t next, until; /* chunks: to be given out, end */
    uint64_t planned;     /* next to be read */
    size_t sealed_chunk;  /* bytes of a full chunk with its tag */
    uint64_t file_bytes;
    unsigned counted; /* big buffers */
    struct part parts[2];
    unsigned current;
};

static uint8_t *take_buffer(struct window *w, size_t *ret_cap)
{
    void *p = NULL;
    uint64_t before = atomic_fetch_add(&w->v->reader_buffers, 1);
    if (before < BUFFERS_MAX && result_is_ok(mem_try_aligned(WINDOW_BYTES + 4 * PAGE, &p))) {
        w->counted++;
        *ret_cap = WINDOW_BYTES + 4 * PAGE;
        return p;
    }
    atomic_fetch_sub(&w->v->reader_buffers, 1);
    return NULL;
}

static uint64_t chunk_offset(const struct window *w, uint64_t chunk)
{
    return BLOB_HEADER_FILE + chunk * w->sealed_chunk;
}

/* Chunks from w->planned that fit. */
static void plan(struct window *w, struct part *p)
{
    p->from = w->planned;
    uint64_t start = chunk_offset(w, p->from);
    p->at = start / PAGE * PAGE;
    uint64_t room = p->cap - PAGE; /* the end is rounded up to a page */
    uint64_t count = (room - (start - p->at)) / w->sealed_chunk;
    p->until = MIN(p->from + count, w->until);
    p->need = (size_t)(MIN(chunk_offset(w, p->until), w->file_bytes) - p->at);
    w->planned = p->until;
}

static struct result read_part(struct part *p)
{
    struct window *w = p->w;
    if (w->file == NULL) {
        char path[BLOB_PATH_BYTES];
        blob_path(&w->x->uid, path);
        TRY(fs_open(w->v->config.fs, path, FS_READ | FS_DIRECT, &w->file, &p->e));
    }
    size_t got = 0;
    struct result r =
            fs_pread(w->file, p->p, (p->need + PAGE - 1) / PAGE * PAGE, p->at, &got, &p->e);
    if (r.code == ERRC_CLOSED && got >= p->need) {
        return RESULT_OK; /* the file ends within a page */
    }
    if (r.code == ERRC_CLOSED) {
        return error_set(&p->e, ERRC_INTEGRITY, "the file is too short");
    }
    return r;
}

static void run_read(void *arg)
{
    struct part *p = arg;
    p->r = read_part(p);
}

static void start(struct window *w, struct part *p)
{
    plan(w, p);
    p->w = w;
    if (w->v->config.pool == NULL) {
        run_read(p);
        return;
    }
    p->job = (struct pool_job){ .fn = run_read, .arg = p };
    p->is_under_way = true;
    pool_submit(w->v->config.pool, &p->job);
}

static void finish(struct part *p)
{
    if (p->is_under_way) {
        result_ignore(co_event_wait(&p->job.done, INT64_MAX));
        p->is_under_way = false;
    }
}

RESULT window_open(struct vault *v, const struct extent *x, uint64_t from, uint64_t until,
                   struct window **ret, struct error *e)
{
    struct window *w = mem_zalloc(sizeof(*w));
    struct part *p = &w->parts[0];
    uint64_t sealed = 0;
    w->v = v;
    w->x = x;
    w->next = w->planned = from;
    w->until = until;
    w->sealed_chunk = STREAM_CHUNK + suite_tag_len(x->suite);
    struct result r = stream_sealed_len(x->suite, x->size, &sealed);
    w->file_bytes = BLOB_HEADER_FILE + sealed;
    if (result_is_ok(r) && until - from > 1) {
        p->p = take_buffer(w, &p->cap);
    }
    if (result_is_ok(r) && p->p == NULL) {
        void *small = NULL;
        p->cap = SMALL_BYTES / PAGE * PAGE;
        r = mem_try_aligned(p->cap, &small);
        p->p = small;
    }
    if (!result_is_ok(r)) {
        window_close(w);
        return error_set(e, r.code, "read buffer");
    }
    start(w, p);
    *ret = w;
    return RESULT_OK;
}

void window_close(struct window *w)
{
    if (w == NULL) {
        return;
    }
    for (unsigned i = 0; i < 2; i++) {
        finish(&w->parts[i]);
        mem_free(w->parts[i].p);
    }
    atomic_fetch_sub(&w->v->reader_buffers, w->counted);
    fs_close(w->file);
    mem_free(w);
}

static RESULT check_header(const struct window *w, struct bytes in, struct error *e)
{
    struct blob_header h;
    const struct extent *x = w->x;
    struct result r = blob_header_take(&in, &h, e);
    if (r.code == ERRC_FORMAT) {
        return error_set(e, ERRC_INTEGRITY, "blob header: malformed");
    }
    TRY(r);
    if (memcmp(h.uid.b, x->uid.b, sizeof(h.uid.b)) != 0 || h.suite != x->suite ||
        memcmp(h.prefix, x->prefix, sizeof(h.prefix)) != 0) {
        FAIL(e, ERRC_INTEGRITY, "blob header: of another blob");
    }
    return RESULT_OK;
}

/* Waits for the part that has the next chunk, and sets off the one after it. */
static RESULT advance(struct window *w, struct part **ret, struct error *e)
{
    struct part *p = &w->parts[w->current];
    if (w->next >= p->until) {
        struct part *other = &w->parts[1 - w->current];
        if (other->p != NULL) {
            w->current = 1 - w->current;
            p = other;
        } else {
            start(w, p);
        }
    }
    bool is_fresh = p->is_under_way || w->next == p->from;
    finish(p);
    if (!result_is_ok(p->r)) {
        if (e != NULL) {
            *e = p->e;
        }
        return p->r;
    }
    if (is_fresh && w->planned < w->until) {
        struct part *other = &w->parts[1 - w->current];
        if (other->p == NULL && p->cap > WINDOW_BYTES) {
            other->p = take_buffer(w, &other->cap);
        }
        if (other->p != NULL && !other->is_under_way) {
            start(w, other);
        }
    }
    *ret = p;
    return RESULT_OK;
}

RESULT window_next(struct window *w, uint8_t **ret, size_t *ret_n, struct error *e)
{
    struct part *p = NULL;
    TRY(advance(w, &p, e));
    if (w->next == 0) {
        TRY(check_header(w, bytes_of(p->p, MIN(p->need, (size_t)BLOB_HEADER_FILE)), e));
    }
    uint64_t from = chunk_offset(w, w->next), to = MIN(from + w->sealed_chunk, w->file_bytes);
    *ret = p->p + (from - p->at);
    *ret_n = (size_t)(to - from);
    w->next++;
    return RESULT_OK;
}
