#include "cli/file.h"

/* Opens the folder of `path`; *ret_name is its last part. */
static RESULT folder_open(const char *path, struct fs **ret, const char **ret_name, struct error *e)
{
    CLEANUP(mem_free_p) char *dir = mem_strdup(path);
    char *slash = strrchr(dir, '/');
    if (slash == NULL) {
        *ret_name = path;
        return fs_open_dir(".", ret, e);
    }
    *ret_name = path + (slash - dir) + 1;
    slash[slash == dir ? 1 : 0] = '\0';
    return fs_open_dir(dir, ret, e);
}

RESULT file_open(const char *path, struct fs_file **ret, struct error *e)
{
    CLEANUP(fs_free_p) struct fs *fs = NULL;
    const char *name = NULL;
    TRY(folder_open(path, &fs, &name, e));
    return fs_open(fs, name, FS_READ, ret, e);
}

RESULT file_read(const char *path, struct buf *out, struct error *e)
{
    CLEANUP(fs_free_p) struct fs *fs = NULL;
    const char *name = NULL;
    TRY(folder_open(path, &fs, &name, e));
    return fs_read_file(fs, name, out->max, out, e);
}

RESULT folder_make(const char *path, struct error *e)
{
    CLEANUP(mem_free_p) char *trimmed = mem_strdup(path);
    CLEANUP(fs_free_p) struct fs *fs = NULL;
    const char *name = NULL;
    for (size_t n = strlen(trimmed); n > 1 && trimmed[n - 1] == '/'; n--) {
        trimmed[n - 1] = '\0';
    }
    TRY(folder_open(trimmed, &fs, &name, e));
    return name[0] == '\0' || strcmp(name, ".") == 0 ? RESULT_OK : fs_mkdir(fs, name, e);
}

void file_beside(const char *path, const char *name, struct buf *out)
{
    const char *slash = strrchr(path, '/');
    if (name[0] != '/' && slash != NULL) {
        buf_add(out, bytes_of(path, (size_t)(slash - path) + 1));
    }
    buf_add_str(out, name);
}
