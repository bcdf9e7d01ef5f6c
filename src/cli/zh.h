/* Chinese in front of reasons that the server and the libraries give in English alone. */
#ifndef TROTH_CLI_ZH_H
#define TROTH_CLI_ZH_H

#include "base/bytes.h"
#include "base/error.h"

/* What kind of error it is. */
const char *zh_of_code(enum errc code);
/* Of a refusal by decision (access_reason_name); NULL: its kind says enough. */
const char *zh_of_reason(struct bytes reason);
/* Is the text in Chinese, or has it a name in Chinese, already? */
bool zh_is_in(const char *text);

#endif
