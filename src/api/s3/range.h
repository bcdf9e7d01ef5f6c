/* The Range header: RFC 9110 section 14, one range of bytes. */
#ifndef TROTH_API_S3_RANGE_H
#define TROTH_API_S3_RANGE_H

#include "base/bytes.h"

enum s3_range { S3_RANGE_NONE, S3_RANGE_GOOD, S3_RANGE_UNSATISFIABLE };

/*
 * GOOD: *ret_from and *ret_n lie within `size`. NONE: absent, malformed, or several ranges:
 * ignored, as S3 does; then and when UNSATISFIABLE nothing is written.
 */
enum s3_range s3_range_parse(struct bytes v, uint64_t size, uint64_t *ret_from, uint64_t *ret_n);

#endif
