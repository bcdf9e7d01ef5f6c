#include "vault/digest.h"

#include "crypto/crc.h"

static const struct {
    const char *name;
    uint8_t n;
} kinds[VAULT_CHECKSUM_COUNT] = {
    [VAULT_CRC32] = { "crc32", 4 },
    [VAULT_CRC32C] = { "crc32c", 4 },
    [VAULT_CRC64NVME] = { "crc64nvme", 8 },
    [VAULT_SHA1] = { "sha1", SHA1_BYTES },
    [VAULT_SHA256] = { "sha256", SHA256_BYTES },
    [VAULT_MD5] = { "md5", MD5_BYTES },
};

size_t checksum_len(enum vault_checksum c)
{
    return kinds[c].n;
}

const char *checksum_name(enum vault_checksum c)
{
    return kinds[c].name;
}

void checksum_set(struct vault_checksums *c, enum vault_checksum which, const void *value)
{
    c->known |= 1u << which;
    c->value[which].n = kinds[which].n;
    memcpy(c->value[which].b, value, kinds[which].n);
}

bool checksums_agree(const struct vault_checksums *want, const struct vault_checksums *have)
{
    for (unsigned i = 0; i < VAULT_CHECKSUM_COUNT; i++) {
        if ((want->known & 1u << i) != 0 &&
            ((have->known & 1u << i) == 0 || want->value[i].n != have->value[i].n ||
             memcmp(want->value[i].b, have->value[i].b, have->value[i].n) != 0)) {
            return false;
        }
    }
    return true;
}

static bool wants(const struct digests *d, enum vault_checksum c)
{
    return (d->wanted_ & 1u << c) != 0;
}

void digests_init(struct digests *d, unsigned wanted)
{
    *d = (struct digests){ .wanted_ = wanted };
    if (wants(d, VAULT_MD5)) {
        hash_init(&d->md5_, HASH_MD5);
    }
    if (wants(d, VAULT_SHA1)) {
        hash_init(&d->sha1_, HASH_SHA1);
    }
    if (wants(d, VAULT_SHA256)) {
        hash_init(&d->sha256_, HASH_SHA256);
    }
}

void digests_update(struct digests *d, struct bytes v)
{
    if (wants(d, VAULT_SHA256)) {
        hash_update(&d->sha256_, v);
    }
    if (wants(d, VAULT_MD5)) {
        hash_update(&d->md5_, v);
    }
    if (wants(d, VAULT_SHA1)) {
        hash_update(&d->sha1_, v);
    }
    if (wants(d, VAULT_CRC32)) {
        d->crc32_ = crc32_update(d->crc32_, v);
    }
    if (wants(d, VAULT_CRC32C)) {
        d->crc32c_ = crc32c_update(d->crc32c_, v);
    }
    if (wants(d, VAULT_CRC64NVME)) {
        d->crc64_ = crc64nvme_update(d->crc64_, v);
    }
}

static void final_hash(struct digests *d, enum vault_checksum which, struct hash *h)
{
    if (wants(d, which)) {
        uint8_t value[HASH_MAX];
        hash_final(h, value);
        checksum_set(&d->out_, which, value);
    }
}

static void final_crc(struct digests *d, enum vault_checksum which, uint64_t crc)
{
    if (wants(d, which)) {
        uint8_t value[8];
        put_be64(value, crc);
        checksum_set(&d->out_, which, value + 8 - kinds[which].n);
    }
}

const struct vault_checksums *digests_final(struct digests *d)
{
    if (!d->is_final_) {
        final_hash(d, VAULT_MD5, &d->md5_);
        final_hash(d, VAULT_SHA1, &d->sha1_);
        final_hash(d, VAULT_SHA256, &d->sha256_);
        final_crc(d, VAULT_CRC32, d->crc32_);
        final_crc(d, VAULT_CRC32C, d->crc32c_);
        final_crc(d, VAULT_CRC64NVME, d->crc64_);
        d->is_final_ = true;
    }
    return &d->out_;
}

void digests_done(struct digests *d)
{
    hash_done(&d->md5_);
    hash_done(&d->sha1_);
    hash_done(&d->sha256_);
}

/*
 * --- CRCs of concatenations: multiplication by x^(8 bytes) modulo the (reflected) polynomial ---
 */

struct crc_field {
    unsigned bits;
    uint64_t poly; /* reflected */
};
static const struct crc_field crc_fields[] = {
    [VAULT_CRC32] = { 32, 0xedb88320u },
    [VAULT_CRC32C] = { 32, 0x82f63b78u },
    [VAULT_CRC64NVME] = { 64, 0x9a6c9329ac4bc9b5u },
};

static uint64_t times_x(const struct crc_field *f, uint64_t v)
{
    return v >> 1 ^ ((v & 1) != 0 ? f->poly : 0);
}

static uint64_t field_mul(const struct crc_field *f, uint64_t a, uint64_t b)
{
    uint64_t product = 0;
    for (uint64_t bit = 1ull << (f->bits - 1); bit != 0; bit >>= 1) {
        product ^= (a & bit) != 0 ? b : 0;
        b = times_x(f, b);
    }
    return product;
}

static uint64_t x_to_the_bytes(const struct crc_field *f, uint64_t bytes)
{
    uint64_t result = 1ull << (f->bits - 1); /* x^0 */
    uint64_t power = result >> 8;            /* x^8 */
    for (; bytes != 0; bytes >>= 1) {
        if ((bytes & 1) != 0) {
            result = field_mul(f, result, power);
        }
        power = field_mul(f, power, power);
    }
    return result;
}

void crc_combine(enum vault_checksum which, uint8_t *a, const uint8_t *b, uint64_t b_bytes)
{
    const struct crc_field *f = &crc_fields[which];
    if (f->bits == 32) {
        put_be32(a, (uint32_t)field_mul(f, x_to_the_bytes(f, b_bytes), get_be32(a)) ^ get_be32(b));
    } else {
        put_be64(a, field_mul(f, x_to_the_bytes(f, b_bytes), get_be64(a)) ^ get_be64(b));
    }
}

static void full_crc(const struct vault_part *parts, size_t n, enum vault_checksum which,
                     struct vault_checksums *ret)
{
    uint8_t value[8];
    memcpy(value, parts[0].checksums.value[which].b, sizeof(value));
    for (size_t i = 1; i < n; i++) {
        crc_combine(which, value, parts[i].checksums.value[which].b, parts[i].size);
    }
    checksum_set(ret, which, value);
}

static void composite(const struct vault_part *parts, size_t n, enum vault_checksum which,
                      struct vault_checksums *ret)
{
    struct digests d;
    digests_init(&d, 1u << which);
    for (size_t i = 0; i < n; i++) {
        digests_update(&d, bytes_of(parts[i].checksums.value[which].b, kinds[which].n));
    }
    const struct vault_checksums *out = digests_final(&d);
    checksum_set(ret, which, out->value[which].b);
    digests_done(&d);
    ret->is_composite = true;
}

void checksums_of_parts(const struct vault_part *parts, size_t n, unsigned wanted, bool is_full,
                        struct vault_checksums *ret)
{
    *ret = (struct vault_checksums){ 0 };
    for (size_t i = 0; i < n; i++) {
        wanted &= parts[i].checksums.known;
    }
    for (enum vault_checksum c = 0; c < VAULT_CHECKSUM_COUNT; c++) {
        if ((wanted & 1u << c) == 0 || n == 0) {
            continue;
        }
        bool is_crc32 = c == VAULT_CRC32 || c == VAULT_CRC32C;
        if (c == VAULT_CRC64NVME || (is_crc32 && is_full)) {
            full_crc(parts, n, c, ret);
        } else {
            composite(parts, n, c, ret);
        }
    }
}
