/* Addresses and networks, as conditions on aws:SourceIp and the contract's parameters have them. */
#ifndef TROTH_IDENTITY_POLICY_NETWORK_H
#define TROTH_IDENTITY_POLICY_NETWORK_H

#include "base/bytes.h"

/* IPv4 stands in the first 32 bits. */
struct policy_ip {
    uint64_t high, low;
    unsigned bits; /* of the prefix; of a single address 32 or 128 */
    bool is_v6;
};
/* An address or CIDR; IPv4 in IPv6 becomes IPv4. */
bool policy_ip_read(struct bytes in, bool may_have_prefix, struct policy_ip *ret);
static inline uint64_t policy_ip_mask(unsigned bits)
{
    return bits >= 64 ? UINT64_MAX : ~(UINT64_MAX >> bits);
}
static inline bool policy_ip_within(const struct policy_ip *address, const struct policy_ip *net)
{
    if (address->is_v6 != net->is_v6 ||
        ((address->high ^ net->high) & policy_ip_mask(net->bits)) != 0) {
        return false;
    }
    return net->bits <= 64 || ((address->low ^ net->low) & policy_ip_mask(net->bits - 64)) == 0;
}

#endif
