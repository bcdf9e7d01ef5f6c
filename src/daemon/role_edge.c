/* The edge's main thread: takes its connections, starts the others, then listens to the supervisor.
 */
#include "base/log.h"
#include "daemon/edge.h"
#include "daemon/roles.h"
#include "daemon/state.h"
#include "sys/proc.h"
#include "sys/sandbox.h"

#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

static RESULT loops_make(struct edge *ed, uint32_t channels, struct error *e)
{
    if (channels < 2 || channels > EDGE_LOOPS_MAX + 1) {
        FAIL(e, ERRC_RANGE, "%u channels", channels);
    }
    ed->loop_count = channels - 1;
    for (size_t i = 0; i < ed->loop_count; i++) {
        struct edge_loop *l = &ed->loops[i];
        l->edge = ed;
        l->api = (struct api_loop){ .api = &ed->api, .index = (unsigned)i };
        TRY(loop_new(&l->loop, e));
        TRY(rpc_client_new(l->loop, "keeper", &l->api.keeper, e));
        TRY(rpc_client_new(l->loop, "scribe", &l->api.scribe, e));
    }
    TRY(rpc_client_new(NULL, "keeper", &ed->keeper, e));
    return rpc_client_new(NULL, "scribe", &ed->scribe, e);
}

static void peer_take(struct edge *ed, const struct control *m)
{
    if (m->channel < ed->loop_count) {
        edge_loop_attach(&ed->loops[m->channel], m->role, m->fd);
    } else {
        rpc_client_attach(m->role == ROLE_KEEPER ? ed->keeper : ed->scribe, m->fd);
    }
}

/* Until "go": connections and listening sockets. */
static RESULT start_take(struct edge *ed, struct error *e)
{
    for (;;) {
        struct control m;
        TRY(control_recv(ed->control, &m, e));
        switch (m.type) {
        case CONTROL_PEER:
            peer_take(ed, &m);
            break;
        case CONTROL_LISTENER:
            if (m.listener == CONTROL_LISTENER_TLS) {
                ed->tls_listener = m.fd;
            } else {
                ed->unix_listener = m.fd;
            }
            break;
        case CONTROL_GO:
            return RESULT_OK;
        default:
            sock_close(m.fd);
            break;
        }
    }
}

#define PATHS_MAX (16 + CONFIG_WITNESSES_MAX)

static bool is_below(const char *folder, const char *path)
{
    size_t n = strlen(folder);
    return strncmp(path, folder, n) == 0 && (path[n] == '/' || path[n] == '\0' || n == 1);
}

/* Nothing that is not the edge's to see lies in the folder or below it. */
static bool folder_is_clean(const struct edge *ed, const char *folder)
{
    const char *const secrets[] = { "keeper", "ca.key", ed->config.root_file };
    char real[PATH_MAX], secret[PATH_MAX];
    if (realpath(folder, real) == NULL) {
        return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(secrets); i++) {
        CLEANUP(buf_done_p) struct buf path = BUF(PATH_MAX);
        state_path(ed->dir, secrets[i], &path);
        if (realpath(buf_cstr(&path), secret) != NULL && is_below(real, secret)) {
            return false;
        }
    }
    return true;
}

/* A certificate's folder, so that it can be replaced and read anew. */
static RESULT file_allow(const struct edge *ed, const char *file, struct buf *out, struct error *e)
{
    const char *slash = strrchr(file, '/');
    if (file[0] != '/' || slash == file) {
        return RESULT_OK;
    }
    buf_add(out, bytes_of(file, (size_t)(slash - file)));
    if (!folder_is_clean(ed, buf_cstr(out))) {
        FAIL(e, ERRC_DENIED,
             "%s is in a folder that is not there or holds the root key or other secrets, which "
             "the edge must not see: put it into a folder of its own",
             file);
    }
    return RESULT_OK;
}

/*
 * Its own folders; of the ledger, the certificates and the system only reading. The root key, the
 * keeper's files and the key of the local CA are out of reach.
 */
static RESULT paths_allowed(struct edge *ed, struct buf *names, struct sandbox_path *ret,
                            size_t *ret_n, struct error *e)
{
    static const struct sandbox_path own[] = {
        { "vault", true },
        { "identity", true },
        { "ledger", false },
        { "tls", false },
    };
    static const char *const of_system[] = { "/etc/ssl", "/etc/resolv.conf", "/etc/hosts",
                                             "/etc/nsswitch.conf", "/usr/share/ca-certificates" };
    const struct config *c = &ed->config;
    const char *files[6 + CONFIG_WITNESSES_MAX] = { c->tls_certificate, c->tls_key,
                                                    c->tls_client_ca,   c->tsa_ca,
                                                    c->oidc_ca,         c->blocked_passwords };
    size_t n = 0;
    for (size_t i = 0; i < CONFIG_WITNESSES_MAX; i++) {
        files[6 + i] = c->witnesses[i].ca;
    }
    for (size_t i = 0; i < ARRAY_LEN(own); i++) {
        buf_addf(&names[n], "%s/%s", ed->dir, own[i].path);
        ret[n++].may_write = own[i].may_write;
    }
    for (size_t i = 0; i < ARRAY_LEN(of_system); i++) {
        if (access(of_system[i], R_OK) == 0) {
            buf_add_str(&names[n++], of_system[i]);
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        TRY(file_allow(ed, files[i], &names[n], e));
        n += names[n].n > 0;
    }
    for (size_t i = 0; i < n; i++) {
        ret[i].path = buf_cstr(&names[i]);
    }
    *ret_n = n;
    return RESULT_OK;
}

/*= 2.1.3-8 "what parses strangers' bytes reaches neither keys nor history" */
static RESULT cage(struct edge *ed, struct error *e)
{
    struct sandbox_path paths[PATHS_MAX] = { 0 };
    struct buf names[PATHS_MAX];
    CLEANUP(buf_done_p) struct buf report = BUF(4096);
    for (size_t i = 0; i < PATHS_MAX; i++) {
        names[i] = BUF(8192);
    }
    size_t n = 0;
    struct result r = paths_allowed(ed, names, paths, &n, e);
    r = result_is_ok(r) ? sandbox_enter(SANDBOX_EDGE, paths, n, &report, e) : r;
    for (size_t i = 0; i < PATHS_MAX; i++) {
        buf_done(&names[i]);
    }
    if (result_is_ok(r) && report.n > 0) {
        log_info("sandbox: %s", buf_cstr(&report));
    }
    return r;
}

static RESULT threads_start(struct edge *ed, struct error *e)
{
    if (pthread_create(&ed->house, NULL, edge_house, ed) != 0) {
        FAIL(e, ERRC_NOMEM, "no thread");
    }
    ed->has_house = true;
    if (ed->config.witness_count == 0 && ed->config.tsa_url[0] == '\0') {
        return RESULT_OK;
    }
    if (pthread_create(&ed->courier, NULL, edge_courier, ed) != 0) {
        FAIL(e, ERRC_NOMEM, "no thread");
    }
    ed->has_courier = true;
    return RESULT_OK;
}

/* Until "stop", or the supervisor is gone. */
static RESULT supervised(struct edge *ed, struct error *e)
{
    for (;;) {
        struct control m;
        struct pollfd p = { .fd = ed->control, .events = POLLIN };
        (void)poll(&p, 1, 200);
        if (atomic_load(&ed->has_failed)) {
            *e = ed->failure;
            return result_of(e->code);
        }
        if (p.revents == 0) {
            continue;
        }
        struct result r = control_recv(ed->control, &m, e);
        if (r.code == ERRC_CLOSED) {
            return RESULT_OK;
        }
        TRY(r);
        if (m.type == CONTROL_PEER) {
            peer_take(ed, &m);
        } else if (m.type == CONTROL_RELOAD) {
            edge_reload(ed, m.fd);
            sock_close(m.fd);
        } else if (m.type == CONTROL_STOP) {
            return RESULT_OK;
        }
    }
}

static void stop(struct edge *ed)
{
    atomic_store(&ed->is_stopping, true);
    rpc_client_attach(ed->keeper, -1);
    rpc_client_attach(ed->scribe, -1);
    if (ed->has_house) {
        (void)pthread_join(ed->house, NULL); /* first: it starts the loops */
    }
    edge_serve_stop(ed);
    if (ed->has_courier) {
        (void)pthread_join(ed->courier, NULL);
    }
    edge_close(ed);
}

RESULT role_edge(const char *dir, const struct config *c, uint32_t channels, struct error *e)
{
    static struct edge ed;
    ed.dir = dir;
    ed.config = *c;
    ed.control = PROC_CONTROL_FD;
    ed.tls_listener = ed.unix_listener = -1;
    ed.api.clock = &clock_system;
    ed.api.rng = &rng_system;
    ed.api.metrics = metrics_new();
    struct http_limits limits;
    edge_http_limits(c, &limits);
    ed.api.http = http_shared_new(&limits);
    edge_settings_set(&ed, c);
    TRY(loops_make(&ed, channels, e));
    TRY(start_take(&ed, e));
    TRY(edge_folders_open(&ed, e));
    TRY_MSG(cage(&ed, e), e, "sandbox");
    TRY(threads_start(&ed, e));
    struct result r = supervised(&ed, e);
    if (result_is_ok(r)) {
        stop(&ed);
    }
    return r;
}
