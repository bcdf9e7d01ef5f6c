/* Signing in over REST, step by step, and the attacks on it: stages passed over, fixation, other
 * clients, other sites, guessing. */
#include "house.h"

#include "base/json.h"
#include "base/text.h"
#include "crypto/otp.h"
#include "identity/directory_priv.h"
#include "identity/grant.h"
#include "identity/login.h"
#include "identity/sql_priv.h"
#include "ledger/client.h"
#include "sys/sock.h"

#include <sys/socket.h>

static struct house *house;
static struct credentials acme;

#define PASSWORD "correct horse battery staple"
#define AGENT    "test/1"

/* One call on the public side; the answer lives until the next. */
static struct answer last;
static struct json_doc *doc;

static unsigned call_with(const char *method, const char *target, const char *json,
                          const struct head *heads)
{
    struct ask q = { .method = method, .target = target, .body = bytes_str(json), .heads = heads };
    struct error e = { 0 };
    answer_done(&last);
    json_doc_free(doc);
    doc = NULL;
    house_ask(house, &q, &last);
    if (last.body.n > 0) {
        assert_ok(json_parse(buf_bytes(&last.body), 1 << 20, &doc, &e), e);
    }
    return last.status;
}

static unsigned call(const char *method, const char *target, const char *json, const char *token)
{
    char bearer[128];
    snprintf(bearer, sizeof(bearer), "Bearer %s", token != NULL ? token : "");
    struct head heads[4] = { { "user-agent", AGENT }, { "content-type", "application/json" } };
    if (token != NULL) {
        heads[2] = (struct head){ "authorization", bearer };
    }
    return call_with(method, target, json, heads);
}

static void manage(const char *method, const char *target, const char *json, unsigned status)
{
    struct error e = { 0 };
    answer_done(&last);
    json_doc_free(doc);
    doc = NULL;
    house_manage(house, method, target, json, &last);
    if (last.status != status) {
        fail_msg("%s %s: %u: %.*s", method, target, last.status, BYTES_FMT(buf_bytes(&last.body)));
    }
    if (last.body.n > 0) {
        assert_ok(json_parse(buf_bytes(&last.body), 1 << 20, &doc, &e), e);
    }
}

static void member(const char *key, char *dst, size_t cap)
{
    struct bytes v;
    struct error e = { 0 };
    assert_non_null(doc);
    assert_ok(json_get_str(json_root(doc), key, &v, &e), e);
    snprintf(dst, cap, "%.*s", BYTES_FMT(v));
}

static void assert_member(const char *key, const char *want)
{
    char got[512];
    member(key, got, sizeof(got));
    assert_string_equal(got, want);
}

struct person {
    char name[32], seed[64], token[64], old_token[64];
    int64_t step; /* of the newest code that was used */
};

static unsigned base32_value(char c)
{
    return c >= 'A' && c <= 'Z' ? (unsigned)(c - 'A') : (unsigned)(c - '2') + 26;
}

/* The code of a step that was not used yet: now, or the next one, which the window allows. */
static void code_fresh(struct person *p, char ret[OTP_DIGITS_MAX + 1])
{
    uint8_t seed[20] = { 0 };
    unsigned bits = 0, held = 0;
    size_t n = 0;
    for (const char *s = p->seed; *s != '\0'; s++) {
        held = held << 5 | base32_value(*s);
        bits += 5;
        if (bits >= 8 && n < sizeof(seed)) {
            bits -= 8;
            seed[n++] = (uint8_t)(held >> bits);
        }
    }
    int64_t step = clock_wall_ms(&clock_system) / 30000;
    p->step = step > p->step ? step : p->step + 1;
    otp_hotp(HASH_SHA1, BYTES_OF(seed), (uint64_t)p->step, 6, ret);
}

static void post_code(struct person *p, const char *target, unsigned status)
{
    char code[OTP_DIGITS_MAX + 1], body[64];
    code_fresh(p, code);
    snprintf(body, sizeof(body), "{\"code\":\"%s\"}", code);
    if (call("POST", target, body, p->token) != status) {
        fail_msg("%s: %u: %.*s", target, last.status, BYTES_FMT(buf_bytes(&last.body)));
    }
}

static void sign_in_password(const struct person *p, const char *password, unsigned status)
{
    char body[256];
    snprintf(body, sizeof(body), "{\"realm\":\"acme\",\"user\":\"%s\",\"password\":\"%s\"}",
             p->name, password);
    if (call("POST", "/api/v1/login", body, NULL) != status) {
        fail_msg("login: %u: %.*s", last.status, BYTES_FMT(buf_bytes(&last.body)));
    }
}

static void person_make(struct person *p, const char *name)
{
    char body[256], target[128], code[64];
    *p = (struct person){ 0 };
    snprintf(p->name, sizeof(p->name), "%s", name);
    snprintf(body, sizeof(body), "{\"name\":\"%s\",\"owner\":\"A Person\"}", name);
    manage("POST", "/api/v1/realms/acme/users", body, 201);
    snprintf(target, sizeof(target), "/api/v1/realms/acme/users/%s/reset", name);
    manage("POST", target, "", 201);
    member("code", code, sizeof(code));
    snprintf(body, sizeof(body), "{\"code\":\"%s\",\"password\":\"" PASSWORD "\"}", code);
    assert_int_equal(call("POST", "/api/v1/login/enrol", body, NULL), 200);
    assert_member("stage", "enrol");
    member("token", p->token, sizeof(p->token));
}

static void person_enrol(struct person *p)
{
    char id[64], target[128];
    if (call("POST", "/api/v1/self/factors/totp", "{}", p->token) != 201) {
        fail_msg("totp: %u: %.*s", last.status, BYTES_FMT(buf_bytes(&last.body)));
    }
    member("seed", p->seed, sizeof(p->seed));
    member("id", id, sizeof(id));
    snprintf(target, sizeof(target), "/api/v1/self/factors/totp/%s", id);
    post_code(p, target, 200);
    assert_member("stage", "full");
    memcpy(p->old_token, p->token, sizeof(p->token));
    member("token", p->token, sizeof(p->token));
}

static int group_setup(void **state)
{
    (void)state;
    house = house_open();
    house_tenant(house, "acme", &acme);
    return 0;
}

static int group_teardown(void **state)
{
    (void)state;
    answer_done(&last);
    json_doc_free(doc);
    (void)s3(house, NULL, "GET", "/healthz", BYTES_NONE, NULL);
    house_close(house);
    return 0;
}

/*= 2.1.4-1 test */
static void test_stages(void **state)
{
    struct person p;
    (void)state;
    person_make(&p, "lin");
    /* without a factor nothing but enrolling one is possible */
    assert_int_equal(call("GET", "/api/v1/self", "", p.token), 200);
    assert_int_equal(call("GET", "/api/v1/self/sessions", "", p.token), 403);
    assert_int_equal(call("GET", "/api/v1/realms/acme/users", "", p.token), 403);
    assert_int_equal(call("GET", "/api/v1/tenants/acme", "", p.token), 403);
    assert_int_equal(call("POST", "/api/v1/session/totp", "{\"code\":\"000000\"}", p.token), 403);
    assert_int_equal(call("POST", "/api/v1/self/recovery-codes", "", p.token), 403);
    person_enrol(&p);
    /* each step gives a new token and voids the one before */
    assert_string_not_equal(p.token, p.old_token);
    assert_int_equal(call("GET", "/api/v1/self", "", p.old_token), 401);
    assert_string_equal(answer_header(&last, "www-authenticate"), "Bearer realm=\"troth\"");
    assert_int_equal(call("GET", "/api/v1/self/sessions", "", p.token), 200);
    /* the password alone opens nothing */
    sign_in_password(&p, PASSWORD, 200);
    assert_member("stage", "factor");
    member("token", p.token, sizeof(p.token));
    assert_int_equal(call("GET", "/api/v1/self/sessions", "", p.token), 403);
    assert_int_equal(call("GET", "/api/v1/realms/acme/users", "", p.token), 403);
    assert_int_equal(call("POST", "/api/v1/self/factors/totp", "{}", p.token), 403);
    assert_int_equal(call("POST", "/api/v1/session/totp", "{\"code\":\"000000\"}", p.token), 401);
    memcpy(p.old_token, p.token, sizeof(p.token));
    post_code(&p, "/api/v1/session/totp", 200);
    assert_member("stage", "full");
    member("token", p.token, sizeof(p.token));
    assert_int_equal(call("GET", "/api/v1/self", "", p.old_token), 401);
    /* out is out */
    assert_int_equal(call("DELETE", "/api/v1/session", "", p.token), 204);
    assert_int_equal(call("GET", "/api/v1/self", "", p.token), 401);
}

/* A code is good once. */
static void test_replay(void **state)
{
    struct person p;
    char code[OTP_DIGITS_MAX + 1], body[64];
    (void)state;
    person_make(&p, "wu");
    person_enrol(&p);
    sign_in_password(&p, PASSWORD, 200);
    member("token", p.token, sizeof(p.token));
    code_fresh(&p, code);
    snprintf(body, sizeof(body), "{\"code\":\"%s\"}", code);
    assert_int_equal(call("POST", "/api/v1/session/totp", body, p.token), 200);
    sign_in_password(&p, PASSWORD, 200);
    member("token", p.token, sizeof(p.token));
    assert_int_equal(call("POST", "/api/v1/session/totp", body, p.token), 401);
}

/* A token is good for the client it was given to. */
static void test_other_client(void **state)
{
    struct person p;
    char bearer[128];
    (void)state;
    person_make(&p, "zhao");
    person_enrol(&p);
    snprintf(bearer, sizeof(bearer), "Bearer %s", p.token);
    assert_int_equal(call_with("GET", "/api/v1/self", "",
                               HEADS({ "user-agent", "other/1" }, { "authorization", bearer })),
                     401);
    assert_int_equal(call_with("GET", "/api/v1/self", "", HEADS({ "authorization", bearer })), 401);
    /* two of them are none */
    assert_int_equal(call_with("GET", "/api/v1/self", "",
                               HEADS({ "user-agent", AGENT }, { "authorization", bearer },
                                     { "authorization", bearer })),
                     400);
    assert_int_equal(call("GET", "/api/v1/self", "", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
                     401);
    assert_int_equal(call("GET", "/api/v1/self", "", ""), 401);
    assert_int_equal(call("GET", "/api/v1/self", "", NULL), 401);
}

static unsigned with_cookie(const char *cookie, const char *csrf, const char *origin,
                            const char *type)
{
    struct head heads[8] = { { "user-agent", AGENT }, { "cookie", cookie } };
    size_t n = 2;
    if (csrf != NULL) {
        heads[n++] = (struct head){ "x-troth-csrf", csrf };
    }
    if (origin != NULL) {
        heads[n++] = (struct head){ "origin", origin };
    }
    if (type != NULL) {
        heads[n++] = (struct head){ "content-type", type };
    }
    return call_with("POST", "/api/v1/self/recovery-codes", type != NULL ? "{}" : "", heads);
}

/* Another site makes the browser send the cookie. */
static void test_csrf(void **state)
{
    struct person p;
    char cookie[160], csrf[64], body[256], code[OTP_DIGITS_MAX + 1];
    (void)state;
    person_make(&p, "qian");
    person_enrol(&p);
    snprintf(body, sizeof(body),
             "{\"cookie\":true,\"realm\":\"acme\",\"user\":\"qian\",\"password\":\"" PASSWORD
             "\"}");
    assert_int_equal(call("POST", "/api/v1/login", body, NULL), 200);
    assert_false(json_has(json_root(doc), "token"));
    const char *set = answer_header(&last, "set-cookie");
    assert_non_null(strstr(set, "; Secure; HttpOnly; SameSite=Strict"));
    assert_non_null(strstr(set, "; Path=/;"));
    assert_null(strstr(set, "Domain"));
    snprintf(cookie, sizeof(cookie), "%.*s", (int)strcspn(set, ";"), set);
    assert_int_equal(strncmp(cookie, "__Host-troth=", 13), 0);
    member("csrf", csrf, sizeof(csrf));
    code_fresh(&p, code);
    snprintf(body, sizeof(body), "{\"code\":\"%s\"}", code);
    const struct head heads[] = { { "user-agent", AGENT },
                                  { "cookie", cookie },
                                  { "x-troth-csrf", csrf },
                                  { "origin", "https://localhost" },
                                  { "content-type", "application/json" },
                                  { NULL, NULL } };
    assert_int_equal(call_with("POST", "/api/v1/session/totp", body, heads), 200);
    set = answer_header(&last, "set-cookie");
    snprintf(cookie, sizeof(cookie), "%.*s", (int)strcspn(set, ";"), set);
    member("csrf", csrf, sizeof(csrf));
    /* reading needs the cookie alone; a change needs more */
    assert_int_equal(call_with("GET", "/api/v1/self", "",
                               HEADS({ "user-agent", AGENT }, { "cookie", cookie })),
                     200);
    char wrong[64];
    memcpy(wrong, csrf, sizeof(wrong));
    wrong[3] = wrong[3] == 'A' ? 'B' : 'A';
    assert_int_equal(with_cookie(cookie, NULL, "https://localhost", NULL), 403);
    assert_int_equal(with_cookie(cookie, "", "https://localhost", NULL), 403);
    assert_int_equal(with_cookie(cookie, wrong, "https://localhost", NULL), 403);
    assert_int_equal(with_cookie(cookie, csrf, NULL, NULL), 403);
    assert_int_equal(with_cookie(cookie, csrf, "null", NULL), 403);
    assert_int_equal(with_cookie(cookie, csrf, "http://localhost", NULL), 403);
    assert_int_equal(with_cookie(cookie, csrf, "https://localhost.evil.example", NULL), 403);
    assert_int_equal(with_cookie(cookie, csrf, "https://evil.example", NULL), 403);
    assert_int_equal(
            with_cookie(cookie, csrf, "https://localhost", "application/x-www-form-urlencoded"),
            415);
    assert_int_equal(with_cookie(cookie, csrf, "https://localhost", "text/plain"), 415);
    assert_int_equal(with_cookie(cookie, csrf, "https://localhost", "application/json"), 201);
    char twice[400];
    snprintf(twice, sizeof(twice), "%s; %s", cookie, cookie);
    assert_int_equal(with_cookie(twice, csrf, "https://localhost", NULL), 400);
}

/* Signing somebody in as the attacker is an attack too. */
static void test_login_csrf(void **state)
{
    const char *body = "{\"realm\":\"acme\",\"user\":\"lin\",\"password\":\"" PASSWORD "\"}";
    (void)state;
    assert_int_equal(call_with("POST", "/api/v1/login", body,
                               HEADS({ "content-type", "application/json" },
                                     { "origin", "https://evil.example" })),
                     403);
    assert_int_equal(
            call_with("POST", "/api/v1/login", body, HEADS({ "content-type", "text/plain" })), 415);
    assert_int_equal(call_with("POST", "/api/v1/login", body,
                               HEADS({ "content-type", "application/x-www-form-urlencoded" })),
                     415);
    assert_int_equal(call_with("POST", "/api/v1/login", body, NULL), 415);
}

struct looked {
    const char *kind;
    unsigned n;
};

static struct result look(void *arg, const struct ledger_record *r, struct error *e)
{
    struct looked *l = arg;
    struct entry en;
    TRY(entry_parse(r->leaf, &en, e));
    l->n += strcmp(en.kind, l->kind) == 0;
    assert_true(bytes_find(r->payload, BYTES_LIT("staple")) == r->payload.n);
    return RESULT_OK;
}

static unsigned entries(const char *kind)
{
    struct looked l = { .kind = kind };
    struct error e = { 0 };
    struct ledger_status now;
    assert_ok(ledger_get_status(house_scribe(house), "acme", &now, &e), e);
    for (uint64_t at = 0; at < now.size; at += 1000) {
        uint64_t n = MIN(now.size - at, (uint64_t)1000);
        assert_ok(ledger_read(house_scribe(house), "acme", at, n, look, &l, &e), e);
    }
    return l.n;
}

/*= 2.1.4-7 test */
static void test_guessing(void **state)
{
    struct person p;
    unsigned before;
    (void)state;
    person_make(&p, "sun");
    person_enrol(&p);
    before = entries("auth.failed");
    unsigned status = 401;
    for (int i = 0; i < 12 && status == 401; i++) {
        char body[256];
        snprintf(body, sizeof(body),
                 "{\"realm\":\"acme\",\"user\":\"sun\",\"password\":\"wrong staple %d\"}", i);
        status = call("POST", "/api/v1/login", body, NULL);
    }
    assert_int_equal(status, 429);
    assert_true(entries("auth.failed") > before + 4);
    assert_true(entries("lockout") >= 1);
    assert_true(entries("login") >= 4);
    assert_true(entries("factor.add") >= 8); /* two phases */
    sign_in_password(&p, PASSWORD, 429);
    /* an unknown name is answered as a wrong password is */
    assert_true(call("POST", "/api/v1/login",
                     "{\"realm\":\"acme\",\"user\":\"nobody\",\"password\":\"x\"}", NULL) >= 401);
    assert_true(call("POST", "/api/v1/login",
                     "{\"realm\":\"no-such\",\"user\":\"nobody\",\"password\":\"x\"}",
                     NULL) >= 401);
}

static void test_bodies(void **state)
{
    (void)state;
    assert_int_equal(call("POST", "/api/v1/login", "", NULL), 400);
    assert_int_equal(call("POST", "/api/v1/login", "{", NULL), 400);
    assert_int_equal(call("POST", "/api/v1/login", "[]", NULL), 400);
    assert_int_equal(call("POST", "/api/v1/login",
                          "{\"realm\":\"acme\",\"user\":\"lin\",\"password\":\"x\",\"admin\":true}",
                          NULL),
                     400);
    assert_non_null(strstr((const char *)last.body.p, "admin"));
    assert_int_equal(call("POST", "/api/v1/login", "{\"realm\":1,\"user\":\"lin\"}", NULL), 400);
    assert_int_equal(call("GET", "/api/v1/login", "", NULL), 405);
    assert_int_equal(call("POST", "/api/v1/nothing", "", NULL), 404);
    /* on the public side nobody is the operator */
    assert_int_equal(call("GET", "/api/v1/status", "", NULL), 401);
    assert_int_equal(call("POST", "/api/v1/tenants", "{\"name\":\"own\"}", NULL), 401);
}

/* The same key makes a thing once. */
static void test_idempotency(void **state)
{
    struct answer a = { 0 };
    const struct head *heads =
            HEADS({ "content-type", "application/json" }, { "idempotency-key", "7c9e" });
    struct ask q = { .method = "POST", .target = "/api/v1/realms/acme/groups", .heads = heads };
    (void)state;
    q.body = BYTES_LIT("{\"name\":\"dev\"}");
    house_manage_ask(house, &q, &a);
    assert_int_equal(a.status, 201);
    assert_null(answer_header(&a, "idempotency-replayed"));
    CLEANUP(buf_done_p) struct buf first = BUF(65536);
    buf_add(&first, buf_bytes(&a.body));
    answer_done(&a);
    house_manage_ask(house, &q, &a);
    assert_int_equal(a.status, 201);
    assert_string_equal(answer_header(&a, "idempotency-replayed"), "true");
    assert_true(bytes_equal(buf_bytes(&first), buf_bytes(&a.body)));
    answer_done(&a);
    q.body = BYTES_LIT("{\"name\":\"ops\"}");
    house_manage_ask(house, &q, &a);
    assert_int_equal(a.status, 409);
    answer_done(&a);
    /* what failed may be tried again under its key */
    q.heads = HEADS({ "content-type", "application/json" }, { "idempotency-key", "7c9f" });
    q.body = BYTES_LIT("{\"name\":\"dev\"}");
    house_manage_ask(house, &q, &a);
    assert_int_equal(a.status, 409);
    answer_done(&a);
    q.body = BYTES_LIT("{\"name\":\"ops\"}");
    house_manage_ask(house, &q, &a);
    assert_int_equal(a.status, 201);
    answer_done(&a);
    /* secrets are not kept: a repetition makes nothing and shows nothing */
    q.heads = HEADS({ "idempotency-key", "key-1" });
    q.target = "/api/v1/realms/acme/users/root/access-keys";
    q.body = BYTES_NONE;
    house_manage_ask(house, &q, &a);
    assert_int_equal(a.status, 201);
    answer_done(&a);
    house_manage_ask(house, &q, &a);
    assert_int_equal(a.status, 409);
    assert_true(bytes_find(buf_bytes(&a.body), BYTES_LIT("shown once")) < a.body.n);
    answer_done(&a);
}

/* A change of what is not what one saw is refused. */
static void test_if_match(void **state)
{
    struct answer a = { 0 };
    char tag[64];
    struct ask q = { .method = "POST", .target = "/api/v1/realms/acme/users" };
    (void)state;
    q.heads = HEADS({ "content-type", "application/json" });
    q.body = BYTES_LIT("{\"name\":\"match\",\"owner\":\"A Person\"}");
    house_manage_ask(house, &q, &a);
    assert_int_equal(a.status, 201);
    snprintf(tag, sizeof(tag), "%s", answer_header(&a, "etag"));
    answer_done(&a);
    q = (struct ask){ .method = "PATCH",
                      .target = "/api/v1/realms/acme/users/match",
                      .body = BYTES_LIT("{\"display\":\"One\"}") };
    q.heads = HEADS({ "content-type", "application/json" }, { "if-match", tag });
    house_manage_ask(house, &q, &a);
    assert_int_equal(a.status, 200);
    assert_string_not_equal(answer_header(&a, "etag"), tag);
    answer_done(&a);
    house_manage_ask(house, &q, &a);
    assert_int_equal(a.status, 412);
    answer_done(&a);
    q.heads = HEADS({ "content-type", "application/json" }, { "if-match", "W/\"1\"" });
    house_manage_ask(house, &q, &a);
    assert_int_equal(a.status, 412);
    answer_done(&a);
    q.heads = HEADS({ "content-type", "application/json" }, { "if-match", "*" });
    house_manage_ask(house, &q, &a);
    assert_int_equal(a.status, 200);
    answer_done(&a);
}

/* --- what runs is reached --- */

static void log_fill(void)
{
    CLEANUP(buf_done_p) struct buf payload = BUF(LEDGER_PAYLOAD_MAX);
    struct ledger_position pos;
    struct error e = { 0 };
    buf_add_str(&payload, "{\"detail\":\"");
    for (int i = 0; i < 8000; i++) {
        buf_add_u8(&payload, 'x');
    }
    buf_add_str(&payload, "\"}");
    for (int i = 0; i < 1500; i++) {
        assert_ok(ledger_append(house_scribe(house), "acme", "test", buf_bytes(&payload), &pos, &e),
                  e);
    }
}

static int export_begin(const struct person *p)
{
    struct error e = { 0 };
    int fd = -1;
    CLEANUP(buf_done_p) struct buf head = BUF(4096);
    assert_ok(sock_connect_unix(house_path(house, false), &fd, &e), e);
    assert_ok(sock_set_nonblocking(fd, false, &e), e);
    buf_addf(&head,
             "GET /api/v1/logs/acme/export HTTP/1.1\r\nHost: localhost\r\nUser-Agent: " AGENT
             "\r\nAuthorization: Bearer %s\r\nConnection: close\r\n\r\n",
             p->token);
    assert_int_equal(send(fd, head.p, head.n, MSG_NOSIGNAL), head.n);
    return fd;
}

/* Reads at most max bytes, or to the end; the last five of them. */
static size_t export_read(int fd, size_t max, char tail[6])
{
    static char part[65536];
    size_t n = 0;
    while (n < max) {
        ssize_t got = recv(fd, part, MIN(sizeof(part), max - n), 0);
        assert_true(got >= 0);
        if (got == 0) {
            break;
        }
        n += (size_t)got;
        for (ssize_t i = 0; i < got; i++) {
            memmove(tail, tail + 1, 4);
            tail[4] = part[i];
        }
    }
    tail[5] = '\0';
    return n;
}

/*= 2.2.2-5 test */
static void test_a_running_export_ends_with_the_right(void **state)
{
    struct person p;
    char tail[6] = { 0 };
    (void)state;
    person_make(&p, "gao");
    manage("PUT", "/api/v1/realms/acme/users/gao/roles/audit-administrator", "", 204);
    person_enrol(&p);
    log_fill();
    int fd = export_begin(&p);
    size_t whole = export_read(fd, SIZE_MAX, tail);
    sock_close(fd);
    assert_true(whole > (size_t)8 << 20);
    assert_string_equal(tail, "0\r\n\r\n");

    fd = export_begin(&p);
    size_t n = export_read(fd, 65536, tail);
    manage("POST", "/api/v1/realms/acme/users/gao/freeze", "", 200);
    n += export_read(fd, SIZE_MAX, tail);
    sock_close(fd);
    assert_true(n < whole / 2);
    assert_string_not_equal(tail, "0\r\n\r\n");
    assert_int_equal(call("GET", "/api/v1/self", "", p.token), 401);
}

/* --- an approval with a factor of long ago --- */

static RESULT age_write(struct db_conn *c, void *arg, struct error *e)
{
    (void)arg;
    return sql_run(c, "UPDATE sessions SET mfa_ms = mfa_ms - 301000", (struct sql_in){ 0 }, e);
}

static void factors_grow_old(void)
{
    struct directory *d = house_api(house)->directory;
    struct error e = { 0 };
    assert_ok(db_write(d->db, age_write, NULL, &e), e);
    directory_caches_empty(d);
}

static void grant_ask_for(const char *user_id, char target[256])
{
    CLEANUP(arena_free_p) struct arena *arena = arena_new(4096, false);
    struct grant_ask ask = { .realm = "acme",
                             .home = "platform",
                             .user_id = user_id,
                             .user_name = "sam",
                             .role = "support-data-reader",
                             .policy = "",
                             .reason = "a ticket",
                             .ticket = "",
                             .kind = GRANT_ORDINARY,
                             .length_ms = 600000 };
    struct grant g;
    struct error e = { 0 };
    assert_ok(grant_create(house_api(house)->directory, &ask, arena, &g, &e), e);
    snprintf(target, 256, "/api/v1/realms/acme/grants/%s/approve", g.id);
}

/*= 2.1.4-3 test */
static void test_stale_approval(void **state)
{
    struct person p;
    char id[IDENTITY_ID_BYTES], target[256];
    (void)state;
    manage("POST", "/api/v1/realms/platform/users", "{\"name\":\"sam\",\"owner\":\"Sam\"}", 201);
    member("id", id, sizeof(id));
    manage("PUT", "/api/v1/realms/platform/users/sam/roles/staff", "", 204);
    person_make(&p, "tang");
    manage("PUT", "/api/v1/realms/acme/users/tang/roles/approver", "", 204);
    person_enrol(&p); /* acme is claimed from here on */
    grant_ask_for(id, target);
    factors_grow_old();
    unsigned before = entries("access.denied");
    assert_int_equal(call("POST", target, "{}", p.token), 403);
    assert_int_equal(call("POST", "/api/v1/self/recovery-codes", "", p.token), 403);
    assert_int_equal(call("POST", "/api/v1/self/factors/totp", "{}", p.token), 403);
    assert_int_equal(entries("access.denied"), before + 3);
    post_code(&p, "/api/v1/session/step-up", 204);
    assert_int_equal(call("POST", target, "{}", p.token), 200);
    assert_member("state", "approved");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stages),
        cmocka_unit_test(test_replay),
        cmocka_unit_test(test_other_client),
        cmocka_unit_test(test_csrf),
        cmocka_unit_test(test_login_csrf),
        cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_idempotency),
        cmocka_unit_test(test_if_match),
        cmocka_unit_test(test_guessing),
        cmocka_unit_test(test_a_running_export_ends_with_the_right),
        cmocka_unit_test(test_stale_approval), /* the last: nobody may manage acme then */
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
