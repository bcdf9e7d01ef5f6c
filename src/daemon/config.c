/* Reading and dumping settings by the table. */
#include "daemon/config.h"

#include "base/text.h"
#include "base/yaml.h"
#include "daemon/config_table.h"
#include "sys/fs.h"

#include <stdio.h>
#include <stdlib.h>

static void *field(struct config *c, size_t offset)
{
    return (char *)c + offset;
}

static const void *field_const(const struct config *c, size_t offset)
{
    return (const char *)c + offset;
}

static bool is_choice(const char *choices, struct bytes v)
{
    struct bytes rest = bytes_str(choices), one;
    bool more = true;
    while (more) {
        more = bytes_split(&rest, '|', &one);
        if (bytes_equal(one, v)) {
            return true;
        }
    }
    return false;
}

static RESULT text_set(const struct setting *s, char *dst, struct bytes v, struct error *e)
{
    if (v.n < s->min || v.n > s->max || v.n >= CONFIG_TEXT_MAX || !text_is_printable(v)) {
        FAIL(e, ERRC_RANGE, "%s: text of %llu to %llu printable bytes", s->key,
             (unsigned long long)s->min, (unsigned long long)s->max);
    }
    if (s->choices != NULL && !is_choice(s->choices, v)) {
        FAIL(e, ERRC_RANGE, "%s: one of %s", s->key, s->choices);
    }
    if (v.n > 0) {
        memcpy(dst, v.p, v.n);
    }
    dst[v.n] = '\0';
    return RESULT_OK;
}

static RESULT name_set(const struct setting *s, char *dst, struct bytes v, struct error *e)
{
    for (size_t i = 0; i < v.n; i++) {
        uint8_t c = v.p[i], low = (uint8_t)(c | 0x20);
        if (!(low >= 'a' && low <= 'z') && !(c >= '0' && c <= '9') && c != '.' && c != '-' &&
            c != '_' && c != '/') {
            FAIL(e, ERRC_RANGE, "%s: letters, digits and '.', '-', '_', '/' only", s->key);
        }
    }
    if (v.n > 0 && (v.p[0] == '/' || v.p[v.n - 1] == '/')) {
        FAIL(e, ERRC_RANGE, "%s: neither begins nor ends with '/'", s->key);
    }
    return text_set(s, dst, v, e);
}

static RESULT bool_set(const struct setting *s, bool *dst, struct bytes v, struct error *e)
{
    bool is_true = bytes_equal_str(v, "true");
    if (!is_true && !bytes_equal_str(v, "false")) {
        FAIL(e, ERRC_FORMAT, "%s: true or false", s->key);
    }
    *dst = is_true;
    return RESULT_OK;
}

static RESULT scalar_set(const struct setting *s, struct config *c, struct bytes v, struct error *e)
{
    void *dst = field(c, s->offset);
    uint64_t n = 0;
    struct result r = RESULT_OK;
    const char *what = "a number";
    switch (s->type) {
    case SETTING_TEXT:
        return text_set(s, dst, v, e);
    case SETTING_NAME:
        return name_set(s, dst, v, e);
    case SETTING_BOOL:
        return bool_set(s, dst, v, e);
    case SETTING_COUNT:
        r = num_u64(v, s->min, s->max, &n);
        break;
    case SETTING_SIZE:
        what = "a size such as 64MiB";
        r = num_size(v, s->min, s->max, &n);
        break;
    case SETTING_DURATION:
        what = "a duration such as 250ms, 10s, 5m, 2h, 30d";
        r = num_duration_ms(v, s->min, s->max, &n);
        break;
    case SETTING_LIST:
    case SETTING_WITNESSES:
        FAIL(e, ERRC_FORMAT, "%s: a list", s->key);
    }
    if (!result_is_ok(r)) {
        FAIL(e, r.code, "%s: %s, %llu to %llu%s", s->key, what, (unsigned long long)s->min,
             (unsigned long long)s->max, s->type == SETTING_DURATION ? " ms" : "");
    }
    if (s->type == SETTING_DURATION) {
        int64_t ms = (int64_t)n;
        memcpy(dst, &ms, sizeof(ms));
    } else {
        memcpy(dst, &n, sizeof(n));
    }
    return RESULT_OK;
}

static void list_reset(const struct setting *s, struct config *c)
{
    size_t zero = 0;
    memcpy(field(c, s->count_offset), &zero, sizeof(zero));
}

static RESULT list_add(const struct setting *s, struct config *c, struct bytes v, struct error *e)
{
    size_t n = 0;
    memcpy(&n, field(c, s->count_offset), sizeof(n));
    if (n == CONFIG_ADDRESSES_MAX) {
        FAIL(e, ERRC_LIMIT, "%s: at most %d", s->key, CONFIG_ADDRESSES_MAX);
    }
    TRY(text_set(s, (char *)field(c, s->offset) + n * CONFIG_TEXT_MAX, v, e));
    n++;
    memcpy(field(c, s->count_offset), &n, sizeof(n));
    return RESULT_OK;
}

static RESULT line_error(struct error *e, size_t line, struct result r)
{
    error_prefix(e, "line %zu", line);
    return r;
}

static RESULT witness_add(struct config *c, const struct yaml_node *node, struct error *e)
{
    if (node->type != YAML_MAPPING) {
        FAIL(e, ERRC_FORMAT, "ledger.witnesses: a list of mappings with vkey, url, ca");
    }
    if (c->witness_count == CONFIG_WITNESSES_MAX) {
        FAIL(e, ERRC_LIMIT, "ledger.witnesses: at most %d", CONFIG_WITNESSES_MAX);
    }
    struct config_witness w = { 0 };
    for (const struct yaml_node *m = node->first; m != NULL; m = m->next) {
        char *dst = bytes_equal_str(m->key, "vkey")  ? w.vkey
                    : bytes_equal_str(m->key, "url") ? w.url
                    : bytes_equal_str(m->key, "ca")  ? w.ca
                                                     : NULL;
        if (dst == NULL || m->type != YAML_SCALAR) {
            FAIL(e, ERRC_NOT_FOUND, "ledger.witnesses: unknown key '%.*s'", BYTES_FMT(m->key));
        }
        struct setting text = { .key = "ledger.witnesses", .max = CONFIG_TEXT_MAX - 1 };
        TRY(text_set(&text, dst, m->text, e));
    }
    if (w.vkey[0] == '\0') {
        FAIL(e, ERRC_FORMAT, "ledger.witnesses: vkey is missing");
    }
    c->witnesses[c->witness_count++] = w;
    return RESULT_OK;
}

static RESULT node_set(const struct setting *s, struct config *c, const struct yaml_node *node,
                       struct error *e)
{
    bool is_list = s->type == SETTING_LIST || s->type == SETTING_WITNESSES;
    if (!is_list) {
        if (node->type != YAML_SCALAR) {
            return line_error(e, node->line, error_set(e, ERRC_FORMAT, "%s: one value", s->key));
        }
        struct result r = scalar_set(s, c, node->text, e);
        return result_is_ok(r) ? r : line_error(e, node->line, r);
    }
    if (node->type != YAML_SEQUENCE) {
        return line_error(e, node->line, error_set(e, ERRC_FORMAT, "%s: a list", s->key));
    }
    list_reset(s, c);
    for (const struct yaml_node *item = node->first; item != NULL; item = item->next) {
        struct result r = RESULT_OK;
        if (s->type == SETTING_WITNESSES) {
            r = witness_add(c, item, e);
        } else if (item->type != YAML_SCALAR) {
            r = error_set(e, ERRC_FORMAT, "%s: a list of texts", s->key);
        } else {
            r = list_add(s, c, item->text, e);
        }
        if (!result_is_ok(r)) {
            return line_error(e, item->line, r);
        }
    }
    return RESULT_OK;
}

static const struct setting *setting_find(const char *key)
{
    for (size_t i = 0; i < config_setting_count; i++) {
        if (strcmp(config_settings[i].key, key) == 0) {
            return &config_settings[i];
        }
    }
    return NULL;
}

static bool is_section(const char *key)
{
    size_t n = strlen(key);
    for (size_t i = 0; i < config_setting_count; i++) {
        if (strncmp(config_settings[i].key, key, n) == 0 && config_settings[i].key[n] == '.') {
            return true;
        }
    }
    return false;
}

static RESULT mapping_read(struct config *c, const struct yaml_node *map, const char *prefix,
                           struct error *e)
{
    for (const struct yaml_node *node = map->first; node != NULL; node = node->next) {
        char key[128];
        int n = snprintf(key, sizeof(key), "%s%.*s", prefix, BYTES_FMT(node->key));
        bool is_name = n > 0 && (size_t)n < sizeof(key) &&
                       bytes_index(node->key, '.') == node->key.n; /* sections are mappings */
        const struct setting *s = is_name ? setting_find(key) : NULL;
        if (s != NULL) {
            TRY(node_set(s, c, node, e));
        } else if (prefix[0] == '\0' && node->type == YAML_MAPPING && is_section(key)) {
            char section[130];
            (void)snprintf(section, sizeof(section), "%s.", key);
            TRY(mapping_read(c, node, section, e));
        } else {
            FAIL(e, ERRC_NOT_FOUND, "line %zu: unknown setting '%s%.*s'", node->key_line, prefix,
                 BYTES_FMT(node->key));
        }
    }
    return RESULT_OK;
}

void config_defaults(struct config *ret)
{
    *ret = (struct config){ 0 };
    for (size_t i = 0; i < config_setting_count; i++) {
        const struct setting *s = &config_settings[i];
        struct error e;
        struct result r = RESULT_OK;
        if (s->type == SETTING_WITNESSES || s->fallback == NULL) {
            continue;
        }
        if (s->type == SETTING_LIST) {
            struct bytes rest = bytes_str(s->fallback), one;
            for (bool more = true; more && result_is_ok(r);) {
                more = bytes_split(&rest, ' ', &one);
                r = list_add(s, ret, one, &e);
            }
        } else {
            r = scalar_set(s, ret, bytes_str(s->fallback), &e);
        }
        if (!result_is_ok(r)) {
            (void)fprintf(stderr, "default of %s: %s\n", s->key, e.msg);
            abort();
        }
    }
}

RESULT config_parse(struct bytes yaml, struct config *ret, struct error *e)
{
    struct config c;
    config_defaults(&c);
    CLEANUP(yaml_doc_free_p) struct yaml_doc *doc = NULL;
    TRY(yaml_parse(yaml, CONFIG_FILE_MAX, &doc, e));
    const struct yaml_node *root = yaml_root(doc);
    if (root != NULL) {
        if (root->type != YAML_MAPPING) {
            FAIL(e, ERRC_FORMAT, "line %zu: settings are a mapping", root->line);
        }
        TRY(mapping_read(&c, root, "", e));
    }
    *ret = c;
    return RESULT_OK;
}

RESULT config_load(const char *dir, struct config *ret, struct error *e)
{
    CLEANUP(fs_free_p) struct fs *fs = NULL;
    TRY(fs_open_dir(dir, &fs, e));
    CLEANUP(buf_done_p) struct buf text = BUF(CONFIG_FILE_MAX);
    struct result r = fs_read_file(fs, "troth.yaml", CONFIG_FILE_MAX, &text, e);
    if (r.code == ERRC_NOT_FOUND) {
        config_defaults(ret);
        return RESULT_OK;
    }
    TRY(r);
    TRY_MSG(config_parse(buf_bytes(&text), ret, e), e, "%s/troth.yaml", dir);
    return RESULT_OK;
}

/* --- dump --- */

static void quoted_add(struct buf *out, const char *v)
{
    buf_add_u8(out, '"');
    for (; *v != '\0'; v++) {
        if (*v == '"' || *v == '\\') {
            buf_add_u8(out, '\\');
        }
        buf_add_u8(out, (uint8_t)*v);
    }
    buf_add_u8(out, '"');
}

static void size_add(struct buf *out, uint64_t v)
{
    static const char *const units[] = { "", "KiB", "MiB", "GiB", "TiB" };
    size_t unit = 0;
    while (v != 0 && v % 1024 == 0 && unit + 1 < ARRAY_LEN(units)) {
        v /= 1024;
        unit++;
    }
    buf_addf(out, "%llu%s", (unsigned long long)v, units[unit]);
}

static void value_add(const struct setting *s, const struct config *c, struct buf *out)
{
    const void *p = field_const(c, s->offset);
    uint64_t n = 0;
    switch (s->type) {
    case SETTING_TEXT:
    case SETTING_NAME:
        quoted_add(out, p);
        break;
    case SETTING_BOOL:
        buf_add_str(out, *(const bool *)p ? "true" : "false");
        break;
    case SETTING_SIZE:
        memcpy(&n, p, sizeof(n));
        size_add(out, n);
        break;
    case SETTING_COUNT:
    case SETTING_DURATION:
        memcpy(&n, p, sizeof(n));
        buf_addf(out, "%llu%s", (unsigned long long)n, s->type == SETTING_DURATION ? "ms" : "");
        break;
    case SETTING_LIST:
    case SETTING_WITNESSES:
        break;
    }
    buf_add_u8(out, '\n');
}

static void list_dump(const struct setting *s, const struct config *c, const char *indent,
                      struct buf *out)
{
    size_t n = 0;
    memcpy(&n, field_const(c, s->count_offset), sizeof(n));
    if (n == 0) {
        buf_add_str(out, "[]\n");
        return;
    }
    buf_add_u8(out, '\n');
    for (size_t i = 0; i < n; i++) {
        if (s->type == SETTING_LIST) {
            buf_addf(out, "%s- ", indent);
            quoted_add(out, (const char *)field_const(c, s->offset) + i * CONFIG_TEXT_MAX);
            buf_add_u8(out, '\n');
            continue;
        }
        const struct config_witness *w = &c->witnesses[i];
        buf_addf(out, "%s- vkey: ", indent);
        quoted_add(out, w->vkey);
        buf_addf(out, "\n%s  url: ", indent);
        quoted_add(out, w->url);
        buf_addf(out, "\n%s  ca: ", indent);
        quoted_add(out, w->ca);
        buf_add_u8(out, '\n');
    }
}

void config_dump(const struct config *c, bool zh, struct buf *out)
{
    char section[64] = "";
    for (size_t i = 0; i < config_setting_count; i++) {
        const struct setting *s = &config_settings[i];
        const char *dot = strchr(s->key, '.');
        const char *name = dot == NULL ? s->key : dot + 1;
        size_t n = dot == NULL ? 0 : (size_t)(dot - s->key);
        if (dot != NULL && (strlen(section) != n || memcmp(section, s->key, n) != 0)) {
            (void)snprintf(section, sizeof(section), "%.*s", (int)n, s->key);
            buf_addf(out, "%s:\n", section);
        }
        const char *indent = dot == NULL ? "" : "  ";
        buf_addf(out, "%s# %s\n", indent, zh ? s->zh : s->en);
        if (s->choices != NULL) {
            buf_addf(out, "%s# %s\n", indent, s->choices);
        }
        buf_addf(out, "%s%s: ", indent, name);
        if (s->type == SETTING_LIST || s->type == SETTING_WITNESSES) {
            list_dump(s, c, dot == NULL ? "  " : "    ", out);
        } else {
            value_add(s, c, out);
        }
    }
}
