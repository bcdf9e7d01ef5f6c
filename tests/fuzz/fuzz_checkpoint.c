/* Notes, checkpoints and verifier keys of strangers. */
#include "base/buf.h"
#include "ledger/note.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct note note;
    static const uint8_t pub[32] = { 1 };
    struct note_key k;
    struct checkpoint c;
    struct error e;
    uint64_t t;

    if (result_is_ok(note_parse(bytes_of(data, size), &note, &e))) {
        result_ignore(checkpoint_parse(note.text, &c, &e));
        result_ignore(note_key_make("a", NOTE_COSIGNATURE_V1, pub, &k, &e));
        if (note.signature_count > 0) {
            memcpy(k.id, note.signatures[0].id, sizeof(k.id));
        }
        if (result_is_ok(note_verify(&note, &k, &t, &e))) {
            abort();
        }
    }
    if (result_is_ok(checkpoint_parse(bytes_of(data, size), &c, &e)) && c.extensions.n == 0) {
        struct buf again = BUF(NOTE_MAX);
        char *origin = NULL;
        size_t n = 0;
        struct buf text = BUF(NOTE_MAX);
        buf_add(&text, c.origin);
        if (result_is_ok(buf_take(&text, &origin, &n)) && strlen(origin) == n) {
            checkpoint_text(&again, origin, c.size, &c.root);
            if (again.err == ERRC_OK && !bytes_equal(buf_bytes(&again), bytes_of(data, size))) {
                abort();
            }
        }
        mem_free(origin);
        buf_done(&text);
        buf_done(&again);
    }
    if (result_is_ok(note_key_parse(bytes_of(data, size), &k, &e))) {
        struct buf again = BUF(1024);
        note_key_text(&k, &again);
        if (!bytes_equal(buf_bytes(&again), bytes_of(data, size))) {
            abort();
        }
        buf_done(&again);
    }
    return 0;
}
