// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Serambi authors
//
// Somebody's own voice for the slide at the cursor: recorded, listened to, recorded anew, taken
// away. A file does as well, where there is no microphone or the browser may not use it.

import { h, say } from '../core/dom.js';
import { field } from '../core/form.js';

const LONGEST_MS = 180000; // As RECORDING_MAX_S of the worker.
const KINDS = [['audio/webm;codecs=opus', 'webm'], ['audio/mp4', 'm4a'], ['audio/ogg;codecs=opus', 'ogg']];

export class Recorder {
  #app;
  #onSound;
  #media = null;
  #timer = null;
  #player = h('audio', { controls: true, hidden: true });

  constructor(app, { onSound, onRemove }) {
    const { t } = app;
    this.#app = app;
    this.#onSound = onSound;
    this.about = h('p', { class: 'small' });
    this.record = h('button', { type: 'button', class: 'quiet', onclick: () => (this.#media ? this.stop() : this.start()) }, t('recording.start'));
    this.remove = h('button', { type: 'button', class: 'quiet danger', hidden: true, onclick: onRemove }, t('recording.remove'));
    this.note = h('p', { class: 'small', role: 'status' });
    const file = h('input', {
      type: 'file', accept: 'audio/*', onchange: () => {
        if (file.files[0]) onSound(file.files[0]);
        file.value = '';
      },
    });
    this.#player.setAttribute('aria-label', t('recording.listen'));
    // Browsers give the microphone to pages of https and of this very machine only.
    this.mayRecord = globalThis.isSecureContext && Boolean(navigator.mediaDevices?.getUserMedia) && Boolean(globalThis.MediaRecorder);
    this.node = h('fieldset', { class: 'field' }, h('legend', {}, t('recording')), this.about,
      this.mayRecord ? h('div', { class: 'actions' }, this.record, this.remove) : [h('p', { class: 'problem' }, t('recording.insecure')), this.remove],
      this.#player, field({ label: t('recording.file'), control: file }), this.note);
  }

  /** The slide at the cursor: {at, recording, says, hash}; null: none. */
  of(slide) {
    const { t } = this.#app;
    say(this.about, !slide ? t('recording.no_slide') : t(slide.recording ? 'recording.own' : 'recording.synthetic', { n: slide.at }));
    this.remove.hidden = !slide?.recording;
    this.record.disabled = !slide && !this.#media;
    if (!this.#media) say(this.record, t(slide?.recording ? 'recording.again' : 'recording.start'));
    const source = slide?.hash ? `/media/${slide.hash}.flac` : null;
    this.#player.hidden = !source;
    if (source && this.#player.getAttribute('src') !== source) this.#player.src = source;
  }

  async start() {
    const { t } = this.#app;
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ audio: { channelCount: 1 } });
      const [type, ending] = KINDS.find(([kind]) => MediaRecorder.isTypeSupported(kind)) ?? ['', 'webm'];
      const pieces = [];
      this.#media = new MediaRecorder(stream, type ? { mimeType: type } : {});
      this.#media.ondataavailable = ({ data }) => pieces.push(data);
      this.#media.onstop = () => {
        for (const track of stream.getTracks()) track.stop();
        clearTimeout(this.#timer);
        this.#media = null;
        say(this.record, t('recording.again'));
        say(this.note, t('recording.done'));
        this.#onSound(new File([new Blob(pieces, { type })], `voice.${ending}`, { type }));
      };
      this.#media.start();
      this.#timer = setTimeout(() => this.stop(), LONGEST_MS);
      say(this.record, t('recording.stop'));
      say(this.note, t('recording.now'));
    } catch {
      this.#media = null;
      say(this.note, t('recording.refused'));
    }
  }

  stop() {
    if (this.#media?.state === 'recording') this.#media.stop();
  }
}
