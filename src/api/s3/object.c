/* PutObject, UploadPart, GetObject, HeadObject, DeleteObject(s). */
#include "api/s3/object.h"

#include "api/s3/body.h"
#include "api/s3/headers.h"
#include "base/text.h"
#include "net/xml.h"

#define RECEIPT_MAX (128 * 1024)

/* --- in --- */

/* The announced length is there: what is left to read is the end, with its signatures and trailers.
 */
static bool body_finish(struct s3_body *b, enum s3_error *ret_err, struct error *e)
{
    uint8_t more;
    size_t n = 0;
    if (!s3_body_read(b, &more, 1, &n, ret_err, e)) {
        return false;
    }
    if (n != 0) {
        *ret_err = S3_INVALID_REQUEST;
        result_ignore(error_set(e, ERRC_FORMAT, "The body is longer than announced."));
    }
    return n == 0;
}

/* Copies the body into the writer. False: *ret_err and e say why. */
static bool body_stream(struct s3_body *b, struct vault_writer *w, enum s3_error *ret_err,
                        struct error *e)
{
    while (!b->has_length || b->got < b->length) {
        uint8_t *space = NULL;
        size_t cap = 0, n = 0;
        struct result res = vault_put_space(w, &space, &cap, e);
        if (result_is_ok(res)) {
            if (!s3_body_read(b, space, cap, &n, ret_err, e)) {
                return false;
            }
            if (n == 0) {
                return true;
            }
            res = vault_put_wrote(w, n, e);
        }
        if (!result_is_ok(res)) {
            *ret_err = s3_error_of(res.code, S3_NO_SUCH_BUCKET);
            return false;
        }
    }
    return body_finish(b, ret_err, e);
}

static bool digests_hold(struct s3_body *b, struct vault_writer *w, enum s3_error *ret_err,
                         struct error *e)
{
    struct vault_checksums have;
    bool has_sha256 = false;
    uint8_t digest[SHA256_BYTES];
    struct result res = vault_put_digests(w, &have, &has_sha256, digest, e);
    if (!result_is_ok(res)) {
        *ret_err = s3_error_of(res.code, S3_NO_SUCH_BUCKET);
        return false;
    }
    if (has_sha256) {
        have.known |= 1u << VAULT_SHA256;
        memcpy(have.value[VAULT_SHA256].b, digest, sizeof(digest));
        have.value[VAULT_SHA256].n = sizeof(digest);
    }
    return s3_body_check(b, &have, ret_err, e);
}

static bool length_is_known(struct s3_request *r)
{
    if (r->http->has_length || r->http->is_chunked) {
        return true;
    }
    s3_fail(r, S3_MISSING_CONTENT_LENGTH, NULL);
    return false;
}

static enum s3_error not_found_of(const struct vault_put *put)
{
    return put->upload_id != NULL ? S3_NO_SUCH_UPLOAD : S3_NO_SUCH_BUCKET;
}

/* Body in, checked, committed. False: answered. */
static bool put_body(struct s3_request *r, struct vault_put *put, struct vault_object *ret,
                     struct buf *receipt)
{
    CLEANUP(s3_body_done_p) struct s3_body b = { 0 };
    enum s3_error err = S3_OK;
    struct error e = { 0 };
    if (!s3_body_open(r, &b, &err, &e) || !s3_body_wanted(&b, &put->checksums_wanted, &err, &e)) {
        s3_fail(r, err, e.msg);
        return false;
    }
    put->has_size = b.has_length;
    put->size = b.length;
    uint64_t most = put->upload_id != NULL ? VAULT_PART_MAX : VAULT_OBJECT_MAX;
    if (put->has_size && put->size > most) {
        s3_fail(r, S3_ENTITY_TOO_LARGE, NULL);
        return false;
    }
    struct vault_writer *w = NULL;
    if (!result_is_ok(vault_put_begin(&r->cx, put, &w, &e))) {
        s3_fail_with(r, not_found_of(put), &e);
        return false;
    }
    bool is_whole = body_stream(&b, w, &err, &e);
    r->bytes_in += b.got;
    if (!is_whole || !digests_hold(&b, w, &err, &e)) {
        vault_put_abort(w);
        s3_fail(r, err, err == S3_INTERNAL_ERROR ? NULL : e.msg);
        return false;
    }
    if (!result_is_ok(vault_put_commit(w, ret, receipt, &e))) {
        s3_fail_with(r, not_found_of(put), &e);
        return false;
    }
    return true;
}

void s3_put_object(struct s3_request *r)
{
    struct vault_put put = { .bucket = &r->bucket, .key = r->key };
    if (!s3_unsupported_in(r) || !length_is_known(r) || !s3_metadata_in(r, &put) ||
        !s3_encryption_in(r, &put) || !s3_tagging_in(r, &put)) {
        return;
    }
    s3_conditions_in(r, "", &put.conditions);
    put.conditions.has_modified_since = put.conditions.has_unmodified_since = false;
    CLEANUP(buf_done_p) struct buf receipt = BUF(RECEIPT_MAX);
    struct vault_object o;
    if (!put_body(r, &put, &o, &receipt)) {
        return;
    }
    s3_etag_header(r, o.etag);
    s3_encryption_headers(r, &o);
    s3_checksum_headers(r, &o);
    s3_receipt_header(r, &receipt);
    s3_reply(r, 200);
}

bool s3_part_number(struct s3_request *r, uint32_t *ret)
{
    uint64_t n = 0;
    if (!result_is_ok(
                num_u64(s3_param_or(r, "partNumber", BYTES_LIT("")), 1, VAULT_PARTS_MAX, &n))) {
        s3_fail(r, S3_INVALID_ARGUMENT,
                "Part number must be an integer between 1 and 10000, inclusive");
        return false;
    }
    *ret = (uint32_t)n;
    return true;
}

bool s3_upload_settings(struct s3_request *r, const char **ret_id, struct vault_put *ret)
{
    struct error e;
    struct bytes id = s3_param_or(r, "uploadId", BYTES_LIT(""));
    *ret_id = arena_str(r->arena, id);
    if (id.n != VAULT_UPLOAD_ID_BYTES - 1) {
        s3_fail(r, S3_NO_SUCH_UPLOAD, NULL);
        return false;
    }
    if (!result_is_ok(vault_upload_get(&r->cx, &r->bucket, r->key, *ret_id, ret, &e))) {
        s3_fail_with(r, S3_NO_SUCH_UPLOAD, &e);
        return false;
    }
    return true;
}

void s3_upload_part(struct s3_request *r)
{
    struct vault_put put;
    const char *id = NULL;
    uint32_t number = 0;
    if (!s3_unsupported_in(r) || !length_is_known(r) || !s3_part_number(r, &number) ||
        !s3_upload_settings(r, &id, &put)) {
        return;
    }
    put.bucket = &r->bucket;
    put.key = r->key;
    put.upload_id = id;
    put.part_number = number;
    struct vault_object o;
    if (!put_body(r, &put, &o, NULL)) {
        return;
    }
    s3_etag_header(r, o.etag);
    s3_encryption_headers(r, &o);
    s3_checksum_headers(r, &o);
    s3_reply(r, 200);
}

/* --- out --- */

enum range_verdict { RANGE_NONE, RANGE_GOOD, RANGE_UNSATISFIABLE };

/* RFC 9110 section 14: one byte range; anything malformed or multiple is ignored, as S3 does. */
static enum range_verdict range_parse(struct bytes v, uint64_t size, uint64_t *ret_from,
                                      uint64_t *ret_n)
{
    struct bytes unit = BYTES_LIT("bytes="), first;
    if (!bytes_has_prefix(v, unit)) {
        return RANGE_NONE;
    }
    struct bytes last = bytes_slice(v, unit.n, v.n);
    if (!bytes_split(&last, '-', &first)) {
        return RANGE_NONE;
    }
    uint64_t from = 0, to = 0;
    if (first.n == 0) {
        if (!result_is_ok(num_u64(last, 0, UINT64_MAX, &to))) {
            return RANGE_NONE;
        }
        to = MIN(to, size);
        *ret_from = size - to;
        *ret_n = to;
        return to == 0 ? RANGE_UNSATISFIABLE : RANGE_GOOD;
    }
    if (!result_is_ok(num_u64(first, 0, UINT64_MAX, &from)) ||
        (last.n > 0 && !result_is_ok(num_u64(last, 0, UINT64_MAX, &to))) ||
        (last.n > 0 && to < from)) {
        return RANGE_NONE;
    }
    if (from >= size) {
        return RANGE_UNSATISFIABLE;
    }
    *ret_from = from;
    *ret_n = (last.n == 0 || to >= size ? size - 1 : to) - from + 1;
    return RANGE_GOOD;
}

bool s3_version_in(struct s3_request *r)
{
    struct bytes v = s3_param_or(r, "versionId", BYTES_LIT("null"));
    if (bytes_equal_str(v, "null")) {
        return true;
    }
    s3_fail(r, S3_NO_SUCH_VERSION, NULL);
    return false;
}

/* Looks up and weighs the conditions. False: answered. */
static bool object_find(struct s3_request *r, bool log_it, struct vault_object *ret)
{
    struct error e;
    if (!s3_version_in(r)) {
        return false;
    }
    struct bytes part = s3_param_or(r, "partNumber", BYTES_LIT("1"));
    struct result res = vault_head(&r->cx, &r->bucket, r->key, "", log_it, ret, &e);
    if (!result_is_ok(res)) {
        s3_fail_with(r, S3_NO_SUCH_KEY, &e);
        return false;
    }
    if (!bytes_equal_str(part, "1") || (ret->part_count > 1 && s3_param(r, "partNumber", &part))) {
        s3_fail(r, S3_NOT_IMPLEMENTED, "Reading a single part is not implemented.");
        return false;
    }
    struct vault_conditions c = { 0 };
    s3_conditions_in(r, "", &c);
    switch (vault_conditions_eval(&c, ret)) {
    case VAULT_PROCEED:
        return true;
    case VAULT_NOT_MODIFIED:
        s3_etag_header(r, ret->etag);
        s3_reply(r, 304);
        return false;
    case VAULT_PRECONDITION_FAILED:
        break;
    }
    s3_fail(r, S3_PRECONDITION_FAILED, NULL);
    return false;
}

/* response-content-type and kin override what is stored. */
static void overrides(struct s3_request *r)
{
    static const struct {
        const char *param, *header;
    } table[] = {
        { "response-content-type", "Content-Type" },
        { "response-content-language", "Content-Language" },
        { "response-expires", "Expires" },
        { "response-cache-control", "Cache-Control" },
        { "response-content-disposition", "Content-Disposition" },
        { "response-content-encoding", "Content-Encoding" },
    };
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct bytes v;
        if (s3_param(r, table[i].param, &v) && text_is_printable(v)) {
            http_set_header(r->x, table[i].header, v);
        }
    }
}

static void range_refuse(struct s3_request *r, const struct vault_object *o)
{
    http_set_header_str(r->x, "Content-Range",
                        arena_printf(r->arena, "bytes */%llu", (unsigned long long)o->size));
    s3_fail(r, S3_INVALID_RANGE, NULL);
}

static void head_out(struct s3_request *r, const struct vault_object *o, enum range_verdict range,
                     uint64_t from, uint64_t n)
{
    s3_object_headers(r, o);
    overrides(r);
    if (range == RANGE_GOOD) {
        http_set_header_str(r->x, "Content-Range",
                            arena_printf(r->arena, "bytes %llu-%llu/%llu", (unsigned long long)from,
                                         (unsigned long long)(from + n - 1),
                                         (unsigned long long)o->size));
    }
}

/* The first bytes are opened before the head goes out: what fails there is still a clean error. */
static void body_out(struct s3_request *r, const struct vault_object *o,
                     struct vault_reader *reader, enum range_verdict range, uint64_t from,
                     uint64_t n)
{
    struct error e;
    struct bytes part;
    if (!result_is_ok(vault_get_read(reader, &part, &e))) {
        s3_fail_with(r, S3_NO_SUCH_KEY, &e);
        return;
    }
    head_out(r, o, range, from, n);
    if (!result_is_ok(http_begin(r->x, range == RANGE_GOOD ? 206 : 200, (int64_t)n, &e))) {
        return;
    }
    while (part.n > 0) {
        if (!result_is_ok(http_write(r->x, part, &e))) {
            return;
        }
        r->bytes_out += part.n;
        if (!result_is_ok(vault_get_read(reader, &part, &e))) {
            s3_fail_with(r, S3_NO_SUCH_KEY, &e);
            return;
        }
    }
    result_ignore(http_end(r->x, &e));
}

#define GET_TRIES 4 /* when the object is replaced between look-up and opening */

void s3_get_object(struct s3_request *r)
{
    for (unsigned i = 0; i < GET_TRIES; i++) {
        struct vault_object o;
        if (!object_find(r, false, &o)) {
            return;
        }
        uint64_t from = 0, n = o.size;
        enum range_verdict range = range_parse(s3_header(r, "Range"), o.size, &from, &n);
        if (range == RANGE_UNSATISFIABLE) {
            range_refuse(r, &o);
            return;
        }
        CLEANUP(vault_get_close_p) struct vault_reader *reader = NULL;
        struct error e;
        struct result res = vault_get_open(&r->cx, &r->bucket, &o, from, n, &reader, &e);
        if (result_is_ok(res)) {
            body_out(r, &o, reader, range, from, n);
            return;
        }
        if (res.code != ERRC_AGAIN || i + 1 == GET_TRIES || !rpc_client_is_up(r->l->scribe) ||
            !rpc_client_is_up(r->l->keeper)) {
            s3_fail_with(r, S3_NO_SUCH_KEY, &e);
            return;
        }
    }
}

void s3_head_object(struct s3_request *r)
{
    struct vault_object o;
    struct error e;
    if (!object_find(r, true, &o)) {
        return;
    }
    uint64_t from = 0, n = o.size;
    enum range_verdict range = range_parse(s3_header(r, "Range"), o.size, &from, &n);
    if (range == RANGE_UNSATISFIABLE) {
        range_refuse(r, &o);
        return;
    }
    head_out(r, &o, range, from, n);
    if (result_is_ok(http_begin(r->x, range == RANGE_GOOD ? 206 : 200, (int64_t)n, &e))) {
        result_ignore(http_end(r->x, &e));
    }
}

/* --- away --- */

void s3_delete_object(struct s3_request *r)
{
    struct error e;
    bool existed = false;
    if (!s3_version_in(r)) {
        return;
    }
    if (!result_is_ok(vault_delete(&r->cx, &r->bucket, r->key, "", &existed, &e))) {
        s3_fail_with(r, S3_NO_SUCH_BUCKET, &e);
        return;
    }
    s3_reply(r, 204);
}

#define DELETE_MAX      1000
#define DELETE_PARALLEL 16

struct delete_item {
    struct bytes key;
    struct bytes version;
    enum s3_error err;
    const char *message;
};

/* Shared by the workers of one DeleteObjects: coroutines of one loop, so that their entries and
 * commits share groups. */
struct delete_job {
    struct s3_request *r;
    struct delete_item *items;
    size_t n, next;
    unsigned running;
    struct co_event done;
};

static void delete_one(struct delete_job *job, struct delete_item *item)
{
    struct s3_request *r = job->r;
    struct error e;
    bool existed = false;
    if (item->version.n > 0 && !bytes_equal_str(item->version, "null")) {
        item->err = S3_NO_SUCH_VERSION;
    } else if (item->key.n == 0 || item->key.n > VAULT_KEY_MAX) {
        item->err = S3_KEY_TOO_LONG;
    } else {
        struct result res = vault_delete(&r->cx, &r->bucket, item->key, "", &existed, &e);
        item->err = s3_error_of(res.code, S3_NO_SUCH_BUCKET);
    }
    item->message = s3_error_info(item->err)->message;
}

static void delete_worker(void *arg)
{
    struct delete_job *job = arg;
    while (job->next < job->n) {
        delete_one(job, &job->items[job->next++]);
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

static bool delete_items_parse(struct s3_request *r, struct delete_job *job, bool *ret_quiet)
{
    const struct xml_node *root = s3_read_xml(r, "Delete");
    if (root == NULL) {
        return false;
    }
    job->items = arena_zalloc(r->arena, sizeof(*job->items) * DELETE_MAX);
    *ret_quiet = bytes_equal_str(xml_child_text(root, "Quiet"), "true");
    for (const struct xml_node *node = root->first; node != NULL; node = node->next) {
        if (strcmp(node->name, "Object") != 0) {
            continue;
        }
        if (job->n == DELETE_MAX || xml_child(node, "Key") == NULL) {
            s3_fail(r, S3_MALFORMED_XML, NULL);
            return false;
        }
        job->items[job->n].key = xml_child_text(node, "Key");
        job->items[job->n++].version = xml_child_text(node, "VersionId");
    }
    if (job->n == 0) {
        s3_fail(r, S3_MALFORMED_XML, NULL);
        return false;
    }
    return true;
}

void s3_delete_objects(struct s3_request *r)
{
    struct delete_job job = { .r = r };
    bool is_quiet = false;
    if (!delete_items_parse(r, &job, &is_quiet)) {
        return;
    }
    delete_all(&job);
    CLEANUP(buf_done_p) struct buf xml = BUF(16u * 1024 * 1024);
    xml_begin(&xml);
    xml_open_ns(&xml, "DeleteResult", S3_XMLNS);
    for (size_t i = 0; i < job.n; i++) {
        const struct delete_item *item = &job.items[i];
        if (item->err == S3_OK && is_quiet) {
            continue;
        }
        xml_open(&xml, item->err == S3_OK ? "Deleted" : "Error");
        xml_element(&xml, "Key", item->key);
        if (item->err != S3_OK) {
            xml_element_str(&xml, "Code", s3_error_info(item->err)->code);
            xml_element_str(&xml, "Message", item->message);
        }
        xml_close(&xml, item->err == S3_OK ? "Deleted" : "Error");
    }
    xml_close(&xml, "DeleteResult");
    s3_reply_xml(r, &xml);
}
