/* The state folder: made and opened. */
#include "daemon/state.h"

#include "base/log.h"
#include "base/text.h"
#include "crypto/x509.h"
#include "keys/keeper.h"
#include "keys/root.h"
#include "sys/path.h"

#include <stdio.h>

#define VERSION_PREFIX "troth-state "
#define ROOT_FILE      "root.key"
#define NAMES_MAX      64

static const char *const folders[] = { "tls", "keeper", "ledger", "vault", "identity" };

void state_path(const char *dir, const char *path, struct buf *out)
{
    if (path[0] == '/') {
        buf_add_str(out, path);
    } else {
        buf_addf(out, "%s/%s", dir, path);
    }
}

/* What a state folder may hold before it is one: an early configuration, a half-made state. */
static RESULT is_own_name(void *arg, const char *name)
{
    static const char *const own[] = { "tls",      "keeper",     "ledger",    "vault",
                                       "identity", "troth.yaml", "root.key",  "ca.key",
                                       "lock",     "VERSION",    "troth.sock" };
    (void)arg;
    for (size_t i = 0; i < ARRAY_LEN(own); i++) {
        size_t n = strlen(own[i]);
        if (strncmp(name, own[i], n) == 0 && (name[n] == '\0' || name[n] == '.')) {
            return RESULT_OK; /* or what a broken-off write left beside it */
        }
    }
    return result_of(ERRC_EXISTS);
}

/* Never takes over a folder that holds other things: its mode becomes 0700. */
static RESULT dir_make(const char *dir, struct error *e)
{
    TRY(path_make_folder(dir, e));
    CLEANUP(fs_free_p) struct fs *fs = NULL;
    TRY(fs_open_dir(dir, &fs, e));
    struct result r = fs_list(fs, "", is_own_name, NULL, e);
    if (r.code == ERRC_EXISTS) {
        FAIL(e, ERRC_EXISTS, "%s holds other files: name a folder that is empty or not there", dir);
    }
    TRY(r);
    return path_make_private(dir, e);
}

static RESULT config_write(struct fs *fs, const struct state_init *in, struct error *e)
{
    struct fs_stat st;
    if (result_is_ok(fs_stat(fs, "troth.yaml", &st, NULL))) {
        return RESULT_OK;
    }
    CLEANUP(buf_done_p) struct buf given = BUF(64 * 1024);
    CLEANUP(buf_done_p) struct buf text = BUF(64 * 1024);
    if (in->origin != NULL) {
        buf_addf(&given, "origin: \"%s\"\n", in->origin);
    }
    if (in->listen != NULL) {
        buf_addf(&given, "listen: \"%s\"\n", in->listen);
    }
    buf_addf(&given, "root: {form: \"%s\"}\n", in->form);
    struct config c;
    TRY(config_parse(buf_bytes(&given), &c, e));
    buf_add_str(&text, "# Settings of this Troth. Everything has a default: `troth config --dump` "
                       "shows them all.\n"
                       "# 本部署的设置；全部设置及默认值见 `troth config --dump`。\n");
    buf_add(&text, buf_bytes(&given));
    return fs_write_file(fs, "troth.yaml", buf_bytes(&text), e);
}

static size_t names_gather(const struct state_init *in, const char *const **ret)
{
    static const char *const own[] = { "localhost", "127.0.0.1", "::1" };
    static const char *all[NAMES_MAX];
    size_t n = 0;
    for (size_t i = 0; i < ARRAY_LEN(own); i++) {
        all[n++] = own[i];
    }
    for (size_t i = 0; i < in->name_count && n < NAMES_MAX; i++) {
        all[n++] = in->names[i];
    }
    *ret = all;
    return n;
}

/*= 2.1.3-1 "TLS with a certificate from the first start: there is no plaintext mode" */
static RESULT tls_make(struct fs *fs, const struct state_init *in, struct error *e)
{
    struct fs_stat st;
    if (result_is_ok(fs_stat(fs, "tls/server.crt", &st, NULL))) {
        return RESULT_OK;
    }
    CLEANUP(x509_pair_done_p) struct x509_pair ca = { 0 };
    CLEANUP(x509_pair_done_p) struct x509_pair server = { 0 };
    int64_t now = clock_wall_ms(&clock_system);
    const char *const *names = NULL;
    size_t n = names_gather(in, &names);
    TRY(x509_ca_new("Troth local CA", now, &ca, e));
    TRY(x509_leaf_new(&ca, X509_SERVER, "Troth", names, n, now, &server, e));
    TRY(fs_write_file(fs, "tls/ca.crt", buf_bytes(&ca.cert_pem), e));
    TRY(fs_write_file(fs, "ca.key", buf_bytes(&ca.key_pem), e));
    TRY(fs_write_file(fs, "tls/server.key", buf_bytes(&server.key_pem), e));
    return fs_write_file(fs, "tls/server.crt", buf_bytes(&server.cert_pem), e);
}

static RESULT root_seal(struct fs *fs, const struct state_init *in, const struct secret *root,
                        struct error *e)
{
    if (strcmp(in->form, "passphrase") == 0) {
        return root_seal_passphrase(fs, ROOT_FILE, root, in->passphrase, &password_params_default,
                                    &rng_system, true, e);
    }
    if (strcmp(in->form, "shares") == 0) {
        return root_seal_shares(fs, ROOT_FILE, root, in->shares_k, in->shares_n, &rng_system, true,
                                in->ret_shares, e);
    }
    return root_seal_file(fs, ROOT_FILE, root, true, e);
}

static RESULT unlink_one(void *arg, const char *name)
{
    return fs_unlink(arg, name, NULL);
}

/* Root key and keyring of a half-made state are replaced: nothing is sealed under them yet. */
static RESULT keys_make(struct fs *fs, const struct state_init *in, struct error *e)
{
    CLEANUP(secret_free_p) struct secret *root = NULL;
    CLEANUP(fs_free_p) struct fs *own = NULL;
    struct config c;
    TRY(config_load(in->dir, &c, e));
    if (strcmp(c.root_form, in->form) != 0 || strcmp(c.root_file, ROOT_FILE) != 0) {
        FAIL(e, ERRC_CONFLICT, "%s/troth.yaml says root.form: %s and root.file: %s, not %s and %s",
             in->dir, c.root_form, c.root_file, in->form, ROOT_FILE);
    }
    TRY(fs_sub(fs, "keeper", &own, e));
    TRY(fs_list(own, "", unlink_one, own, e));
    TRY_MSG(root_generate(&rng_system, &root), e, "root key");
    TRY(root_seal(fs, in, root, e));
    struct keeper_options o = { .dir = own, .clock = &clock_system, .rng = &rng_system };
    return keeper_init(&o, root, c.origin, e);
}

RESULT state_init(const struct state_init *in, struct error *e)
{
    TRY(dir_make(in->dir, e));
    CLEANUP(fs_free_p) struct fs *fs = NULL;
    TRY(fs_open_dir(in->dir, &fs, e));
    struct fs_stat st;
    if (result_is_ok(fs_stat(fs, "VERSION", &st, NULL))) {
        FAIL(e, ERRC_EXISTS, "%s holds a state already", in->dir);
    }
    for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
        TRY(fs_mkdir(fs, folders[i], e));
    }
    TRY(config_write(fs, in, e));
    TRY(tls_make(fs, in, e));
    TRY(keys_make(fs, in, e));
    char version[32];
    (void)snprintf(version, sizeof(version), VERSION_PREFIX "%d\n", STATE_VERSION);
    return fs_write_file(fs, "VERSION", bytes_str(version), e);
}

static RESULT version_check(struct fs *fs, const char *dir, struct error *e)
{
    CLEANUP(buf_done_p) struct buf text = BUF(64);
    struct result r = fs_read_file(fs, "VERSION", 64, &text, e);
    if (r.code == ERRC_NOT_FOUND) {
        FAIL(e, ERRC_NOT_FOUND, "%s holds no state: make one with 'troth init --dir %s'", dir, dir);
    }
    TRY(r);
    struct bytes v = bytes_trim(buf_bytes(&text), "\n"), prefix = BYTES_LIT(VERSION_PREFIX);
    uint64_t version = 0;
    if (!bytes_has_prefix(v, prefix) ||
        !result_is_ok(num_u64(bytes_slice(v, prefix.n, v.n), 1, UINT32_MAX, &version))) {
        FAIL(e, ERRC_FORMAT, "%s/VERSION is not what it should be", dir);
    }
    if (version > STATE_VERSION) {
        FAIL(e, ERRC_UNSUPPORTED,
             "%s is a state of version %llu; this Troth reads up to %d: use a newer one", dir,
             (unsigned long long)version, STATE_VERSION);
    }
    return RESULT_OK;
}

RESULT state_open(const char *dir, struct buf *ret_path, struct error *e)
{
    CLEANUP(buf_done_p) struct buf path = BUF(4096);
    CLEANUP(fs_free_p) struct fs *fs = NULL;
    struct result r = path_absolute(dir, &path, e);
    if (r.code == ERRC_NOT_FOUND) {
        FAIL(e, ERRC_NOT_FOUND, "%s is not there: make a state with 'troth init --dir %s'", dir,
             dir);
    }
    TRY(r);
    TRY(fs_open_dir(buf_cstr(&path), &fs, e));
    TRY(version_check(fs, buf_cstr(&path), e));
    buf_add(ret_path, buf_bytes(&path));
    return buf_result(ret_path);
}

RESULT state_lock(const char *dir, struct fs **ret_fs, struct fs_file **ret_lock, struct error *e)
{
    CLEANUP(fs_free_p) struct fs *fs = NULL;
    CLEANUP(fs_close_p) struct fs_file *lock = NULL;
    TRY(fs_open_dir(dir, &fs, e));
    TRY(fs_open(fs, "lock", FS_READ | FS_WRITE | FS_CREATE, &lock, e));
    struct result r = fs_lock(lock, e);
    if (r.code == ERRC_CONFLICT) {
        FAIL(e, ERRC_CONFLICT, "another server runs on %s", dir);
    }
    TRY(r);
    *ret_fs = TAKE(fs);
    *ret_lock = TAKE(lock);
    return RESULT_OK;
}
