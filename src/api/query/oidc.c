/* IAM: OpenID Connect providers. */
#include "api/query/query_priv.h"

#include "net/xml.h"

static const char *const *list_of(struct query *q, const char *name, size_t max, size_t *ret_n)
{
    struct bytes *values = arena_alloc(q->arena, (max + 1) * sizeof(*values));
    size_t n = query_members(q, name, values, max + 1); /* one too many is for oidc.c to refuse */
    const char **list = arena_alloc(q->arena, (max + 1) * sizeof(*list));
    for (size_t i = 0; i < n; i++) {
        list[i] = arena_str(q->arena, values[i]);
    }
    *ret_n = n;
    return list;
}

static void list_write(struct query *q, const char *element, const char *const *list, size_t n)
{
    xml_open(q->out, element);
    for (size_t i = 0; i < n; i++) {
        xml_element_str(q->out, "member", list[i]);
    }
    xml_close(q->out, element);
}

/* The issuer that OpenIDConnectProviderArn names. */
static RESULT provider_url(struct query *q, const char **ret, struct error *e)
{
    CLEANUP(buf_done_p) struct buf url = BUF(1024);
    const char *arn = query_text(q, "OpenIDConnectProviderArn");
    if (!result_is_ok(oidc_provider_url_of_arn(bytes_str(arn), q->iam.account, &url, NULL))) {
        FAIL(e, ERRC_FORMAT, "OpenIDConnectProviderArn: %.256s is not of this account", arn);
    }
    *ret = arena_str(q->arena, buf_bytes(&url));
    return RESULT_OK;
}

RESULT oidc_create_run(struct query *q, struct error *e)
{
    struct oidc_provider p = { .url = query_text(q, "Url") };
    p.clients = list_of(q, "ClientIDList", OIDC_CLIENTS_MAX, &p.client_count);
    p.thumbprints = list_of(q, "ThumbprintList", OIDC_THUMBPRINTS_MAX, &p.thumbprint_count);
    TRY(iam_oidc_create(&q->iam, &p, e));
    xml_element_str(q->out, "OpenIDConnectProviderArn", iam_oidc_arn(&q->iam, p.url));
    return RESULT_OK;
}

RESULT oidc_get_run(struct query *q, struct error *e)
{
    struct oidc_provider p;
    const char *url;
    TRY(provider_url(q, &url, e));
    TRY(iam_decide(&q->iam, "iam:GetOpenIDConnectProvider", iam_oidc_arn(&q->iam, url), e));
    TRY(oidc_provider_get(q->l->api->directory, q->iam.realm, bytes_str(url), q->arena, &p, e));
    xml_element_str(q->out, "Url", p.url + strlen("https://"));
    list_write(q, "ClientIDList", p.clients, p.client_count);
    list_write(q, "ThumbprintList", p.thumbprints, p.thumbprint_count);
    query_time(q, "CreateDate", p.created_ms);
    return RESULT_OK;
}

RESULT oidc_list_run(struct query *q, struct error *e)
{
    struct oidc_provider *list;
    size_t n;
    TRY(iam_decide(&q->iam, "iam:ListOpenIDConnectProviders", "*", e));
    TRY(oidc_provider_list(q->l->api->directory, q->iam.realm, q->arena, &list, &n, e));
    xml_open(q->out, "OpenIDConnectProviderList");
    for (size_t i = 0; i < n; i++) {
        xml_open(q->out, "member");
        xml_element_str(q->out, "Arn", iam_oidc_arn(&q->iam, list[i].url));
        xml_close(q->out, "member");
    }
    xml_close(q->out, "OpenIDConnectProviderList");
    return RESULT_OK;
}

RESULT oidc_delete_run(struct query *q, struct error *e)
{
    const char *url;
    TRY(provider_url(q, &url, e));
    return iam_oidc_delete(&q->iam, url, e);
}

RESULT oidc_client_run(struct query *q, struct error *e)
{
    const char *url;
    TRY(provider_url(q, &url, e));
    return iam_oidc_client(&q->iam, q->action->name[0] == 'A', url, query_text(q, "ClientID"), e);
}

RESULT oidc_thumbprints_run(struct query *q, struct error *e)
{
    struct oidc_provider p = { 0 };
    TRY(provider_url(q, &p.url, e));
    p.thumbprints = list_of(q, "ThumbprintList", OIDC_THUMBPRINTS_MAX, &p.thumbprint_count);
    return iam_oidc_thumbprints(&q->iam, &p, e);
}
