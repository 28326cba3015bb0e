/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Spoken sentences: made once by `serambi-media speak`, kept in a folder under the hash of what is
 * said and of the voice that says it. */
#pragma once
#include "media/screen/errand.h"
#include "media/screen/sound.h"

#define SPEECH_TEXT_MAX       500         /* bytes */
#define SPEECH_TIMEOUT_MS     10000       /* for one sentence */
#define SPEECH_FILES_MAX      512         /* kept sentences, and */
#define SPEECH_BYTES_MAX      (128 << 20) /* their size: beyond, those go that were used first */
#define SPEECH_RECORDINGS_MAX 4000        /* files that are looked at in a recorded voice */
/* Counts up when the worker's own voice changes: what was kept of the old one is not used. */
#define SPEECH_VOICE 2

typedef enum { SPEECH_ERROR_TEXT = 1, SPEECH_ERROR_WORKER } SpeechError;
#define SPEECH_ERROR (speech_error_quark())
GQuark speech_error_quark(void);

/* Speaks or reads the kept file; blocks, hence only in an errand. stop_fd readable: gives up. A
 * recorded voice lies beside the folder, in voices/<language>/; where that is, the worker says with
 * it what it can. */
Sound *speech_make(const char *worker, const char *folder, const char *language, const char *text,
                   int stop_fd, GError **error);
