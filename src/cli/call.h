/*
 * Commands that are one call of the server, as lines of tables: the path with places to fill in,
 * what the body is made of, and what is shown of the answer. Adding one is one entry.
 *
 * Places in a path (all values are percent-encoded):
 *     {1}        the first argument
 *     {NAME}     the option --NAME
 *     {realm}    --realm; else where the person signed in; else "platform"
 *     {subject}  users/NAME, groups/NAME or roles/NAME, by the one of --user, --group, --role given
 *     {whose}    with --user: realms/REALM/users/NAME; without: self
 * Behind a "?" stand NAME={PLACE} pairs; those whose option was not given are left out.
 */
#ifndef TROTH_CLI_CALL_H
#define TROTH_CLI_CALL_H

#include "cli/manage.h"

struct cli_call {
    struct cli_command command;
    const char *method, *path;           /* after "/api/v1/" */
    const struct manage_field *fields;   /* the body, or NULL */
    const struct manage_column *columns; /* what is shown of each item, or of the answer */
    manage_show show;                    /* in place of columns; neither: all members */
    unsigned flags;
};
#define CALL_LIST  1u /* all pages of {"items":[...]} */
#define CALL_CODE  4u /* asks for a one-time code: member "code" of the body */
#define CALL_FINAL 2u /* can't be undone: who sits at a terminal is asked first */

/* The members .command of an entry. */
#define CALL(name_, args_, count, en_, zh_, options_)                                              \
    .command = { .name = (name_),                                                                  \
                 .args = (args_),                                                                  \
                 .min_args = (count),                                                              \
                 .max_args = (count),                                                              \
                 .en = (en_),                                                                      \
                 .zh = (zh_),                                                                      \
                 .options = (options_),                                                            \
                 .run = cli_call_run }
int cli_call_run(struct cli *c);

/* Options and fields that many of them have. */
#define OPTION_REALM                                                                               \
    {                                                                                              \
        "realm", "NAME", "a tenant, or 'platform' (default: where you signed in)",                 \
                "租户，或 platform（默认为登录所在）", false, false                                \
    }
#define OPTIONS_END                                                                                \
    {                                                                                              \
        NULL, NULL, NULL, NULL, false, false                                                       \
    }
#define FIELDS_END                                                                                 \
    {                                                                                              \
        NULL, NULL, MANAGE_TEXT                                                                    \
    }
#define COLUMNS_END                                                                                \
    {                                                                                              \
        NULL, 0                                                                                    \
    }
extern const struct cli_option call_realm_options[]; /* --realm alone */

/* The tables, ended by a NULL method. */
extern const struct cli_call cli_account_calls[], cli_policy_calls[], cli_access_calls[];

#endif
