/* TOTP devices as the IAM calls see them: of a realm, some of them nobody's yet. */
#ifndef TROTH_IDENTITY_FACTOR_DEVICE_H
#define TROTH_IDENTITY_FACTOR_DEVICE_H

#include "identity/factor.h"

/* All TOTP devices of a realm, in order of their names; user_id "": nobody's yet. */
RESULT factor_devices(struct directory *d, const char *realm, struct arena *arena,
                      struct factor **ret, size_t *ret_n, struct error *e);
/* Takes a device off its user; it is nobody's and not active until it is confirmed again. is_own:
 * by the person itself, who keeps another factor: ERRC_CONFLICT for the last active one. */
RESULT factor_device_release(struct directory *d, const char *user_id, const char *factor_id,
                             bool is_own, struct error *e);

#endif
