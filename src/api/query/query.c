/* The way of a request of the query protocol: form, signature, action, answer, count. */
#include "api/query/query_priv.h"

#include "base/log.h"
#include "net/xml.h"

#include <stdio.h>

static const struct {
    const char *name, *version, *xmlns;
} services[] = {
    [QUERY_IAM] = { "iam", "2010-05-08", "https://iam.amazonaws.com/doc/2010-05-08/" },
    [QUERY_STS] = { "sts", "2011-06-15", "https://sts.amazonaws.com/doc/2011-06-15/" },
};

/* --- errors --- */

static const struct {
    enum errc errc;
    unsigned status;
    const char *code;
} codes[] = {
    { ERRC_NOT_FOUND, 404, "NoSuchEntity" },   { ERRC_EXISTS, 409, "EntityAlreadyExists" },
    { ERRC_LIMIT, 409, "LimitExceeded" },      { ERRC_FORMAT, 400, "ValidationError" },
    { ERRC_RANGE, 400, "ValidationError" },    { ERRC_DENIED, 403, "AccessDenied" },
    { ERRC_EXPIRED, 403, "ExpiredToken" },     { ERRC_AGAIN, 503, "ServiceUnavailable" },
    { ERRC_NOMEM, 503, "ServiceUnavailable" }, { ERRC_UNSUPPORTED, 501, "NotImplemented" },
    { ERRC_FULL, 507, "ServiceFailure" },
};

static void code_of(const struct query *q, enum errc errc, unsigned *status, const char **code)
{
    *status = q->code != NULL ? q->status : 500;
    *code = q->code != NULL ? q->code : "InternalFailure";
    if (q->code == NULL && errc == ERRC_CONFLICT) {
        bool is_delete = q->action != NULL && strncmp(q->action->name, "Delete", 6) == 0;
        *status = is_delete ? 409 : 400;
        *code = is_delete ? "DeleteConflict" : "InvalidInput";
    }
    for (size_t i = 0; q->code == NULL && i < ARRAY_LEN(codes); i++) {
        if (codes[i].errc == errc) {
            *status = codes[i].status;
            *code = codes[i].code;
        }
    }
}

static void fail(struct query *q, const struct error *e)
{
    CLEANUP(buf_done_p) struct buf xml = BUF(64 * 1024);
    unsigned status;
    const char *code;
    code_of(q, e->code, &status, &code);
    bool is_own = status == 500;
    if (is_own) {
        log_warn("query %s: %s", q->action != NULL ? q->action->name : "-", e->msg);
    }
    xml_open_ns(&xml, "ErrorResponse", services[q->service].xmlns);
    xml_open(&xml, "Error");
    xml_element_str(&xml, "Type", status < 500 ? "Sender" : "Receiver");
    xml_element_str(&xml, "Code", code);
    xml_element_str(&xml, "Message", is_own ? "An internal error occurred." : e->msg);
    xml_close(&xml, "Error");
    xml_element_str(&xml, "RequestId", q->id);
    xml_close(&xml, "ErrorResponse");
    if (status == 503) {
        http_set_header_str(q->x, "Retry-After", "1");
    }
    result_ignore(http_respond(q->x, status, "text/xml", buf_bytes(&xml), NULL));
}

/* --- answers --- */

static RESULT reply(struct query *q, struct error *e)
{
    CLEANUP(buf_done_p) struct buf xml = BUF_SECRET(QUERY_ANSWER_MAX + 4096);
    const char *response = arena_printf(q->arena, "%sResponse", q->action->name);
    const char *result = arena_printf(q->arena, "%sResult", q->action->name);
    TRY_MSG(buf_result(q->out), e, "answer");
    xml_open_ns(&xml, response, services[q->service].xmlns);
    if (q->out->n > 0) {
        xml_open(&xml, result);
        buf_add(&xml, buf_bytes(q->out));
        xml_close(&xml, result);
    }
    xml_open(&xml, "ResponseMetadata");
    xml_element_str(&xml, "RequestId", q->id);
    xml_close(&xml, "ResponseMetadata");
    xml_close(&xml, response);
    TRY_MSG(buf_result(&xml), e, "answer");
    return http_respond(q->x, 200, "text/xml", buf_bytes(&xml), e);
}

/* --- the action --- */

static bool param_fits(struct bytes spec, struct bytes name)
{
    if (bytes_has_suffix(spec, BYTES_LIT("!"))) {
        spec = bytes_slice(spec, 0, spec.n - 1);
    }
    if (bytes_has_suffix(spec, BYTES_LIT("*"))) {
        spec = bytes_slice(spec, 0, spec.n - 1);
        return bytes_has_prefix(name, spec) && (name.n == spec.n || name.p[spec.n] == '.');
    }
    return bytes_equal(spec, name);
}

/* What every request has, and the parameters of a presigned one. */
static bool param_is_common(struct bytes name)
{
    return bytes_equal_str(name, "Action") || bytes_equal_str(name, "Version") ||
           bytes_has_prefix(name, BYTES_LIT("X-Amz-"));
}

static RESULT params_check(struct query *q, struct error *e)
{
    struct bytes spec, rest;
    for (size_t i = 0; i < q->form.n; i++) {
        struct bytes name = bytes_str(q->form.params[i].name);
        bool is_known = param_is_common(name);
        rest = bytes_str(q->action->params);
        for (bool more = true; more && !is_known;) {
            more = bytes_split(&rest, ' ', &spec);
            is_known = param_fits(spec, name);
        }
        if (!is_known) {
            QUERY_FAIL(q, e, 400, "ValidationError", ERRC_FORMAT,
                       "%s does not take the parameter %.64s here", q->action->name,
                       q->form.params[i].name);
        }
    }
    rest = bytes_str(q->action->params);
    for (bool more = true; more;) {
        more = bytes_split(&rest, ' ', &spec);
        if (bytes_has_suffix(spec, BYTES_LIT("!")) &&
            form_get(&q->form, arena_str(q->arena, bytes_slice(spec, 0, spec.n - 1))) == NULL) {
            QUERY_FAIL(q, e, 400, "ValidationError", ERRC_FORMAT,
                       "1 validation error detected: %.*s must not be null",
                       BYTES_FMT(bytes_slice(spec, 0, spec.n - 1)));
        }
    }
    return RESULT_OK;
}

/* What to do instead of calls that people try first. */
static const char *instead_of(const char *action)
{
    static const struct {
        const char *action, *instead;
    } known[] = {
        { "CreateLoginProfile", " People sign in by 'troth login --enrol', with a code from 'troth "
                                "user reset'." },
        { "UpdateLoginProfile", " 'troth user reset' gives a code for a new password." },
        { "GetLoginProfile",
          " 'troth factor list' and 'troth user show' tell how people sign in." },
        { "ChangePassword", " People change theirs by 'troth password'." },
        { "GetAccountPasswordPolicy", " 'troth tenant show' names the rules in force." },
        { "GenerateCredentialReport", " 'troth access report' has the figures." },
        { "DecodeAuthorizationMessage", " Refusals say why as they are; 'troth access explain' "
                                        "tells more." },
    };
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (strcmp(known[i].action, action) == 0) {
            return known[i].instead;
        }
    }
    return "";
}

static RESULT action_find_of(struct query *q, struct error *e)
{
    const char *name = query_text_or(q, "Action", ""), *version = query_text_or(q, "Version", "");
    if (strcmp(version, services[q->service].version) != 0) {
        QUERY_FAIL(q, e, 400, "InvalidAction", ERRC_FORMAT,
                   "Could not find operation %.64s for version %.32s", name, version);
    }
    for (const struct query_action *a = query_actions; a->name != NULL; a++) {
        if (a->service == q->service && strcmp(a->name, name) == 0) {
            q->action = a;
            return params_check(q, e);
        }
    }
    if (query_is_known(q->service, bytes_str(name))) {
        QUERY_FAIL(q, e, 501, "NotImplemented", ERRC_UNSUPPORTED, "%s:%.64s is not offered here.%s",
                   services[q->service].name, name, instead_of(name));
    }
    QUERY_FAIL(q, e, 400, "InvalidAction", ERRC_FORMAT,
               "Could not find operation %.64s for version %.32s", name, version);
}

static RESULT form_read(struct query *q, struct buf *body, struct error *e)
{
    bool is_get = bytes_equal_str(q->http->method, "GET");
    if (!is_get && !bytes_equal_str(q->http->method, "POST")) {
        QUERY_FAIL(q, e, 405, "InvalidAction", ERRC_FORMAT, "POST, or GET, of /");
    }
    struct result r = http_read_all(q->x, body, e);
    if (r.code == ERRC_LIMIT) {
        QUERY_FAIL(q, e, 413, "RequestEntityTooLarge", r.code, "a body of at most %d bytes",
                   QUERY_BODY_MAX);
    }
    TRY(r);
    TRY(form_parse(&q->form, q->http->query, q->arena, e));
    return is_get ? RESULT_OK : form_parse(&q->form, buf_bytes(body), q->arena, e);
}

static RESULT run(struct query *q, bool is_signed, struct error *e)
{
    CLEANUP(buf_done_p) struct buf body = BUF(QUERY_BODY_MAX);
    TRY(form_read(q, &body, e));
    if (is_signed) {
        TRY(query_authenticate(q, buf_bytes(&body), e));
    } else if (strcmp(query_text_or(q, "Action", ""), "AssumeRoleWithWebIdentity") != 0) {
        QUERY_FAIL(q, e, 403, "MissingAuthenticationToken", ERRC_DENIED,
                   "Request is missing Authentication Token");
    }
    TRY(action_find_of(q, e));
    TRY(q->action->run(q, e));
    return reply(q, e);
}

static void handle(struct api_loop *l, struct http_exchange *x, bool is_signed)
{
    int64_t started = clock_mono_ns();
    const struct http_request *http = http_request(x);
    CLEANUP(buf_done_p) struct buf out = BUF_SECRET(QUERY_ANSWER_MAX);
    struct query *q = arena_zalloc(http->arena, sizeof(*q));
    struct error e = { 0 };
    struct bytes agent = BYTES_NONE;
    q->out = &out;
    q->l = l;
    q->x = x;
    q->http = http;
    q->arena = http->arena;
    q->service = QUERY_STS;
    api_request_id(l, q->id);
    (void)http_find(x, "User-Agent", &agent);
    q->who = (struct api_who){ .ip = http->peer_host,
                               .agent = arena_str(q->arena, bytes_slice(agent, 0, 256)),
                               .request_id = q->id,
                               .is_tls = http->is_tls,
                               .has_certificate = http->client_certificate != NULL };
    http_set_header_str(x, "x-amzn-RequestId", q->id);
    if (!result_is_ok(run(q, is_signed, &e)) && !http_is_begun(x)) {
        fail(q, &e);
    }
    if (q->who.p != NULL) {
        api_who_done(&q->who);
    }
    key256_wipe(&q->signing_key);
    metrics_request(l->api->metrics, q->action != NULL ? services[q->service].name : "refused",
                    http_status(x), 0, 0, (clock_mono_ns() - started) / 1000);
}

void query_handle(struct api_loop *l, struct http_exchange *x)
{
    handle(l, x, true);
}

void query_handle_unsigned(struct api_loop *l, struct http_exchange *x)
{
    handle(l, x, false);
}

/* --- whose request it is --- */

static bool has_scope(struct bytes text, const char *service, const char *slash)
{
    char scope[64];
    int n = snprintf(scope, sizeof(scope), "%s%s%saws4_request", slash, service, slash);
    return bytes_find(text, bytes_of(scope, (size_t)n)) < text.n;
}

bool query_is_signed(const struct http_exchange *x)
{
    const struct http_request *http = http_request(x);
    struct bytes v;
    if (!bytes_equal_str(http->path, "/")) {
        return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(services); i++) {
        if ((http_find(x, "Authorization", &v) && has_scope(v, services[i].name, "/")) ||
            has_scope(http->query, services[i].name, "%2F") ||
            has_scope(http->query, services[i].name, "/")) {
            return true;
        }
    }
    return false;
}

bool query_is_unsigned(const struct http_exchange *x)
{
    const struct http_request *http = http_request(x);
    struct bytes v;
    return bytes_equal_str(http->path, "/") && bytes_equal_str(http->method, "POST") &&
           !http_find(x, "Authorization", &v) && http_find(x, "Content-Type", &v) &&
           bytes_has_prefix(v, BYTES_LIT("application/x-www-form-urlencoded"));
}
