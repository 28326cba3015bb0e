/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The mixer: the one place that knows SDL's audio. Clips, speech and chime meet here, each at its
 * own time; the programme gives way to who speaks. It works without a device: then nobody hears it,
 * and all else goes on. */
#pragma once
#include "media/deck.h"
#include "media/screen/errand.h"
#include "media/screen/sound.h"

typedef struct Mixer Mixer;
typedef struct MixerVoice MixerVoice;

typedef enum { MIXER_PROGRAMME = 1, MIXER_SPEECH, MIXER_CHIME } MixerBus;

#define MIXER_BLOCK           480 /* stereo samples: 10 ms */
#define MIXER_VOICES          16
#define MIXER_DUCK_GAIN       0.2511886f /* -12 dB */
#define MIXER_DUCK_ATTACK_MS  80
#define MIXER_DUCK_RELEASE_MS 600
#define MIXER_DUCK_HOLD_MS    600 /* a pause between sentences is shorter */
#define MIXER_FADE_MS         5 /* where a voice begins or ends in the middle */

/* delay_us: how much later than assumed the sound leaves the loudspeaker. Main thread, as all here
 * but mixer_render(). */
Mixer *mixer_new(int64_t delay_us);
/* Closes the device; voices and their decks are free afterwards. After errands_stop(). */
void mixer_free(Mixer *mixer);

/* Opens the device, in a helper thread, now and again when it was lost. */
void mixer_use_device(Mixer *mixer, Errands *errands);
/* At each turn: opens and closes, and plays to nobody while there is no device. */
void mixer_tick(Mixer *mixer, int64_t monotonic_us);
/* The devices changed. */
void mixer_devices_changed(Mixer *mixer);
bool mixer_has_device(const Mixer *mixer);
void mixer_set_volume(Mixer *mixer, int percent);

/* A voice begins at start_us of CLOCK_MONOTONIC; where that is past, in its middle. NULL when all
 * voices are taken. Sound: own reference. Deck: borrowed until the voice is done; the deck's audio
 * belongs to the mixer so long. */
MixerVoice *mixer_play_sound(Mixer *mixer, MixerBus bus, Sound *sound, int64_t start_us,
                             double gain_db);
MixerVoice *mixer_play_deck(Mixer *mixer, Deck *deck, int64_t start_us, double gain_db);
void mixer_move(MixerVoice *voice, int64_t start_us);
void mixer_stop(MixerVoice *voice); /* fades out, then is done */
/* The last sample is the one before end_us of CLOCK_MONOTONIC, to the sample: a voice of the
 * programme that begins then joins without a gap or an overlap. fades: it ends in its middle,
 * softly; else sharply, for it is over. INT64_MAX takes an end back. */
void mixer_end(MixerVoice *voice, int64_t end_us, bool fades);
bool mixer_is_done(const MixerVoice *voice);
void mixer_release(MixerVoice *voice); /* a done voice may be used again */

/* The heart, as the device calls it: the next frames stereo samples, of which the first leaves the
 * loudspeaker at block_us of CLOCK_MONOTONIC. One thread at a time; no lock, no allocation. frames
 * is at most MIXER_BLOCK. */
void mixer_render(Mixer *mixer, float *stereo, size_t frames, int64_t block_us);
