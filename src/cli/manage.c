/* Calls to the running server. */
#include "cli/manage.h"

#include "base/text.h"
#include "net/client.h"

#include <stdarg.h>
#include <stdio.h>

#define TIMEOUT_MS (24 * 3600 * 1000ll)

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

/* What the server says is wrong, with its own code. */
static struct result answer_error(unsigned status, struct bytes body, struct error *e)
{
    CLEANUP(json_doc_free_p) struct json_doc *doc = NULL;
    struct json err;
    struct bytes code, message;
    if (result_is_ok(json_parse(body, MANAGE_ANSWER_MAX, &doc, NULL)) &&
        result_is_ok(json_get(json_root(doc), "error", &err, NULL)) &&
        result_is_ok(json_get_str(err, "code", &code, NULL)) &&
        result_is_ok(json_get_str(err, "message", &message, NULL))) {
        for (enum errc i = ERRC_NOMEM; i < ERRC_COUNT_; i++) {
            if (bytes_equal_str(code, errc_name(i))) {
                return error_set(e, i, "%.*s", BYTES_FMT(message));
            }
        }
    }
    return error_set(e, ERRC_IO, "the server answered with status %u", status);
}

static RESULT call(const struct cli *c, struct http_call *call, const char *path, struct buf *out,
                   unsigned *ret_status, struct error *e)
{
    CLEANUP(mem_free_p) char *socket = mem_printf("%s/troth.sock", c->dir);
    CLEANUP(mem_free_p) char *url = mem_printf("http://localhost%s", path);
    call->url = url;
    call->unix_socket = socket;
    call->timeout_ms = TIMEOUT_MS;
    struct result r = http_client_call(call, ret_status, out, e);
    if (r.code == ERRC_AGAIN || r.code == ERRC_NOT_FOUND) {
        FAIL(e, ERRC_AGAIN,
             cli_say(c, "no server runs on %s: start it with 'troth serve --dir %s'",
                     "%s 上没有运行中的服务器：请先执行 troth serve --dir %s"),
             c->dir, c->dir);
    }
    return r;
}

RESULT manage_call(const struct cli *c, const char *method, const char *path, struct bytes body,
                   struct buf *out, struct error *e)
{
    static const char *const headers[] = { "Content-Type: application/json", NULL };
    struct http_call h = { .method = method, .headers = headers, .body = body };
    unsigned status = 0;
    TRY(call(c, &h, path, out, &status, e));
    return status == 200 ? RESULT_OK : answer_error(status, buf_bytes(out), e);
}

RESULT manage_stream(const struct cli *c, const char *method, const char *path,
                     RESULT (*sink)(void *arg, struct bytes part, struct error *e), void *arg,
                     struct error *e)
{
    struct http_call h = { .method = method, .sink = sink, .sink_arg = arg };
    unsigned status = 0;
    CLEANUP(buf_done_p) struct buf out = BUF(64 * 1024);
    TRY(call(c, &h, path, &out, &status, e));
    return status == 200 ? RESULT_OK : answer_error(status, buf_bytes(&out), e);
}

int manage_print(const struct cli *c, const char *method, const char *path, struct bytes body,
                 void (*show)(const struct cli *c, struct json v, struct buf *out))
{
    struct error e;
    CLEANUP(buf_done_p) struct buf answer = BUF(MANAGE_ANSWER_MAX);
    CLEANUP(buf_done_p) struct buf text = BUF(2 * MANAGE_ANSWER_MAX);
    CLEANUP(json_doc_free_p) struct json_doc *doc = NULL;
    if (cli_dir(c) == NULL) {
        return CLI_USAGE;
    }
    struct result r = manage_call(c, method, path, body, &answer, &e);
    if (result_is_ok(r) && c->is_json) {
        buf_add_u8(&answer, '\n');
        return cli_print(c, &answer);
    }
    if (result_is_ok(r)) {
        r = json_parse(buf_bytes(&answer), MANAGE_ANSWER_MAX, &doc, &e);
    }
    if (!result_is_ok(r)) {
        return cli_refuse(c, &e);
    }
    show(c, json_root(doc), &text);
    return cli_print(c, &text);
}

struct bytes manage_text(struct json v, const char *key)
{
    struct bytes text;
    return result_is_ok(json_get_str(v, key, &text, NULL)) ? text : BYTES_LIT("");
}
