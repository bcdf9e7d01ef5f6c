/* Form bodies. */
#include "api/query/form.h"

#include "base/text.h"

static bool name_is_plain(struct bytes v)
{
    for (size_t i = 0; i < v.n; i++) {
        uint8_t c = v.p[i];
        bool is_alnum = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (!is_alnum && c != '.' && c != '_' && c != '-') {
            return false;
        }
    }
    return v.n > 0;
}

static bool text_is_plain(struct bytes v)
{
    for (size_t i = 0; i < v.n; i++) {
        uint8_t c = v.p[i];
        if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f) {
            return false;
        }
    }
    return utf8_is_valid(v);
}

static RESULT param_parse(struct form *f, struct bytes one, struct arena *arena, struct error *e)
{
    CLEANUP(buf_done_p) struct buf name = BUF(256);
    CLEANUP(buf_done_p) struct buf value = BUF(one.n + 1);
    struct bytes rest = one, head;
    (void)bytes_split(&rest, '=', &head);
    TRY_MSG(percent_decode(head, true, &name), e, "a parameter's name");
    if (!name_is_plain(buf_bytes(&name))) {
        FAIL(e, ERRC_FORMAT, "a parameter's name holds other characters than letters and digits");
    }
    const char *key = arena_str(arena, buf_bytes(&name));
    TRY_MSG(percent_decode(rest, true, &value), e, "parameter %.64s", key);
    if (!text_is_plain(buf_bytes(&value))) {
        FAIL(e, ERRC_FORMAT, "parameter %.64s is not plain UTF-8 text", key);
    }
    if (form_get(f, key) != NULL) {
        FAIL(e, ERRC_FORMAT, "parameter %.64s is given twice", key);
    }
    if (f->n == FORM_PARAMS_MAX) {
        FAIL(e, ERRC_LIMIT, "more than %d parameters", FORM_PARAMS_MAX);
    }
    f->params[f->n++] = (struct form_param){ key, arena_str(arena, buf_bytes(&value)) };
    return RESULT_OK;
}

RESULT form_parse(struct form *f, struct bytes in, struct arena *arena, struct error *e)
{
    struct bytes one;
    for (bool more = in.n > 0; more;) {
        more = bytes_split(&in, '&', &one);
        if (one.n > 0) {
            TRY(param_parse(f, one, arena, e));
        }
    }
    return RESULT_OK;
}

const char *form_get(const struct form *f, const char *name)
{
    for (size_t i = 0; i < f->n; i++) {
        if (strcmp(f->params[i].name, name) == 0) {
            return f->params[i].value;
        }
    }
    return NULL;
}
