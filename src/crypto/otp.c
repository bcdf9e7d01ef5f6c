/* HOTP: a MAC of the counter, truncated to digits. */
#include "crypto/otp.h"

#include "crypto/hmac.h"

void otp_hotp(enum hash_alg alg, struct bytes key, uint64_t counter, unsigned digits,
              char ret[OTP_DIGITS_MAX + 1])
{
    uint8_t message[8], mac[HASH_MAX];

    put_be64(message, counter);
    size_t n = hmac_once(alg, key, BYTES_OF(message), mac);
    size_t at = mac[n - 1] & 15;
    uint32_t value = get_be32(mac + at) & 0x7fffffff;
    digits = MIN(MAX(digits, OTP_DIGITS_MIN), OTP_DIGITS_MAX);
    for (unsigned i = digits; i > 0; i--) {
        ret[i - 1] = (char)('0' + value % 10);
        value /= 10;
    }
    ret[digits] = '\0';
    mem_wipe(mac, sizeof(mac));
    mem_wipe(&value, sizeof(value));
}
