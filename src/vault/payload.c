#include "vault/payload.h"

#include "base/json.h"
#include "vault/digest.h"

#define AGENT_KEPT 256

static void write_text(struct jsonw *w, const char *name, const char *v)
{
    if (v != NULL && v[0] != 0) {
        jsonw_kv_cstr(w, name, v);
    }
}

static void write_bytes(struct jsonw *w, const char *name, struct bytes v)
{
    if (v.n != 0) {
        jsonw_kv_str(w, name, v);
    }
}

static void write_actor(struct jsonw *w, const struct vault_ctx *cx)
{
    jsonw_key(w, "actor");
    jsonw_object(w);
    write_text(w, "access_key", cx->access_key);
    struct bytes agent = bytes_str(cx->agent);
    agent.n = MIN(agent.n, (size_t)AGENT_KEPT);
    write_bytes(w, "agent", agent);
    write_text(w, "grant", cx->grant);
    write_text(w, "id", cx->actor);
    write_text(w, "ip", cx->ip);
    jsonw_object_end(w);
}

static void write_checksums(struct jsonw *w, const struct vault_checksums *c)
{
    if (c->known == 0) {
        return;
    }
    jsonw_key(w, "checksum");
    jsonw_object(w);
    static const enum vault_checksum sorted[] = { VAULT_CRC32, VAULT_CRC32C, VAULT_CRC64NVME,
                                                  VAULT_MD5,   VAULT_SHA1,   VAULT_SHA256 };
    for (size_t i = 0; i < ARRAY_LEN(sorted); i++) {
        if ((c->known & 1u << sorted[i]) != 0) {
            jsonw_kv_base64(w, checksum_name(sorted[i]),
                            bytes_of(c->value[sorted[i]].b, c->value[sorted[i]].n));
        }
    }
    jsonw_object_end(w);
}

static void write_tags(struct jsonw *w, const struct payload *p)
{
    if (!p->has_tags) {
        return;
    }
    jsonw_key(w, "tags");
    jsonw_array(w);
    for (size_t i = 0; i < p->tag_count; i++) {
        jsonw_object(w);
        jsonw_kv_str(w, "name", p->tags[i].name);
        jsonw_kv_str(w, "value", p->tags[i].value);
        jsonw_object_end(w);
    }
    jsonw_array_end(w);
}

/* "actor" .. "key_version" */
static void write_first(struct jsonw *w, const struct payload *p)
{
    const struct vault_object *o = p->object;
    write_bytes(w, "after", p->after);
    write_text(w, "bucket", p->bucket);
    if (o != NULL) {
        write_checksums(w, &o->checksums);
        write_text(w, "custodian", o->custodian);
    }
    write_bytes(w, "delimiter", p->delimiter);
    if (p->settings != NULL) {
        jsonw_kv_cstr(w, "digest",
                      p->settings->digest == VAULT_DIGEST_CLIENT ? "client" : "always");
    }
    write_text(w, "error", p->error);
    if (p->has_range) {
        jsonw_kv_u64(w, "from", p->from);
    }
    if (p->has_intent) {
        jsonw_kv_u64(w, "intent", p->intent);
    }
    write_bytes(w, "key", p->key);
    if (o != NULL && o->key_ref.version != 0) {
        jsonw_kv_cstr(w, "key_id", o->key_ref.id);
        jsonw_kv_u64(w, "key_version", o->key_ref.version);
    } else if (p->settings != NULL) {
        write_text(w, "key_id", p->settings->key_id);
    }
}

/* "length" .. "version" */
static void write_second(struct jsonw *w, const struct vault_ctx *cx, const struct payload *p)
{
    const struct vault_object *o = p->object;
    if (p->has_range) {
        jsonw_kv_u64(w, "length", p->length);
    }
    if (p->part != 0) {
        jsonw_kv_u64(w, "part", p->part);
    }
    if (p->parts != 0) {
        jsonw_kv_u64(w, "parts", p->parts);
    }
    write_text(w, "phase", p->phase);
    write_bytes(w, "prefix", p->prefix);
    write_text(w, "request", cx->request_id);
    write_text(w, "result", p->result);
    if (o != NULL && o->has_sha256) {
        jsonw_kv_hex(w, "sha256", bytes_of(o->sha256, sizeof(o->sha256)));
    }
    if (o != NULL) {
        jsonw_kv_u64(w, "size", o->size);
    }
    write_bytes(w, "source", p->source);
    if (p->settings != NULL) {
        jsonw_kv_cstr(w, "sse", p->settings->sse == VAULT_SSE_AES256 ? "AES256" : "aws:kms");
    }
    if (p->status != 0) {
        jsonw_kv_u64(w, "status", p->status);
    }
    if (o != NULL) {
        write_text(w, "suite", suite_name(o->suite));
    }
    write_tags(w, p);
    write_text(w, "tenant", cx->tenant);
    write_text(w, "upload", p->upload);
    write_text(w, "version", o != NULL ? o->version : p->version);
}

RESULT payload_write(const struct vault_ctx *cx, const struct payload *p, struct buf *out,
                     struct error *e)
{
    struct jsonw w;
    jsonw_init(&w, out);
    jsonw_object(&w);
    write_actor(&w, cx);
    write_first(&w, p);
    write_second(&w, cx, p);
    jsonw_object_end(&w);
    TRY_MSG(buf_result(out), e, "entry payload");
    return RESULT_OK;
}
