/* What the tests of keys share: a keyring on a fake file system with a settable clock, and a keeper
 * answering in a thread. */
#ifndef TROTH_KEYS_TESTKIT_H
#define TROTH_KEYS_TESTKIT_H

#include "testkit.h"

#include "base/rng.h"
#include "keys/client.h"
#include "keys/keeper.h"
#include "keys/keyring.h"
#include "keys/root.h"
#include "sys/sock.h"

#include <pthread.h>
#include <stdatomic.h>

#define T0         1795340476000 /* 2026-11-22T09:41:16Z */
#define DAY        ((int64_t)24 * 3600 * 1000)
#define DEPLOYMENT "troth.test"

struct kit {
    struct fs *fs;
    struct clock_fake clock;
    struct rng_test rng;
    struct secret *root;
    struct keyring_env env;
    struct keeper_options options;
};

static inline __attribute__((unused)) void kit_init(struct kit *k, uint64_t seed)
{
    memset(k, 0, sizeof(*k));
    k->fs = fs_fake_new((uint64_t)64 << 20);
    clock_fake_init(&k->clock, T0);
    rng_test_init(&k->rng, seed);
    assert_int_equal(root_generate(&k->rng.base, &k->root).code, ERRC_OK);
    k->env = (struct keyring_env){ k->fs, &k->clock.base, &k->rng.base };
    k->options =
            (struct keeper_options){ .dir = k->fs, .clock = &k->clock.base, .rng = &k->rng.base };
}

static inline __attribute__((unused)) void kit_done(struct kit *k)
{
    secret_free(k->root);
    fs_free(k->fs);
}

/* A keeper in a thread, with one connection of each role. Not to be touched by others while it
 * runs. */
struct served {
    struct keeper *keeper;
    struct rpc_client *as[ROLE_COUNT_];
    pthread_t thread;
    _Atomic bool is_stopping;
};

static inline void *served_main(void *arg)
{
    struct served *s = arg;
    struct error e;

    while (!atomic_load(&s->is_stopping)) {
        if (rpc_server_turn(keeper_server(s->keeper), 5, &e).code != ERRC_OK) {
            abort();
        }
    }
    return NULL;
}

static inline __attribute__((unused)) void served_start(struct served *s, const struct kit *kit)
{
    struct error e;

    memset(s, 0, sizeof(*s));
    assert_ok(keeper_new(&kit->options, kit->root, &s->keeper, &e), e);
    for (enum role r = ROLE_SUPERVISOR; r < ROLE_COUNT_; r++) {
        int fds[2];
        assert_ok(sock_pair(fds, &e), e);
        assert_ok(rpc_client_new(NULL, "keeper", &s->as[r], &e), e);
        rpc_client_attach(s->as[r], fds[0]);
        keeper_add_peer(s->keeper, fds[1], r, 0);
    }
    assert_int_equal(pthread_create(&s->thread, NULL, served_main, s), 0);
}

static inline __attribute__((unused)) void served_stop(struct served *s)
{
    atomic_store(&s->is_stopping, true);
    pthread_join(s->thread, NULL);
    for (enum role r = ROLE_SUPERVISOR; r < ROLE_COUNT_; r++) {
        rpc_client_free(s->as[r]);
    }
    keeper_free(s->keeper);
}

#endif
