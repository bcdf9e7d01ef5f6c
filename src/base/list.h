/* Intrusive doubly linked lists; an empty list points at itself. */
#ifndef TROTH_BASE_LIST_H
#define TROTH_BASE_LIST_H

#include "base/mem.h"

struct list {
    struct list *next, *prev;
};

static inline void list_init(struct list *l)
{
    l->next = l->prev = l;
}
static inline bool list_is_empty(const struct list *l)
{
    return l->next == l;
}
static inline void list_push_back(struct list *l, struct list *item)
{
    item->prev = l->prev;
    item->next = l;
    l->prev->next = item;
    l->prev = item;
}
static inline void list_push_front(struct list *l, struct list *item)
{
    item->next = l->next;
    item->prev = l;
    l->next->prev = item;
    l->next = item;
}
static inline void list_remove(struct list *item) /* idempotent */
{
    item->prev->next = item->next;
    item->next->prev = item->prev;
    list_init(item);
}
static inline struct list *list_pop_front(struct list *l) /* NULL when empty */
{
    if (list_is_empty(l)) {
        return NULL;
    }
    struct list *item = l->next;
    list_remove(item);
    return item;
}
/* Moves all items of `from` to the end of `to`. */
static inline void list_splice(struct list *to, struct list *from)
{
    if (!list_is_empty(from)) {
        from->next->prev = to->prev;
        to->prev->next = from->next;
        from->prev->next = to;
        to->prev = from->prev;
        list_init(from);
    }
}
#define LIST_EACH(item, l)                                                                         \
    for (struct list *item = (l)->next, *item##_next_ = item->next; item != (l);                   \
         item = item##_next_, item##_next_ = item->next)
#define LIST_ITEM(ptr, type, member) CONTAINER_OF(ptr, type, member)

#endif
