/*
 * The end of keys. What is destroyed is taken out of the keyring, the rest is boxed anew in a new
 * epoch, the new file replaces the old, and the secret of the old epoch is overwritten in place. So
 * neither the new file nor any older copy of the keyring file gives the key back, with the root key
 * or without. What this cannot reach: a copy of the epoch file made before (a backup of the whole
 * folder, a snapshot, blocks that a journaling or flash device kept); docs/formats/keyring.md says
 * it.
 */
#include "keys/keyring_priv.h"

#define BEFORE_MAX 2048

static struct result take_person(const char *v, char dst[KEY_PERSON_MAX], struct error *e)
{
    size_t n = strlen(v);

    if (n == 0 || n >= KEY_PERSON_MAX) {
        FAIL(e, ERRC_RANGE, "confirmed by: 1 to %d bytes", KEY_PERSON_MAX - 1);
    }
    memcpy(dst, v, n + 1);
    return RESULT_OK;
}

static void destruction_of(const struct keyring *kr, const struct kr_record *r,
                           struct key_destruction *ret)
{
    const struct kr_key *k = r->u.key;

    memset(ret, 0, sizeof(*ret));
    memcpy(ret->tenant, r->owner, sizeof(ret->tenant));
    memcpy(ret->key_id, r->name, sizeof(ret->key_id));
    ret->suite = r->suite;
    ret->versions = k->newest;
    ret->requested_ms = k->requested_ms;
    ret->due_ms = k->destroy_at_ms;
    ret->destroyed_ms = k->destroyed_ms;
    memcpy(ret->requested_by, k->requested_by, sizeof(ret->requested_by));
    memcpy(ret->confirmed_by, k->confirmed_by, sizeof(ret->confirmed_by));
    memcpy(ret->keyring_before, k->keyring_before, sizeof(ret->keyring_before));
    memcpy(ret->keyring_after, kr->digest, sizeof(ret->keyring_after));
}

/* What follows the last '/' is what stays of a person whose name changes. */
static const char *id_of(const char *person)
{
    const char *slash = strrchr(person, '/');

    return slash == NULL ? person : slash + 1;
}

static struct result may_destroy(const struct keyring *kr, const struct kr_record *r,
                                 const char *confirmed_by, bool two_person, struct error *e)
{
    const struct kr_key *k = r->u.key;
    char due[TIME_TEXT_MAX];

    if (k->state != KEY_PENDING_DESTRUCTION) {
        FAIL(e, ERRC_CONFLICT, "key %s: its destruction is not requested", r->name);
    }
    if (clock_wall_ms(kr->env.clock) < k->destroy_at_ms) {
        FAIL(e, ERRC_CONFLICT, "key %s: its destruction is due at %s", r->name,
             time_rfc3339(k->destroy_at_ms, due));
    }
    if (two_person && strcmp(id_of(k->requested_by), id_of(confirmed_by)) == 0) {
        FAIL(e, ERRC_CONFLICT,
             "key %s: who requested its destruction can't confirm it: a second person must",
             r->name);
    }
    return RESULT_OK;
}

static void remove_versions(struct keyring *kr, const char *tenant, const char *key_id)
{
    LIST_EACH(item, &kr->records)
    {
        struct kr_record *v = LIST_ITEM(item, struct kr_record, item);
        if (v->kind == KR_VERSION && strcmp(v->owner, tenant) == 0 &&
            strcmp(v->name, key_id) == 0) {
            kr_remove(kr, v);
        }
    }
}

/* An epoch left over from a destruction whose last step failed is blanked by reading it again. */
static struct result epoch_settle(struct keyring *kr, struct error *e)
{
    CLEANUP(key256_wipe) struct key256 unused;

    return kr_epoch_read(&kr->env, kr->epoch, &unused, e);
}

/*= 2.1.3-7 "destruction: two persons, waiting period, certificate" */
RESULT keyring_destroy(struct keyring *kr, const char *tenant, const char *key_id,
                       const char *confirmed_by, bool two_person, struct key_destruction *ret,
                       struct error *e)
{
    CLEANUP(buf_done_p) struct buf before = BUF(BEFORE_MAX);
    struct kr_record *r;
    char person[KEY_PERSON_MAX] = { 0 }, id[KEY_ID_BYTES];

    TRY(kr_key_find(kr, tenant, key_id, &r, e));
    if (r->u.key->state == KEY_DESTROYED) {
        TRY(epoch_settle(kr, e));
        destruction_of(kr, r, ret);
        return RESULT_OK;
    }
    TRY(may_destroy(kr, r, confirmed_by, two_person, e));
    TRY(take_person(confirmed_by, person, e));
    memcpy(id, r->name, sizeof(id));
    kr_record_clear_encode(r, &before);
    struct kr_key *k = r->u.key;
    k->newest_version = NULL;
    remove_versions(kr, tenant, id);
    k->state = KEY_DESTROYED;
    k->is_default = false;
    k->destroyed_ms = clock_wall_ms(kr->env.clock);
    memcpy(k->confirmed_by, person, sizeof(k->confirmed_by));
    memcpy(k->keyring_before, kr->digest, sizeof(k->keyring_before));
    struct kr_tenant *t = kr_find(kr, KR_TENANT, tenant, "", 0)->u.tenant;
    if (t->default_key == r) {
        t->default_key = NULL;
    }
    struct result done = kr_reseal(kr, r, buf_bytes(&before), e);
    if (!result_is_ok(done)) {
        kr_reload(kr);
        return done;
    }
    TRY(kr_commit_epoch(kr, NULL, e));
    destruction_of(kr, r, ret);
    return RESULT_OK;
}

static void tenant_destruction_of(const struct keyring *kr, const struct kr_record *r,
                                  struct key_destruction *ret)
{
    const struct kr_tenant *t = r->u.tenant;

    memset(ret, 0, sizeof(*ret));
    memcpy(ret->tenant, r->owner, sizeof(ret->tenant));
    ret->suite = r->suite;
    ret->versions = t->payload_keys;
    ret->destroyed_ms = t->closed_ms;
    memcpy(ret->confirmed_by, t->confirmed_by, sizeof(ret->confirmed_by));
    memcpy(ret->keyring_before, t->keyring_before, sizeof(ret->keyring_before));
    memcpy(ret->keyring_after, kr->digest, sizeof(ret->keyring_after));
}

static uint32_t remove_log_keys(struct keyring *kr, const char *tenant)
{
    uint32_t count = 0;

    LIST_EACH(item, &kr->records)
    {
        struct kr_record *r = LIST_ITEM(item, struct kr_record, item);
        if ((r->kind == KR_PAYLOAD || r->kind == KR_SEALING) && strcmp(r->owner, tenant) == 0) {
            count += r->kind == KR_PAYLOAD;
            kr_remove(kr, r);
        }
    }
    return count;
}

RESULT keyring_tenant_close(struct keyring *kr, const char *tenant, const char *confirmed_by,
                            struct key_destruction *ret, struct error *e)
{
    CLEANUP(buf_done_p) struct buf before = BUF(BEFORE_MAX);
    char person[KEY_PERSON_MAX] = { 0 };

    TRY(kr_usable(kr, e));
    struct kr_record *r = kr_find(kr, KR_TENANT, tenant, "", 0);
    if (r == NULL || strcmp(tenant, KEYRING_PLATFORM) == 0) {
        FAIL(e, ERRC_NOT_FOUND, "tenant %s has no keys here", tenant);
    }
    struct kr_tenant *t = r->u.tenant;
    if (t->closed_ms != 0) {
        TRY(epoch_settle(kr, e));
        tenant_destruction_of(kr, r, ret);
        return RESULT_OK;
    }
    for (size_t i = 0; i < t->key_count; i++) {
        if (t->keys[i]->u.key->state != KEY_DESTROYED) {
            FAIL(e, ERRC_CONFLICT, "tenant %s: key %s is not destroyed yet", tenant,
                 t->keys[i]->name);
        }
    }
    TRY(take_person(confirmed_by, person, e));
    kr_record_clear_encode(r, &before);
    t->payload_keys = remove_log_keys(kr, tenant);
    t->closed_ms = clock_wall_ms(kr->env.clock);
    memcpy(t->confirmed_by, person, sizeof(t->confirmed_by));
    memcpy(t->keyring_before, kr->digest, sizeof(t->keyring_before));
    struct result done = kr_reseal(kr, r, buf_bytes(&before), e);
    if (!result_is_ok(done)) {
        kr_reload(kr);
        return done;
    }
    TRY(kr_commit_epoch(kr, NULL, e));
    tenant_destruction_of(kr, r, ret);
    return RESULT_OK;
}
