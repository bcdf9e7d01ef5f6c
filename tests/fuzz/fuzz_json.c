/*
 * JSON reading. Properties: what is accepted, the plain reader of json_fault.c accepts too; what
 * has a canonical form reads back to the same canonical form.
 */
#include "base/json.h"
#include "base/json_priv.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void walk(struct json v)
{
    struct json_iter it = { 0 };
    struct bytes text;
    struct json item;
    uint64_t u;
    int64_t i;
    bool b;
    result_ignore(json_str(v, &text));
    result_ignore(json_u64(v, UINT64_MAX, &u));
    result_ignore(json_i64(v, &i));
    result_ignore(json_bool(v, &b));
    if (json_type(v) == JSON_OBJECT) {
        while (json_next_member(v, &it, &text, &item)) {
            walk(item);
        }
    } else {
        while (json_next(v, &it, &item)) {
            walk(item);
        }
    }
}

static bool canonical_of(struct bytes in, struct buf *out)
{
    CLEANUP(json_doc_free_p) struct json_doc *d = NULL;
    struct error e = { 0 };
    if (!result_is_ok(json_parse(in, 1 << 20, &d, &e))) {
        if (e.msg[0] == 0) {
            abort();
        }
        return false;
    }
    const char *what = NULL;
    if (json_fault_at(in, &what) <= in.n) {
        abort();
    }
    walk(json_root(d));
    return result_is_ok(json_canonical(json_root(d), out, &e));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(buf_done_p) struct buf once = BUF(8 << 20), twice = BUF(8 << 20);
    if (canonical_of(bytes_of(data, size), &once) &&
        (!canonical_of(buf_bytes(&once), &twice) ||
         !bytes_equal(buf_bytes(&once), buf_bytes(&twice)))) {
        abort();
    }
    return 0;
}
