/*
 * C2SP signed-note, tlog-checkpoint and tlog-cosignature (cosignature/v1): text, keys, signatures.
 *
 *   vkey  "<name>+<key id, 8 hex>+<base64 of type byte and public key>"
 *   note  "<text ending in newline>\n" then one line "— <name> <base64 of key id and signature>"
 * per signature checkpoint text  "<origin>\n<size>\n<base64 root>\n" and optional extension lines
 */
#ifndef TROTH_LEDGER_NOTE_H
#define TROTH_LEDGER_NOTE_H

#include "base/buf.h"
#include "ledger/tree.h"

#define NOTE_NAME_MAX       255
#define NOTE_MAX            (64 * 1024)
#define NOTE_SIGNATURES_MAX 64

enum note_key_type { NOTE_ED25519 = 0x01, NOTE_COSIGNATURE_V1 = 0x04 };

struct note_key { /* public */
    char name[NOTE_NAME_MAX + 1];
    uint8_t id[4];
    enum note_key_type type;
    uint8_t public_key[32];
};

/* A name is UTF-8 without spaces and '+', 1..255 bytes. */
RESULT note_key_make(const char *name, enum note_key_type type, const uint8_t public_key[32],
                     struct note_key *ret, struct error *e);
RESULT note_key_parse(struct bytes vkey, struct note_key *ret, struct error *e);
void note_key_text(const struct note_key *k, struct buf *out);

struct note_signature {
    struct bytes name; /* within the note */
    uint8_t id[4];
    uint8_t data[128]; /* Ed25519: 64; cosignature/v1: 8-byte time and 64 */
    size_t n;
    struct bytes line; /* whole line with newline */
};
struct note {
    struct bytes text; /* with its final newline */
    struct note_signature signatures[NOTE_SIGNATURES_MAX];
    size_t signature_count;
};
/*
 * Borrowed from `in`. Strict: UTF-8 without control characters but newline, at least one signature
 * line, canonical base64. A signature of another kind that is longer than `data` is kept with n 0:
 * it verifies under no key here.
 */
RESULT note_parse(struct bytes in, struct note *ret, struct error *e);
/* ERRC_NOT_FOUND: no signature of that key; ERRC_INTEGRITY: it does not verify. ret_time_s:
 * cosignature time, 0 otherwise. */
RESULT note_verify(const struct note *n, const struct note_key *k, uint64_t *ret_time_s,
                   struct error *e);
/* What is signed for a key type: the text itself, or "cosignature/v1\ntime <t>\n" and the text. */
RESULT note_message(enum note_key_type type, struct bytes text, uint64_t time_s, struct buf *out);
/* Appends the signature line for a raw 64-byte signature. */
void note_add_signature(struct buf *out, const struct note_key *k, uint64_t time_s,
                        const uint8_t signature[64]);

struct checkpoint {
    struct bytes origin;
    uint64_t size;
    struct tree_hash root;
    struct bytes extensions; /* the lines after the root; may be empty */
};
RESULT checkpoint_parse(struct bytes text, struct checkpoint *ret, struct error *e);
void checkpoint_text(struct buf *out, const char *origin, uint64_t size,
                     const struct tree_hash *root);

#endif
