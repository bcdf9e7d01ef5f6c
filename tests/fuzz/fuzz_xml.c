/* XML: no crash; what is read and written again reads as the same tree. */
#include "net/xml.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_node(struct buf *out, const struct xml_node *n)
{
    xml_open(out, n->name);
    xml_text(out, n->text);
    for (const struct xml_node *c = n->first; c != NULL; c = c->next) {
        write_node(out, c);
    }
    xml_close(out, n->name);
}

static void must_equal(const struct xml_node *a, const struct xml_node *b)
{
    if (strcmp(a->name, b->name) != 0 || !bytes_equal(a->text, b->text)) {
        abort();
    }
    const struct xml_node *x = a->first, *y = b->first;
    for (; x != NULL && y != NULL; x = x->next, y = y->next) {
        must_equal(x, y);
    }
    if (x != NULL || y != NULL) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_free_p) struct arena *arena = arena_new(4096, false);
    CLEANUP(buf_done) struct buf out = BUF(1 << 22);
    struct xml_node *a = NULL, *b = NULL;
    struct error e = { 0 };
    if (!result_is_ok(xml_parse(bytes_of(data, size), 1 << 16, arena, &a, &e))) {
        return 0;
    }
    xml_begin(&out);
    write_node(&out, a);
    if (!result_is_ok(xml_parse(buf_bytes(&out), 1 << 22, arena, &b, &e))) {
        abort();
    }
    must_equal(a, b);
    return 0;
}
