/* The bytes of the keyring file: header and records, written and read without any key. */
#include "keys/keyring_priv.h"

#include "base/text.h"

#define MAGIC   "TROTHKR1"
#define MAGIC_N 8

static const char *const kind_names[KR_KIND_COUNT_] = {
    [KR_TENANT] = "tenant",
    [KR_KEY] = "key",
    [KR_VERSION] = "key version",
    [KR_PAYLOAD] = "log payload key",
    [KR_LOG] = "log signing key",
    [KR_SEALING] = "key of sealed secrets",
    [KR_METADATA] = "metadata key",
    [KR_STATEMENT] = "statement signing key",
    [KR_CHECKPOINTS] = "checkpoint key",
};

const char *kr_kind_name(enum kr_kind k)
{
    return (unsigned)k < KR_KIND_COUNT_ && kind_names[k] != NULL ? kind_names[k] : "unknown";
}

struct kr_record *kr_record_new(enum kr_kind kind, const char *owner, const char *name,
                                uint32_t version)
{
    struct kr_record *r = mem_zalloc(sizeof(*r));

    list_init(&r->item);
    r->kind = kind;
    r->suite = SUITE_AES256_GCM;
    r->version = version;
    (void)snprintf(r->owner, sizeof(r->owner), "%s", owner);
    (void)snprintf(r->name, sizeof(r->name), "%s", name);
    if (kind == KR_KEY) {
        r->u.key = mem_zalloc(sizeof(*r->u.key));
    } else if (kind == KR_TENANT) {
        r->u.tenant = mem_zalloc(sizeof(*r->u.tenant));
    }
    return r;
}

void kr_record_free(struct kr_record *r)
{
    if (r == NULL) {
        return;
    }
    if (r->kind == KR_KEY) {
        mem_free(r->u.key);
    } else if (r->kind == KR_TENANT) {
        if (r->u.tenant != NULL) {
            mem_free(r->u.tenant->keys);
        }
        mem_free(r->u.tenant);
    } else if (r->kind == KR_VERSION) {
        box_key_free(r->u.use.prepared);
    }
    mem_wipe(r, sizeof(*r));
    mem_free(r);
}
DEFINE_CLEANUP(kr_record_free, struct kr_record *)

static void add_text(struct buf *out, const char *s)
{
    buf_add_be16_prefixed(out, bytes_str(s));
}

static void attrs_encode(const struct kr_record *r, struct buf *out)
{
    if (r->kind == KR_KEY) {
        const struct kr_key *k = r->u.key;
        buf_add_u8(out, (uint8_t)k->state);
        buf_add_u8(out, k->is_default);
        buf_add_be32(out, k->newest);
        buf_add_be64(out, (uint64_t)k->rotated_ms);
        buf_add_be64(out, (uint64_t)k->requested_ms);
        buf_add_be64(out, (uint64_t)k->wait_ms);
        buf_add_be64(out, (uint64_t)k->destroy_at_ms);
        buf_add_be64(out, (uint64_t)k->destroyed_ms);
        add_text(out, k->requested_by);
        add_text(out, k->confirmed_by);
        buf_add(out, BYTES_OF(k->keyring_before));
        add_text(out, k->custodian);
        add_text(out, k->description);
    } else if (r->kind == KR_TENANT) {
        const struct kr_tenant *t = r->u.tenant;
        buf_add_be64(out, (uint64_t)t->closed_ms);
        add_text(out, t->confirmed_by);
        buf_add_be32(out, t->payload_keys);
        buf_add(out, BYTES_OF(t->keyring_before));
    }
}

void kr_record_clear_encode(const struct kr_record *r, struct buf *out)
{
    CLEANUP(buf_done_p) struct buf attrs = BUF(KR_ATTRS_MAX);

    buf_add_u8(out, (uint8_t)r->kind);
    buf_add_u8(out, (uint8_t)r->suite);
    add_text(out, r->owner);
    add_text(out, r->name);
    buf_add_be32(out, r->version);
    buf_add_be64(out, (uint64_t)r->created_ms);
    buf_add_be64(out, r->reserved);
    attrs_encode(r, &attrs);
    buf_add_be16_prefixed(out, buf_bytes(&attrs));
}

void kr_record_encode(const struct kr_record *r, struct buf *out)
{
    CLEANUP(buf_done_p) struct buf b = BUF(4096);

    kr_record_clear_encode(r, &b);
    buf_add_be16_prefixed(&b, bytes_of(r->box, r->box_n));
    buf_add_be32_prefixed(out, buf_bytes(&b));
}

/* A terminated text of less than n bytes, without zeros inside. */
static struct result take_text(struct bytes *in, char *dst, size_t n)
{
    struct bytes v;

    TRY(bytes_take_be16_prefixed(in, &v));
    if (v.n >= n || !utf8_is_valid(v) || bytes_index(v, 0) != v.n) {
        return result_of(ERRC_FORMAT);
    }
    memset(dst, 0, n);
    if (v.n != 0) {
        memcpy(dst, v.p, v.n);
    }
    return RESULT_OK;
}

static struct result take_time(struct bytes *in, int64_t *ret)
{
    uint64_t v;

    TRY(bytes_take_be64(in, &v));
    if (v > (uint64_t)INT64_MAX) {
        return result_of(ERRC_FORMAT);
    }
    *ret = (int64_t)v;
    return RESULT_OK;
}

static struct result key_parse(struct bytes in, struct kr_key *k)
{
    uint8_t state, is_default;

    TRY(bytes_take_u8(&in, &state));
    TRY(bytes_take_u8(&in, &is_default));
    if (state > KEY_DESTROYED || is_default > 1) {
        return result_of(ERRC_FORMAT);
    }
    k->state = (enum key_state)state;
    k->is_default = is_default == 1;
    TRY(bytes_take_be32(&in, &k->newest));
    TRY(take_time(&in, &k->rotated_ms));
    TRY(take_time(&in, &k->requested_ms));
    TRY(take_time(&in, &k->wait_ms));
    TRY(take_time(&in, &k->destroy_at_ms));
    TRY(take_time(&in, &k->destroyed_ms));
    TRY(take_text(&in, k->requested_by, sizeof(k->requested_by)));
    TRY(take_text(&in, k->confirmed_by, sizeof(k->confirmed_by)));
    TRY(bytes_take_copy(&in, k->keyring_before, sizeof(k->keyring_before)));
    TRY(take_text(&in, k->custodian, sizeof(k->custodian)));
    TRY(take_text(&in, k->description, sizeof(k->description)));
    return bytes_take_end(in);
}

static struct result tenant_parse(struct bytes in, struct kr_tenant *t)
{
    TRY(take_time(&in, &t->closed_ms));
    TRY(take_text(&in, t->confirmed_by, sizeof(t->confirmed_by)));
    TRY(bytes_take_be32(&in, &t->payload_keys));
    TRY(bytes_take_copy(&in, t->keyring_before, sizeof(t->keyring_before)));
    return bytes_take_end(in);
}

RESULT kr_record_parse(struct bytes in, struct kr_record **ret, struct error *e)
{
    uint8_t kind, suite;
    char owner[KR_OWNER_MAX], name[KR_NAME_MAX];
    uint32_t version;
    struct bytes attrs, box;

    TRY_MSG(bytes_take_u8(&in, &kind), e, "kind");
    TRY_MSG(bytes_take_u8(&in, &suite), e, "suite");
    if (kind == 0 || kind >= KR_KIND_COUNT_) {
        FAIL(e, ERRC_FORMAT, "kind %u is unknown", kind);
    }
    TRY_MSG(take_text(&in, owner, sizeof(owner)), e, "owner");
    TRY_MSG(take_text(&in, name, sizeof(name)), e, "name");
    TRY_MSG(bytes_take_be32(&in, &version), e, "version");
    CLEANUP(kr_record_free_p)
    struct kr_record *r = kr_record_new((enum kr_kind)kind, owner, name, version);
    TRY_MSG(suite_by_number(suite, &r->suite), e, "suite");
    TRY_MSG(take_time(&in, &r->created_ms), e, "created");
    TRY_MSG(bytes_take_be64(&in, &r->reserved), e, "wraps");
    TRY_MSG(bytes_take_be16_prefixed(&in, &attrs), e, "attributes");
    if (r->kind == KR_KEY) {
        TRY_MSG(key_parse(attrs, r->u.key), e, "attributes");
    } else if (r->kind == KR_TENANT) {
        TRY_MSG(tenant_parse(attrs, r->u.tenant), e, "attributes");
    } else {
        TRY_MSG(bytes_take_end(attrs), e, "attributes");
    }
    TRY_MSG(bytes_take_be16_prefixed(&in, &box), e, "box");
    TRY_MSG(bytes_take_end(in), e, "end");
    if (box.n > sizeof(r->box)) {
        FAIL(e, ERRC_FORMAT, "box of %zu bytes", box.n);
    }
    if (box.n != 0) {
        memcpy(r->box, box.p, box.n);
    }
    r->box_n = box.n;
    *ret = TAKE(r);
    return RESULT_OK;
}

void kr_header_encode(const struct kr_header *h, struct buf *out)
{
    buf_add_mem(out, MAGIC, MAGIC_N);
    buf_add(out, BYTES_OF(h->root_id));
    buf_add_be32(out, h->epoch);
    buf_add_be64(out, h->generation);
    buf_add_be32(out, h->count);
    buf_add_be16_prefixed(out, h->deployment);
}

RESULT kr_header_parse(struct bytes *in, struct kr_header *ret, struct error *e)
{
    const struct bytes all = *in;
    struct kr_header h = { 0 };
    struct bytes magic;

    TRY_MSG(bytes_take(in, MAGIC_N, &magic), e, "header");
    if (memcmp(magic.p, MAGIC, MAGIC_N) != 0) {
        FAIL(e, ERRC_FORMAT, "header: not a keyring of this version");
    }
    TRY_MSG(bytes_take_copy(in, h.root_id, sizeof(h.root_id)), e, "header: root id");
    TRY_MSG(bytes_take_be32(in, &h.epoch), e, "header: epoch");
    TRY_MSG(bytes_take_be64(in, &h.generation), e, "header: generation");
    TRY_MSG(bytes_take_be32(in, &h.count), e, "header: count");
    TRY_MSG(bytes_take_be16_prefixed(in, &h.deployment), e, "header: deployment");
    if (h.count > KR_RECORDS_MAX || h.deployment.n >= NAME_DEPLOYMENT_MAX ||
        !text_is_printable(h.deployment)) {
        FAIL(e, ERRC_FORMAT, "header: count or deployment out of range");
    }
    h.whole = bytes_of(all.p, all.n - in->n);
    TRY_MSG(bytes_take_copy(in, h.mac, sizeof(h.mac)), e, "header: MAC");
    *ret = h;
    return RESULT_OK;
}

void kr_record_describe(const struct kr_record *r, char *dst, size_t n)
{
    switch (r->kind) {
    case KR_VERSION:
        (void)snprintf(dst, n, "version %u of key %s of %s", r->version, r->name, r->owner);
        break;
    case KR_KEY:
        (void)snprintf(dst, n, "key %s of %s", r->name, r->owner);
        break;
    case KR_PAYLOAD:
        (void)snprintf(dst, n, "log payload key %s of %s", r->name, r->owner);
        break;
    default:
        (void)snprintf(dst, n, "%s%s%s", kr_kind_name(r->kind), r->owner[0] == 0 ? "" : " of ",
                       r->owner);
        break;
    }
}
