/* For x509.c: the OpenSSL key within. */
#ifndef TROTH_CRYPTO_SIGN_PRIV_H
#define TROTH_CRYPTO_SIGN_PRIV_H

#include "crypto/openssl.h"
#include "crypto/sign.h"

EVP_PKEY *sign_key_pkey(const struct sign_key *k); /* borrowed */

#endif
