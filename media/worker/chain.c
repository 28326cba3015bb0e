/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Builds the chain by name, element by element: nothing is searched or plugged automatically. */
#include "chain.h"
#include <errno.h>
#include <gst/app/gstappsink.h>
#include <gst/app/gstappsrc.h>
#include <gst/gst.h>
#include <gst/video/video.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_BYTES_MAX (32u << 20) /* one request of the demuxer; a 1080p sample has 100 KB */
#define SINK_BUFFERS   1u          /* what a sink has is taken at once: the ring is the store */
/* One thread costs 2 to 10 percent less CPU and a few pictures less memory, but on a busy machine
 * two keep the time that one loses. */
#define DECODER_THREADS 2

/* Compressed data that may wait. Time and bytes are off for pictures: 30 frames are a second. */
#define VIDEO_QUEUE_BUFFERS 30u
#define AUDIO_QUEUE_NS      (2 * GST_SECOND)

G_DEFINE_QUARK(chain_error, chain_error)

typedef struct PicturePool PicturePool;

struct Chain {
    int fd;
    int event_fd;
    int64_t size_bytes;
    int64_t offset; /* where appsrc reads next; its streaming thread's */
    ChainHooks hooks;
    GstElement *pipeline;
    PicturePool *pool;   /* NULL: no pictures yet, or nobody gives room for them */
    bool has_video_sink; /* the demuxer's thread's */
    bool has_audio_sink; /* the demuxer's thread's */
    int64_t last_index;  /* the video thread's */
    GMutex lock;         /* what follows */
    ChainFacts facts;
    bool has_all_branches;
    bool is_stopping;
    unsigned open_branches;
    GError *failure;
};

static const char *const PLUGINS[] = {
    "coreelements", "app",           "isomp4",   "videoparsersbad", "audioparsers",
    "audioconvert", "audioresample", "wavparse", "libav",
};

const char *chain_code(const GError *error)
{
    static const char *const CODES[] = {
        [CHAIN_ERROR_PLUGIN] = "plugin",     [CHAIN_ERROR_NOT_MEDIA] = "not_media",
        [CHAIN_ERROR_NO_VIDEO] = "no_video", [CHAIN_ERROR_UNSUPPORTED] = "unsupported",
        [CHAIN_ERROR_DECODE] = "decode",     [CHAIN_ERROR_READ] = "read",
        [CHAIN_ERROR_REFUSED] = "too_large",
    };
    if (error->domain != CHAIN_ERROR || error->code < 1 ||
        (size_t)error->code >= G_N_ELEMENTS(CODES))
        return "failed";
    return CODES[error->code];
}

/* An empty search path and a registry that cannot exist: GStreamer finds nothing by itself, so the
 * parsers of forty other formats stay out of reach, and there is no cache to go stale. Loading
 * these nine costs what a cached registry would cost as well, for a clip needs eight of them. */
bool chain_load(GError **error)
{
    (void)g_setenv("GST_PLUGIN_SYSTEM_PATH_1_0", "", TRUE);
    (void)g_setenv("GST_PLUGIN_PATH_1_0", "", TRUE);
    (void)g_setenv("GST_REGISTRY_1_0", "/dev/null/registry", TRUE);
    (void)g_setenv("GST_REGISTRY_UPDATE", "no", TRUE);
    (void)g_setenv("GST_REGISTRY_FORK", "no", TRUE);
    g_autoptr(GError) reason = NULL;
    if (!gst_init_check(NULL, NULL, &reason)) {
        g_set_error(error, CHAIN_ERROR, CHAIN_ERROR_PLUGIN, "GStreamer does not start: %s",
                    reason ? reason->message : "no reason given");
        return false;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(PLUGINS); i++) {
        g_autofree char *path = g_strdup_printf("%s/libgst%s.so", GSTREAMER_PLUGINS, PLUGINS[i]);
        GstPlugin *plugin = gst_plugin_load_file(path, &reason);
        if (!plugin) {
            g_set_error(error, CHAIN_ERROR, CHAIN_ERROR_PLUGIN,
                        "GStreamer's plugin '%s' is missing (packages gstreamer1.0-plugins-base, "
                        "-good, -bad and gstreamer1.0-libav): %s",
                        PLUGINS[i], reason->message);
            return false;
        }
        gst_object_unref(plugin);
    }
    return true;
}

/* ---- state -------------------------------------------------------------------------------------
 */

static void wake(Chain *chain)
{
    uint64_t one = 1;
    ssize_t written = write(chain->event_fd, &one, sizeof one);
    (void)written; /* full means: already readable */
}

/* The first failure is the cause; later ones are its consequences. */
static void fail(Chain *chain, ChainError code, const char *message)
{
    g_mutex_lock(&chain->lock);
    if (!chain->failure && !chain->is_stopping)
        chain->failure = g_error_new_literal(CHAIN_ERROR, (int)code, message);
    g_mutex_unlock(&chain->lock);
    wake(chain);
}

static void close_branch(Chain *chain)
{
    g_mutex_lock(&chain->lock);
    chain->open_branches--;
    g_mutex_unlock(&chain->lock);
    wake(chain);
}

int chain_fd(const Chain *chain)
{
    return chain->event_fd;
}

ChainState chain_state(Chain *chain)
{
    uint64_t count;
    ssize_t got = read(chain->event_fd, &count, sizeof count);
    (void)got; /* nothing to read is no news */
    g_mutex_lock(&chain->lock);
    ChainState state = CHAIN_RUNNING;
    if (chain->failure)
        state = CHAIN_FAILED;
    else if (chain->has_all_branches && chain->open_branches == 0)
        state = CHAIN_ENDED;
    g_mutex_unlock(&chain->lock);
    return state;
}

ChainFacts chain_facts(Chain *chain)
{
    g_mutex_lock(&chain->lock);
    ChainFacts facts = chain->facts;
    g_mutex_unlock(&chain->lock);
    return facts;
}

const GError *chain_failure(Chain *chain)
{
    g_mutex_lock(&chain->lock);
    const GError *failure = chain->failure; /* never changes once set */
    g_mutex_unlock(&chain->lock);
    return failure;
}

static ChainError classify(const GError *error)
{
    if (error->domain == GST_RESOURCE_ERROR)
        return CHAIN_ERROR_READ;
    if (error->domain != GST_STREAM_ERROR)
        return CHAIN_ERROR_DECODE;
    switch (error->code) {
    case GST_STREAM_ERROR_WRONG_TYPE:
    case GST_STREAM_ERROR_TYPE_NOT_FOUND:
    case GST_STREAM_ERROR_DEMUX:
        return CHAIN_ERROR_NOT_MEDIA;
    case GST_STREAM_ERROR_CODEC_NOT_FOUND:
    case GST_STREAM_ERROR_NOT_IMPLEMENTED:
    case GST_STREAM_ERROR_FORMAT:
    case GST_STREAM_ERROR_DECRYPT:
    case GST_STREAM_ERROR_DECRYPT_NOKEY:
        return CHAIN_ERROR_UNSUPPORTED;
    default:
        return CHAIN_ERROR_DECODE;
    }
}

/* In whatever thread posts. There is no main loop: nothing stays on the bus. */
static GstBusSyncReply on_message(GstBus *bus, GstMessage *message, gpointer data)
{
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) {
        g_autoptr(GError) error = NULL;
        g_autofree char *details = NULL;
        gst_message_parse_error(message, &error, &details);
        g_autofree char *text =
            g_strdup_printf("%s: %s", GST_OBJECT_NAME(message->src), error->message);
        fail(data, classify(error), text);
    }
    gst_message_unref(message);
    return GST_BUS_DROP;
}

/* ---- source ------------------------------------------------------------------------------------
 */

/* The demuxer asks for ranges. Reading an inherited descriptor needs no right to open a file. */
static void on_need_data(GstAppSrc *source, guint length, gpointer data)
{
    Chain *chain = data;
    size_t wanted = MIN(length, READ_BYTES_MAX);
    g_autofree uint8_t *bytes = g_try_malloc(wanted);
    ssize_t got = bytes ? pread(chain->fd, bytes, wanted, (off_t)chain->offset) : -1;
    if (got < 0)
        fail(chain, CHAIN_ERROR_READ, g_strerror(errno));
    if (got <= 0) {
        (void)gst_app_src_end_of_stream(source);
        return;
    }
    GstBuffer *buffer = gst_buffer_new_wrapped(g_steal_pointer(&bytes), (gsize)got);
    GST_BUFFER_OFFSET(buffer) = (guint64)chain->offset;
    chain->offset += got;
    (void)gst_app_src_push_buffer(source, buffer);
}

static gboolean on_seek_data(GstAppSrc *source, guint64 offset, gpointer data)
{
    Chain *chain = data;
    if (offset > (guint64)chain->size_bytes)
        return FALSE;
    chain->offset = (int64_t)offset;
    return TRUE;
}

static GstElement *make_source(Chain *chain)
{
    GstElement *source = gst_element_factory_make("appsrc", "source");
    g_object_set(source, "format", GST_FORMAT_BYTES, "stream-type",
                 GST_APP_STREAM_TYPE_RANDOM_ACCESS, "size", (gint64)chain->size_bytes, NULL);
    GstAppSrcCallbacks callbacks = {.need_data = on_need_data, .seek_data = on_seek_data};
    gst_app_src_set_callbacks(GST_APP_SRC(source), &callbacks, chain, NULL);
    return source;
}

/* ---- room --------------------------------------------------------------------------------------
 */

/* Gives the decoder the room of the next picture instead of memory of ours: the one copy that it
 * makes of each picture ends where the picture is shown from. There is never more than one picture
 * on its way, for the decoder's own thread hands it over before it makes the next. */
struct PicturePool {
    GstBufferPool parent;
    Chain *chain;
    gsize bytes;
    GstBuffer *lent; /* has the room; the streaming thread's */
};

typedef struct PicturePoolClass {
    GstBufferPoolClass parent;
} PicturePoolClass;

GType picture_pool_get_type(void);
G_DEFINE_TYPE(PicturePool, picture_pool, GST_TYPE_BUFFER_POOL)

static gboolean pool_set_config(GstBufferPool *base, GstStructure *config)
{
    PicturePool *pool = (PicturePool *)base;
    guint bytes = 0;
    if (!gst_buffer_pool_config_get_params(config, NULL, &bytes, NULL, NULL))
        return FALSE;
    pool->bytes = bytes;
    return GST_BUFFER_POOL_CLASS(picture_pool_parent_class)->set_config(base, config);
}

static gboolean pool_start(GstBufferPool *base)
{
    return TRUE; /* nothing is made in advance */
}

static GstFlowReturn pool_acquire(GstBufferPool *base, GstBuffer **ret_buffer,
                                  GstBufferPoolAcquireParams *params)
{
    PicturePool *pool = (PicturePool *)base;
    Chain *chain = pool->chain;
    if (pool->lent) { /* somebody keeps the last one: this one will be copied */
        *ret_buffer = gst_buffer_new_allocate(NULL, pool->bytes, NULL);
        return *ret_buffer ? GST_FLOW_OK : GST_FLOW_ERROR;
    }
    uint8_t *room = chain->hooks.on_room(chain->hooks.owner, pool->bytes);
    if (!room) {
        fail(chain, CHAIN_ERROR_REFUSED, "a picture is larger than the screen can take");
        return GST_FLOW_FLUSHING;
    }
    pool->lent = gst_buffer_new_wrapped_full(0, room, pool->bytes, 0, pool->bytes, NULL, NULL);
    *ret_buffer = pool->lent;
    return GST_FLOW_OK;
}

static void pool_release(GstBufferPool *base, GstBuffer *buffer)
{
    PicturePool *pool = (PicturePool *)base;
    if (buffer == pool->lent)
        pool->lent = NULL;
    gst_buffer_unref(buffer);
}

static void picture_pool_class_init(PicturePoolClass *class)
{
    GstBufferPoolClass *base = GST_BUFFER_POOL_CLASS(class);
    base->set_config = pool_set_config;
    base->start = pool_start;
    base->acquire_buffer = pool_acquire;
    base->release_buffer = pool_release;
}

static void picture_pool_init(PicturePool *pool)
{
}

/* Answers the decoder's question for memory. Without GstVideoMeta and without a largest number, or
 * the decoder would copy once more, or replace the pool. */
static GstPadProbeReturn on_query(GstPad *pad, GstPadProbeInfo *probe, gpointer data)
{
    Chain *chain = data;
    GstQuery *query = GST_PAD_PROBE_INFO_QUERY(probe);
    GstCaps *caps = NULL;
    GstVideoInfo info;
    if (GST_QUERY_TYPE(query) != GST_QUERY_ALLOCATION)
        return GST_PAD_PROBE_OK;
    gst_query_parse_allocation(query, &caps, NULL);
    if (!caps || !gst_video_info_from_caps(&info, caps))
        return GST_PAD_PROBE_OK;
    if (chain->pool) /* the size has changed */
        gst_object_unref(chain->pool);
    chain->pool = g_object_new(picture_pool_get_type(), NULL);
    chain->pool->chain = chain;
    gst_query_add_allocation_pool(query, GST_BUFFER_POOL(chain->pool), (guint)info.size, 0, 0);
    return GST_PAD_PROBE_HANDLED;
}

/* ---- pictures ----------------------------------------------------------------------------------
 */

/* Running time is time in the clip: edit lists and B-frames shift the stamps, segments shift back.
 */
static int64_t clip_time(GstSample *sample, GstClockTime stamp)
{
    const GstSegment *segment = gst_sample_get_segment(sample);
    guint64 time = gst_segment_to_running_time(segment, GST_FORMAT_TIME, stamp);
    return time == GST_CLOCK_TIME_NONE ? -1 : (int64_t)time;
}

static int64_t grid_index(const GstVideoInfo *info, int64_t pts_ns)
{
    return (int64_t)gst_util_uint64_scale_round((guint64)pts_ns, (guint64)info->fps_n,
                                                (guint64)info->fps_d * GST_SECOND);
}

static void describe_colour(const GstVideoInfo *info, ChainPicture *picture)
{
    picture->matrix = info->colorimetry.matrix == GST_VIDEO_COLOR_MATRIX_BT709 ? RING_MATRIX_BT709
                                                                               : RING_MATRIX_BT601;
    picture->range = info->colorimetry.range == GST_VIDEO_COLOR_RANGE_0_255 ? RING_RANGE_FULL
                                                                            : RING_RANGE_LIMITED;
}

/* A picture an hour to a thousand a second; what claims more or less has no rate: its pictures are
 * counted. */
static bool has_rate(const GstVideoInfo *info)
{
    return info->fps_n > 0 && info->fps_d > 0 && info->fps_d / info->fps_n < 3600 &&
           info->fps_n / info->fps_d < 1000;
}

static void count_picture(Chain *chain, const GstVideoInfo *info, bool is_corrupted)
{
    g_mutex_lock(&chain->lock);
    chain->facts.width = (uint32_t)info->width;
    chain->facts.height = (uint32_t)info->height;
    chain->facts.fps_n = has_rate(info) ? (uint32_t)info->fps_n : 0;
    chain->facts.fps_d = has_rate(info) ? (uint32_t)info->fps_d : 1;
    chain->facts.pictures++;
    chain->facts.corrupted += is_corrupted;
    g_mutex_unlock(&chain->lock);
}

static bool hand_over_picture(Chain *chain, GstSample *sample)
{
    GstVideoInfo info;
    GstVideoFrame frame;
    GstBuffer *buffer = gst_sample_get_buffer(sample);
    if (!gst_video_info_from_caps(&info, gst_sample_get_caps(sample)) ||
        !gst_video_frame_map(&frame, &info, buffer, GST_MAP_READ)) {
        fail(chain, CHAIN_ERROR_DECODE, "the decoder delivered no picture");
        return false;
    }
    int64_t time = clip_time(sample, GST_BUFFER_PTS(buffer));
    ChainPicture picture = {
        .index = chain->last_index + 1,
        .pts_ns = MAX(time, 0),
        .width = (uint32_t)info.width,
        .height = (uint32_t)info.height,
        .is_corrupted = GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_CORRUPTED),
    };
    if (has_rate(&info) && time >= 0)
        picture.index = MAX(picture.index, grid_index(&info, time));
    describe_colour(&info, &picture);
    for (unsigned plane = 0; plane < 3; plane++) {
        picture.planes[plane] = GST_VIDEO_FRAME_PLANE_DATA(&frame, plane);
        picture.strides[plane] = (uint32_t)GST_VIDEO_FRAME_PLANE_STRIDE(&frame, plane);
    }
    count_picture(chain, &info, picture.is_corrupted);
    bool is_taken = chain->hooks.on_picture(chain->hooks.owner, &picture);
    chain->last_index = picture.index;
    gst_video_frame_unmap(&frame);
    if (!is_taken)
        fail(chain, CHAIN_ERROR_REFUSED, "a picture is larger than the screen can take");
    return is_taken;
}

/* What the sinks call, in their streaming threads: no further thread takes turns with these. */
static GstFlowReturn on_picture_sample(GstAppSink *sink, gpointer data)
{
    g_autoptr(GstSample) sample = gst_app_sink_pull_sample(sink);
    return sample && hand_over_picture(data, sample) ? GST_FLOW_OK : GST_FLOW_FLUSHING;
}

static void on_pictures_end(GstAppSink *sink, gpointer data)
{
    close_branch(data);
}

/* ---- sound -------------------------------------------------------------------------------------
 */

static bool hand_over_sound(Chain *chain, GstSample *sample)
{
    GstBuffer *buffer = gst_sample_get_buffer(sample);
    GstMapInfo map;
    if (!gst_buffer_map(buffer, &map, GST_MAP_READ)) {
        fail(chain, CHAIN_ERROR_DECODE, "the decoder delivered no sound");
        return false;
    }
    size_t frames = map.size / (2 * sizeof(float));
    int64_t time = clip_time(sample, GST_BUFFER_PTS(buffer));
    bool is_taken = true;
    if (time >= 0 && frames > 0) {
        int64_t position =
            (int64_t)gst_util_uint64_scale_round((guint64)time, RING_SOUND_RATE, GST_SECOND);
        is_taken = chain->hooks.on_sound(chain->hooks.owner, position,
                                         (const float *)(void *)map.data, frames);
        g_mutex_lock(&chain->lock);
        chain->facts.samples = MAX(chain->facts.samples, position + (int64_t)frames);
        g_mutex_unlock(&chain->lock);
    }
    gst_buffer_unmap(buffer, &map);
    return is_taken;
}

static GstFlowReturn on_sound_sample(GstAppSink *sink, gpointer data)
{
    g_autoptr(GstSample) sample = gst_app_sink_pull_sample(sink);
    return sample && hand_over_sound(data, sample) ? GST_FLOW_OK : GST_FLOW_FLUSHING;
}

static void on_sound_end(GstAppSink *sink, gpointer data)
{
    Chain *chain = data;
    if (chain->hooks.on_sound_end)
        chain->hooks.on_sound_end(chain->hooks.owner);
    close_branch(chain);
}

/* ---- building ----------------------------------------------------------------------------------
 */

static GstElement *make_sink(const char *caps_text)
{
    GstElement *sink = gst_element_factory_make("appsink", NULL);
    g_autoptr(GstCaps) caps = gst_caps_from_string(caps_text);
    /* async=false: a branch may join while the others already play. */
    g_object_set(sink, "caps", caps, "sync", FALSE, "async", FALSE, "max-buffers", SINK_BUFFERS,
                 "drop", FALSE, "wait-on-eos", FALSE, "enable-last-sample", FALSE, "qos", FALSE,
                 NULL);
    return sink;
}

/* Puts the elements in a row behind `pad` and lets them play. NULL ends the list. */
static bool add_row(Chain *chain, GstPad *pad, GstElement *const *row)
{
    bool is_linked = true;
    for (size_t i = 0; row[i]; i++)
        (void)gst_bin_add(GST_BIN(chain->pipeline), row[i]);
    for (size_t i = 0; row[i] && row[i + 1]; i++)
        is_linked = is_linked && gst_element_link(row[i], row[i + 1]);
    /* Sinks first: whoever plays must find the next one playing. */
    size_t count = 0;
    while (row[count])
        count++;
    for (size_t i = count; i-- > 0;)
        (void)gst_element_sync_state_with_parent(row[i]);
    g_autoptr(GstPad) first = gst_element_get_static_pad(row[0], "sink");
    return is_linked && gst_pad_link(pad, first) == GST_PAD_LINK_OK;
}

static void open_branch(Chain *chain, bool is_video)
{
    g_mutex_lock(&chain->lock);
    chain->open_branches++;
    chain->facts.has_video |= is_video;
    chain->facts.has_audio |= !is_video;
    g_mutex_unlock(&chain->lock);
}

static GstElement *make_picture_sink(Chain *chain)
{
    GstElement *sink = make_sink("video/x-raw,format=I420");
    GstAppSinkCallbacks callbacks = {.new_sample = on_picture_sample, .eos = on_pictures_end};
    gst_app_sink_set_callbacks(GST_APP_SINK(sink), &callbacks, chain, NULL);
    g_autoptr(GstPad) pad = gst_element_get_static_pad(sink, "sink");
    if (chain->hooks.on_room)
        (void)gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_QUERY_DOWNSTREAM, on_query, chain, NULL);
    return sink;
}

#define SOUND_CAPS "audio/x-raw,format=F32LE,rate=48000,channels=2,layout=interleaved"

static GstElement *make_sound_sink(Chain *chain)
{
    GstElement *sink = make_sink(SOUND_CAPS);
    GstAppSinkCallbacks callbacks = {.new_sample = on_sound_sample, .eos = on_sound_end};
    gst_app_sink_set_callbacks(GST_APP_SINK(sink), &callbacks, chain, NULL);
    return sink;
}

static void add_video(Chain *chain, GstPad *pad)
{
    GstElement *queue = gst_element_factory_make("queue", NULL);
    GstElement *decoder = gst_element_factory_make("avdec_h264", NULL);
    g_object_set(queue, "max-size-buffers", VIDEO_QUEUE_BUFFERS, "max-size-bytes", READ_BYTES_MAX,
                 "max-size-time", G_GUINT64_CONSTANT(0), NULL);
    /* Direct rendering would copy each frame whose width is no multiple of 16 twice. */
    g_object_set(decoder, "max-threads", DECODER_THREADS, "direct-rendering", FALSE, NULL);
    GstElement *row[] = {queue, gst_element_factory_make("h264parse", NULL), decoder,
                         make_picture_sink(chain), NULL};
    chain->has_video_sink = true;
    open_branch(chain, true);
    if (!add_row(chain, pad, row))
        fail(chain, CHAIN_ERROR_UNSUPPORTED, "the video stream cannot be decoded");
}

static void add_audio(Chain *chain, GstPad *pad)
{
    GstElement *queue = gst_element_factory_make("queue", NULL);
    g_object_set(queue, "max-size-buffers", 0u, "max-size-time", AUDIO_QUEUE_NS, NULL);
    GstElement *row[] = {queue,
                         gst_element_factory_make("aacparse", NULL),
                         gst_element_factory_make("avdec_aac", NULL),
                         gst_element_factory_make("audioconvert", NULL),
                         gst_element_factory_make("audioresample", NULL),
                         make_sound_sink(chain),
                         NULL};
    chain->has_audio_sink = true;
    open_branch(chain, false);
    if (!add_row(chain, pad, row))
        fail(chain, CHAIN_ERROR_UNSUPPORTED, "the audio stream cannot be decoded");
}

/* The first stream of each kind counts; others stay unlinked, which the demuxer bears. */
static void on_pad_added(GstElement *demuxer, GstPad *pad, gpointer data)
{
    Chain *chain = data;
    g_autoptr(GstCaps) caps = gst_pad_get_current_caps(pad);
    if (!caps)
        return;
    const GstStructure *first = gst_caps_get_structure(caps, 0);
    int version = 0;
    if (gst_structure_has_name(first, "video/x-h264") && !chain->has_video_sink) {
        add_video(chain, pad);
    } else if (g_str_has_prefix(gst_structure_get_name(first), "video/") &&
               !chain->has_video_sink) {
        g_autofree char *text =
            g_strdup_printf("the video codec is '%s'", gst_structure_get_name(first));
        fail(chain, CHAIN_ERROR_UNSUPPORTED, text);
    } else if (gst_structure_has_name(first, "audio/mpeg") && !chain->has_audio_sink &&
               gst_structure_get_int(first, "mpegversion", &version) &&
               (version == 4 || version == 2)) {
        add_audio(chain, pad);
    }
}

static void on_no_more_pads(GstElement *demuxer, gpointer data)
{
    Chain *chain = data;
    g_mutex_lock(&chain->lock);
    chain->has_all_branches = true;
    g_mutex_unlock(&chain->lock);
    if (!chain->has_video_sink)
        fail(chain, CHAIN_ERROR_NO_VIDEO, "the file has no pictures");
    wake(chain);
}

static bool build_movie(Chain *chain)
{
    GstElement *source = make_source(chain);
    GstElement *demuxer = gst_element_factory_make("qtdemux", NULL);
    (void)g_signal_connect(demuxer, "pad-added", G_CALLBACK(on_pad_added), chain);
    (void)g_signal_connect(demuxer, "no-more-pads", G_CALLBACK(on_no_more_pads), chain);
    gst_bin_add_many(GST_BIN(chain->pipeline), source, demuxer, NULL);
    return gst_element_link(source, demuxer);
}

static bool build_sound(Chain *chain)
{
    GstElement *sink = make_sound_sink(chain);
    GstElement *source = make_source(chain);
    GstElement *parser = gst_element_factory_make("wavparse", NULL);
    GstElement *converter = gst_element_factory_make("audioconvert", NULL);
    GstElement *resampler = gst_element_factory_make("audioresample", NULL);
    gst_bin_add_many(GST_BIN(chain->pipeline), source, parser, converter, resampler, sink, NULL);
    if (!gst_element_link_many(source, parser, converter, resampler, sink, NULL))
        return false;
    open_branch(chain, false);
    chain->has_all_branches = true;
    return true;
}

typedef enum FileKind {
    FILE_OTHER = 1,
    FILE_MOVIE,
    FILE_SOUND,
} FileKind;

static FileKind sniff(int fd)
{
    char head[12];
    if (pread(fd, head, sizeof head, 0) != (ssize_t)sizeof head)
        return FILE_OTHER;
    if (memcmp(head + 4, "ftyp", 4) == 0)
        return FILE_MOVIE;
    if (memcmp(head, "RIFF", 4) == 0 && memcmp(head + 8, "WAVE", 4) == 0)
        return FILE_SOUND;
    return FILE_OTHER;
}

static bool start(Chain *chain, FileKind kind, GError **error)
{
    chain->pipeline = gst_pipeline_new(NULL);
    g_autoptr(GstBus) bus = gst_element_get_bus(chain->pipeline);
    gst_bus_set_sync_handler(bus, on_message, chain, NULL);
    /* Nothing here waits for a time. */
    gst_pipeline_use_clock(GST_PIPELINE(chain->pipeline), NULL);
    bool is_built = kind == FILE_MOVIE ? build_movie(chain) : build_sound(chain);
    if (is_built)
        (void)gst_element_set_state(chain->pipeline, GST_STATE_PLAYING);
    else
        g_set_error(error, CHAIN_ERROR, CHAIN_ERROR_PLUGIN, "the chain cannot be built");
    return is_built;
}

Chain *chain_new(int fd, const ChainHooks *hooks, GError **error)
{
    g_autoptr(Chain) chain = g_new0(Chain, 1);
    struct stat about;
    chain->fd = fd;
    chain->hooks = *hooks;
    chain->last_index = -1;
    chain->facts.fps_d = 1;
    g_mutex_init(&chain->lock);
    chain->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (chain->event_fd < 0 || fstat(fd, &about) != 0 || !S_ISREG(about.st_mode)) {
        g_set_error(error, CHAIN_ERROR, CHAIN_ERROR_READ, "this is not a file that can be read");
        return NULL;
    }
    chain->size_bytes = about.st_size;
    FileKind kind = sniff(fd);
    if (kind == FILE_OTHER) {
        g_set_error(error, CHAIN_ERROR, CHAIN_ERROR_NOT_MEDIA,
                    "this is neither an MP4 nor a WAV file");
        return NULL;
    }
    return start(chain, kind, error) ? g_steal_pointer(&chain) : NULL;
}

void chain_free(Chain *chain)
{
    if (!chain)
        return;
    g_mutex_lock(&chain->lock);
    chain->is_stopping = true;
    g_mutex_unlock(&chain->lock);
    if (chain->pipeline)
        (void)gst_element_set_state(chain->pipeline, GST_STATE_NULL);
    if (chain->pipeline)
        gst_object_unref(chain->pipeline);
    if (chain->pool)
        gst_object_unref(chain->pool);
    if (chain->event_fd >= 0)
        (void)close(chain->event_fd);
    (void)close(chain->fd);
    g_clear_error(&chain->failure);
    g_mutex_clear(&chain->lock);
    g_free(chain);
}
