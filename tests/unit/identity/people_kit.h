/* Users, groups and policies made in one line, for the tests of identity. */
#ifndef TROTH_PEOPLE_KIT_H
#define TROTH_PEOPLE_KIT_H

#include "identity_testkit.h"

#include "identity/managed.h"
#include "identity/role.h"

#define READ_ALL                                                                                   \
    "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"s3:Get*\","     \
    "\"Resource\":\"*\"}]}"
#define ALLOW_ALL_OF(service)                                                                      \
    "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"" service       \
    ":*\",\"Resource\":\"*\"}]}"

struct people {
    struct world *w;
    struct arena *arena;
    struct error e;
};

/* A directory with the tenants acme and beta. */
static inline __attribute__((unused)) int people_setup(void **state)
{
    void *world = NULL;
    struct people *p = calloc(1, sizeof(*p));
    setup(&world);
    p->w = world;
    p->arena = arena_new(4096, false);
    tenant_make(p->w, "acme");
    tenant_make(p->w, "beta");
    *state = p;
    return 0;
}

static inline __attribute__((unused)) int people_teardown(void **state)
{
    struct people *p = *state;
    void *world = p->w;
    arena_free(p->arena);
    teardown(&world);
    free(p);
    return 0;
}

#define PEOPLE(f) cmocka_unit_test_setup_teardown(f, people_setup, people_teardown)

static inline __attribute__((unused)) struct user person(struct people *p, const char *realm,
                                                         const char *name)
{
    struct user_new n = { .name = name, .kind = USER_PERSON, .owner = "Wang Lin" };
    struct user u;
    assert_ok(user_create(p->w->d, realm, &n, p->arena, &u, &p->e), p->e);
    return u;
}

static inline __attribute__((unused)) struct user service(struct people *p, const char *realm,
                                                          const char *name, const char *owner)
{
    struct user_new n = { .name = name, .kind = USER_SERVICE, .owner = owner };
    struct user u;
    assert_ok(user_create(p->w->d, realm, &n, p->arena, &u, &p->e), p->e);
    return u;
}

static inline __attribute__((unused)) struct group group(struct people *p, const char *realm,
                                                         const char *name)
{
    struct group g;
    assert_ok(group_create(p->w->d, realm, name, NULL, p->arena, &g, &p->e), p->e);
    return g;
}

static inline __attribute__((unused)) struct managed managed(struct people *p, const char *realm,
                                                             const char *name)
{
    struct managed m;
    assert_ok(managed_create(p->w->d, realm, name, NULL, NULL, BYTES_LIT(READ_ALL), p->arena, &m,
                             &p->e),
              p->e);
    return m;
}

static inline __attribute__((unused)) struct user user_now(struct people *p, const char *id)
{
    struct user u;
    assert_ok(user_get_by_id(p->w->d, bytes_str(id), p->arena, &u, &p->e), p->e);
    return u;
}

#endif
