/* The keeper process: opens the root key, serves, and takes new connections from the supervisor. */
#include "base/log.h"
#include "daemon/control.h"
#include "daemon/roles.h"
#include "daemon/state.h"
#include "keys/keeper.h"
#include "keys/root.h"
#include "sys/path.h"
#include "sys/proc.h"
#include "sys/sandbox.h"
#include "sys/sock.h"

#define PEERS_MAX 256

struct keeper_role {
    struct keeper *keeper;
    struct control peers[PEERS_MAX]; /* until the keeper is there */
    size_t peer_count;
    struct secret *unseal[16];
    size_t unseal_count;
    struct root_info root;
};

static RESULT unseal_take(struct keeper_role *k, struct control *m, struct error *e)
{
    if (k->unseal_count == ARRAY_LEN(k->unseal)) {
        FAIL(e, ERRC_LIMIT, "too many shares");
    }
    struct result r = secret_of(bytes_of(m->data, m->data_n), &k->unseal[k->unseal_count]);
    mem_wipe(m->data, sizeof(m->data));
    k->unseal_count += result_is_ok(r);
    return r;
}

/* Until "go". */
static RESULT start_take(struct keeper_role *k, struct error *e)
{
    for (;;) {
        struct control m;
        TRY(control_recv(PROC_CONTROL_FD, &m, e));
        if (m.type == CONTROL_GO) {
            return RESULT_OK;
        }
        if (m.type == CONTROL_PEER && k->peer_count < PEERS_MAX) {
            k->peers[k->peer_count++] = m;
        } else if (m.type == CONTROL_UNSEAL) {
            TRY(unseal_take(k, &m, e));
        } else {
            sock_close(m.fd);
        }
    }
}

static void control_heard(void *arg)
{
    struct keeper_role *k = arg;
    struct control m;
    struct error e;
    for (;;) {
        struct result r = control_recv(PROC_CONTROL_FD, &m, &e);
        if (r.code == ERRC_AGAIN) {
            return;
        }
        if (!result_is_ok(r) || m.type == CONTROL_STOP) {
            keeper_stop(k->keeper);
            return;
        }
        if (m.type == CONTROL_PEER) {
            keeper_add_peer(k->keeper, m.fd, m.role, m.channel);
        } else {
            sock_close(m.fd);
        }
    }
}

static RESULT root_get(struct keeper_role *k, const char *dir, const struct config *c,
                       struct secret **ret, struct error *e)
{
    CLEANUP(fs_free_p) struct fs *fs = NULL;
    CLEANUP(buf_done_p) struct buf path = BUF(8192);
    state_path(dir, c->root_file, &path);
    CLEANUP(buf_done_p) struct buf name = BUF(512);
    TRY(path_folder(buf_cstr(&path), &fs, &name, e));
    struct bytes shares[ARRAY_LEN(k->unseal)];
    struct root_opening with = { .shares = shares, .share_count = k->unseal_count };
    for (size_t i = 0; i < k->unseal_count; i++) {
        shares[i] = secret_bytes(k->unseal[i]);
    }
    if (k->unseal_count > 0) {
        with.passphrase = shares[0];
    }
    TRY_MSG(root_open(fs, buf_cstr(&name), &with, ret, e), e, "root key");
    TRY_MSG(root_inspect(fs, buf_cstr(&name), &k->root, e), e, "root key");
    return RESULT_OK;
}

static RESULT cage(const char *dir, struct error *e)
{
    CLEANUP(buf_done_p) struct buf report = BUF(4096);
    CLEANUP(mem_free_p) char *own = mem_printf("%s/keeper", dir);
    struct sandbox_path paths[] = { { own, true } };
    TRY_MSG(sandbox_enter(SANDBOX_KEEPER, paths, ARRAY_LEN(paths), &report, e), e, "sandbox");
    log_info("sandbox: %s", report.n > 0 ? buf_cstr(&report) : "");
    return RESULT_OK;
}

/*= 2.1.3-7 "long-term keys live in one process without network, which nothing else can read" */
static RESULT serve(struct keeper_role *k, const char *dir, const struct config *c, struct error *e)
{
    CLEANUP(fs_free_p) struct fs *state = NULL;
    CLEANUP(fs_free_p) struct fs *own = NULL;
    CLEANUP(secret_free_p) struct secret *root = NULL;
    TRY(fs_open_dir(dir, &state, e));
    TRY(fs_sub(state, "keeper", &own, e));
    TRY(root_get(k, dir, c, &root, e));
    struct keeper_options o = { .dir = own,
                                .clock = &clock_system,
                                .rng = &rng_system,
                                .wait_min_ms = MAX(c->key_destroy_wait_ms, 1),
                                .root = k->root };
    CLEANUP(keeper_free_p) struct keeper *keeper = NULL;
    TRY(keeper_new(&o, root, &keeper, e));
    secret_free(TAKE(root));
    k->keeper = keeper;
    TRY(cage(dir, e));
    for (size_t i = 0; i < k->peer_count; i++) {
        keeper_add_peer(keeper, k->peers[i].fd, k->peers[i].role, k->peers[i].channel);
    }
    TRY(sock_set_nonblocking(PROC_CONTROL_FD, true, e));
    rpc_server_watch(keeper_server(keeper), PROC_CONTROL_FD, control_heard, k);
    TRY(control_send_simple(PROC_CONTROL_FD, CONTROL_READY, e));
    return keeper_run(keeper, e);
}

RESULT role_keeper(const char *dir, const struct config *c, uint32_t channels, struct error *e)
{
    static struct keeper_role k;
    (void)channels;
    struct result r = start_take(&k, e);
    if (result_is_ok(r)) {
        r = serve(&k, dir, c, e);
    }
    for (size_t i = 0; i < k.unseal_count; i++) {
        secret_free(k.unseal[i]);
    }
    return r;
}
