/* What the keeper signs: checkpoints of logs, statements of the deployment. C2SP signed notes,
 * Ed25519. */
#include "base/text.h"
#include "crypto/sign.h"
#include "keys/keeper_priv.h"
#include "ledger/note.h"

struct signer {
    struct sign_key *key;
    struct note_key pub;
};

void signer_free(void *signer)
{
    struct signer *s = signer;

    if (s != NULL) {
        sign_key_free(s->key);
        mem_free(s);
    }
}
DEFINE_CLEANUP(signer_free, struct signer *)

static struct result signer_of_seed(const struct key256 *seed, const char *name,
                                    struct signer **ret, struct error *e)
{
    CLEANUP(signer_free_p) struct signer *s = mem_zalloc(sizeof(*s));

    TRY_MSG(sign_key_from_seed(SIGN_ED25519, key256_bytes(seed), &s->key), e, "signing key");
    TRY(note_key_make(name, NOTE_ED25519, sign_key_public(s->key).p, &s->pub, e));
    *ret = TAKE(s);
    return RESULT_OK;
}

RESULT keeper_root_info(void *ctx, struct rpc_request *rq, struct bytes body, struct buf *reply,
                        struct error *e)
{
    const struct root_info *r = &((struct keeper *)ctx)->o.root;

    (void)rq;
    TRY(keeper_body_end(body, e));
    buf_add_u8(reply, (uint8_t)r->form);
    buf_add_mem(reply, r->id, sizeof(r->id));
    buf_add_u8(reply, (uint8_t)r->k);
    buf_add_u8(reply, (uint8_t)r->n);
    buf_add_be32(reply, r->params.m_kib);
    buf_add_be32(reply, r->params.passes);
    buf_add_be32(reply, r->params.lanes);
    return buf_result(reply);
}

/* The signer of a log; origin is "<deployment>/<log>". */
static struct result log_signer(struct keeper *k, const char *log, const char *origin,
                                struct signer **ret, struct error *e)
{
    CLEANUP(key256_wipe) struct key256 seed;
    char want[KEYS_ORIGIN_MAX];
    uint32_t slot;

    (void)snprintf(want, sizeof(want), "%s/%s", keyring_deployment(k->ring), log);
    if (strcmp(want, origin) != 0) {
        FAIL(e, ERRC_DENIED, "the origin of log %s is %s", log, want);
    }
    *ret = map_get(k->signers, bytes_str(log));
    if (*ret != NULL) {
        return RESULT_OK;
    }
    TRY(keyring_log_seed(k->ring, log, &seed, &slot, e));
    TRY(signer_of_seed(&seed, origin, ret, e));
    (void)map_set(k->signers, bytes_str(log), *ret);
    return RESULT_OK;
}

static struct result statement_signer(struct keeper *k, struct signer **ret, struct error *e)
{
    CLEANUP(key256_wipe) struct key256 seed;
    char name[KEYS_ORIGIN_MAX];

    *ret = map_get(k->signers, BYTES_LIT("/statements"));
    if (*ret != NULL) {
        return RESULT_OK;
    }
    TRY(keyring_statement_seed(k->ring, &seed, e));
    (void)snprintf(name, sizeof(name), "%s/statements", keyring_deployment(k->ring));
    TRY(signer_of_seed(&seed, name, ret, e));
    (void)map_set(k->signers, BYTES_LIT("/statements"), *ret);
    return RESULT_OK;
}

static struct result sign_note(const struct signer *s, struct bytes text, struct buf *out,
                               struct error *e)
{
    uint8_t signature[SIGN_MAX];
    size_t n;

    TRY_MSG(sign_bytes(s->key, text, signature, &n), e, "sign");
    buf_add(out, text);
    buf_add_u8(out, '\n');
    note_add_signature(out, &s->pub, 0, signature);
    TRY_MSG(buf_result(out), e, "note");
    return RESULT_OK;
}

/*= 2.1.5-3 "records are kept so that alteration is detectable: no second history is signed" */
RESULT keeper_sign_checkpoint(void *ctx, struct rpc_request *rq, struct bytes body,
                              struct buf *reply, struct error *e)
{
    struct keeper *k = ctx;
    CLEANUP(buf_done_p) struct buf text = BUF(1024);
    char log[64], origin[KEYS_ORIGIN_MAX];
    uint64_t size;
    struct tree_hash root;
    struct signer *s;

    (void)rq;
    BODY(wire_take_str(&body, log, sizeof(log)), "log");
    BODY(wire_take_str(&body, origin, sizeof(origin)), "origin");
    BODY(bytes_take_be64(&body, &size), "size");
    BODY(bytes_take_copy(&body, root.b, sizeof(root.b)), "root");
    TRY(keeper_body_end(body, e));
    struct tree_hash empty = tree_empty_root();
    if (size == 0 && memcmp(root.b, empty.b, sizeof(root.b)) != 0) {
        FAIL(e, ERRC_INTEGRITY, "log %s: an empty tree has one root only", log);
    }
    TRY(log_signer(k, log, origin, &s, e));
    TRY(checkpoints_advance(k->checkpoints, log, size, root.b, e));
    checkpoint_text(&text, origin, size, &root);
    TRY_MSG(buf_result(&text), e, "checkpoint");
    return sign_note(s, buf_bytes(&text), reply, e);
}

RESULT keeper_log_vkey(void *ctx, struct rpc_request *rq, struct bytes body, struct buf *reply,
                       struct error *e)
{
    struct keeper *k = ctx;
    char log[64], origin[KEYS_ORIGIN_MAX];
    struct signer *s;

    (void)rq;
    BODY(wire_take_str(&body, log, sizeof(log)), "log");
    BODY(wire_take_str(&body, origin, sizeof(origin)), "origin");
    TRY(keeper_body_end(body, e));
    TRY(log_signer(k, log, origin, &s, e));
    note_key_text(&s->pub, reply);
    return buf_result(reply);
}

static bool is_context(const char *s)
{
    size_t n = strlen(s);

    for (size_t i = 0; i < n; i++) {
        if (!((s[i] >= 'a' && s[i] <= 'z') || (s[i] >= '0' && s[i] <= '9') || s[i] == '-')) {
            return false;
        }
    }
    return n >= 1 && n <= 32;
}

RESULT keeper_statement_note(struct keeper *k, const char *context, struct bytes text,
                             struct buf *out, struct error *e)
{
    CLEANUP(buf_done_p) struct buf b = BUF(64 + KEY_STATEMENT_MAX);
    struct signer *s;

    TRY(statement_signer(k, &s, e));
    buf_addf(&b, "troth/%s\n", context);
    buf_add(&b, text);
    if (text.n == 0 || text.p[text.n - 1] != '\n') {
        buf_add_u8(&b, '\n');
    }
    TRY_MSG(buf_result(&b), e, "statement");
    return sign_note(s, buf_bytes(&b), out, e);
}

/* Certificates of destruction are written here alone: nobody can have another text signed as one.
 */
RESULT keeper_sign_statement(void *ctx, struct rpc_request *rq, struct bytes body,
                             struct buf *reply, struct error *e)
{
    struct keeper *k = ctx;
    char context[33];
    struct bytes text;

    (void)rq;
    BODY(wire_take_str(&body, context, sizeof(context)), "context");
    BODY(bytes_take_be16_prefixed(&body, &text), "text");
    TRY(keeper_body_end(body, e));
    if (!is_context(context)) {
        FAIL(e, ERRC_RANGE, "a context is 1 to 32 of a-z, 0-9 and '-'");
    }
    if (strcmp(context, "key-destruction") == 0) {
        FAIL(e, ERRC_DENIED, "the context key-destruction is the keeper's own");
    }
    if (text.n > KEY_STATEMENT_MAX || !utf8_is_valid(text)) {
        FAIL(e, ERRC_RANGE, "a statement is at most %d bytes of UTF-8", KEY_STATEMENT_MAX);
    }
    return keeper_statement_note(k, context, text, reply, e);
}

RESULT keeper_statement_vkey(void *ctx, struct rpc_request *rq, struct bytes body,
                             struct buf *reply, struct error *e)
{
    struct keeper *k = ctx;
    struct signer *s;

    (void)rq;
    TRY(keeper_body_end(body, e));
    TRY(statement_signer(k, &s, e));
    note_key_text(&s->pub, reply);
    return buf_result(reply);
}
