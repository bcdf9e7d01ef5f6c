/* The key management responsibility statement: one set of measured facts, told in JSON, Chinese and
 * English. */
#include "keys/statement.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "crypto/hash.h"

#define JSON_MAX  ((size_t)8 << 20)
#define YEAR_MS   ((int64_t)366 * 24 * 3600 * 1000)
#define MARK_HASH "state-sha256: "
#define MARK_DATE "date: "

static void add_time(struct jsonw *w, const char *key, int64_t ms)
{
    char text[TIME_TEXT_MAX];

    jsonw_kv_cstr(w, key, ms == 0 ? "" : time_rfc3339(ms, text));
}

static void add_key(struct jsonw *w, const struct key_info *k)
{
    jsonw_object(w);
    add_time(w, "created", k->created_ms);
    jsonw_kv_cstr(w, "custodian", k->custodian);
    jsonw_kv_bool(w, "default", k->is_default);
    add_time(w, "destroy_at", k->destroy_at_ms);
    jsonw_kv_cstr(w, "id", k->id);
    add_time(w, "rotated", k->rotated_ms);
    jsonw_kv_cstr(w, "state", key_state_name(k->state));
    jsonw_kv_cstr(w, "suite", suite_name(k->suite));
    jsonw_kv_u64(w, "version", k->version);
    jsonw_object_end(w);
}

static void add_duties(struct jsonw *w, const struct statement_duties *d)
{
    jsonw_key(w, "duties");
    jsonw_object(w);
    jsonw_kv_cstr(w, "destroy", d->destroy);
    jsonw_kv_cstr(w, "generate", d->generate);
    jsonw_kv_cstr(w, "hold", d->hold);
    jsonw_kv_cstr(w, "restore", d->restore);
    jsonw_kv_cstr(w, "rotate", d->rotate);
    jsonw_kv_cstr(w, "use", d->use);
    jsonw_object_end(w);
}

RESULT statement_json(const struct statement_facts *f, const struct key_info *keys, size_t n,
                      struct buf *out, struct error *e)
{
    struct jsonw w;

    jsonw_init(&w, out);
    jsonw_object(&w);
    jsonw_kv_cstr(&w, "contact", f->contact);
    jsonw_kv_cstr(&w, "deployment", f->deployment);
    add_duties(&w, &f->duties);
    jsonw_kv_cstr(&w, "encryption", f->is_default ? "default" : "option");
    jsonw_key(&w, "keys");
    jsonw_array(&w);
    for (size_t i = 0; i < n; i++) {
        add_key(&w, &keys[i]);
    }
    jsonw_array_end(&w);
    jsonw_kv_cstr(&w, "module", f->module == NULL ? "software" : f->module);
    jsonw_key(&w, "root");
    jsonw_object(&w);
    jsonw_kv_cstr(&w, "custodian", f->root_custodian);
    jsonw_kv_cstr(&w, "form", root_form_name(f->root.form));
    jsonw_kv_hex(&w, "id", BYTES_OF(f->root.id));
    jsonw_kv_u64(&w, "k", f->root.k);
    jsonw_kv_u64(&w, "n", f->root.n);
    jsonw_object_end(&w);
    jsonw_kv_u64(&w, "rotation_days", f->rotation_days);
    jsonw_kv_cstr(&w, "service", f->service);
    jsonw_kv_cstr(&w, "tenant", f->tenant);
    jsonw_kv_u64(&w, "v", 1);
    jsonw_kv_u64(&w, "wait_days", f->wait_days);
    jsonw_object_end(&w);
    TRY_MSG(buf_result(out), e, "statement");
    return RESULT_OK;
}

static struct result state_hash(const struct statement_facts *f, const struct key_info *keys,
                                size_t n, char ret_hex[65], struct error *e)
{
    CLEANUP(buf_done_p) struct buf json = BUF(JSON_MAX);
    uint8_t digest[SHA256_BYTES];

    TRY(statement_json(f, keys, n, &json, e));
    sha256(buf_bytes(&json), digest);
    hex_encode(BYTES_OF(digest), ret_hex);
    return RESULT_OK;
}

/* --- the two languages --- */

struct language {
    const char *title, *intro;
    const char *service, *encryption, *is_default, *is_option, *algorithm, *module, *software,
            *place, *place_text;
    const char *root, *root_file, *root_passphrase, *root_shares /* k, n */, *custodian;
    const char *duties, *generate, *hold, *use, *rotate, *restore, *destroy;
    const char *rotation, *rotation_text /* days */, *destruction, *destruction_text /* days */;
    const char *access, *access_provider, *access_customer, *loss, *loss_text, *contact, *counts,
            *counts_text;
    const char *keys, *table, *more;
    const char *provider, *customer, *shared;
};

static const struct language chinese = {
    .title = "密钥管理责任说明",
    .intro = "本说明由系统按实测状态生成，并由部署的声明密钥签名。",
    .service = "服务",
    .encryption = "存储加密",
    .is_default = "默认启用",
    .is_option = "由甲方选用",
    .algorithm = "算法、模式、密钥长度",
    .module = "密码模块",
    .software = "软件实现（无模块证书编号）",
    .place = "密钥所在",
    .place_text = "根密钥、租户密钥只存在于密钥保管进程；落盘时逐个以根密钥派生的密钥加密封装。每个"
                  "对象有独立的数据密钥，"
                  "由租户密钥封装后与对象一同保存。",
    .root = "根密钥",
    .root_file = "存于文件（权限 0600）",
    .root_passphrase = "以口令封装（Argon2id）",
    .root_shares = "分为 %2$u 份，任意 %1$u 份可恢复",
    .custodian = "保管方",
    .duties = "各环节责任方",
    .generate = "生成",
    .hold = "保管",
    .use = "使用",
    .rotate = "轮换",
    .restore = "恢复",
    .destroy = "销毁",
    .rotation = "轮换",
    .rotation_text = "最长 %u 天轮换一次；旧版本仅用于读取。",
    .destruction = "销毁",
    .destruction_text =
            "申请后至少等待 %u 天，可撤销；存在两名管理员时须由另一人确认；销毁后出具签名证明。",
    .access = "乙方不经甲方能否解密",
    .access_provider = "能（根密钥由乙方保管）；每次访问均记入甲方可核验的日志。",
    .access_customer =
            "服务停止后不能（须甲方提供根密钥）；运行期间的每次访问均记入甲方可核验的日志。",
    .loss = "密钥丢失的后果",
    .loss_text = "根密钥或其全部副本丢失，则所有数据永久不可读，任何一方均无法恢复。",
    .contact = "联系人",
    .counts = "密钥数量",
    .counts_text = "启用 %zu，停用 %zu，待销毁 %zu，已销毁 %zu",
    .keys = "密钥清单",
    .table = "| 密钥 | 状态 | 套件 | 版本 | 最近轮换 | 责任方 |",
    .more = "其余 %zu 个见 JSON。",
    .provider = "乙方",
    .customer = "甲方",
    .shared = "共担",
};

static const struct language english = {
    .title = "Key management responsibility statement",
    .intro = "Made by the system from its measured state and signed by the deployment's statement "
             "key.",
    .service = "Service",
    .encryption = "Encryption at rest",
    .is_default = "on by default",
    .is_option = "at the customer's choice",
    .algorithm = "Algorithm, mode, key length",
    .module = "Cryptographic module",
    .software = "software implementation (no module certificate)",
    .place = "Where the keys live",
    .place_text =
            "Root and tenant keys exist in the keeper process only; on disk each is sealed under a "
            "key derived from the root "
            "key. Every object has its own data key, stored with it, wrapped under a tenant key.",
    .root = "Root key",
    .root_file = "in a file (mode 0600)",
    .root_passphrase = "sealed under a passphrase (Argon2id)",
    .root_shares = "%1$u of %2$u shares restore it",
    .custodian = "custodian",
    .duties = "Who is responsible",
    .generate = "generation",
    .hold = "custody",
    .use = "use",
    .rotate = "rotation",
    .restore = "recovery",
    .destroy = "destruction",
    .rotation = "Rotation",
    .rotation_text = "at the latest every %u days; old versions serve reading only.",
    .destruction = "Destruction",
    .destruction_text = "at least %u days after the request, which can be cancelled; confirmed by "
                        "a second administrator where there "
                        "are two; certified with a signature.",
    .access = "Can the provider decrypt without the customer",
    .access_provider = "yes (the provider holds the root key); every access is in a log that the "
                       "customer can verify.",
    .access_customer = "not once the service has stopped (the customer brings the root key); every "
                       "access while it runs is in "
                       "a log that the customer can verify.",
    .loss = "If keys are lost",
    .loss_text = "if the root key and all its copies are lost, all data is unreadable for ever; "
                 "nobody can restore it.",
    .contact = "Contact",
    .counts = "Keys",
    .counts_text = "enabled %zu, disabled %zu, pending destruction %zu, destroyed %zu",
    .keys = "List of keys",
    .table = "| Key | State | Suite | Version | Last rotated | Responsible |",
    .more = "%zu more are in the JSON.",
    .provider = "provider",
    .customer = "customer",
    .shared = "shared",
};

static const char *party(const struct language *l, const char *who)
{
    return strcmp(who, "provider") == 0   ? l->provider
           : strcmp(who, "customer") == 0 ? l->customer
           : strcmp(who, "shared") == 0   ? l->shared
                                          : who;
}

/* Text of others in a Markdown line: no control bytes, no table or markup characters. */
static void add_plain(struct buf *out, const char *s)
{
    CLEANUP(buf_done_p) struct buf clean = BUF(4096);

    text_add_escaped(&clean, bytes_str(s), 256);
    for (size_t i = 0; i < clean.n; i++) {
        if (strchr("|`*_<>[]#\\", clean.p[i]) != NULL) {
            buf_add_u8(out, '\\');
        }
        buf_add_u8(out, clean.p[i]);
    }
}

static void add_item(struct buf *out, const char *name, const char *value)
{
    buf_addf(out, "- **%s**: ", name);
    add_plain(out, value);
    buf_add_u8(out, '\n');
}

/* Our own words, without escaping. */
__attribute__((format(printf, 3, 4))) static void add_words(struct buf *out, const char *name,
                                                            const char *fmt, ...)
{
    va_list ap;

    buf_addf(out, "- **%s**: ", name);
    va_start(ap, fmt);
    buf_addfv(out, fmt, ap);
    va_end(ap);
    buf_add_u8(out, '\n');
}

static void add_suites(struct buf *out, const struct language *l, const struct key_info *keys,
                       size_t n)
{
    bool has[SUITE_SM4_CTR_HMAC_SM3 + 1] = { false };

    for (size_t i = 0; i < n; i++) {
        has[keys[i].suite == SUITE_SM4_CTR_HMAC_SM3 ? SUITE_SM4_CTR_HMAC_SM3 : SUITE_AES256_GCM] =
                true;
    }
    if (has[SUITE_AES256_GCM]) {
        add_words(out, l->algorithm, "%s", "AES-256-GCM (NIST SP 800-38D), 256 bit, tag 128 bit");
    }
    if (has[SUITE_SM4_CTR_HMAC_SM3]) {
        add_words(out, l->algorithm, "%s",
                  "SM4-CTR + HMAC-SM3 (GB/T 32907, GB/T 17964, GB/T 32905), 128 bit, MAC 256 bit, "
                  "encrypt-then-MAC");
    }
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral" /* formats of the language tables */

static void add_root(struct buf *out, const struct language *l, const struct statement_facts *f)
{
    buf_addf(out, "- **%s**: ", l->root);
    switch (f->root.form) {
    case ROOT_IN_FILE:
        buf_add_str(out, l->root_file);
        break;
    case ROOT_BY_PASSPHRASE:
        buf_add_str(out, l->root_passphrase);
        break;
    case ROOT_BY_SHARES:
        buf_addf(out, l->root_shares, f->root.k, f->root.n);
        break;
    }
    buf_addf(out, "; %s: ", l->custodian);
    add_plain(out, party(l, f->root_custodian));
    buf_add_u8(out, '\n');
}

static void add_counts(struct buf *out, const struct language *l, const struct key_info *keys,
                       size_t n)
{
    size_t by[KEY_DESTROYED + 1] = { 0 };

    for (size_t i = 0; i < n; i++) {
        by[keys[i].state]++;
    }
    add_words(out, l->counts, l->counts_text, by[KEY_ENABLED], by[KEY_DISABLED],
              by[KEY_PENDING_DESTRUCTION], by[KEY_DESTROYED]);
}

static void add_table(struct buf *out, const struct language *l, const struct key_info *keys,
                      size_t n)
{
    char time[TIME_TEXT_MAX];

    buf_addf(out, "\n### %s\n\n%s\n|---|---|---|---|---|---|\n", l->keys, l->table);
    for (size_t i = 0; i < MIN(n, (size_t)STATEMENT_LISTED_MAX); i++) {
        const struct key_info *k = &keys[i];
        buf_addf(out, "| %s | %s | %s | %u | %.10s | ", k->id, key_state_name(k->state),
                 suite_name(k->suite), k->version, time_rfc3339(k->rotated_ms, time));
        add_plain(out, party(l, k->custodian));
        buf_add_str(out, " |\n");
    }
    if (n > STATEMENT_LISTED_MAX) {
        buf_add_u8(out, '\n');
        buf_addf(out, l->more, n - STATEMENT_LISTED_MAX);
        buf_add_u8(out, '\n');
    }
}

static void add_language(struct buf *out, const struct language *l, const struct statement_facts *f,
                         const struct key_info *keys, size_t n)
{
    const char *const duties[][2] = {
        { l->generate, f->duties.generate }, { l->hold, f->duties.hold },
        { l->use, f->duties.use },           { l->rotate, f->duties.rotate },
        { l->restore, f->duties.restore },   { l->destroy, f->duties.destroy },
    };

    buf_addf(out, "## %s\n\n%s\n\n- **%s**: ", l->title, l->intro, l->service);
    add_plain(out, f->service);
    buf_add_str(out, " / ");
    add_plain(out, f->deployment);
    buf_add_str(out, " / ");
    add_plain(out, f->tenant);
    buf_add_u8(out, '\n');
    add_words(out, l->encryption, "%s", f->is_default ? l->is_default : l->is_option);
    add_suites(out, l, keys, n);
    add_item(out, l->module, f->module == NULL ? l->software : f->module);
    add_words(out, l->place, "%s", l->place_text);
    add_root(out, l, f);
    buf_addf(out, "- **%s**: ", l->duties);
    for (size_t i = 0; i < ARRAY_LEN(duties); i++) {
        buf_addf(out, "%s%s ", i == 0 ? "" : "; ", duties[i][0]);
        add_plain(out, party(l, duties[i][1]));
    }
    buf_add_u8(out, '\n');
    add_words(out, l->rotation, l->rotation_text, f->rotation_days);
    add_words(out, l->destruction, l->destruction_text, f->wait_days);
    bool is_ours = strcmp(f->root_custodian, "customer") != 0;
    add_words(out, l->access, "%s", is_ours ? l->access_provider : l->access_customer);
    add_words(out, l->loss, "%s", l->loss_text);
    add_item(out, l->contact, f->contact);
    add_counts(out, l, keys, n);
    add_table(out, l, keys, n);
    buf_add_u8(out, '\n');
}

#pragma GCC diagnostic pop

/*= 2.1.3-5 "明确加密算法和密钥管理责任" */
RESULT statement_text(const struct statement_facts *f, const struct key_info *keys, size_t n,
                      struct buf *out, struct error *e)
{
    char hex[65], time[TIME_TEXT_MAX];

    TRY(state_hash(f, keys, n, hex, e));
    buf_addf(out, MARK_DATE "%s\n" MARK_HASH "%s\n\n", time_rfc3339(f->now_ms, time), hex);
    add_language(out, &chinese, f, keys, n);
    add_language(out, &english, f, keys, n);
    TRY_MSG(buf_result(out), e, "statement");
    return RESULT_OK;
}

/* The rest of the line that begins with `mark`. */
static struct result take_mark(struct bytes *in, const char *mark, struct bytes *ret)
{
    struct bytes line;

    if (!bytes_split(in, '\n', &line) || !bytes_has_prefix(line, bytes_str(mark))) {
        return result_of(ERRC_FORMAT);
    }
    *ret = bytes_slice(line, strlen(mark), line.n);
    return RESULT_OK;
}

/*= 2.1.3-6 "the measured state equals the statement" */
RESULT statement_check(struct bytes text, const struct statement_facts *f,
                       const struct key_info *keys, size_t n, struct error *e)
{
    struct bytes date, hash;
    int64_t made_ms;
    char hex[65];

    TRY_MSG(take_mark(&text, MARK_DATE, &date), e, "statement: date");
    TRY_MSG(take_mark(&text, MARK_HASH, &hash), e, "statement: digest");
    TRY_MSG(time_parse_rfc3339(date, &made_ms), e, "statement: date");
    TRY(state_hash(f, keys, n, hex, e));
    if (!bytes_equal_str(hash, hex)) {
        FAIL(e, ERRC_CONFLICT, "the statement is not what is measured now");
    }
    if (f->now_ms - made_ms > YEAR_MS) {
        FAIL(e, ERRC_EXPIRED, "the statement is older than twelve months");
    }
    return RESULT_OK;
}
