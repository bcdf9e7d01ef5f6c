/*
 * The target of a request: path style (/bucket/key) or virtual-host style (bucket.<s3.domain>), and
 * the query. Percent-encoding is undone once; keys are bytes of UTF-8, never paths: ".." and
 * control bytes are ordinary in them.
 */
#include "api/s3/request.h"
#include "base/text.h"

static enum s3_error decode(struct s3_request *r, struct bytes in, bool is_query, struct bytes *ret,
                            struct error *e)
{
    CLEANUP(buf_done_p) struct buf out = BUF(64 * 1024);
    if (!result_is_ok(percent_decode(in, is_query, &out)) || !utf8_is_valid(buf_bytes(&out))) {
        result_ignore(
                error_set(e, ERRC_FORMAT,
                          "Could not parse the specified URI: bad percent-encoding or UTF-8."));
        return S3_INVALID_URI;
    }
    *ret = arena_bytes(r->arena, buf_bytes(&out));
    return S3_OK;
}

/* The signature sorts parameters, the reader takes the first: given twice, they could differ. */
static bool is_repeated(const struct s3_request *r, struct bytes name)
{
    for (size_t i = 0; i < r->param_count; i++) {
        if (bytes_equal(r->params[i].name, name)) {
            return true;
        }
    }
    return false;
}

static enum s3_error query_parse(struct s3_request *r, struct error *e)
{
    struct bytes rest = r->http->query, one;
    bool more = rest.n > 0;
    while (more) {
        more = bytes_split(&rest, '&', &one);
        if (one.n == 0) {
            continue;
        }
        if (r->param_count == S3_PARAMS_MAX) {
            result_ignore(error_set(e, ERRC_LIMIT, "more than %d query parameters", S3_PARAMS_MAX));
            return S3_INVALID_URI;
        }
        struct bytes name, value = one;
        struct s3_param *p = &r->params[r->param_count];
        if (!bytes_split(&value, '=', &name)) {
            value = BYTES_LIT("");
        }
        enum s3_error err = decode(r, name, true, &p->name, e);
        if (err == S3_OK) {
            err = decode(r, value, true, &p->value, e);
        }
        if (err != S3_OK) {
            return err;
        }
        if (is_repeated(r, p->name)) {
            result_ignore(error_set(e, ERRC_FORMAT, "A query parameter is given twice."));
            return S3_INVALID_ARGUMENT;
        }
        r->param_count++;
    }
    return S3_OK;
}

/* The bucket that the host names, or nothing. */
static struct bytes host_bucket(const struct s3_request *r)
{
    struct bytes host = r->http->host, head;
    const char *domain = r->settings->s3_domain;
    if (domain[0] == '\0') {
        return BYTES_NONE;
    }
    struct bytes rest = host;
    if (bytes_split(&rest, ':', &head)) {
        host = head;
    }
    size_t n = strlen(domain);
    if (host.n <= n + 1 || host.p[host.n - n - 1] != '.' ||
        !bytes_equal_str_nocase(bytes_slice(host, host.n - n, host.n), domain)) {
        return BYTES_NONE;
    }
    return bytes_slice(host, 0, host.n - n - 1);
}

enum s3_error s3_target_parse(struct s3_request *r, struct error *e)
{
    enum s3_error err = query_parse(r, e);
    if (err != S3_OK) {
        return err;
    }
    struct bytes path = bytes_slice(r->http->path, 1, r->http->path.n), key;
    struct bytes from_host = host_bucket(r);
    r->level = S3_SERVICE;
    if (from_host.n > 0) {
        r->bucket_name = from_host;
        key = path;
    } else {
        if (path.n == 0) {
            return S3_OK;
        }
        key = path;
        struct bytes name;
        if (!bytes_split(&key, '/', &name)) {
            key = BYTES_LIT("");
        }
        err = decode(r, name, false, &r->bucket_name, e);
        if (err != S3_OK) {
            return err;
        }
    }
    r->level = S3_BUCKET;
    if (key.n == 0) {
        return S3_OK;
    }
    r->level = S3_OBJECT;
    err = decode(r, key, false, &r->key, e);
    if (err == S3_OK && r->key.n > VAULT_KEY_MAX) {
        result_ignore(error_set(e, ERRC_LIMIT, "Your key is too long: %zu bytes, at most %d",
                                r->key.n, VAULT_KEY_MAX));
        err = S3_KEY_TOO_LONG;
    }
    return err;
}
