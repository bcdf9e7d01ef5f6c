/* What the tests of identity share: a directory on a fake file system over a real keeper, with a
 * settable clock. */
#ifndef TROTH_IDENTITY_TESTKIT_H
#define TROTH_IDENTITY_TESTKIT_H

#include "../keys/keys_testkit.h"

#include "identity/directory.h"

struct world {
    struct kit kit;
    struct served served;
    struct fs *fs;
    struct clock_fake clock;
    struct rng_test rng;
    struct directory *d;
};

static const struct key256 database_key = { { 5 } };

static inline __attribute__((unused)) struct rpc_client *keeper(struct world *w)
{
    return w->served.as[ROLE_EDGE];
}

static inline __attribute__((unused)) void reopen(struct world *w)
{
    struct error e;
    directory_close(w->d);
    assert_ok(directory_open(w->fs, &database_key, &w->clock.base, &w->rng.base, &w->d, &e), e);
}

static inline __attribute__((unused)) void tenant_make(struct world *w, const char *name)
{
    struct error e;
    struct key_info info;
    struct tenant t;
    assert_ok(keys_tenant_create(keeper(w), name, SUITE_AES256_GCM, &info, &e), e);
    assert_ok(directory_tenant_create(w->d, name, SUITE_AES256_GCM, &t, &e), e);
}

static inline __attribute__((unused)) int setup(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    struct error e;
    kit_init(&w->kit, 1);
    assert_ok(keeper_init(&w->kit.options, w->kit.root, DEPLOYMENT, &e), e);
    served_start(&w->served, &w->kit);
    w->fs = fs_fake_new((uint64_t)64 << 20);
    clock_fake_init(&w->clock, T0);
    rng_test_init(&w->rng, 2);
    assert_ok(directory_open(w->fs, &database_key, &w->clock.base, &w->rng.base, &w->d, &e), e);
    *state = w;
    return 0;
}

static inline __attribute__((unused)) int teardown(void **state)
{
    struct world *w = *state;
    directory_close(w->d);
    served_stop(&w->served);
    fs_free(w->fs);
    kit_done(&w->kit);
    free(w);
    return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
