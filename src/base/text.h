/*
 * Text: UTF-8 checks, hex, base64, percent-encoding, safe printing. All bounded by their arguments.
 */
#ifndef TROTH_BASE_TEXT_H
#define TROTH_BASE_TEXT_H

#include "base/buf.h"

/* RFC 3629: no overlong forms, no surrogates, at most U+10FFFF. */
bool utf8_is_valid(struct bytes in);
/* Length of the valid sequence at the front and its code point; 0 when there is none. */
size_t utf8_next(struct bytes in, uint32_t *ret);
/* Valid UTF-8 and no C0 control, DEL or C1 control. */
bool text_is_printable(struct bytes in);
/*
 * Appends `in` for people's eyes: control characters, direction marks and invalid UTF-8 as \xNN;
 * cut after `max` bytes of input (at a character's end) with "...".
 */
void text_add_escaped(struct buf *out, struct bytes in, size_t max);

/* Lower-case hex. */
void hex_encode(struct bytes in, char *dst /* 2n+1 */);
void buf_add_hex(struct buf *b, struct bytes in);
/* Exactly ret_n bytes from 2*ret_n hex digits of either case; ERRC_FORMAT otherwise. */
RESULT hex_decode(struct bytes in, uint8_t *ret, size_t ret_n);

/* RFC 4648. Decoding is strict: right padding, no white space, no stray bits. */
void buf_add_base64(struct buf *b, struct bytes in);
void buf_add_base64url(struct buf *b, struct bytes in); /* without padding */
RESULT base64_decode(struct bytes in, struct buf *out);
RESULT base64url_decode(struct bytes in, struct buf *out);

/* RFC 3986. Decoding refuses '%' without two hex digits; `plus_is_space` for form bodies. */
RESULT percent_decode(struct bytes in, bool plus_is_space, struct buf *out);
/*
 * Everything but unreserved is encoded, upper-case hex; '/' is kept when keep_slash (SigV4's
 * UriEncode).
 */
void buf_add_percent(struct buf *b, struct bytes in, bool keep_slash);

/* The whole of `in` or ERRC_FORMAT; ERRC_RANGE past min..max. Digits only (a '-' where signed). */
RESULT num_u64(struct bytes in, uint64_t min, uint64_t max, uint64_t *ret);
RESULT num_i64(struct bytes in, int64_t min, int64_t max, int64_t *ret);
RESULT num_hex64(struct bytes in, uint64_t max, uint64_t *ret);
/* "64", "64k", "64KiB", "1 MiB", "5TiB": binary units. */
RESULT num_size(struct bytes in, uint64_t min, uint64_t max, uint64_t *ret);
/* "250ms", "10s", "5m", "2h", "30d" -> milliseconds. */
RESULT num_duration_ms(struct bytes in, uint64_t min, uint64_t max, uint64_t *ret);
/* Byte counts for people: "1.5 MiB". */
void buf_add_size(struct buf *b, uint64_t bytes);

/* Overflow-checked arithmetic: ERRC_LIMIT. */
#define NUM_ADD(a, b, ret)                                                                         \
    (__builtin_add_overflow((a), (b), (ret)) ? result_of(ERRC_LIMIT) : RESULT_OK)
#define NUM_MUL(a, b, ret)                                                                         \
    (__builtin_mul_overflow((a), (b), (ret)) ? result_of(ERRC_LIMIT) : RESULT_OK)

#endif
