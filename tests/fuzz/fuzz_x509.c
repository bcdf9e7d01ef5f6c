/* PEM of strangers: the facts of a certificate, and a pair. */
#include "crypto/x509.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes in = bytes_of(data, size);
    struct x509_facts f;
    struct error e;

    if (result_is_ok(x509_facts_of_pem(in, &f, &e))) {
        if (strnlen(f.subject, sizeof(f.subject)) == sizeof(f.subject) ||
            strnlen(f.sans, sizeof(f.sans)) == sizeof(f.sans)) {
            abort();
        }
        result_ignore(x509_check_pair(in, in, 0, &e));
    }
    return 0;
}
