/* Files that a person names. */
#include "sys/path.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>

RESULT path_absolute(const char *path, struct buf *out, struct error *e)
{
    char full[PATH_MAX];
    if (realpath(path, full) == NULL) {
        FAIL_SYS(e, "%s", path);
    }
    buf_add_str(out, full);
    return buf_result(out);
}

/* Cuts the last part off `text`; returns it. The folder of "a" is ".", of "/a" it is "/". */
static const char *cut(char *text, const char **ret_folder)
{
    char *slash = strrchr(text, '/');
    if (slash == NULL) {
        *ret_folder = ".";
        return text;
    }
    *ret_folder = slash == text ? "/" : text;
    *slash = '\0';
    return slash + 1;
}

RESULT path_folder(const char *path, struct fs **ret, struct buf *ret_name, struct error *e)
{
    char full[PATH_MAX];
    /* What is not there yet is named by its folder. */
    const char *whole = realpath(path, full) != NULL ? full : path;
    CLEANUP(mem_free_p) char *text = mem_strdup(whole);
    const char *folder = NULL, *name = cut(text, &folder);
    if (name[0] == '\0') {
        FAIL(e, ERRC_FORMAT, "%s names no file", path);
    }
    TRY(fs_open_dir(folder, ret, e));
    buf_add_str(ret_name, name);
    return buf_result(ret_name);
}

RESULT path_open(const char *path, struct fs_file **ret, struct error *e)
{
    CLEANUP(fs_free_p) struct fs *fs = NULL;
    CLEANUP(buf_done_p) struct buf name = BUF(NAME_MAX + 1);
    TRY(path_folder(path, &fs, &name, e));
    return fs_open(fs, buf_cstr(&name), FS_READ, ret, e);
}

RESULT path_read(const char *path, struct buf *out, struct error *e)
{
    CLEANUP(fs_free_p) struct fs *fs = NULL;
    CLEANUP(buf_done_p) struct buf name = BUF(NAME_MAX + 1);
    TRY(path_folder(path, &fs, &name, e));
    return fs_read_file(fs, buf_cstr(&name), out->max, out, e);
}

void path_beside(const char *path, const char *name, struct buf *out)
{
    const char *slash = strrchr(path, '/');
    if (name[0] != '/' && slash != NULL) {
        buf_add(out, bytes_of(path, (size_t)(slash - path) + 1));
    }
    buf_add_str(out, name);
}

RESULT path_make_folder(const char *path, struct error *e)
{
    struct stat st;
    if (mkdir(path, 0700) != 0 && errno != EEXIST) {
        FAIL_SYS(e, "%s", path);
    }
    if (stat(path, &st) != 0) {
        FAIL_SYS(e, "%s", path);
    }
    if (!S_ISDIR(st.st_mode)) {
        FAIL(e, ERRC_EXISTS, "%s is not a folder", path);
    }
    return RESULT_OK;
}

RESULT path_make_private(const char *path, struct error *e)
{
    struct stat st;
    if (stat(path, &st) != 0 || ((st.st_mode & 077) != 0 && chmod(path, st.st_mode & 0700) != 0)) {
        FAIL_SYS(e, "%s", path);
    }
    return RESULT_OK;
}
