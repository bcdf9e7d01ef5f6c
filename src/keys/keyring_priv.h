/* Inside of the keyring: records, the file, the epoch. Format: docs/formats/keyring.md. */
#ifndef TROTH_KEYS_KEYRING_PRIV_H
#define TROTH_KEYS_KEYRING_PRIV_H

#include "base/list.h"
#include "base/map.h"
#include "crypto/box.h"
#include "keys/keyring.h"
#include "keys/root.h"

#define KR_FILE        "keyring"
#define KR_EPOCH_FILE  "epoch"
#define KR_FILE_MAX    ((size_t)256 << 20)
#define KR_RECORDS_MAX 500000u
#define KR_OWNER_MAX   64
#define KR_NAME_MAX    40
#define KR_ATTRS_MAX   1024
#define KR_BOX_MAX     (KEY256_BYTES + BOX_OVERHEAD_MAX)

/* Numbers on disk. */
enum kr_kind {
    KR_TENANT = 1, /* owner; no secret */
    KR_KEY,        /* owner, name: key id; no secret */
    KR_VERSION,    /* owner, name: key id, version */
    KR_PAYLOAD,    /* owner: log, name: month */
    KR_LOG,        /* owner: log; version: place in the checkpoints file */
    KR_SEALING,    /* owner: tenant */
    KR_METADATA,
    KR_STATEMENT,
    KR_CHECKPOINTS, /* MAC key of the checkpoints file */
    KR_KIND_COUNT_
};
const char *kr_kind_name(enum kr_kind k);

/* What a KR_KEY record says besides. */
struct kr_key {
    enum key_state state;
    bool is_default;
    uint32_t newest;
    int64_t rotated_ms, requested_ms, wait_ms, destroy_at_ms, destroyed_ms;
    char requested_by[KEY_PERSON_MAX], confirmed_by[KEY_PERSON_MAX];
    uint8_t keyring_before[32];
    char custodian[KEY_CUSTODIAN_MAX], description[128];
    /* not on disk */
    struct kr_record *newest_version;
};

struct kr_tenant {
    int64_t closed_ms; /* 0: open */
    char confirmed_by[KEY_PERSON_MAX];
    uint32_t payload_keys; /* destroyed when it was closed */
    uint8_t keyring_before[32];
    /* not on disk */
    struct kr_record *default_key;
    struct kr_record **keys; /* in the order of their making */
    size_t key_count, key_cap;
};

struct kr_record {
    struct list item;
    enum kr_kind kind;
    enum crypto_suite suite; /* of its box; of KR_KEY and KR_TENANT: of the keys to be made */
    char owner[KR_OWNER_MAX], name[KR_NAME_MAX];
    uint32_t version;
    int64_t created_ms;
    uint64_t reserved; /* KR_VERSION: wraps counted on disk, used or not */
    uint8_t box[KR_BOX_MAX];
    size_t box_n;
    union {
        struct kr_key *key;       /* KR_KEY */
        struct kr_tenant *tenant; /* KR_TENANT */
        struct {                  /* KR_VERSION; not on disk */
            struct box_key *prepared;
            uint64_t wraps;
        } use;
    } u;
};

struct keyring {
    struct keyring_env env;
    struct secret *root;
    char deployment[NAME_DEPLOYMENT_MAX];
    uint32_t epoch;
    uint64_t generation;      /* of the file; one more at every write */
    struct secret *epoch_key; /* the secrets of the epoch: struct kr_epoch_key */
    struct box_key *wrap_aes, *wrap_sm4;
    struct map *index;
    struct list records;
    size_t count;
    uint32_t logs; /* places given in the checkpoints file */
    uint8_t digest[32];
    size_t prepared; /* versions with a prepared key */
    bool is_broken;  /* what is on disk is not known */
};

struct kr_epoch_key {
    struct key256 wrap_aes, wrap_sm4, mac;
};

struct kr_header {
    uint32_t epoch;
    uint64_t generation;
    uint32_t count;
    uint8_t root_id[ROOT_ID_BYTES];
    struct bytes deployment;
    struct bytes whole; /* the bytes that its MAC covers */
    uint8_t mac[32];
};

/* --- keyring_format.c: bytes alone, no keys --- */

struct kr_record *kr_record_new(enum kr_kind kind, const char *owner, const char *name,
                                uint32_t version);
void kr_record_free(struct kr_record *r);
/* All of it but the box: also the box's associated data. */
void kr_record_clear_encode(const struct kr_record *r, struct buf *out);
void kr_record_encode(const struct kr_record *r, struct buf *out);
RESULT kr_record_parse(struct bytes in, struct kr_record **ret, struct error *e);
/* Without its MAC. */
void kr_header_encode(const struct kr_header *h, struct buf *out);
RESULT kr_header_parse(struct bytes *in, struct kr_header *ret, struct error *e);
/* "key version 3 of <id> of tenant acme" */
void kr_record_describe(const struct kr_record *r, char *dst, size_t n);

/* --- keyring_epoch.c: the epoch file, two places of 4096 bytes used by turns --- */

RESULT kr_epoch_create(const struct keyring_env *env, struct key256 *ret, struct error *e);
/* ERRC_INTEGRITY when there is none of that number. Blanks the other place if it is not blank. */
RESULT kr_epoch_read(const struct keyring_env *env, uint32_t epoch, struct key256 *ret,
                     struct error *e);
/* Durable beside the one in force. */
RESULT kr_epoch_prepare(const struct keyring_env *env, uint32_t epoch, struct key256 *ret,
                        struct error *e);
/* Overwrites the place of that epoch: random bytes, then zeros, each made durable. */
RESULT kr_epoch_erase(const struct keyring_env *env, uint32_t epoch, struct error *e);

/* --- keyring_box.c --- */

#define RECORD_AAD_MAX 2048

/* Puts the keys of that epoch in force. */
RESULT kr_epoch_use(struct keyring *kr, const struct secret *root,
                    const struct key256 *epoch_secret, uint32_t epoch, struct error *e);
/* HMAC-SHA-256(what || v) under the epoch's key. */
void kr_mac(const struct keyring *kr, const char *what, struct bytes v, uint8_t ret[32]);
struct box_key *kr_wrap_for(const struct keyring *kr, enum crypto_suite s);
RESULT kr_record_seal(const struct keyring *kr, struct box_key *wrap, struct kr_record *r,
                      struct bytes secret);
/* ret_n: 0 or KEY256_BYTES. */
RESULT kr_record_open(struct box_key *wrap, const struct kr_record *r, struct key256 *ret,
                      size_t *ret_n);

/* --- keyring.c --- */

/* Writes all records. On failure the keyring is read again: pointers to records are void then. */
RESULT kr_commit(struct keyring *kr, struct error *e);
/* As kr_commit, in a new epoch under `root` (NULL: the same), erasing the old epoch's secret. */
RESULT kr_commit_epoch(struct keyring *kr, const struct secret *root, struct error *e);
/* Back to what is on the disk; pointers to records are void then. */
void kr_reload(struct keyring *kr);
/* Reads the files again where that failed before; ERRC_IO when it fails still. */
RESULT kr_usable(struct keyring *kr, struct error *e);
struct kr_record *kr_find(const struct keyring *kr, enum kr_kind kind, const char *owner,
                          const char *name, uint32_t version);
/* Takes r, seals secret (NULL: none) into it and adds it. ERRC_LIMIT (r is freed). */
RESULT kr_add(struct keyring *kr, struct kr_record *r, const struct key256 *secret,
              struct error *e);
/*
 * Boxes the same secret again after clear members changed; `before` is the clear encoding as it
 * was.
 */
RESULT kr_reseal(struct keyring *kr, struct kr_record *r, struct bytes before, struct error *e);
RESULT kr_secret(struct keyring *kr, const struct kr_record *r, struct key256 *ret,
                 struct error *e);
void kr_remove(struct keyring *kr, struct kr_record *r); /* wipes and frees */
/* ERRC_NOT_FOUND; ERRC_EXPIRED when closed. */
RESULT kr_tenant_open(struct keyring *kr, const char *tenant, struct kr_record **ret,
                      struct error *e);
/* key_id "": the tenant's default key. ERRC_NOT_FOUND. */
RESULT kr_key_find(struct keyring *kr, const char *tenant, const char *key_id,
                   struct kr_record **ret, struct error *e);
/* Writes one more block of the version's wraps to disk. */
RESULT kr_reserve(struct keyring *kr, struct kr_record *version, struct error *e);

#endif
