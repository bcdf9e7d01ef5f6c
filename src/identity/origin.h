/*
 * Whence people manage a realm: the networks of P-IAM-6 and the client certificate of P-IAM-7,
 * asked for where persons sign in (login.h) and where they do an administrative action (access.h).
 * The realm is the one where the person lives.
 */
#ifndef TROTH_IDENTITY_ORIGIN_H
#define TROTH_IDENTITY_ORIGIN_H

#include "base/arena.h"
#include "identity/directory.h"

#define ORIGIN_NETWORKS_MAX 512

struct origin_rule {
    const char *networks; /* "10.0.0.0/8,2001:db8::/32"; NULL or "": from anywhere */
    bool needs_certificate;
};
enum origin_fit {
    ORIGIN_FITS,
    ORIGIN_OUTSIDE,        /* the address is in none of the networks */
    ORIGIN_NO_CERTIFICATE, /* no verified client certificate */
};

/* Of a realm, as it is in the database now; texts in the arena. */
RESULT origin_rule_load(struct db_conn *c, const char *realm, struct arena *arena,
                        struct origin_rule *ret, struct error *e);
/* ERRC_RANGE names the part that is no network. Empty fits. */
RESULT origin_networks_check(struct bytes networks, struct error *e);
/* Pure. ip "unix", the management socket, and NULL fit always; what is no address is outside. */
enum origin_fit origin_fit(const struct origin_rule *r, const char *ip, bool has_certificate);

#endif
