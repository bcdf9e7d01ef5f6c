/* The table of settings. Adding one is one line here and one field in struct config. */
#ifndef TROTH_DAEMON_CONFIG_TABLE_H
#define TROTH_DAEMON_CONFIG_TABLE_H

#include "daemon/config.h"

enum setting_type {
    SETTING_TEXT, /* char[CONFIG_TEXT_MAX]; min..max bytes; `choices` where it is one of a few */
    SETTING_NAME, /* the same, of letters, digits and ".-_/": stands in log names and signatures */
    SETTING_BOOL,
    SETTING_COUNT,    /* uint64_t */
    SETTING_SIZE,     /* uint64_t, "64MiB" */
    SETTING_DURATION, /* int64_t milliseconds, "10s" */
    SETTING_LIST,     /* of texts, with its count */
    SETTING_WITNESSES,
};

struct setting {
    const char *key;
    enum setting_type type;
    size_t offset, count_offset;
    const char *fallback; /* as written in the file; NULL: empty list */
    uint64_t min, max;
    const char *choices; /* "none|optional|required" or NULL */
    const char *en, *zh;
};

extern const struct setting config_settings[];
extern const size_t config_setting_count;

#endif
