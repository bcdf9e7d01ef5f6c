/*
 * The edge's handlers with everything behind them, in one process: a keeper and a scribe on threads
 * of their own, a vault and a directory on a file system in memory, a loop that serves S3 and the
 * management side on Unix sockets. And a blocking client that signs.
 */
#ifndef TROTH_TESTS_API_HOUSE_H
#define TROTH_TESTS_API_HOUSE_H

#include "testkit.h"

#include "api/api.h"

#define REGION "us-east-1"

struct house;
struct house *house_open(void);
void house_close(struct house *h);
struct api *house_api(struct house *h);
struct rpc_client *house_keeper(struct house *h); /* a connection of the edge, for this thread */
struct rpc_client *house_scribe(struct house *h);
/* Replaces settings by a copy that fn changed. */
void house_set(struct house *h, void (*fn)(struct api_settings *s));

const char *house_path(const struct house *h, bool is_admin); /* of its sockets */
/* The loop's connections to keeper and scribe: cut, or made anew. */
void house_keeper_away(struct house *h, bool is_away);
void house_scribe_away(struct house *h, bool is_away);

struct credentials {
    char tenant[64], account[16], id[32], secret[64];
    char token[512]; /* of STS; "": none */
};
void house_tenant(struct house *h, const char *name, struct credentials *ret);

struct head {
    const char *name, *value;
};
enum body_form { BODY_SIGNED, BODY_UNSIGNED, BODY_AS_IS /* headers say what it is */ };
struct ask {
    const struct credentials *as; /* NULL: unsigned; the management side never signs */
    const char *method, *target;  /* encoded */
    const char *host;             /* NULL: localhost */
    const char *service;          /* NULL: s3 */
    const struct head *heads;     /* ended by a NULL name */
    struct bytes body;
    enum body_form form;
    bool has_no_length;   /* Content-Length is left out */
    int64_t clock_off_ms; /* of the signing clock */
};
struct answer {
    unsigned status;
    char *head; /* terminated; freed by answer_done */
    struct buf body;
};
void answer_done(struct answer *a);
DEFINE_CLEANUP_DONE(answer_done, struct answer)
/* Value of a header, in a static buffer; NULL when absent. */
const char *answer_header(const struct answer *a, const char *name);
void house_ask(struct house *h, const struct ask *q, struct answer *ret);
void house_manage_ask(struct house *h, const struct ask *q, struct answer *ret);
void house_manage(struct house *h, const char *method, const char *target, const char *json,
                  struct answer *ret);

/* POST / of a form body, signed for iam or sts (as NULL: unsigned): AWS's query protocol. */
const struct answer *query(struct house *h, const struct credentials *as, const char *service,
                           const char *form);
/* Status and code, else the test fails; code NULL: 200 and no error. */
void query_expect(struct house *h, const struct credentials *as, const char *service,
                  const char *form, unsigned status, const char *code);

/* --- short forms; the answer lives until the next of these --- */
const struct answer *s3(struct house *h, const struct credentials *as, const char *method,
                        const char *target, struct bytes body, const struct head *heads);
/* Status and code, else the test fails; code NULL: no error body is looked for. */
void s3_expect(struct house *h, const struct credentials *as, const char *method,
               const char *target, struct bytes body, const struct head *heads, unsigned status,
               const char *code);
/* The text of the first <element>, in a static buffer; NULL when absent. */
const char *answer_element(const struct answer *a, const char *element);

#define HEADS(...) ((const struct head[]){ __VA_ARGS__, { NULL, NULL } })

#endif
