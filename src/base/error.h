/*
 * Errors: a must-use result for the machine, a message for the person.
 *
 * A function that can fail returns RESULT. The code says what the caller can do about it; where a
 * person will read the reason, the last argument is `struct error *e`, which may be NULL. Its
 * message is built front-first as the error travels: "put object: seal: malformed input".
 *
 * Only four macros return for you: TRY, TRY_MSG, FAIL, FAIL_SYS.
 */
#ifndef TROTH_BASE_ERROR_H
#define TROTH_BASE_ERROR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

enum errc {
    ERRC_OK = 0,
    ERRC_NOMEM,       /* memory could not be had for a size that a client chose */
    ERRC_IO,          /* the system refused: read, write, socket */
    ERRC_FULL,        /* no space left on the device, or the reserve is reached */
    ERRC_FORMAT,      /* malformed input */
    ERRC_RANGE,       /* well-formed, but a value out of its allowed range */
    ERRC_LIMIT,       /* a stated bound is exceeded */
    ERRC_NOT_FOUND,   /* the thing named does not exist */
    ERRC_EXISTS,      /* the thing named exists already */
    ERRC_CONFLICT,    /* the state does not allow it now */
    ERRC_DENIED,      /* not permitted */
    ERRC_INTEGRITY,   /* a tag, digest, signature or proof does not verify */
    ERRC_AGAIN,       /* a part is away for the moment: try again */
    ERRC_TIMEOUT,     /* a deadline passed */
    ERRC_EXPIRED,     /* valid once, no longer */
    ERRC_UNSUPPORTED, /* known, but not offered here */
    ERRC_CLOSED,      /* the other end is gone, or end of input */
    ERRC_BUG,         /* an invariant of our own is broken */
    ERRC_COUNT_
};

struct result {
    enum errc code;
};

#define RESULT    __attribute__((warn_unused_result)) struct result
#define RESULT_OK ((struct result){ ERRC_OK })

#define ERROR_MAX 512

struct error {
    enum errc code;
    char msg[ERROR_MAX]; /* terminated; UTF-8; no secrets */
};

static inline struct result result_of(enum errc code)
{
    return (struct result){ code };
}

static inline bool result_is_ok(struct result r)
{
    return r.code == ERRC_OK;
}

/* For the few places where a failure changes nothing. */
static inline void result_ignore(struct result r)
{
    (void)r;
}

/* The lower-case name of a code, "not_found". Never NULL. */
const char *errc_name(enum errc code);

/* The code that fits an errno value: ENOSPC -> ERRC_FULL, ENOENT -> ERRC_NOT_FOUND, ... */
enum errc errc_of_errno(int err);

/* Sets `e` (may be NULL) and returns `code` as a result. `code` is not ERRC_OK. */
__attribute__((format(printf, 3, 4))) struct result error_set(struct error *e, enum errc code,
                                                              const char *fmt, ...);
__attribute__((format(printf, 3, 0))) struct result error_setv(struct error *e, enum errc code,
                                                               const char *fmt, va_list ap);

/* As error_set, with ": <strerror(err)>" behind it and the code that fits `err`. */
__attribute__((format(printf, 3, 4))) struct result error_set_sys(struct error *e, int err,
                                                                  const char *fmt, ...);

/* Puts "<fmt>: " in front of the message. Does nothing if e is NULL. */
__attribute__((format(printf, 2, 3))) void error_prefix(struct error *e, const char *fmt, ...);

#define TRY(expr)                                                                                  \
    do {                                                                                           \
        struct result try_r_ = (expr);                                                             \
        if (try_r_.code != ERRC_OK) {                                                              \
            return try_r_;                                                                         \
        }                                                                                          \
    } while (0)

/* TRY for a callee that takes `e` (prefixes) or not (its code's name becomes the message). */
#define TRY_MSG(expr, e, ...)                                                                      \
    do {                                                                                           \
        struct error *try_e_ = (e);                                                                \
        if (try_e_ != NULL) {                                                                      \
            try_e_->code = ERRC_OK;                                                                \
        }                                                                                          \
        struct result try_r_ = (expr);                                                             \
        if (try_r_.code != ERRC_OK) {                                                              \
            if (try_e_ != NULL && try_e_->code == ERRC_OK) {                                       \
                return error_set(try_e_, try_r_.code, __VA_ARGS__);                                \
            }                                                                                      \
            error_prefix(try_e_, __VA_ARGS__);                                                     \
            return try_r_;                                                                         \
        }                                                                                          \
    } while (0)

#define FAIL(e, code, ...) return error_set((e), (code), __VA_ARGS__)
#define FAIL_SYS(e, ...)   return error_set_sys((e), errno, __VA_ARGS__)

#endif
