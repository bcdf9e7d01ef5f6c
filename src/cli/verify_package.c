/* troth verify: evidence packages. */
#include "cli/verify_priv.h"

#include "base/clock.h"
#include "base/text.h"
#include "sys/path.h"

#include <stdio.h>

#define TRUSTED_MAX NOTE_MAX

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
    if (v->finding_count++ >= VERIFY_FINDINGS_SHOWN) {
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
                 verify_verdict(v), r->origin, (unsigned long long)r->from,
                 (unsigned long long)r->size - 1);
    verify_key_say(v, &r->log_key);
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
    if (v->finding_count > VERIFY_FINDINGS_SHOWN) {
        (void)printf(
                cli_say(v->c, "  finding       and %llu more\n", "  注意          另有 %llu 项\n"),
                (unsigned long long)(v->finding_count - VERIFY_FINDINGS_SHOWN));
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

int verify_package(struct verify *v, struct fs_file *f, uint64_t size)
{
    CLEANUP(mem_free_p) struct package_report *r = mem_zalloc(sizeof(*r));
    struct file_source s = { f, 0, size };
    const struct package_input in = { source_read, &s };
    struct package_options o = { .policy = v->policy,
                                 .log_key = verify_given_key(v),
                                 .tsa_ca_pem = buf_bytes(&v->tsa_ca),
                                 .finding = finding_take,
                                 .progress = progress,
                                 .arg = v };
    struct error e = { .code = ERRC_OK };
    if (!result_is_ok(trusted_read(v, &o, &e))) {
        return cli_usage(v->c, "%s", e.msg);
    }
    if (!result_is_ok(package_verify(&in, &o, r, &e))) {
        return verify_refuse(v, "package", r, &e);
    }
    return v->c->is_json ? package_json(v, r) : package_say(v, r);
}
