/*
 * How much of a password a guesser must guess. Words are looked for with case and leetspeak seen
 * through and struck out, each leaving one character; of the rest, a character that continues a run
 * (the same again, the next or previous one, the neighbour on the keyboard, the same as one block
 * before) is no news.
 */
#include "identity/password_priv.h"

#include "base/mem.h"
#include "base/text.h"

#define CHARS_MAX   1024
#define WORD_MIN    3 /* shorter words of the context are everywhere */
#define CONTEXT_MAX 128
#define STRUCK      UINT32_MAX

struct guess {
    uint32_t c[CHARS_MAX]; /* code points, ASCII in lower case; STRUCK: part of a word */
    size_t n;
    size_t words;
};

/* Letters that a sign stands for, and the digit on its key. */
static const char *leet(uint32_t c)
{
    static const char *const table[128] = {
        ['0'] = "o",  ['1'] = "il", ['2'] = "z",  ['3'] = "e", ['4'] = "a",   ['5'] = "s",
        ['6'] = "g",  ['7'] = "t",  ['8'] = "b",  ['9'] = "g", ['!'] = "il1", ['@'] = "a2",
        ['#'] = "3",  ['$'] = "s4", ['%'] = "5",  ['^'] = "6", ['&'] = "7",   ['*'] = "8",
        ['('] = "9c", [')'] = "0",  ['|'] = "il", ['+'] = "t",
    };
    return c < 128 && table[c] != NULL ? table[c] : "";
}

static bool char_fits(uint32_t c, uint32_t want)
{
    return c == want || (c < 128 && want < 128 && want != 0 && strchr(leet(c), (int)want) != NULL);
}

static uint32_t lower(uint32_t c)
{
    return c >= 'A' && c <= 'Z' ? c + 32 : c;
}

static size_t chars_of(struct bytes in, uint32_t *ret, size_t max)
{
    size_t n = 0;
    uint32_t c;
    for (size_t k; n < max && (k = utf8_next(in, &c)) > 0; in = bytes_slice(in, k, in.n)) {
        ret[n++] = lower(c);
    }
    return n;
}

static void word_strike(struct guess *g, const uint32_t *word, size_t n)
{
    for (size_t at = 0; n > 0 && at + n <= g->n; at++) {
        size_t k = 0;
        while (k < n && char_fits(g->c[at + k], word[k])) {
            k++;
        }
        if (k == n) {
            for (size_t i = 0; i < n; i++) {
                g->c[at + i] = STRUCK;
            }
            g->words++;
            at += n - 1;
        }
    }
}

static bool is_separator(uint32_t c)
{
    return c < 128 && c != 0 && strchr(" -_.,@+=/", (int)c) != NULL;
}

/* A word of the context, "acme-cloud", and its parts, of those n characters long. */
static void context_strike(struct guess *g, const char *text, size_t n)
{
    uint32_t word[CONTEXT_MAX];
    size_t all = chars_of(bytes_str(text), word, ARRAY_LEN(word)), from = 0;

    if (all == n) {
        word_strike(g, word, n);
    }
    for (size_t i = 0; i <= all; i++) {
        if (i == all || is_separator(word[i])) {
            if (i - from == n) {
                word_strike(g, word + from, n);
            }
            from = i + 1;
        }
    }
}

static void common_strike(struct guess *g)
{
    uint32_t word[32];
    for (size_t i = 0; password_common[i] != NULL; i++) {
        word_strike(g, word, chars_of(bytes_str(password_common[i]), word, ARRAY_LEN(word)));
    }
}

static bool is_digit(uint32_t c)
{
    return c >= '0' && c <= '9';
}

static void years_strike(struct guess *g)
{
    for (size_t i = 0; i + 4 <= g->n; i++) {
        const uint32_t *c = g->c + i;
        bool is_century = (c[0] == '1' && c[1] == '9') || (c[0] == '2' && c[1] == '0');
        if (is_century && is_digit(c[2]) && is_digit(c[3])) {
            for (size_t k = 0; k < 4; k++) {
                g->c[i + k] = STRUCK;
            }
            g->words++;
        }
    }
}

/* Place on the keyboard: row * 100 + column; 0 when it has none. */
static int key_place(uint32_t c)
{
    static const char *const rows[] = { "`1234567890-=", "qwertyuiop[]\\", "asdfghjkl;'",
                                        "zxcvbnm,./" };
    static const char shifted[] = "!@#$%^&*()";
    const char *at;
    if (c == 0 || c >= 128) {
        return 0;
    }
    at = strchr(shifted, (int)c);
    if (at != NULL) {
        return 100 + (int)(at - shifted) + 1;
    }
    for (int r = 0; r < (int)ARRAY_LEN(rows); r++) {
        at = strchr(rows[r], (int)c);
        if (at != NULL) {
            return (r + 1) * 100 + (int)(at - rows[r]);
        }
    }
    return 0;
}

/* One step of a run: +1, -1, 0 in the alphabet or along a row; 2: none. */
static int step_alphabet(uint32_t a, uint32_t b)
{
    return a == b ? 0 : b == a + 1 ? 1 : a == b + 1 ? -1 : 2;
}

static int step_keyboard(uint32_t a, uint32_t b)
{
    int from = key_place(a), to = key_place(b);
    return from == 0 || to == 0 ? 2 : to == from + 1 ? 1 : from == to + 1 ? -1 : 2;
}

static bool continues_run(const struct guess *g, size_t i)
{
    const uint32_t *c = g->c;
    if (i < 2 || c[i - 1] == STRUCK || c[i - 2] == STRUCK) {
        return false;
    }
    int alphabet = step_alphabet(c[i - 2], c[i - 1]), keyboard = step_keyboard(c[i - 2], c[i - 1]);
    return (alphabet != 2 && step_alphabet(c[i - 1], c[i]) == alphabet) ||
           (keyboard != 2 && step_keyboard(c[i - 1], c[i]) == keyboard);
}

/* Three characters in a row stood so before: "abcabc", "lin1lin1", "xyxyxy". */
static bool repeats_block(const struct guess *g, size_t i)
{
    if (i < 2) {
        return false;
    }
    for (size_t back = 1; back + 2 <= i; back++) {
        if (g->c[i] == g->c[i - back] && g->c[i - 1] == g->c[i - 1 - back] &&
            g->c[i - 2] == g->c[i - 2 - back]) {
            return true;
        }
    }
    return false;
}

size_t password_unguessed(struct bytes password, const char *const *words)
{
    struct guess g = { 0 };
    size_t left = 0;

    g.n = chars_of(password, g.c, CHARS_MAX);
    for (size_t n = CONTEXT_MAX; words != NULL && n >= WORD_MIN; n--) { /* the longest first */
        for (size_t i = 0; words[i] != NULL; i++) {
            context_strike(&g, words[i], n);
        }
    }
    common_strike(&g);
    years_strike(&g);
    for (size_t i = 0; i < g.n; i++) {
        left += g.c[i] != STRUCK && !continues_run(&g, i) && !repeats_block(&g, i);
    }
    left += g.words;
    mem_wipe(&g, sizeof(g));
    return left;
}
