/* Condition keys: the well-known ones have numbers, so that an evaluation looks for each once. */
#include "identity/policy/policy_priv.h"

static const char *const known[] = {
    "aws:CurrentTime",
    "aws:EpochTime",
    "aws:FederatedProvider",
    "aws:MultiFactorAuthAge",
    "aws:MultiFactorAuthPresent",
    "aws:PrincipalAccount",
    "aws:PrincipalArn",
    "aws:PrincipalType",
    "aws:Referer",
    "aws:RequestedRegion",
    "aws:ResourceAccount",
    "aws:SecureTransport",
    "aws:SourceAccount",
    "aws:SourceArn",
    "aws:SourceIdentity",
    "aws:SourceIp",
    "aws:TagKeys",
    "aws:TokenIssueTime",
    "aws:UserAgent",
    "aws:userid",
    "aws:username",
    "iam:PermissionsBoundary",
    "iam:PolicyARN",
    "s3:LocationConstraint",
    "s3:TlsVersion",
    "s3:authType",
    "s3:delimiter",
    "s3:max-keys",
    "s3:prefix",
    "s3:signatureversion",
    "s3:x-amz-acl",
    "s3:x-amz-server-side-encryption",
    "sts:ExternalId",
    "sts:RoleSessionName",
    "troth:Grant",
    "troth:Realm",
};
_Static_assert(ARRAY_LEN(known) <= POLICY_KEYS_KNOWN, "POLICY_KEYS_KNOWN");

struct policy_key_ref policy_key_ref_of(struct bytes name)
{
    struct policy_key_ref ref = { .name = name };

    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (bytes_equal_nocase(name, bytes_str(known[i]))) {
            ref.known = i + 1;
        }
    }
    return ref;
}

size_t policy_key_find(const struct policy_request *rq, struct bytes name)
{
    for (size_t i = 0; i < rq->key_count; i++) {
        const struct policy_key *k = &rq->keys[i];
        /* the last letters tell keys apart sooner than the first, which name the service */
        if (k->name.n == name.n && name.n != 0 &&
            ((k->name.p[name.n - 1] ^ name.p[name.n - 1]) & 0xdf) == 0 && k->count != 0 &&
            bytes_equal_nocase(k->name, name)) {
            return i + 2;
        }
    }
    return 1;
}
