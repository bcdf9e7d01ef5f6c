/* Issuers of a realm: table oidc_providers. Lists are JSON arrays of strings. */
#include "base/json.h"
#include "base/text.h"
#include "identity/oidc_priv.h"
#include "identity/user_priv.h"

#define LIST_MAX         (64u << 10)
#define THUMBPRINT_CHARS 40

/* --- addresses --- */

static bool is_host_char(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
}

static bool is_path_char(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("/-._~!$&'()*+,;=:@", c) != NULL);
}

static bool host_is_valid(struct bytes host)
{
    for (size_t i = 0; i < host.n; i++) {
        if (!is_host_char(host.p[i])) {
            return false;
        }
    }
    return host.n > 0 && host.n <= 253 && host.p[0] != '.' && host.p[0] != '-' &&
           host.p[host.n - 1] != '.' && bytes_find(host, BYTES_LIT("..")) == host.n;
}

static bool path_is_valid(struct bytes path)
{
    struct bytes part;
    for (size_t i = 0; i < path.n; i++) {
        if (!is_path_char(path.p[i])) {
            return false;
        }
    }
    for (bool more = true; more;) {
        more = bytes_split(&path, '/', &part);
        part = more ? part : path;
        if (bytes_equal_str(part, ".") || bytes_equal_str(part, "..")) {
            return false;
        }
    }
    return true;
}

struct bytes oidc_url_authority(struct bytes url)
{
    struct bytes rest = bytes_slice(url, strlen("https://"), url.n);
    return bytes_slice(rest, 0, bytes_index(rest, '/'));
}

RESULT oidc_url_check(struct bytes url, struct error *e)
{
    struct bytes host = oidc_url_authority(url), port = BYTES_NONE;
    struct bytes path = bytes_slice(url, strlen("https://") + host.n, url.n);
    uint64_t number = 443;
    size_t colon = bytes_index(host, ':');
    bool is_ok = url.n <= OIDC_URL_MAX && bytes_has_prefix(url, BYTES_LIT("https://"));

    if (colon < host.n) {
        port = bytes_slice(host, colon + 1, host.n);
        host = bytes_slice(host, 0, colon);
        is_ok = is_ok && result_is_ok(num_u64(port, 1, 65535, &number));
    }
    if (!is_ok || !host_is_valid(host) || !path_is_valid(path)) {
        FAIL(e, ERRC_FORMAT,
             "an issuer is https://HOST[:PORT][/PATH] in at most %d characters, its host in "
             "lower case, without user, query or fragment",
             OIDC_URL_MAX);
    }
    return RESULT_OK;
}

void oidc_provider_arn(struct buf *out, const char *account, const char *url)
{
    buf_addf(out, "arn:aws:iam::%s:oidc-provider/%s", account, url + strlen("https://"));
}

RESULT oidc_provider_url_of_arn(struct bytes arn, const char *account, struct buf *out,
                                struct error *e)
{
    CLEANUP(buf_done_p) struct buf head = BUF(128);
    buf_addf(&head, "arn:aws:iam::%s:oidc-provider/", account);
    TRY(buf_result(&head));
    if (!bytes_has_prefix(arn, buf_bytes(&head))) {
        FAIL(e, ERRC_FORMAT, "no ARN of an OpenID Connect provider of this account");
    }
    buf_add_str(out, "https://");
    buf_add(out, bytes_slice(arn, head.n, arn.n));
    TRY(buf_result(out));
    return oidc_url_check(buf_bytes(out), e);
}

/* --- lists --- */

static RESULT client_check(struct bytes client, struct error *e)
{
    if (client.n == 0 || client.n > OIDC_CLIENT_MAX || !text_is_printable(client)) {
        FAIL(e, ERRC_FORMAT, "a client id has 1 to %d printable characters", OIDC_CLIENT_MAX);
    }
    return RESULT_OK;
}

static RESULT thumbprint_check(struct bytes v, struct error *e)
{
    uint8_t raw[THUMBPRINT_CHARS / 2];
    TRY_MSG(hex_decode(v, raw, sizeof(raw)), e, "a thumbprint has %d hex digits", THUMBPRINT_CHARS);
    return RESULT_OK;
}

static RESULT list_write(const char *const *v, size_t n, size_t max, const char *what,
                         RESULT (*check)(struct bytes v, struct error *e), struct buf *out,
                         struct error *e)
{
    struct jsonw w;
    if (n > max) {
        FAIL(e, ERRC_LIMIT, "more than %zu %s", max, what);
    }
    jsonw_init(&w, out);
    jsonw_array(&w);
    for (size_t i = 0; i < n; i++) {
        TRY(check(bytes_str(v[i]), e));
        jsonw_cstr(&w, v[i]);
    }
    jsonw_array_end(&w);
    return buf_result(out);
}

static RESULT list_read(const char *text, struct arena *arena, const char *const **ret,
                        size_t *ret_n, struct error *e)
{
    CLEANUP(json_doc_free_p) struct json_doc *doc = NULL;
    struct json v;
    struct json_iter it = { 0 };
    size_t n = 0;
    TRY(json_parse(bytes_str(text), LIST_MAX, &doc, e));
    const char **list = arena_zalloc(arena, (json_count(json_root(doc)) + 1) * sizeof(*list));
    while (json_next(json_root(doc), &it, &v)) {
        struct bytes item;
        TRY_MSG(json_str(v, &item), e, "stored list");
        list[n++] = arena_str(arena, item);
    }
    *ret = list;
    *ret_n = n;
    return RESULT_OK;
}

/* --- rows --- */

struct row {
    const char *url, *clients, *thumbprints;
    int64_t created_ms;
};
#define ROW_COLUMNS "url, clients, thumbprints, created_ms"
#define ROW_SELECT  "SELECT " ROW_COLUMNS " FROM oidc_providers WHERE realm = ?1 AND url = ?2"

static void row_read(struct db_stmt *s, struct arena *arena, void *item)
{
    struct row *r = item;
    r->url = sql_str(s, 0, arena);
    r->clients = sql_str(s, 1, arena);
    r->thumbprints = sql_str(s, 2, arena);
    r->created_ms = db_col_i64(s, 3);
}

static RESULT provider_of_row(const struct row *r, struct arena *arena, struct oidc_provider *ret,
                              struct error *e)
{
    struct oidc_provider p = { .url = r->url, .created_ms = r->created_ms };
    TRY(list_read(r->clients, arena, &p.clients, &p.client_count, e));
    TRY(list_read(r->thumbprints, arena, &p.thumbprints, &p.thumbprint_count, e));
    *ret = p;
    return RESULT_OK;
}

RESULT oidc_provider_get(struct directory *d, const char *realm, struct bytes url,
                         struct arena *arena, struct oidc_provider *ret, struct error *e)
{
    struct row row;
    TRY(directory_one(d, "OpenID Connect provider", ROW_SELECT,
                      SQL_IN(SQL_STR(realm), SQL_BYTES(url)), row_read, arena, &row, e));
    return provider_of_row(&row, arena, ret, e);
}

RESULT oidc_provider_list(struct directory *d, const char *realm, struct arena *arena,
                          struct oidc_provider **ret, size_t *ret_n, struct error *e)
{
    struct sql_rows rows;
    TRY(directory_rows(d,
                       "SELECT " ROW_COLUMNS " FROM oidc_providers WHERE realm = ?1 ORDER BY url",
                       SQL_IN(SQL_STR(realm)), sizeof(struct row), row_read, arena, &rows, e));
    const struct row *r = rows.p;
    struct oidc_provider *list = arena_zalloc(arena, (rows.n + 1) * sizeof(*list));
    for (size_t i = 0; i < rows.n; i++) {
        TRY(provider_of_row(&r[i], arena, &list[i], e));
    }
    *ret = list;
    *ret_n = rows.n;
    return RESULT_OK;
}

/* --- changes --- */

struct change {
    const char *realm;
    struct bytes url, client;
    bool is_removal;
    struct bytes clients, thumbprints; /* JSON */
    int64_t now_ms;
};

static RESULT provider_insert(struct db_conn *c, void *arg, struct error *e)
{
    const struct change *n = arg;
    int64_t count = 0;
    TRY(realm_is_open(c, n->realm, e));
    TRY(sql_i64(c, "SELECT count(*) FROM oidc_providers WHERE realm = ?1",
                SQL_IN(SQL_STR(n->realm)), &count, e));
    if (count >= OIDC_PROVIDERS_MAX) {
        FAIL(e, ERRC_LIMIT, "more than %d OpenID Connect providers", OIDC_PROVIDERS_MAX);
    }
    struct result r =
            sql_run(c,
                    "INSERT INTO oidc_providers(realm, url, clients, thumbprints, created_ms)"
                    " VALUES(?1, ?2, ?3, ?4, ?5)",
                    SQL_IN(SQL_STR(n->realm), SQL_BYTES(n->url), SQL_BYTES(n->clients),
                           SQL_BYTES(n->thumbprints), SQL_INT(n->now_ms)),
                    e);
    if (r.code == ERRC_EXISTS) {
        FAIL(e, ERRC_EXISTS, "this OpenID Connect provider exists already");
    }
    return r;
}

RESULT oidc_provider_create(struct directory *d, const char *realm, const struct oidc_provider *p,
                            struct error *e)
{
    CLEANUP(buf_done_p) struct buf clients = BUF(LIST_MAX), thumbprints = BUF(LIST_MAX);
    TRY(oidc_url_check(bytes_str(p->url), e));
    TRY(list_write(p->clients, p->client_count, OIDC_CLIENTS_MAX, "client ids", client_check,
                   &clients, e));
    TRY(list_write(p->thumbprints, p->thumbprint_count, OIDC_THUMBPRINTS_MAX, "thumbprints",
                   thumbprint_check, &thumbprints, e));
    struct change n = { .realm = realm,
                        .url = bytes_str(p->url),
                        .clients = buf_bytes(&clients),
                        .thumbprints = buf_bytes(&thumbprints),
                        .now_ms = clock_wall_ms(d->clock) };
    return directory_change(d, provider_insert, &n, e);
}

static struct result no_provider(struct error *e)
{
    FAIL(e, ERRC_NOT_FOUND, "no such OpenID Connect provider");
}

static RESULT provider_remove(struct db_conn *c, void *arg, struct error *e)
{
    const struct change *n = arg;
    TRY(sql_run(c, "DELETE FROM oidc_providers WHERE realm = ?1 AND url = ?2",
                SQL_IN(SQL_STR(n->realm), SQL_BYTES(n->url)), e));
    return db_changes(c) == 0 ? no_provider(e) : RESULT_OK;
}

RESULT oidc_provider_delete(struct directory *d, const char *realm, struct bytes url,
                            struct error *e)
{
    struct change n = { .realm = realm, .url = url };
    return directory_change(d, provider_remove, &n, e);
}

/* The list with the client, or without it. */
static RESULT clients_change(struct db_conn *c, void *arg, struct error *e)
{
    const struct change *n = arg;
    CLEANUP(arena_free_p) struct arena *arena = arena_new(4096, false);
    CLEANUP(buf_done_p) struct buf json = BUF(LIST_MAX);
    struct row row;
    struct oidc_provider p;
    size_t kept = 0;
    TRY(sql_one(c, "OpenID Connect provider", ROW_SELECT,
                SQL_IN(SQL_STR(n->realm), SQL_BYTES(n->url)), row_read, arena, &row, e));
    TRY(provider_of_row(&row, arena, &p, e));
    const char **list = arena_zalloc(arena, (p.client_count + 1) * sizeof(*list));
    for (size_t i = 0; i < p.client_count; i++) {
        if (!bytes_equal_str(n->client, p.clients[i])) {
            list[kept++] = p.clients[i];
        }
    }
    if (!n->is_removal) {
        list[kept++] = arena_str(arena, n->client);
    }
    TRY(list_write(list, kept, OIDC_CLIENTS_MAX, "client ids", client_check, &json, e));
    return sql_run(c, "UPDATE oidc_providers SET clients = ?3 WHERE realm = ?1 AND url = ?2",
                   SQL_IN(SQL_STR(n->realm), SQL_BYTES(n->url), SQL_BYTES(buf_bytes(&json))), e);
}

RESULT oidc_provider_add_client(struct directory *d, const char *realm, struct bytes url,
                                struct bytes client, struct error *e)
{
    struct change n = { .realm = realm, .url = url, .client = client };
    TRY(client_check(client, e));
    return directory_change(d, clients_change, &n, e);
}

RESULT oidc_provider_remove_client(struct directory *d, const char *realm, struct bytes url,
                                   struct bytes client, struct error *e)
{
    struct change n = { .realm = realm, .url = url, .client = client, .is_removal = true };
    return directory_change(d, clients_change, &n, e);
}

static RESULT thumbprints_change(struct db_conn *c, void *arg, struct error *e)
{
    const struct change *n = arg;
    TRY(sql_run(c, "UPDATE oidc_providers SET thumbprints = ?3 WHERE realm = ?1 AND url = ?2",
                SQL_IN(SQL_STR(n->realm), SQL_BYTES(n->url), SQL_BYTES(n->thumbprints)), e));
    return db_changes(c) == 0 ? no_provider(e) : RESULT_OK;
}

RESULT oidc_provider_set_thumbprints(struct directory *d, const char *realm, struct bytes url,
                                     const char *const *thumbprints, size_t n, struct error *e)
{
    CLEANUP(buf_done_p) struct buf json = BUF(LIST_MAX);
    TRY(list_write(thumbprints, n, OIDC_THUMBPRINTS_MAX, "thumbprints", thumbprint_check, &json,
                   e));
    struct change change = { .realm = realm, .url = url, .thumbprints = buf_bytes(&json) };
    return directory_change(d, thumbprints_change, &change, e);
}
