/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The functions of core/plugin.h that the speaker calls, by mixer and worker. */
#include "tests/voice/studio.h"
#include "media/screen/speech.h"
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#define BLOCK_US   (MIXER_BLOCK * G_USEC_PER_SEC / SOUND_RATE)
#define BEHIND_US  INT64_C(1000000000) /* the mixer's clock begins at another time */
#define PATIENCE_S 1.0                 /* of silence, in which the programme comes back */

struct Serambi {
    Studio *studio;
};

struct SerambiClip {
    Studio *studio;
    MixerVoice *voice;
    SerambiClipEnd on_end;
    bool is_dropped;
    size_t end; /* the first sample after it */
};

struct Studio {
    Serambi self;
    Voice voice;
    Mixer *mixer;
    GArray *samples;
    GPtrArray *parts, *clips;
    json_t *words;
    Sound *chime;
    char *worker, *folder;
    size_t second; /* of the timers */
};

static int64_t now_us(const Studio *studio)
{
    return STUDIO_START_US + (int64_t)studio_now(studio) * 1000 / (SOUND_RATE / 1000);
}

/* --- core/plugin.h ---------------------------------------------------------------------------- */

void *serambi_state(Serambi *self)
{
    return &self->studio->voice;
}

int64_t serambi_now_us(Serambi *self)
{
    return now_us(self->studio);
}

void serambi_log(Serambi *self, int syslog_level, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    g_autofree char *text = g_strdup_vprintf(format, values);
    va_end(values);
    g_error("the voice complains: %s", text);
}

const char *serambi_word(Serambi *self, const char *language, const char *key)
{
    const char *word =
        json_string_value(json_object_get(json_object_get(self->studio->words, language), key));
    return word ? word : key;
}

static Sound *make_sound(Studio *studio, const char *source)
{
    if (!strcmp(source, "chime:call"))
        return sound_ref(studio->chime);
    g_auto(GStrv) words = g_strsplit(source, ":", 3);
    g_assert_cmpuint(g_strv_length(words), ==, 3);
    g_autoptr(GError) error = NULL;
    Sound *sound = speech_make(studio->worker, studio->folder, words[1], words[2], -1, &error);
    if (!sound)
        g_error("'%s': %s", source, error->message);
    return sound;
}

static void part_free(void *data)
{
    StudioPart *part = data;
    g_free(part->source);
    sound_unref(part->sound);
    g_free(part);
}

SerambiClip *serambi_clip_new(Serambi *self, const char *source, int64_t start_us, double gain_db,
                              SerambiClipEnd on_end)
{
    Studio *studio = self->studio;
    g_autoptr(Sound) sound = make_sound(studio, source);
    MixerBus bus = g_str_has_prefix(source, "chime:") ? MIXER_CHIME : MIXER_SPEECH;
    start_us = MAX(start_us, now_us(studio));
    SerambiClip *clip = g_new0(SerambiClip, 1);
    clip->studio = studio;
    clip->on_end = on_end;
    clip->voice = mixer_play_sound(studio->mixer, bus, sound,
                                   start_us - STUDIO_START_US + BEHIND_US, gain_db);
    g_assert_nonnull(clip->voice);
    g_ptr_array_add(studio->clips, clip);
    StudioPart *part = g_new0(StudioPart, 1);
    part->source = g_strdup(source);
    part->from = (size_t)((start_us - STUDIO_START_US) * (SOUND_RATE / 1000) / 1000);
    part->to = part->from + sound->count;
    part->sound = sound_ref(sound);
    part->gain = (float)pow(10, gain_db / 20);
    g_ptr_array_add(studio->parts, part);
    clip->end = part->to;
    return clip;
}

void serambi_clip_free(SerambiClip *clip)
{
    if (!clip)
        return;
    if (clip->voice)
        mixer_stop(clip->voice);
    clip->is_dropped = true;
    clip->end = 0;
}

/* --- The studio ------------------------------------------------------------------------------- */

static json_t *read_words(const char *folder)
{
    static const char *const languages[] = {"id", "en", "ar"};
    json_t *words = json_object();
    for (size_t i = 0; i < G_N_ELEMENTS(languages); i++) {
        g_autofree char *path = g_strdup_printf("%s/%s.json", folder, languages[i]);
        json_t *catalogue = json_load_file(path, 0, NULL);
        if (!catalogue)
            g_error("there is no catalogue '%s'", path);
        json_object_set_new(words, languages[i], catalogue);
    }
    return words;
}

Studio *studio_new(const char *worker, const char *words)
{
    Studio *studio = g_new0(Studio, 1);
    studio->self.studio = studio;
    studio->mixer = mixer_new(0);
    studio->samples = g_array_new(FALSE, FALSE, 2 * sizeof(float));
    studio->parts = g_ptr_array_new_with_free_func(part_free);
    studio->clips = g_ptr_array_new_with_free_func(g_free);
    studio->words = read_words(words);
    studio->chime = sound_chime();
    studio->worker = g_strdup(worker);
    studio->folder = g_dir_make_tmp("serambi-studio-XXXXXX", NULL);
    g_assert_nonnull(studio->folder);
    g_assert_true(speaker_start(&studio->self, NULL));
    studio_tell(studio, "voice:line", json_pack("{s:[]}", "line"));
    return studio;
}

void studio_free(Studio *studio)
{
    speaker_stop(&studio->self);
    mixer_free(studio->mixer);
    g_array_unref(studio->samples);
    g_ptr_array_unref(studio->parts);
    g_ptr_array_unref(studio->clips);
    json_decref(studio->words);
    sound_unref(studio->chime);
    g_autoptr(GDir) dir = g_dir_open(studio->folder, 0, NULL);
    for (const char *name; dir && (name = g_dir_read_name(dir));) {
        g_autofree char *path = g_build_filename(studio->folder, name, NULL);
        (void)g_unlink(path);
    }
    (void)g_rmdir(studio->folder);
    g_free(studio->folder);
    g_free(studio->worker);
    g_free(studio);
}

void studio_play(Studio *studio, Sound *programme)
{
    int64_t start_us = now_us(studio) - STUDIO_START_US + BEHIND_US;
    g_assert_nonnull(mixer_play_sound(studio->mixer, MIXER_PROGRAMME, programme, start_us, 0));
}

void studio_tell(Studio *studio, const char *channel, json_t *body)
{
    const SerambiWatch *watch = speaker_watches;
    while (watch->channel && strcmp(watch->channel, channel))
        watch++;
    g_assert_nonnull(watch->channel);
    watch->on_message(&studio->self, channel, body);
    json_decref(body);
}

void studio_call(Studio *studio, int number, const char *ticket, const char *counter)
{
    studio_tell(studio, "queue:calls",
                json_pack("{s:i, s:s, s:s, s:I, s:b}", "call", number, "ticket", ticket, "counter",
                          counter, "called_us", (json_int_t)now_us(studio), "recall", 0));
}

static void end_clips(Studio *studio)
{
    for (guint i = studio->clips->len; i-- > 0;) {
        SerambiClip *clip = g_ptr_array_index(studio->clips, i);
        /* The mixer is done with it some samples before the last one is heard. */
        if (!mixer_is_done(clip->voice) || studio_now(studio) < clip->end)
            continue;
        mixer_release(g_steal_pointer(&clip->voice));
        if (!clip->is_dropped)
            clip->on_end(&studio->self, clip, NULL); /* new ones go to the end */
        g_ptr_array_remove_index(studio->clips, i);
    }
}

static void run_block(Studio *studio)
{
    float stereo[2 * MIXER_BLOCK];
    mixer_render(studio->mixer, stereo, MIXER_BLOCK, now_us(studio) - STUDIO_START_US + BEHIND_US);
    g_array_append_vals(studio->samples, stereo, MIXER_BLOCK);
    end_clips(studio);
    size_t second = studio_now(studio) / SOUND_RATE;
    if (second != studio->second)
        speaker_timers[0].on_tick(&studio->self);
    studio->second = second;
}

void studio_run(Studio *studio, double seconds)
{
    for (size_t end = studio_now(studio) + (size_t)(seconds * SOUND_RATE);
         studio_now(studio) < end;)
        run_block(studio);
}

void studio_run_until_silent(Studio *studio, double seconds_max)
{
    size_t last = studio_now(studio) + (size_t)(seconds_max * SOUND_RATE);
    while (studio->clips->len > 0 && studio_now(studio) < last)
        run_block(studio);
    studio_run(studio, PATIENCE_S);
}

size_t studio_now(const Studio *studio)
{
    return studio->samples->len;
}

const GPtrArray *studio_parts(const Studio *studio)
{
    return studio->parts;
}

const float *studio_samples(const Studio *studio, size_t *ret_count)
{
    *ret_count = studio->samples->len;
    return (const float *)(void *)studio->samples->data;
}
