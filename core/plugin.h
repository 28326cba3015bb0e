/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * All that a plugin sees of Serambi: the tables that it brings, and what it may ask of its host.
 *
 * A plugin is one shared object with one exported symbol, the constant `serambi_plugin`. The host
 * reads and checks its tables before any of its code runs. It has up to three halves: on the server
 * (settings, migrations, routes, uploads, topics, watches, timers), on a display (settings,
 * watches, timers, layers) and in the browser (assets). The halves meet only through the plugin's
 * topics.
 *
 * Life: found, descriptor checked, migrations (one transaction), settings filled, start(),
 * callbacks, settings_changed() after a reload, stop(); then the host drops its timers, watches,
 * routes, clips and jobs, and open requests get 503. A plugin that fails is off and visible, the
 * others run.
 *
 * Transactions: on the server every callback that may write (all but GET routes) runs in a
 * savepoint: its queries, publications and reply stand or fall together. An error reply or a failed
 * start() undoes them. All callbacks of a turn of the loop share one commit; replies and
 * publications leave only after it. Watchers see only what is on disk. GET routes only read, on
 * another connection. serambi_state() is not rolled back: keep truth in SQL, caches in state. What
 * is asked of threads and children (serambi_run(), serambi_spawn(), serambi_keep_file(),
 * serambi_discard_folder()) begins after the commit, and not at all when the savepoint is undone:
 * then its callbacks do not come either.
 *
 * Threads: every callback comes, and every function below is called, on the program's main thread;
 * the one exception is the work() of serambi_run(). A pointer received in a callback is borrowed
 * until the callback returns. "Takes": the callee frees it on every path.
 *
 * Changes: 2026-11 first version, SERAMBI_ABI 1; serambi_gauge(), and clock and shown of
 * serambi_display_status(); serambi_draw_marked(), serambi_draw_caption(); serambi_kept_path(),
 * serambi_file_bytes(); serambi_note_text(), serambi_search(); pages, bodies,
 * serambi_reply_redirect(). */
#pragma once
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SERAMBI_ABI 1u

typedef struct Serambi Serambi;               /* this plugin, from start() to stop() */
typedef struct SerambiRequest SerambiRequest; /* one request: answered once, now or later */
typedef struct SerambiCanvas SerambiCanvas;   /* where a layer draws, until draw() returns */
typedef struct SerambiClip SerambiClip;       /* video, sound or speech, from a worker */
typedef struct SerambiJob SerambiJob;         /* a child at work */

typedef enum { SERAMBI_ON_SERVER = 1, SERAMBI_ON_DISPLAY = 2 } SerambiPlace;
typedef enum { SERAMBI_BOOL = 1, SERAMBI_INT, SERAMBI_TEXT, SERAMBI_CHOICE } SerambiKind;
typedef enum { SERAMBI_STATE = 1, SERAMBI_FEED } SerambiTopicKind;
typedef enum {
    SERAMBI_PUBLIC = 1, /* everybody, without a login */
    SERAMBI_COUNTER = 2,
    SERAMBI_EDITOR = 4,
    SERAMBI_ADMIN = 8,
    SERAMBI_DISPLAY = 16,
} SerambiRole;
#define SERAMBI_STAFF   (SERAMBI_COUNTER | SERAMBI_EDITOR | SERAMBI_ADMIN)
#define SERAMBI_ANYBODY (SERAMBI_PUBLIC | SERAMBI_STAFF | SERAMBI_DISPLAY)

/* What a plugin brings: constant tables, each ended by a zero entry, NULL when empty. */

/* One key of the plugin's group in the settings file, or of "<id>." in the console. */
typedef struct {
    const char *key; /* "max_waiting": [queue] max_waiting=50 */
    SerambiKind kind;
    size_t offset;        /* of its bool, int64_t or const char * in the settings struct */
    const char *fallback; /* as in the file; checked like the file */
    int64_t min, max;     /* INT: range; TEXT: length in bytes */
    const char *choices;  /* CHOICE: "slow|normal|fast"; TEXT: a regular expression, or NULL */
    const char *help;
} SerambiSetting;

/* One route. The path is below /api/<id>/; "{name}" stands for one segment.
 * GET routes only read. roles are checked before handle() is called; a caller has exactly one role,
 * or SERAMBI_PUBLIC; an administrator may do all that other staff may. Displays and pages may also
 * call routes over their live connection (rpc with method "POST /api/queue/tickets"). */
typedef struct {
    const char *method, *path; /* "POST", "tickets/{id}/call": /api/queue/tickets/7/call */
    uint32_t roles;            /* SerambiRole bits */
    void (*handle)(Serambi *self, SerambiRequest *request);
    const char *help;
} SerambiRoute;

/* A route whose body may be larger than 64 KiB of JSON; not for the public. */
typedef struct {
    const char *method, *path; /* of one of the plugin's routes */
    int64_t body_bytes;        /* at most 4 MiB */
} SerambiBody;

/* One live channel "<id>:<name>". A state greets a subscriber with its newest value; a feed keeps
 * messages and resumes by epoch and offset. A name that ends in ".{word}" declares a family of
 * channels, one for each value of the word: "ticket.{key}" is queue:ticket.Zx81 and so on; where
 * the value is to be secret, make it unguessable. */
typedef struct {
    const char *name; /* "now_serving": the channel queue:now_serving */
    SerambiTopicKind kind;
    uint32_t readers;    /* SerambiRole bits */
    uint32_t keep_days;  /* FEED: how far back a subscriber can resume, at least 1 */
    const char *example; /* one true message: for manual, tests, fuzz seeds */
    const char *help;
} SerambiTopic;

/* Messages of a channel, also of another plugin's. On the server after they are on disk (state:
 * each published value; feed: each entry). On a display from the server, newest value first at
 * every connect; without a server the value that was last received, also after a restart.
 * "displays:screen.{self}" on a display: {self} is the display's own id. */
typedef struct {
    const char *channel;
    void (*on_message)(Serambi *self, const char *channel, const json_t *body);
} SerambiWatch;

typedef struct {
    const char *name;
    uint32_t every_seconds;
    void (*on_tick)(Serambi *self);
} SerambiTimer;

/* A picture layer on displays, drawn into the area of that name of the current layout:
 * "screen" (all of it), "picture", "caption", "board", "chip", "ticker", "banner", "clock", "card",
 * "spotlight". A layout without the area leaves the layer out. */
typedef struct {
    const char *name;
    const char *area;
    int height;                                     /* higher is nearer to the viewer */
    bool (*prepare)(Serambi *self, int64_t now_us); /* true: draw() would differ; every frame */
    void (*draw)(Serambi *self, SerambiCanvas *canvas);
} SerambiLayer;

/* What a finished upload of kind "<id>:<name>" is. Uploads arrive at /uploads/ (tus 1.0) with the
 * metadata "kind"; roles may create them. */
typedef struct {
    const char *id;       /* of the upload: [A-Za-z0-9_-]{22} */
    const char *path;     /* the file, in a folder of its own that the plugin now owns */
    const char *folder;   /* that folder: work there, then serambi_discard_folder() */
    const char *filename; /* as the browser named it: text for people, never a path */
    const char *user;     /* who sent it */
    int64_t size;
    const json_t *metadata; /* object of strings: all Upload-Metadata, decoded */
} SerambiUploaded;

typedef struct {
    const char *name; /* "video": kind "tutorials:video" */
    uint32_t roles;
    int64_t max_bytes;
    /* Undone when a statement or publication in it fails; then the upload stays open, and this
     * comes again when the client asks for it or at the next start. */
    void (*on_complete)(Serambi *self, const SerambiUploaded *upload);
    const char *help;
} SerambiUpload;

/* A file of the plugin's page, made by core/embed.py from <folder>/page/. Served at
 * /a/<version>/<id>/<path>. words/<language>.json are the catalogues of page and display. */
typedef struct {
    const char *path;         /* "staff.js", "words/id.json" */
    const char *content_type; /* "text/javascript; charset=utf-8" */
    const uint8_t *bytes;     /* gzip */
    size_t size;
} SerambiAsset;

typedef struct {
    uint32_t abi, size; /* filled by SERAMBI_PLUGIN(); new members go at the end */
    const char *id;     /* [a-z][a-z0-9_]*: names its routes, channels, settings, SQL tables */
    const char *version, *summary;
    uint32_t places;                  /* SerambiPlace bits */
    size_t state_size, settings_size; /* host allocates zeroed, frees after stop() */
    const SerambiSetting *settings;
    const char *const *migrations; /* SQL; number n takes its tables from version n to n + 1 */
    const SerambiRoute *routes;
    const SerambiTopic *topics;
    const SerambiWatch *watches; /* on the server */
    const SerambiTimer *timers;  /* on the server */
    const SerambiUpload *uploads;
    const SerambiWatch *display_watches; /* on a display */
    const SerambiTimer *display_timers;  /* on a display */
    const SerambiLayer *layers;
    const SerambiAsset *assets;
    bool (*start)(Serambi *self, GError **error); /* on the server */
    void (*settings_changed)(Serambi *self);
    void (*stop)(Serambi *self); /* also after a failed start() */
    bool (*display_start)(Serambi *self, GError **error);
    void (*display_stop)(Serambi *self);
    /* Documents with an address that people read and pass on, for those without script:
     * "watch/{id}" is /watch/7. The first segment is a word that no address of Serambi's begins
     * with; of two plugins with the same page the first one has it. Such a POST takes a form
     * (application/x-www-form-urlencoded, as an object of texts) of our own pages only. */
    const SerambiRoute *pages;
    const SerambiBody *bodies;
} SerambiPlugin;

#pragma GCC visibility push(default)
extern const SerambiPlugin serambi_plugin;
#define SERAMBI_PLUGIN(...)                                                                        \
    const SerambiPlugin serambi_plugin = {                                                         \
        .abi = SERAMBI_ABI, .size = sizeof(SerambiPlugin), __VA_ARGS__}

/* --- Both places ------------------------------------------------------------------------------ */

void *serambi_state(Serambi *self);
const void *serambi_settings(Serambi *self);
/* Microseconds since 1970, the server's clock also on displays; tests turn this clock. */
int64_t serambi_now_us(Serambi *self);
void serambi_log(Serambi *self, int syslog_level, const char *format, ...) G_GNUC_PRINTF(3, 4);
/* The catalogue's text for a key of this plugin ("now_serving") in "id", "en" or "ar"; the key
 * itself where it is missing. Lives as long as the plugin. */
const char *serambi_word(Serambi *self, const char *language, const char *key);

/* --- Server ----------------------------------------------------------------------------------- */

/* Publishes on one of this plugin's channels ("board", "ticket.Zx81"); takes body. The offset is
 * given inside the savepoint, the message leaves after the commit. */
void serambi_publish(Serambi *self, const char *topic, json_t *body);

/* New array of row objects (TEXT, INTEGER, REAL and NULL become JSON); NULL with error set on
 * failure and on displays. types names the values of $1, $2 ...: i int64_t, f double, s const char
 * * (NULL is SQL NULL). In GET routes and outside callbacks that write it reads what is on disk. */
json_t *serambi_query(Serambi *self, GError **error, const char *sql, const char *types, ...);

/* Full-text search over what this plugin noted, see core/search.h for words and limits. Inside a
 * savepoint: what is found under name in language ("id") from now on; document as {"title":"..",
 * "about":"..","passages":[{"place":N,"text":".."}]}, NULL: nothing any more (language NULL: in
 * none). */
bool serambi_note_text(Serambi *self, const char *name, const char *language,
                       const json_t *document, GError **error);
/* At most most documents that have every word of the question, a stranger's text, as the beginning
 * of a word, the best first: [{"name","language","passages":[{"place","text"}]}]. language NULL:
 * any. New reference; NULL with error. */
json_t *serambi_search(Serambi *self, const char *question, const char *language, size_t most,
                       GError **error);

const char *serambi_request_part(SerambiRequest *request, const char *name);  /* "id" in path */
const char *serambi_request_query(SerambiRequest *request, const char *name); /* ?name=; or NULL */
const json_t *serambi_request_body(SerambiRequest *request); /* object; {} when there is none */
const char *serambi_request_user(SerambiRequest *request);   /* "" for the public */
uint32_t serambi_request_role(SerambiRequest *request);      /* one SerambiRole bit */
const char *serambi_request_origin(SerambiRequest *request); /* "http://host:port" as asked */
const char *serambi_request_peer(SerambiRequest *request);   /* the client's address, for limits */

/* Each takes the request; reply takes body (NULL: none). A write's reply leaves after the commit.
 * code is a key of the catalogues ("error.full"), format plain English for scripts:
 * {"error":{"code":code,"message":"..."}}. A status of 400 and more undoes the savepoint. */
void serambi_reply(SerambiRequest *request, int status, json_t *body);
void serambi_reply_error(SerambiRequest *request, int status, const char *code, const char *format,
                         ...) G_GNUC_PRINTF(4, 5);
/* A reply that is not JSON: type and bytes are copied. For SVG, CSV, WebVTT, HTML. */
void serambi_reply_text(SerambiRequest *request, int status, const char *content_type,
                        const char *text);

/* 303 or 308: the document is, or what was done is told, at another address of ours ("/watch/3"),
 * which is copied. */
void serambi_reply_redirect(SerambiRequest *request, int status, const char *path);

/* Refuses (false, error to be replied with 507 "error.full") while the data folder's free space is
 * under its reserve: ask before writes that make the data grow. */
bool serambi_has_room(Serambi *self, GError **error);

/* work(): another thread, sees only data; done(): here afterwards, in a savepoint, never after
 * stop(). data is freed by free_data on the main thread at the end, on every path. */
void serambi_run(Serambi *self, void (*work)(void *data), void (*done)(Serambi *self, void *data),
                 void *data, GDestroyNotify free_data);

/* Starts `serambi-media argv[0] argv[1] ...` (argv ended by NULL, copied) with limits on time and
 * memory. Each line that it prints is one JSON object; on_line (may be NULL) and on_exit run in a
 * savepoint, on_exit exactly once unless the plugin stops first. At most jobs_parallel at once, the
 * others wait in order. The handle lives until on_exit has returned, or, when the savepoint is
 * undone, until the plugin has stopped. */
SerambiJob *serambi_spawn(Serambi *self, const char *const *argv,
                          void (*on_line)(Serambi *self, const json_t *line, void *data),
                          void (*on_exit)(Serambi *self, bool ok, void *data), void *data);
void serambi_cancel(SerambiJob *job); /* on_exit comes with ok = false */

/* New empty folder of this plugin on the data folder's file system; NULL on failure. g_free(). It
 * is gone at the plugin's next start. */
char *serambi_new_folder(Serambi *self, GError **error);
/* Removes a folder of serambi_new_folder() or of an upload, with all in it, in the background. */
void serambi_discard_folder(Serambi *self, const char *folder);

/* Takes a finished file of such a folder into the media store: hashed, fsync, renamed to its
 * SHA-256, served at /media/<sha256> (ranges, immutable). on_kept runs once in a savepoint: sha256
 * is 64 hex digits, or NULL with error set. */
void serambi_keep_file(Serambi *self, const char *path, const char *content_type,
                       void (*on_kept)(Serambi *self, const char *sha256, int64_t size,
                                       const GError *error, void *data),
                       void *data);

/* Where such a file lies, for serambi-media to read; g_free(). It is there until it is
 * forgotten. NULL on displays. */
char *serambi_kept_path(Serambi *self, const char *sha256);

/* Bytes of a kept file; negative when there is none. */
int64_t serambi_file_bytes(Serambi *self, const char *sha256);

/* Removes a file of serambi_keep_file() that no row of this plugin speaks of any more, after the
 * commit. While other files are on their way in it stays where it is: one that nobody mentions. */
void serambi_forget_file(Serambi *self, const char *sha256);

/* Screens. A display proves who it is with an Ed25519 key; these say which keys are let in.
 * key: 64 hex digits. admit: the display with that key gets SERAMBI_DISPLAY and the id. */
bool serambi_admit_display(Serambi *self, const char *key, const char *id, GError **error);
bool serambi_expel_display(Serambi *self, const char *key, GError **error);
/* True when proof (64 hex digits) shows that the caller can read this server's folder: the screen
 * beside its server. It is HMAC-SHA256(secret of <data>/secrets/beside, key). */
bool serambi_is_beside(Serambi *self, const char *key, const char *proof);

/* Where phones and browsers of the house reach this server: "http://192.168.1.5:8080", from the
 * settings or the machine's own address. Lives as long as the plugin. */
const char *serambi_public_url(Serambi *self);

/* A QR code of text as an SVG document (black modules on white, quiet zone); NULL if too long. */
char *serambi_qr_svg(Serambi *self, const char *text);

/* A figure of this plugin for /metrics: serambi_<plugin>_<name>; the newest value counts. help: one
 * sentence without quotes and line ends. name and help are copied, name is [a-z0-9_]. */
void serambi_gauge(Serambi *self, const char *name, const char *help, double value);

/* Fills size random bytes as base64url text without padding; g_free(). */
char *serambi_random_text(Serambi *self, size_t size);

/* --- Displays --------------------------------------------------------------------------------- */

const char *serambi_display_id(Serambi *self); /* "" until the server has let it in */
/* How the link is: {"paired":bool,"online":bool,"since_us":N,"server":"http://...","key":"<hex>",
 * "proof":"<hex>" or "" (see serambi_is_beside()),"width":W,"height":H,"layout":"desk",
 * "frames":N,"missed":N,"clock":{..},"shown":{..}}; new reference.
 * clock, of serambi_now_us(): {"source":"udp"|"link"|"none","error_us":N (right to within),
 * "round_us":N,"drift_ppm":R,"epochs":N,"steps":N}. shown, what came on glass: see
 * media/screen/presentation.h. */
json_t *serambi_display_status(Serambi *self);
/* Asks the server anew who this display is: after it was let in. */
void serambi_display_reconnect(Serambi *self);
/* Chooses the layout: "cinema", "desk" or "board" (the window's shape chooses the orientation), and
 * a speaker's volume in percent. Kept over restarts. */
void serambi_display_arrange(Serambi *self, const char *layout, int volume_percent);

/* Calls a route of the server over the link: "POST /api/displays/report"; takes body. on_reply
 * (may be NULL) gets status 0 when the server could not be asked. */
void serambi_call(Serambi *self, const char *method_and_path, json_t *body,
                  void (*on_reply)(Serambi *self, int status, const json_t *body, void *data),
                  void *data);

/* The n-th language of this display, "id", "en" or "ar"; 0 is the one that its visitors read first,
 * and is drawn largest. NULL after the last. */
const char *serambi_display_language(Serambi *self, size_t n);

/* The files this plugin wants on this display's disk ("sha256:..." strings, array borrowed, most
 * urgent first); replaces its earlier list. They are fetched, checked and kept; what nobody wants
 * goes when the space is needed. */
void serambi_want(Serambi *self, const json_t *sources);
bool serambi_has(Serambi *self, const char *source);
/* A kept file as JSON (captions); NULL if it is not here or not JSON within limits. */
json_t *serambi_kept_json(Serambi *self, const char *source);

/* A clip. source is "sha256:<hex>" (video with sound, or sound), "speak:<language>:<text>" or
 * "chime:<name>" ("call"). It is due at start_us (serambi_now_us() time): its frame n belongs to
 * start_us + n * frame duration; a start in the past joins in the middle. on_end comes once: error
 * is NULL at the natural end. Speech and chime play over the video, which is ducked. */
typedef void (*SerambiClipEnd)(Serambi *self, SerambiClip *clip, const GError *error);
SerambiClip *serambi_clip_new(Serambi *self, const char *source, int64_t start_us, double gain_db,
                              SerambiClipEnd on_end);
bool serambi_clip_is_ready(const SerambiClip *clip); /* its first frames or samples are decoded */
void serambi_clip_start(SerambiClip *clip, int64_t start_us); /* moves a start not yet reached */
void serambi_clip_free(SerambiClip *clip); /* also before its end; NULL is fine */

/* Drawing, only inside draw(). Boxes are parts (0 to 1) of the layer's area. */
typedef struct {
    double x, y, width, height;
} SerambiBox;
typedef enum { SERAMBI_START = 1, SERAMBI_CENTRE, SERAMBI_END } SerambiAlign;
/* The area in pixels, and the screen's height: to choose a layout of one's own. */
void serambi_canvas_size(SerambiCanvas *canvas, int *ret_width, int *ret_height,
                         int *ret_screen_height);
/* colour: paper, ink, muted, leaf, leaf_plate, amber, amber_plate, sky, red. */
void serambi_draw_plate(SerambiCanvas *canvas, SerambiBox box, const char *colour, double opacity,
                        double radius_px_share);
/* style: called_number, board_number, title, heading, caption, ticker, clock, body, small. Wraps
 * and shrinks to stay inside the box; direction from the text itself. */
void serambi_draw_text(SerambiCanvas *canvas, SerambiBox box, const char *style, const char *colour,
                       SerambiAlign align, const char *text);
/* As serambi_draw_text(), of text with <b>, <i> and <u>, balanced, and &amp; &lt; &gt;. */
void serambi_draw_marked(SerambiCanvas *canvas, SerambiBox box, const char *style,
                         const char *colour, SerambiAlign align, const char *markup);
/* Words over a picture, on a plate as large as they need and dense enough to read them on any
 * picture. The plate's point anchor_x, anchor_y (0 left, top; 1 right, bottom) lies at x, y; all
 * are shares of the area within its safe margin, counted from the left in every language. The plate
 * is moved to stay inside and off the captions drawn before; one that finds no room is left out. */
typedef struct {
    double x, y, anchor_x, anchor_y;
    double width; /* at most */
    SerambiAlign align;
    const char *colour, *markup; /* as of serambi_draw_marked() */
} SerambiCaption;
void serambi_draw_caption(SerambiCanvas *canvas, const SerambiCaption *caption);
/* One line that glides through the box at reading speed, by the clock; starts at start_us and
 * repeats. Right-to-left text glides to the right. */
void serambi_draw_gliding(SerambiCanvas *canvas, SerambiBox box, const char *style,
                          const char *colour, int64_t start_us, const char *text);
void serambi_draw_qr(SerambiCanvas *canvas, SerambiBox box, const char *text);
/* The whole picture, as large as the box allows. */
void serambi_draw_clip(SerambiCanvas *canvas, SerambiClip *clip, SerambiBox box);
/* What becomes of the room beside a picture of another shape: it stays empty (as above); the
 * picture fills it and loses two edges; the picture lies on its own blurred, darkened enlargement.
 */
typedef enum { SERAMBI_FIT = 1, SERAMBI_FILL, SERAMBI_BLURRED } SerambiShape;
void serambi_draw_clip_shaped(SerambiCanvas *canvas, SerambiClip *clip, SerambiBox box,
                              SerambiShape shape);
#pragma GCC visibility pop
