/*
 * Every OpenSSL header this folder uses. The build includes it before base/banned.h, because these
 * headers name arguments "rand" and the like, which are poisoned there for our own code.
 */
#ifndef TROTH_CRYPTO_OPENSSL_H
#define TROTH_CRYPTO_OPENSSL_H

#define OPENSSL_SUPPRESS_DEPRECATED /* for the block functions of SHA-256, see hash.c */

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/ts.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#endif
