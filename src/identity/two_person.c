/* Two persons: their names, and when the rule holds. */
#include "identity/two_person.h"

const char *two_person_name(const struct principal *p, struct arena *arena)
{
    if (p->user_id[0] == '\0' || p->user_name[0] == '\0') {
        return arena_str(arena, bytes_str(p->actor));
    }
    return arena_printf(arena, "%s/user/%s/%s", p->home, p->user_name, p->user_id);
}

/*= 2.1.3-7 "destruction: two persons" */
RESULT two_person_rule(struct directory *d, const struct principal *p, const char *realm, bool *ret,
                       struct error *e)
{
    bool is_claimed = false;
    TRY(realm_is_claimed(d, realm, &is_claimed, e));
    if (is_claimed && !p->is_person) {
        FAIL(e, ERRC_DENIED, "the destruction of a key of %s is confirmed by a person", realm);
    }
    *ret = is_claimed || p->is_person;
    return RESULT_OK;
}
