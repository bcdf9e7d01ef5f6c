/* Key shares typed in by people, and stored password hashes. */
#include "crypto/password.h"
#include "crypto/shamir.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes in = bytes_of(data, size), shares[3];
    struct secret *s = NULL;
    struct error e;

    for (size_t i = 0; i < 3; i++) {
        shares[i] = bytes_slice(in, i * size / 3, (i + 1) * size / 3);
    }
    if (result_is_ok(shamir_combine(shares, 3, &s, &e))) {
        secret_free(s);
    }
    if (result_is_ok(shamir_combine(&in, 1, &s, &e))) {
        secret_free(s);
    }
    (void)password_is_outdated(in, &password_params_default);
    return 0;
}
