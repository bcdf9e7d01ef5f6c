/* Algorithms fetched once: an implicit fetch costs more than hashing a small message. */
#include "crypto/crypto_priv.h"

#include "base/log.h"

#include <pthread.h>

static pthread_once_t fetch_once = PTHREAD_ONCE_INIT;
static EVP_MD *mds[HASH_SM3 + 1];
static EVP_CIPHER *ciphers[CIPHER_COUNT_];

void crypto_must(bool is_ok, const char *what)
{
    if (!is_ok) {
        char text[256];
        ERR_error_string_n(ERR_peek_last_error(), text, sizeof(text));
        log_error("crypto: %s failed: %s", what, text);
        abort();
    }
}

static void fetch_all(void)
{
    static const char *const md_names[] = {
        [HASH_MD5] = "MD5",         [HASH_SHA1] = "SHA1", [HASH_SHA256] = "SHA256",
        [HASH_SHA512] = "SHA2-512", [HASH_SM3] = "SM3",
    };
    static const char *const cipher_names[] = {
        [CIPHER_AES256_GCM] = "AES-256-GCM",
        [CIPHER_AES256_ECB] = "AES-256-ECB",
        [CIPHER_SM4_CTR] = "SM4-CTR",
    };
    for (size_t i = HASH_MD5; i < ARRAY_LEN(md_names); i++) {
        mds[i] = EVP_MD_fetch(NULL, md_names[i], NULL);
        crypto_must(mds[i] != NULL, md_names[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(cipher_names); i++) {
        ciphers[i] = EVP_CIPHER_fetch(NULL, cipher_names[i], NULL);
        crypto_must(ciphers[i] != NULL, cipher_names[i]);
    }
}

const EVP_MD *crypto_md(enum hash_alg alg)
{
    pthread_once(&fetch_once, fetch_all);
    crypto_must((size_t)alg >= HASH_MD5 && (size_t)alg < ARRAY_LEN(mds), "choice of hash");
    return mds[alg];
}

const EVP_CIPHER *crypto_cipher(enum crypto_cipher c)
{
    pthread_once(&fetch_once, fetch_all);
    return ciphers[c];
}

struct result crypto_fail(struct error *e, enum errc code, const char *fmt, ...)
{
    unsigned long last = ERR_peek_last_error();
    const char *reason = last == 0 ? NULL : ERR_reason_error_string(last);
    ERR_clear_error();
    struct error head;
    va_list ap;
    va_start(ap, fmt);
    result_ignore(error_setv(&head, code, fmt, ap));
    va_end(ap);
    return reason == NULL ? error_set(e, code, "%s", head.msg)
                          : error_set(e, code, "%s: %s", head.msg, reason);
}
