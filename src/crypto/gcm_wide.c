#include "crypto/gcm_wide.h"

#if TROTH_IPSEC_MB

#include "crypto/aead_priv.h"

#include <intel-ipsec-mb.h>
#include <pthread.h>

#define ALIGN 64u

struct gcm_wide {
    struct gcm_key_data *key; /* in room, aligned */
    uint8_t room[sizeof(struct gcm_key_data) + ALIGN];
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static IMB_MGR *mgr; /* NULL: not offered; only its function pointers are used */

static void choose(void)
{
    IMB_MGR *m = alloc_mb_mgr(0);
    if (m == NULL) {
        return;
    }
    init_mb_mgr_auto(m, NULL);
    const uint64_t wanted = IMB_FEATURE_VAES | IMB_FEATURE_VPCLMULQDQ;
    if (imb_get_errno(m) == 0 && (m->features & wanted) == wanted) {
        mgr = m;
    } else {
        free_mb_mgr(m);
    }
}

struct gcm_wide *gcm_wide_new(const uint8_t key[32])
{
    pthread_once(&once, choose);
    if (mgr == NULL) {
        return NULL;
    }
    struct gcm_wide *w = mem_alloc(sizeof(*w));
    w->key = (void *)(w->room + (ALIGN - (uintptr_t)w->room % ALIGN));
    IMB_AES256_GCM_PRE(mgr, key, w->key);
    return w;
}

void gcm_wide_free(struct gcm_wide *w)
{
    if (w != NULL) {
        mem_wipe(w, sizeof(*w));
        mem_free(w);
    }
}

void gcm_wide_seal(struct gcm_wide *w, const uint8_t *nonce, struct bytes aad, struct bytes in,
                   uint8_t *out, uint8_t *tag)
{
    struct gcm_context_data run;

    IMB_AES256_GCM_ENC(mgr, w->key, &run, out, in.p, in.n, nonce, aad.p, aad.n, tag, GCM_TAG);
    mem_wipe(&run, sizeof(run));
}

bool gcm_wide_open(struct gcm_wide *w, const uint8_t *nonce, struct bytes aad, struct bytes in,
                   const uint8_t *tag, uint8_t *out)
{
    struct gcm_context_data run;
    uint8_t got[GCM_TAG];

    IMB_AES256_GCM_DEC(mgr, w->key, &run, out, in.p, in.n, nonce, aad.p, aad.n, got, GCM_TAG);
    bool is_good = mem_equal_ct(got, tag, GCM_TAG);
    mem_wipe(&run, sizeof(run));
    mem_wipe(got, sizeof(got)); /* the right tag of a forgery */
    return is_good;
}

#else

struct gcm_wide *gcm_wide_new(const uint8_t key[32])
{
    (void)key;
    return NULL;
}

void gcm_wide_free(struct gcm_wide *w)
{
    (void)w;
}

void gcm_wide_seal(struct gcm_wide *w, const uint8_t *nonce, struct bytes aad, struct bytes in,
                   uint8_t *out, uint8_t *tag)
{
    (void)w, (void)nonce, (void)aad, (void)in, (void)out, (void)tag;
}

bool gcm_wide_open(struct gcm_wide *w, const uint8_t *nonce, struct bytes aad, struct bytes in,
                   const uint8_t *tag, uint8_t *out)
{
    (void)w, (void)nonce, (void)aad, (void)in, (void)tag, (void)out;
    return false;
}

#endif
