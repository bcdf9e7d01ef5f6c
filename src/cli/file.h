/* Files that a person names on the command line, in any folder. */
#ifndef TROTH_CLI_FILE_H
#define TROTH_CLI_FILE_H

#include "sys/fs.h"

/* For reading. */
RESULT file_open(const char *path, struct fs_file **ret, struct error *e);
/* The whole of it, at most out->max bytes. */
RESULT file_read(const char *path, struct buf *out, struct error *e);
/* Mode 0700, in a folder that is there; existing is fine. */
RESULT folder_make(const char *path, struct error *e);
/* "name" beside `path`: in the same folder, unless it is absolute. */
void file_beside(const char *path, const char *name, struct buf *out);

#endif
