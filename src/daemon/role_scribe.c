/* The scribe process: opens the ledger with the keeper's keys, serves, and takes new connections
 * from the supervisor. */
#include "base/log.h"
#include "daemon/control.h"
#include "daemon/roles.h"
#include "keys/client.h"
#include "ledger/scribe.h"
#include "sys/proc.h"
#include "sys/sandbox.h"
#include "sys/sock.h"

#include <poll.h>

#define PEERS_MAX 256
#define RETRY_MS  20

struct scribe_role {
    const struct config *config;
    struct rpc_client *keeper;
    struct scribe *scribe;           /* NULL until the ledger is open */
    struct control peers[PEERS_MAX]; /* until then */
    size_t peer_count;
    bool is_stopping;
};

/* --- what the ledger needs of the keeper --- */

static RESULT sign_checkpoint(void *ctx, const char *log, const char *origin, uint64_t size,
                              const struct tree_hash *root, struct buf *ret_note, struct error *e)
{
    return keys_sign_checkpoint(ctx, log, origin, size, root->b, ret_note, e);
}

static RESULT payload_key(void *ctx, const char *log, const char *month, struct key256 *ret,
                          enum crypto_suite *ret_suite, struct error *e)
{
    return keys_log_payload_key(ctx, log, month, ret, ret_suite, e);
}

static RESULT log_vkey(void *ctx, const char *log, const char *origin, struct buf *ret_vkey,
                       struct error *e)
{
    return keys_log_vkey(ctx, log, origin, ret_vkey, e);
}

/* --- the control channel --- */

static void peer_take(struct scribe_role *s, const struct control *m)
{
    if (m->role == ROLE_KEEPER) {
        rpc_client_attach(s->keeper, m->fd);
    } else if (s->scribe != NULL) {
        rpc_server_add_peer(scribe_server(s->scribe), m->fd, m->role, m->channel);
    } else if (s->peer_count < PEERS_MAX) {
        s->peers[s->peer_count++] = *m;
    } else {
        sock_close(m->fd);
    }
}

/* All that is there. True: "go" was among it. */
static bool control_take(struct scribe_role *s)
{
    bool is_go = false;
    for (;;) {
        struct control m;
        struct error e;
        struct result r = control_recv(PROC_CONTROL_FD, &m, &e);
        if (r.code == ERRC_AGAIN) {
            return is_go;
        }
        if (!result_is_ok(r) || m.type == CONTROL_STOP) {
            s->is_stopping = true;
            return is_go;
        }
        is_go = is_go || m.type == CONTROL_GO;
        if (m.type == CONTROL_PEER) {
            peer_take(s, &m);
        } else {
            sock_close(m.fd);
        }
    }
}

static void control_heard(void *arg)
{
    struct scribe_role *s = arg;
    (void)control_take(s);
    if (s->is_stopping) {
        rpc_server_stop(scribe_server(s->scribe));
    }
}

static void control_wait(int ms)
{
    struct pollfd p = { .fd = PROC_CONTROL_FD, .events = POLLIN };
    (void)poll(&p, 1, ms);
}

/* --- life --- */

static RESULT cage(const char *dir, struct error *e)
{
    CLEANUP(buf_done_p) struct buf report = BUF(4096);
    CLEANUP(mem_free_p) char *own = mem_printf("%s/ledger", dir);
    struct sandbox_path paths[] = { { own, true } };
    TRY_MSG(sandbox_enter(SANDBOX_SCRIBE, paths, ARRAY_LEN(paths), &report, e), e, "sandbox");
    log_info("sandbox: %s", report.n > 0 ? buf_cstr(&report) : "");
    return RESULT_OK;
}

static RESULT witnesses_parse(const struct config *c, struct note_key *ret, struct error *e)
{
    for (size_t i = 0; i < c->witness_count; i++) {
        TRY_MSG(note_key_parse(bytes_str(c->witnesses[i].vkey), &ret[i], e), e, "ledger.witnesses");
    }
    return RESULT_OK;
}

/* Opening reads the journal under the keeper's keys: while the keeper is away, again. */
static RESULT ledger_open(struct scribe_role *s, struct fs *fs, const struct ledger_config *lc,
                          struct engine **ret, struct error *e)
{
    for (;;) {
        struct result r = engine_open(fs, lc, ret, e);
        if (r.code != ERRC_AGAIN || s->is_stopping) {
            return r;
        }
        control_wait(RETRY_MS);
        (void)control_take(s);
    }
}

static RESULT serve(struct scribe_role *s, const char *dir, struct error *e)
{
    static struct note_key witnesses[CONFIG_WITNESSES_MAX];
    const struct config *c = s->config;
    struct ledger_config lc;
    CLEANUP(fs_free_p) struct fs *state = NULL;
    CLEANUP(fs_free_p) struct fs *own = NULL;
    struct engine *en = NULL;
    TRY(fs_open_dir(dir, &state, e));
    TRY(fs_sub(state, "ledger", &own, e));
    TRY(witnesses_parse(c, witnesses, e));
    TRY(cage(dir, e));
    ledger_config_default(&lc);
    lc.deployment = c->origin;
    lc.keys = (struct ledger_keys){ sign_checkpoint, payload_key, log_vkey, s->keeper };
    lc.witnesses = witnesses;
    lc.witness_count = c->witness_count;
    lc.publish_ms = MAX(c->ledger_checkpoint_ms / 2, 5);
    lc.heartbeat_ms = c->ledger_heartbeat_ms;
    lc.reserve_bytes = c->ledger_reserve_bytes;
    lc.low_water_bytes = c->vault_reserve_bytes;
    TRY_MSG(ledger_open(s, own, &lc, &en, e), e, "ledger");
    TRY(scribe_new(en, &s->scribe, e));
    for (size_t i = 0; i < s->peer_count; i++) {
        rpc_server_add_peer(scribe_server(s->scribe), s->peers[i].fd, s->peers[i].role,
                            s->peers[i].channel);
    }
    rpc_server_watch(scribe_server(s->scribe), PROC_CONTROL_FD, control_heard, s);
    struct result r = control_send_simple(PROC_CONTROL_FD, CONTROL_READY, e);
    if (result_is_ok(r) && !s->is_stopping) {
        r = scribe_run(s->scribe, e);
    }
    scribe_free(s->scribe);
    return r;
}

RESULT role_scribe(const char *dir, const struct config *c, uint32_t channels, struct error *e)
{
    static struct scribe_role s;
    (void)channels;
    s.config = c;
    TRY(rpc_client_new(NULL, "keeper", &s.keeper, e));
    TRY(sock_set_nonblocking(PROC_CONTROL_FD, true, e));
    for (bool is_go = false; !is_go && !s.is_stopping;) {
        control_wait(-1);
        is_go = control_take(&s);
    }
    return s.is_stopping ? RESULT_OK : serve(&s, dir, e);
}
