/*
 * Doubles of the keeper and the scribe, linked instead of the clients of keys/ and ledger/: keys
 * wrapped in memory, logs in memory. Entries are durable at once. All of it is global: one test
 * program, one deployment. Thread-safe.
 */
#ifndef TROTH_TESTS_VAULT_FAKES_H
#define TROTH_TESTS_VAULT_FAKES_H

#include "base/clock.h"
#include "keys/client.h"
#include "ledger/client.h"

void fakes_reset(const struct clock *clock);
/* The next appends of this kind (NULL: any) fail with `code`, `times` times, after `after` good
 * ones. */
void fake_scribe_fail(const char *kind, enum errc code, unsigned after, unsigned times);
/* After such a failure the entry is in the log all the same: the answer was lost. */
void fake_scribe_lose_answers(bool on);
/* Aborts at a payload that is not RFC 8785 text of an object. */
void fake_scribe_check_payloads(bool on);
uint64_t fake_scribe_count(const char *log, const char *kind); /* entries; kind NULL: all */
/* Payload of the entry at `index`, its kind in ret_kind; borrowed until the reset. */
struct bytes fake_scribe_payload(const char *log, uint64_t index, const char **ret_kind);

void fake_keeper_rotate(void); /* every key gets a new version */
void fake_keeper_disable(bool on);
void fake_keeper_suite(enum crypto_suite s); /* of keys asked for from now on */
void fake_keeper_away(bool on);

#endif
