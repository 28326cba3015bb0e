/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * core/plugin.h as a display keeps it. What only a server can do fails cleanly here; drawing is in
 * canvas.c. */
#include "core/limits.h"
#include "media/screen/display_private.h"
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

/* --- Both places ------------------------------------------------------------------------------ */

void *serambi_state(Serambi *self)
{
    return self->state;
}

const void *serambi_settings(Serambi *self)
{
    return self->settings;
}

int64_t serambi_now_us(Serambi *self)
{
    return display_now_us(self->display);
}

void serambi_log(Serambi *self, int syslog_level, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *message = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    /* A plugin's error is no reason for GLib to abort us. */
    GLogLevelFlags level = syslog_level <= LOG_WARNING  ? G_LOG_LEVEL_WARNING
                           : syslog_level == LOG_NOTICE ? G_LOG_LEVEL_MESSAGE
                           : syslog_level == LOG_INFO   ? G_LOG_LEVEL_INFO
                                                        : G_LOG_LEVEL_DEBUG;
    g_log(NULL, level, "%s: %s", self->plugin->id, message);
}

const char *serambi_word(Serambi *self, const char *language, const char *key)
{
    return catalogue_word(self->words, language, key);
}

/* --- Displays --------------------------------------------------------------------------------- */

const char *serambi_display_id(Serambi *self)
{
    return self->display->id;
}

const char *serambi_display_language(Serambi *self, size_t n)
{
    return house_language(display_house(self->display)->settings, n);
}

json_t *serambi_display_status(Serambi *self)
{
    const Display *display = self->display;
    const char *server = display->server ? display->server : "";
    json_t *status = json_pack(
        "{s:b s:b s:I s:s s:s s:s s:s s:i s:i s:s s:i}", "paired", display->is_paired, "online",
        display->is_online, "since_us", (json_int_t)display->since_us, "server", server,
        "public_url", serambi_public_url(self), "key", display->link ? link_key(display->link) : "",
        "proof", display->link ? link_beside_proof(display->link) : "", "width",
        display->layout.width, "height", display->layout.height, "layout",
        layout_kind_name(display->layout_kind), "volume_percent", display->volume_percent);
    json_object_set_new(status, "has_sound", json_boolean(mixer_has_device(display->mixer)));
    json_object_set_new(status, "painted", json_integer((json_int_t)display->frames_painted));
    json_object_update_new(status, clips_figures(display->clips));
    json_object_set_new(status, "clock", display_clock_figures(display));
    json_object_set_new(status, "shown", presentation_figures(&display->presentation));
    return status;
}

void serambi_display_arrange(Serambi *self, const char *layout, int volume_percent)
{
    LayoutKind kind = layout_kind(layout);
    display_arrange(self->display, kind ? kind : self->display->layout_kind,
                    CLAMP(volume_percent, 0, 100));
}

void serambi_call(Serambi *self, const char *method_and_path, json_t *body,
                  void (*on_reply)(Serambi *self, int status, const json_t *body, void *data),
                  void *data)
{
    Display *display = self->display;
    if (!display->link) {
        json_decref(body);
        if (on_reply)
            on_reply(self, 0, NULL, data);
        return;
    }
    /* The answer comes as a message to this thread, hence after the call is on the list. */
    uint64_t id = link_call(display->link, method_and_path, body);
    uint64_t *key = g_new(uint64_t, 1);
    *key = id;
    PendingCall *call = g_new0(PendingCall, 1);
    *call = (PendingCall){self, on_reply, data};
    g_hash_table_replace(display->calls, key, call);
}

void serambi_display_reconnect(Serambi *self)
{
    if (self->display->link)
        link_reconnect(self->display->link);
}

void serambi_want(Serambi *self, const json_t *sources)
{
    json_decref(self->wanted);
    self->wanted = json_deep_copy(sources);
    display_want(self->display);
}

bool serambi_has(Serambi *self, const char *source)
{
    g_autofree char *path = self->display->link ? link_file(self->display->link, source) : NULL;
    return path != NULL;
}

json_t *serambi_kept_json(Serambi *self, const char *source)
{
    g_autofree char *path = self->display->link ? link_file(self->display->link, source) : NULL;
    struct stat info;
    if (!path || stat(path, &info) != 0 || info.st_size > LIMIT_KEPT_JSON_BYTES)
        return NULL;
    return json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
}

SerambiClip *serambi_clip_new(Serambi *self, const char *source, int64_t start_us, double gain_db,
                              SerambiClipEnd on_end)
{
    return clip_new(self->display->clips, self, source, start_us, gain_db, on_end);
}

bool serambi_clip_is_ready(const SerambiClip *clip)
{
    return clip && clip_is_ready(clip);
}

void serambi_clip_start(SerambiClip *clip, int64_t start_us)
{
    if (clip)
        clip_start(clip, start_us);
}

void serambi_clip_free(SerambiClip *clip)
{
    clip_drop(clip);
}

typedef struct {
    Serambi *self;
    void (*work)(void *data);
    void (*done)(Serambi *self, void *data);
    void *data;
    GDestroyNotify free_data;
} PluginErrand;

static void plugin_errand_work(void *data)
{
    PluginErrand *errand = data;
    errand->work(errand->data);
}

static void plugin_errand_done(void *data)
{
    PluginErrand *errand = data;
    if (errand->done && errand->self->is_running)
        errand->done(errand->self, errand->data);
}

static void plugin_errand_free(void *data)
{
    PluginErrand *errand = data;
    if (errand->free_data)
        errand->free_data(errand->data);
    g_free(errand);
}

void serambi_run(Serambi *self, void (*work)(void *data), void (*done)(Serambi *self, void *data),
                 void *data, GDestroyNotify free_data)
{
    PluginErrand *errand = g_new0(PluginErrand, 1);
    *errand = (PluginErrand){self, work, done, data, free_data};
    errands_run(self->display->errands, plugin_errand_work, plugin_errand_done, errand,
                plugin_errand_free);
}

char *serambi_random_text(Serambi *self, size_t size)
{
    g_autofree uint8_t *bytes = g_malloc0(MAX(size, 1));
    for (size_t i = 0; i < size; i += 256)
        if (getentropy(bytes + i, MIN(size - i, 256)) != 0)
            g_error("the kernel gives no random bytes: %s", g_strerror(errno));
    g_autofree char *text = g_base64_encode(bytes, size);
    g_strdelimit(text, "+", '-');
    g_strdelimit(text, "/", '_');
    char *end = strchr(text, '=');
    if (end)
        *end = '\0';
    return g_steal_pointer(&text);
}

/* --- Server only ------------------------------------------------------------------------------ */

static void not_here(const char *function)
{
    g_warning("%s() was called on a display, ignoring", function);
}

static bool fail_here(const char *function, GError **error)
{
    g_set_error(error, STAGE_ERROR, STAGE_ERROR_VIDEO, "%s() works on the server only", function);
    return false;
}

void serambi_publish(Serambi *self, const char *topic, json_t *body)
{
    json_decref(body);
    not_here(__func__);
}

json_t *serambi_query(Serambi *self, GError **error, const char *sql, const char *types, ...)
{
    (void)fail_here(__func__, error);
    return NULL;
}

const char *serambi_request_part(SerambiRequest *request, const char *name)
{
    return NULL;
}

const char *serambi_request_query(SerambiRequest *request, const char *name)
{
    return NULL;
}

const json_t *serambi_request_body(SerambiRequest *request)
{
    return NULL;
}

const char *serambi_request_user(SerambiRequest *request)
{
    return "";
}

uint32_t serambi_request_role(SerambiRequest *request)
{
    return SERAMBI_PUBLIC;
}

const char *serambi_request_origin(SerambiRequest *request)
{
    return "";
}

const char *serambi_request_peer(SerambiRequest *request)
{
    return "";
}

void serambi_reply(SerambiRequest *request, int status, json_t *body)
{
    json_decref(body);
    not_here(__func__);
}

void serambi_reply_error(SerambiRequest *request, int status, const char *code, const char *format,
                         ...)
{
    not_here(__func__);
}

void serambi_reply_text(SerambiRequest *request, int status, const char *content_type,
                        const char *text)
{
    not_here(__func__);
}

void serambi_reply_redirect(SerambiRequest *request, int status, const char *path)
{
    not_here(__func__);
}

bool serambi_note_text(Serambi *self, const char *name, const char *language,
                       const json_t *document, GError **error)
{
    return fail_here(__func__, error);
}

json_t *serambi_search(Serambi *self, const char *question, const char *language, size_t most,
                       GError **error)
{
    (void)fail_here(__func__, error);
    return NULL;
}

bool serambi_has_room(Serambi *self, GError **error)
{
    return fail_here(__func__, error);
}

SerambiJob *serambi_spawn(Serambi *self, const char *const *argv,
                          void (*on_line)(Serambi *self, const json_t *line, void *data),
                          void (*on_exit)(Serambi *self, bool ok, void *data), void *data)
{
    not_here(__func__);
    if (on_exit)
        on_exit(self, false, data);
    return NULL;
}

void serambi_cancel(SerambiJob *job)
{
}

char *serambi_new_folder(Serambi *self, GError **error)
{
    (void)fail_here(__func__, error);
    return NULL;
}

void serambi_discard_folder(Serambi *self, const char *folder)
{
    not_here(__func__);
}

char *serambi_kept_path(Serambi *self, const char *sha256)
{
    g_autoptr(GError) error = NULL;
    (void)fail_here(__func__, &error);
    return NULL;
}

int64_t serambi_file_bytes(Serambi *self, const char *sha256)
{
    not_here(__func__);
    return -1;
}

void serambi_forget_file(Serambi *self, const char *sha256)
{
    g_autoptr(GError) error = NULL;
    (void)fail_here(__func__, &error);
}

void serambi_keep_file(Serambi *self, const char *path, const char *content_type,
                       void (*on_kept)(Serambi *self, const char *sha256, int64_t size,
                                       const GError *error, void *data),
                       void *data)
{
    g_autoptr(GError) error = NULL;
    (void)fail_here(__func__, &error);
    if (on_kept)
        on_kept(self, NULL, 0, error, data);
}

bool serambi_admit_display(Serambi *self, const char *key, const char *id, GError **error)
{
    return fail_here(__func__, error);
}

bool serambi_expel_display(Serambi *self, const char *key, GError **error)
{
    return fail_here(__func__, error);
}

const char *serambi_public_url(Serambi *self)
{
    const HouseSettings *house = display_house(self->display)->settings;
    return house->public_url[0]    ? house->public_url
           : self->display->server ? self->display->server
                                   : "";
}

bool serambi_is_beside(Serambi *self, const char *key, const char *proof)
{
    return false;
}

/* A display has no /metrics: what it knows it reports. */
void serambi_gauge(Serambi *self, const char *name, const char *help, double value)
{
}

char *serambi_qr_svg(Serambi *self, const char *text)
{
    return NULL;
}
