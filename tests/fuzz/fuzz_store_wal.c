/* A WAL of any bytes beside a good database: opening refuses it or opens the database as it was. */
#include "store/db.h"

#include <stdlib.h>

static const struct key256 key = { "0123456789abcdef0123456789abcde" };
static const struct db_migration migrations[] = { { 1, "CREATE TABLE t(a INTEGER PRIMARY KEY)" } };

static void must(struct result r)
{
    if (!result_is_ok(r)) {
        abort();
    }
}

/* The file of a new database, made once. */
static struct bytes good_file(void)
{
    static struct buf file = { .max = 1 << 20 };

    if (file.n == 0) {
        struct fs *fs = fs_fake_new(1 << 24);
        struct db *db = NULL;
        must(db_open(fs, "m.db", &key, migrations, 1, &db, NULL));
        db_close(db);
        must(fs_read_file(fs, "m.db", 1 << 20, &file, NULL));
        fs_free(fs);
    }
    return buf_bytes(&file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fs *fs = fs_fake_new(1 << 24);
    struct db *db = NULL;
    struct error e = { 0 };

    must(fs_write_file(fs, "m.db", good_file(), NULL));
    must(fs_write_file(fs, "m.db-wal", bytes_of(data, MIN(size, (size_t)1 << 20)), NULL));
    struct result r = db_open(fs, "m.db", &key, migrations, 1, &db, &e);
    if (result_is_ok(r)) {
        must(db_check(db, NULL, NULL, &e));
        db_close(db);
    } else if (r.code != ERRC_INTEGRITY) {
        abort();
    }
    fs_free(fs);
    return 0;
}
