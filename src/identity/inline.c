/* Policies on users, groups and roles: managed ones attached, inline ones put; names out of
 * ARNs. */
#include "identity/managed_priv.h"

#define ATTACHED_MAX 10

struct subject_job {
    const char *subject, *policy; /* policy: id of a managed one, name of an inline one */
    struct bytes document;
};

static RESULT attach_write(struct db_conn *c, void *arg, struct error *e)
{
    const struct subject_job *in = arg;
    char realm[TENANT_NAME_BYTES];
    int64_t is_there = 0, n = 0;
    TRY(subject_realm(c, in->subject, realm, e));
    TRY(sql_i64(c, "SELECT count(*) FROM policies WHERE realm = ?1 AND id = ?2",
                SQL_IN(SQL_STR(realm), SQL_STR(in->policy)), &is_there, e));
    if (is_there == 0) {
        FAIL(e, ERRC_NOT_FOUND, "no policy '%.32s' in %s", in->policy, realm);
    }
    TRY(sql_run(c, "INSERT OR IGNORE INTO attachments(subject, policy) VALUES(?1, ?2)",
                SQL_IN(SQL_STR(in->subject), SQL_STR(in->policy)), e));
    TRY(sql_i64(c, "SELECT count(*) FROM attachments WHERE subject = ?1",
                SQL_IN(SQL_STR(in->subject)), &n, e));
    if (n > ATTACHED_MAX) {
        FAIL(e, ERRC_LIMIT, "%d policies are attached already", ATTACHED_MAX);
    }
    return RESULT_OK;
}

RESULT policy_attach(struct directory *d, const char *subject_id, const char *policy_id,
                     struct error *e)
{
    struct subject_job in = { .subject = subject_id, .policy = policy_id };
    return directory_change(d, attach_write, &in, e);
}

static RESULT erased(struct db_conn *c, const char *what, const char *policy, struct error *e)
{
    if (db_changes(c) == 0) {
        FAIL(e, ERRC_NOT_FOUND, "no %s '%.128s' there", what, policy);
    }
    return RESULT_OK;
}

static RESULT detach_write(struct db_conn *c, void *arg, struct error *e)
{
    const struct subject_job *in = arg;
    TRY(sql_run(c, "DELETE FROM attachments WHERE subject = ?1 AND policy = ?2",
                SQL_IN(SQL_STR(in->subject), SQL_STR(in->policy)), e));
    return erased(c, "attached policy", in->policy, e);
}

RESULT policy_detach(struct directory *d, const char *subject_id, const char *policy_id,
                     struct error *e)
{
    struct subject_job in = { .subject = subject_id, .policy = policy_id };
    return directory_change(d, detach_write, &in, e);
}

/* All of one subject together are no longer than one document may be. */
static RESULT inline_write(struct db_conn *c, void *arg, struct error *e)
{
    const struct subject_job *in = arg;
    char realm[TENANT_NAME_BYTES];
    int64_t bytes = 0;
    TRY(subject_realm(c, in->subject, realm, e));
    TRY(sql_run(c,
                "INSERT INTO inlines(subject, name, document) VALUES(?1, ?2, ?3)"
                " ON CONFLICT(subject, name) DO UPDATE SET document = ?3",
                SQL_IN(SQL_STR(in->subject), SQL_STR(in->policy), SQL_BYTES(in->document)), e));
    TRY(sql_i64(c, "SELECT sum(length(CAST(document AS BLOB))) FROM inlines WHERE subject = ?1",
                SQL_IN(SQL_STR(in->subject)), &bytes, e));
    if (bytes > POLICY_MAX) {
        FAIL(e, ERRC_LIMIT, "inline policies: together at most %d bytes", POLICY_MAX);
    }
    return RESULT_OK;
}

RESULT inline_put(struct directory *d, const char *subject_id, const char *name,
                  struct bytes document, struct error *e)
{
    struct subject_job in = { subject_id, name, document };
    TRY(name_check("policy name", name, NAME_MAX_POLICY, e));
    TRY(document_check(document, POLICY_IDENTITY, "inline policy", name, e));
    return directory_change(d, inline_write, &in, e);
}

RESULT inline_get(struct directory *d, const char *subject_id, const char *name,
                  struct arena *arena, const char **ret, struct error *e)
{
    return directory_one(d, "inline policy",
                         "SELECT document FROM inlines WHERE subject = ?1 AND name = ?2",
                         SQL_IN(SQL_STR(subject_id), SQL_STR(name)), sql_row_text, arena, ret, e);
}

static RESULT inline_erase(struct db_conn *c, void *arg, struct error *e)
{
    const struct subject_job *in = arg;
    TRY(sql_run(c, "DELETE FROM inlines WHERE subject = ?1 AND name = ?2",
                SQL_IN(SQL_STR(in->subject), SQL_STR(in->policy)), e));
    return erased(c, "inline policy", in->policy, e);
}

RESULT inline_delete(struct directory *d, const char *subject_id, const char *name, struct error *e)
{
    struct subject_job in = { .subject = subject_id, .policy = name };
    return directory_change(d, inline_erase, &in, e);
}

RESULT inline_list(struct directory *d, const char *subject_id, struct arena *arena,
                   const char ***ret_names, size_t *ret_n, struct error *e)
{
    struct sql_rows rows;
    TRY(directory_rows(d, "SELECT name FROM inlines WHERE subject = ?1 ORDER BY name",
                       SQL_IN(SQL_STR(subject_id)), sizeof(const char *), sql_row_text, arena,
                       &rows, e));
    *ret_names = rows.p;
    *ret_n = rows.n;
    return RESULT_OK;
}

void managed_arn(struct buf *out, const struct managed *m, const char *account)
{
    identity_arn(out, "policy", account, m->path, m->name);
}

RESULT arn_name(struct bytes arn, const char *kind, const char *account, struct bytes *ret,
                struct error *e)
{
    CLEANUP(buf_done_p) struct buf front = BUF(256);
    identity_arn(&front, kind, account, "", "");
    struct bytes path, name = BYTES_NONE;
    bool is_arn = bytes_has_prefix(arn, buf_bytes(&front)) && arn.n > front.n;
    if (is_arn) {
        size_t slash = arn.n;
        while (arn.p[slash - 1] != '/' && slash > front.n) {
            slash--;
        }
        path = bytes_slice(arn, front.n, slash);
        name = bytes_slice(arn, slash, arn.n);
        is_arn = identity_path_is_valid(path) && name.n > 0;
    }
    if (!is_arn) {
        FAIL(e, ERRC_FORMAT, "not an ARN like %.*s/NAME", BYTES_FMT(buf_bytes(&front)));
    }
    *ret = name;
    return RESULT_OK;
}
