/*
 * YAML by libyaml's events, built into a tree that lives in one arena. What the header refuses is
 * refused at the first event that shows it, so a hostile text costs no more than its own length.
 */
#include "base/yaml.h"

#include "base/arena.h"
#include "base/map.h"
#include "base/text.h"

#include <yaml.h>

#define YAML_DEPTH_MAX 16
#define YAML_NODES_MAX 100000
#define FEW_KEYS       16

struct yaml_doc {
    struct arena *arena;
    struct yaml_node *root;
};

/* A sequence or mapping that is still open. */
struct frame {
    struct yaml_node *node;
    struct yaml_node *last; /* its newest child */
    struct map *keys;       /* of a mapping with many */
    struct bytes key;       /* read, its value still to come */
    size_t key_line;
    bool has_key;
};

struct builder {
    struct yaml_doc *doc;
    struct frame frames[YAML_DEPTH_MAX];
    size_t depth;
    size_t nodes;
    size_t documents;
};

static void builder_done(struct builder *b)
{
    for (size_t i = 0; i < b->depth; i++) {
        map_free(b->frames[i].keys, NULL);
    }
    yaml_doc_free(b->doc);
}
DEFINE_CLEANUP_DONE(builder_done, struct builder)

DEFINE_CLEANUP_DONE(yaml_parser_delete, yaml_parser_t)
DEFINE_CLEANUP_DONE(yaml_event_delete, yaml_event_t)

__attribute__((format(printf, 4, 5))) static RESULT
refuse(struct error *e, enum errc code, const yaml_mark_t *at, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    struct result r = error_setv(e, code, fmt, ap);
    va_end(ap);
    error_prefix(e, "YAML: line %zu, column %zu", at->line + 1, at->column + 1);
    return r;
}

static RESULT refuse_twice(struct bytes key, const yaml_mark_t *at, struct error *e)
{
    CLEANUP(buf_done_p) struct buf text = BUF(256);
    text_add_escaped(&text, key, 60);
    return refuse(e, ERRC_FORMAT, at, "key '%.*s' stands twice", BYTES_FMT(buf_bytes(&text)));
}

/* Takes a scalar as the key of the mapping that is open. */
static RESULT take_key(struct builder *b, struct frame *f, struct bytes text, const yaml_mark_t *at,
                       struct error *e)
{
    if (f->node->count < FEW_KEYS) {
        for (const struct yaml_node *n = f->node->first; n != NULL; n = n->next) {
            if (bytes_equal(n->key, text)) {
                return refuse_twice(text, at, e);
            }
        }
    } else {
        if (f->keys == NULL) {
            f->keys = map_new();
            for (struct yaml_node *n = f->node->first; n != NULL; n = n->next) {
                map_set(f->keys, n->key, n);
            }
        }
        if (map_set(f->keys, text, f->node) != NULL) {
            return refuse_twice(text, at, e);
        }
    }
    f->key = bytes_of(arena_str(b->doc->arena, text), text.n);
    f->key_line = at->line + 1;
    f->has_key = true;
    return RESULT_OK;
}

/* A new node where the text now stands. */
static RESULT add_node(struct builder *b, enum yaml_type type, const yaml_mark_t *at,
                       struct yaml_node **ret, struct error *e)
{
    if (++b->nodes > YAML_NODES_MAX) {
        return refuse(e, ERRC_LIMIT, at, "more than %d nodes", YAML_NODES_MAX);
    }
    struct yaml_node *n = arena_zalloc(b->doc->arena, sizeof(*n));
    n->type = type;
    n->line = at->line + 1;
    n->column = at->column + 1;
    *ret = n;
    if (b->depth == 0) {
        b->doc->root = n;
        return RESULT_OK;
    }
    struct frame *f = &b->frames[b->depth - 1];
    if (f->node->type == YAML_MAPPING) {
        if (!f->has_key) {
            return refuse(e, ERRC_FORMAT, at, "a key that is not a scalar");
        }
        n->key = f->key;
        n->key_line = f->key_line;
        f->has_key = false;
    }
    if (f->last == NULL) {
        f->node->first = n;
    } else {
        f->last->next = n;
    }
    f->last = n;
    f->node->count++;
    return RESULT_OK;
}

static RESULT open_node(struct builder *b, enum yaml_type type, const yaml_mark_t *at,
                        struct error *e)
{
    struct yaml_node *n = NULL;
    TRY(add_node(b, type, at, &n, e));
    if (b->depth == YAML_DEPTH_MAX) {
        return refuse(e, ERRC_LIMIT, at, "deeper than %d levels", YAML_DEPTH_MAX);
    }
    b->frames[b->depth++] = (struct frame){ .node = n };
    return RESULT_OK;
}

static void close_node(struct builder *b)
{
    struct frame *f = &b->frames[--b->depth];
    map_free(f->keys, NULL);
    f->keys = NULL;
}

static RESULT take_scalar(struct builder *b, const yaml_event_t *ev, struct error *e)
{
    struct bytes text = bytes_of(ev->data.scalar.value, ev->data.scalar.length);
    struct frame *f = b->depth == 0 ? NULL : &b->frames[b->depth - 1];
    if (f != NULL && f->node->type == YAML_MAPPING && !f->has_key) {
        return take_key(b, f, text, &ev->start_mark, e);
    }
    struct yaml_node *n = NULL;
    TRY(add_node(b, YAML_SCALAR, &ev->start_mark, &n, e));
    n->text = bytes_of(arena_str(b->doc->arena, text), text.n);
    n->is_quoted = ev->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    return RESULT_OK;
}

static RESULT refuse_decorations(const yaml_event_t *ev, const yaml_char_t *anchor,
                                 const yaml_char_t *tag, struct error *e)
{
    if (anchor != NULL) {
        return refuse(e, ERRC_FORMAT, &ev->start_mark, "anchors are not allowed");
    }
    if (tag != NULL) {
        return refuse(e, ERRC_FORMAT, &ev->start_mark, "tags are not allowed");
    }
    return RESULT_OK;
}

static RESULT take_event(struct builder *b, const yaml_event_t *ev, struct error *e)
{
    const yaml_mark_t *at = &ev->start_mark;
    switch (ev->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (++b->documents > 1) {
            return refuse(e, ERRC_FORMAT, at, "more than one document");
        }
        if (ev->data.document_start.tag_directives.start !=
            ev->data.document_start.tag_directives.end) {
            return refuse(e, ERRC_FORMAT, at, "tags are not allowed");
        }
        return RESULT_OK;
    case YAML_ALIAS_EVENT:
        return refuse(e, ERRC_FORMAT, at, "aliases are not allowed");
    case YAML_SCALAR_EVENT:
        TRY(refuse_decorations(ev, ev->data.scalar.anchor, ev->data.scalar.tag, e));
        return take_scalar(b, ev, e);
    case YAML_SEQUENCE_START_EVENT:
        TRY(refuse_decorations(ev, ev->data.sequence_start.anchor, ev->data.sequence_start.tag, e));
        return open_node(b, YAML_SEQUENCE, at, e);
    case YAML_MAPPING_START_EVENT:
        TRY(refuse_decorations(ev, ev->data.mapping_start.anchor, ev->data.mapping_start.tag, e));
        return open_node(b, YAML_MAPPING, at, e);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        close_node(b);
        return RESULT_OK;
    default:
        return RESULT_OK;
    }
}

static RESULT refuse_syntax(const yaml_parser_t *p, struct error *e)
{
    if (p->error == YAML_MEMORY_ERROR) {
        FAIL(e, ERRC_NOMEM, "YAML: no memory");
    }
    if (p->error == YAML_READER_ERROR) {
        FAIL(e, ERRC_FORMAT, "YAML: %s at byte %zu", p->problem, p->problem_offset);
    }
    return refuse(e, ERRC_FORMAT, &p->problem_mark, "%s",
                  p->problem == NULL ? "malformed" : p->problem);
}

RESULT yaml_parse(struct bytes in, size_t max_bytes, struct yaml_doc **ret, struct error *e)
{
    if (in.n > max_bytes) {
        FAIL(e, ERRC_LIMIT, "YAML longer than %zu bytes", max_bytes);
    }
    if (!utf8_is_valid(in)) {
        FAIL(e, ERRC_FORMAT, "YAML: invalid UTF-8");
    }
    CLEANUP(yaml_parser_delete_p) yaml_parser_t parser = { 0 };
    if (yaml_parser_initialize(&parser) == 0) {
        FAIL(e, ERRC_NOMEM, "YAML: no memory");
    }
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, in.n == 0 ? (const uint8_t *)"" : in.p, in.n);

    CLEANUP(builder_done_p) struct builder b = { .doc = mem_zalloc(sizeof(*b.doc)) };
    b.doc->arena = arena_new(MIN(MAX(4 * in.n, 1024), 65536), false);
    for (bool is_end = false; !is_end;) {
        CLEANUP(yaml_event_delete_p) yaml_event_t ev = { 0 };
        if (yaml_parser_parse(&parser, &ev) == 0) {
            return refuse_syntax(&parser, e);
        }
        TRY(take_event(&b, &ev, e));
        is_end = ev.type == YAML_STREAM_END_EVENT || ev.type == YAML_NO_EVENT;
    }
    *ret = TAKE(b.doc);
    return RESULT_OK;
}

void yaml_doc_free(struct yaml_doc *d)
{
    if (d != NULL) {
        arena_free(d->arena);
        mem_free(d);
    }
}

const struct yaml_node *yaml_root(const struct yaml_doc *d)
{
    return d->root;
}

const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key)
{
    if (map == NULL || map->type != YAML_MAPPING) {
        return NULL;
    }
    struct bytes want = bytes_str(key);
    for (const struct yaml_node *n = map->first; n != NULL; n = n->next) {
        if (bytes_equal(n->key, want)) {
            return n;
        }
    }
    return NULL;
}
