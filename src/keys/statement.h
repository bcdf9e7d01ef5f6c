/*
 * The key management responsibility statement (密钥管理责任说明): what is encrypted how, where the
 * keys live, who is responsible for which part of their life, and what follows if they are lost.
 * Built from the measured state, in Chinese and English (Markdown) and as JSON; the text carries
 * the digest of the JSON. Signed as a note by keys_sign_statement("key-responsibility").
 *
 * Source: register of clauses 2.1.3-5, 2.1.3-6; contents 5.9.
 */
#ifndef TROTH_KEYS_STATEMENT_H
#define TROTH_KEYS_STATEMENT_H

#include "keys/client.h"
#include "keys/root.h"

#define STATEMENT_CONTEXT    "key-responsibility"
#define STATEMENT_LISTED_MAX 100 /* keys listed in the text; all are in the JSON */

/*
 * Who answers for one part of a key's life: "provider" (乙方), "customer" (甲方), "shared" (共担),
 * or a name.
 */
struct statement_duties {
    const char *generate, *hold, *use, *rotate, *restore, *destroy;
};

struct statement_facts {
    const char *deployment, *service, *tenant;
    const char *contact;
    const char *
            module; /* certificate number of a cryptographic module; NULL: software implementation */
    bool is_default; /* encrypted by default; else at the customer's choice */
    struct statement_duties duties;
    struct root_info root; /* as root_inspect measured it */
    const char *root_custodian;
    uint32_t rotation_days; /* setting: keys are rotated at the latest after so many days */
    uint32_t wait_days;     /* least waiting period before a destruction */
    int64_t now_ms;
};

/* RFC 8785 JSON of facts and keys: the measured state. ERRC_LIMIT when `out` is too small. */
RESULT statement_json(const struct statement_facts *f, const struct key_info *keys, size_t n,
                      struct buf *out, struct error *e);
/*
 * The text for people, with SHA-256 of the JSON in it. At most KEY_STATEMENT_MAX bytes for
 * STATEMENT_LISTED_MAX keys.
 */
RESULT statement_text(const struct statement_facts *f, const struct key_info *keys, size_t n,
                      struct buf *out, struct error *e);
/*
 * Whether a statement still says what is measured (2.1.3-6): the digest in `text` is that of the
 * JSON now but for its date. ERRC_CONFLICT when it is not, ERRC_EXPIRED when it is older than 12
 * months, ERRC_FORMAT for no statement.
 */
RESULT statement_check(struct bytes text, const struct statement_facts *f,
                       const struct key_info *keys, size_t n, struct error *e);

#endif
