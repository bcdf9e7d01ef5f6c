/* DeleteObject, DeleteObjects. */
#include "api/s3/access.h"
#include "api/s3/object.h"
#include "api/s3/xml_in.h"
#include "base/log.h"
#include "net/xml.h"

/* A condition that is not understood must not be taken for none. False: answered. */
static bool is_unconditional(struct s3_request *r)
{
    static const char *const conditions[] = { "if-match", "x-amz-if-match-last-modified-time",
                                              "x-amz-if-match-size" };
    for (size_t i = 0; i < ARRAY_LEN(conditions); i++) {
        if (s3_header(r, conditions[i]).p != NULL) {
            s3_fail(r, S3_NOT_IMPLEMENTED, "Conditional deletes are not implemented.");
            return false;
        }
    }
    return true;
}

void s3_delete_object(struct s3_request *r)
{
    struct error e;
    bool existed = false;
    if (!s3_version_in(r) || !is_unconditional(r)) {
        return;
    }
    if (!result_is_ok(vault_delete(&r->cx, &r->bucket, r->key, "", &existed, &e))) {
        s3_fail_with(r, S3_NO_SUCH_BUCKET, &e);
        return;
    }
    s3_reply(r, 204);
}

#define DELETE_PARALLEL 16

/* Shared by the workers of one DeleteObjects: coroutines of one loop, so that their entries and
 * commits share groups. */
struct delete_job {
    struct s3_request *r;
    struct s3_delete_item *items;
    enum s3_error *errors; /* of each item */
    size_t n, next;
    unsigned running;
    struct co_event done;
};

static enum s3_error delete_one(struct s3_request *r, const struct s3_delete_item *item)
{
    struct error e;
    bool existed = false;
    if (item->version.n > 0 && !bytes_equal_str(item->version, "null")) {
        return S3_NO_SUCH_VERSION;
    }
    if (item->key.n == 0 || item->key.n > VAULT_KEY_MAX) {
        return S3_KEY_TOO_LONG;
    }
    if (item->has_condition) {
        return S3_NOT_IMPLEMENTED;
    }
    if (!s3_may(r, "s3:DeleteObject", &r->bucket, item->key)) {
        r->denied_action = "s3:DeleteObject";
        s3_refusal_log(r, S3_ACCESS_DENIED);
        return S3_ACCESS_DENIED;
    }
    struct result res = vault_delete(&r->cx, &r->bucket, item->key, "", &existed, &e);
    enum s3_error err = s3_error_of(res.code, S3_NO_SUCH_BUCKET);
    if (err == S3_INTERNAL_ERROR) {
        log_error("request %s: %s", r->id, e.msg);
    }
    return err;
}

static void delete_worker(void *arg)
{
    struct delete_job *job = arg;
    while (job->next < job->n) {
        size_t i = job->next++;
        job->errors[i] = delete_one(job->r, &job->items[i]);
    }
    if (--job->running == 0) {
        co_event_set(&job->done);
    }
}

static void delete_all(struct delete_job *job)
{
    co_event_init(&job->done);
    job->running = 1;
    for (unsigned i = 1; i < DELETE_PARALLEL && i < job->n && co_is_inside(); i++) {
        job->running++;
        if (!result_is_ok(co_spawn(loop_current(), delete_worker, job, NULL))) {
            job->running--;
            break;
        }
    }
    delete_worker(job);
    result_ignore(co_event_wait(&job->done, INT64_MAX));
}

static void outcome_out(struct buf *xml, const struct s3_delete_item *item, enum s3_error err)
{
    const char *element = err == S3_OK ? "Deleted" : "Error";
    xml_open(xml, element);
    xml_element(xml, "Key", item->key);
    if (item->version.n > 0) {
        xml_element(xml, "VersionId", item->version);
    }
    if (err != S3_OK) {
        xml_element_str(xml, "Code", s3_error_info(err)->code);
        xml_element_str(xml, "Message", s3_error_info(err)->message);
    }
    xml_close(xml, element);
}

void s3_delete_objects(struct s3_request *r)
{
    struct delete_job job = { .r = r };
    bool is_quiet = false;
    const struct xml_node *root = s3_read_xml(r, "Delete");
    if (root == NULL) {
        return;
    }
    enum s3_error err = s3_xml_delete(root, r->arena, &job.items, &job.n, &is_quiet);
    if (err != S3_OK) {
        s3_fail(r, err, NULL);
        return;
    }
    job.errors = arena_zalloc(r->arena, sizeof(*job.errors) * job.n);
    delete_all(&job);
    CLEANUP(buf_done_p) struct buf xml = BUF(16u * 1024 * 1024);
    xml_begin(&xml);
    xml_open_ns(&xml, "DeleteResult", S3_XMLNS);
    for (size_t i = 0; i < job.n; i++) {
        if (job.errors[i] != S3_OK || !is_quiet) {
            outcome_out(&xml, &job.items[i], job.errors[i]);
        }
    }
    xml_close(&xml, "DeleteResult");
    s3_reply_xml(r, &xml);
}
