/* Commands that are one call of the server. */
#include "cli/call.h"

#include "base/text.h"
#include "cli/ask.h"
#include "cli/session.h"

#include <stdio.h>
#include <unistd.h>

#define PATH_MAX_BYTES (16 * 1024)

const struct cli_option call_realm_options[] = { OPTION_REALM, OPTIONS_END };

static const struct cli_call *call_of(const struct cli *c)
{
    return CONTAINER_OF(c->command, const struct cli_call, command);
}

/* --- places --- */

static const char *realm_of(struct cli *c)
{
    struct cli_session s;
    if (cli_has(c, "realm")) {
        return cli_get(c, "realm");
    }
    if (c->realm[0] == '\0' && result_is_ok(cli_session_find(c, &s, NULL))) {
        (void)snprintf(c->realm, sizeof(c->realm), "%s", s.realm);
        cli_session_wipe(&s);
    }
    return c->realm[0] != '\0' ? c->realm : "platform";
}

static RESULT subject_add(const struct cli *c, struct buf *out, struct error *e)
{
    static const char *const kinds[] = { "user", "group", "role" };
    const char *found = NULL;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        const char *name = cli_get(c, kinds[i]);
        if (name != NULL && found != NULL) {
            FAIL(e, ERRC_RANGE, "%s", cli_say(c, "only one of them", "只能指定其中之一"));
        }
        if (name != NULL) {
            found = name;
            buf_addf(out, "%ss/", kinds[i]);
            buf_add_percent(out, bytes_str(name), false);
        }
    }
    if (found == NULL) {
        FAIL(e, ERRC_RANGE, "%s", cli_say(c, "whose? see --help", "请指明对象，见 --help"));
    }
    return RESULT_OK;
}

static void whose_add(struct cli *c, struct buf *out)
{
    if (!cli_has(c, "user")) {
        buf_add_str(out, "self");
        return;
    }
    buf_add_str(out, "realms/");
    buf_add_percent(out, bytes_str(realm_of(c)), false);
    buf_add_str(out, "/users/");
    buf_add_percent(out, bytes_str(cli_get(c, "user")), false);
}

/* An argument or an option; NULL when not given. A flag is "true". */
static const char *value_of(struct cli *c, struct bytes place)
{
    char name[32];
    if (place.n == 1 && place.p[0] >= '1' && place.p[0] <= '9') {
        size_t i = (size_t)(place.p[0] - '1');
        return i < c->arg_count ? c->args[i] : NULL;
    }
    if (bytes_equal_str(place, "realm")) {
        return realm_of(c);
    }
    (void)snprintf(name, sizeof(name), "%.*s", BYTES_FMT(place));
    const char *v = cli_get(c, name);
    return v != NULL && v[0] == '\0' ? "true" : v;
}

static RESULT place_add(struct cli *c, struct bytes place, struct buf *out, struct error *e)
{
    if (bytes_equal_str(place, "subject")) {
        return subject_add(c, out, e);
    }
    if (bytes_equal_str(place, "whose")) {
        whose_add(c, out);
        return RESULT_OK;
    }
    const char *v = value_of(c, place);
    if (v == NULL) {
        FAIL(e, ERRC_RANGE, cli_say(c, "--%.*s is required", "缺少 --%.*s"), BYTES_FMT(place));
    }
    buf_add_percent(out, bytes_str(v), false);
    return RESULT_OK;
}

/* "/api/v1/" and the path, its places filled in. */
static RESULT path_of(struct cli *c, struct buf *out, struct error *e)
{
    struct bytes rest = bytes_str(call_of(c)->path), path, part, place, name;
    (void)bytes_split(&rest, '?', &path);
    buf_add_str(out, "/api/v1/");
    while (bytes_split(&path, '{', &part)) {
        buf_add(out, part);
        (void)bytes_split(&path, '}', &place);
        TRY(place_add(c, place, out, e));
    }
    buf_add(out, part);
    while (rest.n > 0) {
        (void)bytes_split(&rest, '&', &part);
        (void)bytes_split(&part, '=', &name);
        char key[32];
        (void)snprintf(key, sizeof(key), "%.*s", BYTES_FMT(name));
        (void)manage_query(out, key, value_of(c, bytes_slice(part, 1, part.n - 1)));
    }
    return buf_result(out);
}

/* --- running --- */

static void columns_show(const struct cli *c, struct json v, struct buf *out)
{
    manage_line(c, v, call_of(c)->columns, out);
}

/* Only where somebody sits: scripts know what they do. */
static bool is_meant(const struct cli *c)
{
    char line[256];
    if (isatty(STDIN_FILENO) != 1) {
        return true;
    }
    (void)fprintf(stderr,
                  cli_say(c, "This can't be undone. Type '%s' to go on: ",
                          "此操作不可撤销。输入“%s”以继续："),
                  c->args[0]);
    return fgets(line, sizeof(line), stdin) != NULL &&
           bytes_equal_str(bytes_trim(bytes_str(line), "\r\n"), c->args[0]);
}

static int code_send(const struct cli *c, const char *method, const char *path, manage_show show)
{
    struct error e;
    struct jsonw w;
    CLEANUP(buf_done_p) struct buf code = BUF_SECRET(ASK_MAX);
    CLEANUP(buf_done_p) struct buf body = BUF_SECRET(8 * ASK_MAX);
    if (!result_is_ok(ask_line(cli_say(c, "Code of your second factor", "第二因子验证码"), true,
                               &code, &e))) {
        return cli_refuse(c, &e);
    }
    jsonw_init(&w, &body);
    jsonw_object(&w);
    jsonw_kv_str(&w, "code", buf_bytes(&code));
    jsonw_object_end(&w);
    return manage_print(c, method, path, buf_bytes(&body), show);
}

int cli_call_run(struct cli *c)
{
    const struct cli_call *call = call_of(c);
    static const struct manage_field none[] = { FIELDS_END };
    struct error e;
    CLEANUP(buf_done_p) struct buf path = BUF(PATH_MAX_BYTES);
    if (!manage_has_server(c)) {
        return CLI_USAGE;
    }
    if (!result_is_ok(path_of(c, &path, &e))) {
        return cli_usage(c, "%s", e.msg);
    }
    if ((call->flags & CALL_FINAL) != 0 && !is_meant(c)) {
        result_ignore(error_set(&e, ERRC_DENIED, "%s", cli_say(c, "nothing was done", "未执行")));
        return cli_refuse(c, &e);
    }
    manage_show show = call->show != NULL      ? call->show
                       : call->columns != NULL ? columns_show
                                               : manage_members;
    if ((call->flags & CALL_LIST) != 0) {
        return manage_list(c, buf_cstr(&path), show);
    }
    if ((call->flags & CALL_CODE) != 0) {
        return code_send(c, call->method, buf_cstr(&path), show);
    }
    if (call->fields != NULL || strcmp(call->method, "POST") == 0) {
        return manage_send(c, call->method, buf_cstr(&path),
                           call->fields != NULL ? call->fields : none, show);
    }
    return manage_print(c, call->method, buf_cstr(&path), BYTES_NONE, show);
}
