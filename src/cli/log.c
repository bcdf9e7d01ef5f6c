/* troth log ..., troth status, troth check. */
#include "base/text.h"
#include "cli/commands.h"
#include "cli/manage.h"
#include "sys/path.h"

#include <errno.h>
#include <stdio.h>

static const struct cli_option tenant_option[] = {
    { "tenant", "T", "the tenant, or 'platform'", "租户，或 platform", true, false },
    { NULL, NULL, NULL, NULL, false, false },
};

/* --- checkpoint --- */

/* A text that the server gives: as it is, or as {"<member>": text}. */
static int text_print(struct cli *c, const char *call, const char *member)
{
    struct error e;
    CLEANUP(buf_done_p) struct buf path = BUF(4096);
    CLEANUP(buf_done_p) struct buf text = BUF(MANAGE_ANSWER_MAX);
    if (!manage_has_server(c)) {
        return CLI_USAGE;
    }
    manage_path(&path, "/api/v1/logs/", cli_get(c, "tenant"), call);
    if (!result_is_ok(manage_call(c, "GET", buf_cstr(&path), BYTES_NONE, &text, &e))) {
        return cli_refuse(c, &e);
    }
    if (!c->is_json) {
        return cli_print(c, &text);
    }
    CLEANUP(buf_done_p) struct buf out = BUF(MANAGE_ANSWER_MAX);
    struct jsonw w;
    jsonw_init(&w, &out);
    jsonw_object(&w);
    jsonw_kv_str(&w, member, buf_bytes(&text));
    jsonw_object_end(&w);
    buf_add_u8(&out, '\n');
    return cli_print(c, &out);
}

static int checkpoint_run(struct cli *c)
{
    return text_print(c, "/checkpoint", "checkpoint");
}

static int policy_run(struct cli *c)
{
    return text_print(c, "/policy", "policy");
}

const struct cli_command cli_log_policy = {
    "log policy",
    NULL,
    0,
    0,
    "a policy file with the log's keys and witnesses, for 'troth verify'",
    "输出含日志公钥与见证方的策略文件，供 troth verify 使用",
    tenant_option,
    policy_run,
};
const struct cli_command cli_log_checkpoint = {
    "log checkpoint", NULL,           0, 0, "the newest signed checkpoint", "最新的已签名检查点",
    tenant_option,    checkpoint_run,
};

/* --- entries --- */

static void entry_show(struct json one, struct buf *out)
{
    struct json entry, payload, actor = { 0 };
    uint64_t index = 0, version = 0;
    if (!result_is_ok(json_get(one, "entry", &entry, NULL)) ||
        !result_is_ok(json_get(one, "payload", &payload, NULL))) {
        return;
    }
    result_ignore(json_get_u64(one, "index", UINT64_MAX, &index, NULL));
    struct bytes time = manage_text(entry, "time"), kind = manage_text(entry, "kind");
    buf_addf(out, "%8llu  %.*s  %-20.*s", (unsigned long long)index, BYTES_FMT(time),
             BYTES_FMT(kind));
    if (json_is_null(payload)) {
        buf_add_str(out, "  -\n");
        return;
    }
    if (result_is_ok(json_get(payload, "actor", &actor, NULL))) {
        struct bytes id = manage_text(actor, "id"), ip = manage_text(actor, "ip");
        buf_addf(out, "  %.*s@%.*s", BYTES_FMT(id), BYTES_FMT(ip));
    }
    struct bytes bucket = manage_text(payload, "bucket"), key = manage_text(payload, "key");
    if (bucket.n > 0) {
        buf_addf(out, "  s3://%.*s/", BYTES_FMT(bucket));
    } else if (key.n > 0) {
        buf_add_str(out, "  ");
    }
    text_add_escaped(out, key, 1024);
    struct bytes key_id = manage_text(payload, "key_id");
    if (key_id.n > 0) {
        result_ignore(json_get_u64(payload, "key_version", UINT64_MAX, &version, NULL));
        buf_addf(out, "  key %.8s v%llu", (const char *)key_id.p, (unsigned long long)version);
    }
    static const char *const more[] = { "phase", "result", "error", "detail" };
    for (size_t i = 0; i < ARRAY_LEN(more); i++) {
        struct bytes v = manage_text(payload, more[i]);
        if (v.n > 0) {
            buf_addf(out, "  %s=", more[i]);
            text_add_escaped(out, v, 200);
        }
    }
    buf_add_u8(out, '\n');
}

static RESULT page_get(const struct cli *c, uint64_t from, uint64_t count, struct buf *answer,
                       struct json_doc **ret, struct error *e)
{
    CLEANUP(buf_done_p) struct buf path = BUF(4096);
    manage_path(&path, "/api/v1/logs/", cli_get(c, "tenant"), "/entries");
    buf_addf(&path, "?from=%llu&count=%llu", (unsigned long long)from, (unsigned long long)count);
    buf_reset(answer);
    TRY(manage_call(c, "GET", buf_cstr(&path), BYTES_NONE, answer, e));
    return json_parse(buf_bytes(answer), MANAGE_ANSWER_MAX, ret, e);
}

/* One page; *ret_n entries were there, of a log of *ret_size. With --json each entry is a line. */
static RESULT page_print(const struct cli *c, uint64_t from, uint64_t count, uint64_t *ret_n,
                         uint64_t *ret_size, struct error *e)
{
    CLEANUP(buf_done_p) struct buf answer = BUF(MANAGE_ANSWER_MAX);
    CLEANUP(buf_done_p) struct buf out = BUF(2 * MANAGE_ANSWER_MAX);
    CLEANUP(json_doc_free_p) struct json_doc *doc = NULL;
    struct json list, one;
    struct json_iter it = { 0 };
    *ret_n = 0;
    TRY(page_get(c, from, count, &answer, &doc, e));
    TRY(json_get(json_root(doc), "items", &list, e));
    TRY(json_get_u64(json_root(doc), "size", UINT64_MAX, ret_size, e));
    while (json_next(list, &it, &one)) {
        ++*ret_n;
        if (c->is_json) {
            TRY(json_canonical(one, &out, e));
            buf_add_u8(&out, '\n');
        } else {
            entry_show(one, &out);
        }
    }
    if (cli_print(c, &out) != CLI_OK) {
        FAIL(e, ERRC_IO, "output");
    }
    return RESULT_OK;
}

static int entries_run(struct cli *c)
{
    uint64_t from = 0, count = 0, n = 1;
    struct error e;
    if (!cli_get_u64(c, "from", 0, UINT64_MAX, 0, &from) ||
        !cli_get_u64(c, "count", 1, UINT64_MAX, UINT64_MAX, &count) || !manage_has_server(c)) {
        return CLI_USAGE;
    }
    /* Up to the size at the first look: reading the platform log makes it grow. */
    for (uint64_t end = UINT64_MAX; count > 0 && n > 0 && from < end; from += n, count -= n) {
        uint64_t size = 0;
        if (!result_is_ok(page_print(c, from, MIN(MIN(count, 500u), end - from), &n, &size, &e))) {
            return cli_refuse(c, &e);
        }
        end = MIN(end, size);
    }
    return CLI_OK;
}

static const struct cli_option entries_options[] = {
    { "tenant", "T", "the tenant, or 'platform'", "租户，或 platform", true, false },
    { "from", "N", "first index (default 0)", "起始序号（默认 0）", false, false },
    { "count", "N", "at most so many (default: all)", "最多条数（默认全部）", false, false },
    { NULL, NULL, NULL, NULL, false, false },
};
const struct cli_command cli_log_entries = {
    "log entries",
    NULL,
    0,
    0,
    "who did what, when, to which object, under which key; --json: a line each",
    "谁、何时、对哪个对象、用哪个密钥做了什么；--json 每行一条",
    entries_options,
    entries_run,
};

/* --- prove, export: into a file, or to standard output --- */

struct sink {
    struct fs_file *file; /* NULL: standard output */
    uint64_t n;
};

static RESULT sink_write(void *arg, struct bytes part, struct error *e)
{
    struct sink *s = arg;
    if (s->file != NULL) {
        TRY(fs_pwrite(s->file, part.p, part.n, s->n, e));
    } else if (fwrite(part.p, 1, part.n, stdout) != part.n || fflush(stdout) != 0) {
        FAIL_SYS(e, "standard output");
    }
    s->n += part.n;
    return RESULT_OK;
}

/* Streams a call into a file: under a temporary name until it is whole and durable. */
static RESULT stream_to(struct cli *c, const char *path, const char *file, struct error *e)
{
    struct sink s = { 0 };
    CLEANUP(fs_free_p) struct fs *fs = NULL;
    CLEANUP(buf_done_p) struct buf name = BUF(512);
    CLEANUP(buf_done_p) struct buf part = BUF(512);
    TRY(path_folder(file, &fs, &name, e));
    buf_addf(&part, "%s.part", buf_cstr(&name));
    TRY_MSG(buf_result(&part), e, "%s", file);
    TRY(fs_open(fs, buf_cstr(&part), FS_WRITE | FS_CREATE | FS_TRUNCATE, &s.file, e));
    struct result r = manage_stream(c, "GET", path, sink_write, &s, e);
    if (result_is_ok(r)) {
        r = fs_sync(s.file, e);
    }
    fs_close(s.file);
    if (result_is_ok(r)) {
        return fs_rename(fs, buf_cstr(&part), buf_cstr(&name), e);
    }
    result_ignore(fs_unlink(fs, buf_cstr(&part), NULL));
    return r;
}

static int stream_out(struct cli *c, const char *path)
{
    struct error e;
    const char *file = cli_get(c, "o");
    struct sink out = { 0 };
    if (!manage_has_server(c)) {
        return CLI_USAGE;
    }
    struct result r = file != NULL ? stream_to(c, path, file, &e)
                                   : manage_stream(c, "GET", path, sink_write, &out, &e);
    return result_is_ok(r) ? CLI_OK : cli_refuse(c, &e);
}

static int prove_run(struct cli *c)
{
    CLEANUP(buf_done_p) struct buf path = BUF(16 * 1024);
    const char *object = cli_get(c, "object"), *index = cli_get(c, "index");
    manage_path(&path, "/api/v1/logs/", cli_get(c, "tenant"), "/prove");
    if ((object == NULL) == (index == NULL)) {
        return cli_usage(c, "%s",
                         cli_say(c, "give --object s3://BUCKET/KEY or --index N",
                                 "请给出 --object s3://桶/键 或 --index N"));
    }
    if (index != NULL) {
        buf_addf(&path, "?index=%s", index);
        return stream_out(c, buf_cstr(&path));
    }
    struct bytes key = bytes_str(object), bucket, prefix = BYTES_LIT("s3://");
    if (!bytes_has_prefix(key, prefix)) {
        return cli_usage(c, "--object s3://BUCKET/KEY");
    }
    key = bytes_slice(key, prefix.n, key.n);
    if (!bytes_split(&key, '/', &bucket) || key.n == 0) {
        return cli_usage(c, "--object s3://BUCKET/KEY");
    }
    buf_add_str(&path, "?bucket=");
    buf_add_percent(&path, bucket, false);
    buf_add_str(&path, "&key=");
    buf_add_percent(&path, key, false);
    return stream_out(c, buf_cstr(&path));
}

static const struct cli_option prove_options[] = {
    { "tenant", "T", "the tenant, or 'platform'", "租户，或 platform", true, false },
    { "object", "s3://BUCKET/KEY", "the entry that this object came by", "写入该对象的条目", false,
      false },
    { "index", "N", "the entry of this index", "该序号的条目", false, false },
    { "o", "FILE", "into this file", "写入文件", false, false },
    { NULL, NULL, NULL, NULL, false, false },
};
const struct cli_command cli_log_prove = {
    "log prove",
    NULL,
    0,
    0,
    "the receipt of an object or entry, as a file for 'troth verify'",
    "输出对象或条目的回执，供 troth verify 离线验证",
    prove_options,
    prove_run,
};

static int export_run(struct cli *c)
{
    CLEANUP(buf_done_p) struct buf path = BUF(4096);
    return stream_out(c, manage_path(&path, "/api/v1/logs/", cli_get(c, "tenant"), "/export"));
}

static const struct cli_option export_options[] = {
    { "tenant", "T", "the tenant, or 'platform'", "租户，或 platform", true, false },
    { "o", "FILE", "into this file", "写入文件", false, false },
    { NULL, NULL, NULL, NULL, false, false },
};
const struct cli_command cli_log_export = {
    "log export",
    NULL,
    0,
    0,
    "an evidence package of the whole log for 'troth verify'",
    "导出整本日志的证据包，供 troth verify 离线验证",
    export_options,
    export_run,
};

/* --- status, check --- */

static void status_show(const struct cli *c, struct json v, struct buf *out)
{
    struct json logs, one, vault;
    struct json_iter it = { 0 };
    bool keeper = false, scribe = false;
    uint64_t objects = 0, bytes = 0;
    struct bytes origin = manage_text(v, "origin"), region = manage_text(v, "region");
    result_ignore(json_get_bool(v, "keeper", &keeper, NULL));
    result_ignore(json_get_bool(v, "scribe", &scribe, NULL));
    buf_addf(out,
             cli_say(c, "origin %.*s  region %.*s  keeper %s  scribe %s\n",
                     "名称 %.*s  区域 %.*s  keeper %s  scribe %s\n"),
             BYTES_FMT(origin), BYTES_FMT(region), keeper ? "ok" : "away", scribe ? "ok" : "away");
    if (result_is_ok(json_get(v, "vault", &vault, NULL))) {
        result_ignore(json_get_u64(vault, "objects", UINT64_MAX, &objects, NULL));
        result_ignore(json_get_u64(vault, "bytes", UINT64_MAX, &bytes, NULL));
        buf_addf(out, cli_say(c, "objects %llu, ", "对象 %llu 个，"), (unsigned long long)objects);
        buf_add_size(out, bytes);
        buf_add_u8(out, '\n');
    }
    if (!result_is_ok(json_get(v, "logs", &logs, NULL))) {
        return;
    }
    while (json_next(logs, &it, &one)) {
        uint64_t size = 0, published = 0;
        struct bytes name = manage_text(one, "log");
        result_ignore(json_get_u64(one, "size", UINT64_MAX, &size, NULL));
        result_ignore(json_get_u64(one, "published_size", UINT64_MAX, &published, NULL));
        buf_addf(out,
                 cli_say(c, "log %-24.*s %llu entries, checkpoint at %llu\n",
                         "日志 %-24.*s %llu 条，检查点 %llu\n"),
                 BYTES_FMT(name), (unsigned long long)size, (unsigned long long)published);
    }
}

static int status_run(struct cli *c)
{
    return manage_print(c, "GET", "/api/v1/status", BYTES_NONE, status_show);
}

const struct cli_command cli_status = {
    "status",
    NULL,
    0,
    0,
    "roles, logs and store of the running server",
    "运行状态：进程、日志、存储",
    NULL,
    status_run,
};

/* The answer is JSON lines: findings, then a summary. Kept whole: findings are bounded by the
 * server. */
static int check_run(struct cli *c)
{
    struct error e;
    CLEANUP(buf_done_p) struct buf answer = BUF(MANAGE_ANSWER_MAX);
    if (!manage_has_server(c)) {
        return CLI_USAGE;
    }
    if (!result_is_ok(manage_call(c, "POST", "/api/v1/check", BYTES_NONE, &answer, &e))) {
        return cli_refuse(c, &e);
    }
    uint64_t findings = 1;
    struct bytes rest = buf_bytes(&answer), line;
    while (bytes_split(&rest, '\n', &line)) {
        CLEANUP(json_doc_free_p) struct json_doc *doc = NULL;
        if (c->is_json || !result_is_ok(json_parse(line, MANAGE_ANSWER_MAX, &doc, NULL))) {
            (void)printf("%.*s\n", BYTES_FMT(line));
        }
        if (doc == NULL && !result_is_ok(json_parse(line, MANAGE_ANSWER_MAX, &doc, NULL))) {
            continue;
        }
        struct json v = json_root(doc);
        uint64_t objects = 0, size = 0;
        if (result_is_ok(json_get_u64(v, "findings", UINT64_MAX, &findings, NULL))) {
            result_ignore(json_get_u64(v, "objects", UINT64_MAX, &objects, NULL));
            result_ignore(json_get_u64(v, "bytes", UINT64_MAX, &size, NULL));
            if (!c->is_json) {
                (void)printf(cli_say(c, "%llu objects, %llu bytes checked: %llu findings\n",
                                     "检查了 %llu 个对象、%llu 字节：发现 %llu 处问题\n"),
                             (unsigned long long)objects, (unsigned long long)size,
                             (unsigned long long)findings);
            }
        } else if (!c->is_json) {
            struct bytes tenant = manage_text(v, "tenant"), place = manage_text(v, "place"),
                         what = manage_text(v, "what");
            (void)printf("%.*s: %.*s: %.*s\n", BYTES_FMT(tenant), BYTES_FMT(place),
                         BYTES_FMT(what));
        }
    }
    return findings == 0 ? CLI_OK : CLI_REFUSED;
}

const struct cli_command cli_check = {
    "check",
    NULL,
    0,
    0,
    "open and verify everything that is stored; exit 1 when something is wrong",
    "打开并校验全部存储内容；有问题时退出码为 1",
    NULL,
    check_run,
};
