/* A form body: no crash; what is taken is within its bounds, plain text, each name once. */
#include "api/query/form.h"

#include "base/text.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool claim)
{
    if (!claim) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_free_p) struct arena *arena = arena_new(4096, false);
    static struct form f;
    struct error e = { 0 };
    f.n = 0;
    struct result r = form_parse(&f, bytes_of(data, size), arena, &e);
    must(f.n <= FORM_PARAMS_MAX);
    for (size_t i = 0; i < f.n; i++) {
        must(f.params[i].name[0] != '\0' && utf8_is_valid(bytes_str(f.params[i].value)));
        must(form_get(&f, f.params[i].name) == f.params[i].value);
    }
    must(result_is_ok(r) || e.msg[0] != '\0');
    return 0;
}
