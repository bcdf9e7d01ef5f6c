/* The inside of troth verify: what the kinds of files share. */
#ifndef TROTH_CLI_VERIFY_PRIV_H
#define TROTH_CLI_VERIFY_PRIV_H

#include "cli/commands.h"
#include "ledger/package.h"
#include "sys/fs.h"

#define VERIFY_OUTPUT_MAX     (4u * 1024 * 1024)
#define VERIFY_FINDINGS_SHOWN 100u

struct verify {
    struct cli *c;
    struct policy *policy;
    struct note_key key;
    bool has_key;
    struct buf tsa_ca;
    struct buf out;      /* of people or JSON */
    struct buf findings; /* JSON items or lines */
    uint64_t finding_count;
};

/* The key of --vkey, or NULL. */
const struct note_key *verify_given_key(const struct verify *v);
/* Was a key named that is to be believed? */
bool verify_has_trust(const struct verify *v);
/* "verified", or that nobody said whose key it is. */
const char *verify_verdict(const struct verify *v);
/* The line of the log's key. */
void verify_key_say(const struct verify *v, const struct note_key *k);
/* {"verified":false,...}, or the message; r may be NULL. The exit status. */
int verify_refuse(const struct verify *v, const char *what, const struct package_report *r,
                  const struct error *e);

/* One file of each kind. The exit status. */
int verify_package(struct verify *v, struct fs_file *f, uint64_t size);
int verify_receipt(struct verify *v, struct bytes text);
int verify_alarm(struct verify *v, struct bytes text);
int verify_note(struct verify *v, struct bytes text);

#endif
