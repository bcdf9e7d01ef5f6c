/* The keyring as a whole: records in memory, sealing, loading and writing the file. */
#include "keys/keyring_priv.h"

#include "crypto/hash.h"

#define WRAPS_BLOCK_MIN 1024u
#define WRAPS_BLOCK_MAX (1u << 20)

DEFINE_CLEANUP(kr_record_free, struct kr_record *)

/* --- records ---------------------------------------------------------------------------------- */

static struct bytes index_key(char *dst, size_t n, enum kr_kind kind, const char *owner,
                              const char *name, uint32_t version)
{
    size_t on = strlen(owner), nn = strlen(name);

    if (on + nn + 7 > n) {
        return BYTES_NONE;
    }
    dst[0] = (char)kind;
    memcpy(dst + 1, owner, on + 1);
    memcpy(dst + 2 + on, name, nn + 1);
    put_be32((uint8_t *)dst + 3 + on + nn, version);
    return bytes_of(dst, on + nn + 7);
}

struct kr_record *kr_find(const struct keyring *kr, enum kr_kind kind, const char *owner,
                          const char *name, uint32_t version)
{
    char text[KR_OWNER_MAX + KR_NAME_MAX + 8];
    struct bytes key = index_key(text, sizeof(text), kind, owner, name, version);

    return key.n == 0 ? NULL : map_get(kr->index, key);
}

static struct bytes record_key(const struct kr_record *r, char *dst, size_t n)
{
    uint32_t version = r->kind == KR_VERSION ? r->version : 0;

    return index_key(dst, n, r->kind, r->owner, r->name, version);
}

static void record_link(struct keyring *kr, struct kr_record *r)
{
    char text[KR_OWNER_MAX + KR_NAME_MAX + 8];
    struct kr_record *t = NULL, *k = NULL;

    (void)map_set(kr->index, record_key(r, text, sizeof(text)), r);
    list_push_back(&kr->records, &r->item);
    kr->count++;
    if (r->kind == KR_KEY && (t = kr_find(kr, KR_TENANT, r->owner, "", 0)) != NULL) {
        struct kr_tenant *tenant = t->u.tenant;
        if (tenant->key_count == tenant->key_cap) {
            tenant->key_cap = tenant->key_cap == 0 ? 4 : 2 * tenant->key_cap;
            tenant->keys = mem_realloc(tenant->keys, tenant->key_cap * sizeof(struct kr_record *));
        }
        tenant->keys[tenant->key_count++] = r;
        if (r->u.key->is_default) {
            tenant->default_key = r;
        }
    } else if (r->kind == KR_VERSION && (k = kr_find(kr, KR_KEY, r->owner, r->name, 0)) != NULL) {
        if (k->u.key->newest == r->version) {
            k->u.key->newest_version = r;
        }
    } else if (r->kind == KR_LOG && r->version >= kr->logs) {
        kr->logs = r->version + 1;
    }
}

void kr_remove(struct keyring *kr, struct kr_record *r)
{
    char text[KR_OWNER_MAX + KR_NAME_MAX + 8];

    (void)map_del(kr->index, record_key(r, text, sizeof(text)));
    list_remove(&r->item);
    kr->count--;
    kr_record_free(r);
}

static void records_clear(struct keyring *kr)
{
    LIST_EACH(item, &kr->records)
    {
        list_remove(item);
        kr_record_free(LIST_ITEM(item, struct kr_record, item));
    }
    map_free(kr->index, NULL);
    kr->index = map_new();
    kr->count = 0;
    kr->logs = 0;
    kr->prepared = 0;
}

RESULT kr_add(struct keyring *kr, struct kr_record *r, const struct key256 *secret, struct error *e)
{
    CLEANUP(kr_record_free_p) struct kr_record *own = r;

    if (kr->count >= KR_RECORDS_MAX) {
        FAIL(e, ERRC_LIMIT, "keyring: it is full (%u records)", KR_RECORDS_MAX);
    }
    own->created_ms = clock_wall_ms(kr->env.clock);
    TRY_MSG(kr_record_seal(kr, kr_wrap_for(kr, own->suite), own,
                           secret == NULL ? BYTES_NONE : key256_bytes(secret)),
            e, "keyring: seal");
    record_link(kr, TAKE(own));
    return RESULT_OK;
}

/* --- loading ---------------------------------------------------------------------------------- */

static struct result load_record(struct keyring *kr, struct bytes in, uint32_t i, struct error *e)
{
    CLEANUP(kr_record_free_p) struct kr_record *r = NULL;
    CLEANUP(key256_wipe) struct key256 secret;
    char name[160];
    size_t n;

    TRY_MSG(kr_record_parse(in, &r, e), e, "record %u", i);
    kr_record_describe(r, name, sizeof(name));
    bool has_secret = r->kind != KR_TENANT && r->kind != KR_KEY;
    if (!result_is_ok(kr_record_open(kr_wrap_for(kr, r->suite), r, &secret, &n)) ||
        (n == KEY256_BYTES) != has_secret) {
        FAIL(e, ERRC_INTEGRITY, "record %u (%s) is damaged", i, name);
    }
    char text[KR_OWNER_MAX + KR_NAME_MAX + 8];
    if (map_get(kr->index, record_key(r, text, sizeof(text))) != NULL) {
        FAIL(e, ERRC_INTEGRITY, "record %u (%s) comes twice", i, name);
    }
    if (r->kind == KR_VERSION) {
        r->u.use.wraps = r->reserved;
    }
    record_link(kr, TAKE(r));
    return RESULT_OK;
}

static struct result load_header(struct keyring *kr, struct bytes *in, struct kr_header *ret,
                                 struct error *e)
{
    CLEANUP(key256_wipe) struct key256 epoch_secret;
    uint8_t id[ROOT_ID_BYTES], mac[32];

    TRY(kr_header_parse(in, ret, e));
    root_id(kr->root, id);
    if (memcmp(id, ret->root_id, sizeof(id)) != 0) {
        FAIL(e, ERRC_DENIED,
             "header: it belongs to another root key than the one given (or is damaged there)");
    }
    TRY(kr_epoch_read(&kr->env, ret->epoch, &epoch_secret, e));
    TRY(kr_epoch_use(kr, kr->root, &epoch_secret, ret->epoch, e));
    kr_mac(kr, "header", ret->whole, mac);
    if (!mem_equal_ct(mac, ret->mac, sizeof(mac))) {
        FAIL(e, ERRC_INTEGRITY, "header: damaged");
    }
    return RESULT_OK;
}

static struct result load_from(struct keyring *kr, struct bytes file, struct error *e)
{
    struct bytes in = file, one;
    struct kr_header h;
    uint8_t mac[32], want[32];

    TRY(load_header(kr, &in, &h, e));
    for (uint32_t i = 0; i < h.count; i++) {
        TRY_MSG(bytes_take_be32_prefixed(&in, &one), e, "record %u: length", i);
        TRY(load_record(kr, one, i, e));
    }
    kr_mac(kr, "file", bytes_of(file.p, file.n - in.n), want);
    TRY_MSG(bytes_take_copy(&in, mac, sizeof(mac)), e, "end: MAC");
    if (!mem_equal_ct(mac, want, sizeof(mac))) {
        FAIL(e, ERRC_INTEGRITY, "end: the MAC of the whole is wrong");
    }
    if (in.n != 0) {
        FAIL(e, ERRC_INTEGRITY, "end: %zu bytes too many", in.n);
    }
    kr->generation = h.generation;
    (void)snprintf(kr->deployment, sizeof(kr->deployment), "%.*s", BYTES_FMT(h.deployment));
    sha256(file, kr->digest);
    return RESULT_OK;
}

static struct result load(struct keyring *kr, struct error *e)
{
    CLEANUP(buf_done_p) struct buf file = BUF(KR_FILE_MAX);

    records_clear(kr);
    TRY_MSG(fs_read_file(kr->env.dir, KR_FILE, KR_FILE_MAX, &file, e), e, "keyring");
    TRY_MSG(load_from(kr, buf_bytes(&file), e), e, "keyring");
    return RESULT_OK;
}

/* --- writing ---------------------------------------------------------------------------------- */

static struct result write_file(struct keyring *kr, struct error *e)
{
    CLEANUP(buf_done_p) struct buf b = BUF(KR_FILE_MAX);
    struct kr_header h = { .epoch = kr->epoch,
                           .generation = kr->generation + 1,
                           .count = (uint32_t)kr->count,
                           .deployment = bytes_str(kr->deployment) };
    uint8_t mac[32];

    root_id(kr->root, h.root_id);
    kr_header_encode(&h, &b);
    kr_mac(kr, "header", buf_bytes(&b), mac);
    buf_add(&b, BYTES_OF(mac));
    LIST_EACH(item, &kr->records)
    {
        kr_record_encode(LIST_ITEM(item, struct kr_record, item), &b);
    }
    kr_mac(kr, "file", buf_bytes(&b), mac);
    buf_add(&b, BYTES_OF(mac));
    TRY_MSG(buf_result(&b), e, "keyring");
    TRY_MSG(fs_write_file(kr->env.dir, KR_FILE, buf_bytes(&b), e), e, "keyring: write");
    kr->generation++;
    sha256(buf_bytes(&b), kr->digest);
    return RESULT_OK;
}

void kr_reload(struct keyring *kr)
{
    kr->is_broken = !result_is_ok(load(kr, NULL));
    if (kr->is_broken) {
        records_clear(kr);
    }
}

RESULT kr_commit(struct keyring *kr, struct error *e)
{
    struct result r = write_file(kr, e);

    if (!result_is_ok(r)) {
        kr_reload(kr);
    }
    return r;
}

static struct result reseal_all(struct keyring *kr, struct box_key *old_aes,
                                struct box_key *old_sm4)
{
    LIST_EACH(item, &kr->records)
    {
        struct kr_record *r = LIST_ITEM(item, struct kr_record, item);
        CLEANUP(key256_wipe) struct key256 secret;
        size_t n;
        TRY(kr_record_open(r->suite == SUITE_SM4_CTR_HMAC_SM3 ? old_sm4 : old_aes, r, &secret, &n));
        TRY(kr_record_seal(kr, kr_wrap_for(kr, r->suite), r, bytes_of(secret.b, n)));
    }
    return RESULT_OK;
}

static struct result turn_epoch(struct keyring *kr, const struct secret *root, struct error *e)
{
    CLEANUP(key256_wipe) struct key256 epoch_secret;
    CLEANUP(box_key_free_p) struct box_key *old_aes = NULL, *old_sm4 = NULL;

    TRY(kr_epoch_prepare(&kr->env, kr->epoch + 1, &epoch_secret, e));
    old_aes = TAKE(kr->wrap_aes);
    old_sm4 = TAKE(kr->wrap_sm4);
    TRY(kr_epoch_use(kr, root, &epoch_secret, kr->epoch + 1, e));
    TRY_MSG(reseal_all(kr, old_aes, old_sm4), e, "keyring: reseal");
    return RESULT_OK;
}

RESULT kr_commit_epoch(struct keyring *kr, const struct secret *root, struct error *e)
{
    CLEANUP(secret_free_p) struct secret *next = NULL;
    const uint32_t old_epoch = kr->epoch;

    TRY_MSG(secret_of(secret_bytes(root == NULL ? kr->root : root), &next), e, "keyring");
    struct result r = turn_epoch(kr, next, e);
    struct secret *before = kr->root;
    if (result_is_ok(r)) {
        kr->root = next;
        r = write_file(kr, e);
        if (!result_is_ok(r)) {
            kr->root = before;
        }
    }
    if (!result_is_ok(r)) {
        kr_reload(kr);
        return r;
    }
    next = before; /* freed */
    return kr_epoch_erase(&kr->env, old_epoch, e);
}

/* --- life ------------------------------------------------------------------------------------- */

static struct result ring_new(const struct keyring_env *env, const struct secret *root,
                              struct keyring **ret, struct error *e)
{
    CLEANUP(secret_free_p) struct secret *copy = NULL;

    TRY_MSG(secret_of(secret_bytes(root), &copy), e, "keyring");
    struct keyring *kr = mem_zalloc(sizeof(*kr));
    kr->env = *env;
    kr->root = TAKE(copy);
    kr->index = map_new();
    list_init(&kr->records);
    *ret = kr;
    return RESULT_OK;
}

static void ring_free(struct keyring *kr)
{
    if (kr == NULL) {
        return;
    }
    records_clear(kr);
    map_free(kr->index, NULL);
    box_key_free(kr->wrap_aes);
    box_key_free(kr->wrap_sm4);
    secret_free(kr->epoch_key);
    secret_free(kr->root);
    mem_free(kr);
}
DEFINE_CLEANUP(ring_free, struct keyring *)

static struct result add_fresh(struct keyring *kr, enum kr_kind kind, const char *owner,
                               struct error *e)
{
    CLEANUP(key256_wipe) struct key256 secret;

    rng_fill(kr->env.rng, secret.b, sizeof(secret.b));
    struct kr_record *r = kr_record_new(kind, owner, "", kind == KR_LOG ? kr->logs : 0);
    return kr_add(kr, r, &secret, e);
}

RESULT keyring_create(const struct keyring_env *env, const struct secret *root,
                      const char *deployment, struct error *e)
{
    CLEANUP(ring_free_p) struct keyring *kr = NULL;
    CLEANUP(key256_wipe) struct key256 epoch_secret;
    struct fs_stat st;

    if (deployment[0] == 0 || strlen(deployment) >= NAME_DEPLOYMENT_MAX) {
        FAIL(e, ERRC_RANGE, "keyring: the deployment's name has 1 to %d bytes",
             NAME_DEPLOYMENT_MAX - 1);
    }
    if (result_is_ok(fs_stat(env->dir, KR_FILE, &st, NULL))) {
        FAIL(e, ERRC_EXISTS, "keyring: there is one already");
    }
    TRY(ring_new(env, root, &kr, e));
    (void)snprintf(kr->deployment, sizeof(kr->deployment), "%s", deployment);
    TRY(kr_epoch_create(env, &epoch_secret, e));
    TRY(kr_epoch_use(kr, kr->root, &epoch_secret, 0, e));
    TRY(add_fresh(kr, KR_METADATA, "", e));
    TRY(add_fresh(kr, KR_STATEMENT, "", e));
    TRY(add_fresh(kr, KR_CHECKPOINTS, "", e));
    TRY(kr_add(kr, kr_record_new(KR_TENANT, KEYRING_PLATFORM, "", 0), NULL, e));
    TRY(add_fresh(kr, KR_LOG, KEYRING_PLATFORM, e));
    TRY(add_fresh(kr, KR_SEALING, KEYRING_PLATFORM, e));
    return write_file(kr, e);
}

RESULT keyring_open(const struct keyring_env *env, const struct secret *root, struct keyring **ret,
                    struct error *e)
{
    CLEANUP(ring_free_p) struct keyring *kr = NULL;

    TRY(ring_new(env, root, &kr, e));
    TRY(load(kr, e));
    *ret = TAKE(kr);
    return RESULT_OK;
}

void keyring_close(struct keyring *kr)
{
    bool changed = false;

    if (kr == NULL) {
        return;
    }
    LIST_EACH(item, &kr->records)
    {
        struct kr_record *r = LIST_ITEM(item, struct kr_record, item);
        if (r->kind == KR_VERSION && r->u.use.wraps < r->reserved) {
            CLEANUP(buf_done_p) struct buf before = BUF(RECORD_AAD_MAX);
            kr_record_clear_encode(r, &before);
            r->reserved = r->u.use.wraps;
            changed = result_is_ok(kr_reseal(kr, r, buf_bytes(&before), NULL)) || changed;
        }
    }
    if (changed) {
        result_ignore(write_file(kr, NULL)); /* else the counts on disk are upper bounds */
    }
    ring_free(kr);
}

const char *keyring_deployment(const struct keyring *kr)
{
    return kr->deployment;
}

void keyring_digest(const struct keyring *kr, uint8_t ret[32])
{
    memcpy(ret, kr->digest, sizeof(kr->digest));
}

RESULT keyring_change_root(struct keyring *kr, const struct secret *new_root, struct error *e)
{
    TRY(kr_usable(kr, e));
    return kr_commit_epoch(kr, new_root, e);
}

RESULT kr_usable(struct keyring *kr, struct error *e)
{
    if (kr->is_broken) {
        kr_reload(kr);
    }
    if (kr->is_broken) {
        FAIL(e, ERRC_IO, "keyring: it can't be read again after a failed write");
    }
    return RESULT_OK;
}

RESULT kr_reserve(struct keyring *kr, struct kr_record *version, struct error *e)
{
    CLEANUP(buf_done_p) struct buf before = BUF(RECORD_AAD_MAX);
    uint64_t used = version->u.use.wraps;
    uint64_t block =
            used < WRAPS_BLOCK_MIN ? WRAPS_BLOCK_MIN : MIN(used, (uint64_t)WRAPS_BLOCK_MAX);

    kr_record_clear_encode(version, &before);
    version->reserved = MIN(used + block, KEY_WRAPS_MAX);
    TRY(kr_reseal(kr, version, buf_bytes(&before), e));
    return kr_commit(kr, e);
}

RESULT kr_tenant_open(struct keyring *kr, const char *tenant, struct kr_record **ret,
                      struct error *e)
{
    TRY(kr_usable(kr, e));
    struct kr_record *t = kr_find(kr, KR_TENANT, tenant, "", 0);
    if (t == NULL) {
        FAIL(e, ERRC_NOT_FOUND, "tenant %s has no keys here", tenant);
    }
    if (t->u.tenant->closed_ms != 0) {
        FAIL(e, ERRC_EXPIRED, "tenant %s is closed", tenant);
    }
    *ret = t;
    return RESULT_OK;
}

RESULT kr_key_find(struct keyring *kr, const char *tenant, const char *key_id,
                   struct kr_record **ret, struct error *e)
{
    struct kr_record *k = NULL;

    TRY(kr_usable(kr, e));
    if (key_id[0] != 0) {
        k = kr_find(kr, KR_KEY, tenant, key_id, 0);
    } else {
        struct kr_record *t = kr_find(kr, KR_TENANT, tenant, "", 0);
        k = t == NULL ? NULL : t->u.tenant->default_key;
    }
    if (k == NULL) {
        FAIL(e, ERRC_NOT_FOUND, "tenant %s has no %skey%s%s", tenant,
             key_id[0] == 0 ? "default " : "", key_id[0] == 0 ? "" : " ", key_id);
    }
    *ret = k;
    return RESULT_OK;
}
