/* GetObject, HeadObject. */
#include "api/s3/access.h"
#include "api/s3/headers.h"
#include "api/s3/object.h"
#include "api/s3/range.h"
#include "base/text.h"

bool s3_version_in(struct s3_request *r)
{
    struct bytes v = s3_param_or(r, "versionId", BYTES_LIT("null"));
    if (bytes_equal_str(v, "null")) {
        return true;
    }
    s3_fail(r, S3_NO_SUCH_VERSION, NULL);
    return false;
}

/* What of the object is asked for. */
struct span {
    bool is_partial;
    uint64_t from, n;
    bool has_part; /* partNumber: answers x-amz-mp-parts-count */
};

/* A look at an object that ends without its body is an act too. False: answered. */
static bool look_log(struct s3_request *r, bool is_logged)
{
    struct vault_object o;
    struct error e;
    if (!is_logged && !result_is_ok(vault_head(&r->cx, &r->bucket, r->key, "", true, &o, &e))) {
        s3_fail_with(r, S3_NO_SUCH_KEY, &e);
        return false;
    }
    return true;
}

static bool conditions_hold(struct s3_request *r, bool is_logged, const struct vault_object *o)
{
    struct vault_conditions c = { 0 };
    s3_conditions_in(r, "", &c);
    enum vault_verdict verdict = vault_conditions_eval(&c, o);
    if (verdict == VAULT_PROCEED) {
        return true;
    }
    if (!look_log(r, is_logged)) {
        return false;
    }
    if (verdict == VAULT_NOT_MODIFIED) {
        s3_etag_header(r, o->etag);
        s3_reply(r, 304);
    } else {
        s3_fail(r, S3_PRECONDITION_FAILED, NULL);
    }
    return false;
}

/* Looks up and weighs the conditions. False: answered. */
static bool object_find(struct s3_request *r, bool log_it, struct vault_object *ret)
{
    struct error e;
    if (!s3_version_in(r)) {
        return false;
    }
    struct result res = vault_head(&r->cx, &r->bucket, r->key, "", log_it, ret, &e);
    if (!result_is_ok(res)) {
        s3_fail_with(r, S3_NO_SUCH_KEY, &e);
        return false;
    }
    return conditions_hold(r, log_it, ret);
}

/* RFC 9110 section 13.1.5: the range holds for this very object, or the whole is wanted. */
static bool range_is_current(struct s3_request *r, const struct vault_object *o)
{
    struct bytes v = s3_header(r, "If-Range");
    int64_t at = 0;
    if (v.p == NULL) {
        return true;
    }
    if (result_is_ok(time_parse_http(v, &at))) {
        return at / 1000 == o->modified_ms / 1000;
    }
    return bytes_equal_str(v, arena_printf(r->arena, "\"%s\"", o->etag));
}

static void range_refuse(struct s3_request *r, bool is_logged, const struct vault_object *o)
{
    if (look_log(r, is_logged)) {
        http_set_header_str(r->x, "Content-Range",
                            arena_printf(r->arena, "bytes */%llu", (unsigned long long)o->size));
        s3_fail(r, S3_INVALID_RANGE, NULL);
    }
}

static bool part_find(struct s3_request *r, bool is_logged, const struct vault_object *o,
                      struct span *ret)
{
    uint32_t number = 0;
    struct error e;
    if (!s3_part_number(r, &number)) {
        return false;
    }
    struct result res = vault_part_range(&r->cx, o, number, &ret->from, &ret->n, &e);
    if (res.code == ERRC_NOT_FOUND) {
        if (look_log(r, is_logged)) {
            s3_fail(r, S3_INVALID_PART_NUMBER, NULL);
        }
        return false;
    }
    if (!result_is_ok(res)) {
        s3_fail_with(r, S3_NO_SUCH_KEY, &e);
        return false;
    }
    ret->has_part = true;
    ret->is_partial = o->size > 0;
    return true;
}

/* Range or partNumber. False: answered. */
static bool span_find(struct s3_request *r, bool is_logged, const struct vault_object *o,
                      struct span *ret)
{
    struct bytes range = s3_header(r, "Range"), part;
    *ret = (struct span){ .n = o->size };
    if (s3_param(r, "partNumber", &part)) {
        if (range.p != NULL) {
            s3_fail(r, S3_INVALID_REQUEST,
                    "Cannot specify both Range header and partNumber query parameter");
            return false;
        }
        return part_find(r, is_logged, o, ret);
    }
    if (!range_is_current(r, o)) {
        return true;
    }
    enum s3_range verdict = s3_range_parse(range, o->size, &ret->from, &ret->n);
    if (verdict == S3_RANGE_UNSATISFIABLE) {
        range_refuse(r, is_logged, o);
        return false;
    }
    ret->is_partial = verdict == S3_RANGE_GOOD;
    return true;
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

static void head_out(struct s3_request *r, const struct vault_object *o, const struct span *sp)
{
    s3_object_headers(r, o);
    overrides(r);
    if (sp->is_partial) {
        http_set_header_str(r->x, "Content-Range",
                            arena_printf(r->arena, "bytes %llu-%llu/%llu",
                                         (unsigned long long)sp->from,
                                         (unsigned long long)(sp->from + sp->n - 1),
                                         (unsigned long long)o->size));
    }
    if (sp->has_part && o->part_count > 0) {
        http_set_header_str(r->x, "x-amz-mp-parts-count",
                            arena_printf(r->arena, "%u", o->part_count));
    }
}

/* The first bytes are opened before the head goes out: what fails there is still a clean error. */
static void body_out(struct s3_request *r, const struct vault_object *o,
                     struct vault_reader *reader, const struct span *sp)
{
    struct error e;
    struct bytes part;
    if (!result_is_ok(vault_get_read(reader, &part, &e))) {
        s3_fail_with(r, S3_NO_SUCH_KEY, &e);
        return;
    }
    head_out(r, o, sp);
    if (!result_is_ok(http_begin(r->x, sp->is_partial ? 206 : 200, (int64_t)sp->n, &e))) {
        return;
    }
    while (part.n > 0) {
        if (!result_is_ok(http_write(r->x, part, &e))) {
            return;
        }
        r->bytes_out += part.n;
        if (!s3_may_still(r)) {
            s3_fail(r, S3_ACCESS_DENIED, "the access ended meanwhile");
            return;
        }
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
        struct span sp;
        if (!object_find(r, false, &o) || !span_find(r, false, &o, &sp)) {
            return;
        }
        CLEANUP(vault_get_close_p) struct vault_reader *reader = NULL;
        struct error e;
        struct result res = vault_get_open(&r->cx, &r->bucket, &o, sp.from, sp.n, &reader, &e);
        if (result_is_ok(res)) {
            body_out(r, &o, reader, &sp);
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
    struct span sp;
    struct error e;
    if (!object_find(r, true, &o) || !span_find(r, true, &o, &sp)) {
        return;
    }
    head_out(r, &o, &sp);
    if (result_is_ok(http_begin(r->x, sp.is_partial ? 206 : 200, (int64_t)sp.n, &e))) {
        result_ignore(http_end(r->x, &e));
    }
}
