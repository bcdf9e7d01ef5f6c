/* Known answers of every primitive, run by each role before it serves: about a millisecond and a
 * half. */
#ifndef TROTH_CRYPTO_SELFTEST_H
#define TROTH_CRYPTO_SELFTEST_H

#include "base/error.h"

/* ERRC_INTEGRITY naming the primitive that answered wrongly: the caller must not go on. */
RESULT crypto_self_test(struct error *e);

#endif
