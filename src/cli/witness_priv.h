/* The inside of troth witness: the folder that the commands share. */
#ifndef TROTH_CLI_WITNESS_PRIV_H
#define TROTH_CLI_WITNESS_PRIV_H

#include "cli/commands.h"
#include "ledger/witness.h"

/* The folder as a file system, and the witness in it. */
struct witness_folder {
    struct fs *fs;
    struct witness *w;
};
void witness_folder_done(struct witness_folder *o);
DEFINE_CLEANUP_DONE(witness_folder_done, struct witness_folder)
/* --dir, after the self-test of the cryptography. */
RESULT witness_folder_open(const struct cli *c, struct witness_folder *ret, struct error *e);

/* What runs on says so on standard error. */
void witness_log_start(const struct cli *c);
/* An absolute path of what was named on the command line. */
RESULT witness_absolute(const char *path, char *dst, size_t cap, struct error *e);

#endif
