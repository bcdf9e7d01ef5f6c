/* Writing XML: elements and escaped text. */
#include "net/xml.h"

void xml_begin(struct buf *out)
{
    buf_add_str(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
}

void xml_open(struct buf *out, const char *name)
{
    buf_addf(out, "<%s>", name);
}

void xml_open_ns(struct buf *out, const char *name, const char *ns)
{
    buf_addf(out, "<%s xmlns=\"", name);
    xml_text(out, bytes_str(ns));
    buf_add_str(out, "\">");
}

void xml_close(struct buf *out, const char *name)
{
    buf_addf(out, "</%s>", name);
}

/* Length of the UTF-8 character at the front that XML 1.0 can carry (2.2 Char), or 0. */
static size_t char_len(struct bytes v)
{
    uint8_t c = v.p[0];
    if (c < 0x80) {
        return c >= 0x20 || c == '\t' || c == '\n' || c == '\r';
    }
    size_t n = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
    if (c < 0xc2 || c > 0xf4 || v.n < n) {
        return 0;
    }
    uint32_t u = c & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((v.p[i] & 0xc0) != 0x80) {
            return 0;
        }
        u = u << 6 | (v.p[i] & 0x3fu);
    }
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    bool is_char = u >= least[n] && u <= 0x10ffff && !(u >= 0xd800 && u <= 0xdfff) && u != 0xfffe &&
                   u != 0xffff;
    return is_char ? n : 0;
}

static const char *escape_of(uint8_t c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\r':
        return "&#13;";
    default:
        return NULL;
    }
}

void xml_text(struct buf *out, struct bytes v)
{
    size_t plain = 0; /* bytes at the front that stand for themselves */
    while (plain < v.n) {
        struct bytes rest = bytes_of(v.p + plain, v.n - plain);
        size_t n = char_len(rest);
        const char *escape = n == 0 ? "&#xFFFD;" : escape_of(rest.p[0]);
        if (escape == NULL) {
            plain += n;
            continue;
        }
        buf_add_mem(out, v.p, plain);
        buf_add_str(out, escape);
        v = bytes_of(rest.p + 1, rest.n - 1);
        plain = 0;
    }
    buf_add_mem(out, v.p, plain);
}

void xml_element(struct buf *out, const char *name, struct bytes v)
{
    xml_open(out, name);
    xml_text(out, v);
    xml_close(out, name);
}

void xml_element_str(struct buf *out, const char *name, const char *v)
{
    xml_element(out, name, bytes_str(v));
}

void xml_element_u64(struct buf *out, const char *name, uint64_t v)
{
    xml_open(out, name);
    buf_add_u64_dec(out, v);
    xml_close(out, name);
}
