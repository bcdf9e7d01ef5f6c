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
#include "cli/verify_priv.h"

#include "base/text.h"
#include "ledger/alarm.h"
#include "sys/path.h"

#include <stdio.h>

#define HEAD_BYTES 4096u

const struct note_key *verify_given_key(const struct verify *v)
{
    return v->has_key ? &v->key : NULL;
}

bool verify_has_trust(const struct verify *v)
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

void verify_key_say(const struct verify *v, const struct note_key *k)
{
    CLEANUP(buf_done_p) struct buf text = BUF(1024);
    note_key_text(k, &text);
    (void)printf(cli_say(v->c, "  log key       %s\n", "  日志公钥      %s\n"), buf_cstr(&text));
    if (!verify_has_trust(v)) {
        (void)printf("%s", cli_say(v->c,
                                   "  This key came with the file. Give --vkey or --policy with a "
                                   "key that you got "
                                   "otherwise, to know whose log it is.\n",
                                   "  该公钥来自文件本身。请用 --vkey 或 --policy "
                                   "给出另行取得的公钥，以确认日志归属。\n"));
    }
}

const char *verify_verdict(const struct verify *v)
{
    return verify_has_trust(v) ? cli_say(v->c, "verified", "验证通过")
                               : cli_say(v->c, "self-consistent", "自洽（未核对签名者身份）");
}

/* {"verified":false,...}, or the message. */
int verify_refuse(const struct verify *v, const char *what, const struct package_report *r,
                  const struct error *e)
{
    if (!v->c->is_json) {
        (void)fprintf(stderr, "%s: %s: %s\n", cli_say(v->c, "NOT VERIFIED", "验证未通过"), what,
                      e->msg);
        return CLI_REFUSED;
    }
    CLEANUP(buf_done_p) struct buf out = BUF(VERIFY_OUTPUT_MAX);
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

/* --- which kind of file --- */

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
        return verify_refuse(v, "file", NULL, &e);
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
    struct verify v = { .c = c,
                        .tsa_ca = BUF(1u << 20),
                        .out = BUF(VERIFY_OUTPUT_MAX),
                        .findings = BUF(VERIFY_OUTPUT_MAX) };
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
