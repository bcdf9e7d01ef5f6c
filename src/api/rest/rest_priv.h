/* The inside of the REST interface: parts of the framework, and the handlers by file. */
#ifndef TROTH_API_REST_REST_PRIV_H
#define TROTH_API_REST_REST_PRIV_H

#include "api/iam/iam.h"
#include "api/rest/rest.h"

/* Who asks (auth.c): fills r->who, r->session. *ret false: nobody is known; the message says why.
 * An error: what was shown is refused, by r->status. */
RESULT rest_authenticate(struct rest *r, bool *ret, struct error *e);
/* How many session cookies a Cookie header has, and the last one's value. */
unsigned rest_cookie(struct bytes header, struct bytes *ret);
/* The same credentials again, as things are now. */
RESULT rest_authenticate_again(struct rest *r, struct error *e);
/* A refusal before anybody is known, as an entry "auth.failed" of `realm` (NULL: the platform);
 * bounded by the second, and counted. */
void rest_refusal_log(struct rest *r, const char *realm, const char *who, const char *why);
/* The checks against requests that another site makes a browser send. */
RESULT rest_same_site(struct rest *r, struct error *e);
void rest_client(struct rest *r, struct session_client *ret);

/* Body (input.c): content type, bytes, JSON. */
RESULT rest_body_read(struct rest *r, struct error *e);
RESULT rest_body_parse(struct rest *r, struct error *e);

/* Path (route.c). Fills params; NULL when there is no such path; `allow` gets the methods of the
 * path where only the method is another ("GET, DELETE"). */
const struct rest_route *rest_route_find(struct rest *r, struct buf *allow);
/* "iam::{account}:user/{user}" of the route as an ARN with this request's parameters. */
const char *rest_resource(struct rest *r, const char *pattern);

/* What stood for {name}; "" when the route has none. */
const char *rest_param(const struct rest *r, const char *name);

/* Accounts (iam.c): a context in this request's realm, its reason from X-Troth-Reason. */
RESULT rest_iam(struct rest *r, struct iam_cx *ret, struct error *e);
/* The decision on what "@user" and so on of the path names, with its tags as condition keys. */
RESULT rest_iam_decide(struct rest *r, const char *action, const char *what, struct error *e);
/* Could the body still make the decision another one: only policies speak against it. */
bool rest_iam_is_open(struct rest *r, const char *action);

/* Idempotency (idempotent.c). *ret_is_answered: the answer of the first time was sent. */
RESULT rest_idempotent_begin(struct rest *r, bool *ret_is_answered, struct error *e);
void rest_idempotent_end(struct rest *r, unsigned status, struct bytes body);
void rest_idempotent_drop(struct rest *r);

/* --- handlers --- */

/* status.c, check.c */
RESULT rest_status(struct rest *r, struct error *e);
RESULT rest_openapi(struct rest *r, struct error *e);
RESULT rest_check(struct rest *r, struct error *e);

/* tenants.c */
RESULT rest_tenants_list(struct rest *r, struct error *e);
RESULT rest_tenants_create(struct rest *r, struct error *e);
RESULT rest_tenants_show(struct rest *r, struct error *e);
RESULT rest_tenants_suspend(struct rest *r, struct error *e);
RESULT rest_tenants_resume(struct rest *r, struct error *e);
RESULT rest_tenants_close(struct rest *r, struct error *e);
/* The tenant of params[0]: ERRC_NOT_FOUND. */
RESULT rest_tenant(struct rest *r, struct tenant *ret, struct error *e);

/* keys.c, statement.c */
RESULT rest_keys_list(struct rest *r, struct error *e);
RESULT rest_keys_show(struct rest *r, struct error *e);
RESULT rest_keys_create(struct rest *r, struct error *e);
RESULT rest_keys_rotate(struct rest *r, struct error *e);
RESULT rest_keys_rewrap(struct rest *r, struct error *e);
RESULT rest_keys_enable(struct rest *r, struct error *e);
RESULT rest_keys_disable(struct rest *r, struct error *e);
RESULT rest_keys_schedule(struct rest *r, struct error *e);
RESULT rest_keys_cancel(struct rest *r, struct error *e);
RESULT rest_keys_destroy(struct rest *r, struct error *e);
RESULT rest_keys_statement(struct rest *r, struct error *e);

/* buckets.c */
RESULT rest_buckets_list(struct rest *r, struct error *e);
RESULT rest_buckets_set(struct rest *r, struct error *e);

/* access_keys.c */
RESULT rest_access_keys_list(struct rest *r, struct error *e);
RESULT rest_access_keys_change(struct rest *r, struct error *e);
RESULT rest_access_keys_delete(struct rest *r, struct error *e);
RESULT rest_user_keys_list(struct rest *r, struct error *e);
RESULT rest_user_keys_create(struct rest *r, struct error *e);

/* logs.c, export.c */
RESULT rest_log_checkpoint(struct rest *r, struct error *e);
RESULT rest_log_policy(struct rest *r, struct error *e);
RESULT rest_log_entries(struct rest *r, struct error *e);
RESULT rest_log_prove(struct rest *r, struct error *e);
RESULT rest_log_export(struct rest *r, struct error *e);
/* Waits, a few seconds at most, until a checkpoint covers what the log holds now. ERRC_AGAIN. */
RESULT rest_log_published(struct rest *r, const char *log, struct ledger_status *ret,
                          struct error *e);

/* login.c */
RESULT rest_login(struct rest *r, struct error *e);
RESULT rest_login_enrol(struct rest *r, struct error *e);
RESULT rest_login_passkey_begin(struct rest *r, struct error *e);
RESULT rest_login_passkey(struct rest *r, struct error *e);
RESULT rest_session_totp(struct rest *r, struct error *e);
RESULT rest_session_recovery(struct rest *r, struct error *e);
RESULT rest_session_passkey_begin(struct rest *r, struct error *e);
RESULT rest_session_passkey(struct rest *r, struct error *e);
RESULT rest_session_step_up(struct rest *r, struct error *e);
RESULT rest_logout(struct rest *r, struct error *e);
RESULT rest_logout_everywhere(struct rest *r, struct error *e);

/* self.c */
RESULT rest_self(struct rest *r, struct error *e);
RESULT rest_self_sessions(struct rest *r, struct error *e);
RESULT rest_self_session_end(struct rest *r, struct error *e);
RESULT rest_self_password(struct rest *r, struct error *e);
RESULT rest_self_factors(struct rest *r, struct error *e);
RESULT rest_self_totp_begin(struct rest *r, struct error *e);
RESULT rest_self_totp_confirm(struct rest *r, struct error *e);
RESULT rest_self_passkey_begin(struct rest *r, struct error *e);
RESULT rest_self_passkey_register(struct rest *r, struct error *e);
RESULT rest_self_factor_delete(struct rest *r, struct error *e);
RESULT rest_self_codes(struct rest *r, struct error *e);

/* users.c */
RESULT rest_users_list(struct rest *r, struct error *e);
RESULT rest_users_create(struct rest *r, struct error *e);
RESULT rest_users_show(struct rest *r, struct error *e);
RESULT rest_users_change(struct rest *r, struct error *e);
RESULT rest_users_delete(struct rest *r, struct error *e);
RESULT rest_users_suspend(struct rest *r, struct error *e);
RESULT rest_users_resume(struct rest *r, struct error *e);
RESULT rest_users_end(struct rest *r, struct error *e);
RESULT rest_users_freeze(struct rest *r, struct error *e);
RESULT rest_users_unfreeze(struct rest *r, struct error *e);
RESULT rest_users_reset(struct rest *r, struct error *e);
RESULT rest_user_factors(struct rest *r, struct error *e);
RESULT rest_user_sessions(struct rest *r, struct error *e);
RESULT rest_user_sessions_end(struct rest *r, struct error *e);
RESULT rest_realm_freeze(struct rest *r, struct error *e);
RESULT rest_realm_unfreeze(struct rest *r, struct error *e);

/* groups.c */
RESULT rest_groups_list(struct rest *r, struct error *e);
RESULT rest_groups_create(struct rest *r, struct error *e);
RESULT rest_groups_show(struct rest *r, struct error *e);
RESULT rest_groups_delete(struct rest *r, struct error *e);
RESULT rest_members_add(struct rest *r, struct error *e);
RESULT rest_members_remove(struct rest *r, struct error *e);
RESULT rest_user_groups(struct rest *r, struct error *e);
RESULT rest_roles_list(struct rest *r, struct error *e);
RESULT rest_roles_create(struct rest *r, struct error *e);
RESULT rest_roles_show(struct rest *r, struct error *e);
RESULT rest_roles_change(struct rest *r, struct error *e);
RESULT rest_roles_delete(struct rest *r, struct error *e);
RESULT rest_roles_assign(struct rest *r, struct error *e);
RESULT rest_roles_unassign(struct rest *r, struct error *e);
RESULT rest_roles_assigned(struct rest *r, struct error *e);

/* policies.c */
RESULT rest_policies_list(struct rest *r, struct error *e);
RESULT rest_policies_create(struct rest *r, struct error *e);
RESULT rest_policies_show(struct rest *r, struct error *e);
RESULT rest_policies_delete(struct rest *r, struct error *e);
RESULT rest_versions_list(struct rest *r, struct error *e);
RESULT rest_versions_create(struct rest *r, struct error *e);
RESULT rest_versions_delete(struct rest *r, struct error *e);
RESULT rest_versions_default(struct rest *r, struct error *e);
RESULT rest_attach(struct rest *r, struct error *e);
RESULT rest_detach(struct rest *r, struct error *e);
RESULT rest_attached(struct rest *r, struct error *e);
RESULT rest_inline_list(struct rest *r, struct error *e);
RESULT rest_inline_show(struct rest *r, struct error *e);
RESULT rest_inline_put(struct rest *r, struct error *e);
RESULT rest_inline_delete(struct rest *r, struct error *e);

/* params.c */
RESULT rest_params_list(struct rest *r, struct error *e);
RESULT rest_params_set(struct rest *r, struct error *e);
RESULT rest_evidence(struct rest *r, struct error *e);

/* grants.c */
RESULT rest_grants_list(struct rest *r, struct error *e);
RESULT rest_self_grants(struct rest *r, struct error *e);
RESULT rest_grants_show(struct rest *r, struct error *e);
RESULT rest_grants_ask(struct rest *r, struct error *e);
RESULT rest_break_glass(struct rest *r, struct error *e);
RESULT rest_grants_approve(struct rest *r, struct error *e);
RESULT rest_grants_refuse(struct rest *r, struct error *e);
RESULT rest_grants_end(struct rest *r, struct error *e);
RESULT rest_grants_credentials(struct rest *r, struct error *e);
RESULT rest_notices_list(struct rest *r, struct error *e);
RESULT rest_notices_ack(struct rest *r, struct error *e);

/* reviews.c */
RESULT rest_reviews_list(struct rest *r, struct error *e);
RESULT rest_reviews_create(struct rest *r, struct error *e);
RESULT rest_reviews_show(struct rest *r, struct error *e);
RESULT rest_reviews_items(struct rest *r, struct error *e);
RESULT rest_reviews_decide(struct rest *r, struct error *e);

/* explain.c */
RESULT rest_explain(struct rest *r, struct error *e);
RESULT rest_who_can(struct rest *r, struct error *e);

/* oidc.c */
RESULT rest_oidc_list(struct rest *r, struct error *e);
RESULT rest_oidc_create(struct rest *r, struct error *e);
RESULT rest_oidc_show(struct rest *r, struct error *e);
RESULT rest_oidc_delete(struct rest *r, struct error *e);
RESULT rest_oidc_client_add(struct rest *r, struct error *e);
RESULT rest_oidc_client_remove(struct rest *r, struct error *e);

/* Shared among them. The answer of a step of signing in; wipes what it was given. */
RESULT rest_session_reply(struct rest *r, struct session_opened *o, bool is_cookie,
                          struct error *e);
/* Records a failed step; gives `res` back, with the status that fits. */
RESULT rest_login_failed(struct rest *r, struct result res, const char *realm, const char *name,
                         const struct error *e);
/* The relying party of passkeys, by the settings and the name that was asked. */
RESULT rest_party(struct rest *r, struct passkey_party *ret, struct error *e);
RESULT rest_sessions_reply(struct rest *r, const char *user_id, struct error *e);
RESULT rest_factors_reply(struct rest *r, const char *user_id, struct error *e);
/* Revokes one session, or all (NULL) with the tokens of STS, of a user. */
RESULT rest_session_end(struct rest *r, const char *user_id, const char *user_name,
                        const char *session_id, struct error *e);
/* A user's, group's or role's, by the path. */
enum iam_kind rest_subject_kind(const struct rest *r);
/* [{"name":...}] */
RESULT rest_names_reply(struct rest *r, const char **names, size_t n, struct error *e);
/* verdict, reason, policy, statement, text. */
void rest_decision_write(struct jsonw *w, const struct access_answer *a);

#endif
