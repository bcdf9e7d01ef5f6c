/* The right edge in memory. */
#include "ledger/recent.h"

void tree_recent_init(struct tree_recent *r, const struct tree_frontier *base)
{
    *r = (struct tree_recent){ .base = *base, .head = *base };
    for (unsigned level = 0; level < 64; level++) {
        r->levels[level].first = base->size >> level;
    }
}

void tree_recent_done(struct tree_recent *r)
{
    for (unsigned level = 0; level < 64; level++) {
        mem_free(r->levels[level].nodes);
        r->levels[level] = (struct recent_level){ 0 };
    }
}

static void level_push(struct recent_level *l, const struct tree_hash *h)
{
    if (l->n == l->cap) {
        l->cap = l->cap == 0 ? 4 : 2 * l->cap;
        l->nodes = mem_realloc(l->nodes, l->cap * sizeof(l->nodes[0]));
    }
    l->nodes[l->n++] = *h;
}

unsigned tree_recent_add(struct tree_recent *r, const struct tree_hash *leaf)
{
    struct tree_frontier *f = &r->head;
    struct tree_hash h = *leaf;
    unsigned level = 0;

    level_push(&r->levels[0], &h);
    for (; (f->size >> level & 1) != 0; level++) {
        h = tree_node_hash(&f->nodes[level], &h);
        level_push(&r->levels[level + 1], &h);
    }
    f->nodes[level] = h;
    f->size++;
    return level;
}

bool tree_recent_get(const struct tree_recent *r, unsigned level, uint64_t index,
                     struct tree_hash *ret)
{
    const struct recent_level *l = &r->levels[level];

    if (index >= l->first && index - l->first < l->n) {
        *ret = l->nodes[index - l->first];
        return true;
    }
    if ((r->base.size >> level & 1) != 0 && index == (r->base.size >> level) - 1) {
        *ret = r->base.nodes[level];
        return true;
    }
    return false;
}

void tree_recent_rebase(struct tree_recent *r, const struct tree_frontier *base)
{
    for (unsigned level = 0; level < 64; level++) {
        struct recent_level *l = &r->levels[level];
        size_t drop = (size_t)((base->size >> level) - l->first);
        l->n -= drop;
        l->first += drop;
        if (l->n == 0) {
            mem_free(l->nodes);
            l->nodes = NULL;
            l->cap = 0;
        } else if (drop > 0) {
            memmove(l->nodes, l->nodes + drop, l->n * sizeof(l->nodes[0]));
        }
    }
    r->base = *base;
}
