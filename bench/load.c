/*
 * bench_load: drives S3 requests (or the raw protocol of load.h) over TLS 1.3 and prints one line
 * of JSON: rates, latencies, CPU of this client and of the server's processes.
 */
#include "load.h"
#include "base/clock.h"
#include "base/text.h"

#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define PIDS_MAX 64
#define WATCH_MS 20

static const char help[] =
        "bench_load --address 127.0.0.1:PORT --ca FILE --mode put|get|handshake [OPTION...]\n"
        "  --raw                   the raw protocol instead of S3\n"
        "  --access-key ID --secret-key S --region R --bucket B --prefix P\n"
        "  --size N --connections N --threads N\n"
        "  --seconds S | --count N\n"
        "  --keys N                distinct names in turn (default: each request its own)\n"
        "  --payload unsigned|sha256    x-amz-content-sha256 (default unsigned)\n"
        "  --checksum crc32c       sends x-amz-checksum-crc32c\n"
        "  --check                 compares what a get gives with what put sent\n"
        "  --no-keep-alive         a connection for each request\n"
        "  --pid PID               a server's process; with all its descendants; repeatable\n";

static __attribute__((noreturn, format(printf, 1, 2))) void die(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    (void)vfprintf(stderr, fmt, ap);
    va_end(ap);
    (void)fputc('\n', stderr);
    exit(2);
}

/* --- options --- */

enum option_id {
    OPT_ADDRESS = 1,
    OPT_CA,
    OPT_MODE,
    OPT_RAW,
    OPT_ACCESS,
    OPT_SECRET,
    OPT_REGION,
    OPT_BUCKET,
    OPT_PREFIX,
    OPT_SIZE,
    OPT_CONNECTIONS,
    OPT_THREADS,
    OPT_SECONDS,
    OPT_COUNT,
    OPT_KEYS,
    OPT_PAYLOAD,
    OPT_CHECKSUM,
    OPT_CHECK,
    OPT_NO_KEEP,
    OPT_PID,
    OPT_HELP
};

static const struct option options[] = {
    { "address", 1, NULL, OPT_ADDRESS },   { "ca", 1, NULL, OPT_CA },
    { "mode", 1, NULL, OPT_MODE },         { "raw", 0, NULL, OPT_RAW },
    { "access-key", 1, NULL, OPT_ACCESS }, { "secret-key", 1, NULL, OPT_SECRET },
    { "region", 1, NULL, OPT_REGION },     { "bucket", 1, NULL, OPT_BUCKET },
    { "prefix", 1, NULL, OPT_PREFIX },     { "size", 1, NULL, OPT_SIZE },
    { "threads", 1, NULL, OPT_THREADS },   { "connections", 1, NULL, OPT_CONNECTIONS },
    { "seconds", 1, NULL, OPT_SECONDS },   { "count", 1, NULL, OPT_COUNT },
    { "keys", 1, NULL, OPT_KEYS },         { "payload", 1, NULL, OPT_PAYLOAD },
    { "checksum", 1, NULL, OPT_CHECKSUM }, { "check", 0, NULL, OPT_CHECK },
    { "pid", 1, NULL, OPT_PID },           { "no-keep-alive", 0, NULL, OPT_NO_KEEP },
    { "help", 0, NULL, OPT_HELP },         { NULL, 0, NULL, 0 },
};

static uint64_t number(const char *text, uint64_t max)
{
    uint64_t n = 0;
    if (!result_is_ok(num_size(bytes_str(text), 0, max, &n))) {
        die("\"%s\" is no number up to %llu", text, (unsigned long long)max);
    }
    return n;
}

static void take_address(struct load_options *o, char *text)
{
    char *colon = strrchr(text, ':');
    if (colon == NULL) {
        die("--address ADDR:PORT");
    }
    *colon = '\0';
    o->host = text;
    o->port = (uint16_t)number(colon + 1, 65535);
}

static enum load_mode mode_of(const char *text)
{
    return strcmp(text, "put") == 0         ? LOAD_PUT
           : strcmp(text, "get") == 0       ? LOAD_GET
           : strcmp(text, "handshake") == 0 ? LOAD_HANDSHAKE
                                            : (die("--mode put|get|handshake"), LOAD_PUT);
}

struct pids {
    long list[PIDS_MAX];
    size_t n;
};

static void take_option(struct load_options *o, int id, char *v, struct pids *pids)
{
    const char **const texts[] = {
        [OPT_CA] = &o->ca_file,    [OPT_ACCESS] = &o->access_key, [OPT_SECRET] = &o->secret_key,
        [OPT_REGION] = &o->region, [OPT_BUCKET] = &o->bucket,     [OPT_PREFIX] = &o->prefix
    };
    switch (id) {
    case OPT_CA:
    case OPT_ACCESS:
    case OPT_SECRET:
    case OPT_REGION:
    case OPT_BUCKET:
    case OPT_PREFIX:
        *texts[id] = v;
        break;
    case OPT_ADDRESS:
        take_address(o, v);
        break;
    case OPT_MODE:
        o->mode = mode_of(v);
        break;
    case OPT_RAW:
        o->is_raw = true;
        break;
    case OPT_SIZE:
        o->size = number(v, 1ull << 42);
        break;
    case OPT_CONNECTIONS:
        o->connections = (size_t)number(v, 10000);
        break;
    case OPT_THREADS:
        o->threads = (size_t)number(v, LOAD_THREADS);
        break;
    case OPT_SECONDS:
        o->duration_ms = (int64_t)(strtod(v, NULL) * 1000);
        break;
    case OPT_COUNT:
        o->count = number(v, UINT64_MAX);
        break;
    case OPT_KEYS:
        o->keys = number(v, UINT64_MAX);
        break;
    case OPT_PAYLOAD:
        o->has_sha256 = strcmp(v, "sha256") == 0;
        break;
    case OPT_CHECKSUM:
        o->has_crc32c = strcmp(v, "crc32c") == 0;
        break;
    case OPT_CHECK:
        o->is_content_checked = true;
        break;
    case OPT_NO_KEEP:
        o->has_session = false;
        break;
    case OPT_PID:
        if (pids->n < PIDS_MAX) {
            pids->list[pids->n++] = (long)number(v, 1 << 30);
        }
        break;
    case OPT_HELP:
        (void)fputs(help, stdout);
        exit(0);
    default:
        (void)fputs(help, stderr);
        exit(2);
    }
}

static void options_check(const struct load_options *o)
{
    if (o->host == NULL || o->ca_file == NULL || o->connections == 0 || o->threads == 0 ||
        (o->count == 0) == (o->duration_ms == 0)) {
        die("--address, --ca, and either --seconds or --count are needed (--help)");
    }
    if (!o->is_raw && o->mode != LOAD_HANDSHAKE &&
        (o->access_key == NULL || o->secret_key == NULL || o->bucket == NULL)) {
        die("--access-key, --secret-key and --bucket are needed for S3");
    }
}

static struct tls_ctx *tls_open(const char *ca_file)
{
    struct error e;
    struct tls_ctx *c;
    static char pem[64 * 1024];
    FILE *f = fopen(ca_file, "r");
    if (f == NULL) {
        die("%s: cannot be read", ca_file);
    }
    size_t n = fread(pem, 1, sizeof(pem), f);
    (void)fclose(f);
    if (!result_is_ok(tls_client_ctx_new(bytes_of(pem, n), BYTES_NONE, BYTES_NONE, &c, &e))) {
        die("%s: %s", ca_file, e.msg);
    }
    return c;
}

/* --- the run --- */

struct sums {
    int64_t wall_ns, client_ns, server_ns;
    uint64_t ops, bytes;
};

static struct sums sums_take(struct load_thread *ts, size_t n, const struct pids *pids)
{
    struct sums s = { .wall_ns = clock_mono_ns(), .client_ns = load_cpu_self_ns() };
    s.server_ns = load_cpu_tree_ns(pids->list, pids->n);
    for (size_t i = 0; i < n; i++) {
        s.ops += atomic_load(&ts[i].ops);
        s.bytes += atomic_load(&ts[i].bytes);
    }
    return s;
}

static void threads_make(struct load *l, struct load_thread *ts)
{
    struct error e;
    size_t n = l->o.threads;
    for (size_t i = 0; i < n; i++) {
        ts[i].l = l;
        ts[i].conn_count = l->o.connections / n + (i < l->o.connections % n ? 1 : 0);
        if (!result_is_ok(loop_new(&ts[i].loop, &e)) ||
            pthread_create(&ts[i].id, NULL, load_thread_main, &ts[i]) != 0) {
            die("no thread: %s", e.msg);
        }
    }
    pthread_mutex_lock(&l->lock);
    while (l->ready_threads < n) {
        pthread_cond_wait(&l->changed, &l->lock);
    }
    pthread_mutex_unlock(&l->lock);
}

static void until_over(struct load *l, struct load_thread *ts)
{
    int64_t end = clock_mono_ns() + l->o.duration_ms * 1000000;
    struct timespec pause = { .tv_nsec = WATCH_MS * 1000000L };
    if (l->o.count != 0) {
        for (size_t i = 0; i < l->o.threads; i++) {
            (void)pthread_join(ts[i].id, NULL);
        }
        return;
    }
    while (clock_mono_ns() < end && atomic_load(&l->errors) < LOAD_FEW_ERRORS) {
        (void)nanosleep(&pause, NULL);
    }
}

static int compare_u32(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static uint32_t *latencies(const struct load_thread *ts, size_t n, size_t *ret_n)
{
    size_t total = 0;
    for (size_t i = 0; i < n; i++) {
        total += ts[i].latency_count;
    }
    uint32_t *all = mem_alloc((total + 1) * sizeof(*all));
    *ret_n = 0;
    for (size_t i = 0; i < n; i++) {
        memcpy(all + *ret_n, ts[i].latency_us, ts[i].latency_count * sizeof(*all));
        *ret_n += ts[i].latency_count;
    }
    qsort(all, total, sizeof(*all), compare_u32);
    all[total] = 0;
    return all;
}

static void print_text(const char *name, const char *text)
{
    (void)printf(",\"%s\":\"", name);
    for (; *text != '\0'; text++) {
        (void)putchar(*text == '"' || *text == '\\' || (unsigned char)*text < 32 ? ' ' : *text);
    }
    (void)putchar('"');
}

static void report(const struct load *l, const struct load_thread *ts, struct sums a, struct sums b)
{
    size_t n;
    uint32_t *us = latencies(ts, l->o.threads, &n);
    double s = (double)(b.wall_ns - a.wall_ns) / 1e9, ops = (double)(b.ops - a.ops),
           bytes = (double)(b.bytes - a.bytes), client = (double)(b.client_ns - a.client_ns),
           server = (double)(b.server_ns - a.server_ns);
    (void)printf("{\"ops\":%.0f,\"bytes\":%.0f,\"seconds\":%.3f,\"op_s\":%.1f,\"mb_s\":%.2f", ops,
                 bytes, s, ops / s, bytes / 1e6 / s);
    (void)printf(",\"p50_us\":%u,\"p99_us\":%u,\"max_us\":%u", us[n / 2], us[n * 99 / 100],
                 n > 0 ? us[n - 1] : 0);
    (void)printf(",\"client_cpu_s\":%.3f,\"server_cpu_s\":%.3f", client / 1e9, server / 1e9);
    (void)printf(",\"client_us_op\":%.2f,\"server_us_op\":%.2f", ops > 0 ? client / 1e3 / ops : 0,
                 ops > 0 ? server / 1e3 / ops : 0);
    (void)printf(",\"client_ns_byte\":%.4f,\"server_ns_byte\":%.4f", bytes > 0 ? client / bytes : 0,
                 bytes > 0 ? server / bytes : 0);
    (void)printf(",\"errors\":%llu", (unsigned long long)atomic_load(&l->errors));
    print_text("first_error", l->why);
    (void)printf("}\n");
    mem_free(us);
}

static void run(struct load *l, const struct pids *pids)
{
    static struct load_thread ts[LOAD_THREADS];
    threads_make(l, ts);
    struct sums before = sums_take(ts, l->o.threads, pids);
    for (size_t i = 0; i < l->o.threads; i++) {
        load_thread_start(&ts[i]);
    }
    until_over(l, ts);
    struct sums after = sums_take(ts, l->o.threads, pids);
    atomic_store(&l->is_over, true);
    for (size_t i = 0; l->o.count == 0 && i < l->o.threads; i++) {
        (void)pthread_join(ts[i].id, NULL);
    }
    report(l, ts, before, after);
    for (size_t i = 0; i < l->o.threads; i++) {
        loop_free(ts[i].loop);
        mem_free(ts[i].latency_us);
    }
}

int main(int argc, char **argv)
{
    static struct load l = {
        .o = { .region = "us-east-1",
               .prefix = "bench/",
               .connections = 1,
               .threads = 1,
               .has_session = true },
        .lock = PTHREAD_MUTEX_INITIALIZER,
        .changed = PTHREAD_COND_INITIALIZER,
    };
    struct pids pids = { .n = 0 };
    for (int id; (id = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        take_option(&l.o, id, optarg, &pids);
    }
    options_check(&l.o);
    l.o.threads = MIN(l.o.threads, l.o.connections);
    (void)signal(SIGPIPE, SIG_IGN);
    l.tls = tls_open(l.o.ca_file);
    load_content(&l);
    run(&l, &pids);
    tls_ctx_unref(l.tls);
    mem_free(l.pattern);
    return atomic_load(&l.errors) == 0 ? 0 : 1;
}
