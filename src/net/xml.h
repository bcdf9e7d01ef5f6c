/*
 * XML as S3 uses it. Reading by libxml2's reader: no DTD, no entities but the five, no network,
 * bounded size, depth and count. Writing: elements and escaped text.
 */
#ifndef TROTH_NET_XML_H
#define TROTH_NET_XML_H

#include "base/arena.h"
#include "base/buf.h"

struct xml_node {
    const char *name;  /* local name */
    struct bytes text; /* concatenated character data */
    struct xml_node *first, *next;
};

/*
 * Nodes live in `arena`. ERRC_FORMAT with line; ERRC_LIMIT past max_bytes, depth 16 or 50,000
 * elements. A DOCTYPE is refused.
 */
RESULT xml_parse(struct bytes in, size_t max_bytes, struct arena *arena, struct xml_node **ret_root,
                 struct error *e);
const struct xml_node *xml_child(const struct xml_node *n, const char *name); /* first, or NULL */
struct bytes xml_child_text(const struct xml_node *n, const char *name); /* empty when absent */

void xml_begin(struct buf *out); /* <?xml version="1.0" encoding="UTF-8"?>\n */
void xml_open(struct buf *out, const char *name);
void xml_open_ns(struct buf *out, const char *name, const char *ns);
void xml_close(struct buf *out, const char *name);
/*
 * Characters that XML 1.0 can't carry become &#xFFFD; callers use encoding-type=url for keys that
 * hold such.
 */
void xml_text(struct buf *out, struct bytes v);
void xml_element(struct buf *out, const char *name, struct bytes v);
void xml_element_str(struct buf *out, const char *name, const char *v);
void xml_element_u64(struct buf *out, const char *name, uint64_t v);

#endif
