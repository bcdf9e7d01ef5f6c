/* A role process from its first instruction to its exit status. */
#include "base/log.h"
#include "base/secret.h"
#include "crypto/selftest.h"
#include "daemon/control.h"
#include "daemon/roles.h"
#include "sys/fault.h"
#include "sys/proc.h"

#include <signal.h>

static const struct {
    const char *name;
    RESULT (*run)(const char *dir, const struct config *c, uint32_t channels, struct error *e);
} roles[] = {
    { "keeper", role_keeper },
    { "scribe", role_scribe },
    { "edge", role_edge },
};

static RESULT role_run(const char *name, const char *dir, uint32_t channels, struct error *e)
{
    struct config c;
    TRY(secret_harden_process(e));
    TRY(config_load(dir, &c, e));
    log_init(name, log_level_by_name(c.log_level), c.log_json);
    TRY_MSG(crypto_self_test(e), e, "self-test of the cryptography");
    for (size_t i = 0; i < ARRAY_LEN(roles); i++) {
        if (strcmp(roles[i].name, name) == 0) {
            return roles[i].run(dir, &c, channels, e);
        }
    }
    FAIL(e, ERRC_NOT_FOUND, "no role '%s'", name);
}

int role_main(const char *name, const char *dir, uint32_t channels)
{
    struct error e = { 0 };
    /* Signals of the terminal are for the supervisor, which tells the roles in order. */
    (void)signal(SIGINT, SIG_IGN);
    (void)signal(SIGTERM, SIG_IGN);
    (void)signal(SIGHUP, SIG_IGN);
    (void)signal(SIGPIPE, SIG_IGN);
    fault_init_from_env();
    if (result_is_ok(role_run(name, dir, channels, &e))) {
        return 0;
    }
    control_send_failed(PROC_CONTROL_FD, &e);
    return 1;
}
