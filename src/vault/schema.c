/*
 * The tables of the vault.
 *
 * 1. An extent is one blob (docs/formats/blob.md): pack 0 is a file of its own, named by uid.
 * 2. An object has one extent, or a chain of them in the order of their offsets (a completed
 * multipart upload); never both.
 * 3. An extent belongs to exactly one object, part, chain or to `gc`; it leaves the disk through
 * `gc` alone. A chain in `gc` keeps its rows until its extents are gone, so that readers come to
 * their end.
 * 4. `applied` holds the entries of a tenant's log that had their effect; it and the effect are one
 * transaction. Below `settled` every entry is known to be applied or voided.
 * 5. Keys are BLOBs: order by bytes. Attributes are attrs.h's encoding.
 */
#include "vault/vault.h"

const struct db_migration vault_migrations[] = {
    { 1,
      "CREATE TABLE bucket ("
      " id INTEGER PRIMARY KEY AUTOINCREMENT, tenant TEXT NOT NULL, name TEXT NOT NULL,"
      " created_ms INTEGER NOT NULL, sse INTEGER NOT NULL, digest INTEGER NOT NULL, key_id TEXT "
      "NOT NULL,"
      " objects INTEGER NOT NULL DEFAULT 0, bytes INTEGER NOT NULL DEFAULT 0,"
      " UNIQUE (tenant, name));"
      "CREATE TABLE keyref ("
      " id INTEGER PRIMARY KEY, tenant TEXT NOT NULL, key_id TEXT NOT NULL, version INTEGER NOT "
      "NULL,"
      " suite INTEGER NOT NULL, custodian TEXT NOT NULL, UNIQUE (tenant, key_id, version));"
      "CREATE TABLE extent ("
      " id INTEGER PRIMARY KEY, uid BLOB NOT NULL, pack INTEGER NOT NULL, at INTEGER NOT NULL,"
      " length INTEGER NOT NULL, size INTEGER NOT NULL, keyref INTEGER NOT NULL,"
      " prefix BLOB NOT NULL, wrapped BLOB NOT NULL);"
      "CREATE INDEX extent_pack ON extent(pack, at, length) WHERE pack > 0;"
      "CREATE INDEX extent_file ON extent(uid) WHERE pack = 0;"
      "CREATE INDEX extent_key ON extent(keyref);"
      "CREATE TABLE object ("
      " bucket INTEGER NOT NULL, key BLOB NOT NULL, version TEXT NOT NULL, size INTEGER NOT NULL,"
      " modified_ms INTEGER NOT NULL, etag TEXT NOT NULL, sse INTEGER NOT NULL, parts INTEGER NOT "
      "NULL,"
      " log_index INTEGER NOT NULL, extent INTEGER NOT NULL, chain INTEGER NOT NULL, attrs BLOB "
      "NOT NULL,"
      " PRIMARY KEY (bucket, key, version)) WITHOUT ROWID;"
      "CREATE TABLE chain ("
      " id INTEGER NOT NULL, start INTEGER NOT NULL, size INTEGER NOT NULL, extent INTEGER NOT "
      "NULL,"
      " PRIMARY KEY (id, start)) WITHOUT ROWID;"
      "CREATE TABLE upload ("
      " id INTEGER PRIMARY KEY AUTOINCREMENT, upload_id TEXT NOT NULL UNIQUE, bucket INTEGER NOT "
      "NULL,"
      " key BLOB NOT NULL, created_ms INTEGER NOT NULL, sse INTEGER NOT NULL, key_id TEXT NOT NULL,"
      " wanted INTEGER NOT NULL, is_full INTEGER NOT NULL, attrs BLOB NOT NULL);"
      "CREATE INDEX upload_key ON upload(bucket, key, upload_id);"
      "CREATE TABLE part ("
      " upload INTEGER NOT NULL, number INTEGER NOT NULL, extent INTEGER NOT NULL, size INTEGER "
      "NOT NULL,"
      " etag TEXT NOT NULL, modified_ms INTEGER NOT NULL, attrs BLOB NOT NULL,"
      " PRIMARY KEY (upload, number)) WITHOUT ROWID;"
      "CREATE TABLE gc (id INTEGER PRIMARY KEY, extent INTEGER NOT NULL, chain INTEGER NOT NULL,"
      " at_ms INTEGER NOT NULL);"
      "CREATE TABLE applied (log TEXT NOT NULL, idx INTEGER NOT NULL, PRIMARY KEY (log, idx)) "
      "WITHOUT ROWID;"
      "CREATE TABLE settled (log TEXT PRIMARY KEY, idx INTEGER NOT NULL) WITHOUT ROWID;" },
};
const size_t vault_migration_count = ARRAY_LEN(vault_migrations);
