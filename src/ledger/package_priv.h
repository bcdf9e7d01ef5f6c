/* What writing and checking packages share. */
#ifndef TROTH_LEDGER_PACKAGE_PRIV_H
#define TROTH_LEDGER_PACKAGE_PRIV_H

#include "base/json.h"
#include "ledger/package.h"

#define PACKAGE_CRC_HEAD   "{\"crc\":\"00000000\","
#define PACKAGE_HEAD_BYTES (sizeof(PACKAGE_CRC_HEAD) - 1)
#define PACKAGE_CRC_AT     8u /* of the digits */
#define PACKAGE_SALT_TEXT  44u

/* The trailer's text behind "troth/package\n". */
void package_statement(const char *origin, uint64_t from, uint64_t size, uint64_t lines,
                       const uint8_t digest[32], struct buf *out);

/* --- lines, read strictly (package_line.c) --- */

enum package_line_kind { PACKAGE_HEADER, PACKAGE_ENTRY, PACKAGE_CHECKPOINT, PACKAGE_TRAILER };
/* By its first member; line without LF. ERRC_FORMAT. */
RESULT package_line_kind(struct bytes line, enum package_line_kind *ret, struct error *e);
/* ERRC_INTEGRITY. */
RESULT package_line_crc(struct bytes line, struct error *e);

struct package_header {
    struct note_key log, sealer;
    uint64_t from, size;
    int64_t created_ms;
    struct tree_frontier frontier;
};
RESULT package_read_header(struct bytes line, struct package_header *ret, struct error *e);

struct package_entry_line {
    struct bytes
            payload; /* borrowed from the line; canonical JSON or not is the caller's to check */
    uint8_t salt[LEDGER_SALT_BYTES];
    bool is_erased;
};
/* `leaf` (reset before) gets the unescaped leaf. */
RESULT package_read_entry(struct bytes line, uint64_t index, struct buf *leaf,
                          struct package_entry_line *ret, struct error *e);
RESULT package_read_checkpoint(struct bytes line, struct buf *note, struct buf *token,
                               struct error *e);
RESULT package_read_trailer(struct bytes line, uint64_t *ret_lines, struct buf *note,
                            struct error *e);
/* An object, as RFC 8785 writes it. The document for a look inside: when wanted, or when it tells a
 * phase; NULL otherwise. */
RESULT package_payload_check(struct bytes payload, bool is_wanted, struct json_doc **ret,
                             struct error *e);

/* --- what entries say of each other (package_story.c) --- */

struct package_story;
/* Findings are counted in the report and told to o->finding. */
struct package_story *package_story_new(const struct package_options *o,
                                        struct package_report *report);
void package_story_free(struct package_story *s);
DEFINE_CLEANUP(package_story_free, struct package_story *)
/* payload: NULL where erased or of no interest. */
bool package_story_wants(const struct entry *en);
RESULT package_story_add(struct package_story *s, const struct entry *en,
                         const struct json_doc *payload, bool is_erased, struct error *e);
void package_story_end(struct package_story *s); /* tells of what stayed open */
void package_tell(const struct package_options *o, struct package_report *report,
                  enum package_finding_kind kind, uint64_t line, uint64_t index, const char *text);

#endif
