/* Access keys of users. */
#include "api/iam/iam_priv.h"

struct creation {
    struct iam_cx *c;
    const struct iam_subject *s;
    struct access_key *ret;
    char *secret;
};

static RESULT key_make(void *arg, struct buf *after, struct error *e)
{
    struct creation *cr = arg;
    struct iam_cx *c = cr->c;
    TRY(directory_key_create(c->l->api->directory, c->l->keeper, c->realm, cr->s->id, cr->ret,
                             cr->secret, e));
    buf_add(after, iam_picture_text(c, "access_key", bytes_str(cr->ret->id)));
    return RESULT_OK;
}

RESULT iam_key_create(struct iam_cx *c, const char *user, struct access_key *ret,
                      char ret_secret[SECRET_KEY_BYTES], struct error *e)
{
    struct iam_subject s;
    TRY(iam_open(c, IAM_USER, "iam:CreateAccessKey", user, &s, e));
    struct creation cr = { c, &s, ret, ret_secret };
    return iam_act(c, "access-key.create", s.arn, NULL, BYTES_NONE, key_make, &cr, e);
}

struct one_key {
    const char *id;
    bool is_there, is_enabled;
};

static RESULT key_seek(void *arg, const struct access_key *k, struct error *e)
{
    struct one_key *o = arg;
    (void)e;
    if (strcmp(k->id, o->id) == 0) {
        o->is_there = true;
        o->is_enabled = k->is_enabled;
    }
    return RESULT_OK;
}

static RESULT key_of(struct iam_cx *c, const struct iam_subject *s, struct one_key *o,
                     struct error *e)
{
    TRY(directory_key_list(c->l->api->directory, c->realm, s->id, key_seek, o, e));
    if (!o->is_there) {
        FAIL(e, ERRC_NOT_FOUND, "The Access Key with id %.32s cannot be found.", o->id);
    }
    return RESULT_OK;
}

static RESULT key_delete_run(struct iam_cx *c, const struct iam_subject *s, void *arg,
                             struct error *e)
{
    const struct one_key *o = arg;
    (void)s;
    return directory_key_delete(c->l->api->directory, c->realm, o->id, e);
}

RESULT iam_key_delete(struct iam_cx *c, const char *user, const char *id, struct error *e)
{
    struct iam_subject s;
    struct one_key o = { .id = id };
    TRY(iam_open(c, IAM_USER, "iam:DeleteAccessKey", user, &s, e));
    TRY(key_of(c, &s, &o, e));
    return iam_link_any(c, "access-key.delete", &s, id, BYTES_NONE, BYTES_NONE, key_delete_run, &o,
                        e);
}

static RESULT key_enable_run(struct iam_cx *c, const struct iam_subject *s, void *arg,
                             struct error *e)
{
    const struct one_key *o = arg;
    (void)s;
    return directory_key_set_enabled(c->l->api->directory, c->realm, o->id, o->is_enabled, e);
}

static struct bytes status(struct iam_cx *c, bool is_enabled)
{
    return iam_picture_text(c, "status", bytes_str(is_enabled ? "active" : "inactive"));
}

RESULT iam_key_enable(struct iam_cx *c, const char *user, const char *id, bool is_enabled,
                      struct error *e)
{
    struct iam_subject s;
    struct one_key o = { .id = id };
    TRY(iam_open(c, IAM_USER, "iam:UpdateAccessKey", user, &s, e));
    TRY(key_of(c, &s, &o, e));
    struct bytes before = status(c, o.is_enabled);
    o.is_enabled = is_enabled;
    return iam_link_any(c, is_enabled ? "access-key.enable" : "access-key.disable", &s, id, before,
                        status(c, is_enabled), key_enable_run, &o, e);
}
