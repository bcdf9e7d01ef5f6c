/*
 * Files that a person names, on the command line or in a setting: any path, symbolic links
 * followed. What the product keeps itself goes through fs.h, which follows none.
 */
#ifndef TROTH_SYS_PATH_H
#define TROTH_SYS_PATH_H

#include "sys/fs.h"

/* The folder that holds what `path` leads to, and its name there. The last part need not exist. */
RESULT path_folder(const char *path, struct fs **ret, struct buf *ret_name, struct error *e);
/* For reading. */
RESULT path_open(const char *path, struct fs_file **ret, struct error *e);
/* The whole of it, at most out->max bytes. */
RESULT path_read(const char *path, struct buf *out, struct error *e);
/* The absolute path without links of something that exists. */
RESULT path_absolute(const char *path, struct buf *out, struct error *e);
/* "name" beside `path`: in the same folder, unless it is absolute. */
void path_beside(const char *path, const char *name, struct buf *out);
/* A folder of mode 0700: made, or one that is there and ours. */
RESULT path_make_folder(const char *path, struct error *e);
/* Takes all rights from others. */
RESULT path_make_private(const char *path, struct error *e);

#endif
