/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The mixer. The main thread and the audio thread share only the voices' states: a slot belongs to
 * the main thread while FREE or DONE, to the audio thread otherwise. */
#include "media/screen/mixer.h"
#include "media/screen/limiter.h"
#include "media/screen/timeline.h"
#include <SDL.h>
#include <math.h>
#include <stdatomic.h>
#include <string.h>

#define SAMPLES_PER_MS (SOUND_RATE / 1000)
/* A voice this far off its time is led back by one sample a block, which nobody hears; farther off
 * than the other it jumps. */
#define SLIP_SAMPLES 96
#define JUMP_SAMPLES 4800
/* A device that asked for nothing so long is lost. */
#define SILENT_DEVICE_US (2 * G_USEC_PER_SEC)
/* How soon a device is looked for again; while there is none ever more rarely: each look writes
 * lines of ALSA's own into the log. */
#define REOPEN_US     (5 * G_USEC_PER_SEC)
#define REOPEN_MAX_US (40 * G_USEC_PER_SEC)
/* More than a device's block may wander, less than anybody would hear as missing. */
#define LIMITER_JUMP_US 5000
#define FAR_US          INT64_C(1000000000000)

typedef enum { VOICE_FREE = 0, VOICE_PLAYING, VOICE_STOPPING, VOICE_DONE } VoiceState;

struct MixerVoice {
    Mixer *mixer;
    atomic_int state; /* VoiceState */
    MixerBus bus;
    Sound *sound; /* or */
    Deck *deck;
    atomic_int_fast64_t start_us, end_us;
    atomic_bool fades; /* at its end */
    float gain;
    /* The audio thread's. */
    bool has_begun;
    int64_t position; /* the next sample */
    float fade;       /* 0 to 1 */
};

typedef enum { DEVICE_NONE = 1, DEVICE_OPENING, DEVICE_OPEN, DEVICE_CLOSING } DeviceState;

struct Mixer {
    MixerVoice voices[MIXER_VOICES];
    Errands *errands;
    DeviceState device_state;
    SDL_AudioDeviceID device;
    int64_t retry_us, pause_us;
    int64_t rendered_us; /* without a device: played to nobody up to here */
    int64_t delay_us;
    atomic_int_fast64_t called_us; /* when the device asked last */
    /* A device that hangs (a sound server that is stopped) may never finish closing, and may wake
     * up any time: while shut its thread touches nothing, and the main thread plays to nobody. */
    atomic_bool is_shut, is_inside;
    atomic_int volume_percent;
    /* The audio thread's. */
    int64_t block_us; /* estimate of when the next block is heard; 0: none */
    int64_t block_frames;
    float duck, volume;
    /* How many samples the programme is ahead of the clock, within the slip: who follows a clip
     * takes it over, so that the join is one of samples and not of clocks. */
    int64_t lead;
    bool has_programme; /* in this block */
    Limiter limiter;
    int64_t next_us; /* where the limiter's content ends */
    float scratch[(MIXER_BLOCK + 2) * 2];
};

Mixer *mixer_new(int64_t delay_us)
{
    Mixer *mixer = g_new0(Mixer, 1);
    for (size_t i = 0; i < MIXER_VOICES; i++)
        mixer->voices[i].mixer = mixer;
    mixer->device_state = DEVICE_NONE;
    mixer->delay_us = delay_us;
    mixer->duck = 1;
    mixer->volume = 1;
    mixer->next_us = INT64_MIN / 2;
    limiter_init(&mixer->limiter);
    atomic_store(&mixer->volume_percent, 100);
    return mixer;
}

/* --- Voices, main thread ---------------------------------------------------------------------- */

static MixerVoice *take_voice(Mixer *mixer, MixerBus bus, int64_t start_us, double gain_db)
{
    for (size_t i = 0; i < MIXER_VOICES; i++) {
        MixerVoice *voice = &mixer->voices[i];
        if (atomic_load(&voice->state) != VOICE_FREE)
            continue;
        voice->bus = bus;
        voice->sound = NULL;
        voice->deck = NULL;
        atomic_store(&voice->start_us, start_us);
        atomic_store(&voice->end_us, INT64_MAX);
        atomic_store(&voice->fades, false);
        voice->gain = (float)pow(10, CLAMP(gain_db, -60, 20) / 20);
        voice->has_begun = false;
        voice->position = 0;
        voice->fade = 1;
        return voice;
    }
    return NULL;
}

MixerVoice *mixer_play_sound(Mixer *mixer, MixerBus bus, Sound *sound, int64_t start_us,
                             double gain_db)
{
    MixerVoice *voice = take_voice(mixer, bus, start_us, gain_db);
    if (!voice)
        return NULL;
    voice->sound = sound_ref(sound);
    atomic_store(&voice->state, VOICE_PLAYING);
    return voice;
}

MixerVoice *mixer_play_deck(Mixer *mixer, Deck *deck, int64_t start_us, double gain_db)
{
    MixerVoice *voice = take_voice(mixer, MIXER_PROGRAMME, start_us, gain_db);
    if (!voice)
        return NULL;
    voice->deck = deck;
    atomic_store(&voice->state, VOICE_PLAYING);
    return voice;
}

void mixer_move(MixerVoice *voice, int64_t start_us)
{
    atomic_store(&voice->start_us, start_us);
}

void mixer_stop(MixerVoice *voice)
{
    int playing = VOICE_PLAYING;
    atomic_compare_exchange_strong(&voice->state, &playing, VOICE_STOPPING);
}

void mixer_end(MixerVoice *voice, int64_t end_us, bool fades)
{
    atomic_store(&voice->fades, fades);
    atomic_store(&voice->end_us, end_us);
}

bool mixer_is_done(const MixerVoice *voice)
{
    return atomic_load(&voice->state) == VOICE_DONE;
}

void mixer_release(MixerVoice *voice)
{
    g_assert(mixer_is_done(voice));
    g_clear_pointer(&voice->sound, sound_unref);
    voice->deck = NULL;
    atomic_store(&voice->state, VOICE_FREE);
}

void mixer_set_volume(Mixer *mixer, int percent)
{
    atomic_store(&mixer->volume_percent, CLAMP(percent, 0, 100));
}

/* --- Rendering, audio thread ------------------------------------------------------------------ */

/* Reads count samples from the voice's position as stereo; false: it is at its end. */
static bool voice_read(MixerVoice *voice, float *stereo, size_t count)
{
    if (voice->deck) {
        (void)deck_audio_read_at(voice->deck, voice->position, stereo, count);
        return true;
    }
    const Sound *sound = voice->sound;
    for (size_t i = 0; i < count; i++) {
        int64_t at = voice->position + (int64_t)i;
        float sample = at < (int64_t)sound->count ? sound->samples[at] : 0;
        stereo[2 * i] = stereo[2 * i + 1] = sample;
    }
    return voice->position + (int64_t)count < (int64_t)sound->count;
}

/* Lays count samples over wanted ones, one more or less: linear, the ends stay where they are. */
static void stretch(float *stereo, size_t count, size_t wanted)
{
    if (count == wanted || wanted < 2)
        return;
    float out[MIXER_BLOCK * 2];
    for (size_t i = 0; i < wanted; i++) {
        float at = (float)i * (float)(count - 1) / (float)(wanted - 1);
        size_t left = MIN((size_t)at, count - 2);
        float share = at - (float)left;
        for (size_t channel = 0; channel < 2; channel++)
            out[2 * i + channel] =
                stereo[2 * left + channel] * (1 - share) + stereo[2 * (left + 1) + channel] * share;
    }
    memcpy(stereo, out, wanted * 2 * sizeof(float));
}

/* A time as a number of samples. All times go through here: differences are then exact. */
static int64_t samples_at(int64_t us)
{
    return us / 1000 * SAMPLES_PER_MS + us % 1000 * SAMPLES_PER_MS / 1000;
}

/* How many samples the voice still has before its end; INT64_MAX: it has none yet. */
static int64_t samples_left(const MixerVoice *voice, int64_t start_us)
{
    int64_t end_us = atomic_load(&voice->end_us);
    if (end_us == INT64_MAX)
        return INT64_MAX;
    return MAX(samples_at(end_us) - samples_at(start_us) - voice->position, 0);
}

/* How many input samples this block takes, after leading the voice back to its time. */
static size_t follow_clock(MixerVoice *voice, int64_t due, size_t frames)
{
    int64_t off = due - voice->position;
    if (off > JUMP_SAMPLES || off < -JUMP_SAMPLES) {
        voice->position = MAX(due, 0);
        voice->fade = 0;
        return frames;
    }
    if (off > SLIP_SAMPLES)
        return frames + 1;
    return off < -SLIP_SAMPLES && frames > 2 ? frames - 1 : frames;
}

/* Adds one voice to the sum; the equal-power fade keeps beginnings and ends without a click. */
static void voice_mix(Mixer *mixer, MixerVoice *voice, float *sum, size_t frames, int64_t block_us)
{
    int state = atomic_load(&voice->state);
    if (state == VOICE_FREE || state == VOICE_DONE)
        return;
    /* Farther off than this it only matters that it is far. */
    int64_t start_us = CLAMP(atomic_load(&voice->start_us), block_us - FAR_US, block_us + FAR_US);
    int64_t due = samples_at(block_us) - samples_at(start_us);
    bool is_programme = voice->bus == MIXER_PROGRAMME;
    bool is_stopping = state == VOICE_STOPPING;
    size_t skip = 0; /* of this block, before the voice begins */
    if (!voice->has_begun) {
        if (is_stopping) {
            atomic_store(&voice->state, VOICE_DONE);
            return;
        }
        due += is_programme ? mixer->lead : 0;
        if (due + (int64_t)frames <= 0)
            return;
        voice->has_begun = true;
        voice->position = MAX(due, 0);
        voice->fade = due > 0 ? 0 : 1;
        skip = due < 0 ? (size_t)-due : 0;
    }
    size_t wanted = frames - skip;
    int64_t left = samples_left(voice, start_us);
    bool is_last = left <= (int64_t)wanted;
    size_t count = skip || is_last ? wanted : follow_clock(voice, due, wanted);
    if (is_programme && !skip) {
        mixer->lead = CLAMP(voice->position - due, -JUMP_SAMPLES, JUMP_SAMPLES);
        mixer->has_programme = true;
    }
    bool goes_on = voice_read(voice, mixer->scratch, count);
    voice->position += (int64_t)count;
    stretch(mixer->scratch, count, wanted);
    const float step = 1.0f / (MIXER_FADE_MS * SAMPLES_PER_MS);
    bool fades = atomic_load(&voice->fades);
    for (size_t i = 0; i < wanted && (int64_t)i < left; i++) {
        voice->fade = CLAMP(voice->fade + (is_stopping ? -step : step), 0, 1);
        float gain = voice->gain * (voice->fade < 1 ? sinf(voice->fade * (float)G_PI_2) : 1);
        float rest = (float)(left - (int64_t)i) * step;
        if (fades && rest < 1)
            gain *= sinf(rest * (float)G_PI_2);
        if (is_programme)
            gain *= sum[2 * MIXER_BLOCK + skip + i];
        sum[2 * (skip + i)] += mixer->scratch[2 * i] * gain;
        sum[2 * (skip + i) + 1] += mixer->scratch[2 * i + 1] * gain;
    }
    if (!goes_on || is_last || (is_stopping && voice->fade <= 0))
        atomic_store(&voice->state, VOICE_DONE);
}

/* Somebody speaks in this block, or begins so soon that the programme must give way now; where it
 * has already given way it does not come back for the pause between two sentences. */
static bool is_spoken_over(Mixer *mixer, int64_t block_us)
{
    int64_t ahead_ms = mixer->duck < 1 ? MIXER_DUCK_HOLD_MS : MIXER_DUCK_ATTACK_MS;
    for (size_t i = 0; i < MIXER_VOICES; i++) {
        MixerVoice *voice = &mixer->voices[i];
        int state = atomic_load(&voice->state);
        if (state == VOICE_PLAYING && voice->bus != MIXER_PROGRAMME &&
            atomic_load(&voice->start_us) <= block_us + ahead_ms * 1000)
            return true;
    }
    return false;
}

/* The sum of all voices at the volume, as it enters the limiter. */
static void mix(Mixer *mixer, float *stereo, size_t frames, int64_t block_us)
{
    /* Behind the sum lies the programme's gain for each sample of the block. */
    float sum[MIXER_BLOCK * 3];
    memset(sum, 0, MIXER_BLOCK * 2 * sizeof(float));
    float target = is_spoken_over(mixer, block_us) ? MIXER_DUCK_GAIN : 1;
    const float attack = (1 - MIXER_DUCK_GAIN) / (MIXER_DUCK_ATTACK_MS * SAMPLES_PER_MS);
    const float release = (1 - MIXER_DUCK_GAIN) / (MIXER_DUCK_RELEASE_MS * SAMPLES_PER_MS);
    for (size_t i = 0; i < frames; i++) {
        mixer->duck = target < mixer->duck ? MAX(mixer->duck - attack, target)
                                           : MIN(mixer->duck + release, target);
        sum[2 * MIXER_BLOCK + i] = mixer->duck;
    }
    mixer->has_programme = false;
    for (size_t i = 0; i < MIXER_VOICES; i++)
        voice_mix(mixer, &mixer->voices[i], sum, frames, block_us);
    if (!mixer->has_programme)
        mixer->lead = 0;
    float percent = (float)atomic_load(&mixer->volume_percent) / 100;
    float volume = percent * percent; /* ears hear ratios: half of the way is a quarter */
    const float step = 1.0f / (20 * SAMPLES_PER_MS);
    for (size_t i = 0; i < frames; i++) {
        mixer->volume += CLAMP(volume - mixer->volume, -step, step);
        stereo[2 * i] = sum[2 * i] * mixer->volume;
        stereo[2 * i + 1] = sum[2 * i + 1] * mixer->volume;
    }
}

void mixer_render(Mixer *mixer, float *stereo, size_t frames, int64_t block_us)
{
    g_assert(frames <= MIXER_BLOCK);
    /* The limiter gives back what went in earlier, so the voices are mixed so much ahead. Where
     * the time jumps, what it holds belongs to another moment: it is filled anew. */
    int64_t off_us = block_us - mixer->next_us;
    if (off_us > LIMITER_JUMP_US || off_us < -LIMITER_JUMP_US) {
        float first[LIMITER_AHEAD * 2];
        limiter_reset(&mixer->limiter);
        mix(mixer, first, LIMITER_AHEAD, block_us);
        limiter_run(&mixer->limiter, first, LIMITER_AHEAD);
    }
    mixer->next_us = block_us + (int64_t)frames * 1000 / SAMPLES_PER_MS;
    mix(mixer, stereo, frames, block_us + LIMITER_AHEAD * 1000 / SAMPLES_PER_MS);
    limiter_run(&mixer->limiter, stereo, frames);
}

/* --- The device ------------------------------------------------------------------------------- */

/* Calls come in uneven steps; what leaves the loudspeaker does not. */
static void SDLCALL on_device(void *data, Uint8 *bytes, int size)
{
    Mixer *mixer = data;
    atomic_store(&mixer->is_inside, true);
    if (atomic_load(&mixer->is_shut)) {
        memset(bytes, 0, (size_t)size);
        atomic_store(&mixer->is_inside, false);
        return;
    }
    float *stereo = (float *)(void *)bytes;
    size_t left = (size_t)size / (2 * sizeof(float));
    int64_t now_us = timeline_monotonic_us();
    atomic_store(&mixer->called_us, now_us);
    /* One buffer is being played while the next is asked for: this one is heard after it. */
    int64_t heard_us = now_us + mixer->block_frames * 1000 / SAMPLES_PER_MS + mixer->delay_us;
    int64_t off_us = heard_us - mixer->block_us;
    if (mixer->block_us == 0 || off_us > 60000 || off_us < -60000)
        mixer->block_us = heard_us;
    else
        mixer->block_us += off_us / 64;
    while (left > 0) {
        size_t frames = MIN(left, (size_t)MIXER_BLOCK);
        mixer_render(mixer, stereo, frames, mixer->block_us);
        mixer->block_us += (int64_t)frames * 1000 / SAMPLES_PER_MS;
        stereo += 2 * frames;
        left -= frames;
    }
    atomic_store(&mixer->is_inside, false);
}

typedef struct {
    Mixer *mixer;
    SDL_AudioDeviceID device; /* to close, then the opened one; 0: none */
    int buffer_frames;
} DeviceErrand;

static void open_device(void *data)
{
    DeviceErrand *errand = data;
    if (!SDL_WasInit(SDL_INIT_AUDIO) && SDL_InitSubSystem(SDL_INIT_AUDIO) != 0)
        return;
    SDL_AudioSpec wanted = {.freq = SOUND_RATE,
                            .format = AUDIO_F32SYS,
                            .channels = 2,
                            .samples = MIXER_BLOCK,
                            .callback = on_device,
                            .userdata = errand->mixer};
    SDL_AudioSpec got;
    errand->device = SDL_OpenAudioDevice(NULL, 0, &wanted, &got, 0);
    errand->buffer_frames = got.samples;
    /* SDL has chosen its driver once for all: the next time it shall look again, for the sound
     * server may come up after the screen. */
    if (errand->device == 0)
        SDL_QuitSubSystem(SDL_INIT_AUDIO);
}

static void on_opened(void *data)
{
    DeviceErrand *errand = data;
    Mixer *mixer = errand->mixer;
    if (errand->device == 0) {
        g_debug("no sound device: %s", SDL_GetError());
        mixer->device_state = DEVICE_NONE;
        mixer->pause_us = CLAMP(2 * mixer->pause_us, REOPEN_US, REOPEN_MAX_US);
        mixer->retry_us = timeline_monotonic_us() + mixer->pause_us;
        return;
    }
    mixer->device = errand->device;
    mixer->device_state = DEVICE_OPEN;
    mixer->pause_us = 0;
    mixer->block_frames = errand->buffer_frames;
    mixer->block_us = 0;
    atomic_store(&mixer->called_us, timeline_monotonic_us());
    errand->device = 0;
    atomic_store(&mixer->is_shut, false);
    SDL_PauseAudioDevice(mixer->device, 0);
}

/* Closes what the main thread did not take: it is still paused and calls nobody. */
static void device_errand_free(void *data)
{
    DeviceErrand *errand = data;
    if (errand->device)
        SDL_CloseAudioDevice(errand->device);
    g_free(errand);
}

static void close_device(void *data)
{
    DeviceErrand *errand = data;
    SDL_CloseAudioDevice(errand->device);
    errand->device = 0;
}

static void on_closed(void *data)
{
    DeviceErrand *errand = data;
    errand->mixer->device_state = DEVICE_NONE;
    errand->mixer->rendered_us = 0;
}

static void begin_opening(Mixer *mixer)
{
    mixer->device_state = DEVICE_OPENING;
    DeviceErrand *errand = g_new0(DeviceErrand, 1);
    errand->mixer = mixer;
    errands_run(mixer->errands, open_device, on_opened, errand, device_errand_free);
}

static void begin_closing(Mixer *mixer)
{
    mixer->device_state = DEVICE_CLOSING;
    atomic_store(&mixer->is_shut, true);
    mixer->rendered_us = 0;
    DeviceErrand *errand = g_new0(DeviceErrand, 1);
    errand->mixer = mixer;
    errand->device = mixer->device;
    mixer->device = 0;
    mixer->retry_us = timeline_monotonic_us() + REOPEN_US;
    errands_run(mixer->errands, close_device, on_closed, errand, device_errand_free);
}

void mixer_use_device(Mixer *mixer, Errands *errands)
{
    mixer->errands = errands;
    begin_opening(mixer);
}

bool mixer_has_device(const Mixer *mixer)
{
    return mixer->device_state == DEVICE_OPEN;
}

void mixer_devices_changed(Mixer *mixer)
{
    if (mixer->device_state == DEVICE_OPEN &&
        SDL_GetAudioDeviceStatus(mixer->device) != SDL_AUDIO_PLAYING)
        begin_closing(mixer);
    /* One came: no reason to wait. */
    mixer->retry_us = 0;
}

/* The voices go on while nobody listens: decks must not fill up, sentences must end. */
static void render_to_nobody(Mixer *mixer, int64_t monotonic_us)
{
    if (mixer->rendered_us == 0 || monotonic_us - mixer->rendered_us > G_USEC_PER_SEC)
        mixer->rendered_us = monotonic_us;
    float unheard[MIXER_BLOCK * 2];
    const int64_t block_us = MIXER_BLOCK * 1000 / SAMPLES_PER_MS;
    while (mixer->rendered_us + block_us <= monotonic_us) {
        mixer_render(mixer, unheard, MIXER_BLOCK, mixer->rendered_us);
        mixer->rendered_us += block_us;
    }
}

void mixer_tick(Mixer *mixer, int64_t monotonic_us)
{
    switch (mixer->device_state) {
    case DEVICE_OPEN:
        if (monotonic_us - atomic_load(&mixer->called_us) > SILENT_DEVICE_US)
            begin_closing(mixer);
        break;
    case DEVICE_CLOSING:
        if (!atomic_load(&mixer->is_inside))
            render_to_nobody(mixer, monotonic_us);
        break;
    case DEVICE_NONE:
        if (mixer->errands && monotonic_us >= mixer->retry_us)
            begin_opening(mixer);
        render_to_nobody(mixer, monotonic_us);
        break;
    case DEVICE_OPENING:
        render_to_nobody(mixer, monotonic_us);
        break;
    }
}

void mixer_free(Mixer *mixer)
{
    if (!mixer)
        return;
    if (mixer->device)
        SDL_CloseAudioDevice(mixer->device);
    for (size_t i = 0; i < MIXER_VOICES; i++)
        g_clear_pointer(&mixer->voices[i].sound, sound_unref);
    if (SDL_WasInit(SDL_INIT_AUDIO))
        SDL_QuitSubSystem(SDL_INIT_AUDIO);
    g_free(mixer);
}
