/* Calls to the running server. */
#include "cli/manage.h"

#include "base/text.h"
#include "cli/session.h"
#include "cli/zh.h"
#include "net/client.h"
#include "sys/path.h"

#include <stdarg.h>
#include <stdio.h>

#define TIMEOUT_MS (24 * 3600 * 1000ll)

bool manage_has_server(const struct cli *c)
{
    if (c->server == NULL && c->dir == NULL) {
        (void)cli_usage(c, "%s",
                        cli_say(c,
                                "name the state folder or the server: --dir DIR (TROTH_DIR) or "
                                "--server URL (TROTH_SERVER)",
                                "请指明状态目录或服务器：--dir DIR（TROTH_DIR）或 --server URL"
                                "（TROTH_SERVER）"));
        return false;
    }
    return true;
}

const char *manage_realm(struct cli *c)
{
    struct cli_session s;
    const char *given = cli_get(c, "tenant");
    if (given != NULL) {
        return given;
    }
    if (c->realm[0] == '\0' && manage_has_server(c) &&
        result_is_ok(cli_session_find(c, &s, NULL))) {
        (void)snprintf(c->realm, sizeof(c->realm), "%s", s.realm);
        cli_session_wipe(&s);
    }
    if (c->realm[0] == '\0') {
        (void)cli_usage(c, cli_say(c, "--%s is required", "缺少 --%s"), "tenant");
        return NULL;
    }
    return c->realm;
}

const char *manage_path_of(struct buf *out, ...)
{
    va_list ap;
    va_start(ap, out);
    bool is_fixed = true;
    for (const char *part = va_arg(ap, const char *); part != NULL;
         part = va_arg(ap, const char *)) {
        if (is_fixed) {
            buf_add_str(out, part);
        } else {
            buf_add_percent(out, bytes_str(part), false);
        }
        is_fixed = !is_fixed;
    }
    va_end(ap);
    return buf_cstr(out);
}

const char *manage_query(struct buf *path, const char *name, const char *value)
{
    if (value != NULL) {
        bool is_first = bytes_index(buf_bytes(path), '?') == path->n;
        buf_addf(path, "%c%s=", is_first ? '?' : '&', name);
        buf_add_percent(path, bytes_str(value), false);
    }
    return buf_cstr(path);
}

/* --- the call --- */

/* What the server says is wrong (RFC 9457), with its own code. */
static struct result answer_error(const struct cli *c, unsigned status, struct bytes body,
                                  bool is_signed_in, struct error *e)
{
    CLEANUP(json_doc_free_p) struct json_doc *doc = NULL;
    if (!result_is_ok(json_parse(body, MANAGE_ANSWER_MAX, &doc, NULL))) {
        return error_set(e, ERRC_IO, "the server answered with status %u", status);
    }
    struct bytes code = manage_text(json_root(doc), "code"),
                 detail = manage_text(json_root(doc), "detail");
    for (enum errc i = ERRC_NOMEM; i < ERRC_COUNT_; i++) {
        if (bytes_equal_str(code, errc_name(i))) {
            const char *why = c->is_zh && !c->is_json
                                      ? zh_of_reason(manage_text(json_root(doc), "reason"))
                                      : NULL;
            return error_set(e, i, "%s%s%.*s%s", why != NULL ? why : "", why != NULL ? "：" : "",
                             BYTES_FMT(detail),
                             status == 401 && is_signed_in
                                     ? cli_say(c, " (troth login)", "（troth login）")
                                     : "");
        }
    }
    return error_set(e, ERRC_IO, "the server answered with status %u", status);
}

static RESULT exchange(const struct cli *c, struct http_call *call, const char *path,
                       struct buf *out, unsigned *ret_status, struct error *e)
{
    CLEANUP(mem_free_p) char *socket = NULL;
    CLEANUP(mem_free_p) char *url = NULL;
    if (c->server != NULL) {
        struct bytes base = bytes_trim(bytes_str(c->server), "/");
        url = mem_printf("%.*s%s", BYTES_FMT(base), path);
        call->ca_file = c->ca;
        if (!bytes_has_prefix(base, BYTES_LIT("https://"))) {
            FAIL(e, ERRC_FORMAT,
                 cli_say(c, "--server %.200s: https://HOST:PORT",
                         "--server %.200s：须为 https://主机:端口"),
                 c->server);
        }
    } else {
        socket = mem_printf("%s/troth.sock", c->dir);
        url = mem_printf("http://localhost%s", path);
        call->unix_socket = socket;
    }
    call->url = url;
    call->timeout_ms = TIMEOUT_MS;
    struct result r = http_client_call(call, ret_status, out, e);
    if (r.code != ERRC_AGAIN && r.code != ERRC_NOT_FOUND) {
        return r;
    }
    if (c->server != NULL) {
        FAIL(e, ERRC_AGAIN, cli_say(c, "no server answers at %s", "%s 没有服务器应答"), c->server);
    }
    FAIL(e, ERRC_AGAIN,
         cli_say(c, "no server runs on %s: start it with 'troth serve --dir %s'",
                 "%s 上没有运行中的服务器：请先执行 troth serve --dir %s"),
         c->dir, c->dir);
}

static RESULT call_as(const struct cli *c, const char *token, struct http_call *call,
                      const char *path, struct buf *out, unsigned *ret_status, struct error *e)
{
    char bearer[128];
    (void)snprintf(bearer, sizeof(bearer), "Authorization: Bearer %s", token);
    const char *const headers[] = { "User-Agent: troth/" TROTH_VERSION,
                                    "Content-Type: application/json",
                                    token[0] != '\0' ? bearer : NULL, NULL };
    call->headers = headers;
    struct result r = exchange(c, call, path, out, ret_status, e);
    mem_wipe(bearer, sizeof(bearer));
    return r;
}

/* With the person's session, if there is one. */
static RESULT call(const struct cli *c, struct http_call *call, const char *path, struct buf *out,
                   unsigned *ret_status, struct error *e)
{
    CLEANUP(cli_session_wipe) struct cli_session s;
    TRY(cli_session_find(c, &s, e));
    return call_as(c, s.token, call, path, out, ret_status, e);
}

/* is_signed_in: another login may help; false while one signs in. */
static RESULT judge(const struct cli *c, unsigned status, const struct buf *out, bool is_signed_in,
                    struct error *e)
{
    return status >= 200 && status < 300 ? RESULT_OK
                                         : answer_error(c, status, buf_bytes(out), is_signed_in, e);
}

RESULT manage_call(const struct cli *c, const char *method, const char *path, struct bytes body,
                   struct buf *out, struct error *e)
{
    struct http_call h = { .method = method, .body = body };
    unsigned status = 0;
    TRY(call(c, &h, path, out, &status, e));
    return judge(c, status, out, true, e);
}

RESULT manage_call_as(const struct cli *c, const char *token, const char *method, const char *path,
                      struct bytes body, struct buf *out, struct error *e)
{
    struct http_call h = { .method = method, .body = body };
    unsigned status = 0;
    TRY(call_as(c, token, &h, path, out, &status, e));
    return judge(c, status, out, false, e);
}

RESULT manage_stream(const struct cli *c, const char *method, const char *path,
                     RESULT (*sink)(void *arg, struct bytes part, struct error *e), void *arg,
                     struct error *e)
{
    struct http_call h = { .method = method, .sink = sink, .sink_arg = arg };
    unsigned status = 0;
    CLEANUP(buf_done_p) struct buf out = BUF(64 * 1024);
    TRY(call(c, &h, path, &out, &status, e));
    return judge(c, status, &out, true, e);
}

/* --- printing --- */

static int answer_print(const struct cli *c, struct buf *answer, manage_show show)
{
    struct error e;
    CLEANUP(buf_done_p) struct buf text = BUF(2 * MANAGE_ANSWER_MAX);
    CLEANUP(json_doc_free_p) struct json_doc *doc = NULL;
    if (c->is_json) {
        if (answer->n == 0) {
            buf_add_str(answer, "{}");
        }
        buf_add_u8(answer, '\n');
        return cli_print(c, answer);
    }
    if (answer->n == 0) {
        buf_add_str(&text, cli_say(c, "done\n", "完成\n"));
        return cli_print(c, &text);
    }
    if (!result_is_ok(json_parse(buf_bytes(answer), MANAGE_ANSWER_MAX, &doc, &e))) {
        return cli_refuse(c, &e);
    }
    show(c, json_root(doc), &text);
    return cli_print(c, &text);
}

int manage_print(const struct cli *c, const char *method, const char *path, struct bytes body,
                 manage_show show)
{
    struct error e;
    CLEANUP(buf_done_p) struct buf answer = BUF_SECRET(MANAGE_ANSWER_MAX);
    if (!manage_has_server(c)) {
        return CLI_USAGE;
    }
    struct result r = manage_call(c, method, path, body, &answer, &e);
    return result_is_ok(r) ? answer_print(c, &answer, show) : cli_refuse(c, &e);
}

/* One page; *ret_next (owned) where the next one begins, NULL at the end. */
static RESULT page_get(const struct cli *c, const char *path, const char *after, manage_show show,
                       struct jsonw *w, struct buf *text, char **ret_next, struct error *e)
{
    CLEANUP(buf_done_p) struct buf full = BUF(16 * 1024);
    CLEANUP(buf_done_p) struct buf answer = BUF(MANAGE_ANSWER_MAX);
    CLEANUP(buf_done_p) struct buf canonical = BUF(MANAGE_ANSWER_MAX);
    CLEANUP(json_doc_free_p) struct json_doc *doc = NULL;
    struct json items, one;
    struct json_iter it = { 0 };
    buf_add_str(&full, path);
    TRY(manage_call(c, "GET", manage_query(&full, "after", after), BYTES_NONE, &answer, e));
    TRY(json_parse(buf_bytes(&answer), MANAGE_ANSWER_MAX, &doc, e));
    TRY(json_get(json_root(doc), "items", &items, e));
    while (json_next(items, &it, &one)) {
        if (c->is_json) {
            buf_reset(&canonical);
            TRY(json_canonical(one, &canonical, e));
            jsonw_raw(w, buf_bytes(&canonical));
        } else {
            show(c, one, text);
        }
    }
    struct bytes next = manage_text(json_root(doc), "next");
    *ret_next = next.n > 0 ? mem_printf("%.*s", BYTES_FMT(next)) : NULL;
    return RESULT_OK;
}

int manage_list(const struct cli *c, const char *path, manage_show show)
{
    struct error e;
    CLEANUP(buf_done_p) struct buf text = BUF(2 * MANAGE_ANSWER_MAX);
    CLEANUP(mem_free_p) char *after = NULL;
    struct jsonw w;
    if (!manage_has_server(c)) {
        return CLI_USAGE;
    }
    jsonw_init(&w, &text);
    if (c->is_json) {
        jsonw_object(&w);
        jsonw_key(&w, "items");
        jsonw_array(&w);
    }
    do {
        char *next = NULL;
        if (!result_is_ok(page_get(c, path, after, show, &w, &text, &next, &e))) {
            return cli_refuse(c, &e);
        }
        mem_free(after);
        after = next;
    } while (after != NULL);
    if (c->is_json) {
        jsonw_array_end(&w);
        jsonw_object_end(&w);
        buf_add_u8(&text, '\n');
    }
    return cli_print(c, &text);
}

/* --- bodies --- */

/* An option's value, or an argument's: "1" is the first. */
static const char *given(const struct cli *c, const char *option)
{
    if (option[0] >= '1' && option[0] <= '9' && option[1] == '\0') {
        size_t i = (size_t)(option[0] - '1');
        return i < c->arg_count ? c->args[i] : NULL;
    }
    return cli_get(c, option);
}

static RESULT json_add(const char *v, struct jsonw *w, struct error *e)
{
    CLEANUP(buf_done_p) struct buf text = BUF(1024 * 1024);
    CLEANUP(json_doc_free_p) struct json_doc *doc = NULL;
    static const char scheme[] = "file://";
    if (v[0] == '@') {
        TRY(path_read(v + 1, &text, e));
    } else if (strncmp(v, scheme, sizeof(scheme) - 1) == 0) {
        TRY(path_read(v + sizeof(scheme) - 1, &text, e));
    } else {
        buf_add_str(&text, v);
    }
    TRY(json_parse(buf_bytes(&text), text.max, &doc, e));
    jsonw_raw(w, buf_bytes(&text));
    return RESULT_OK;
}

static RESULT pairs_add(const struct cli *c, const char *option, struct jsonw *w, struct error *e)
{
    const char *const *values = NULL;
    size_t n = cli_get_all(c, option, &values);
    jsonw_object(w);
    for (size_t i = 0; i < n; i++) {
        struct bytes value = bytes_str(values[i]), name;
        if (!bytes_split(&value, '=', &name) || name.n == 0) {
            FAIL(e, ERRC_FORMAT, "--%s NAME=VALUE", option);
        }
        jsonw_key_bytes(w, name);
        jsonw_str(w, value);
    }
    jsonw_object_end(w);
    return RESULT_OK;
}

static RESULT field_add(const struct cli *c, const struct manage_field *f, const char *v,
                        struct jsonw *w, struct error *e)
{
    uint64_t number = 0;
    const char *const *values = NULL;
    size_t n = 0;
    jsonw_key(w, f->member);
    switch (f->kind) {
    case MANAGE_TEXT:
        jsonw_cstr(w, v);
        break;
    case MANAGE_NUMBER:
        if (!result_is_ok(num_u64(bytes_str(v), 0, (1ull << 53) - 1, &number))) {
            FAIL(e, ERRC_FORMAT, cli_say(c, "--%s '%.64s': a number", "--%s“%.64s”：须为数字"),
                 f->option, v);
        }
        jsonw_u64(w, number);
        break;
    case MANAGE_SECONDS:
        if (!result_is_ok(num_duration_ms(bytes_str(v), 1000, 366ull * 86400 * 1000, &number))) {
            FAIL(e, ERRC_FORMAT,
                 cli_say(c, "--%s '%.64s': a length of time, as 30m or 2h",
                         "--%s“%.64s”：须为时长，如 30m 或 2h"),
                 f->option, v);
        }
        jsonw_u64(w, number / 1000);
        break;
    case MANAGE_FLAG:
        jsonw_bool(w, true);
        break;
    case MANAGE_LIST:
        n = cli_get_all(c, f->option, &values);
        jsonw_array(w);
        for (size_t i = 0; i < n; i++) {
            jsonw_cstr(w, values[i]);
        }
        jsonw_array_end(w);
        break;
    case MANAGE_PAIRS:
        return pairs_add(c, f->option, w, e);
    case MANAGE_JSON:
        TRY_MSG(json_add(v, w, e), e, "%s", f->member);
        break;
    }
    return RESULT_OK;
}

RESULT manage_body(const struct cli *c, const struct manage_field *fields, struct buf *out,
                   struct error *e)
{
    struct jsonw w;
    jsonw_init(&w, out);
    jsonw_object(&w);
    for (const struct manage_field *f = fields; f->option != NULL; f++) {
        const char *v = given(c, f->option);
        if (v != NULL) {
            TRY(field_add(c, f, v, &w, e));
        }
    }
    jsonw_object_end(&w);
    TRY_MSG(buf_result(out), e, "request");
    return RESULT_OK;
}

int manage_send(const struct cli *c, const char *method, const char *path,
                const struct manage_field *fields, manage_show show)
{
    struct error e;
    CLEANUP(buf_done_p) struct buf body = BUF(1024 * 1024);
    if (!result_is_ok(manage_body(c, fields, &body, &e))) {
        return cli_refuse(c, &e);
    }
    return manage_print(c, method, path, buf_bytes(&body), show);
}

/* --- values for people --- */

struct bytes manage_text(struct json v, const char *key)
{
    struct bytes text;
    return result_is_ok(json_get_str(v, key, &text, NULL)) ? text : BYTES_LIT("");
}

static void value_add(const struct cli *c, struct json v, struct buf *out)
{
    struct bytes text;
    struct json one;
    struct json_iter it = { 0 };
    bool flag = false;
    switch (json_type(v)) {
    case JSON_STRING:
        result_ignore(json_str(v, &text));
        text_add_escaped(out, text, 4096);
        break;
    case JSON_BOOL:
        result_ignore(json_bool(v, &flag));
        buf_add_str(out, flag ? cli_say(c, "yes", "是") : cli_say(c, "no", "否"));
        break;
    case JSON_NULL:
        buf_add_u8(out, '-');
        break;
    case JSON_ARRAY:
        for (bool is_first = true; json_next(v, &it, &one); is_first = false) {
            buf_add_str(out, is_first ? "" : " ");
            value_add(c, one, out);
        }
        break;
    case JSON_INT:
    case JSON_UINT:
    case JSON_DOUBLE:
    case JSON_OBJECT:
        result_ignore(json_canonical(v, out, NULL));
        break;
    }
}

void manage_value(const struct cli *c, struct json v, const char *key, struct buf *out)
{
    struct json one;
    if (result_is_ok(json_get(v, key, &one, NULL))) {
        value_add(c, one, out);
    }
}

/* Columns of a terminal: what Chinese is written with takes two. */
static size_t width_of(struct bytes text)
{
    size_t n = 0;
    for (size_t i = 0; i < text.n; i++) {
        if ((text.p[i] & 0xc0) != 0x80) {
            n += text.p[i] >= 0xe3 ? 2 : 1;
        }
    }
    return n;
}

void manage_pad(struct buf *out, size_t from, size_t width)
{
    for (size_t n = width_of(bytes_slice(buf_bytes(out), from, out->n)); n < width; n++) {
        buf_add_u8(out, ' ');
    }
}

void manage_line(const struct cli *c, struct json v, const struct manage_column *columns,
                 struct buf *out)
{
    for (const struct manage_column *m = columns; m->member != NULL; m++) {
        size_t from = out->n;
        manage_value(c, v, m->member, out);
        manage_pad(out, from, m->width);
        if (m[1].member != NULL) {
            buf_add_str(out, "  ");
        }
    }
    buf_add_u8(out, '\n');
}

void manage_members(const struct cli *c, struct json v, struct buf *out)
{
    struct json_iter it = { 0 };
    struct bytes key;
    struct json one;
    while (json_next_member(v, &it, &key, &one)) {
        struct bytes text = BYTES_LIT("-");
        if (json_type(one) == JSON_NULL || (result_is_ok(json_str(one, &text)) && text.n == 0)) {
            continue;
        }
        buf_addf(out, "%-22.*s ", BYTES_FMT(key));
        value_add(c, one, out);
        buf_add_u8(out, '\n');
    }
}
