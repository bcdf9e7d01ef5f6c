/*
 * Inside of JSON: simdjson's tape behind a C face (json_simdjson.cc), and the search for the place
 * of a fault. A value is a document and an index into its tape.
 */
#ifndef TROTH_BASE_JSON_PRIV_H
#define TROTH_BASE_JSON_PRIV_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { SJ_PADDING = 64 }; /* readable bytes that must follow the text */

enum sj_status { SJ_OK, SJ_FORMAT, SJ_DEPTH, SJ_NOMEM };

struct sj_doc;

/* `text` may be freed afterwards. On failure *ret_what says why (static text). */
enum sj_status sj_parse(const uint8_t *text, size_t n, size_t depth, struct sj_doc **ret,
                        const char **ret_what);
void sj_free(struct sj_doc *d); /* wipes the strings; NULL allowed */

/* Type letters as simdjson's tape has them: [ { " l (int64) u (uint64) d (double) t f n */
char sj_type(const struct sj_doc *d, uint64_t at);
uint64_t sj_after(const struct sj_doc *d, uint64_t at); /* index behind the value */
uint64_t sj_bits(const struct sj_doc *d, uint64_t at);  /* of a number */
const char *sj_string(const struct sj_doc *d, uint64_t at, size_t *ret_n);

#define SJ_ROOT 1

#ifdef __cplusplus
}
#else

#include "base/json.h"

/* The offset of the first byte that can't stand in JSON text, and what was expected there; in.n + 1
 * when all is well. */
size_t json_fault_at(struct bytes in, const char **ret_what);

static inline const struct sj_doc *json_doc_of(struct json v)
{
    return (const struct sj_doc *)(uintptr_t)v.priv_[0];
}

#endif
#endif
