/* The house thread: opens the stores, lets the loops serve, then keeps the store in order about
 * once a second. */
#include "daemon/edge.h"

#include "base/log.h"
#include "identity/house.h"
#include "identity/rollback.h"

#define HOUSE_EVERY_MS 1000

static void *failed(struct edge *ed)
{
    if (!atomic_load(&ed->is_stopping)) {
        atomic_store(&ed->has_failed, true);
        control_send_failed(ed->control, &ed->failure);
    }
    return NULL;
}

static void keep(struct edge *ed)
{
    struct error e;
    bool more = true;
    while (more && !atomic_load(&ed->is_stopping)) {
        struct result r = vault_housekeep(ed->api.vault, ed->scribe, &more, &e);
        if (!result_is_ok(r)) {
            if (r.code != ERRC_AGAIN) {
                log_warn("housekeeping: %s", e.msg);
            }
            return;
        }
    }
}

static void in_doubt(void *arg, const char *realm)
{
    struct edge *ed = arg;
    vault_act_end(ed->api.vault, realm, vault_act_begin(ed->api.vault, realm), true);
}

static void keep_accounts(struct edge *ed)
{
    struct error e;
    struct result r = identity_house(ed->api.directory, ed->scribe, in_doubt, ed, &e);
    if (!result_is_ok(r) && r.code != ERRC_AGAIN) {
        log_warn("accounts: %s", e.msg);
    }
    r = rollback_mark(ed->api.directory, ed->scribe, &e);
    if (!result_is_ok(r) && r.code != ERRC_AGAIN && r.code != ERRC_FULL) {
        log_warn("accounts: mark: %s", e.msg);
    }
}

void *edge_house(void *arg)
{
    struct edge *ed = arg;
    if (!result_is_ok(edge_open(ed, &ed->failure))) {
        return failed(ed);
    }
    atomic_store(&ed->is_open, true);
    if (!result_is_ok(edge_serve_start(ed, &ed->failure)) ||
        !result_is_ok(control_send_simple(ed->control, CONTROL_READY, &ed->failure))) {
        return failed(ed);
    }
    while (edge_pause(ed, HOUSE_EVERY_MS)) {
        if (db_is_broken(ed->db)) {
            result_ignore(error_set(&ed->failure, ERRC_IO,
                                    "metadata: a write or sync failed: starting anew"));
            return failed(ed);
        }
        keep(ed);
        keep_accounts(ed);
    }
    return NULL;
}
