/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * One HTTP exchange as the rest of the core sees it: a request, its body, its one answer.
 *
 * Main thread only. A request is alive from its handler's call until it was answered and sent, or
 * until the client left; who keeps it longer than the handler's call sets http_on_gone(). */
#pragma once
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct HttpRequest HttpRequest;
typedef struct Socket Socket;

typedef struct {
    const char *name, *value; /* name in lower case */
} HttpHeader;

const char *http_method(const HttpRequest *request); /* "GET", upper case, known methods only */
const char *http_path(const HttpRequest *request);   /* decoded, begins with '/', no "..", no NUL */
/* Value of a query parameter, decoded; NULL if absent. Lives as long as the request. */
const char *http_query(HttpRequest *request, const char *name);
/* A header by lower-case name; NULL if absent. Known: host origin referer cookie authorization
 * content-type content-length range if-range if-none-match accept accept-language user-agent
 * sec-fetch-site last-event-id x-http-method-override x-forwarded-for x-forwarded-proto
 * x-request-key tus-resumable upload-offset upload-length upload-defer-length upload-metadata
 * upload-checksum upload-concat */
const char *http_header(HttpRequest *request, const char *name);
const char *http_peer(const HttpRequest *request);  /* address without port, text */
int64_t http_body_size(const HttpRequest *request); /* from Content-Length; 0 when none */
/* "http://host:port" as the client asked, from Host (checked) and the trusted proxy's headers. */
const char *http_origin(HttpRequest *request);

/* Called when the client left before it was answered; the request dies afterwards. Not called once
 * an answer was given (http_reply...() is the owner's last word), nor while a stream has not ended:
 * that has on_cut. */
void http_on_gone(HttpRequest *request, void (*on_gone)(HttpRequest *request, void *data),
                  void *data);

/* The body whole, when it is not larger than max_bytes; larger is answered with 413 and done() is
 * not called. */
void http_collect(HttpRequest *request, size_t max_bytes,
                  void (*done)(HttpRequest *request, GBytes *body, void *data), void *data);

/* The body as it comes: on_data for each piece (at most 64 KiB), then on_end; on_cut instead when
 * the client left or stopped (the request can no longer be answered). */
typedef struct {
    void (*on_data)(HttpRequest *request, const void *bytes, size_t size, void *data);
    void (*on_end)(HttpRequest *request, void *data);
    void (*on_cut)(HttpRequest *request, void *data);
} HttpStream;
void http_stream(HttpRequest *request, const HttpStream *stream, void *data);
void http_pause(HttpRequest *request, bool paused); /* flow control on what still arrives */

/* Answers, once. headers: count of them, copied. Content-Length, security headers, Date are added.
 * HEAD sends no body. */
void http_reply(HttpRequest *request, int status, const HttpHeader *headers, size_t count,
                GBytes *body);
/* {"error":{"code":...,"message":...}} */
void http_reply_error(HttpRequest *request, int status, const char *code, const char *format, ...)
    G_GNUC_PRINTF(4, 5);
/* The same for 429 and 503, with a Retry-After that spreads those who come back. */
void http_reply_later(HttpRequest *request, int status, const char *code, const char *message);
void http_reply_json(HttpRequest *request, int status, json_t *body); /* takes body */
/* An open file (takes fd) with Range, If-Range and If-None-Match honoured: 200, 206, 304, 416.
 * headers as above (content-type, cache-control ...). etag without quotes. */
void http_reply_file(HttpRequest *request, int fd, const char *etag, const HttpHeader *headers,
                     size_t count);
/* Closes the connection without an answer (hostile or hopeless). */
void http_drop(HttpRequest *request);

/* An endless answer (server-sent events): returns the socket that socket_write() fills. */
typedef struct {
    void (*receive)(void *connection, const char *bytes, size_t size); /* WebSocket only */
    void (*drained)(void *connection); /* the socket took all that it held: write again */
    void (*closed)(void *connection);  /* last call; the Socket is gone afterwards */
    /* WebSocket only, may be NULL: the web itself ends it with this close code, for what it sent
     * never got to receive(). closed() follows. */
    void (*refused)(void *connection, uint16_t code);
} SocketHandler;
Socket *http_reply_stream(HttpRequest *request, const HttpHeader *headers, size_t count,
                          const SocketHandler *handler, void *connection);
