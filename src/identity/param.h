/*
 * Contract parameters of identity (clauses.md 1.12): one table with unit, default and legal floor;
 * a realm may set its own within them. Below the floor is refused, with the source named.
 */
#ifndef TROTH_IDENTITY_PARAM_H
#define TROTH_IDENTITY_PARAM_H

#include "identity/origin.h"

enum param_id {
    PARAM_IDLE,         /* P-IAM-1 idle timeout, minutes: 15 (10..30) */
    PARAM_SESSION,      /* P-IAM-1a absolute length of a session, hours: 12 (1..24) */
    PARAM_LEAVER,       /* P-IAM-2 leaver disabled within, hours: 24 (1..24) */
    PARAM_DORMANT,      /* P-IAM-3 dormant account, days: 90 (1..90) */
    PARAM_KEY_AGE,      /* P-IAM-4 access key age, days: 180 (1..365) */
    PARAM_LOCK_TRIES,   /* P-IAM-5 failures before a wait: 5 (3..10) */
    PARAM_LOCK_TIME,    /* P-IAM-5a longest wait, minutes: 30 (15..1440) */
    PARAM_NETWORKS,     /* P-IAM-6 networks that people manage from: any */
    PARAM_CERTIFICATE,  /* P-IAM-7 managing needs a client certificate: "no" | "yes" */
    PARAM_STANDING,     /* P-PAM-1 standing privileged grants: 2 (0..2) */
    PARAM_GRANT,        /* P-PAM-2 longest privileged grant, hours: 8 (1..8) */
    PARAM_BREAK_GLASS,  /* P-PAM-3 longest break-glass grant, minutes: 60 (5..240) */
    PARAM_PROFILE,      /* P-AUTH-1 password profile: "nist-800-63b-4" | "mlps-3" */
    PARAM_PASSKEY_ONLY, /* P-AUTH-2 a passkey alone signs in: "no" | "yes" */
    PARAM_COUNT
};
struct param {
    const char *id, *unit, *fallback, *source; /* source of the floor: "GB/T 22239 8.1.4.1 b" */
    const char *en, *zh;
    uint64_t min, max;          /* of a number */
    const char *const *choices; /* of a word, ended by NULL; else NULL */
};
extern const struct param params[PARAM_COUNT];
#define PARAM_TEXT_BYTES (ORIGIN_NETWORKS_MAX + 1)

/* Neither a number nor a word: a list of networks, CIDR, IPv4 and IPv6, separated by commas, or
 * none of them (origin.h). */
static inline bool param_is_networks(const struct param *p)
{
    return p->choices == NULL && p->max == 0;
}
/* Of a realm, or the default: also for a realm that is not there, and when the database can't be
 * read. Cached. Of a word: its place among the choices; as text: the word. Of networks: 0. */
uint64_t param_u64(struct directory *d, const char *realm, enum param_id id);
void param_text(struct directory *d, const char *realm, enum param_id id,
                char ret[PARAM_TEXT_BYTES]);
/* By id ("P-IAM-1"): ERRC_NOT_FOUND, of a realm too; ERRC_RANGE with floor and source. */
RESULT param_set(struct directory *d, const char *realm, const char *id, const char *value,
                 struct error *e);
/* When it was set; 0: the default holds. */
RESULT param_since(struct directory *d, const char *realm, enum param_id id, int64_t *ret,
                   struct error *e);

#endif
