/*
 * Policies. Properties: it ends; a refusal names its line; a policy without a quorum is met by
 * anything.
 */
#include "ledger/policy.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct policy *p = NULL;
    struct error e = { 0 };
    struct note none = { .signature_count = 0 };
    struct policy_result r;

    if (!result_is_ok(policy_parse(bytes_of(data, size), &p, &e))) {
        if (strncmp(e.msg, "line ", 5) != 0) {
            abort();
        }
        return 0;
    }
    if (!result_is_ok(policy_cosignatures(p, &none, &r, &e)) || r.is_met == policy_has_quorum(p)) {
        abort(); /* nobody cosigned: a quorum needs at least one */
    }
    (void)policy_log(p, BYTES_LIT("troth.test/acme"));
    policy_free(p);
    return 0;
}
