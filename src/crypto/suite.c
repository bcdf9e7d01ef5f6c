/* The table of suites. */
#include "crypto/suite.h"

#include "base/mem.h"

static const struct {
    const char *name;
    size_t tag_len;
} suites[] = {
    [SUITE_AES256_GCM] = { "AES-256-GCM", 16 },
    [SUITE_SM4_CTR_HMAC_SM3] = { "SM4-CTR-HMAC-SM3", 32 },
};

const char *suite_name(enum crypto_suite s)
{
    return (size_t)s < ARRAY_LEN(suites) ? suites[s].name : NULL;
}

RESULT suite_by_name(struct bytes name, enum crypto_suite *ret)
{
    for (size_t i = 1; i < ARRAY_LEN(suites); i++) {
        if (bytes_equal_str(name, suites[i].name)) {
            *ret = (enum crypto_suite)i;
            return RESULT_OK;
        }
    }
    return result_of(ERRC_UNSUPPORTED);
}

RESULT suite_by_number(unsigned number, enum crypto_suite *ret)
{
    if (suite_name((enum crypto_suite)number) == NULL) {
        return result_of(ERRC_UNSUPPORTED);
    }
    *ret = (enum crypto_suite)number;
    return RESULT_OK;
}

size_t suite_tag_len(enum crypto_suite s)
{
    return (size_t)s < ARRAY_LEN(suites) ? suites[s].tag_len : 0;
}
