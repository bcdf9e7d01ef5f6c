/* All commands; each is defined in the file of its group. */
#ifndef TROTH_CLI_COMMANDS_H
#define TROTH_CLI_COMMANDS_H

#include "cli/command.h"

extern const struct cli_command cli_init, cli_serve, cli_config;
extern const struct cli_command cli_login, cli_logout, cli_whoami, cli_password, cli_factor_add;
extern const struct cli_command cli_status, cli_check;
extern const struct cli_command cli_tenant_create, cli_tenant_list, cli_tenant_show,
        cli_tenant_suspend, cli_tenant_resume, cli_tenant_close, cli_access_key_create,
        cli_access_key_list, cli_access_key_enable, cli_access_key_disable, cli_access_key_delete;
extern const struct cli_command cli_bucket_list, cli_bucket_set;
extern const struct cli_command cli_key_list, cli_key_show, cli_key_create, cli_key_rotate,
        cli_key_rewrap, cli_key_enable, cli_key_disable, cli_key_destroy, cli_key_statement;
extern const struct cli_command cli_log_checkpoint, cli_log_policy, cli_log_entries, cli_log_prove,
        cli_log_export;
extern const struct cli_command cli_verify;
extern const struct cli_command cli_witness_init, cli_witness_add, cli_witness_serve,
        cli_witness_pull, cli_witness_status;

#endif
