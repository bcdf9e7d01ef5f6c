/*
 * The load generator's parts: what a run is (options), what a request looks like on the wire
 * (load_request.c), the connections that carry them (load_conn.c), what it cost (load_cpu.c).
 *
 * Protocols: "s3" signs each request by SigV4 (path style); "raw" is TLS alone: 16 bytes
 * ('U' or 'D', 7 zeros, length as be64), then `length` bytes up and one byte back, or `length`
 * bytes down. So the limit line runs through the same client.
 */
#ifndef TROTH_BENCH_LOAD_H
#define TROTH_BENCH_LOAD_H

#include "base/secret.h"
#include "crypto/tls.h"
#include "sys/loop.h"

#include <pthread.h>
#include <stdatomic.h>

#define LOAD_PATTERN    (1024 * 1024)
#define LOAD_HEAD_MAX   2048
#define LOAD_WHY_MAX    256
#define LOAD_THREADS    16
#define LOAD_RAW_HEAD   16
#define LOAD_FEW_ERRORS 100

enum load_mode { LOAD_PUT, LOAD_GET, LOAD_HANDSHAKE };

struct load_options {
    enum load_mode mode;
    bool is_raw;
    const char *host; /* "127.0.0.1" */
    uint16_t port;
    const char *ca_file;
    const char *access_key, *secret_key, *region, *bucket, *prefix;
    uint64_t size; /* bytes of an object */
    size_t connections, threads;
    int64_t duration_ms; /* 0: by count */
    uint64_t count;      /* requests; 0: by duration */
    uint64_t keys;       /* distinct names, used in turn; 0: each request its own */
    bool has_sha256;     /* payload signed; otherwise UNSIGNED-PAYLOAD */
    bool has_crc32c;     /* x-amz-checksum-crc32c is sent */
    bool is_content_checked;
    bool has_session; /* keep-alive; otherwise a connection for each request */
};

/* What all threads share. */
struct load {
    struct load_options o;
    struct tls_ctx *tls;
    uint8_t *pattern;      /* LOAD_PATTERN bytes, the content again and again */
    char payload_text[65]; /* x-amz-content-sha256 */
    char crc_text[16];     /* base64 */
    _Atomic uint64_t next; /* ticket of the next request */
    _Atomic bool is_over;  /* no new requests */
    _Atomic uint64_t errors;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    size_t ready_threads;
    char why[LOAD_WHY_MAX]; /* of the first error */
};

/* One signed (or raw) request head, with a cached signing key. One thread each. */
struct load_signer {
    const struct load *l;
    int64_t second;
    char date[9], stamp[17];
    char key_date[9];
    struct key256 key;
};
void load_signer_init(struct load_signer *s, const struct load *l);
/* Writes the head of request `ticket`; returns its length, at most LOAD_HEAD_MAX. */
size_t load_head(struct load_signer *s, uint64_t ticket, char *dst);
/* Fills pattern, payload_text, crc_text. */
void load_content(struct load *l);

struct load_conn;
struct load_thread {
    struct load *l;
    struct loop *loop;
    struct tls_pool *pool;
    struct load_signer signer;
    struct load_conn **conns;
    size_t conn_count, ready, finished;
    bool is_started;
    uint8_t *sink;
    _Atomic uint64_t ops, bytes; /* so far */
    uint32_t *latency_us;        /* latency_count of them */
    size_t latency_count, latency_cap;
    struct loop_task start;
    pthread_t id;
};
void load_fail(struct load *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Makes the connections and runs the loop until all requests are done. */
void *load_thread_main(void *arg);
void load_thread_start(struct load_thread *t); /* any thread: requests begin */

/* CPU time of processes in ns: those named, and all that descend from them. */
int64_t load_cpu_tree_ns(const long *pids, size_t count);
int64_t load_cpu_self_ns(void);

#endif
