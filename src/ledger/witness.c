/* The witness's folder: its key, the logs it follows. */
#include "ledger/witness_priv.h"

#include "base/text.h"
#include "crypto/hash.h"

#define KEY_TEXT_MAX 256u
#define CONFIG_MAX   8192u

void witness_path(const char *origin, const char *file, char dst[WITNESS_PATH_MAX])
{
    uint8_t digest[SHA256_BYTES];
    char hex[2 * SHA256_BYTES + 1];

    sha256(bytes_str(origin), digest);
    hex_encode(BYTES_OF(digest), hex);
    (void)snprintf(dst, WITNESS_PATH_MAX, "logs/%.16s%s%s", hex, file[0] == '\0' ? "" : "/", file);
}

/* A file of canonical JSON. */
static RESULT json_file_read(struct fs *fs, const char *path, const char *const *keys,
                             struct json_doc **ret, struct error *e)
{
    CLEANUP(buf_done_p) struct buf text = BUF(CONFIG_MAX);

    TRY(fs_read_file(fs, path, CONFIG_MAX, &text, e));
    TRY_MSG(json_parse(buf_bytes(&text), CONFIG_MAX, ret, e), e, "%s", path);
    TRY_MSG(json_only_keys(json_root(*ret), keys, e), e, "%s", path);
    return RESULT_OK;
}

static RESULT text_copy(struct json root, const char *key, char *dst, size_t cap, struct error *e)
{
    struct bytes v;

    TRY(json_get_str(root, key, &v, e));
    if (v.n >= cap || memchr(v.p, 0, v.n) != NULL) {
        FAIL(e, ERRC_LIMIT, "%s: too long", key);
    }
    memcpy(dst, v.p, v.n);
    dst[v.n] = '\0';
    return RESULT_OK;
}

/* --- the key --- */

RESULT witness_init(struct fs *fs, const char *name, const struct rng *rng, struct error *e)
{
    static const uint8_t nothing[32] = { 0 };
    CLEANUP(buf_done_p) struct buf config = BUF(CONFIG_MAX);
    CLEANUP(buf_done_p) struct buf key = BUF_SECRET(KEY_TEXT_MAX);
    CLEANUP(key256_wipe) struct key256 seed;
    struct note_key check;
    struct fs_stat st;
    struct jsonw w;

    TRY_MSG(note_key_make(name, NOTE_COSIGNATURE_V1, nothing, &check, e), e, "witness");
    if (result_is_ok(fs_stat(fs, "witness.json", &st, NULL)) ||
        result_is_ok(fs_stat(fs, "witness.key", &st, NULL))) {
        FAIL(e, ERRC_EXISTS, "this folder is a witness already");
    }
    rng_fill(rng, seed.b, sizeof(seed.b));
    buf_add_hex(&key, BYTES_OF(seed.b));
    buf_add_u8(&key, '\n');
    TRY_MSG(buf_result(&key), e, "witness.key");
    TRY(fs_mkdir(fs, "logs", e));
    TRY(fs_write_file(fs, "witness.key", buf_bytes(&key), e));
    jsonw_init(&w, &config);
    jsonw_object(&w);
    jsonw_kv_cstr(&w, "name", name);
    jsonw_kv_u64(&w, "v", 1);
    jsonw_object_end(&w);
    buf_add_u8(&config, '\n');
    TRY_MSG(buf_result(&config), e, "witness.json");
    return fs_write_file(fs, "witness.json", buf_bytes(&config), e);
}

static RESULT key_read(struct fs *fs, struct sign_key **ret, struct error *e)
{
    CLEANUP(buf_done_p) struct buf text = BUF_SECRET(KEY_TEXT_MAX);
    CLEANUP(key256_wipe) struct key256 seed;

    TRY(fs_read_file(fs, "witness.key", KEY_TEXT_MAX, &text, e));
    struct bytes hex = bytes_trim(buf_bytes(&text), "\n");
    if (!result_is_ok(hex_decode(hex, seed.b, sizeof(seed.b)))) {
        FAIL(e, ERRC_INTEGRITY, "witness.key: not 64 hex digits");
    }
    TRY_MSG(sign_key_from_seed(SIGN_ED25519, key256_bytes(&seed), ret), e, "witness.key");
    return RESULT_OK;
}

RESULT witness_open(struct fs *fs, const struct clock *clock, struct witness **ret, struct error *e)
{
    static const char *const keys[] = { "name", "v", NULL };
    CLEANUP(witness_free_p) struct witness *w = mem_zalloc(sizeof(*w));
    CLEANUP(json_doc_free_p) struct json_doc *doc = NULL;
    char name[NOTE_NAME_MAX + 1];
    uint64_t version;

    w->fs = fs;
    w->clock = clock;
    TRY_MSG(json_file_read(fs, "witness.json", keys, &doc, e), e, "not a witness's folder");
    TRY_MSG(json_get_u64(json_root(doc), "v", 1, &version, e), e, "witness.json");
    TRY_MSG(text_copy(json_root(doc), "name", name, sizeof(name), e), e, "witness.json");
    TRY(key_read(fs, &w->sk, e));
    TRY(note_key_make(name, NOTE_COSIGNATURE_V1, sign_key_public(w->sk).p, &w->key, e));
    *ret = TAKE(w);
    return RESULT_OK;
}

void witness_free(struct witness *w)
{
    if (w != NULL) {
        sign_key_free(w->sk);
        mem_free(w);
    }
}

const struct note_key *witness_key(const struct witness *w)
{
    return &w->key;
}

/* --- logs --- */

static RESULT log_of_path(struct witness *w, const char *path, struct witness_log *ret,
                          struct error *e)
{
    static const char *const keys[] = { "ca", "url", "vkey", NULL };
    CLEANUP(json_doc_free_p) struct json_doc *doc = NULL;
    struct bytes vkey;

    TRY(json_file_read(w->fs, path, keys, &doc, e));
    struct json root = json_root(doc);
    TRY_MSG(text_copy(root, "url", ret->url, sizeof(ret->url), e), e, "%s", path);
    TRY_MSG(text_copy(root, "ca", ret->ca, sizeof(ret->ca), e), e, "%s", path);
    TRY_MSG(json_get_str(root, "vkey", &vkey, e), e, "%s", path);
    TRY_MSG(note_key_parse(vkey, &ret->key, e), e, "%s", path);
    return RESULT_OK;
}

RESULT witness_log_read(struct witness *w, const char *origin, struct witness_log *ret,
                        struct error *e)
{
    char path[WITNESS_PATH_MAX];

    witness_path(origin, "log.json", path);
    TRY(log_of_path(w, path, ret, e));
    if (strcmp(ret->key.name, origin) != 0) {
        FAIL(e, ERRC_INTEGRITY, "%s: of another log", path);
    }
    return RESULT_OK;
}

static RESULT log_write(struct witness *w, const struct witness_log *log, struct error *e)
{
    CLEANUP(buf_done_p) struct buf out = BUF(CONFIG_MAX);
    CLEANUP(buf_done_p) struct buf vkey = BUF(1024);
    char path[WITNESS_PATH_MAX];
    struct jsonw j;

    note_key_text(&log->key, &vkey);
    jsonw_init(&j, &out);
    jsonw_object(&j);
    jsonw_kv_cstr(&j, "ca", log->ca);
    jsonw_kv_cstr(&j, "url", log->url);
    jsonw_kv_str(&j, "vkey", buf_bytes(&vkey));
    jsonw_object_end(&j);
    buf_add_u8(&out, '\n');
    TRY_MSG(buf_result(&out), e, "log.json");
    witness_path(log->key.name, "log.json", path);
    return fs_write_file(w->fs, path, buf_bytes(&out), e);
}

static struct result count_one(void *arg, const char *name)
{
    (void)name;
    return ++*(size_t *)arg > WITNESS_LOGS_MAX ? result_of(ERRC_LIMIT) : RESULT_OK;
}

RESULT witness_add_log(struct witness *w, const struct witness_log *log, struct error *e)
{
    char path[WITNESS_PATH_MAX];
    struct witness_log have;
    size_t count = 1;

    if (log->key.type != NOTE_ED25519) {
        FAIL(e, ERRC_FORMAT, "%s: not a log's key (Ed25519)", log->key.name);
    }
    struct result r = witness_log_read(w, log->key.name, &have, e);
    if (result_is_ok(r)) {
        if (memcmp(have.key.public_key, log->key.public_key, sizeof(have.key.public_key)) != 0) {
            FAIL(e, ERRC_EXISTS, "%s is followed under another key", log->key.name);
        }
        return log_write(w, log, e);
    }
    if (r.code != ERRC_NOT_FOUND) {
        return r;
    }
    TRY_MSG(fs_list(w->fs, "logs", count_one, &count, e), e, "more than %d logs", WITNESS_LOGS_MAX);
    witness_path(log->key.name, "", path);
    TRY(fs_mkdir(w->fs, path, e));
    TRY(fs_sync_dir(w->fs, "logs", e));
    TRY(witness_state_init(w, &log->key, e));
    return log_write(w, log, e); /* last: a log is there when this is */
}

struct each {
    struct witness *w;
    struct witness_log *logs;
    size_t count;
    struct error *e;
};

static struct result each_collect(void *arg, const char *name)
{
    struct each *x = arg;
    char path[WITNESS_PATH_MAX];
    struct witness_log log;

    (void)snprintf(path, sizeof(path), "logs/%.64s/log.json", name);
    struct result r = log_of_path(x->w, path, &log, x->e);
    if (r.code == ERRC_NOT_FOUND) { /* begun and not finished */
        return RESULT_OK;
    }
    TRY(r);
    x->logs = mem_realloc(x->logs, (x->count + 1) * sizeof(*x->logs));
    x->logs[x->count++] = log;
    return RESULT_OK;
}

static int log_compare(const void *a, const void *b)
{
    const struct witness_log *l = a, *r = b;

    return strcmp(l->key.name, r->key.name);
}

static RESULT status_of(struct witness *w, const struct witness_log *log,
                        struct witness_status *ret, struct error *e)
{
    CLEANUP(witness_state_done_p) struct witness_state s = { .archive_bytes = 0 };
    struct witness_copy copy;

    TRY(witness_state_read(w, &log->key, &s, e));
    TRY(witness_copy_read(w, log->key.name, &copy, e));
    *ret = (struct witness_status){ .log = *log,
                                    .size = s.last.size,
                                    .root = s.last.root,
                                    .cosigned_ms = s.cosigned_ms,
                                    .copied = copy.copied };
    return witness_alarm_count(w, log->key.name, &ret->alarms, e);
}

RESULT witness_each(struct witness *w,
                    struct result (*fn)(void *arg, const struct witness_status *s, struct error *e),
                    void *arg, struct error *e)
{
    struct each x = { .w = w, .e = e };

    struct result r = fs_list(w->fs, "logs", each_collect, &x, e);
    if (x.count > 0) {
        qsort(x.logs, x.count, sizeof(*x.logs), log_compare);
    }
    for (size_t i = 0; i < x.count && result_is_ok(r); i++) {
        struct witness_status s;
        r = status_of(w, &x.logs[i], &s, e);
        if (result_is_ok(r)) {
            r = fn(arg, &s, e);
        }
    }
    mem_free(x.logs);
    return r;
}
