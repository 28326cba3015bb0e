/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The one table of limits: everything that an outsider can make large has its bound here, and a
 * test that exceeds it. Sources: docs of the protocol named beside it, else our own choice. */
#pragma once

/* The loop: what one kind of work may take before others have their turn */
#define LIMIT_TURN_US 5000

/* HTTP */
#define LIMIT_HEADER_BYTES          8192
#define LIMIT_HEADER_SECONDS        10 /* for the whole header, not for each byte */
#define LIMIT_HEADERS               64 /* lines */
#define LIMIT_URI_BYTES             2048
#define LIMIT_IDLE_SECONDS          15
#define LIMIT_BODY_MIN_BYTES_SECOND 1024
#define LIMIT_BODY_WINDOW_SECONDS   30
#define LIMIT_BODY_BYTES            (INT64_C(1) << 40) /* of any request; routes allow less */
#define LIMIT_LINGER_SECONDS        2 /* for a client that still sends after its answer */
#define LIMIT_LINGER_BYTES          (1024 * 1024)
#define LIMIT_JSON_BODY_BYTES       65536
#define LIMIT_ROUTE_BODY_BYTES      (4 * 1024 * 1024) /* of a staff route that asks for more */
#define LIMIT_JSON_DEPTH            16
#define LIMIT_RANGES                4
#define LIMIT_CONNECTIONS           12000 /* lowered to what the process may open */
#define LIMIT_CONNECTIONS_ADDRESS   12000 /* a whole library is one address behind its router */
#define LIMIT_CONNECTIONS_STRANGER  64    /* before the first request is complete, per address */

/* Live */
#define LIMIT_WS_MESSAGE_PUBLIC     16384 /* the usual SDK comes back to all its channels in one */
#define LIMIT_WS_MESSAGE_STAFF      65536
#define LIMIT_WS_COMMANDS_SECOND    20
#define LIMIT_WS_CONNECT_SECONDS    10
#define LIMIT_CHANNEL_BYTES         255
#define LIMIT_CLIENT_CHANNELS       128
#define LIMIT_LIVE_ADDRESS          11000  /* connections; a whole library is one address */
#define LIMIT_SUBSCRIPTIONS         120000 /* 10,000 phones with 8 each; 63 MB at worst */
#define LIMIT_SUBSCRIPTIONS_ADDRESS 100000
#define LIMIT_SUBSCRIBES_BURST      200000 /* of an address: twice all that a library has */
#define LIMIT_SUBSCRIBES_SECOND     2000   /* of an address, when that is used up */
#define LIMIT_PEERS_GONE            4096   /* addresses remembered though they left */
#define LIMIT_PUBLICATION_BYTES     (256 * 1024)
#define LIMIT_CHANNEL_LOG_BYTES     (4 * 1024 * 1024)
#define LIMIT_WRITE_CHUNK_BYTES     65536
#define LIMIT_HISTORY               300
#define LIMIT_BEHIND_SECONDS        30
#define LIMIT_READER_BYTES          (512 * 1024) /* replies waiting for one slow reader */
#define LIMIT_CLIENT_CALLS          16           /* rpc calls of one connection not yet answered */

/* Access */
#define LIMIT_PASSWORD_BYTES       256
#define LIMIT_PASSWORD_MIN_BYTES   8
#define LIMIT_USER_NAME_BYTES      64
#define LIMIT_LOGIN_WORKERS        2
#define LIMIT_LOGIN_QUEUE          8
#define LIMIT_LOGIN_FAILURES       10 /* per name and per address within the window */
#define LIMIT_LOGIN_WINDOW_SECONDS 900
#define LIMIT_SESSION_IDLE_SECONDS (12 * 3600)
#define LIMIT_SESSION_SECONDS      (7 * 24 * 3600)
#define LIMIT_SESSIONS_USER        50
#define LIMIT_CHALLENGE_SECONDS    60
#define LIMIT_TOKEN_DAYS           36500
#define LIMIT_TOKEN_CHANNELS       32   /* with their positions they fit into */
#define LIMIT_TOKEN_CHANNELS_BYTES 1024 /* LIMIT_WS_MESSAGE_PUBLIC when the client comes back */

/* Uploads (tus) */
#define LIMIT_UPLOADS_USER        32
#define LIMIT_UPLOAD_METADATA     4096
#define LIMIT_UPLOAD_PARTS        32          /* that one is put together of */
#define LIMIT_UPLOAD_SECONDS      (48 * 3600) /* unfinished ones go after this */
#define LIMIT_UPLOAD_BUFFER_BYTES (1024 * 1024)
#define LIMIT_UPLOAD_SYNC_BYTES   (8 * 1024 * 1024)

/* Jobs */
#define LIMIT_JOB_LINE_BYTES (256 * 1024)
#define LIMIT_JOB_SECONDS    3600
#define LIMIT_JOBS_WAITING   256

/* Clock (clock_packet.h) */
#define LIMIT_CLOCK_SECOND   200  /* answers to one address: a wall of 25 screens that all begin */
#define LIMIT_CLOCK_BURST    400  /* of an address at once */
#define LIMIT_CLOCK_BUCKETS  1024 /* addresses are counted in; two may share one */
#define LIMIT_CLOCK_OPEN     16   /* questions of a display not yet answered */
#define LIMIT_CLOCK_ROUND_US INT64_C(1000000)            /* what takes longer says nothing */
#define LIMIT_CLOCK_TIME_US  INT64_C(253402300799000000) /* the end of the year 9999 */

/* Display */
#define LIMIT_KEPT_JSON_BYTES    (1024 * 1024)
#define LIMIT_LINK_MESSAGE_BYTES (1024 * 1024)
#define LIMIT_PLUGINS            32
#define LIMIT_GAUGES             64 /* of all plugins together */
