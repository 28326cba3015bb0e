/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * One client of the load: a WebSocket from a loopback address of its own choice, which checks that
 * the messages are numbered without a gap. */
#pragma once
#include "histogram.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    int port;
    const char *path;   /* of the WebSocket */
    const char *hello;  /* the first message, masked and framed; NULL: none */
    size_t hello_size;  /* and its answer makes the client ready */
    bool has_offsets;   /* numbers are "offset":N of the protocol, not those of the text */
    bool answers_pings; /* {} by {} */
} PhoneManner;

/* What the phones met, together. */
typedef struct {
    Histogram *latency; /* us from the scheduled moment in the text; NULL: not noted */
    uint64_t messages, gaps, repeats, reads, lost;
    int64_t last_us; /* when the newest message came */
} PhoneTally;

typedef enum { PHONE_GONE, PHONE_DIALS, PHONE_SHAKES, PHONE_GREETS, PHONE_READY } PhoneState;

typedef struct {
    int fd;
    PhoneState state;
    uint32_t kept_size;
    uint64_t last; /* number of the newest message; 0: none yet */
    char *kept;    /* the beginning of a frame that did not come whole; NULL: none */
} Phone;

/* Begins; the socket is to be watched for writing. False: errno tells. */
bool phone_dial(Phone *phone, unsigned number, const PhoneManner *manner);
/* The socket is writable for the first time: asks for the upgrade. */
void phone_connected(Phone *phone, const PhoneManner *manner);
/* The socket is readable. May become PHONE_READY or PHONE_GONE. */
void phone_read(Phone *phone, const PhoneManner *manner, PhoneTally *tally);
void phone_hang_up(Phone *phone);
int64_t phone_now_us(void); /* CLOCK_MONOTONIC */
/* A masked text frame; returns its size. Source: RFC 6455, 5.2. out: size + 14 bytes. */
size_t phone_frame(const char *text, size_t size, char *out);
