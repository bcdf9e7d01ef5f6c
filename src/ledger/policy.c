/*
 * Policies. A set of members is a bit mask: witnesses by their place among the witnesses, groups by
 * theirs. Groups only refer to what stands before them, so one pass in the order of the file
 * evaluates them.
 */
#include "ledger/policy.h"

#include "base/text.h"

#define NAME_MAX_BYTES 255u
#define LINE_WORDS_MAX (3 + 2 * POLICY_ITEMS_MAX)
#define TSA_MAX_BYTES  1024u

struct member {
    bool is_group;
    unsigned at;
};
struct named {
    char name[NAME_MAX_BYTES + 1];
    struct member what;
    bool is_used; /* as a member */
};
struct group {
    uint32_t witnesses, groups;
    unsigned threshold;
};

struct policy {
    struct note_key logs[POLICY_ITEMS_MAX], witnesses[POLICY_ITEMS_MAX], statement;
    struct group groups[POLICY_ITEMS_MAX];
    struct named names[2 * POLICY_ITEMS_MAX];
    size_t log_count, witness_count, group_count, name_count;
    bool has_statement, has_quorum_line, has_quorum;
    struct member quorum;
    char quorum_name[NAME_MAX_BYTES + 1];
    char tsa[TSA_MAX_BYTES + 1];
};

struct words {
    struct bytes at[LINE_WORDS_MAX];
    size_t n;
};

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t';
}

static RESULT words_split(struct bytes line, struct words *ret, struct error *e)
{
    ret->n = 0;
    for (size_t i = 0; i < line.n;) {
        size_t from = i;
        if (is_blank(line.p[i])) {
            i++;
            continue;
        }
        for (; i < line.n && !is_blank(line.p[i]); i++) {
            if (line.p[i] < 0x20 || line.p[i] == 0x7f) {
                FAIL(e, ERRC_FORMAT, "a control character");
            }
        }
        if (ret->n == LINE_WORDS_MAX) {
            FAIL(e, ERRC_LIMIT, "more than %d items", LINE_WORDS_MAX);
        }
        ret->at[ret->n++] = bytes_slice(line, from, i);
    }
    return RESULT_OK;
}

static struct named *name_find(struct policy *p, struct bytes name)
{
    for (size_t i = 0; i < p->name_count; i++) {
        if (bytes_equal_str(name, p->names[i].name)) {
            return &p->names[i];
        }
    }
    return NULL;
}

static RESULT name_add(struct policy *p, struct bytes name, struct member what, struct error *e)
{
    if (name.n > NAME_MAX_BYTES) {
        FAIL(e, ERRC_LIMIT, "a name is at most %u bytes", NAME_MAX_BYTES);
    }
    if (bytes_equal_str(name, "none")) {
        FAIL(e, ERRC_FORMAT, "the name none is taken");
    }
    if (name_find(p, name) != NULL) {
        FAIL(e, ERRC_EXISTS, "the name %.*s is used already", BYTES_FMT(name));
    }
    struct named *n = &p->names[p->name_count++];
    *n = (struct named){ .what = what };
    memcpy(n->name, name.p, name.n);
    return RESULT_OK;
}

static RESULT key_take(const struct note_key *have, size_t count, struct bytes vkey,
                       enum note_key_type type, struct note_key *ret, struct error *e)
{
    if (count == POLICY_ITEMS_MAX) {
        FAIL(e, ERRC_LIMIT, "more than %d of a kind", POLICY_ITEMS_MAX);
    }
    TRY(note_key_parse(vkey, ret, e));
    if (ret->type != type) {
        FAIL(e, ERRC_FORMAT, "%s: a key of type %u stands here, not %u", ret->name, (unsigned)type,
             (unsigned)ret->type);
    }
    for (size_t i = 0; i < count; i++) {
        if (memcmp(have[i].public_key, ret->public_key, sizeof(ret->public_key)) == 0) {
            FAIL(e, ERRC_EXISTS, "the key of %s is named twice", ret->name);
        }
    }
    return RESULT_OK;
}

static RESULT words_count(const struct words *w, size_t min, size_t max, struct error *e)
{
    if (w->n < min || w->n > max) {
        FAIL(e, ERRC_FORMAT, "%.*s: %zu items after it", BYTES_FMT(w->at[0]), w->n - 1);
    }
    return RESULT_OK;
}

static RESULT take_log(struct policy *p, const struct words *w, struct error *e)
{
    TRY(words_count(w, 2, 3, e));
    TRY(key_take(p->logs, p->log_count, w->at[1], NOTE_ED25519, &p->logs[p->log_count], e));
    if (policy_log(p, bytes_str(p->logs[p->log_count].name)) != NULL) {
        FAIL(e, ERRC_EXISTS, "the log %s is named twice", p->logs[p->log_count].name);
    }
    p->log_count++;
    return RESULT_OK;
}

static RESULT take_witness(struct policy *p, const struct words *w, struct error *e)
{
    TRY(words_count(w, 3, 4, e));
    TRY(key_take(p->witnesses, p->witness_count, w->at[2], NOTE_COSIGNATURE_V1,
                 &p->witnesses[p->witness_count], e));
    TRY(name_add(p, w->at[1], (struct member){ false, (unsigned)p->witness_count }, e));
    p->witness_count++;
    return RESULT_OK;
}

static RESULT member_add(struct policy *p, struct group *g, struct bytes name, struct error *e)
{
    struct named *n = name_find(p, name);

    if (n == NULL) {
        FAIL(e, ERRC_NOT_FOUND, "%.*s is not defined above", BYTES_FMT(name));
    }
    if (n->is_used) {
        FAIL(e, ERRC_EXISTS, "%s is a member already", n->name);
    }
    n->is_used = true;
    *(n->what.is_group ? &g->groups : &g->witnesses) |= UINT32_C(1) << n->what.at;
    return RESULT_OK;
}

static RESULT take_group(struct policy *p, const struct words *w, struct error *e)
{
    struct group g = { 0 };
    size_t members = w->n - MIN(w->n, (size_t)3);
    uint64_t k = 1;

    TRY(words_count(w, 4, LINE_WORDS_MAX, e));
    if (p->group_count == POLICY_ITEMS_MAX) {
        FAIL(e, ERRC_LIMIT, "more than %d of a kind", POLICY_ITEMS_MAX);
    }
    if (bytes_equal_str(w->at[2], "all")) {
        k = members;
    } else if (!bytes_equal_str(w->at[2], "any") &&
               (!result_is_ok(num_u64(w->at[2], 1, members, &k)) || w->at[2].p[0] == '0')) {
        FAIL(e, ERRC_FORMAT, "the threshold %.*s is not all, any or 1..%zu", BYTES_FMT(w->at[2]),
             members);
    }
    g.threshold = (unsigned)k;
    for (size_t i = 3; i < w->n; i++) {
        TRY(member_add(p, &g, w->at[i], e));
    }
    TRY(name_add(p, w->at[1], (struct member){ true, (unsigned)p->group_count }, e));
    p->groups[p->group_count++] = g;
    return RESULT_OK;
}

static RESULT take_quorum(struct policy *p, const struct words *w, struct error *e)
{
    TRY(words_count(w, 2, 2, e));
    if (p->has_quorum_line) {
        FAIL(e, ERRC_EXISTS, "a second quorum line");
    }
    p->has_quorum_line = true;
    if (!bytes_equal_str(w->at[1], "none")) {
        const struct named *n = name_find(p, w->at[1]);
        if (n == NULL) {
            FAIL(e, ERRC_NOT_FOUND, "%.*s is not defined above", BYTES_FMT(w->at[1]));
        }
        p->has_quorum = true;
        p->quorum = n->what;
    }
    memcpy(p->quorum_name, w->at[1].p, w->at[1].n);
    return RESULT_OK;
}

static RESULT take_statement(struct policy *p, const struct words *w, struct error *e)
{
    TRY(words_count(w, 2, 2, e));
    if (p->has_statement) {
        FAIL(e, ERRC_EXISTS, "a second statement line");
    }
    TRY(key_take(NULL, 0, w->at[1], NOTE_ED25519, &p->statement, e));
    p->has_statement = true;
    return RESULT_OK;
}

static RESULT take_tsa(struct policy *p, const struct words *w, struct error *e)
{
    TRY(words_count(w, 2, 2, e));
    if (p->tsa[0] != '\0') {
        FAIL(e, ERRC_EXISTS, "a second tsa line");
    }
    if (w->at[1].n > TSA_MAX_BYTES) {
        FAIL(e, ERRC_LIMIT, "a file name is at most %u bytes", TSA_MAX_BYTES);
    }
    memcpy(p->tsa, w->at[1].p, w->at[1].n);
    return RESULT_OK;
}

static RESULT take_line(struct policy *p, struct bytes line, struct error *e)
{
    static const struct {
        const char *word;
        struct result (*take)(struct policy *p, const struct words *w, struct error *e);
    } kinds[] = {
        { "log", take_log },       { "witness", take_witness },     { "group", take_group },
        { "quorum", take_quorum }, { "statement", take_statement }, { "tsa", take_tsa },
    };
    struct words w;

    TRY(words_split(line, &w, e));
    if (w.n == 0 || w.at[0].p[0] == '#') {
        return RESULT_OK;
    }
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (bytes_equal_str(w.at[0], kinds[i].word)) {
            return kinds[i].take(p, &w, e);
        }
    }
    FAIL(e, ERRC_FORMAT, "no such kind of line");
}

RESULT policy_parse(struct bytes text, struct policy **ret, struct error *e)
{
    CLEANUP(policy_free_p) struct policy *p = mem_zalloc(sizeof(*p));
    struct bytes rest = text, line;
    size_t number = 1;

    if (text.n > POLICY_MAX_BYTES) {
        FAIL(e, ERRC_LIMIT, "line 1: a policy is at most %u bytes", POLICY_MAX_BYTES);
    }
    for (; rest.n > 0; number++) {
        if (!bytes_split(&rest, '\n', &line)) {
            FAIL(e, ERRC_FORMAT, "line %zu: no line feed at its end", number);
        }
        TRY_MSG(take_line(p, line, e), e, "line %zu", number);
    }
    if (!p->has_quorum_line) {
        FAIL(e, ERRC_FORMAT, "line %zu: the file ends without a quorum line", number);
    }
    *ret = TAKE(p);
    return RESULT_OK;
}

void policy_free(struct policy *p)
{
    mem_free(p);
}

const struct note_key *policy_log(const struct policy *p, struct bytes origin)
{
    for (size_t i = 0; i < p->log_count; i++) {
        if (bytes_equal_str(origin, p->logs[i].name)) {
            return &p->logs[i];
        }
    }
    return NULL;
}

const struct note_key *policy_statement(const struct policy *p)
{
    return p->has_statement ? &p->statement : NULL;
}

const char *policy_tsa(const struct policy *p)
{
    return p->tsa[0] == '\0' ? NULL : p->tsa;
}

size_t policy_witness_count(const struct policy *p)
{
    return p->witness_count;
}

bool policy_has_quorum(const struct policy *p)
{
    return p->has_quorum;
}

const char *policy_quorum_name(const struct policy *p)
{
    return p->quorum_name;
}

static bool quorum_is_met(const struct policy *p, uint32_t witnesses)
{
    uint32_t groups = 0;

    for (size_t i = 0; i < p->group_count; i++) {
        const struct group *g = &p->groups[i];
        int have = __builtin_popcount(g->witnesses & witnesses) +
                   __builtin_popcount(g->groups & groups);
        if ((unsigned)have >= g->threshold) {
            groups |= UINT32_C(1) << i;
        }
    }
    return !p->has_quorum || ((p->quorum.is_group ? groups : witnesses) >> p->quorum.at & 1) != 0;
}

/*= 2.1.7-5 "cosignatures of witnesses of the customer's choice are counted" */
RESULT policy_cosignatures(const struct policy *p, const struct note *n, struct policy_result *ret,
                           struct error *e)
{
    struct policy_result r = { 0 };

    for (size_t i = 0; i < p->witness_count; i++) {
        uint64_t time_s = 0;
        struct result v = note_verify(n, &p->witnesses[i], &time_s, e);
        if (v.code == ERRC_NOT_FOUND) {
            continue;
        }
        TRY(v);
        r.witnesses |= UINT32_C(1) << i;
        r.cosignatures++;
        r.newest_s = MAX(r.newest_s, time_s);
    }
    r.is_met = quorum_is_met(p, r.witnesses);
    *ret = r;
    return RESULT_OK;
}
