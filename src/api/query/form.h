/* A form body (application/x-www-form-urlencoded), as the query protocol sends it. */
#ifndef TROTH_API_QUERY_FORM_H
#define TROTH_API_QUERY_FORM_H

#include "base/arena.h"
#include "base/buf.h"

#define FORM_PARAMS_MAX 512

struct form_param {
    const char *name, *value; /* decoded, terminated */
};
struct form {
    struct form_param params[FORM_PARAMS_MAX];
    size_t n;
};

/*
 * Adds what is in `in`. ERRC_FORMAT: bad percent-encoding, a name of other characters than
 * [A-Za-z0-9._-], a name twice, text that is not UTF-8 or has control characters but tab and line
 * ends. ERRC_LIMIT past FORM_PARAMS_MAX.
 */
RESULT form_parse(struct form *f, struct bytes in, struct arena *arena, struct error *e);
const char *form_get(const struct form *f, const char *name); /* NULL when absent */

#endif
