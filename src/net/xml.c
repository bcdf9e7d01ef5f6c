/*
 * Reading XML with libxml2's pull reader into a small tree. Input is UTF-8 whatever its declaration
 * says; a document type declaration is refused before the parser sees it, so no entity but the five
 * can exist.
 */
#include "net/xml.h"

#include "base/text.h"

#include <libxml/parser.h>
#include <libxml/xmlreader.h>
#include <pthread.h>

enum { DEPTH_MAX = 16, NODES_MAX = 50000 };

static pthread_once_t parser_once = PTHREAD_ONCE_INIT;

static void reader_free(xmlTextReader **r)
{
    xmlFreeTextReader(*r);
}

/* An element that is open: where its next child goes, and the text seen so far. */
struct level {
    struct xml_node *node;
    struct xml_node **tail;
    struct buf text;
};

struct builder {
    struct arena *arena;
    struct xml_node *root;
    struct level levels[DEPTH_MAX];
    size_t depth, count;
};

static void builder_done(struct builder *b)
{
    for (size_t i = 0; i < DEPTH_MAX; i++) {
        buf_done(&b->levels[i].text);
    }
}
DEFINE_CLEANUP_DONE(builder_done, struct builder)

static RESULT element_open(struct builder *b, const char *name, struct error *e)
{
    if (b->depth == DEPTH_MAX) {
        FAIL(e, ERRC_LIMIT, "elements nested deeper than %d", DEPTH_MAX);
    }
    if (++b->count > NODES_MAX) {
        FAIL(e, ERRC_LIMIT, "more than %d elements", NODES_MAX);
    }
    struct xml_node *n = arena_zalloc(b->arena, sizeof(*n));
    n->name = arena_str(b->arena, bytes_str(name));
    if (b->depth == 0) {
        b->root = n;
    } else {
        struct level *up = &b->levels[b->depth - 1];
        *up->tail = n;
        up->tail = &n->next;
    }
    struct level *l = &b->levels[b->depth++];
    l->node = n;
    l->tail = &n->first;
    buf_reset(&l->text);
    return RESULT_OK;
}

static RESULT element_close(struct builder *b)
{
    struct level *l = &b->levels[--b->depth];
    TRY(buf_result(&l->text));
    l->node->text = arena_bytes(b->arena, buf_bytes(&l->text));
    return RESULT_OK;
}

/* The node the reader stands on. */
static RESULT node_take(struct builder *b, xmlTextReader *r, struct error *e)
{
    switch (xmlTextReaderNodeType(r)) {
    case XML_READER_TYPE_ELEMENT:
        TRY(element_open(b, (const char *)xmlTextReaderConstLocalName(r), e));
        return xmlTextReaderIsEmptyElement(r) == 1 ? element_close(b) : RESULT_OK;
    case XML_READER_TYPE_END_ELEMENT:
        return element_close(b);
    case XML_READER_TYPE_TEXT:
    case XML_READER_TYPE_CDATA:
    case XML_READER_TYPE_WHITESPACE:
    case XML_READER_TYPE_SIGNIFICANT_WHITESPACE:
        if (b->depth != 0) {
            buf_add(&b->levels[b->depth - 1].text,
                    bytes_str((const char *)xmlTextReaderConstValue(r)));
        }
        return RESULT_OK;
    case XML_READER_TYPE_COMMENT:
    case XML_READER_TYPE_PROCESSING_INSTRUCTION:
    case XML_READER_TYPE_XML_DECLARATION:
        return RESULT_OK;
    default:
        FAIL(e, ERRC_FORMAT, "line %d: neither element nor text",
             xmlTextReaderGetParserLineNumber(r));
    }
}

/* The first complaint of the parser. */
static void note_error(void *arg, xmlErrorPtr x)
{
    struct error *e = arg;
    if (e->code == ERRC_OK && x != NULL && x->level >= XML_ERR_ERROR) {
        struct bytes text = bytes_trim(bytes_str(x->message), "\n");
        struct error said = { 0 };
        result_ignore(error_set(&said, ERRC_FORMAT, "line %d: %.*s", x->line, BYTES_FMT(text)));
        *e = said;
    }
}

RESULT xml_parse(struct bytes in, size_t max_bytes, struct arena *arena, struct xml_node **ret_root,
                 struct error *e)
{
    if (in.n > max_bytes || in.n > INT32_MAX) {
        FAIL(e, ERRC_LIMIT, "XML: more than %zu bytes", max_bytes);
    }
    if (!utf8_is_valid(in) || bytes_index(in, 0) != in.n) {
        FAIL(e, ERRC_FORMAT, "XML: not UTF-8");
    }
    if (bytes_find(in, BYTES_LIT("<!DOCTYPE")) != in.n) {
        FAIL(e, ERRC_FORMAT, "XML: a document type declaration is not accepted");
    }
    (void)pthread_once(&parser_once, xmlInitParser);
    CLEANUP(reader_free)
    xmlTextReader *r = xmlReaderForMemory((const char *)in.p, (int)in.n, NULL, "UTF-8",
                                          XML_PARSE_NONET | XML_PARSE_IGNORE_ENC);
    if (r == NULL) {
        FAIL(e, in.n == 0 ? ERRC_FORMAT : ERRC_NOMEM, "XML: no document");
    }
    struct error said = { 0 };
    xmlTextReaderSetStructuredErrorHandler(r, note_error, &said);
    CLEANUP(builder_done) struct builder b = { .arena = arena };
    for (size_t i = 0; i < DEPTH_MAX; i++) {
        b.levels[i].text = BUF(in.n);
    }
    int got;
    while ((got = xmlTextReaderRead(r)) == 1) {
        TRY_MSG(node_take(&b, r, e), e, "XML");
    }
    if (got != 0 || said.code != ERRC_OK || b.root == NULL) {
        FAIL(e, ERRC_FORMAT, "XML: %s", said.code == ERRC_OK ? "malformed" : said.msg);
    }
    *ret_root = b.root;
    return RESULT_OK;
}

const struct xml_node *xml_child(const struct xml_node *n, const char *name)
{
    for (const struct xml_node *c = n->first; c != NULL; c = c->next) {
        if (strcmp(c->name, name) == 0) {
            return c;
        }
    }
    return NULL;
}

struct bytes xml_child_text(const struct xml_node *n, const char *name)
{
    const struct xml_node *c = xml_child(n, name);
    return c == NULL ? BYTES_NONE : c->text;
}
