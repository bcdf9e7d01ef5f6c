/*
 * What a witness remembers of a log. `state` is one line of JSON, replaced as a whole:
 * {"archive","note","sum","time"}; sum is the SHA-256 over the three others, so that damage is
 * never taken for an older state.
 */
#include "ledger/witness_priv.h"

#include "base/log.h"
#include "base/text.h"
#include "crypto/crc.h"
#include "crypto/hash.h"
#include "sys/co.h"

#include <inttypes.h>

void witness_state_done(struct witness_state *s)
{
    buf_done(&s->note);
}

static void state_sum(uint64_t archive, int64_t time_ms, struct bytes note, char ret[65])
{
    CLEANUP(buf_done_p) struct buf head = BUF(64);
    uint8_t digest[SHA256_BYTES];

    buf_addf(&head, "%" PRIu64 "\n%" PRId64 "\n", archive, time_ms);
    const struct bytes parts[2] = { buf_bytes(&head), note };
    sha256_parts(parts, 2, digest);
    hex_encode(BYTES_OF(digest), ret);
}

static RESULT state_put(struct witness *w, const char *origin, uint64_t archive, int64_t time_ms,
                        struct bytes note, struct error *e)
{
    CLEANUP(buf_done_p) struct buf out = BUF(WITNESS_STATE_MAX);
    char path[WITNESS_PATH_MAX], sum[65];
    struct jsonw j;

    state_sum(archive, time_ms, note, sum);
    jsonw_init(&j, &out);
    jsonw_object(&j);
    jsonw_kv_u64(&j, "archive", archive);
    jsonw_kv_str(&j, "note", note);
    jsonw_kv_cstr(&j, "sum", sum);
    jsonw_kv_u64(&j, "time", (uint64_t)time_ms);
    jsonw_object_end(&j);
    buf_add_u8(&out, '\n');
    TRY_MSG(buf_result(&out), e, "state");
    witness_path(origin, "state", path);
    return fs_write_file(w->fs, path, buf_bytes(&out), e);
}

static RESULT state_take(struct json root, struct witness_state *s, struct error *e)
{
    static const char *const keys[] = { "archive", "note", "sum", "time", NULL };
    struct bytes note, sum;
    uint64_t time_ms;
    char want[65];

    TRY(json_only_keys(root, keys, e));
    TRY(json_get_u64(root, "archive", INT64_MAX, &s->archive_bytes, e));
    TRY(json_get_u64(root, "time", INT64_MAX, &time_ms, e));
    TRY(json_get_str(root, "note", &note, e));
    TRY(json_get_str(root, "sum", &sum, e));
    s->cosigned_ms = (int64_t)time_ms;
    state_sum(s->archive_bytes, s->cosigned_ms, note, want);
    if (!bytes_equal_str(sum, want)) {
        FAIL(e, ERRC_INTEGRITY, "sum");
    }
    s->note = BUF(NOTE_MAX);
    buf_add(&s->note, note);
    return buf_result(&s->note);
}

RESULT witness_state_read(struct witness *w, const struct note_key *log, struct witness_state *ret,
                          struct error *e)
{
    CLEANUP(buf_done_p) struct buf text = BUF(WITNESS_STATE_MAX);
    CLEANUP(json_doc_free_p) struct json_doc *doc = NULL;
    char path[WITNESS_PATH_MAX];
    uint64_t time_s;

    witness_path(log->name, "state", path);
    struct result r = fs_read_file(w->fs, path, WITNESS_STATE_MAX, &text, e);
    if (r.code == ERRC_NOT_FOUND) {
        FAIL(e, ERRC_INTEGRITY, "%s: missing: what was cosigned is not known any more", path);
    }
    TRY(r);
    if (!result_is_ok(json_parse(buf_bytes(&text), WITNESS_STATE_MAX, &doc, e)) ||
        !result_is_ok(state_take(json_root(doc), ret, e))) {
        FAIL(e, ERRC_INTEGRITY, "%s: damaged: what was cosigned is not known any more", path);
    }
    if (ret->note.n == 0) {
        ret->last = (struct checkpoint){ .size = 0, .root = tree_empty_root() };
        return RESULT_OK;
    }
    TRY_MSG(note_parse(buf_bytes(&ret->note), &ret->parsed, e), e, "%s", path);
    TRY_MSG(note_verify(&ret->parsed, log, &time_s, e), e, "%s", path);
    TRY_MSG(checkpoint_parse(ret->parsed.text, &ret->last, e), e, "%s", path);
    return RESULT_OK;
}

/* A state that a crash left before the log was added in full holds nothing yet. */
RESULT witness_state_init(struct witness *w, const struct note_key *log, struct error *e)
{
    CLEANUP(witness_state_done_p) struct witness_state have = { .archive_bytes = 0 };
    char path[WITNESS_PATH_MAX];
    struct fs_stat st;

    witness_path(log->name, "state", path);
    if (result_is_ok(fs_stat(w->fs, path, &st, NULL))) {
        TRY(witness_state_read(w, log, &have, e));
        if (have.note.n > 0) {
            FAIL(e, ERRC_INTEGRITY, "%s: there is a state, but no log.json", path);
        }
    }
    witness_path(log->name, "checkpoints", path);
    TRY(fs_write_file(w->fs, path, BYTES_NONE, e));
    witness_path(log->name, "copy", path);
    TRY(fs_mkdir(w->fs, path, e));
    return state_put(w, log->name, 0, 0, BYTES_NONE, e);
}

/* u32 length, u32 CRC32C, note: at `at`, over what a crash may have left there. */
static RESULT archive_add(struct witness *w, const char *origin, uint64_t at, struct bytes note,
                          uint64_t *ret_end, struct error *e)
{
    CLEANUP(buf_done_p) struct buf record = BUF(NOTE_MAX + 8);
    CLEANUP(fs_close_p) struct fs_file *f = NULL;
    char path[WITNESS_PATH_MAX];
    uint64_t have = 0;

    buf_add_be32(&record, (uint32_t)note.n);
    buf_add_be32(&record, crc32c_update(0, note));
    buf_add(&record, note);
    TRY_MSG(buf_result(&record), e, "checkpoint");
    witness_path(origin, "checkpoints", path);
    TRY(fs_open(w->fs, path, FS_READ | FS_WRITE, &f, e));
    TRY(fs_size(f, &have, e));
    if (have < at) {
        FAIL(e, ERRC_INTEGRITY, "%s: shorter than it was", path);
    }
    TRY(fs_pwrite(f, record.p, record.n, at, e));
    TRY(fs_truncate(f, at + record.n, e));
    TRY(fs_sync(f, e));
    *ret_end = at + record.n;
    return RESULT_OK;
}

RESULT witness_state_write(struct witness *w, const char *origin, const struct witness_state *was,
                           struct bytes note, int64_t now_ms, struct error *e)
{
    uint64_t end = 0;

    TRY(archive_add(w, origin, was->archive_bytes, note, &end, e));
    return state_put(w, origin, end, now_ms, note, e);
}

RESULT witness_lock(struct witness *w, const char *origin, struct fs_file **ret, struct error *e)
{
    CLEANUP(fs_close_p) struct fs_file *f = NULL;
    char path[WITNESS_PATH_MAX];

    witness_path(origin, "lock", path);
    TRY(fs_open(w->fs, path, FS_READ | FS_WRITE | FS_CREATE, &f, e));
    for (int64_t waited = 0;; waited += 5) {
        struct result r = fs_lock(f, e);
        if (result_is_ok(r)) {
            break;
        }
        if (r.code != ERRC_CONFLICT || waited >= WITNESS_LOCK_MS) {
            return r;
        }
        co_sleep_ms(5);
    }
    *ret = TAKE(f);
    return RESULT_OK;
}

/* --- alarms --- */

struct alarm_count {
    uint64_t all, soft;
};

static struct result alarm_count_one(void *arg, const char *name)
{
    struct alarm_count *c = arg;
    struct bytes n = bytes_str(name);

    if (bytes_has_prefix(n, BYTES_LIT("alarm-")) && bytes_has_suffix(n, BYTES_LIT(".json"))) {
        c->all++;
        c->soft += !bytes_has_prefix(n, BYTES_LIT("alarm-fork-"));
    }
    return RESULT_OK;
}

static RESULT alarms_count(struct witness *w, const char *origin, struct alarm_count *ret,
                           struct error *e)
{
    char path[WITNESS_PATH_MAX];

    *ret = (struct alarm_count){ 0 };
    witness_path(origin, "", path);
    return fs_list(w->fs, path, alarm_count_one, ret, e);
}

RESULT witness_alarm_count(struct witness *w, const char *origin, uint64_t *ret, struct error *e)
{
    struct alarm_count c;

    TRY(alarms_count(w, origin, &c, e));
    *ret = c.all;
    return RESULT_OK;
}

/* Of the kind and both texts: the same case gives the same name. */
static RESULT alarm_path(const char *origin, const struct alarm *a, char ret[WITNESS_PATH_MAX],
                         struct error *e)
{
    CLEANUP(mem_free_p) struct note *n = mem_calloc(2, sizeof(*n));
    uint8_t digest[SHA256_BYTES];
    char hex[2 * SHA256_BYTES + 1], file[64];

    TRY(note_parse(a->known, &n[0], e));
    TRY(note_parse(a->shown, &n[1], e));
    const struct bytes parts[2] = { n[0].text, n[1].text };
    sha256_parts(parts, 2, digest);
    hex_encode(BYTES_OF(digest), hex);
    (void)snprintf(file, sizeof(file), "alarm-%s-%.16s.json", alarm_kind_name(a->kind), hex);
    witness_path(origin, file, ret);
    return RESULT_OK;
}

/*= 2.1.5-9 "evidence of two histories is preserved" */
RESULT witness_alarm(struct witness *w, const struct note_key *log, struct alarm *a,
                     char ret_path[WITNESS_PATH_MAX], struct error *e)
{
    CLEANUP(buf_done_p) struct buf out = BUF(ALARM_MAX);
    struct alarm_count count;
    struct fs_stat st;

    a->log_key = *log;
    a->time_ms = clock_wall_ms(w->clock);
    memcpy(a->witness, w->key.name, sizeof(a->witness));
    TRY(alarm_path(log->name, a, ret_path, e));
    log_error("ALARM (%s): log %s does not continue what was seen: evidence in %s",
              alarm_kind_name(a->kind), log->name, ret_path);
    if (result_is_ok(fs_stat(w->fs, ret_path, &st, NULL))) {
        return RESULT_OK;
    }
    TRY(alarms_count(w, log->name, &count, e));
    if (a->kind != ALARM_FORK && count.soft >= WITNESS_ALARMS_MAX) {
        return RESULT_OK; /* strangers may send such: they must not fill the disk */
    }
    alarm_write(a, &out);
    TRY_MSG(buf_result(&out), e, "alarm");
    return fs_write_file(w->fs, ret_path, buf_bytes(&out), e);
}
