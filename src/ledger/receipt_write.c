/* A receipt's text: members in the order of RFC 8785. */
#include "ledger/receipt_write.h"

#include "base/json.h"
#include "ledger/entry.h"

void receipt_write(const struct receipt_parts *r, struct buf *out)
{
    struct jsonw w;

    jsonw_init(&w, out);
    jsonw_object(&w);
    jsonw_kv_str(&w, "checkpoint", r->checkpoint);
    jsonw_kv_str(&w, "entry", r->leaf);
    jsonw_kv_u64(&w, "index", r->index);
    jsonw_kv_cstr(&w, "log", r->origin);
    jsonw_key(&w, "payload");
    jsonw_raw(&w, bytes_slice(r->plain, LEDGER_SALT_BYTES, r->plain.n));
    jsonw_key(&w, "proof");
    jsonw_array(&w);
    for (size_t i = 0; i < r->proof->n; i++) {
        jsonw_base64(&w, BYTES_OF(r->proof->hashes[i].b));
    }
    jsonw_array_end(&w);
    jsonw_kv_base64(&w, "salt", bytes_slice(r->plain, 0, LEDGER_SALT_BYTES));
    jsonw_kv_cstr(&w, "type", "troth/receipt/v1");
    jsonw_object_end(&w);
}
