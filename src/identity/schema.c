/*
 * The identity database. A realm is a tenant's name, or "platform" for the provider's own; every
 * row belongs to exactly one. Users, groups and roles are named by their ids where others point to
 * them.
 */
#include "identity/directory_priv.h"

static const char spine[] =
        "CREATE TABLE tenants("
        " name TEXT PRIMARY KEY, account TEXT NOT NULL UNIQUE, state INTEGER NOT NULL,"
        " suite INTEGER NOT NULL, created_ms INTEGER NOT NULL) WITHOUT ROWID;"
        "CREATE TABLE access_keys("
        " id TEXT PRIMARY KEY, tenant TEXT NOT NULL, owner TEXT NOT NULL, is_enabled INTEGER NOT "
        "NULL,"
        " created_ms INTEGER NOT NULL, sealed BLOB NOT NULL) WITHOUT ROWID;"
        "CREATE INDEX access_keys_by_owner ON access_keys(tenant, owner);";

/* owner of an access key becomes the id of a user; each tenant gets its user "root". */
static const char principals[] =
        "ALTER TABLE tenants ADD COLUMN frozen_ms INTEGER NOT NULL DEFAULT 0;"
        "ALTER TABLE tenants ADD COLUMN claimed_ms INTEGER NOT NULL DEFAULT 0;"

        /* the provider's own realm, beside those of the tenants */
        "CREATE TABLE platform(frozen_ms INTEGER NOT NULL, claimed_ms INTEGER NOT NULL);"
        "INSERT INTO platform VALUES(0, 0);"
        "CREATE VIEW realms(name, account, state, frozen_ms, claimed_ms) AS"
        " SELECT name, account, state, frozen_ms, claimed_ms FROM tenants"
        " UNION ALL SELECT 'platform', '000000000000', 0, frozen_ms, claimed_ms FROM platform;"

        "CREATE TABLE users("
        " id TEXT PRIMARY KEY, realm TEXT NOT NULL, name TEXT NOT NULL COLLATE NOCASE,"
        " path TEXT NOT NULL, kind INTEGER NOT NULL, owner TEXT NOT NULL, display TEXT NOT NULL,"
        " email TEXT NOT NULL, state INTEGER NOT NULL, created_ms INTEGER NOT NULL,"
        " changed_ms INTEGER NOT NULL, active_ms INTEGER NOT NULL, ends_ms INTEGER NOT NULL,"
        " frozen_ms INTEGER NOT NULL, boundary TEXT NOT NULL, tags TEXT NOT NULL,"
        " version INTEGER NOT NULL) WITHOUT ROWID;"
        "CREATE UNIQUE INDEX users_by_name ON users(realm, name);"

        "INSERT INTO users SELECT"
        "  'AIDAROOT' || upper(hex(randomblob(6))) || '2', name, 'root', '/', 3, name, '', '', 0,"
        "  created_ms, created_ms, created_ms, 0, 0, '', '{}', 1 FROM tenants;"
        "UPDATE access_keys SET owner ="
        "  (SELECT id FROM users u WHERE u.realm = access_keys.tenant AND u.name = 'root');"
        "ALTER TABLE access_keys ADD COLUMN used_ms INTEGER NOT NULL DEFAULT 0;"
        "ALTER TABLE access_keys ADD COLUMN used_from TEXT NOT NULL DEFAULT '';"
        "ALTER TABLE access_keys ADD COLUMN used_service TEXT NOT NULL DEFAULT '';"

        "CREATE TABLE groups("
        " id TEXT PRIMARY KEY, realm TEXT NOT NULL, name TEXT NOT NULL COLLATE NOCASE,"
        " path TEXT NOT NULL, created_ms INTEGER NOT NULL, version INTEGER NOT NULL) WITHOUT ROWID;"
        "CREATE UNIQUE INDEX groups_by_name ON groups(realm, name);"
        "CREATE TABLE members("
        " group_id TEXT NOT NULL, user TEXT NOT NULL, PRIMARY KEY(group_id, user)) WITHOUT ROWID;"
        "CREATE INDEX members_by_user ON members(user);"

        "CREATE TABLE roles("
        " id TEXT PRIMARY KEY, realm TEXT NOT NULL, name TEXT NOT NULL COLLATE NOCASE,"
        " path TEXT NOT NULL, description TEXT NOT NULL, is_privileged INTEGER NOT NULL,"
        " needs_mfa INTEGER NOT NULL, trust TEXT NOT NULL, max_session_s INTEGER NOT NULL,"
        " boundary TEXT NOT NULL, tags TEXT NOT NULL, created_ms INTEGER NOT NULL,"
        " used_ms INTEGER NOT NULL, version INTEGER NOT NULL) WITHOUT ROWID;"
        "CREATE UNIQUE INDEX roles_by_name ON roles(realm, name);"
        /* who holds a role: subject is the id of a user or group, role a name (built in or of the
         * realm) */
        "CREATE TABLE holders("
        " subject TEXT NOT NULL, role TEXT NOT NULL COLLATE NOCASE, created_ms INTEGER NOT NULL,"
        " PRIMARY KEY(subject, role)) WITHOUT ROWID;"

        "CREATE TABLE policies("
        " id TEXT PRIMARY KEY, realm TEXT NOT NULL, name TEXT NOT NULL COLLATE NOCASE,"
        " path TEXT NOT NULL, description TEXT NOT NULL, default_version INTEGER NOT NULL,"
        " next_version INTEGER NOT NULL, created_ms INTEGER NOT NULL, changed_ms INTEGER NOT NULL)"
        " WITHOUT ROWID;"
        "CREATE UNIQUE INDEX policies_by_name ON policies(realm, name);"
        "CREATE TABLE policy_versions("
        " policy TEXT NOT NULL, version INTEGER NOT NULL, document TEXT NOT NULL,"
        " created_ms INTEGER NOT NULL, PRIMARY KEY(policy, version)) WITHOUT ROWID;"
        /* subject: id of a user, group or role */
        "CREATE TABLE attachments("
        " subject TEXT NOT NULL, policy TEXT NOT NULL, PRIMARY KEY(subject, policy)) WITHOUT ROWID;"
        "CREATE INDEX attachments_by_policy ON attachments(policy);"
        "CREATE TABLE inlines("
        " subject TEXT NOT NULL, name TEXT NOT NULL, document TEXT NOT NULL,"
        " PRIMARY KEY(subject, name)) WITHOUT ROWID;"
        "CREATE TABLE bucket_policies("
        " realm TEXT NOT NULL, bucket INTEGER NOT NULL, name TEXT NOT NULL, document TEXT NOT NULL,"
        " public_by TEXT NOT NULL, changed_ms INTEGER NOT NULL, PRIMARY KEY(realm, bucket))"
        " WITHOUT ROWID;";

static const char credentials[] =
        "CREATE TABLE passwords("
        " user TEXT PRIMARY KEY, phc TEXT NOT NULL, set_ms INTEGER NOT NULL,"
        " must_change INTEGER NOT NULL, history TEXT NOT NULL) WITHOUT ROWID;"
        "CREATE TABLE factors("
        " id TEXT PRIMARY KEY, realm TEXT NOT NULL, user TEXT NOT NULL, kind INTEGER NOT NULL,"
        " name TEXT NOT NULL, is_active INTEGER NOT NULL, created_ms INTEGER NOT NULL,"
        " used_ms INTEGER NOT NULL, step INTEGER NOT NULL, sealed BLOB, credential BLOB UNIQUE,"
        " public_key BLOB, algorithm INTEGER NOT NULL, sign_count INTEGER NOT NULL,"
        " aaguid BLOB, is_backed_up INTEGER NOT NULL) WITHOUT ROWID;"
        "CREATE INDEX factors_by_user ON factors(user);"
        "CREATE TABLE recovery_codes("
        " user TEXT NOT NULL, hash BLOB NOT NULL, used_ms INTEGER NOT NULL,"
        " PRIMARY KEY(user, hash)) WITHOUT ROWID;"
        /* an enrolment code lets a person set the first password and factor, once */
        "CREATE TABLE enrolments("
        " hash BLOB PRIMARY KEY, user TEXT NOT NULL, created_ms INTEGER NOT NULL,"
        " expires_ms INTEGER NOT NULL) WITHOUT ROWID;"
        "CREATE TABLE lockouts("
        " subject TEXT PRIMARY KEY, failures INTEGER NOT NULL, last_ms INTEGER NOT NULL,"
        " until_ms INTEGER NOT NULL) WITHOUT ROWID;"
        "CREATE TABLE sessions("
        " hash BLOB PRIMARY KEY, id TEXT NOT NULL UNIQUE, user TEXT NOT NULL, realm TEXT NOT NULL,"
        " stage INTEGER NOT NULL, created_ms INTEGER NOT NULL, seen_ms INTEGER NOT NULL,"
        " expires_ms INTEGER NOT NULL, ip TEXT NOT NULL, agent BLOB NOT NULL, mfa_ms INTEGER NOT "
        "NULL,"
        " mfa_kind INTEGER NOT NULL, csrf BLOB NOT NULL, challenge BLOB) WITHOUT ROWID;"
        "CREATE INDEX sessions_by_user ON sessions(user);"
        /* short-lived access keys of STS: acts within `realm`, belongs to `user` (of `home`) */
        "CREATE TABLE tokens("
        " id TEXT PRIMARY KEY, hash BLOB NOT NULL, realm TEXT NOT NULL, home TEXT NOT NULL,"
        " user TEXT NOT NULL, role TEXT NOT NULL, name TEXT NOT NULL, issuer TEXT NOT NULL,"
        " sealed BLOB NOT NULL, policy TEXT NOT NULL, tags TEXT NOT NULL, mfa_ms INTEGER NOT NULL,"
        " grant_id TEXT NOT NULL, created_ms INTEGER NOT NULL, expires_ms INTEGER NOT NULL)"
        " WITHOUT ROWID;"
        "CREATE INDEX tokens_by_user ON tokens(user);"
        "CREATE INDEX tokens_by_end ON tokens(expires_ms);"
        "CREATE TABLE oidc_providers("
        " realm TEXT NOT NULL, url TEXT NOT NULL, clients TEXT NOT NULL, thumbprints TEXT NOT NULL,"
        " created_ms INTEGER NOT NULL, PRIMARY KEY(realm, url)) WITHOUT ROWID;";

static const char privilege[] =
        "CREATE TABLE grants("
        " id TEXT PRIMARY KEY, realm TEXT NOT NULL, home TEXT NOT NULL, user TEXT NOT NULL,"
        " user_name TEXT NOT NULL, role TEXT NOT NULL, policy TEXT NOT NULL, reason TEXT NOT NULL,"
        " ticket TEXT NOT NULL, kind INTEGER NOT NULL, state INTEGER NOT NULL,"
        " asked_ms INTEGER NOT NULL, from_ms INTEGER NOT NULL, until_ms INTEGER NOT NULL,"
        " decided_ms INTEGER NOT NULL, decided_by TEXT NOT NULL, decided_name TEXT NOT NULL,"
        " note TEXT NOT NULL, ended_ms INTEGER NOT NULL, ended_by TEXT NOT NULL,"
        " uses INTEGER NOT NULL, used_ms INTEGER NOT NULL) WITHOUT ROWID;"
        "CREATE INDEX grants_by_user ON grants(user);"
        "CREATE INDEX grants_by_realm ON grants(realm, asked_ms);"
        "CREATE INDEX grants_by_state ON grants(state, until_ms);"
        "CREATE TABLE notices("
        " id TEXT PRIMARY KEY, realm TEXT NOT NULL, kind TEXT NOT NULL, subject TEXT NOT NULL,"
        " detail TEXT NOT NULL, created_ms INTEGER NOT NULL, due_ms INTEGER NOT NULL,"
        " acked_ms INTEGER NOT NULL, acked_by TEXT NOT NULL) WITHOUT ROWID;"
        "CREATE INDEX notices_by_realm ON notices(realm, created_ms);"
        "CREATE TABLE reviews("
        " id TEXT PRIMARY KEY, realm TEXT NOT NULL, name TEXT NOT NULL, reviewer TEXT NOT NULL,"
        " is_privileged INTEGER NOT NULL, is_strict INTEGER NOT NULL, created_ms INTEGER NOT NULL,"
        " due_ms INTEGER NOT NULL, closed_ms INTEGER NOT NULL) WITHOUT ROWID;"
        "CREATE TABLE review_items("
        " review TEXT NOT NULL, subject TEXT NOT NULL, subject_name TEXT NOT NULL, access TEXT NOT "
        "NULL,"
        " decision INTEGER NOT NULL, decided_ms INTEGER NOT NULL, decided_by TEXT NOT NULL,"
        " note TEXT NOT NULL, PRIMARY KEY(review, subject, access)) WITHOUT ROWID;"
        "CREATE TABLE params("
        " realm TEXT NOT NULL, id TEXT NOT NULL, value TEXT NOT NULL, since_ms INTEGER NOT NULL,"
        " PRIMARY KEY(realm, id)) WITHOUT ROWID;"
        "CREATE TABLE counters("
        " realm TEXT NOT NULL, name TEXT NOT NULL, day INTEGER NOT NULL, n INTEGER NOT NULL,"
        " PRIMARY KEY(realm, name, day)) WITHOUT ROWID;"
        "CREATE TABLE idempotency("
        " realm TEXT NOT NULL, principal TEXT NOT NULL, key TEXT NOT NULL, digest BLOB NOT NULL,"
        " status INTEGER NOT NULL, body BLOB NOT NULL, created_ms INTEGER NOT NULL,"
        " PRIMARY KEY(principal, key)) WITHOUT ROWID;";

/* The counter of changes (rollback.h); of a realm frozen because of an older copy, what it was. */
static const char changes[] =
        "CREATE TABLE changes(n INTEGER NOT NULL);"
        "INSERT INTO changes VALUES(0);"
        "ALTER TABLE tenants ADD COLUMN rolled_back INTEGER NOT NULL DEFAULT 0;"
        "ALTER TABLE platform ADD COLUMN rolled_back INTEGER NOT NULL DEFAULT 0;"
        "DROP VIEW realms;"
        "CREATE VIEW realms(name, account, state, frozen_ms, claimed_ms, rolled_back) AS"
        " SELECT name, account, state, frozen_ms, claimed_ms, rolled_back FROM tenants"
        " UNION ALL SELECT 'platform', '000000000000', 0, frozen_ms, claimed_ms, rolled_back"
        " FROM platform;";

const struct db_migration directory_migrations[] = {
    { 1, spine }, { 2, principals }, { 3, credentials }, { 4, privilege }, { 5, changes },
};
const size_t directory_migration_count = ARRAY_LEN(directory_migrations);
