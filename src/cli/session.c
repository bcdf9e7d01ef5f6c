/* The file of sessions: {"sessions":[{"realm":..,"server":..,"token":..,"user":..}]}. */
#include "cli/session.h"

#include "cli/manage.h"
#include "sys/path.h"

#include <stdio.h>
#include <stdlib.h>

#define SESSION_FILE_MAX (1024 * 1024)

void cli_session_wipe(struct cli_session *s)
{
    mem_wipe(s, sizeof(*s));
}

/* The name of the server in the file. */
static RESULT server_name(const struct cli *c, struct buf *out, struct error *e)
{
    if (c->server != NULL) {
        buf_add(out, bytes_trim(bytes_str(c->server), "/"));
        return buf_result(out);
    }
    CLEANUP(buf_done_p) struct buf dir = BUF(4096);
    TRY(path_absolute(c->dir, &dir, e));
    buf_addf(out, "unix:%s", buf_cstr(&dir));
    return buf_result(out);
}

/* Folder of the file; NULL when there is no place for it. Freed by the caller. */
static char *folder(void)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    if (state != NULL && state[0] == '/') {
        return mem_printf("%s/troth", state);
    }
    return home != NULL && home[0] == '/' ? mem_printf("%s/.local/state/troth", home) : NULL;
}

/* The folder, made where it is missing. */
static RESULT folder_open(struct fs **ret, struct error *e)
{
    static const char *const below[] = { ".local", ".local/state", ".local/state/troth" };
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    CLEANUP(fs_free_p) struct fs *fs = NULL;
    if (state != NULL && state[0] == '/') {
        TRY(path_make_folder(state, e));
        TRY(fs_open_dir(state, &fs, e));
        TRY(fs_mkdir(fs, "troth", e));
        return fs_sub(fs, "troth", ret, e);
    }
    TRY(fs_open_dir(home, &fs, e));
    for (size_t i = 0; i < ARRAY_LEN(below); i++) {
        TRY(fs_mkdir(fs, below[i], e));
    }
    return fs_sub(fs, below[ARRAY_LEN(below) - 1], ret, e);
}

/* The file's document; *ret NULL when there is none. */
static RESULT file_read(struct json_doc **ret, struct error *e)
{
    CLEANUP(mem_free_p) char *dir = folder();
    CLEANUP(buf_done_p) struct buf text = BUF_SECRET(SESSION_FILE_MAX);
    *ret = NULL;
    if (dir == NULL) {
        return RESULT_OK;
    }
    CLEANUP(mem_free_p) char *file = mem_printf("%s/session", dir);
    if (!result_is_ok(path_read(file, &text, e))) {
        return RESULT_OK; /* none yet */
    }
    TRY_MSG(json_parse(buf_bytes(&text), SESSION_FILE_MAX, ret, e), e, "%s", file);
    return RESULT_OK;
}

static void text_member(struct json v, const char *key, char *dst, size_t cap)
{
    struct bytes text = manage_text(v, key);
    (void)snprintf(dst, cap, "%.*s", (int)MIN(text.n, cap - 1), (const char *)text.p);
}

RESULT cli_session_find(const struct cli *c, struct cli_session *ret, struct error *e)
{
    CLEANUP(buf_done_p) struct buf server = BUF(8192);
    CLEANUP(json_doc_free_p) struct json_doc *doc = NULL;
    struct json list, one;
    struct json_iter it = { 0 };
    *ret = (struct cli_session){ 0 };
    TRY(file_read(&doc, e));
    if (doc == NULL || !result_is_ok(json_get(json_root(doc), "sessions", &list, NULL)) ||
        !result_is_ok(server_name(c, &server, NULL))) {
        return RESULT_OK;
    }
    while (json_next(list, &it, &one)) {
        if (bytes_equal(manage_text(one, "server"), buf_bytes(&server))) {
            text_member(one, "token", ret->token, sizeof(ret->token));
            text_member(one, "realm", ret->realm, sizeof(ret->realm));
            text_member(one, "user", ret->user, sizeof(ret->user));
        }
    }
    return RESULT_OK;
}

/* The sessions of other servers as they are, and this one's when `s` is not NULL. */
static void file_render(const struct json_doc *doc, struct bytes server,
                        const struct cli_session *s, struct buf *out)
{
    static const char *const members[] = { "realm", "server", "token", "user" };
    struct json list, one;
    struct json_iter it = { 0 };
    struct jsonw w;
    jsonw_init(&w, out);
    jsonw_object(&w);
    jsonw_key(&w, "sessions");
    jsonw_array(&w);
    if (doc != NULL && result_is_ok(json_get(json_root(doc), "sessions", &list, NULL))) {
        while (json_next(list, &it, &one)) {
            if (bytes_equal(manage_text(one, "server"), server)) {
                continue;
            }
            jsonw_object(&w);
            for (size_t i = 0; i < ARRAY_LEN(members); i++) {
                jsonw_kv_str(&w, members[i], manage_text(one, members[i]));
            }
            jsonw_object_end(&w);
        }
    }
    if (s != NULL) {
        jsonw_object(&w);
        jsonw_kv_cstr(&w, "realm", s->realm);
        jsonw_kv_str(&w, "server", server);
        jsonw_kv_cstr(&w, "token", s->token);
        jsonw_kv_cstr(&w, "user", s->user);
        jsonw_object_end(&w);
    }
    jsonw_array_end(&w);
    jsonw_object_end(&w);
    buf_add_u8(out, '\n');
}

static RESULT file_write(const struct cli *c, const struct cli_session *s, struct error *e)
{
    CLEANUP(mem_free_p) char *dir = folder();
    CLEANUP(buf_done_p) struct buf server = BUF(8192);
    CLEANUP(buf_done_p) struct buf text = BUF_SECRET(SESSION_FILE_MAX);
    CLEANUP(json_doc_free_p) struct json_doc *doc = NULL;
    CLEANUP(fs_free_p) struct fs *fs = NULL;
    if (dir == NULL) {
        FAIL(e, ERRC_NOT_FOUND, "no place for the session: set HOME or XDG_STATE_HOME");
    }
    TRY(server_name(c, &server, e));
    TRY(file_read(&doc, e));
    file_render(doc, buf_bytes(&server), s, &text);
    TRY_MSG(buf_result(&text), e, "session");
    TRY(folder_open(&fs, e));
    return fs_write_file(fs, "session", buf_bytes(&text), e);
}

RESULT cli_session_put(const struct cli *c, const struct cli_session *s, struct error *e)
{
    return file_write(c, s, e);
}

RESULT cli_session_forget(const struct cli *c, struct error *e)
{
    return file_write(c, NULL, e);
}
