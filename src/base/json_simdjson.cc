/*
 * The C face of simdjson's DOM. Built without exceptions; every call returns an error code. The
 * parser of a thread is kept for small texts: it holds positions only, never text.
 */
#include "base/json_priv.h"

#include <simdjson.h>

#include <cstring>
#include <new>

using simdjson::internal::tape_ref;

static_assert(SJ_PADDING >= simdjson::SIMDJSON_PADDING, "padding");

struct sj_doc {
    simdjson::dom::document document;
    size_t string_bytes;
};

namespace
{

constexpr size_t KEPT_PARSER_BYTES = 65536;

/* Never optimised away: the compiler must assume that the memory is read. */
void wipe(void *p, size_t n)
{
    std::memset(p, 0, n);
    __asm__ __volatile__("" : : "r"(p) : "memory");
}

sj_status status_of(simdjson::error_code code)
{
    switch (code) {
    case simdjson::SUCCESS:
        return SJ_OK;
    case simdjson::DEPTH_ERROR:
        return SJ_DEPTH;
    case simdjson::MEMALLOC:
    case simdjson::CAPACITY:
        return SJ_NOMEM;
    default:
        return SJ_FORMAT;
    }
}

simdjson::error_code parse_with(simdjson::dom::parser &parser, const uint8_t *text, size_t n,
                                size_t depth, sj_doc *d)
{
    size_t capacity = n < 1024 ? 1024 : n;
    if (parser.capacity() < capacity || parser.max_depth() != depth) {
        simdjson::error_code code = parser.allocate(capacity, depth);
        if (code != simdjson::SUCCESS) {
            return code;
        }
    }
    simdjson::error_code code = d->document.allocate(n < 32 ? 32 : n);
    if (code != simdjson::SUCCESS) {
        return code;
    }
    return parser.parse_into_document(d->document, text, n, false).error();
}

tape_ref ref(const sj_doc *d, uint64_t at)
{
    return tape_ref(&d->document, size_t(at));
}

} // namespace

sj_status sj_parse(const uint8_t *text, size_t n, size_t depth, sj_doc **ret, const char **ret_what)
{
    sj_doc *d = new (std::nothrow) sj_doc();
    if (d == nullptr) {
        return SJ_NOMEM;
    }
    simdjson::error_code code;
    if (n <= KEPT_PARSER_BYTES) {
        static thread_local simdjson::dom::parser kept;
        code = parse_with(kept, text, n, depth, d);
    } else {
        simdjson::dom::parser parser;
        code = parse_with(parser, text, n, depth, d);
    }
    d->string_bytes = 5 * d->document.capacity() / 3;
    if (code != simdjson::SUCCESS) {
        *ret_what = simdjson::error_message(code);
        sj_free(d);
        return status_of(code);
    }
    *ret = d;
    return SJ_OK;
}

void sj_free(sj_doc *d)
{
    if (d != nullptr && d->document.string_buf) {
        wipe(d->document.string_buf.get(), d->string_bytes);
    }
    delete d;
}

char sj_type(const sj_doc *d, uint64_t at)
{
    return char(ref(d, at).tape_ref_type());
}

uint64_t sj_after(const sj_doc *d, uint64_t at)
{
    return ref(d, at).after_element();
}

uint64_t sj_bits(const sj_doc *d, uint64_t at)
{
    return ref(d, at).next_tape_value<uint64_t>();
}

const char *sj_string(const sj_doc *d, uint64_t at, size_t *ret_n)
{
    std::string_view v = ref(d, at).get_string_view();
    *ret_n = v.size();
    return v.data();
}
