/* Names, paths, texts and tags as they are let in; ids. */
#ifndef TROTH_IDENTITY_NAME_PRIV_H
#define TROTH_IDENTITY_NAME_PRIV_H

#include "identity/user.h"

#define NAME_MAX_USER   64  /* of a role too */
#define NAME_MAX_POLICY 128 /* of a group too */
#define PATH_MAX_BYTES  512
#define TEXT_MAX        256 /* owner, display */
#define DESCRIPTION_MAX 1000

/* ERRC_FORMAT in words, ERRC_LIMIT. `what`: "user name". */
RESULT name_check(const char *what, const char *name, size_t max, struct error *e);
/* NULL gives "/". */
RESULT path_check(const char *path, const char **ret, struct error *e);
RESULT text_check(const char *what, const char *text, size_t max, struct error *e);
RESULT email_check(const char *email, struct error *e);
/* A JSON object of strings within the limits; *ret: canonical, in the arena. NULL gives "{}". */
RESULT tags_check(const char *tags, struct arena *arena, const char **ret, struct error *e);

/* prefix ("AIDA") and 17 random characters. */
void identity_id_new(struct directory *d, const char *prefix, char ret[IDENTITY_ID_BYTES]);
/* "arn:aws:iam::ACCOUNT:user/PATH/NAME" */
void identity_arn(struct buf *out, const char *kind, const char *account, const char *path,
                  const char *name);
/* Member "arn" of an object. */
void identity_arn_json(struct jsonw *w, const char *kind, const char *account, const char *path,
                       const char *name);
/* A member with a time as RFC 3339; null when 0. */
void identity_time_json(struct jsonw *w, const char *key, int64_t ms);

#endif
