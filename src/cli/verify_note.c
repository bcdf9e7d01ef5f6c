/* troth verify: receipts, alarms, signed notes. */
#include "cli/verify_priv.h"

#include "base/clock.h"
#include "base/text.h"
#include "ledger/alarm.h"
#include "ledger/receipt.h"
#include "sys/path.h"

#include <stdio.h>

/* --- receipts --- */

static int receipt_print(struct verify *v, const struct receipt_report *r,
                         const struct receipt_object *object)
{
    char time[TIME_TEXT_MAX];
    if (!v->c->is_json) {
        (void)printf(cli_say(v->c, "%s: receipt of entry %llu of log %.*s\n",
                             "%s：条目 %llu 的回执，日志 %.*s\n"),
                     verify_verdict(v), (unsigned long long)r->index, BYTES_FMT(r->origin));
        verify_key_say(v, &r->log_key);
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

int verify_receipt(struct verify *v, struct bytes text)
{
    const char *object = cli_get(v->c, "object");
    CLEANUP(receipt_free_p) struct receipt *receipt = NULL;
    CLEANUP(fs_close_p) struct fs_file *f = NULL;
    const struct receipt_options o = { v->policy, verify_given_key(v) };
    struct receipt_report r = { 0 };
    struct receipt_object found = { 0 };
    struct error e = { .code = ERRC_OK };
    if (!verify_has_trust(v)) {
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
                              : verify_refuse(v, "receipt", NULL, &e);
}

/* --- alarms, notes --- */

int verify_alarm(struct verify *v, struct bytes text)
{
    CLEANUP(buf_done_p) struct buf store = BUF(2 * NOTE_MAX);
    CLEANUP(mem_free_p) struct alarm *a = mem_zalloc(sizeof(*a));
    char time[TIME_TEXT_MAX];
    struct error e = { .code = ERRC_OK };
    struct result r = alarm_parse(text, &store, a, &e);
    const struct note_key *key = verify_given_key(v);
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
        return verify_refuse(v, "alarm", NULL, &e);
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
    (void)printf("%s: %s\n", verify_verdict(v), cli_say(v->c, en[a->kind], zh[a->kind]));
    verify_key_say(v, &a->log_key);
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

int verify_note(struct verify *v, struct bytes text)
{
    CLEANUP(mem_free_p) struct note *n = mem_alloc(sizeof(*n));
    struct error e = { .code = ERRC_OK };
    if (!verify_has_trust(v)) {
        return needs_key(v);
    }
    struct result r = note_parse(text, n, &e);
    if (result_is_ok(r)) {
        r = note_check(v, n, &e);
    }
    if (!result_is_ok(r)) {
        return verify_refuse(v, "note", NULL, &e);
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
    (void)printf(cli_say(v->c, "%s: signed note\n\n%.*s", "%s：已签名文本\n\n%.*s"),
                 verify_verdict(v), BYTES_FMT(n->text));
    return CLI_OK;
}
