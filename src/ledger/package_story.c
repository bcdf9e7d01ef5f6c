/*
 * What the entries of a log say about each other: counters without gaps, heartbeats that agree with
 * them, announced acts that have an outcome, a clock that goes forward.
 */
#include "base/map.h"
#include "ledger/package_priv.h"

#include <inttypes.h>

struct open_intent {
    uint64_t index, line;
    char kind[LEDGER_NAME_MAX];
};

struct package_story {
    const struct package_options *o;
    struct package_report *report;
    struct map *intents; /* 8-byte index -> struct open_intent */
};

struct package_story *package_story_new(const struct package_options *o,
                                        struct package_report *report)
{
    struct package_story *s = mem_zalloc(sizeof(*s));

    s->o = o;
    s->report = report;
    s->intents = map_new();
    return s;
}

void package_story_free(struct package_story *s)
{
    if (s != NULL) {
        map_free(s->intents, mem_free);
        mem_free(s);
    }
}

const char *package_finding_name(enum package_finding_kind k)
{
    static const char *const names[PACKAGE_FINDING_KINDS] = {
        [PACKAGE_INTENT] = "intent",
        [PACKAGE_OUTCOME] = "outcome",
        [PACKAGE_TIME] = "time",
        [PACKAGE_SEALER] = "sealer",
        [PACKAGE_TIMESTAMP] = "unverified_timestamp",
    };

    return (unsigned)k < PACKAGE_FINDING_KINDS ? names[k] : "?";
}

void package_tell(const struct package_options *o, struct package_report *report,
                  enum package_finding_kind kind, uint64_t line, uint64_t index, const char *text)
{
    const struct package_finding f = { .kind = kind, .line = line, .index = index, .text = text };

    report->findings[kind]++;
    if (o->finding != NULL) {
        o->finding(o->arg, &f);
    }
}

/* --- counters --- */

static struct package_source *source_find(struct package_report *r, const char *name)
{
    for (size_t i = 0; i < r->source_count; i++) {
        if (strcmp(r->sources[i].name, name) == 0) {
            return &r->sources[i];
        }
    }
    return NULL;
}

static RESULT source_add(struct package_report *r, const char *name, struct package_source **ret,
                         struct error *e)
{
    if (r->source_count == PACKAGE_SOURCES_MAX) {
        FAIL(e, ERRC_LIMIT, "source: more than %d", PACKAGE_SOURCES_MAX);
    }
    struct package_source *s = &r->sources[r->source_count++];
    *s = (struct package_source){ .first = 0 };
    memcpy(s->name, name, strlen(name) + 1);
    *ret = s;
    return RESULT_OK;
}

/*= 2.1.5-3 "lost events = 0: sequence gaps are found" */
static RESULT counter_take(struct package_report *r, const struct entry *en, struct error *e)
{
    struct package_source *s = source_find(r, en->source);

    if (s == NULL) {
        TRY(source_add(r, en->source, &s, e));
        s->last = r->from == 0 ? 0 : en->counter - 1;
    }
    if (en->counter != s->last + 1) {
        FAIL(e, ERRC_INTEGRITY, "counter: %" PRIu64 " of %s where %" PRIu64 " follows", en->counter,
             en->source, s->last + 1);
    }
    s->last = en->counter;
    s->first = s->first == 0 ? en->counter : s->first;
    s->entries++;
    return RESULT_OK;
}

static RESULT heartbeat_one(struct package_report *r, struct bytes name, uint64_t counter,
                            struct error *e)
{
    char text[LEDGER_NAME_MAX] = { 0 };

    if (!entry_name_is_valid(name)) {
        FAIL(e, ERRC_FORMAT, "heartbeat: not a source's name");
    }
    memcpy(text, name.p, name.n);
    struct package_source *s = source_find(r, text);
    if (s == NULL && counter != 0 && r->from != 0) {
        TRY(source_add(r, text, &s, e));
        s->last = counter;
    }
    if ((s == NULL ? 0 : s->last) != counter) {
        FAIL(e, ERRC_INTEGRITY,
             "heartbeat: says %" PRIu64 " for %s, but the entries came to %" PRIu64, counter, text,
             s == NULL ? 0 : s->last);
    }
    return RESULT_OK;
}

static RESULT heartbeat_take(struct package_report *r, struct json payload, struct error *e)
{
    struct json_iter it = { 0 };
    struct json counters, item;
    struct bytes name;
    uint64_t n = 0;
    size_t named = 0, met = 0;

    if (!result_is_ok(json_get(payload, "counters", &counters, e)) ||
        json_type(counters) != JSON_OBJECT) {
        FAIL(e, ERRC_FORMAT, "heartbeat: no counters");
    }
    for (size_t i = 0; i < r->source_count; i++) {
        met += r->sources[i].last > 0;
    }
    while (json_next_member(counters, &it, &name, &item)) {
        if (!result_is_ok(json_u64(item, INT64_MAX, &n))) {
            FAIL(e, ERRC_FORMAT, "heartbeat: a counter is not a number");
        }
        size_t had = r->source_count;
        TRY(heartbeat_one(r, name, n, e));
        named += n > 0 && r->source_count == had;
    }
    if (named < met) {
        FAIL(e, ERRC_INTEGRITY, "heartbeat: does not name every source");
    }
    r->heartbeats++;
    return RESULT_OK;
}

/* --- intents and outcomes --- */

static struct bytes intent_key(uint64_t index, uint8_t room[8])
{
    put_be64(room, index);
    return bytes_of(room, 8);
}

static RESULT intent_open(struct package_story *s, const struct entry *en, struct error *e)
{
    uint8_t room[8];

    if (map_count(s->intents) == PACKAGE_INTENTS_MAX) {
        FAIL(e, ERRC_LIMIT, "payload: more than %u intents are open", PACKAGE_INTENTS_MAX);
    }
    struct open_intent *it = mem_alloc(sizeof(*it));
    *it = (struct open_intent){ .index = s->report->index, .line = s->report->line };
    memcpy(it->kind, en->kind, sizeof(it->kind));
    mem_free(map_set(s->intents, intent_key(it->index, room), it));
    return RESULT_OK;
}

static void intent_close(struct package_story *s, const struct entry *en, struct json payload)
{
    uint64_t index = UINT64_MAX;
    uint8_t room[8];

    if (result_is_ok(json_get_u64(payload, "intent", INT64_MAX, &index, NULL)) &&
        index < s->report->from) {
        return;
    }
    struct open_intent *it = map_get(s->intents, intent_key(index, room));
    if (it == NULL || strcmp(it->kind, en->kind) != 0) {
        package_tell(s->o, s->report, PACKAGE_OUTCOME, s->report->line, s->report->index,
                     "an outcome without an open intent of its kind");
        return;
    }
    mem_free(map_del(s->intents, intent_key(index, room)));
}

static RESULT payload_take(struct package_story *s, const struct entry *en, struct json payload,
                           struct error *e)
{
    struct bytes phase;
    uint64_t index;
    uint8_t room[8];

    if (strcmp(en->kind, "void") == 0) {
        s->report->voided++;
        if (result_is_ok(json_get_u64(payload, "index", INT64_MAX, &index, NULL))) {
            mem_free(map_del(s->intents, intent_key(index, room)));
        }
    }
    if (!result_is_ok(json_get_str(payload, "phase", &phase, NULL))) {
        return RESULT_OK;
    }
    if (bytes_equal_str(phase, "intent")) {
        return intent_open(s, en, e);
    }
    if (bytes_equal_str(phase, "outcome")) {
        intent_close(s, en, payload);
    }
    return RESULT_OK;
}

/* --- */

static void time_take(struct package_story *s, const struct entry *en)
{
    struct package_report *r = s->report;

    if (r->entries == 0) {
        r->first_ms = en->time_ms;
    } else if (en->time_ms < r->last_ms) {
        package_tell(s->o, r, PACKAGE_TIME, r->line, r->index,
                     "its time is before that of the entry ahead of it");
    } else if (en->time_ms - r->last_ms > r->longest_silence_ms) {
        r->longest_silence_ms = en->time_ms - r->last_ms;
        r->longest_silence_index = r->index;
    }
    r->last_ms = en->time_ms;
}

bool package_story_wants(const struct entry *en)
{
    return strcmp(en->kind, "heartbeat") == 0 || strcmp(en->kind, "void") == 0;
}

RESULT package_story_add(struct package_story *s, const struct entry *en,
                         const struct json_doc *payload, bool is_erased, struct error *e)
{
    if (payload != NULL && strcmp(en->kind, "heartbeat") == 0) {
        TRY(heartbeat_take(s->report, json_root(payload), e)); /* speaks of what came before it */
    }
    TRY(counter_take(s->report, en, e));
    if (payload != NULL) {
        TRY(payload_take(s, en, json_root(payload), e));
    }
    time_take(s, en);
    s->report->entries++;
    s->report->erased += is_erased;
    return RESULT_OK;
}

static int intent_compare(const void *a, const void *b)
{
    const struct open_intent *const *l = a, *const *r = b;

    return (*l)->index < (*r)->index ? -1 : (*l)->index > (*r)->index;
}

void package_story_end(struct package_story *s)
{
    size_t n = map_count(s->intents), filled = 0;
    CLEANUP(mem_free_p) struct open_intent **all = mem_calloc(n + 1, sizeof(struct open_intent *));
    struct bytes key;
    void *value;

    for (size_t it = 0; map_next(s->intents, &it, &key, &value);) {
        all[filled++] = value;
    }
    qsort(all, filled, sizeof(struct open_intent *), intent_compare);
    for (size_t i = 0; i < filled; i++) {
        char text[LEDGER_NAME_MAX + 64];
        (void)snprintf(text, sizeof(text), "%s was announced and has no outcome", all[i]->kind);
        package_tell(s->o, s->report, PACKAGE_INTENT, all[i]->line, all[i]->index, text);
    }
}
