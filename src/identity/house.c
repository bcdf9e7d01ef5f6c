/*
 * What the clock does by itself. Grants each time (about every second); leavers, dormant accounts,
 * old keys and strict reviews every 10 s; counts and what is over every minute.
 *
 * 1. What ends access by a date (a grant, a token) has ended it already when this runs: here it is
 *    written down. Whatever is left undone by a crash is found and done at the next turn.
 * 2. A wall clock that leaps ahead by more than an hour puts off what only waiting would justify
 *    (leavers, dormant, keys, reviews) by ten minutes, for somebody to set it right.
 */
#include "identity/house.h"

#include "base/json.h"
#include "base/log.h"
#include "identity/counter.h"
#include "identity/grant_priv.h"
#include "identity/house_priv.h"
#include "identity/param.h"
#include "identity/review_priv.h"
#include "identity/tally.h"

#define SECOND_MS ((int64_t)1000)
#define MINUTE_MS (60 * SECOND_MS)
#define HOUR_MS   (60 * MINUTE_MS)
#define SLOW_MS   (10 * SECOND_MS)
#define LEAP_MS   HOUR_MS
#define HOLD_MS   (10 * MINUTE_MS)

/* One turn. */
struct turn {
    struct directory *d;
    struct house_ledger ledger;
    struct arena *arena;
    struct result failed; /* the first of the acts that failed, and why */
    struct error why;
};

/* What fails for one realm does not hold up the others; a scribe that is away ends the turn. */
static RESULT act(struct turn *t, const struct house_act *a, struct error *e)
{
    struct result r = house_act_run(t->d, &t->ledger, a, e);
    if (result_is_ok(r) || r.code == ERRC_AGAIN) {
        return r;
    }
    if (result_is_ok(t->failed)) {
        t->failed = r;
        t->why = *e;
    }
    return RESULT_OK;
}

static const char *state_json(struct arena *arena, const char *state, const char *date_key,
                              int64_t ms)
{
    char text[TIME_TEXT_MAX];
    return arena_printf(arena, "{\"%s\":\"%s\",\"state\":\"%s\"}", date_key, time_rfc3339(ms, text),
                        state);
}

/* --- grants --- */

static RESULT grant_run(struct directory *d, void *arg, struct buf *after, struct error *e)
{
    struct grant *g = arg;
    TRY(grant_clock(d, g, e));
    buf_addf(after, "{\"state\":\"%s\"}", grant_state_name(g->state));
    return RESULT_OK;
}

static RESULT grants_close(struct turn *t, struct error *e)
{
    struct grant *list = NULL;
    size_t n = 0;
    TRY(grants_over(t->d, t->arena, &list, &n, e));
    for (size_t i = 0; i < n; i++) {
        struct grant *g = &list[i];
        struct house_act a = {
            .kind = "grant.past",
            .realm = g->realm,
            .target = arena_printf(t->arena, "grant/%s", g->id),
            .detail = arena_printf(t->arena, "%s/user/%s as %s", g->home, g->user_name, g->role),
            .grant = g->id,
            .before = state_json(t->arena, grant_state_name(g->state), "end",
                                 g->state == GRANT_ASKED ? grant_lapses_ms(g) : g->until_ms),
            .run = grant_run,
            .arg = g,
        };
        TRY(act(t, &a, e));
    }
    return RESULT_OK;
}

/* --- accounts and keys --- */

static RESULT leaver_run(struct directory *d, void *arg, struct buf *after, struct error *e)
{
    const struct house_due *u = arg;
    TRY(user_set_state(d, u->id, USER_ENDED, e));
    buf_add_str(after, "{\"state\":\"ended\"}");
    uint64_t hours = param_u64(d, u->realm, PARAM_LEAVER);
    if (clock_wall_ms(d->clock) - u->since_ms > (int64_t)hours * HOUR_MS) {
        counter_add(d, u->realm, "leaver.late", 1);
    }
    return RESULT_OK;
}

static RESULT dormant_run(struct directory *d, void *arg, struct buf *after, struct error *e)
{
    const struct house_due *u = arg;
    TRY(user_set_state(d, u->id, USER_SUSPENDED, e));
    buf_add_str(after, "{\"state\":\"suspended\"}");
    return RESULT_OK;
}

static RESULT key_run(struct directory *d, void *arg, struct buf *after, struct error *e)
{
    const struct house_due *k = arg;
    TRY(directory_key_set_enabled(d, k->realm, k->id, false, e));
    buf_add_str(after, "{\"state\":\"disabled\"}");
    return RESULT_OK;
}

static const struct {
    const char *kind, *detail, *state, *date_key;
    RESULT (*run)(struct directory *d, void *arg, struct buf *after, struct error *e);
} changes[] = {
    /*= 2.1.4-4 "who leaves is ended at the date, within P-IAM-2" */
    [HOUSE_LEAVERS] = { "user.end", "date of leaving", "enabled", "leaves", leaver_run },
    /*= 2.1.4-4 "accounts dormant for longer than P-IAM-3 are suspended" */
    [HOUSE_DORMANT] = { "user.suspend", "dormant", "active", "last_act", dormant_run },
    /*= 2.2.2-2 "API keys older than P-IAM-4 are disabled" */
    [HOUSE_OLD_KEYS] = { "access-key.expire", "past its age", "enabled", "created", key_run },
};

static RESULT due_run(struct turn *t, enum house_list which, bool *more, struct error *e)
{
    struct house_due *list = NULL;
    size_t n = 0;
    TRY(house_due_list(t->d, which, t->arena, &list, &n, e));
    if (n > 0 && which == HOUSE_DORMANT) { /* what was done meanwhile counts */
        TRY(tally_flush(t->d, e));
        TRY(directory_key_uses_flush(t->d, e));
        TRY(house_due_list(t->d, which, t->arena, &list, &n, e));
    }
    for (size_t i = 0; i < n; i++) {
        bool is_key = which == HOUSE_OLD_KEYS;
        struct house_act a = {
            .kind = changes[which].kind,
            .realm = list[i].realm,
            .target = is_key ? list[i].id : list[i].arn,
            .detail = is_key ? arena_printf(t->arena, "%s: %s", list[i].arn, changes[which].detail)
                             : changes[which].detail,
            .before = state_json(t->arena, changes[which].state, changes[which].date_key,
                                 list[i].since_ms),
            .run = changes[which].run,
            .arg = &list[i],
        };
        TRY(act(t, &a, e));
    }
    *more |= n == HOUSE_BATCH;
    return RESULT_OK;
}

/* --- reviews --- */

static RESULT review_run(struct directory *d, void *arg, struct buf *after, struct error *e)
{
    TRY(review_lapse(d, arg, e));
    buf_add_str(after, "{\"decision\":\"lapsed\"}");
    return RESULT_OK;
}

static RESULT reviews_carry_out(struct turn *t, struct error *e)
{
    struct review_late *list = NULL;
    size_t n = 0;
    TRY(reviews_late(t->d, t->arena, &list, &n, e));
    for (size_t i = 0; i < n; i++) {
        struct house_act a = {
            .kind = "review.decide",
            .realm = list[i].realm,
            .target = arena_printf(t->arena, "%s: %s", list[i].subject_name, list[i].access),
            .detail = arena_printf(t->arena, "review %s: not decided in time", list[i].id),
            .before = "{\"decision\":\"open\"}",
            .run = review_run,
            .arg = &list[i],
        };
        TRY(act(t, &a, e));
    }
    return RESULT_OK;
}

/* --- turns --- */

static struct house *house_of(struct directory *d)
{
    if (d->house == NULL) {
        d->house = mem_zalloc(sizeof(*d->house));
    }
    return d->house;
}

static void watch_clock(struct house *h, int64_t wall, int64_t mono)
{
    int64_t ahead = wall - mono;
    if (h->has_ahead && ahead - h->ahead_ms > LEAP_MS) {
        log_warn("identity: the clock leapt ahead by %lld s: leavers, dormant accounts, keys and "
                 "reviews wait for ten minutes",
                 (long long)((ahead - h->ahead_ms) / SECOND_MS));
        h->hold_ms = mono + HOLD_MS;
    }
    h->ahead_ms = ahead;
    h->has_ahead = true;
}

static RESULT slow(struct turn *t, struct house *h, int64_t mono, struct error *e)
{
    bool more = false;
    if (mono < h->slow_ms || mono < h->hold_ms) {
        return RESULT_OK;
    }
    for (enum house_list which = HOUSE_LEAVERS; which <= HOUSE_OLD_KEYS; which++) {
        TRY(due_run(t, which, &more, e));
    }
    TRY(reviews_carry_out(t, e));
    h->slow_ms = mono + (more ? 0 : SLOW_MS);
    return RESULT_OK;
}

static RESULT minutely(struct directory *d, struct house *h, int64_t mono, struct error *e)
{
    if (mono >= h->flush_ms) {
        h->flush_ms = mono + MINUTE_MS;
        TRY(tally_flush(d, e));
        TRY(directory_key_uses_flush(d, e));
    }
    if (mono >= h->clean_ms) {
        h->clean_ms = mono + MINUTE_MS;
        TRY(house_clean(d, e));
    }
    return RESULT_OK;
}

static RESULT acts(struct turn *t, struct house *h, int64_t mono, struct error *e)
{
    if (mono < h->pause_ms) {
        return RESULT_OK;
    }
    TRY(grants_close(t, e));
    TRY(slow(t, h, mono, e));
    if (!result_is_ok(t->failed)) {
        FAIL(e, t->failed.code, "%s", t->why.msg);
    }
    return RESULT_OK;
}

RESULT identity_house(struct directory *d, struct rpc_client *scribe,
                      void (*doubt)(void *arg, const char *realm), void *arg, struct error *e)
{
    CLEANUP(arena_free_p) struct arena *arena = arena_new(16384, false);
    struct house *h = house_of(d);
    struct turn t = { .d = d, .ledger = { scribe, doubt, arg }, .arena = arena };
    struct error own;
    e = e == NULL ? &own : e;
    int64_t mono = clock_mono_ms(d->clock);
    watch_clock(h, clock_wall_ms(d->clock), mono);
    struct result first = acts(&t, h, mono, e);
    if (!result_is_ok(first) && first.code != ERRC_AGAIN) {
        h->pause_ms = mono + MINUTE_MS; /* a failing act is not an entry every second */
    }
    struct error other;
    struct result second = minutely(d, h, mono, &other);
    if (result_is_ok(first) && !result_is_ok(second)) {
        FAIL(e, second.code, "%s", other.msg);
    }
    return first;
}
