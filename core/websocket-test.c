/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * WebSockets under clients that do what they like, and handlers that write, close and kill from
 * wherever they are called. The seed is fixed; another one is SERAMBI_STORM_SEED. */
#include "core/frame.h"
#include "core/limits.h"
#include "core/test_wire.h"
#include <sys/resource.h>

#define CROWD          150  /* clients at a time */
#define STEPS          8000 /* of a storm */
#define VISITS         8192 /* at most, in one storm */
#define TEXT_BYTES_MAX 20000

static const uint8_t mask[4] = {0xa5, 0x01, 0xff, 0x3c};

typedef struct Fixture Fixture;

/* One visit of a client, as the server sees it. */
typedef struct {
    Fixture *fixture;
    Socket *socket; /* NULL: not open */
    guint id;
    guint heard;   /* the client's messages, numbered from 1 */
    guint written; /* messages to it, numbered from 1 */
    guint opened, closed;
    bool is_good; /* its client keeps the rules, reads, and is checked for what it got */
    bool is_lagging, is_ending;
} Seat;

/* And as the client sees it. */
typedef struct {
    Wire *wire; /* NULL: nobody */
    Seat *seat;
    guint said;    /* its messages */
    GBytes *later; /* what is left of a frame that was sent in pieces */
    bool is_deaf, has_said_close;
    size_t header; /* bytes of the answer to its handshake */
} Visitor;

typedef enum { END_OUTSIDE, END_IN_RECEIVE, END_IN_CLOSED, END_IN_DRAINED, END_IN_OPEN } EndPlace;

struct Fixture {
    uv_loop_t loop;
    Web *web;
    GRand *chance;
    Seat seats[VISITS];
    guint visits;
    Visitor visitors[CROWD];
    EndPlace end_place;
    bool wants_end, is_ending, is_closed;
    guint refused, killed, drained;
    uint32_t frames_good; /* that good clients have read */
};

static guint below(Fixture *fixture, guint most)
{
    return (guint)g_rand_int_range(fixture->chance, 0, (gint32)most);
}

static void end_now(Fixture *fixture, EndPlace place)
{
    if (fixture->wants_end && fixture->end_place == place && !fixture->is_ending) {
        fixture->is_ending = true;
        web_close(fixture->web, wire_set_flag, &fixture->is_closed);
    }
}

/* --- The server ------------------------------------------------------------------------------- */

static void write_text(Seat *seat, size_t size)
{
    if (seat->socket == NULL || seat->is_lagging || seat->is_ending) {
        return;
    }
    g_autoptr(GString) text = g_string_new("");
    g_string_printf(text, "%u:", seat->written + 1);
    while (text->len < size) {
        g_string_append_c(text, (char)('a' + (seat->written + 1) % 26));
    }
    g_autoptr(GByteArray) frame = g_byte_array_new();
    frame_append_text(frame, text->str, text->len);
    switch (socket_write(seat->socket, frame->data, frame->len)) {
    case SOCKET_SENT:
        seat->written++;
        break;
    case SOCKET_LAGGING:
        seat->written++;
        seat->is_lagging = true;
        g_assert_true(socket_is_lagging(seat->socket));
        break;
    case SOCKET_DEAD:
        seat->is_ending = true;
        break;
    }
}

static Seat *any_seat(Fixture *fixture)
{
    return fixture->visits == 0 ? NULL : &fixture->seats[below(fixture, fixture->visits)];
}

static void close_seat(Seat *seat, bool kills)
{
    if (seat == NULL || seat->socket == NULL) {
        return;
    }
    if (kills) {
        socket_kill(seat->socket);
        seat->fixture->killed++;
    } else {
        socket_close(seat->socket, 3001, "of the server");
    }
    seat->is_ending = true;
}

/* What a handler may do to its own socket and to those of others. */
static void act(Fixture *fixture, Seat *own)
{
    switch (below(fixture, 40)) {
    case 0:
        close_seat(own, true);
        write_text(own, 10);
        break;
    case 1:
        close_seat(own, false);
        write_text(own, 10);
        break;
    case 2:
        close_seat(any_seat(fixture), below(fixture, 2) == 0);
        break;
    case 3:
        close_seat(own, false);
        close_seat(own, true);
        break;
    case 4:
        for (int i = 0; i < 40; i++) {
            write_text(own, 1 + below(fixture, TEXT_BYTES_MAX));
        }
        break;
    default:
        write_text(own, 1 + below(fixture, 300));
        if (fixture->visits > 0) {
            write_text(any_seat(fixture), 1 + below(fixture, TEXT_BYTES_MAX));
        }
        break;
    }
}

static void *on_open(void *data, Socket *socket, HttpRequest *request, int *ret_status)
{
    Fixture *fixture = data;
    const char *wish = http_query(request, "wish");
    if (wish != NULL && g_str_equal(wish, "refuse")) {
        fixture->refused++;
        *ret_status = 403;
        return NULL;
    }
    Seat *seat = &fixture->seats[g_ascii_strtoull(http_query(request, "id"), NULL, 10)];
    seat->socket = socket;
    seat->opened++;
    if (wish != NULL) {
        close_seat(seat, g_str_equal(wish, "kill"));
    }
    end_now(fixture, END_IN_OPEN);
    return seat;
}

/* What a good client says comes whole, in order and once. */
static void on_receive(void *connection, const char *bytes, size_t size)
{
    Seat *seat = connection;
    g_assert_cmpuint(seat->closed, ==, 0);
    g_assert_cmpuint(size, <=, LIMIT_WS_MESSAGE_PUBLIC);
    if (seat->is_good) {
        g_autofree char *text = g_strndup(bytes, size);
        char *colon;
        guint number = (guint)g_ascii_strtoull(text, &colon, 10);
        g_assert_cmpint(*colon, ==, ':');
        g_assert_cmpuint(number, ==, ++seat->heard);
        g_assert_cmpuint(strspn(colon + 1, (char[]){(char)('a' + number % 26), '\0'}), ==,
                         strlen(colon + 1));
    }
    end_now(seat->fixture, END_IN_RECEIVE);
    act(seat->fixture, seat);
}

static void on_drained(void *connection)
{
    Seat *seat = connection;
    g_assert_cmpuint(seat->closed, ==, 0);
    seat->is_lagging = socket_is_lagging(seat->socket);
    g_assert_false(seat->is_lagging);
    seat->fixture->drained++;
    end_now(seat->fixture, END_IN_DRAINED);
    act(seat->fixture, seat);
}

static void on_closed(void *connection)
{
    Seat *seat = connection;
    g_assert_cmpuint(seat->opened, ==, 1);
    g_assert_cmpuint(++seat->closed, ==, 1);
    close_seat(seat, true); /* it is so already */
    seat->socket = NULL;
    end_now(seat->fixture, END_IN_CLOSED);
    close_seat(any_seat(seat->fixture), below(seat->fixture, 2) == 0);
}

static Web *make_web(Fixture *fixture)
{
    WebOptions options = {.address = "127.0.0.1"};
    g_autoptr(GError) error = NULL;
    Web *web = web_new(&fixture->loop, &options, &error);
    g_assert_no_error(error);
    WebSocketRoute route = {
        .open = on_open,
        .handler = {.receive = on_receive, .drained = on_drained, .closed = on_closed},
    };
    web_route_websocket(web, "/live", &route, fixture);
    return web;
}

static guint32 seed(void)
{
    const char *text = g_getenv("SERAMBI_STORM_SEED");
    return text == NULL ? 6455 : (guint32)g_ascii_strtoull(text, NULL, 10);
}

static void set_up(Fixture *fixture, gconstpointer data)
{
    uv_loop_init(&fixture->loop);
    fixture->web = make_web(fixture);
    fixture->chance = g_rand_new_with_seed(seed());
    fixture->end_place = (EndPlace)GPOINTER_TO_INT(data);
}

static void tear_down(Fixture *fixture, gconstpointer data)
{
    if (!fixture->is_ending) {
        wire_close_web(&fixture->loop, fixture->web);
    }
    g_rand_free(fixture->chance);
}

/* --- Clients ---------------------------------------------------------------------------------- */

static Wire *knock(Fixture *fixture, const char *query)
{
    Wire *wire = wire_new(&fixture->loop, web_port(fixture->web));
    g_autofree char *request =
        g_strdup_printf("GET /live?%s HTTP/1.1\r\nHost: here\r\nUpgrade: websocket\r\n"
                        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                        query);
    wire_send(wire, request);
    return wire;
}

static Seat *new_seat(Fixture *fixture)
{
    g_assert_cmpuint(fixture->visits, <, VISITS);
    Seat *seat = &fixture->seats[fixture->visits];
    *seat = (Seat){.fixture = fixture, .id = fixture->visits++};
    return seat;
}

/* Opens one whose handshake is done. */
static Wire *open_live(Fixture *fixture, Seat **ret_seat)
{
    Seat *seat = new_seat(fixture);
    g_autofree char *query = g_strdup_printf("id=%u", seat->id);
    Wire *wire = knock(fixture, query);
    g_autofree char *answer = wire_take_answer(wire, true);
    g_assert_cmpint(wire_status(answer), ==, 101);
    *ret_seat = seat;
    return wire;
}

static void come(Fixture *fixture, Visitor *visitor)
{
    static const char *const wishes[] = {"refuse", "close", "kill"};
    Seat *seat = new_seat(fixture);
    guint wish = below(fixture, 40);
    g_autofree char *query = g_strdup_printf("id=%u%s%s", seat->id, wish < 3 ? "&wish=" : "",
                                             wish < 3 ? wishes[wish] : "");
    seat->is_good = below(fixture, 2) == 0;
    *visitor = (Visitor){.seat = seat, .wire = knock(fixture, query)};
}

static void append_frame(GByteArray *out, uint8_t first, const char *payload, size_t size)
{
    uint8_t header[FRAME_HEADER_MAX];
    size_t header_size = frame_text_header(header, size);
    header[0] = first;
    header[1] |= 0x80;
    g_byte_array_append(out, header, (guint)header_size);
    g_byte_array_append(out, mask, sizeof mask);
    for (size_t i = 0; i < size; i++) {
        uint8_t byte = (uint8_t)payload[i] ^ mask[i % sizeof mask];
        g_byte_array_append(out, &byte, 1);
    }
}

static void append_pieces(Fixture *fixture, GByteArray *out, const char *text, size_t size)
{
    uint8_t opcode = 0x01;
    while (size > 1 && below(fixture, 5) > 0) {
        size_t piece = below(fixture, (guint)size);
        append_frame(out, opcode, text, piece);
        if (below(fixture, 3) == 0) {
            append_frame(out, 0x89, "between", 7);
        }
        opcode = 0x00;
        text += piece;
        size -= piece;
    }
    append_frame(out, 0x80 | opcode, text, size);
}

/* What the socket does not take at once is lost: only for those who are not checked for it. */
static void throw_bytes(const Visitor *visitor, const void *bytes, size_t size)
{
    (void)!send(visitor->wire->fd, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void say(Visitor *visitor, const GByteArray *bytes)
{
    if (visitor->seat->is_good) {
        wire_send_bytes(visitor->wire, bytes->data, bytes->len);
    } else {
        throw_bytes(visitor, bytes->data, bytes->len);
    }
}

static bool is_welcome(const Visitor *visitor)
{
    return visitor->header > 0 && !visitor->wire->has_ended && !visitor->has_said_close;
}

static void say_message(Fixture *fixture, Visitor *visitor)
{
    guint number = ++visitor->said;
    g_autoptr(GString) text = g_string_new("");
    g_string_printf(text, "%u:", number);
    for (guint left = below(fixture, below(fixture, 8) == 0 ? 16000 : 200); left > 0; left--) {
        g_string_append_c(text, (char)('a' + number % 26));
    }
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    if (below(fixture, 2) == 0) {
        append_frame(bytes, 0x81, text->str, text->len);
    } else {
        append_pieces(fixture, bytes, text->str, text->len);
    }
    if (below(fixture, 3) == 0) {
        guint cut = below(fixture, bytes->len);
        visitor->later = g_bytes_new(bytes->data + cut, bytes->len - cut);
        g_byte_array_set_size(bytes, cut);
    }
    say(visitor, bytes);
}

static void say_good_bye(Visitor *visitor)
{
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    append_frame(bytes, 0x88, "\x03\xe8", 2);
    say(visitor, bytes);
    visitor->has_said_close = true;
}

static void act_well(Fixture *fixture, Visitor *visitor)
{
    if (visitor->later != NULL) {
        g_autoptr(GBytes) later = g_steal_pointer(&visitor->later);
        wire_send_bytes(visitor->wire, g_bytes_get_data(later, NULL), g_bytes_get_size(later));
        return;
    }
    guint choice = below(fixture, 20);
    if (choice == 0) {
        say_good_bye(visitor);
    } else if (choice < 3) {
        g_autoptr(GByteArray) bytes = g_byte_array_new();
        append_frame(bytes, 0x89, "ping", 4);
        say(visitor, bytes);
    } else {
        say_message(fixture, visitor);
    }
}

static void act_badly(Fixture *fixture, Visitor *visitor)
{
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    char noise[600];
    for (size_t i = 0; i < sizeof noise; i++) {
        noise[i] = (char)below(fixture, 256);
    }
    switch (below(fixture, 12)) {
    case 0:
        throw_bytes(visitor, noise, 1 + below(fixture, sizeof noise));
        break;
    case 1:
        throw_bytes(visitor, "\x81\x02hi", 4); /* not masked */
        break;
    case 2:
        append_frame(bytes, (uint8_t)below(fixture, 256), noise, below(fixture, 126));
        break;
    case 3:
        throw_bytes(visitor, "\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff", 10);
        break;
    case 4:
        throw_bytes(visitor, "\x81\xfe\x3f", 3); /* the beginning of a long one, and then nothing */
        break;
    case 5:
        (void)shutdown(visitor->wire->fd, SHUT_WR);
        break;
    case 6:
        (void)setsockopt(visitor->wire->fd, SOL_SOCKET, SO_LINGER, &(struct linger){.l_onoff = 1},
                         sizeof(struct linger)); /* reset */
        wire_free(g_steal_pointer(&visitor->wire));
        return;
    case 7:
        visitor->is_deaf = true;
        uv_poll_stop(&visitor->wire->poll);
        break;
    case 8:
        for (int i = 0; i < 1000; i++) {
            append_frame(bytes, 0x89, "again", 5);
        }
        break;
    case 9:
        append_frame(bytes, 0x88, "\x0f\xa0", 2);
        append_frame(bytes, 0x81, "behind it", 9);
        append_frame(bytes, 0x88, "\x0f\xa1", 2);
        break;
    case 10:
        for (int i = 0; i < 300; i++) {
            append_frame(bytes, i == 0 ? 0x01 : 0x00, "", 0);
        }
        break;
    default:
        append_frame(bytes, 0x81, "small talk", 10);
        break;
    }
    say(visitor, bytes);
}

/* --- What a client got ------------------------------------------------------------------------ */

static size_t header_of(const uint8_t *bytes, size_t size, size_t *ret_length)
{
    g_assert_cmpint(bytes[1] & 0x80, ==, 0); /* a server does not mask */
    size_t length = bytes[1], more = length == 126 ? 2 : length == 127 ? 8 : 0;
    if (size < 2 + more) {
        return 0;
    }
    length = more > 0 ? 0 : length;
    for (size_t i = 0; i < more; i++) {
        length = length << 8 | bytes[2 + i];
    }
    *ret_length = length;
    return 2 + more;
}

static void check_text(const char *payload, size_t size, guint number)
{
    g_autofree char *text = g_strndup(payload, size);
    char *colon;
    g_assert_cmpuint(g_ascii_strtoull(text, &colon, 10), ==, number);
    g_assert_cmpint(*colon, ==, ':');
    g_assert_cmpuint(strspn(colon + 1, (char[]){(char)('a' + number % 26), '\0'}), ==,
                     strlen(colon + 1));
}

/* Whole frames, what was written in order; after a close frame nothing, and before it all. */
static void check_stream(Fixture *fixture, const Visitor *visitor)
{
    const GByteArray *in = visitor->wire->in;
    const Seat *seat = visitor->seat;
    bool has_close = false;
    guint texts = 0;
    for (size_t at = visitor->header; visitor->header > 0 && at + 2 <= in->len;) {
        const uint8_t *frame = in->data + at;
        size_t length, header = header_of(frame, in->len - at, &length);
        if (header == 0 || in->len - at < header + length) {
            break; /* cut off by an end without farewell */
        }
        const char *payload = (const char *)frame + header;
        g_assert_false(has_close);
        switch (frame[0]) {
        case 0x81:
            check_text(payload, length, ++texts);
            break;
        case 0x88:
            has_close = true;
            break;
        case 0x8a:
            g_assert_true((length == 4 && memcmp(payload, "ping", 4) == 0) ||
                          (length == 7 && memcmp(payload, "between", 7) == 0));
            break;
        default:
            g_error("a frame of kind %02x", frame[0]);
        }
        fixture->frames_good++;
        at += header + length;
        g_assert_true(!has_close || at == in->len);
    }
    g_assert_cmpuint(texts, <=, seat->written);
    if (has_close) {
        g_assert_cmpuint(texts, ==, seat->written);
    }
}

static void leave(Fixture *fixture, Visitor *visitor)
{
    if (visitor->wire != NULL) {
        if (visitor->seat->is_good) {
            check_stream(fixture, visitor);
        }
        wire_free(visitor->wire);
    }
    g_clear_pointer(&visitor->later, g_bytes_unref);
    *visitor = (Visitor){0};
}

/* --- The storm -------------------------------------------------------------------------------- */

static void note_welcome(Visitor *visitor)
{
    if (visitor->header == 0 && wire_answer_size(visitor->wire, true) > 0 &&
        g_str_has_prefix((const char *)visitor->wire->in->data, "HTTP/1.1 101")) {
        visitor->header = wire_answer_size(visitor->wire, true);
    }
}

static void step(Fixture *fixture)
{
    Visitor *visitor = &fixture->visitors[below(fixture, CROWD)];
    if (visitor->wire == NULL) {
        leave(fixture, visitor);
        if (!fixture->is_ending) {
            come(fixture, visitor);
        }
        return;
    }
    note_welcome(visitor);
    if (visitor->wire->has_ended || below(fixture, 200) == 0) {
        leave(fixture, visitor);
    } else if (is_welcome(visitor) && visitor->seat->is_good) {
        act_well(fixture, visitor);
    } else if (is_welcome(visitor)) {
        act_badly(fixture, visitor);
    }
    if (below(fixture, 4) == 0) {
        act(fixture, any_seat(fixture));
    }
}

static void storm(Fixture *fixture, guint steps)
{
    for (guint i = 0; i < steps && !fixture->is_closed; i++) {
        step(fixture);
        if (below(fixture, 3) > 0) {
            uv_run(&fixture->loop, UV_RUN_NOWAIT);
        }
    }
}

static bool are_all_gone(void *data)
{
    WebCounters counters = web_counters(((Fixture *)data)->web);
    return counters.connections == 0 && counters.websockets == 0;
}

static void check_seats(const Fixture *fixture)
{
    guint opened = 0;
    for (guint i = 0; i < fixture->visits; i++) {
        g_assert_cmpuint(fixture->seats[i].opened, ==, fixture->seats[i].closed);
        opened += fixture->seats[i].opened;
    }
    g_test_message("seed %u: %u visits, %u opened, %u killed, %u refused, %u drained, %u frames",
                   seed(), fixture->visits, opened, fixture->killed, fixture->refused,
                   fixture->drained, fixture->frames_good);
    g_assert_cmpuint(opened, >, CROWD);
    g_assert_cmpuint(fixture->frames_good, >, CROWD);
}

/* They all leave: nobody is left over, and every one that was opened was closed, once. */
static void test_storm(Fixture *fixture, gconstpointer data)
{
    storm(fixture, STEPS);
    for (guint i = 0; i < CROWD; i++) {
        leave(fixture, &fixture->visitors[i]);
    }
    wire_wait(&fixture->loop, are_all_gone, fixture);
    check_seats(fixture);
    g_assert_cmpuint(fixture->killed, >, 0);
    g_assert_cmpuint(fixture->drained, >, 0);
}

/* The server ends in the middle, from each place where its code may be. */
static void test_storm_ends(Fixture *fixture, gconstpointer data)
{
    storm(fixture, STEPS / 2);
    fixture->wants_end = true;
    end_now(fixture, END_OUTSIDE);
    storm(fixture, STEPS);
    wire_wait(&fixture->loop, wire_set_flag_seen, &fixture->is_closed);
    for (guint i = 0; i < CROWD; i++) {
        leave(fixture, &fixture->visitors[i]);
    }
    check_seats(fixture);
    uv_run(&fixture->loop, UV_RUN_DEFAULT);
    g_assert_cmpint(uv_loop_close(&fixture->loop), ==, 0);
}

/* --- One by one ------------------------------------------------------------------------------- */

static bool is_seat_closed(void *data)
{
    return ((Seat *)data)->closed > 0;
}

/* closed() of the last one: nobody is left whose end could bring on the end of all. */
static void test_end_in_last_closed(Fixture *fixture, gconstpointer data)
{
    Seat *seat;
    Wire *wire = open_live(fixture, &seat);
    fixture->wants_end = true;
    wire_free(wire);
    wire_wait(&fixture->loop, wire_set_flag_seen, &fixture->is_closed);
    g_assert_cmpuint(seat->closed, ==, 1);
    uv_run(&fixture->loop, UV_RUN_DEFAULT);
    g_assert_cmpint(uv_loop_close(&fixture->loop), ==, 0);
}

/* A close frame without a code (RFC 6455, 5.5.1), and several of them: the counters stay right. */
static void test_close_without_code(Fixture *fixture, gconstpointer data)
{
    Seat *seats[3];
    Wire *wires[3];
    for (int i = 0; i < 3; i++) {
        wires[i] = open_live(fixture, &seats[i]);
    }
    for (int i = 0; i < 3; i++) {
        socket_close(seats[i]->socket, 0, "");
        socket_close(seats[i]->socket, 0, "");
        g_assert_cmpint(socket_write(seats[i]->socket, "x", 1), ==, SOCKET_DEAD);
        wire_wait_bytes(wires[i], 2);
        g_assert_cmpmem(wires[i]->in->data, wires[i]->in->len, "\x88\x00", 2);
    }
    g_assert_cmpuint(web_counters(fixture->web).websockets, ==, 3);
    for (int i = 0; i < 3; i++) {
        wire_send_frame(wires[i], 0x88, "", 0, mask);
        wire_wait_end(wires[i]);
        wire_wait(&fixture->loop, is_seat_closed, seats[i]);
        wire_free(wires[i]);
    }
    g_assert_cmpuint(web_counters(fixture->web).websockets, ==, 0);
}

/* RFC 6455, 7.1.7: after a fault nothing counts, not even what looks like a close. The client reads
 * why, and no reset eats it, though more of what it sent is on its way. */
static void test_deaf_after_fault(Fixture *fixture, gconstpointer data)
{
    Seat *seat;
    Wire *wire = open_live(fixture, &seat);
    g_autofree char *more = g_strnfill(300000, 'x');
    uv_poll_stop(&wire->poll);
    wire_send_frame(wire, 0x82, "binary", 6, mask);
    while (seat->opened == seat->closed) {
        uv_run(&fixture->loop, UV_RUN_NOWAIT);
    }
    for (int i = 0; i < 20; i++) {
        uv_run(&fixture->loop, UV_RUN_NOWAIT);
    }
    wire_send_frame(wire, 0x88, "\x03\xe8", 2, mask);
    wire_send_bytes(wire, more, 300000);
    for (int i = 0; i < 20; i++) {
        uv_run(&fixture->loop, UV_RUN_NOWAIT);
    }
    g_assert_cmpuint(seat->closed, ==, 0); /* it waits for the client's end */
    uv_poll_start(&wire->poll, UV_READABLE, wire_on_readable);
    wire_wait_end(wire);
    g_assert_false(wire->was_reset);
    g_assert_cmpmem(wire->in->data, MIN(wire->in->len, 4), "\x88\x0b\x03\xeb", 4);
    wire_free(wire);
    wire_wait(&fixture->loop, is_seat_closed, seat);
}

/* RFC 6455, 5.5.3: of pings that came together the newest is answered; a flood of them costs one
 * send() for each recv(), not one for each ping. */
static void test_newest_ping(Fixture *fixture, gconstpointer data)
{
    enum { PINGS = 2000 };
    Seat *seat;
    Wire *wire = open_live(fixture, &seat);
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    char last[8];
    for (int i = 1; i <= PINGS; i++) {
        g_snprintf(last, sizeof last, "%05d", i);
        append_frame(bytes, 0x89, last, 5);
    }
    g_assert_cmpint(send(wire->fd, bytes->data, bytes->len, MSG_DONTWAIT), ==, (int)bytes->len);
    while (wire->in->len < 7 || memcmp(wire->in->data + wire->in->len - 5, last, 5) != 0) {
        wire_wait_bytes(wire, wire->in->len + 7);
        g_assert_false(wire->has_ended);
    }
    g_assert_cmpuint(wire->in->len / 7, <, 20);
    wire_free(wire);
}

/* The same when the client does not read: the pong that then comes is of the newest ping. */
static void test_ping_behind(Fixture *fixture, gconstpointer data)
{
    Seat *seat;
    Wire *wire = open_live(fixture, &seat);
    uv_poll_stop(&wire->poll);
    while (!seat->is_lagging) {
        write_text(seat, TEXT_BYTES_MAX);
    }
    for (int i = 0; i < 3; i++) {
        wire_send_frame(wire, 0x89, (char[]){(char)('1' + i)}, 1, mask);
        for (int turns = 0; turns < 20; turns++) {
            uv_run(&fixture->loop, UV_RUN_NOWAIT);
        }
    }
    uv_poll_start(&wire->poll, UV_READABLE, wire_on_readable);
    while (fixture->drained == 0) {
        uv_run(&fixture->loop, UV_RUN_ONCE);
    }
    socket_close(seat->socket, 3001, "");
    wire_send_frame(wire, 0x88, "", 0, mask);
    wire_wait_end(wire);
    const uint8_t *pong = memmem(wire->in->data, wire->in->len, "\x8a\x01", 2);
    g_assert_nonnull(pong);
    g_assert_cmpint(pong[2], ==, '3');
    g_assert_null(
        memmem(pong + 1, wire->in->len - (size_t)(pong + 1 - wire->in->data), "\x8a\x01", 2));
    wire_free(wire);
}

/* --- Quiet ------------------------------------------------------------------------------------ */

/* An idle loop turns for the timer of the test, and once a second for those of the server. */
#define QUIET_TURNS 12

static void check_quiet(Fixture *fixture)
{
    g_assert_cmpuint(wire_count_turns(&fixture->loop, 300), <, QUIET_TURNS);
}

static void test_quiet(Fixture *fixture, gconstpointer data)
{
    Seat *idle, *behind, *closing, *failed;
    Wire *wires[] = {
        open_live(fixture, &idle),
        open_live(fixture, &behind),
        open_live(fixture, &closing),
        open_live(fixture, &failed),
    };
    for (size_t i = 1; i < G_N_ELEMENTS(wires); i++) {
        uv_poll_stop(&wires[i]->poll);
    }
    wire_send_bytes(wires[0], "\x81\xfe\x3f", 3); /* a part of a frame */
    while (!behind->is_lagging) {
        write_text(behind, TEXT_BYTES_MAX);
    }
    while (!closing->is_lagging) {
        write_text(closing, TEXT_BYTES_MAX);
    }
    socket_close(closing->socket, 3008, "slow");
    wire_send_frame(wires[3], 0x82, "", 0, mask);
    check_quiet(fixture);
    g_assert_cmpuint(web_counters(fixture->web).websockets, ==, 4);
    /* Who closes his side of it is gone, whatever waits for him. */
    for (size_t i = 0; i < G_N_ELEMENTS(wires); i++) {
        (void)shutdown(wires[i]->fd, SHUT_WR);
    }
    wire_wait(&fixture->loop, are_all_gone, fixture);
    check_quiet(fixture);
    for (size_t i = 0; i < G_N_ELEMENTS(wires); i++) {
        wire_free(wires[i]);
    }
}

/* Thousands that do not answer a close end in several turns. */
static void test_many_closing(Fixture *fixture, gconstpointer data)
{
    enum { MANY = 6000 }; /* a microsecond for each would be too long for one turn */
    static Wire *wires[MANY];
    struct rlimit limit; /* as the Web has raised it */
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur < 2 * MANY + 100) {
        g_test_skip("too few descriptors");
        return;
    }
    for (int i = 0; i < MANY; i++) {
        Seat *seat;
        wires[i] = open_live(fixture, &seat);
    }
    for (int i = 0; i < MANY; i++) {
        socket_close(fixture->seats[i].socket, 3008, "slow");
    }
    uint64_t before = MANY, most = 0;
    while (before > 0) {
        uv_run(&fixture->loop, UV_RUN_ONCE);
        uint64_t left = web_counters(fixture->web).websockets;
        most = MAX(most, before - left);
        before = left;
    }
    g_test_message("at most %u in one turn", (guint)most);
    g_assert_cmpuint(most, <, MANY);
    for (int i = 0; i < MANY; i++) {
        wire_free(wires[i]);
    }
}

#define ADD(name, place, test)                                                                     \
    g_test_add(name, Fixture, GINT_TO_POINTER(place), set_up, test, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("/websocket/storm", END_OUTSIDE, test_storm);
    ADD("/websocket/storm/ends-outside", END_OUTSIDE, test_storm_ends);
    ADD("/websocket/storm/ends-in-receive", END_IN_RECEIVE, test_storm_ends);
    ADD("/websocket/storm/ends-in-closed", END_IN_CLOSED, test_storm_ends);
    ADD("/websocket/storm/ends-in-drained", END_IN_DRAINED, test_storm_ends);
    ADD("/websocket/storm/ends-in-open", END_IN_OPEN, test_storm_ends);
    ADD("/websocket/end-in-last-closed", END_IN_CLOSED, test_end_in_last_closed);
    ADD("/websocket/close-without-code", END_OUTSIDE, test_close_without_code);
    ADD("/websocket/deaf-after-fault", END_OUTSIDE, test_deaf_after_fault);
    ADD("/websocket/newest-ping", END_OUTSIDE, test_newest_ping);
    ADD("/websocket/ping-behind", END_OUTSIDE, test_ping_behind);
    ADD("/websocket/quiet", END_OUTSIDE, test_quiet);
    ADD("/websocket/many-closing", END_OUTSIDE, test_many_closing);
    return g_test_run();
}
