/* OpenID Connect providers of a realm. */
#include "api/iam/iam_priv.h"

const char *iam_oidc_arn(struct iam_cx *c, const char *url)
{
    CLEANUP(buf_done_p) struct buf out = BUF(1024);
    oidc_provider_arn(&out, c->account, url);
    return arena_str(c->arena, buf_bytes(&out));
}

struct change {
    struct iam_cx *c;
    const struct oidc_provider *p;
    const char *url, *client;
    bool is_add;
};

static void clients_write(struct buf *out, const struct oidc_provider *p)
{
    struct jsonw w;
    jsonw_init(&w, out);
    jsonw_object(&w);
    jsonw_key(&w, "clients");
    jsonw_array(&w);
    for (size_t i = 0; i < p->client_count; i++) {
        jsonw_cstr(&w, p->clients[i]);
    }
    jsonw_array_end(&w);
    jsonw_kv_cstr(&w, "url", p->url);
    jsonw_object_end(&w);
}

/* {"clients","url"} as it stands now. */
static RESULT picture(struct iam_cx *c, const char *url, struct buf *out, struct error *e)
{
    struct oidc_provider p;
    TRY(oidc_provider_get(c->l->api->directory, c->realm, bytes_str(url), c->arena, &p, e));
    clients_write(out, &p);
    return RESULT_OK;
}

static RESULT create_run(void *arg, struct buf *after, struct error *e)
{
    struct change *ch = arg;
    TRY(oidc_provider_create(ch->c->l->api->directory, ch->c->realm, ch->p, e));
    clients_write(after, ch->p);
    return RESULT_OK;
}

RESULT iam_oidc_create(struct iam_cx *c, const struct oidc_provider *p, struct error *e)
{
    struct change ch = { .c = c, .p = p };
    TRY(oidc_url_check(bytes_str(p->url), e));
    const char *arn = iam_oidc_arn(c, p->url);
    TRY(iam_decide(c, "iam:CreateOpenIDConnectProvider", arn, e));
    return iam_act(c, "oidc.create", arn, NULL, BYTES_NONE, create_run, &ch, e);
}

static RESULT open_provider(struct iam_cx *c, const char *action, const char *url,
                            struct bytes *ret_before, struct error *e)
{
    CLEANUP(buf_done_p) struct buf out = BUF(LEDGER_PAYLOAD_MAX / 4);
    TRY(iam_decide(c, action, iam_oidc_arn(c, url), e));
    TRY(picture(c, url, &out, e));
    *ret_before = arena_bytes(c->arena, buf_bytes(&out));
    return RESULT_OK;
}

static RESULT delete_run(void *arg, struct buf *after, struct error *e)
{
    struct change *ch = arg;
    (void)after;
    return oidc_provider_delete(ch->c->l->api->directory, ch->c->realm, bytes_str(ch->url), e);
}

RESULT iam_oidc_delete(struct iam_cx *c, const char *url, struct error *e)
{
    struct change ch = { .c = c, .url = url };
    struct bytes before;
    TRY(open_provider(c, "iam:DeleteOpenIDConnectProvider", url, &before, e));
    return iam_act(c, "oidc.delete", iam_oidc_arn(c, url), NULL, before, delete_run, &ch, e);
}

static RESULT client_run(void *arg, struct buf *after, struct error *e)
{
    struct change *ch = arg;
    struct directory *d = ch->c->l->api->directory;
    struct bytes url = bytes_str(ch->url), client = bytes_str(ch->client);
    TRY(ch->is_add ? oidc_provider_add_client(d, ch->c->realm, url, client, e)
                   : oidc_provider_remove_client(d, ch->c->realm, url, client, e));
    return picture(ch->c, ch->url, after, e);
}

RESULT iam_oidc_client(struct iam_cx *c, bool is_add, const char *url, const char *client,
                       struct error *e)
{
    struct change ch = { .c = c, .url = url, .client = client, .is_add = is_add };
    struct bytes before;
    TRY(open_provider(c,
                      is_add ? "iam:AddClientIDToOpenIDConnectProvider"
                             : "iam:RemoveClientIDFromOpenIDConnectProvider",
                      url, &before, e));
    return iam_act(c, "oidc.change", iam_oidc_arn(c, url), client, before, client_run, &ch, e);
}

static RESULT thumbprints_run(void *arg, struct buf *after, struct error *e)
{
    struct change *ch = arg;
    TRY(oidc_provider_set_thumbprints(ch->c->l->api->directory, ch->c->realm, bytes_str(ch->url),
                                      ch->p->thumbprints, ch->p->thumbprint_count, e));
    return picture(ch->c, ch->url, after, e);
}

RESULT iam_oidc_thumbprints(struct iam_cx *c, const struct oidc_provider *p, struct error *e)
{
    struct change ch = { .c = c, .url = p->url, .p = p };
    struct bytes before;
    TRY(open_provider(c, "iam:UpdateOpenIDConnectProviderThumbprint", p->url, &before, e));
    return iam_act(c, "oidc.change", iam_oidc_arn(c, p->url), "thumbprints", before,
                   thumbprints_run, &ch, e);
}
