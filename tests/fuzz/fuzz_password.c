/* A list of breached passwords and a password against it, parted by the byte ff; the password as an
 * enrolment code, too. */
#include "base/log.h"
#include "identity/login_priv.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const words[] = { "lin", "Zhang Xiaolin", "acme-cloud", "", NULL };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes password = bytes_of(data, size), file;
    struct block_list *list = NULL;
    struct error e;
    char code[ENROLMENT_CODE_BYTES], again[ENROLMENT_CODE_BYTES];

    log_init("fuzz", LOG_ERROR, false);
    (void)bytes_split(&password, 0xff, &file);
    CLEANUP(fs_free_p) struct fs *fs = fs_fake_new(4 << 20);
    if (!result_is_ok(fs_write_file(fs, "blocked", file, &e))) {
        abort();
    }
    (void)block_list_open(fs, "blocked", &list, &e).code;
    for (const struct password_profile *p = password_profiles; p->name != NULL; p++) {
        struct result r = password_rules_check(p, list, password, words, &e);
        if (!result_is_ok(r) && r.code != ERRC_RANGE && r.code != ERRC_FORMAT) {
            abort();
        }
    }
    block_list_close(list);
    /* what is taken as a code is one, and stays the same */
    if (result_is_ok(code_normalise(password, 5, code)) &&
        (strlen(code) != ENROLMENT_CODE_BYTES - 1 ||
         !result_is_ok(code_normalise(bytes_str(code), 5, again)) || strcmp(code, again) != 0)) {
        abort();
    }
    return 0;
}
