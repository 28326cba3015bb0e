// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Serambi authors
//
// Captions beside the video: a list of cues with their times, set at the playhead by key, seen over
// the picture while they are written.

import { bdi, fill, h, set } from '../core/dom.js';
import { field, select } from '../core/form.js';
import { LANGUAGES, directionOf } from '../core/words.js';

const NEW_MILLISECONDS = 2000;
const LEAST_MILLISECONDS = 100;
const WAIVERS = ['no_speech', 'music_only', 'sign_language', 'captions_in_picture'];

/** 61500 is "1:01.500". */
export function showTime(ms) {
  const minutes = Math.floor(ms / 60000);
  return `${minutes}:${String(Math.floor(ms / 1000) % 60).padStart(2, '0')}.${String(ms % 1000).padStart(3, '0')}`;
}

/** "1:01.5", "0:01:01,500" or "61.5" in milliseconds; null when it is no time. */
export function readTime(text) {
  const parts = text.trim().replace(',', '.').split(':');
  if (parts.length > 3 || !parts.every((part, at) => (at === parts.length - 1 ? /^\d+(\.\d{1,3})?$/ : /^\d+$/).test(part))) return null;
  return Math.round(parts.reduce((sum, part) => sum * 60 + Number(part), 0) * 1000);
}

/** What a failed request says, with the line of the file where it is known. */
function explain(t, error) {
  const line = /^line (\d+):/.exec(error.message ?? '')?.[1];
  return error.code?.startsWith('captions.') && line ? t('captions.at_line', { line: Number(line), text: t.message(error) }) : t.message(error);
}

/** Opens the editor for a tutorial of the staff's list; resolves when it is closed. */
export function editCaptions(app, item) {
  return new Editor(app, item).open();
}

class Editor {
  constructor(app, item) {
    this.app = app;
    this.item = item;
    this.cues = [];
    this.current = 0;
    this.isChanged = false;
  }

  async open() {
    const { t, pick, language } = this.app;
    this.film = h('video', {
      controls: true, preload: 'metadata', playsinline: true, src: `/media/${this.item.media}.mp4`,
      poster: this.item.poster ? `/media/${this.item.poster}.jpg` : null, 'aria-label': t('captions.film'),
    });
    this.track = this.film.addTextTrack('captions');
    this.track.mode = 'showing';
    const first = Object.keys(this.item.captions ?? {});
    this.language = select(LANGUAGES.map((code) => [code, t.languageName(code)]), first.includes(language) ? language : first[0] ?? language, () => this.change());
    this.shownLanguage = this.language.value;
    this.file = h('input', { type: 'file', accept: '.vtt,.srt,text/vtt', onchange: () => this.readFile() });
    this.rows = h('ol', { class: 'rows cues' });
    this.note = h('div', { role: 'status', class: 'small' });
    const button = (key, act, kind = 'quiet') => h('button', { type: 'button', class: kind, onclick: act }, t(key));
    const waiver = select([['', t('waiver.none')], ...WAIVERS.map((code) => [code, t(`waiver.${code}`)])],
      WAIVERS.includes(this.item.waiver) ? this.item.waiver : '', () => this.waive(waiver.value || null));
    this.dialog = h('dialog', { 'aria-labelledby': 'captions-title', class: 'wide', onkeydown: (event) => this.onKey(event) },
      h('h2', { id: 'captions-title' }, t('captions.heading'), ' ', bdi(pick(this.item.title).text || this.item.filename)),
      h('div', { class: 'stack' }, this.film,
        h('div', { class: 'tools' }, field({ label: t('captions.language'), control: this.language }),
          field({ label: t('captions.file'), control: this.file }), field({ label: t('waiver.label'), control: waiver })),
        h('p', { class: 'small quietly' }, t('captions.keys')),
        h('div', { class: 'actions' }, button('captions.play', () => this.play()), button('captions.add', () => this.add()),
          button('captions.split', () => this.split()), button('captions.merge', () => this.merge())),
        this.rows, this.note,
        h('div', { class: 'actions' }, button('captions.save', () => this.save(), 'primary'), button('captions.vtt', () => this.download('vtt')),
          button('captions.srt', () => this.download('srt')), button('captions.remove', () => this.remove(), 'quiet danger'), button('captions.close', () => this.close()))));
    this.dialog.addEventListener('cancel', (event) => {
      event.preventDefault();
      this.close();
    });
    document.body.append(this.dialog);
    this.dialog.showModal();
    const closed = new Promise((resolve) => {
      this.dialog.addEventListener('close', () => {
        this.dialog.remove();
        resolve();
      });
    });
    await this.load();
    await closed;
  }

  /** What is kept in the chosen language. */
  async load() {
    const hash = this.item.cues?.[this.language.value];
    this.cues = [];
    if (hash) {
      try {
        this.cues = (await (await fetch(`/media/${hash}.json`)).json()).cues.map((cue) => ({ ...cue, text: cue.markup ?? cue.text }));
      } catch {
        fill(this.note, h('p', { class: 'problem' }, this.app.t('error.offline')));
      }
    }
    this.isChanged = false;
    this.show(0);
  }

  async mayLose() {
    const { t, confirm } = this.app;
    return !this.isChanged || confirm({ title: t('captions.lose'), action: t('captions.lose.yes'), danger: true });
  }

  async change() {
    if (await this.mayLose()) {
      this.shownLanguage = this.language.value;
      fill(this.note);
      await this.load();
    } else {
      this.language.value = this.shownLanguage;
    }
  }

  async close() {
    if (await this.mayLose()) this.dialog.close();
  }

  get now() {
    return Math.round(this.film.currentTime * 1000);
  }

  play() {
    if (this.film.paused) this.film.play().catch(() => {});
    else this.film.pause();
  }

  /** Draws the list anew and puts the focus into the text of one cue. */
  show(focus = this.current) {
    this.current = Math.max(0, Math.min(focus, this.cues.length - 1));
    fill(this.rows, this.cues.map((cue, at) => this.row(cue, at)));
    this.preview();
    this.rows.querySelectorAll('textarea')[this.current]?.focus();
  }

  row(cue, at) {
    const { t } = this.app;
    const code = this.language.value;
    const n = at + 1;
    const time = (key, name) => {
      const box = set(h('input', { inputmode: 'decimal', size: 9, dir: 'ltr', 'aria-label': t(`captions.${name}`, { n }) }), { value: showTime(cue[key]) });
      box.addEventListener('change', () => {
        const ms = readTime(box.value);
        if (ms !== null) this.setTime(cue, key, ms);
        box.value = showTime(cue[key]);
      });
      return [box, h('button', {
        type: 'button', class: 'quiet', 'aria-label': t(`captions.${name}_here`, { n }), onclick: () => {
          this.setTime(cue, key, this.now);
          box.value = showTime(cue[key]);
        },
      }, t('captions.here'))];
    };
    const text = set(h('textarea', { rows: 2, lang: code, dir: directionOf(code), maxlength: 1000, 'aria-label': t('captions.text', { n }) }), { value: cue.text });
    text.addEventListener('input', () => {
      cue.text = text.value;
      this.touch();
    });
    return h('li', { onfocusin: () => { this.current = at; } },
      h('div', { class: 'grow' }, h('div', { class: 'tools' }, time('start_ms', 'start'), time('end_ms', 'end'),
        h('button', { type: 'button', class: 'quiet', onclick: () => this.listen(cue) }, t('captions.listen', { n })),
        h('button', {
          type: 'button', class: 'quiet danger', 'aria-label': t('captions.drop', { n }), onclick: () => {
            this.cues.splice(at, 1);
            this.touch();
            this.show(at);
          },
        }, t('remove'))), text));
  }

  setTime(cue, key, ms) {
    cue[key] = ms;
    if (cue.end_ms < cue.start_ms) {
      if (key === 'start_ms') cue.end_ms = cue.start_ms + LEAST_MILLISECONDS;
      else cue.end_ms = cue.start_ms;
    }
    this.touch();
  }

  listen(cue) {
    this.film.currentTime = cue.start_ms / 1000;
    this.film.play().catch(() => {});
  }

  touch() {
    this.isChanged = true;
    this.preview();
  }

  /** The captions as they stand now, over the picture. */
  preview() {
    for (const old of [...(this.track.cues ?? [])]) this.track.removeCue(old);
    for (const cue of this.cues) {
      if (cue.end_ms > cue.start_ms) this.track.addCue(new VTTCue(cue.start_ms / 1000, cue.end_ms / 1000, cue.text));
    }
  }

  add() {
    const start = this.now;
    const cue = { start_ms: start, end_ms: start + NEW_MILLISECONDS, text: '' };
    const at = this.cues.findIndex((other) => other.start_ms > start);
    const place = at < 0 ? this.cues.length : at;
    this.cues.splice(place, 0, cue);
    this.touch();
    this.show(place);
  }

  /** In two at the cursor, in time at the playhead where that lies inside. */
  split() {
    const cue = this.cues[this.current];
    if (!cue) return;
    const box = this.rows.querySelectorAll('textarea')[this.current];
    const cut = box.selectionStart > 0 && box.selectionStart < cue.text.length ? box.selectionStart : Math.ceil(cue.text.length / 2);
    const isInside = this.now > cue.start_ms && this.now < cue.end_ms;
    const middle = isInside ? this.now : Math.round((cue.start_ms + cue.end_ms) / 2);
    this.cues.splice(this.current, 1, { ...cue, end_ms: middle, text: cue.text.slice(0, cut).trim() },
      { ...cue, start_ms: middle, text: cue.text.slice(cut).trim() });
    this.touch();
    this.show(this.current + 1);
  }

  /** With the next one. */
  merge() {
    const [cue, next] = this.cues.slice(this.current, this.current + 2);
    if (!next) return;
    this.cues.splice(this.current, 2, { ...cue, end_ms: Math.max(cue.end_ms, next.end_ms), text: `${cue.text}\n${next.text}`.trim() });
    this.touch();
    this.show(this.current);
  }

  onKey(event) {
    if (!event.altKey || event.ctrlKey || event.metaKey) return;
    const cue = this.cues[this.current];
    const mark = (key) => cue && (this.setTime(cue, key, this.now), this.show());
    const act = {
      KeyP: () => this.play(), KeyI: () => mark('start_ms'), KeyO: () => mark('end_ms'), KeyN: () => this.add(),
      KeyS: () => this.split(), KeyM: () => this.merge(),
      ArrowUp: () => this.show(this.current - 1), ArrowDown: () => this.show(this.current + 1),
    }[event.code];
    if (!act) return;
    event.preventDefault();
    act();
  }

  get body() {
    return { cues: this.cues.map(({ start_ms, end_ms, text, settings }) => ({
      start_ms, end_ms, settings: settings ?? '', [/<\/?[biuv][ >]/.test(text) ? 'markup' : 'text']: text,
    })) };
  }

  warn(warnings) {
    const { t } = this.app;
    fill(this.note, h('p', {}, warnings.length > 0 ? t('captions.warned') : t('captions.good')),
      warnings.length > 0 && h('ul', {}, warnings.map(({ code, cue }) => h('li', {}, h('button', {
        type: 'button', class: 'quiet', onclick: () => this.show(cue - 1),
      }, t(`warning.${code}`, { n: cue }))))));
  }

  failed(error) {
    fill(this.note, h('p', { class: 'problem' }, explain(this.app.t, error)));
  }

  async readFile() {
    const file = this.file.files[0];
    if (!file || !(await this.mayLose())) return;
    try {
      const { cues, warnings } = await this.app.api('POST', 'tutorials/captions/check', { text: await file.text(), duration_us: this.item.duration_us });
      this.cues = cues.map((cue) => ({ ...cue, text: cue.markup ?? cue.text }));
      this.touch();
      this.show(0);
      this.warn(warnings);
    } catch (error) {
      this.failed(error);
    }
    this.file.value = '';
  }

  async save() {
    const { api } = this.app;
    const code = this.language.value;
    try {
      this.cues.sort((a, b) => a.start_ms - b.start_ms);
      const { tutorial, warnings } = await api('POST', `tutorials/${this.item.id}/captions/${code}`, this.body);
      Object.assign(this.item, tutorial);
      this.isChanged = false;
      this.show();
      this.warn(warnings);
    } catch (error) {
      this.failed(error);
    }
  }

  async remove() {
    const { t, api, confirm } = this.app;
    const code = this.language.value;
    if (!(await confirm({ title: t('captions.remove.ask', { language: t.languageName(code) }), action: t('captions.remove'), danger: true }))) return;
    try {
      Object.assign(this.item, await api('DELETE', `tutorials/${this.item.id}/captions/${code}`));
      await this.load();
    } catch (error) {
      this.failed(error);
    }
  }

  async waive(waiver) {
    try {
      Object.assign(this.item, await this.app.api('POST', `tutorials/${this.item.id}/waiver`, { waiver }));
    } catch (error) {
      this.failed(error);
    }
  }

  download(format) {
    if (this.item.captions?.[this.language.value]) {
      h('a', { href: `/api/tutorials/${this.item.id}/captions/${this.language.value}?format=${format}`, download: `${this.item.id}-${this.language.value}.${format}` }).click();
    }
  }
}
