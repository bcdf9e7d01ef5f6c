/* Preconditions of RFC 9110 section 13, over what the object is now. */
#include "vault/vault.h"

static bool tag_matches(struct bytes item, const char *etag)
{
    item = bytes_trim(item, " \t");
    if (bytes_has_prefix(item, BYTES_LIT("W/"))) {
        item = bytes_slice(item, 2, item.n);
    }
    if (item.n >= 2 && item.p[0] == '"' && item.p[item.n - 1] == '"') {
        item = bytes_slice(item, 1, item.n - 1);
    }
    return bytes_equal_str(item, etag);
}

static bool list_matches(struct bytes list, const struct vault_object *o)
{
    if (o == NULL) {
        return false;
    }
    if (bytes_equal_str(bytes_trim(list, " \t"), "*")) {
        return true;
    }
    struct bytes item;
    bool more = true;
    while (more) {
        more = bytes_split(&list, ',', &item);
        if (tag_matches(item, o->etag)) {
            return true;
        }
    }
    return false;
}

enum vault_verdict vault_conditions_eval(const struct vault_conditions *c,
                                         const struct vault_object *o)
{
    int64_t modified_s = o == NULL ? 0 : o->modified_ms / 1000; /* dates of HTTP have seconds */
    if (c->if_match.n != 0) {
        if (!list_matches(c->if_match, o)) {
            return VAULT_PRECONDITION_FAILED;
        }
    } else if (c->has_unmodified_since && o != NULL && modified_s > c->unmodified_since_ms / 1000) {
        return VAULT_PRECONDITION_FAILED;
    }
    if (c->if_none_match.n != 0) {
        if (list_matches(c->if_none_match, o)) {
            return VAULT_NOT_MODIFIED;
        }
    } else if (c->has_modified_since && o != NULL && modified_s <= c->modified_since_ms / 1000) {
        return VAULT_NOT_MODIFIED;
    }
    return VAULT_PROCEED;
}
