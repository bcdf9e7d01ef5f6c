/* The supervisor. One poll loop over a signalfd and the control channels of the roles. */
#include "daemon/supervisor.h"

#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "daemon/control.h"
#include "sys/path.h"
#include "sys/proc.h"
#include "sys/sock.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define BACKOFF_FIRST_MS 100
#define BACKOFF_MOST_MS  5000
#define GOOD_SERVICE_MS  10000
#define KILL_AFTER_MS    5000

static const enum role roles[] = { ROLE_KEEPER, ROLE_SCRIBE, ROLE_EDGE };

struct child {
    enum role role;
    pid_t pid;   /* 0: not running */
    int control; /* -1: none */
    bool is_ready;
    bool has_served; /* ever */
    int64_t ready_at_ms;
    int64_t start_at_ms; /* when not running: when to start it */
    unsigned failures;
    char reason[ERROR_MAX];
};

struct supervisor {
    const struct supervisor_options *options;
    const struct config *config;
    uint32_t edge_channels; /* loops and one for the edge's own work */
    int tls_listener, unix_listener;
    char address[SOCK_ADDR_TEXT_MAX];
    struct child children[ARRAY_LEN(roles)];
    int signals;
    bool is_announced, is_stopping;
    int64_t stop_deadline_ms;
    struct error *fatal; /* set: leave the loop */
    bool is_fatal;
};

static struct child *child_of(struct supervisor *s, enum role r)
{
    for (size_t i = 0; i < ARRAY_LEN(s->children); i++) {
        if (s->children[i].role == r) {
            return &s->children[i];
        }
    }
    return NULL;
}

static bool is_running(const struct child *c)
{
    return c->pid != 0 && c->control >= 0;
}

/* Makes a pair and hands one end to each side; what fails shows as a dead channel and is mended by
 * the next restart. */
static void join(struct supervisor *s, enum role client, enum role server, uint32_t channel)
{
    struct child *c = child_of(s, client), *v = child_of(s, server);
    if (!is_running(c) || !is_running(v)) {
        return;
    }
    int fds[2];
    struct error e;
    if (!result_is_ok(sock_pair(fds, &e))) {
        log_error("socket pair: %s", e.msg);
        return;
    }
    struct control to_client = {
        .type = CONTROL_PEER, .role = server, .channel = channel, .fd = fds[0]
    };
    struct control to_server = {
        .type = CONTROL_PEER, .role = client, .channel = channel, .fd = fds[1]
    };
    if (!result_is_ok(control_send(c->control, &to_client, &e)) ||
        !result_is_ok(control_send(v->control, &to_server, &e))) {
        log_warn("%s to %s: %s", role_name(client), role_name(server), e.msg);
    }
    sock_close(fds[0]);
    sock_close(fds[1]);
}

/* Connections of `c` to all others that run. Called once after its start. */
static void join_all(struct supervisor *s, enum role r)
{
    for (uint32_t i = 0; i < s->edge_channels; i++) {
        if (r == ROLE_EDGE || r == ROLE_KEEPER) {
            join(s, ROLE_EDGE, ROLE_KEEPER, i);
        }
        if (r == ROLE_EDGE || r == ROLE_SCRIBE) {
            join(s, ROLE_EDGE, ROLE_SCRIBE, i);
        }
    }
    if (r == ROLE_SCRIBE || r == ROLE_KEEPER) {
        join(s, ROLE_SCRIBE, ROLE_KEEPER, 0);
    }
}

static RESULT send_listener(struct child *c, enum control_listener kind, int fd, struct error *e)
{
    struct control m = { .type = CONTROL_LISTENER, .listener = kind, .fd = fd };
    return control_send(c->control, &m, e);
}

static RESULT send_unseal(struct supervisor *s, struct child *c, struct error *e)
{
    for (size_t i = 0; i < s->options->unseal_count; i++) {
        struct control m = { .type = CONTROL_UNSEAL, .fd = -1 };
        struct bytes v = secret_bytes(s->options->unseal[i]);
        if (v.n > sizeof(m.data)) {
            FAIL(e, ERRC_LIMIT, "a passphrase or share of more than %zu bytes", sizeof(m.data));
        }
        memcpy(m.data, v.p, v.n);
        m.data_n = v.n;
        struct result r = control_send(c->control, &m, e);
        mem_wipe(&m, sizeof(m));
        TRY(r);
    }
    return RESULT_OK;
}

static RESULT child_spawn(struct supervisor *s, struct child *c, struct error *e)
{
    CLEANUP(buf_done_p) struct buf self = BUF(4096);
    TRY(proc_self_path(&self, e));
    char name[] = "troth", role_flag[] = "--role", dir_flag[] = "--dir",
         channels_flag[] = "--channels";
    char role[32], channels[16];
    CLEANUP(mem_free_p) char *dir = mem_strdup(s->options->dir);
    (void)snprintf(role, sizeof(role), "%s", role_name(c->role));
    (void)snprintf(channels, sizeof(channels), "%u", s->edge_channels);
    char *const argv[] = { name, role_flag, role, dir_flag, dir, channels_flag, channels, NULL };
    int fds[2];
    TRY(sock_pair_seqpacket(fds, e));
    struct result r = proc_spawn(buf_cstr(&self), argv, fds[1], &c->pid, e);
    sock_close(fds[1]);
    if (!result_is_ok(r)) {
        sock_close(fds[0]);
        c->pid = 0;
        return r;
    }
    c->control = fds[0];
    c->is_ready = false;
    c->reason[0] = '\0';
    TRY(sock_set_nonblocking(c->control, true, e));
    if (c->role == ROLE_KEEPER) {
        TRY(send_unseal(s, c, e));
    }
    if (c->role == ROLE_EDGE) {
        TRY(send_listener(c, CONTROL_LISTENER_TLS, s->tls_listener, e));
        TRY(send_listener(c, CONTROL_LISTENER_UNIX, s->unix_listener, e));
    }
    join_all(s, c->role);
    return control_send_simple(c->control, CONTROL_GO, e);
}

static void child_start(struct supervisor *s, struct child *c)
{
    struct error e;
    if (!result_is_ok(child_spawn(s, c, &e))) {
        log_error("start %s: %s", role_name(c->role), e.msg);
        if (c->pid != 0) {
            (void)kill(c->pid, SIGKILL);
        } else {
            c->start_at_ms = clock_mono_ms(&clock_system) + BACKOFF_FIRST_MS;
        }
    }
}

static int64_t backoff_ms(unsigned failures)
{
    if (failures <= 1) {
        return 0;
    }
    unsigned doublings = MIN(failures - 2, 16u);
    return MIN((int64_t)BACKOFF_FIRST_MS << doublings, BACKOFF_MOST_MS);
}

static void child_ended(struct supervisor *s, struct child *c, int status)
{
    int64_t now = clock_mono_ms(&clock_system);
    bool was_good = c->is_ready && now - c->ready_at_ms >= GOOD_SERVICE_MS;
    sock_close(c->control);
    c->control = -1;
    c->pid = 0;
    c->is_ready = false;
    if (s->is_stopping) {
        return;
    }
    const char *why = c->reason[0] != '\0' ? c->reason : "no reason given";
    if (WIFSIGNALED(status)) {
        log_error("%s was killed by signal %d", role_name(c->role), WTERMSIG(status));
    } else {
        log_error("%s ended with status %d: %s", role_name(c->role), WEXITSTATUS(status), why);
    }
    if (!c->has_served && WIFEXITED(status) && c->reason[0] != '\0') {
        result_ignore(error_set(s->fatal, ERRC_CONFLICT, "%s: %s", role_name(c->role), c->reason));
        s->is_fatal = true;
        return;
    }
    c->failures = was_good ? 1 : c->failures + 1;
    c->start_at_ms = now + backoff_ms(c->failures);
}

static void reap(struct supervisor *s)
{
    int status = 0;
    pid_t pid = 0;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        for (size_t i = 0; i < ARRAY_LEN(s->children); i++) {
            if (s->children[i].pid == pid) {
                child_ended(s, &s->children[i], status);
            }
        }
    }
}

static void announce_when_ready(struct supervisor *s)
{
    for (size_t i = 0; i < ARRAY_LEN(s->children); i++) {
        if (!s->children[i].is_ready) {
            return;
        }
    }
    if (!s->is_announced) {
        s->is_announced = true;
        (void)printf("ready https://%s\n", s->address);
        (void)fflush(stdout);
    }
}

static void child_heard(struct supervisor *s, struct child *c)
{
    struct control m;
    struct error e;
    while (c->control >= 0) {
        struct result r = control_recv(c->control, &m, &e);
        if (!result_is_ok(r)) {
            if (r.code != ERRC_AGAIN && r.code != ERRC_CLOSED) {
                log_error("%s: %s", role_name(c->role), e.msg);
            }
            if (r.code == ERRC_CLOSED) {
                /* its end is seen by SIGCHLD; stop polling a dead channel */
                sock_close(c->control);
                c->control = -1;
            }
            return;
        }
        if (m.type == CONTROL_READY) {
            c->is_ready = c->has_served = true;
            c->ready_at_ms = clock_mono_ms(&clock_system);
            log_info("%s serves (pid %d)", role_name(c->role), (int)c->pid);
            announce_when_ready(s);
        } else if (m.type == CONTROL_FAILED) {
            (void)snprintf(c->reason, sizeof(c->reason), "%.*s", (int)m.data_n,
                           (const char *)m.data);
        }
        sock_close(m.fd);
    }
}

static void stop_role(struct supervisor *s, enum role r)
{
    struct child *c = child_of(s, r);
    if (is_running(c)) {
        result_ignore(control_send_simple(c->control, CONTROL_STOP, NULL));
    }
}

static void stop_begin(struct supervisor *s)
{
    if (s->is_stopping) {
        return;
    }
    s->is_stopping = true;
    s->stop_deadline_ms = clock_mono_ms(&clock_system) + s->config->drain_ms + KILL_AFTER_MS;
    stop_role(s, ROLE_EDGE);
}

/* The edge first, then the scribe, the keeper last: each still needs the next. True when all are
 * gone. */
static bool stop_go_on(struct supervisor *s)
{
    static const enum role order[] = { ROLE_EDGE, ROLE_SCRIBE, ROLE_KEEPER };
    bool is_late = clock_mono_ms(&clock_system) >= s->stop_deadline_ms;
    for (size_t i = 0; i < ARRAY_LEN(order); i++) {
        struct child *c = child_of(s, order[i]);
        if (c->pid == 0) {
            continue;
        }
        if (is_late) {
            log_warn("%s did not stop in time: killed", role_name(c->role));
            (void)kill(c->pid, SIGKILL);
        }
        stop_role(s, order[i]);
        return false;
    }
    return true;
}

/* The roles can't open the file by themselves: it comes with the message. */
static void reload(struct supervisor *s)
{
    struct config fresh;
    struct error e;
    if (!result_is_ok(config_load(s->options->dir, &fresh, &e))) {
        log_error("reload: %s: the running configuration stays", e.msg);
        return;
    }
    CLEANUP(mem_free_p) char *path = mem_printf("%s/troth.yaml", s->options->dir);
    CLEANUP(fs_close_p) struct fs_file *file = NULL;
    struct result r = path_open(path, &file, &e);
    if (!result_is_ok(r) && r.code != ERRC_NOT_FOUND) {
        log_error("reload: %s", e.msg);
        return;
    }
    struct control m = { .type = CONTROL_RELOAD, .fd = file == NULL ? -1 : fs_fd(file) };
    for (size_t i = 0; i < ARRAY_LEN(s->children); i++) {
        if (is_running(&s->children[i])) {
            result_ignore(control_send(s->children[i].control, &m, NULL));
        }
    }
}

static const int signals[] = { SIGTERM, SIGINT, SIGHUP, SIGCHLD };

static void signals_read(struct supervisor *s)
{
    for (int number; (number = proc_signal_next(s->signals)) != 0;) {
        switch (number) {
        case SIGTERM:
        case SIGINT:
            stop_begin(s);
            break;
        case SIGHUP:
            reload(s);
            break;
        default:
            reap(s);
        }
    }
}

static int wait_ms(const struct supervisor *s, int64_t now)
{
    int64_t at = s->is_stopping ? now + 100 : INT64_MAX;
    for (size_t i = 0; i < ARRAY_LEN(s->children) && !s->is_stopping; i++) {
        if (s->children[i].pid == 0) {
            at = MIN(at, s->children[i].start_at_ms);
        }
    }
    return at == INT64_MAX ? -1 : (int)MAX(at - now, 0);
}

static RESULT turn(struct supervisor *s, struct error *e)
{
    struct pollfd fds[1 + ARRAY_LEN(roles)] = { { .fd = s->signals, .events = POLLIN } };
    for (size_t i = 0; i < ARRAY_LEN(roles); i++) {
        fds[1 + i] = (struct pollfd){ .fd = s->children[i].control, .events = POLLIN };
    }
    if (poll(fds, ARRAY_LEN(fds), wait_ms(s, clock_mono_ms(&clock_system))) < 0 && errno != EINTR) {
        FAIL_SYS(e, "poll");
    }
    for (size_t i = 0; i < ARRAY_LEN(roles); i++) {
        if (fds[1 + i].revents != 0) {
            child_heard(s, &s->children[i]);
        }
    }
    signals_read(s);
    int64_t now = clock_mono_ms(&clock_system);
    for (size_t i = 0; i < ARRAY_LEN(roles) && !s->is_stopping && !s->is_fatal; i++) {
        if (s->children[i].pid == 0 && s->children[i].start_at_ms <= now) {
            child_start(s, &s->children[i]);
        }
    }
    return RESULT_OK;
}

static void kill_all(struct supervisor *s)
{
    for (size_t i = 0; i < ARRAY_LEN(s->children); i++) {
        if (s->children[i].pid != 0) {
            (void)kill(s->children[i].pid, SIGKILL);
            (void)waitpid(s->children[i].pid, NULL, 0);
        }
        sock_close(s->children[i].control);
    }
}

static RESULT listeners_open(struct supervisor *s, struct error *e)
{
    const char *listen = s->options->listen != NULL ? s->options->listen : s->config->listen;
    TRY_MSG(sock_listen_tcp(listen, 1024, &s->tls_listener, s->address, e), e, "listen on %s",
            listen);
    char path[4096];
    if ((size_t)snprintf(path, sizeof(path), "%s/troth.sock", s->options->dir) >= sizeof(path)) {
        FAIL(e, ERRC_LIMIT, "state folder: path is too long");
    }
    TRY_MSG(sock_listen_unix(path, &s->unix_listener, e), e, "management socket");
    return RESULT_OK;
}

RESULT supervisor_run(const struct supervisor_options *o, const struct config *c, struct error *e)
{
    struct supervisor s = {
        .options = o, .config = c, .tls_listener = -1, .unix_listener = -1, .fatal = e
    };
    unsigned loops = c->loops != 0 ? (unsigned)c->loops : proc_cpu_count();
    s.edge_channels = loops + 1;
    for (size_t i = 0; i < ARRAY_LEN(roles); i++) {
        s.children[i] = (struct child){ .role = roles[i], .control = -1 };
    }
    TRY(proc_signals_open(signals, ARRAY_LEN(signals), &s.signals, e));
    struct result r = listeners_open(&s, e);
    while (result_is_ok(r) && !s.is_fatal && !(s.is_stopping && stop_go_on(&s))) {
        r = turn(&s, e);
    }
    kill_all(&s);
    sock_close(s.tls_listener);
    sock_close(s.unix_listener);
    sock_close(s.signals);
    TRY(r);
    return s.is_fatal ? result_of(e != NULL ? e->code : ERRC_CONFLICT) : RESULT_OK;
}
