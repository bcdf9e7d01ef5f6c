/* Access reviews: campaigns, their lines, decisions signed by the deployment's statement key. */
#include "api/rest/rest_priv.h"

#include "identity/review.h"

#define STATEMENT_MAX (64 * 1024)

struct review_answer {
    struct rest *r;
    struct review review;
    struct review *list;
    struct review_item item;
    struct review_item *items;
    /* making one */
    const char *name, *reviewer_id;
    bool is_privileged, is_strict;
    int64_t due_ms;
    /* deciding */
    const char *subject, *access, *note;
    enum review_decision decision;
    struct buf statement;
};

static void review_write(void *arg, struct jsonw *w)
{
    const struct review_answer *a = arg;
    review_json(w, &a->review);
}

static void review_list_item(void *arg, size_t i, struct jsonw *w)
{
    const struct review_answer *a = arg;
    review_json(w, &a->list[i]);
}

RESULT rest_reviews_list(struct rest *r, struct error *e)
{
    struct review_answer a = { .r = r };
    const char *after = NULL;
    size_t max = 0, n = 0;
    TRY(rest_page(r, &max, &after, e));
    TRY(review_list(r->l->api->directory, r->realm, after[0] != '\0' ? after : NULL, max + 1,
                    r->arena, &a.list, &n, e));
    bool has_more = n > max;
    n = MIN(n, max);
    return rest_reply_list(r, n, review_list_item, &a, has_more ? a.list[n - 1].id : NULL, e);
}

static RESULT do_create(void *arg, struct buf *after, struct error *e)
{
    struct review_answer *a = arg;
    struct jsonw w;
    TRY(review_create(a->r->l->api->directory, a->r->realm, a->name, a->reviewer_id,
                      a->is_privileged, a->is_strict, a->due_ms, a->r->arena, &a->review, e));
    jsonw_init(&w, after);
    jsonw_object(&w);
    review_json(&w, &a->review);
    jsonw_object_end(&w);
    return RESULT_OK;
}

/*= 2.1.4-6 "access is reviewed in campaigns with a due date" */
RESULT rest_reviews_create(struct rest *r, struct error *e)
{
    struct review_answer a = { .r = r };
    struct user reviewer;
    const char *name = NULL;
    TRY(rest_body_only(r, REST_ONLY("due", "name", "privileged", "reviewer", "strict"), e));
    TRY(rest_body_need(r, "name", &a.name, e));
    TRY(rest_body_need(r, "reviewer", &name, e));
    TRY(rest_body_bool(r, "privileged", false, &a.is_privileged, e));
    TRY(rest_body_bool(r, "strict", false, &a.is_strict, e));
    TRY(rest_body_time(r, "due", 0, &a.due_ms, e));
    if (a.due_ms == 0) {
        FAIL(e, ERRC_FORMAT, "due: missing");
    }
    TRY(user_get(r->l->api->directory, r->realm, bytes_str(name), r->arena, &reviewer, e));
    a.reviewer_id = reviewer.id;
    TRY(rest_act(r, "review.create", a.name, BYTES_NONE, do_create, &a, e));
    return rest_reply(r, 201, 0, review_write, &a, e);
}

static RESULT review_of_path(struct rest *r, struct review *ret, struct error *e)
{
    TRY(review_get(r->l->api->directory, r->params[1], r->arena, ret, e));
    if (strcmp(ret->realm, r->realm) != 0) {
        FAIL(e, ERRC_NOT_FOUND, "no review '%.32s'", r->params[1]);
    }
    return RESULT_OK;
}

RESULT rest_reviews_show(struct rest *r, struct error *e)
{
    struct review_answer a = { .r = r };
    TRY(review_of_path(r, &a.review, e));
    return rest_reply(r, 200, 0, review_write, &a, e);
}

static void item_item(void *arg, size_t i, struct jsonw *w)
{
    const struct review_answer *a = arg;
    review_item_json(w, &a->items[i]);
}

RESULT rest_reviews_items(struct rest *r, struct error *e)
{
    struct review_answer a = { .r = r };
    size_t n = 0;
    TRY(review_of_path(r, &a.review, e));
    TRY(review_items(r->l->api->directory, a.review.id, r->arena, &a.items, &n, e));
    return rest_reply_list(r, n, item_item, &a, NULL, e);
}

/* --- deciding --- */

static const char *factor_of(const struct rest *r)
{
    return r->session.mfa_ms != 0 ? factor_kind_name(r->session.mfa_kind) : "none";
}

/* Signed first: what can't be signed is not decided. The statement stands in the outcome. */
static RESULT do_decide(void *arg, struct buf *after, struct error *e)
{
    struct review_answer *a = arg;
    struct rest *r = a->r;
    struct directory *d = r->l->api->directory;
    CLEANUP(buf_done_p) struct buf text = BUF(STATEMENT_MAX);
    struct jsonw w;
    TRY(review_item_get(d, a->review.id, a->subject, a->access, r->arena, &a->item, e));
    a->item.decision = a->decision;
    a->item.decided_ms = clock_wall_ms(r->l->api->clock);
    a->item.decided_by = r->who.p->user_name;
    a->item.note = a->note;
    TRY(review_statement(&a->review, &a->item, factor_of(r), r->session.mfa_ms, &text));
    TRY(keys_sign_statement(r->l->keeper, "access-review", buf_bytes(&text), &a->statement, e));
    TRY(review_decide(d, a->review.id, a->subject, a->access, a->decision, r->session.user_id,
                      r->who.p->user_name, a->note, e));
    jsonw_init(&w, after);
    jsonw_object(&w);
    jsonw_kv_str(&w, "statement", buf_bytes(&a->statement));
    jsonw_object_end(&w);
    return RESULT_OK;
}

static void decided_write(void *arg, struct jsonw *w)
{
    const struct review_answer *a = arg;
    review_item_json(w, &a->item);
    jsonw_kv_str(w, "statement", buf_bytes(&a->statement));
}

/*= 2.1.4-6 "each decision of a review is signed and kept in the ledger" */
RESULT rest_reviews_decide(struct rest *r, struct error *e)
{
    struct review_answer a = { .r = r, .statement = BUF(STATEMENT_MAX) };
    const char *decision = NULL;
    TRY(rest_body_only(r, REST_ONLY("access", "decision", "note", "subject"), e));
    TRY(rest_body_need(r, "subject", &a.subject, e));
    TRY(rest_body_need(r, "access", &a.access, e));
    TRY(rest_body_need(r, "decision", &decision, e));
    TRY(rest_body_text(r, "note", "", &a.note, e));
    a.decision = strcmp(decision, "revoke") == 0 ? REVIEW_REVOKE : REVIEW_KEEP;
    if (a.decision == REVIEW_KEEP && strcmp(decision, "keep") != 0) {
        FAIL(e, ERRC_FORMAT, "decision: keep or revoke");
    }
    if (!r->has_session || !r->who.p->is_person) {
        FAIL(e, ERRC_DENIED, "a person decides, in a session of their own");
    }
    TRY(review_of_path(r, &a.review, e));
    struct api_act act = { .kind = "review.decide", .target = a.review.id, .reason = a.note };
    struct result res = rest_run(r, &act, do_decide, &a, e);
    if (result_is_ok(res)) {
        res = rest_reply(r, 200, 0, decided_write, &a, e);
    }
    buf_done(&a.statement);
    return res;
}
