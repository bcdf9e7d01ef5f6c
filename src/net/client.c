/* HTTP calls by libcurl. */
#include "net/client.h"

#include <curl/curl.h>
#include <pthread.h>

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;

static void curl_start(void)
{
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
}

static void easy_free(CURL **c)
{
    curl_easy_cleanup(*c);
}

static void list_free(struct curl_slist **l)
{
    curl_slist_free_all(*l);
}

struct receiver {
    const struct http_call *call;
    CURL *curl;
    struct buf *out;
    struct error *e;
    struct result r; /* what stopped the call */
};

static size_t receive(char *p, size_t size, size_t count, void *arg)
{
    struct receiver *rx = arg;
    size_t n = size * count;
    long status = 0;
    (void)curl_easy_getinfo(rx->curl, CURLINFO_RESPONSE_CODE, &status);
    bool is_success = status >= 200 && status < 300;
    if (rx->call->sink != NULL && is_success) {
        rx->r = rx->call->sink(rx->call->sink_arg, bytes_of(p, n), rx->e);
    } else if (rx->out != NULL) {
        buf_add_mem(rx->out, p, n);
        rx->r = buf_result(rx->out);
        if (rx->r.code != ERRC_OK) {
            rx->r = error_set(rx->e, rx->r.code, "answer longer than %zu bytes", rx->out->max);
        }
    }
    return rx->r.code == ERRC_OK ? n : n + 1; /* another count than n stops the call */
}

struct upload {
    struct bytes body;
    size_t sent;
};

static size_t send_body(char *dst, size_t size, size_t count, void *arg)
{
    struct upload *u = arg;
    size_t n = MIN(size * count, u->body.n - u->sent);
    if (n != 0) {
        memcpy(dst, u->body.p + u->sent, n);
        u->sent += n;
    }
    return n;
}

/* libcurl may want to send the body again on a fresh connection. */
static int rewind_body(void *arg, curl_off_t offset, int origin)
{
    struct upload *u = arg;
    if (origin != SEEK_SET || offset < 0 || (uint64_t)offset > u->body.n) {
        return CURL_SEEKFUNC_FAIL;
    }
    u->sent = (size_t)offset;
    return CURL_SEEKFUNC_OK;
}

static bool set_str(CURL *c, CURLoption opt, const char *v)
{
    return v == NULL || curl_easy_setopt(c, opt, v) == CURLE_OK;
}

static bool set_num(CURL *c, CURLoption opt, long v)
{
    return curl_easy_setopt(c, opt, v) == CURLE_OK;
}

/*= 2.1.3-1 "data in transfer is protected by TLS 1.3" */
static bool set_transport(CURL *c, const struct http_call *call)
{
    /* Clear text never leaves the machine: only a Unix socket is spoken to without TLS. */
    const char *schemes = call->unix_socket != NULL ? "http" : "https";
    return set_str(c, CURLOPT_PROTOCOLS_STR, schemes) && set_str(c, CURLOPT_PROXY, "") &&
           set_num(c, CURLOPT_FOLLOWLOCATION, 0) && set_num(c, CURLOPT_NOSIGNAL, 1) &&
           set_num(c, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1) &&
           set_num(c, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_3) &&
           set_str(c, CURLOPT_UNIX_SOCKET_PATH, call->unix_socket) &&
           set_str(c, CURLOPT_CAINFO, call->ca_file) &&
           (call->ca_file == NULL || curl_easy_setopt(c, CURLOPT_CAPATH, NULL) == CURLE_OK) &&
           set_str(c, CURLOPT_SSLCERT, call->client_cert_file) &&
           set_str(c, CURLOPT_SSLKEY, call->client_key_file) &&
           set_num(c, CURLOPT_TIMEOUT_MS, (long)call->timeout_ms);
}

static bool set_method(CURL *c, const struct http_call *call, struct upload *u)
{
    if (strcmp(call->method, "HEAD") == 0) {
        return set_num(c, CURLOPT_NOBODY, 1);
    }
    bool has_body = call->body.n != 0 || strcmp(call->method, "PUT") == 0 ||
                    strcmp(call->method, "POST") == 0;
    if (!has_body) {
        return set_num(c, CURLOPT_HTTPGET, 1) && set_str(c, CURLOPT_CUSTOMREQUEST, call->method);
    }
    return set_num(c, CURLOPT_UPLOAD, 1) && set_str(c, CURLOPT_CUSTOMREQUEST, call->method) &&
           curl_easy_setopt(c, CURLOPT_READFUNCTION, send_body) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_READDATA, u) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_SEEKFUNCTION, rewind_body) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_INFILESIZE_LARGE, (curl_off_t)call->body.n) == CURLE_OK;
}

static RESULT headers_of(const struct http_call *call, struct curl_slist **list, struct error *e)
{
    for (size_t i = 0; call->headers != NULL && call->headers[i] != NULL; i++) {
        struct curl_slist *more = curl_slist_append(*list, call->headers[i]);
        if (more == NULL) {
            FAIL(e, ERRC_NOMEM, "headers");
        }
        *list = more;
    }
    return RESULT_OK;
}

static enum errc errc_of_curl(CURLcode code)
{
    switch (code) {
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST:
        return ERRC_AGAIN;
    case CURLE_OPERATION_TIMEDOUT:
        return ERRC_TIMEOUT;
    case CURLE_PEER_FAILED_VERIFICATION:
        return ERRC_INTEGRITY;
    case CURLE_SSL_CERTPROBLEM:
        return ERRC_DENIED;
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
        return ERRC_RANGE;
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
        return ERRC_CLOSED;
    case CURLE_OUT_OF_MEMORY:
        return ERRC_NOMEM;
    case CURLE_WEIRD_SERVER_REPLY:
        return ERRC_FORMAT;
    default:
        return ERRC_IO;
    }
}

RESULT http_client_call(const struct http_call *call, unsigned *ret_status, struct buf *out,
                        struct error *e)
{
    (void)pthread_once(&curl_once, curl_start);
    CLEANUP(easy_free) CURL *c = curl_easy_init();
    CLEANUP(list_free) struct curl_slist *headers = NULL;
    if (c == NULL) {
        FAIL(e, ERRC_NOMEM, "libcurl");
    }
    TRY(headers_of(call, &headers, e));
    struct receiver rx = { .call = call, .curl = c, .out = out, .e = e };
    struct upload up = { .body = call->body };
    char said[CURL_ERROR_SIZE] = "";
    bool is_set = set_transport(c, call) && set_method(c, call, &up) &&
                  set_str(c, CURLOPT_URL, call->url) && set_str(c, CURLOPT_ERRORBUFFER, said) &&
                  curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers) == CURLE_OK &&
                  curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, receive) == CURLE_OK &&
                  curl_easy_setopt(c, CURLOPT_WRITEDATA, &rx) == CURLE_OK;
    if (!is_set) {
        FAIL(e, ERRC_RANGE, "%s: the call can't be set up", call->url);
    }
    CURLcode code = curl_easy_perform(c);
    if (rx.r.code != ERRC_OK) {
        error_prefix(e, "%s", call->url);
        return rx.r;
    }
    if (code != CURLE_OK) {
        FAIL(e, errc_of_curl(code), "%s: %s", call->url,
             said[0] != '\0' ? said : curl_easy_strerror(code));
    }
    long status = 0;
    (void)curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
    *ret_status = (unsigned)status;
    return RESULT_OK;
}
