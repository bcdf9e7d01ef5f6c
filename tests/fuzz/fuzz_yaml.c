/* YAML reading: any bytes give a bounded tree or a message. */
#include "base/yaml.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t walk(const struct yaml_node *n, unsigned depth)
{
    size_t count = 0, under = 0;
    for (const struct yaml_node *c = n->first; c != NULL; c = c->next, count++) {
        under += walk(c, depth + 1);
        if (n->type == YAML_MAPPING && c->key.p == NULL) {
            abort();
        }
    }
    if (count != n->count || depth > 17 || (n->type == YAML_SCALAR && count != 0)) {
        abort();
    }
    return under + 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(yaml_doc_free_p) struct yaml_doc *d = NULL;
    struct error e = { 0 };
    if (!result_is_ok(yaml_parse(bytes_of(data, size), 1 << 20, &d, &e))) {
        if (e.msg[0] == 0) {
            abort();
        }
    } else if (yaml_root(d) != NULL && walk(yaml_root(d), 0) > 100000) {
        abort();
    }
    return 0;
}
