/* Rules for passwords: length and classes by profile, then what everybody would guess. */
#include "identity/password_rules.h"

#include "base/text.h"
#include "crypto/password.h"
#include "identity/password_priv.h"

#define DAY_MS        ((int64_t)24 * 3600 * 1000)
#define UNGUESSED_MIN 6 /* characters that are no word, year or run */

/*= 2.1.4-7 "the profiles of passwords: length, classes, age, former ones, blocked ones" */
const struct password_profile password_profiles[] = {
    /* SP 800-63B-4 3.1.1.2: 8 where a second factor is always asked for, 15 alone; no classes, no
     * change by the clock */
    { .name = "nist-800-63b-4", .min_chars = 8, .has_block_list = true },
    /* GB/T 22239 8.1.4.1 a with the values of practice */
    { .name = "mlps-3",
      .min_chars = 8,
      .classes = 3,
      .max_age_ms = 90 * DAY_MS,
      .history = 5,
      .has_block_list = true },
    { 0 },
};

const struct password_profile *password_profile_find(struct bytes name)
{
    for (const struct password_profile *p = password_profiles; p->name != NULL; p++) {
        if (bytes_equal_str(name, p->name)) {
            return p;
        }
    }
    return NULL;
}

struct shape {
    size_t chars;
    unsigned classes;
};

static unsigned class_of(uint32_t c)
{
    return c >= 'a' && c <= 'z' ? 1u : c >= 'A' && c <= 'Z' ? 2u : c >= '0' && c <= '9' ? 4u : 8u;
}

static struct shape shape_of(struct bytes in)
{
    struct shape s = { 0 };
    unsigned seen = 0;
    uint32_t c;
    for (size_t n; (n = utf8_next(in, &c)) > 0; in = bytes_slice(in, n, in.n)) {
        s.chars++;
        seen |= class_of(c);
    }
    s.classes = (unsigned)__builtin_popcount(seen);
    return s;
}

RESULT password_rules_check(const struct password_profile *p, const struct block_list *list,
                            struct bytes password, const char *const *words, struct error *e)
{
    bool is_blocked = false;

    if (password.n > PASSWORD_MAX) {
        FAIL(e, ERRC_RANGE, "a password has at most %d bytes", PASSWORD_MAX);
    }
    if (!utf8_is_valid(password)) {
        FAIL(e, ERRC_RANGE, "a password is UTF-8 text");
    }
    struct shape s = shape_of(password);
    if (s.chars < p->min_chars) {
        FAIL(e, ERRC_RANGE, "the password is too short: %s wants at least %zu characters", p->name,
             p->min_chars);
    }
    if (s.classes < p->classes) {
        FAIL(e, ERRC_RANGE,
             "%s wants characters of at least %u kinds of these: a-z, A-Z, 0-9, others", p->name,
             p->classes);
    }
    if (p->has_block_list && password_unguessed(password, words) < UNGUESSED_MIN) {
        FAIL(e, ERRC_RANGE,
             "the password is easily guessed: too much of it is names, common words, years, runs "
             "or "
             "repetition");
    }
    if (p->has_block_list && list != NULL) {
        TRY(block_list_has(list, password, &is_blocked, e));
    }
    if (is_blocked) {
        FAIL(e, ERRC_RANGE, "the password is in the list of breached passwords");
    }
    return RESULT_OK;
}
