/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * How an answer looks on the wire: status line, headers, and the parts of a file that it asks for.
 * Source: RFC 9110, sections 8, 13, 14, 15; RFC 9112, section 4. */
#pragma once
#include "core/http.h"
#include "core/outbox.h"

typedef struct {
    int status;
    const HttpHeader *headers;
    size_t count;
    int64_t length; /* of the body; -1: it ends with the connection, or has none (204, 304) */
    bool closes;    /* the connection ends with this answer */
    bool is_secure; /* the client came over https, through the proxy */
} Reply;

const char *reply_reason(int status);
/* Status line and headers, with the empty line. */
GBytes *reply_head(const Reply *reply);

/* What the request says about the file that it wants. */
typedef struct {
    bool is_head, is_get;
    const char *range, *if_range, *if_none_match; /* NULL when absent */
    bool closes, is_secure;
} ReplyWish;
/* Puts the whole answer with an open file into outbox; takes fd. */
void reply_file(Outbox *outbox, int fd, const char *etag, const HttpHeader *headers, size_t count,
                const ReplyWish *wish);
/* Does a list of entity tags, or "*", name etag (without quotes)? Weak comparison. */
bool reply_etag_matches(const char *list, const char *etag);
