/*
 * YAML 1.1 by libyaml, as a bounded tree. Refused: aliases and anchors, tags, duplicate keys, more
 * than one document, keys that are not scalars, depth past 16, more than 100,000 nodes.
 */
#ifndef TROTH_BASE_YAML_H
#define TROTH_BASE_YAML_H

#include "base/buf.h"

enum yaml_type { YAML_SCALAR, YAML_SEQUENCE, YAML_MAPPING };

struct yaml_node {
    enum yaml_type type;
    size_t line, column; /* from 1 */
    struct bytes text;   /* scalar */
    bool is_quoted;      /* scalar in quotes: text, never a number or null */
    struct bytes key;    /* of this node within its mapping */
    size_t key_line;
    struct yaml_node *first; /* children, in order */
    struct yaml_node *next;
    size_t count;
};

struct yaml_doc;

RESULT yaml_parse(struct bytes in, size_t max_bytes, struct yaml_doc **ret, struct error *e);
void yaml_doc_free(struct yaml_doc *d);
DEFINE_CLEANUP(yaml_doc_free, struct yaml_doc *)
const struct yaml_node *yaml_root(const struct yaml_doc *d); /* NULL for an empty document */
const struct yaml_node *yaml_get(const struct yaml_node *map,
                                 const char *key); /* NULL when absent */

#endif
