/* Names, paths, texts and tags as they are let in; ids: name_priv.h. */
#include "identity/name_priv.h"

#include "base/text.h"
#include "identity/directory_priv.h"

#define ID_RANDOM     17
#define TAG_KEY_MAX   128 /* characters */
#define TAG_VALUE_MAX 256
#define TAGS_JSON_MAX (IDENTITY_TAGS_MAX * (TAG_KEY_MAX + TAG_VALUE_MAX) * 6)
#define EMAIL_MAX     254

static bool is_name_char(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != 0 && strchr("_+=,.@-", c) != NULL);
}

static bool is_name(struct bytes name, size_t max)
{
    if (name.n < 1 || name.n > max) {
        return false;
    }
    for (size_t i = 0; i < name.n; i++) {
        if (!is_name_char(name.p[i])) {
            return false;
        }
    }
    return true;
}

/* Letters of other scripts would let one account look like another. */
bool identity_name_is_valid(struct bytes name)
{
    return is_name(name, NAME_MAX_USER);
}

bool identity_path_is_valid(struct bytes path)
{
    if (path.n < 1 || path.n > PATH_MAX_BYTES || path.p[0] != '/' || path.p[path.n - 1] != '/') {
        return false;
    }
    for (size_t i = 1; i < path.n; i++) {
        if (path.p[i] == '/' ? path.p[i - 1] == '/' : !is_name_char(path.p[i])) {
            return false;
        }
    }
    return true;
}

RESULT name_check(const char *what, const char *name, size_t max, struct error *e)
{
    if (name == NULL || !is_name(bytes_str(name), max)) {
        FAIL(e, ERRC_FORMAT, "%s: 1 to %zu of A-Z, a-z, 0-9 and _+=,.@-", what, max);
    }
    return RESULT_OK;
}

RESULT path_check(const char *path, const char **ret, struct error *e)
{
    const char *p = path == NULL ? "/" : path;
    if (!identity_path_is_valid(bytes_str(p))) {
        FAIL(e, ERRC_FORMAT,
             "path: '/' or '/team/part/', at most %d bytes, of A-Z, a-z, 0-9 and _+=,.@-",
             PATH_MAX_BYTES);
    }
    *ret = p;
    return RESULT_OK;
}

RESULT text_check(const char *what, const char *text, size_t max, struct error *e)
{
    if (strlen(text) > max) {
        FAIL(e, ERRC_LIMIT, "%s: at most %zu bytes", what, max);
    }
    if (!text_is_printable(bytes_str(text))) {
        FAIL(e, ERRC_FORMAT, "%s: printable text in UTF-8", what);
    }
    return RESULT_OK;
}

RESULT email_check(const char *email, struct error *e)
{
    struct bytes rest = bytes_str(email), local;
    bool is_valid = rest.n <= EMAIL_MAX;
    for (size_t i = 0; i < rest.n; i++) {
        is_valid = is_valid && rest.p[i] > 0x20 && rest.p[i] < 0x7f;
    }
    if (rest.n > 0) {
        is_valid = is_valid && bytes_split(&rest, '@', &local) && local.n > 0 && rest.n > 0 &&
                   bytes_index(rest, '@') == rest.n;
    }
    if (!is_valid) {
        FAIL(e, ERRC_FORMAT, "email: name@domain in ASCII, at most %d bytes", EMAIL_MAX);
    }
    return RESULT_OK;
}

/* SIZE_MAX when it is not printable. */
static size_t characters(struct bytes text)
{
    size_t n = 0;
    uint32_t c;
    if (!text_is_printable(text)) {
        return SIZE_MAX;
    }
    for (size_t step; text.n > 0 && (step = utf8_next(text, &c)) > 0; n++) {
        text = bytes_slice(text, step, text.n);
    }
    return n;
}

/* Keys are compared without regard to case, as the condition keys made of them. */
static bool is_doubled(struct json tags, struct bytes key)
{
    struct json_iter it = { 0 };
    struct json value;
    struct bytes other;
    unsigned same = 0;
    while (json_next_member(tags, &it, &other, &value)) {
        same += bytes_equal_nocase(other, key) ? 1 : 0;
    }
    return same > 1;
}

static RESULT tag_check(struct json tags, struct bytes key, struct json value, struct error *e)
{
    struct bytes text;
    size_t n = characters(key);
    if (n < 1 || n > TAG_KEY_MAX) {
        FAIL(e, ERRC_FORMAT, "tags: a key is 1 to %d printable characters", TAG_KEY_MAX);
    }
    if (bytes_equal_nocase(bytes_slice(key, 0, 4), BYTES_LIT("aws:"))) {
        FAIL(e, ERRC_FORMAT, "tags: keys that begin with aws: are reserved");
    }
    if (!result_is_ok(json_str(value, &text)) || characters(text) > TAG_VALUE_MAX) {
        FAIL(e, ERRC_FORMAT, "tags: a value is a string of at most %d printable characters",
             TAG_VALUE_MAX);
    }
    if (is_doubled(tags, key)) {
        FAIL(e, ERRC_FORMAT, "tags: key '%.*s' is there twice", BYTES_FMT(key));
    }
    return RESULT_OK;
}

RESULT tags_check(const char *tags, struct arena *arena, const char **ret, struct error *e)
{
    CLEANUP(json_doc_free_p) struct json_doc *doc = NULL;
    CLEANUP(buf_done_p) struct buf out = BUF(TAGS_JSON_MAX);
    TRY_MSG(json_parse(bytes_str(tags == NULL ? "{}" : tags), TAGS_JSON_MAX, &doc, e), e, "tags");
    struct json root = json_root(doc), value;
    struct json_iter it = { 0 };
    struct bytes key;
    if (json_type(root) != JSON_OBJECT) {
        FAIL(e, ERRC_FORMAT, "tags: an object of strings");
    }
    if (json_count(root) > IDENTITY_TAGS_MAX) {
        FAIL(e, ERRC_LIMIT, "tags: at most %d", IDENTITY_TAGS_MAX);
    }
    while (json_next_member(root, &it, &key, &value)) {
        TRY(tag_check(root, key, value, e));
    }
    TRY(json_canonical(root, &out, e));
    TRY(buf_result(&out));
    *ret = arena_str(arena, buf_bytes(&out));
    return RESULT_OK;
}

void identity_id_new(struct directory *d, const char *prefix, char ret[IDENTITY_ID_BYTES])
{
    memcpy(ret, prefix, 4);
    directory_random_text(d, DIRECTORY_ID_ALPHABET, ret + 4, ID_RANDOM);
}

void identity_arn(struct buf *out, const char *kind, const char *account, const char *path,
                  const char *name)
{
    buf_addf(out, "arn:aws:iam::%s:%s%s%s", account, kind, path, name);
}

void identity_arn_json(struct jsonw *w, const char *kind, const char *account, const char *path,
                       const char *name)
{
    CLEANUP(buf_done_p) struct buf arn = BUF(1024);
    identity_arn(&arn, kind, account, path, name);
    jsonw_kv_str(w, "arn", buf_bytes(&arn));
}

void identity_time_json(struct jsonw *w, const char *key, int64_t ms)
{
    char text[TIME_TEXT_MAX];
    jsonw_key(w, key);
    if (ms == 0) {
        jsonw_null(w);
    } else {
        jsonw_cstr(w, time_rfc3339(ms, text));
    }
}
