/* Time stamp responses and tokens of an authority: whatever comes, no crash and no acceptance. */
#include "crypto/tsa.h"

#include <stdlib.h>

static const char ca_pem[] = "-----BEGIN CERTIFICATE-----\n"
                             "MIIBczCCARmgAwIBAgIUDjwv/xsp2At1fjrqLQM/rtHMJ84wCgYIKoZIzj0EAwIw\n"
                             "DzENMAsGA1UEAwwEZnV6ejAeFw0yNjExMjIxMDM3MjZaFw0zNjExMTkxMDM3MjZa\n"
                             "MA8xDTALBgNVBAMMBGZ1enowWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAASQ5lwL\n"
                             "cyhNf8wzMA/Ayj5wVelRPSGDSwqT/h3S/cvXaFWxkEMlllQ4sjruiH/frWwYB+A3\n"
                             "kKl8cCKcyAKGE5KLo1MwUTAdBgNVHQ4EFgQUfBNmqio/ZTfGYoxHNeqso1bxBtYw\n"
                             "HwYDVR0jBBgwFoAUfBNmqio/ZTfGYoxHNeqso1bxBtYwDwYDVR0TAQH/BAUwAwEB\n"
                             "/zAKBggqhkjOPQQDAgNIADBFAiEAif+DhPAK14QoYHgsgrO+E/CWh6qQlD7BpxLd\n"
                             "XqQ6DeQCIHTl9+JvMWWjsWKo9MvLS1werECukIrfoBYGh1S24I+W\n"
                             "-----END CERTIFICATE-----\n";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t digest[SHA256_BYTES] = { 1 };
    struct bytes in = bytes_of(data, size), ca = bytes_of(ca_pem, sizeof(ca_pem) - 1);
    struct tsa_facts facts;
    struct error e;

    if (result_is_ok(tsa_check_response(in, digest, 0, ca, &facts, NULL, &e)) ||
        result_is_ok(tsa_check_token(in, digest, ca, &facts, &e))) {
        abort();
    }
    return 0;
}
