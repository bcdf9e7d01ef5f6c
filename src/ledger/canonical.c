/* One pass; depth is bounded by JSON_DEPTH_MAX. */
#include "ledger/canonical.h"

#include "base/json.h"
#include "base/text.h"

#define INT_MAX_SAFE ((UINT64_C(1) << 53) - 1)

struct walk {
    const uint8_t *p, *end;
    unsigned depth;
};

static bool value_walk(struct walk *w);

static bool take(struct walk *w, char c)
{
    if (w->p == w->end || *w->p != (uint8_t)c) {
        return false;
    }
    w->p++;
    return true;
}

/* RFC 8785 3.2.2.2: two-character forms where there are some, \u00xx in lower case for the other
 * controls, everything else as it is. */
static bool escape_walk(struct walk *w)
{
    size_t left = (size_t)(w->end - w->p);

    if (left >= 1 && w->p[0] != 0 && strchr("\"\\bfnrt", w->p[0]) != NULL) {
        w->p++;
        return true;
    }
    if (left < 5 || memcmp(w->p, "u00", 3) != 0 || (w->p[3] != '0' && w->p[3] != '1')) {
        return false;
    }
    const char *digits = "0123456789abcdef";
    const char *low = w->p[4] == 0 ? NULL : strchr(digits, w->p[4]);
    if (low == NULL) {
        return false;
    }
    unsigned c = (w->p[3] == '1' ? 16u : 0u) + (unsigned)(low - digits);
    w->p += 5;
    return c != '\b' && c != '\f' && c != '\n' && c != '\r' && c != '\t';
}

/* Behind the opening quotation mark. ret: without the marks, as written. */
static bool string_walk(struct walk *w, struct bytes *ret, bool *ret_is_plain)
{
    const uint8_t *from = w->p;

    *ret_is_plain = true;
    while (w->p < w->end) {
        uint8_t c = *w->p;
        if (c == '"') {
            *ret = bytes_of(from, (size_t)(w->p - from));
            w->p++;
            return true;
        }
        if (c < 0x20) {
            return false;
        }
        w->p++;
        if (c == '\\') {
            *ret_is_plain = false;
            if (!escape_walk(w)) {
                return false;
            }
        } else if (c >= 0x80) { /* UTF-8 was checked before */
            *ret_is_plain = false;
        }
    }
    return false;
}

static uint32_t unit_next(struct bytes *in, uint32_t *low)
{
    static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
    uint32_t c = 0;

    if (*low != 0) {
        c = *low;
        *low = 0;
        return c;
    }
    if (in->p[0] == '\\' && in->p[1] == 'u') {
        uint64_t v = 0;
        result_ignore(num_hex64(bytes_slice(*in, 2, 6), 0xffff, &v));
        *in = bytes_slice(*in, 6, in->n);
        return (uint32_t)v;
    }
    if (in->p[0] == '\\') {
        const char *at = strchr(from, in->p[1]);
        c = at == NULL ? in->p[1] : (uint32_t)(uint8_t)to[at - from];
        *in = bytes_slice(*in, 2, in->n);
        return c;
    }
    size_t n = utf8_next(*in, &c);
    *in = bytes_slice(*in, n, in->n);
    if (c < 0x10000) {
        return c;
    }
    *low = 0xdc00 + ((c - 0x10000) & 0x3ff);
    return 0xd800 + ((c - 0x10000) >> 10);
}

/* a < b by UTF-16 code units of what the strings mean. */
static bool key_is_before(struct bytes a, struct bytes b, bool is_plain)
{
    uint32_t low_a = 0, low_b = 0;

    if (is_plain) {
        return bytes_compare(a, b) < 0;
    }
    while ((a.n > 0 || low_a != 0) && (b.n > 0 || low_b != 0)) {
        uint32_t x = unit_next(&a, &low_a), y = unit_next(&b, &low_b);
        if (x != y) {
            return x < y;
        }
    }
    return b.n > 0 || low_b != 0;
}

static bool object_walk(struct walk *w)
{
    struct bytes last = BYTES_NONE, key;
    bool last_is_plain = true, is_plain;

    if (take(w, '}')) {
        return true;
    }
    for (bool is_first = true;; is_first = false) {
        if (!take(w, '"') || !string_walk(w, &key, &is_plain) || !take(w, ':')) {
            return false;
        }
        if (!is_first && !key_is_before(last, key, is_plain && last_is_plain)) {
            return false;
        }
        if (!value_walk(w)) {
            return false;
        }
        last = key;
        last_is_plain = is_plain;
        if (!take(w, ',')) {
            return take(w, '}');
        }
    }
}

static bool array_walk(struct walk *w)
{
    if (take(w, ']')) {
        return true;
    }
    for (;;) {
        if (!value_walk(w)) {
            return false;
        }
        if (!take(w, ',')) {
            return take(w, ']');
        }
    }
}

static bool number_walk(struct walk *w)
{
    bool is_negative = take(w, '-');
    const uint8_t *from = w->p;
    uint64_t v = 0;

    for (; w->p < w->end && *w->p >= '0' && *w->p <= '9'; w->p++) {
        v = v * 10 + (uint64_t)(*w->p - '0');
        if (v > INT_MAX_SAFE) {
            return false;
        }
    }
    size_t n = (size_t)(w->p - from);
    return n > 0 && (*from != '0' || (n == 1 && !is_negative));
}

static bool word_walk(struct walk *w, const char *word)
{
    size_t n = strlen(word);

    if ((size_t)(w->end - w->p) < n || memcmp(w->p, word, n) != 0) {
        return false;
    }
    w->p += n;
    return true;
}

static bool value_walk(struct walk *w)
{
    struct bytes text;
    bool is_plain, is_fine;

    if (w->p == w->end) {
        return false;
    }
    switch (*w->p) {
    case '{':
    case '[':
        if (w->depth == JSON_DEPTH_MAX) {
            return false;
        }
        w->depth++;
        w->p++;
        is_fine = w->p[-1] == '{' ? object_walk(w) : array_walk(w);
        w->depth--;
        return is_fine;
    case '"':
        w->p++;
        return string_walk(w, &text, &is_plain);
    case 't':
        return word_walk(w, "true");
    case 'f':
        return word_walk(w, "false");
    case 'n':
        return word_walk(w, "null");
    default:
        return number_walk(w);
    }
}

bool canonical_is_object(struct bytes in)
{
    struct walk w = { in.p, in.p + in.n, 0 };

    return in.n > 0 && in.p[0] == '{' && utf8_is_valid(in) && value_walk(&w) && w.p == w.end;
}
