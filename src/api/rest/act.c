/* Acts of the REST interface: the two phases with this request's who, realm and grant. */
#include "api/rest/rest_priv.h"

RESULT rest_run(struct rest *r, const struct api_act *act,
                RESULT (*fn)(void *arg, struct buf *after, struct error *e), void *arg,
                struct error *e)
{
    struct api_act a = *act;
    a.realm = a.realm != NULL ? a.realm : r->realm;
    a.grant = a.grant != NULL ? a.grant : r->grant;
    return api_act_run(r->l, &r->who, &a, fn, arg, e);
}

RESULT rest_act(struct rest *r, const char *kind, const char *target, struct bytes before,
                RESULT (*fn)(void *arg, struct buf *after, struct error *e), void *arg,
                struct error *e)
{
    struct api_act a = { .kind = kind, .target = target, .before = before };
    return rest_run(r, &a, fn, arg, e);
}

/*= 2.1.3-9 "what the provider's staff read of a customer's log is a record itself" */
RESULT rest_note(struct rest *r, const char *kind, const char *tenant, const char *detail,
                 struct error *e)
{
    bool is_operators = r->who.p->kind == PRINCIPAL_OPERATOR && r->grant == NULL;
    struct api_act a = { .kind = kind,
                         .realm = is_operators ? LEDGER_PLATFORM : r->realm,
                         .tenant = tenant,
                         .detail = detail,
                         .grant = r->grant };
    return api_act_note(r->l, &r->who, &a, e);
}
