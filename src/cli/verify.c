/*
 * troth verify: checks packages, receipts, alarms and signed notes offline. Needs nothing of a
 * server.
 *
 * Exit status: 0 verified, or self-consistent when no key was given (said so in the first word); 1
 * not verified; 2 usage. A receipt or a note has no key of its own: there
 * --vkey or --policy is needed.
 */
#include "base/clock.h"
#include "base/text.h"
#include "cli/commands.h"
#include "ledger/alarm.h"
#include "ledger/package.h"
#include "ledger/receipt.h"
#include "sys/path.h"

#include <inttypes.h>
#include <stdio.h>

#define TRUSTED_MAX    NOTE_MAX
#define OUTPUT_MAX     (4u * 1024 * 1024)
#define HEAD_BYTES     4096u
#define FINDINGS_SHOWN 100u

struct verify {
    struct cli *c;
    struct policy *policy;
    struct note_key key;
    bool has_key;
    struct buf tsa_ca;
    struct buf out;      /* of people or JSON */
    struct buf findings; /* JSON items or lines */
    uint64_t finding_count;
};

static const struct note_key *given_key(const struct verify *v)
{
    return v->has_key ? &v->key : NULL;
}

static bool has_trust(const struct verify *v)
{
    return v->has_key || v->policy != NULL;
}

static RESULT trust_read(struct verify *v, struct error *e)
{
    const char *path = cli_get(v->c, "policy"), *vkey = cli_get(v->c, "vkey");
    if (vkey != NULL) {
        TRY_MSG(note_key_parse(bytes_str(vkey), &v->key, e), e, "--vkey");
        v->has_key = true;
    }
    if (path == NULL) {
        return RESULT_OK;
    }
    CLEANUP(buf_done_p) struct buf text = BUF(POLICY_MAX_BYTES);
    TRY(path_read(path, &text, e));
    TRY_MSG(policy_parse(buf_bytes(&text), &v->policy, e), e, "%s", path);
    const char *tsa = policy_tsa(v->policy);
    if (tsa != NULL) {
        CLEANUP(buf_done_p) struct buf name = BUF(8192);
        path_beside(path, tsa, &name);
        TRY_MSG(path_read(buf_cstr(&name), &v->tsa_ca, e), e, "%s: tsa", path);
    }
    return RESULT_OK;
}

/* --- what is said --- */

static void key_say(const struct verify *v, const struct note_key *k)
{
    CLEANUP(buf_done_p) struct buf text = BUF(1024);
    note_key_text(k, &text);
    (void)printf(cli_say(v->c, "  log key       %s\n", "  日志公钥      %s\n"), buf_cstr(&text));
    if (!has_trust(v)) {
        (void)printf("%s", cli_say(v->c,
                                   "  This key came with the file. Give --vkey or --policy with a "
                                   "key that you got "
                                   "otherwise, to know whose log it is.\n",
                                   "  该公钥来自文件本身。请用 --vkey 或 --policy "
                                   "给出另行取得的公钥，以确认日志归属。\n"));
    }
}

static const char *verdict(const struct verify *v)
{
    return has_trust(v) ? cli_say(v->c, "verified", "验证通过")
                        : cli_say(v->c, "self-consistent", "自洽（未核对签名者身份）");
}

/* {"verified":false,...}, or the message. */
static int refuse(const struct verify *v, const char *what, const struct package_report *r,
                  const struct error *e)
{
    if (!v->c->is_json) {
        (void)fprintf(stderr, "%s: %s: %s\n", cli_say(v->c, "NOT VERIFIED", "验证未通过"), what,
                      e->msg);
        return CLI_REFUSED;
    }
    CLEANUP(buf_done_p) struct buf out = BUF(OUTPUT_MAX);
    struct jsonw w;
    jsonw_init(&w, &out);
    jsonw_object(&w);
    jsonw_key(&w, "error");
    jsonw_object(&w);
    jsonw_kv_cstr(&w, "code", errc_name(e->code));
    jsonw_kv_cstr(&w, "message", e->msg);
    jsonw_object_end(&w);
    if (r != NULL && r->index != UINT64_MAX) {
        jsonw_kv_u64(&w, "index", r->index);
    }
    if (r != NULL) {
        jsonw_kv_u64(&w, "line", r->line);
    }
    jsonw_kv_cstr(&w, "type", what);
    jsonw_kv_bool(&w, "verified", false);
    jsonw_object_end(&w);
    buf_add_u8(&out, '\n');
    (void)cli_print(v->c, &out);
    return CLI_REFUSED;
}

/* --- packages --- */

struct file_source {
    struct fs_file *f;
    uint64_t at, size;
};

static struct result source_read(void *arg, void *dst, size_t cap, size_t *ret_n, struct error *e)
{
    struct file_source *s = arg;
    size_t n = (size_t)MIN((uint64_t)cap, s->size - s->at);
    if (n > 0) {
        TRY(fs_pread(s->f, dst, n, s->at, NULL, e));
    }
    s->at += n;
    *ret_n = n;
    return RESULT_OK;
}

static const char *finding_text(const struct verify *v, const struct package_finding *f)
{
    static const char *const zh[PACKAGE_FINDING_KINDS] = {
        [PACKAGE_INTENT] = "特权操作已声明，但证据包中没有其结果",
        [PACKAGE_OUTCOME] = "操作结果没有与之对应的声明",
        [PACKAGE_TIME] = "时间早于前一条目（时钟可能被调整）",
        [PACKAGE_SEALER] = "证据包由未指定的密钥封签",
        [PACKAGE_TIMESTAMP] = "含有时间戳，但未指定时间戳机构证书，未作验证",
    };
    return cli_say(v->c, f->text, zh[f->kind]);
}

static void finding_take(void *arg, const struct package_finding *f)
{
    struct verify *v = arg;
    if (v->finding_count++ >= FINDINGS_SHOWN) {
        return;
    }
    if (v->c->is_json) {
        struct jsonw w;
        if (v->findings.n > 0) {
            buf_add_u8(&v->findings, ',');
        }
        jsonw_init(&w, &v->findings);
        jsonw_object(&w);
        if (f->index != UINT64_MAX) {
            jsonw_kv_u64(&w, "index", f->index);
        }
        jsonw_kv_cstr(&w, "kind", package_finding_name(f->kind));
        jsonw_kv_u64(&w, "line", f->line);
        jsonw_kv_cstr(&w, "text", f->text);
        jsonw_object_end(&w);
    } else if (f->index != UINT64_MAX) {
        buf_addf(&v->findings,
                 cli_say(v->c, "  finding       line %llu, entry %llu: %s\n",
                         "  注意          第 %llu 行，条目 %llu：%s\n"),
                 (unsigned long long)f->line, (unsigned long long)f->index, finding_text(v, f));
    } else {
        buf_addf(&v->findings,
                 cli_say(v->c, "  finding       line %llu: %s\n",
                         "  注意          第 %llu 行：%s\n"),
                 (unsigned long long)f->line, finding_text(v, f));
    }
}

static void progress(void *arg, uint64_t index, uint64_t size)
{
    const struct verify *v = arg;
    if (size > 100000) {
        cli_progress(v->c, cli_say(v->c, "entries", "条目"), index, size);
    }
}

static void sources_json(struct jsonw *w, const struct package_report *r)
{
    jsonw_key(w, "sources");
    jsonw_array(w);
    for (size_t i = 0; i < r->source_count; i++) {
        jsonw_object(w);
        jsonw_kv_u64(w, "entries", r->sources[i].entries);
        jsonw_kv_u64(w, "first", r->sources[i].first);
        jsonw_kv_u64(w, "last", r->sources[i].last);
        jsonw_kv_cstr(w, "source", r->sources[i].name);
        jsonw_object_end(w);
    }
    jsonw_array_end(w);
}

static int package_json(struct verify *v, const struct package_report *r)
{
    CLEANUP(buf_done_p) struct buf vkey = BUF(1024);
    char text[TIME_TEXT_MAX];
    struct jsonw w;
    note_key_text(&r->log_key, &vkey);
    jsonw_init(&w, &v->out);
    jsonw_object(&w);
    jsonw_kv_u64(&w, "checkpoints", r->checkpoints);
    jsonw_kv_u64(&w, "cosignatures", r->last.cosignatures);
    jsonw_kv_cstr(&w, "created", time_rfc3339(r->created_ms, text));
    jsonw_kv_u64(&w, "entries", r->entries);
    jsonw_kv_u64(&w, "erased", r->erased);
    jsonw_kv_u64(&w, "finding_count", v->finding_count);
    jsonw_key(&w, "findings");
    jsonw_array(&w);
    if (v->findings.n > 0) {
        jsonw_raw(&w, buf_bytes(&v->findings));
    }
    jsonw_array_end(&w);
    jsonw_kv_cstr(&w, "first", time_rfc3339(r->first_ms, text));
    jsonw_kv_u64(&w, "from", r->from);
    jsonw_kv_u64(&w, "heartbeats", r->heartbeats);
    jsonw_kv_bool(&w, "key_trusted", r->is_key_trusted);
    jsonw_kv_cstr(&w, "last", time_rfc3339(r->last_ms, text));
    jsonw_kv_cstr(&w, "log", r->origin);
    jsonw_kv_u64(&w, "longest_silence_ms", (uint64_t)r->longest_silence_ms);
    jsonw_kv_base64(&w, "root", BYTES_OF(r->root.b));
    jsonw_kv_bool(&w, "sealer_trusted", r->is_sealer_trusted);
    jsonw_kv_u64(&w, "size", r->size);
    sources_json(&w, r);
    jsonw_kv_u64(&w, "timestamps", r->timestamps);
    jsonw_kv_u64(&w, "timestamps_verified", r->timestamps_verified);
    jsonw_kv_cstr(&w, "type", "package");
    jsonw_kv_bool(&w, "verified", true);
    jsonw_kv_str(&w, "vkey", buf_bytes(&vkey));
    jsonw_kv_u64(&w, "voided", r->voided);
    jsonw_kv_u64(&w, "witnessed_size", r->witnessed_size);
    jsonw_object_end(&w);
    buf_add_u8(&v->out, '\n');
    return cli_print(v->c, &v->out);
}

static void package_say_times(const struct verify *v, const struct package_report *r)
{
    char first[TIME_TEXT_MAX], last[TIME_TEXT_MAX];
    char *(*show)(int64_t, char *) = v->c->is_zh ? time_beijing : time_rfc3339;
    (void)printf(cli_say(v->c, "  time          %s .. %s\n", "  时间          %s 至 %s\n"),
                 show(r->first_ms, first), show(r->last_ms, last));
    if (r->longest_silence_ms > 0) {
        (void)printf(cli_say(v->c, "  silence       at most %lld s, before entry %llu\n",
                             "  最长静默      %lld 秒，在条目 %llu 之前\n"),
                     (long long)r->longest_silence_ms / 1000,
                     (unsigned long long)r->longest_silence_index);
    }
    if (r->timestamps_verified > 0) {
        (void)printf(cli_say(v->c, "  time stamps   %llu verified, the newest of %s\n",
                             "  时间戳        %llu 个验证通过，最新为 %s\n"),
                     (unsigned long long)r->timestamps_verified, show(r->timestamp_ms, first));
    }
}

static int package_say(struct verify *v, const struct package_report *r)
{
    (void)printf(cli_say(v->c, "%s: evidence package of log %s, entries %llu..%llu\n",
                         "%s：日志 %s 的证据包，条目 %llu..%llu\n"),
                 verdict(v), r->origin, (unsigned long long)r->from,
                 (unsigned long long)r->size - 1);
    key_say(v, &r->log_key);
    (void)printf(cli_say(v->c,
                         "  entries       %llu (%llu with erased payload, %llu void), no gap in "
                         "any source\n",
                         "  条目          %llu（其中 %llu 条内容已销毁，%llu "
                         "条作废），各来源计数连续\n"),
                 (unsigned long long)r->entries, (unsigned long long)r->erased,
                 (unsigned long long)r->voided);
    for (size_t i = 0; i < r->source_count; i++) {
        (void)printf(cli_say(v->c, "  source        %s: %llu entries, counters %llu..%llu\n",
                             "  来源          %s：%llu 条，计数 %llu..%llu\n"),
                     r->sources[i].name, (unsigned long long)r->sources[i].entries,
                     (unsigned long long)r->sources[i].first,
                     (unsigned long long)r->sources[i].last);
    }
    (void)printf(cli_say(v->c, "  checkpoints   %llu, all of one history; the last of size %llu\n",
                         "  检查点        %llu 个，同属一部历史；最后一个大小为 %llu\n"),
                 (unsigned long long)r->checkpoints, (unsigned long long)r->size);
    if (v->policy != NULL && policy_has_quorum(v->policy)) {
        (void)printf(cli_say(v->c, "  witnesses     %u cosigned the last one: quorum %s is met\n",
                             "  见证者        %u 个联署最后的检查点，满足法定数 %s\n"),
                     r->last.cosignatures, policy_quorum_name(v->policy));
    }
    package_say_times(v, r);
    (void)fputs(v->findings.n == 0 ? cli_say(v->c, "  findings      none\n", "  注意事项      无\n")
                                   : buf_cstr(&v->findings),
                stdout);
    if (v->finding_count > FINDINGS_SHOWN) {
        (void)printf(
                cli_say(v->c, "  finding       and %llu more\n", "  注意          另有 %llu 项\n"),
                (unsigned long long)(v->finding_count - FINDINGS_SHOWN));
    }
    return CLI_OK;
}

/*
 * "SIZE:base64 root", or a file with a signed checkpoint; it is verified under the key that the
 * package must verify under.
 */
static RESULT trusted_read(const struct verify *v, struct package_options *o, struct error *e)
{
    const char *text = cli_get(v->c, "trusted");
    if (text == NULL) {
        return RESULT_OK;
    }
    o->has_trusted = true;
    struct bytes rest = bytes_str(text), size;
    CLEANUP(buf_done_p) struct buf raw = BUF(TRUSTED_MAX);
    if (bytes_split(&rest, ':', &size) &&
        result_is_ok(num_u64(size, 0, INT64_MAX, &o->trusted_size)) &&
        result_is_ok(base64_decode(rest, &raw)) && raw.n == TREE_HASH_BYTES) {
        memcpy(o->trusted_root.b, raw.p, raw.n);
        return RESULT_OK;
    }
    CLEANUP(mem_free_p) struct note *n = mem_alloc(sizeof(*n));
    struct checkpoint c;
    buf_reset(&raw);
    TRY_MSG(path_read(text, &raw, e), e, "--trusted");
    TRY_MSG(note_parse(buf_bytes(&raw), n, e), e, "--trusted %s", text);
    TRY_MSG(checkpoint_parse(n->text, &c, e), e, "--trusted %s", text);
    o->trusted_size = c.size;
    o->trusted_root = c.root;
    return RESULT_OK;
}

static int verify_package(struct verify *v, struct fs_file *f, uint64_t size)
{
    CLEANUP(mem_free_p) struct package_report *r = mem_zalloc(sizeof(*r));
    struct file_source s = { f, 0, size };
    const struct package_input in = { source_read, &s };
    struct package_options o = { .policy = v->policy,
                                 .log_key = given_key(v),
                                 .tsa_ca_pem = buf_bytes(&v->tsa_ca),
                                 .finding = finding_take,
                                 .progress = progress,
                                 .arg = v };
    struct error e = { .code = ERRC_OK };
    if (!result_is_ok(trusted_read(v, &o, &e))) {
        return cli_usage(v->c, "%s", e.msg);
    }
    if (!result_is_ok(package_verify(&in, &o, r, &e))) {
        return refuse(v, "package", r, &e);
    }
    return v->c->is_json ? package_json(v, r) : package_say(v, r);
}

/* --- receipts --- */

static int receipt_print(struct verify *v, const struct receipt_report *r,
                         const struct receipt_object *object)
{
    char time[TIME_TEXT_MAX];
    if (!v->c->is_json) {
        (void)printf(cli_say(v->c, "%s: receipt of entry %llu of log %.*s\n",
                             "%s：条目 %llu 的回执，日志 %.*s\n"),
                     verdict(v), (unsigned long long)r->index, BYTES_FMT(r->origin));
        key_say(v, &r->log_key);
        (void)printf(cli_say(v->c, "  entry         %s by %s at %s\n",
                             "  条目          %s，来源 %s，时间 %s\n"),
                     r->entry.kind, r->entry.source,
                     v->c->is_zh ? time_beijing(r->entry.time_ms, time)
                                 : time_rfc3339(r->entry.time_ms, time));
        (void)printf(cli_say(v->c, "  checkpoint    of size %llu", "  检查点        大小 %llu"),
                     (unsigned long long)r->size);
        if (v->policy != NULL) {
            (void)printf(cli_say(v->c, ", %u cosignatures (quorum %s is met)",
                                 "，联署 %u 个（满足法定数 %s）"),
                         r->witnesses.cosignatures, policy_quorum_name(v->policy));
        }
        (void)printf("\n");
        if (object != NULL) {
            (void)printf(cli_say(v->c, "  object        %llu bytes, %s agrees%s\n",
                                 "  对象          %llu 字节，%s 相符%s\n"),
                         (unsigned long long)object->size, object->algorithm,
                         object->is_cryptographic
                                 ? ""
                                 : cli_say(v->c, " (a checksum: no proof against intent)",
                                           "（仅为校验和，不能防蓄意篡改）"));
        }
        text_add_escaped(&v->out, r->payload, r->payload.n);
        (void)printf(cli_say(v->c, "  payload       %s\n", "  内容          %s\n"),
                     buf_cstr(&v->out));
        return CLI_OK;
    }
    struct jsonw w;
    jsonw_init(&w, &v->out);
    jsonw_object(&w);
    jsonw_kv_u64(&w, "cosignatures", r->witnesses.cosignatures);
    jsonw_kv_u64(&w, "index", r->index);
    jsonw_kv_cstr(&w, "kind", r->entry.kind);
    jsonw_kv_str(&w, "log", r->origin);
    if (object != NULL) {
        jsonw_kv_cstr(&w, "object", object->algorithm);
        jsonw_kv_bool(&w, "object_proved", object->is_cryptographic);
    }
    jsonw_key(&w, "payload");
    jsonw_raw(&w, r->payload);
    jsonw_kv_u64(&w, "size", r->size);
    jsonw_kv_cstr(&w, "time", time_rfc3339(r->entry.time_ms, time));
    jsonw_kv_cstr(&w, "type", "receipt");
    jsonw_kv_bool(&w, "verified", true);
    jsonw_object_end(&w);
    buf_add_u8(&v->out, '\n');
    return cli_print(v->c, &v->out);
}

static int needs_key(const struct verify *v)
{
    return cli_usage(v->c, "%s",
                     cli_say(v->c, "this file has no key of its own: give --vkey or --policy",
                             "该文件不含公钥：请用 --vkey 或 --policy 给出"));
}

static int verify_receipt(struct verify *v, struct bytes text)
{
    const char *object = cli_get(v->c, "object");
    CLEANUP(receipt_free_p) struct receipt *receipt = NULL;
    CLEANUP(fs_close_p) struct fs_file *f = NULL;
    const struct receipt_options o = { v->policy, given_key(v) };
    struct receipt_report r = { 0 };
    struct receipt_object found = { 0 };
    struct error e = { .code = ERRC_OK };
    if (!has_trust(v)) {
        return needs_key(v);
    }
    struct result done = receipt_parse(text, &receipt, &e);
    if (result_is_ok(done)) {
        done = receipt_verify(receipt, &o, &r, &e);
    }
    if (result_is_ok(done) && object != NULL) {
        done = path_open(object, &f, &e);
        if (result_is_ok(done)) {
            done = receipt_check_object(r.payload, f, &found, &e);
        }
    }
    return result_is_ok(done) ? receipt_print(v, &r, object == NULL ? NULL : &found)
                              : refuse(v, "receipt", NULL, &e);
}

/* --- alarms, notes --- */

static int verify_alarm(struct verify *v, struct bytes text)
{
    CLEANUP(buf_done_p) struct buf store = BUF(2 * NOTE_MAX);
    CLEANUP(mem_free_p) struct alarm *a = mem_zalloc(sizeof(*a));
    char time[TIME_TEXT_MAX];
    struct error e = { .code = ERRC_OK };
    struct result r = alarm_parse(text, &store, a, &e);
    const struct note_key *key = given_key(v);
    if (result_is_ok(r) && v->policy != NULL) {
        key = policy_log(v->policy, bytes_str(a->log_key.name));
        if (key == NULL) {
            r = error_set(&e, ERRC_NOT_FOUND, "alarm: the policy names no log %s", a->log_key.name);
        }
    }
    if (result_is_ok(r)) {
        r = alarm_verify(a, key, &e);
    }
    if (!result_is_ok(r)) {
        return refuse(v, "alarm", NULL, &e);
    }
    if (v->c->is_json) {
        struct jsonw w;
        jsonw_init(&w, &v->out);
        jsonw_object(&w);
        jsonw_kv_cstr(&w, "kind", alarm_kind_name(a->kind));
        jsonw_kv_cstr(&w, "log", a->log_key.name);
        jsonw_kv_cstr(&w, "time", time_rfc3339(a->time_ms, time));
        jsonw_kv_cstr(&w, "type", "alarm");
        jsonw_kv_bool(&w, "verified", true);
        jsonw_kv_cstr(&w, "witness", a->witness);
        jsonw_object_end(&w);
        buf_add_u8(&v->out, '\n');
        return cli_print(v->c, &v->out);
    }
    static const char *const en[] = {
        [ALARM_FORK] = "proof of a FORK: the log signed two histories that can't both be true",
        [ALARM_ROLLBACK] = "the log signed both, and showed the older checkpoint as its newest",
        [ALARM_UNPROVED] = "both are signed by the log; this file shows no contradiction",
    };
    static const char *const zh[] = {
        [ALARM_FORK] = "日志分叉的证明：日志签署了两部不可能同时为真的历史",
        [ALARM_ROLLBACK] = "两个检查点均由日志签署，而日志把较旧的当作最新的出示",
        [ALARM_UNPROVED] = "两个检查点均由日志签署；本文件不足以证明二者矛盾",
    };
    (void)printf("%s: %s\n", verdict(v), cli_say(v->c, en[a->kind], zh[a->kind]));
    key_say(v, &a->log_key);
    (void)printf(
            cli_say(v->c, "  found         by %s at %s\n\n", "  发现者        %s，时间 %s\n\n"),
            a->witness, time_rfc3339(a->time_ms, time));
    (void)printf("%.*s\n%.*s", BYTES_FMT(a->known), BYTES_FMT(a->shown));
    return CLI_OK;
}

static RESULT note_check(const struct verify *v, const struct note *n, struct error *e)
{
    uint64_t time_s;
    if (v->policy == NULL) {
        return note_verify(n, &v->key, &time_s, e);
    }
    struct bytes rest = n->text, origin;
    (void)bytes_split(&rest, '\n', &origin);
    const struct note_key *log = policy_log(v->policy, origin),
                          *statement = policy_statement(v->policy);
    const struct note_key *key = log != NULL ? log : statement;
    if (key == NULL) {
        FAIL(e, ERRC_NOT_FOUND, "the policy names no key for this note");
    }
    TRY(note_verify(n, key, &time_s, e));
    struct policy_result r = { .is_met = true };
    if (log != NULL) {
        TRY(policy_cosignatures(v->policy, n, &r, e));
    }
    if (!r.is_met) {
        FAIL(e, ERRC_DENIED, "%u cosignatures do not meet the quorum %s", r.cosignatures,
             policy_quorum_name(v->policy));
    }
    return RESULT_OK;
}

static int verify_note(struct verify *v, struct bytes text)
{
    CLEANUP(mem_free_p) struct note *n = mem_alloc(sizeof(*n));
    struct error e = { .code = ERRC_OK };
    if (!has_trust(v)) {
        return needs_key(v);
    }
    struct result r = note_parse(text, n, &e);
    if (result_is_ok(r)) {
        r = note_check(v, n, &e);
    }
    if (!result_is_ok(r)) {
        return refuse(v, "note", NULL, &e);
    }
    if (v->c->is_json) {
        struct jsonw w;
        jsonw_init(&w, &v->out);
        jsonw_object(&w);
        jsonw_kv_str(&w, "text", n->text);
        jsonw_kv_cstr(&w, "type", "note");
        jsonw_kv_bool(&w, "verified", true);
        jsonw_object_end(&w);
        buf_add_u8(&v->out, '\n');
        return cli_print(v->c, &v->out);
    }
    (void)printf(cli_say(v->c, "%s: signed note\n\n%.*s", "%s：已签名文本\n\n%.*s"), verdict(v),
                 BYTES_FMT(n->text));
    return CLI_OK;
}

/* --- */

/* What it is, even where a byte of it was changed: any of the marks that such a file has. */
static bool looks_like(struct bytes text, const char *begin, const char *type)
{
    return bytes_has_prefix(text, bytes_str(begin)) || bytes_find(text, bytes_str(type)) < text.n;
}

static int verify_file(struct verify *v, struct fs_file *f, const char *path)
{
    CLEANUP(buf_done_p) struct buf text = BUF(ALARM_MAX);
    CLEANUP(mem_free_p) uint8_t *head = mem_zalloc(HEAD_BYTES);
    uint64_t size = 0;
    struct error e = { .code = ERRC_OK };
    struct result r = fs_size(f, &size, &e);
    if (result_is_ok(r)) {
        r = fs_pread(f, head, (size_t)MIN(size, (uint64_t)HEAD_BYTES), 0, NULL, &e);
    }
    if (!result_is_ok(r)) {
        return cli_refuse(v->c, &e);
    }
    struct bytes begin = bytes_of(head, (size_t)MIN(size, (uint64_t)HEAD_BYTES));
    if (looks_like(begin, "{\"crc\"", "\"troth/package/v1\"")) {
        return verify_package(v, f, size);
    }
    if (!result_is_ok(path_read(path, &text, &e))) {
        return refuse(v, "file", NULL, &e);
    }
    if (looks_like(buf_bytes(&text), "{\"kind\"", "\"troth/alarm/v1\"")) {
        return verify_alarm(v, buf_bytes(&text));
    }
    struct bytes lines = bytes_trim(buf_bytes(&text), "\n");
    if (looks_like(lines, "{", "\"troth/receipt/v1\"") || bytes_index(lines, '\n') == lines.n) {
        return verify_receipt(v, buf_bytes(&text)); /* JSON, or one line of base64url */
    }
    return verify_note(v, buf_bytes(&text));
}

static int verify_run(struct cli *c)
{
    struct verify v = {
        .c = c, .tsa_ca = BUF(1u << 20), .out = BUF(OUTPUT_MAX), .findings = BUF(OUTPUT_MAX)
    };
    const char *path = c->arg_count > 0 ? c->args[0] : cli_get(c, "receipt");
    CLEANUP(fs_close_p) struct fs_file *f = NULL;
    struct error e = { .code = ERRC_OK };
    int status;
    if (path == NULL || (c->arg_count > 0 && cli_has(c, "receipt"))) {
        return cli_usage(c, "%s",
                         cli_say(c, "name one file, or --receipt FILE",
                                 "请给出一个文件，或 --receipt 文件"));
    }
    if (!result_is_ok(trust_read(&v, &e))) {
        status = cli_usage(c, "%s", e.msg);
    } else if (!result_is_ok(path_open(path, &f, &e))) {
        status = cli_refuse(c, &e);
    } else {
        status = verify_file(&v, f, path);
    }
    policy_free(v.policy);
    buf_done(&v.tsa_ca);
    buf_done(&v.out);
    buf_done(&v.findings);
    return status;
}

static const struct cli_option verify_options[] = {
    { "policy", "FILE", "trust policy: logs, witnesses, quorum (docs/formats/policy.md)",
      "信任策略文件：日志、见证者、法定数", false, false },
    { "vkey", "VKEY", "public key of the log", "日志公钥", false, false },
    { "receipt", "FILE", "the receipt, where no other file is named",
      "回执文件（未另行给出文件时）", false, false },
    { "object", "FILE", "the object that the receipt is for", "回执所对应的对象文件", false,
      false },
    { "trusted", "FILE|SIZE:ROOT", "an earlier checkpoint that the package must continue",
      "证据包必须延续的较早检查点", false, false },
    { NULL, NULL, NULL, NULL, false, false },
};
const struct cli_command cli_verify = {
    "verify",
    "FILE",
    0,
    1,
    "check a package, receipt, alarm or signed note offline",
    "离线验证证据包、回执、告警或已签名文本",
    verify_options,
    verify_run,
};
