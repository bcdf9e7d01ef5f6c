/* The list of commands, in the order of the overview: one line each, then the tables of calls. */
#include "cli/commands.h"

#include "cli/call.h"

static const struct cli_command *const commands[] = {
    &cli_init,
    &cli_serve,
    &cli_config,
    &cli_login,
    &cli_logout,
    &cli_whoami,
    &cli_password,
    &cli_factor_add,
    &cli_status,
    &cli_check,
    &cli_tenant_create,
    &cli_tenant_list,
    &cli_tenant_show,
    &cli_tenant_suspend,
    &cli_tenant_resume,
    &cli_tenant_close,
    &cli_access_key_create,
    &cli_access_key_list,
    &cli_access_key_enable,
    &cli_access_key_disable,
    &cli_access_key_delete,
    &cli_bucket_list,
    &cli_bucket_set,
    &cli_key_list,
    &cli_key_show,
    &cli_key_create,
    &cli_key_rotate,
    &cli_key_rewrap,
    &cli_key_enable,
    &cli_key_disable,
    &cli_key_destroy,
    &cli_key_statement,
    &cli_log_checkpoint,
    &cli_log_policy,
    &cli_log_entries,
    &cli_log_prove,
    &cli_log_export,
    &cli_verify,
    &cli_witness_init,
    &cli_witness_add,
    &cli_witness_serve,
    &cli_witness_pull,
    &cli_witness_status,
};

static const struct cli_call *const calls[] = { cli_account_calls, cli_policy_calls,
                                                cli_access_calls };

const struct cli_command *cli_command_at(size_t i)
{
    if (i < ARRAY_LEN(commands)) {
        return commands[i];
    }
    i -= ARRAY_LEN(commands);
    for (size_t t = 0; t < ARRAY_LEN(calls); t++) {
        for (const struct cli_call *k = calls[t]; k->method != NULL; k++) {
            if (i-- == 0) {
                return &k->command;
            }
        }
    }
    return NULL;
}
