/* Which sanitizer this is built with. */
#ifndef TROTH_SYS_SANITIZE_PRIV_H
#define TROTH_SYS_SANITIZE_PRIV_H

#if defined(__has_feature)
#define SANITIZE_HAS_(x) __has_feature(x)
#else
#define SANITIZE_HAS_(x) 0
#endif

#if defined(__SANITIZE_ADDRESS__) || SANITIZE_HAS_(address_sanitizer)
#define SANITIZE_ADDRESS 1
#else
#define SANITIZE_ADDRESS 0
#endif

#if defined(__SANITIZE_THREAD__) || SANITIZE_HAS_(thread_sanitizer)
#define SANITIZE_THREAD 1
#else
#define SANITIZE_THREAD 0
#endif

#endif
