/*
 * The scribe: the engine behind messages. All requests that came in one wake-up share one journal
 * write and one fdatasync; receipts of one log in one group share one signature.
 *
 * Who may ask: the edge and the supervisor, everything of client.h. The source of an entry is the
 * caller's role. When the journal fails, every request is refused and scribe_run ends with the
 * error: the process has to start again.
 */
#ifndef TROTH_LEDGER_SCRIBE_H
#define TROTH_LEDGER_SCRIBE_H

#include "ledger/engine.h"
#include "sys/rpc.h"

struct scribe;
/* Takes the engine. */
RESULT scribe_new(struct engine *en, struct scribe **ret, struct error *e);
void scribe_free(struct scribe *s); /* closes the engine */
DEFINE_CLEANUP(scribe_free, struct scribe *)
/* To add peers and watches to, and to stop. */
struct rpc_server *scribe_server(struct scribe *s);
struct engine *scribe_engine(struct scribe *s);
/* Until rpc_server_stop, or until the ledger fails. */
RESULT scribe_run(struct scribe *s, struct error *e);

#endif
