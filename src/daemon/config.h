/*
 * Settings: one YAML file, one table (config_table.c). Every setting has a type, bounds, a default
 * and a line of documentation in two languages; an unknown key, a wrong type or a value out of
 * bounds is an error with its line. Keys of the table are dotted ("tls.certificate"); in the file
 * they are nested mappings.
 */
#ifndef TROTH_DAEMON_CONFIG_H
#define TROTH_DAEMON_CONFIG_H

#include "base/buf.h"

#include <stdint.h>

#define CONFIG_FILE_MAX      (256 * 1024)
#define CONFIG_TEXT_MAX      512
#define CONFIG_WITNESSES_MAX 16
#define CONFIG_ADDRESSES_MAX 32

struct config_witness {
    char vkey[CONFIG_TEXT_MAX]; /* C2SP verifier key, cosignature/v1 */
    char url[CONFIG_TEXT_MAX];  /* of its tlog-witness service; empty: it pulls */
    char ca[CONFIG_TEXT_MAX];   /* PEM file; empty: the system's */
};

struct config {
    char origin[CONFIG_TEXT_MAX];
    char region[CONFIG_TEXT_MAX];
    char listen[CONFIG_TEXT_MAX];
    uint64_t loops; /* 0: one per core */
    int64_t drain_ms;

    char tls_certificate[CONFIG_TEXT_MAX], tls_key[CONFIG_TEXT_MAX], tls_client_ca[CONFIG_TEXT_MAX];
    char tls_client_auth[CONFIG_TEXT_MAX]; /* none, optional, required */

    char log_level[CONFIG_TEXT_MAX];
    bool log_json;

    uint64_t http_connections, http_connections_per_address, http_head_bytes, http_body_bytes_per_s;
    int64_t http_handshake_ms, http_head_ms, http_idle_ms, http_stall_ms;
    char metrics_allow[CONFIG_ADDRESSES_MAX][CONFIG_TEXT_MAX];
    size_t metrics_allow_count;

    char s3_domain[CONFIG_TEXT_MAX]; /* virtual-host style below it; empty: path style only */

    char root_form[CONFIG_TEXT_MAX]; /* file, passphrase, shares */
    char root_file[CONFIG_TEXT_MAX];
    char key_suite[CONFIG_TEXT_MAX];
    int64_t key_destroy_wait_ms;
    uint64_t key_rotation_days;
    char key_contact[CONFIG_TEXT_MAX];

    char oidc_ca[CONFIG_TEXT_MAX];
    char rp_id[CONFIG_TEXT_MAX], rp_origin[CONFIG_TEXT_MAX]; /* of passkeys */
    char blocked_passwords[CONFIG_TEXT_MAX];                 /* empty: none */

    uint64_t vault_buffer_bytes, vault_reserve_bytes;

    int64_t ledger_checkpoint_ms, ledger_heartbeat_ms;
    uint64_t ledger_reserve_bytes;
    bool ledger_public;
    struct config_witness witnesses[CONFIG_WITNESSES_MAX];
    size_t witness_count;
    char tsa_url[CONFIG_TEXT_MAX], tsa_ca[CONFIG_TEXT_MAX];
    int64_t tsa_every_ms;
};

void config_defaults(struct config *ret);
/* FORMAT, RANGE or NOT_FOUND (unknown key); the message has the line. */
RESULT config_parse(struct bytes yaml, struct config *ret, struct error *e);
/* DIR/troth.yaml; absent: defaults. */
RESULT config_load(const char *dir, struct config *ret, struct error *e);
/* YAML with every setting and its documentation; reads back to the same. `zh`: comments in Chinese.
 */
void config_dump(const struct config *c, bool zh, struct buf *out);

#endif
