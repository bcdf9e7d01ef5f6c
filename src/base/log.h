/*
 * The operator's log on standard error: one JSON line or one text line per record. Not the ledger:
 * it proves nothing. The only global state besides constant tables. Whoever ends an error's journey
 * logs it, once.
 */
#ifndef TROTH_BASE_LOG_H
#define TROTH_BASE_LOG_H

#include "base/error.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* `role` stands in each line; copied, cut at 31 bytes. Before other threads start. */
void log_init(const char *role, enum log_level level, bool is_json);
/* "error", "warn", "info", "debug"; anything else is LOG_INFO. */
enum log_level log_level_by_name(const char *name);
bool log_is_on(enum log_level level);
/* A line is at most 4,096 bytes: longer messages are cut. Keeps errno. */
__attribute__((format(printf, 2, 3))) void log_at(enum log_level level, const char *fmt, ...);

#define log_error(...) log_at(LOG_ERROR, __VA_ARGS__)
#define log_warn(...)  log_at(LOG_WARN, __VA_ARGS__)
#define log_info(...)  log_at(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_at(LOG_DEBUG, __VA_ARGS__)

#endif
