// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Serambi authors
//
// A tutorial written as text: the text, what is wrong with it and where, and the slide at the cursor
// as the film will show it. Every pause in typing keeps the text on the server; what could not be
// sent stays in this browser and goes when the line is back.

import { bdi, fill, h, memory, say, set } from '../core/dom.js';
import { field, select } from '../core/form.js';
import { Upload } from '../core/upload.js';
import { Recorder } from './storyboard_recorder.js';

const SAVE_MS = 1200;
const PREVIEW_MS = 350;
const AGAIN_MS = 1500;
const SAMPLES = ['borrow-a-book', 'renew-a-loan', 'return-a-book', 'search-the-catalogue', 'take-a-queue-number', 'house-rules'];

/** Opens the drafts of storyboards; resolves when closed. With a clip's id: the one that made it. */
export async function writeStoryboards(app, clip = null) {
  if (clip === null) return new Drafts(app).open();
  const draft = await app.api('GET', `tutorials/${clip}/storyboard`);
  return openEditor(app, draft.id);
}

/** A modal dialog; resolves when it is closed. */
function show(dialog, before) {
  dialog.addEventListener('cancel', (event) => {
    event.preventDefault();
    before();
  });
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve();
    });
  });
}

async function openEditor(app, id) {
  const draft = await app.api('GET', `tutorials/storyboards/${id}`);
  return new Editor(app, draft).open();
}

/** What a text is called in lists: its title in the page's language, else in its first. */
export function nameOf(text, language) {
  const head = /^\s*title\s*$([\s\S]*?)(?=^\s*(?:summary|slide|languages)\b|(?![\s\S]))/m.exec(text)?.[1] ?? '';
  const words = new Map([...head.matchAll(/^\s*([a-z]{2,3}):[ \t]*(.+)$/gm)].map(([, code, one]) => [code, one.trim()]));
  return (words.get(language) ?? [...words.values()][0] ?? '').slice(0, 120);
}

/** Where a line and column (from 1, in characters) are in a text of UTF-16. */
export function offsetOf(text, line, column) {
  const lines = text.split('\n');
  const start = lines.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0);
  return Math.min(text.length, start + [...(lines[line - 1] ?? '')].slice(0, column - 1).join('').length);
}

/** The line of an offset, from 1. */
export function lineOf(text, offset) {
  return text.slice(0, offset).split('\n').length;
}

/** Puts a line after the line of the slide at `line`, in the place of an older one of that word. */
export function setSlideLine(text, line, word, value) {
  const lines = text.split('\n');
  let first = Math.min(line, lines.length) - 1;
  while (first > 0 && !/^\s*slide\b/.test(lines[first])) first -= 1;
  if (!/^\s*slide\b/.test(lines[first])) return text;
  let end = first + 1;
  while (end < lines.length && !/^\s*slide\b/.test(lines[end])) end += 1;
  const kept = lines.slice(first + 1, end).filter((one) => !new RegExp(`^\\s*${word}\\b`).test(one));
  return [...lines.slice(0, first + 1), ...(value ? [`  ${word} ${value}`] : []), ...kept, ...lines.slice(end)].join('\n');
}

class Drafts {
  constructor(app) {
    this.app = app;
  }

  async open() {
    const { t } = this.app;
    this.rows = h('ul', { class: 'rows' });
    const start = select([['', t('storyboard.blank')], ...SAMPLES.map((name) => [name, t(`storyboard.sample.${name}`)])], SAMPLES[0]);
    this.dialog = h('dialog', { 'aria-labelledby': 'drafts-title', class: 'wide' },
      h('h2', { id: 'drafts-title' }, t('storyboard.heading')), h('p', {}, t('storyboard.text')),
      h('div', { class: 'tools' }, field({ label: t('storyboard.begin_with'), control: start }),
        h('button', { type: 'button', class: 'primary', onclick: () => this.begin(start.value) }, t('storyboard.begin'))),
      this.rows,
      h('div', { class: 'actions' }, h('button', { type: 'button', class: 'quiet', onclick: () => this.dialog.close() }, t('captions.close'))));
    const closed = show(this.dialog, () => this.dialog.close());
    await this.read();
    return closed;
  }

  async read() {
    const { t, api, fail } = this.app;
    try {
      const { storyboards } = await api('GET', 'tutorials/storyboards');
      fill(this.rows, storyboards.map((draft) => h('li', {},
        h('div', { class: 'grow' }, h('strong', {}, bdi(draft.name || t('storyboard.unnamed'))),
          h('p', { class: 'small quietly' }, t('storyboard.changed_at', { time: t.dateTime(draft.changed_us), who: draft.author }))),
        h('div', { class: 'actions' },
          h('button', { type: 'button', class: 'quiet', onclick: () => this.edit(draft.id) }, t('edit'), h('span', { class: 'unseen' }, draft.name)),
          h('button', { type: 'button', class: 'quiet danger', onclick: () => this.remove(draft) }, t('remove'), h('span', { class: 'unseen' }, draft.name))))));
    } catch (error) {
      fail(error);
    }
  }

  async begin(sample) {
    const { t, api, fail, language } = this.app;
    try {
      const text = sample ? await (await fetch(new URL(`${sample}.storyboard`, import.meta.url))).text() : t('storyboard.first');
      const { id } = await api('POST', 'tutorials/storyboards', { text, name: nameOf(text, language) });
      await this.edit(id);
    } catch (error) {
      fail(error);
    }
  }

  async edit(id) {
    await openEditor(this.app, id).catch(this.app.fail);
    if (this.dialog.isConnected) this.read();
  }

  async remove(draft) {
    const { t, api, fail, confirm } = this.app;
    if (!(await confirm({ title: t('storyboard.remove', { name: draft.name }), action: t('remove'), danger: true }))) return;
    await api('DELETE', `tutorials/storyboards/${draft.id}`).catch(fail);
    this.read();
  }
}

class Editor {
  constructor(app, draft) {
    this.app = app;
    this.draft = draft;
    this.version = draft.version;
    this.kept = draft.text; // What the server has.
    this.isSaving = false;
    this.isAsking = false;
    this.problems = [];
    this.slides = [];
  }

  get key() {
    return `storyboard.${this.draft.id}`;
  }

  get text() {
    return this.box.value;
  }

  get line() {
    return lineOf(this.text, this.box.selectionStart);
  }

  open() {
    const { t } = this.app;
    const left = memory.get(this.key);
    const text = left && left.version === this.version ? left.text : this.draft.text;
    this.box = set(h('textarea', { rows: 22, class: 'storyboard', dir: 'ltr', spellcheck: 'false', autocapitalize: 'off', autocomplete: 'off' }), { value: text });
    this.box.addEventListener('input', () => this.onInput());
    for (const type of ['keyup', 'click', 'focus']) this.box.addEventListener(type, () => this.onMove());
    this.count = h('p', { role: 'status', class: 'small' });
    this.list = h('ol', { class: 'rows problems' });
    this.picture = h('img', { class: 'slide', alt: t('storyboard.no_picture_yet'), hidden: true });
    this.about = h('p', { class: 'small quietly' });
    this.saved = h('p', { role: 'status', class: 'small quietly' });
    this.make = h('button', { type: 'button', class: 'primary', onclick: () => this.compose() }, t('storyboard.make'));
    this.work = h('div', {});
    const pictures = h('input', { type: 'file', accept: 'image/*', onchange: () => this.send(pictures, 'tutorials:picture') });
    this.recorder = new Recorder(this.app, {
      onSound: (file) => this.upload(file, 'tutorials:recording'),
      onRemove: () => this.replace(setSlideLine(this.text, this.line, 'recording', '')),
    });
    const textField = field({ label: t('storyboard.label'), control: this.box, hint: t('storyboard.hint') });
    this.field = textField;
    this.dialog = h('dialog', { 'aria-labelledby': 'storyboard-title', class: 'wide storyboard-editor' },
      h('h2', { id: 'storyboard-title' }, t('storyboard.editor')),
      h('div', { class: 'columns' },
        h('div', { class: 'stack' }, textField, this.count, this.list),
        h('div', { class: 'stack' }, this.picture, this.about,
          field({ label: t('storyboard.picture'), control: pictures }), this.recorder.node)),
      this.work, this.saved,
      h('div', { class: 'actions' }, this.make,
        h('button', { type: 'button', class: 'quiet', onclick: () => this.versions() }, t('storyboard.versions')),
        h('button', { type: 'button', class: 'quiet', onclick: () => this.close() }, t('captions.close'))));
    const closed = show(this.dialog, () => this.close());
    this.ends = [
      this.app.live.subscribe(`tutorials:storyboard.${this.draft.id}`, 'state', (value) => this.onFiles(value)),
      this.app.live.subscribe('tutorials:work', 'state', ({ items }) => this.onWork(items)),
    ];
    this.box.focus();
    this.box.setSelectionRange(0, 0);
    this.box.scrollTop = 0;
    if (text !== this.kept) this.onInput();
    this.preview();
    return closed;
  }

  async close() {
    clearTimeout(this.saveTimer);
    await this.save();
    clearTimeout(this.previewTimer);
    this.isClosed = true;
    this.recorder.stop();
    for (const end of this.ends) end();
    this.dialog.close();
  }

  // --- Keeping ---

  onInput() {
    memory.set(this.key, { text: this.text, version: this.version });
    say(this.saved, this.app.t('storyboard.saving'));
    clearTimeout(this.saveTimer);
    this.saveTimer = setTimeout(() => this.save(), SAVE_MS);
    this.later(PREVIEW_MS);
  }

  async save() {
    if (this.isSaving || this.text === this.kept) return;
    const { t, api, language } = this.app;
    const { text } = this;
    this.isSaving = true;
    try {
      const { version } = await api('POST', `tutorials/storyboards/${this.draft.id}`, { text, name: nameOf(text, language), version: this.version });
      this.version = version;
      this.kept = text;
      if (this.text === text) memory.set(this.key, null);
      else memory.set(this.key, { text: this.text, version });
      say(this.saved, t('storyboard.saved', { time: t.time(Date.now() * 1000) }));
    } catch (error) {
      say(this.saved, error.status === 0 ? t('storyboard.offline') : t.message(error));
      if (error.status === 0 && !this.isClosed) this.saveTimer = setTimeout(() => this.save(), 5 * SAVE_MS);
    }
    this.isSaving = false;
    if (this.text !== this.kept && this.text !== text && !this.isClosed) this.saveTimer = setTimeout(() => this.save(), SAVE_MS);
  }

  /** Another text in the place of this one; the cursor stays. The browser's undo does not know of it. */
  replace(text) {
    const at = this.box.selectionStart;
    this.box.value = text;
    this.box.setSelectionRange(Math.min(at, text.length), Math.min(at, text.length));
    this.onInput();
  }

  async versions() {
    const { t, api, fail } = this.app;
    const rows = h('ul', { class: 'rows' });
    const dialog = h('dialog', { 'aria-labelledby': 'storyboard-versions' }, h('h2', { id: 'storyboard-versions' }, t('storyboard.versions')), rows,
      h('div', { class: 'actions' }, h('button', { type: 'button', class: 'quiet', onclick: () => dialog.close() }, t('captions.close'))));
    show(dialog, () => dialog.close());
    try {
      const { versions } = await api('GET', `tutorials/storyboards/${this.draft.id}/versions`);
      fill(rows, versions.length === 0 ? h('li', {}, t('storyboard.versions.none')) : versions.map((one) => h('li', {},
        h('span', { class: 'grow' }, t('storyboard.changed_at', { time: t.dateTime(one.saved_us), who: one.author })),
        h('button', {
          type: 'button', class: 'quiet', onclick: async () => {
            const { text } = await api('GET', `tutorials/storyboards/${this.draft.id}/versions/${one.version}`);
            dialog.close();
            this.replace(text);
          },
        }, t('versions.back')))));
    } catch (error) {
      fail(error);
    }
  }

  // --- Looking ---

  onMove() {
    if (this.line !== this.shownLine) this.later(PREVIEW_MS);
  }

  later(ms) {
    clearTimeout(this.previewTimer);
    if (!this.isClosed) this.previewTimer = setTimeout(() => this.preview(), ms);
  }

  async preview() {
    if (this.isAsking || this.isClosed) return;
    const { api, t } = this.app;
    const { text, line } = this;
    this.isAsking = true;
    try {
      this.shown(await api('POST', 'tutorials/storyboards/preview', { text, line, id: this.draft.id }));
      this.shownLine = line;
      this.isAsking = false;
      if (this.text !== text || this.line !== line) this.later(PREVIEW_MS);
    } catch (error) {
      this.isAsking = false;
      say(this.about, t.message(error));
      this.later(error.status === 0 ? 5 * AGAIN_MS : AGAIN_MS);
    }
  }

  shown({ problems, slides, slide, picture, estimate_ms: estimate, languages }) {
    const { t } = this.app;
    this.slides = slides;
    if (picture) {
      this.picture.src = `data:image/png;base64,${picture}`;
      this.picture.hidden = false;
    }
    this.picture.alt = slide === null ? t('storyboard.no_picture_yet') : t('storyboard.slide', { at: slide + 1, of: slides.length });
    say(this.about, [slide !== null && t('storyboard.slide', { at: slide + 1, of: slides.length }),
      t('storyboard.length', { time: t.duration(estimate * 1000) }), ...languages.map((code) => t.languageName(code))].filter(Boolean).join(t('separator')));
    this.recorder.of(slide === null ? null : { ...slides[slide], at: slide + 1, hash: this.draft.files[slides[slide].recording]?.file });
    this.showProblems(problems);
  }

  sentence({ code, word, hint, number }) {
    const { t } = this.app;
    const key = `storyboard.${code}`;
    return t(hint && t.has(`${key}.hint`) ? `${key}.hint` : key, { word, hint, number });
  }

  showProblems(problems) {
    const { t } = this.app;
    this.problems = problems;
    say(this.count, problems.length === 0 ? t('storyboard.well') : t('storyboard.problems', { n: problems.length }));
    if (problems.length > 0) this.box.setAttribute('aria-invalid', 'true');
    else this.box.removeAttribute('aria-invalid');
    this.make.disabled = problems.length > 0;
    fill(this.list, problems.map((problem) => h('li', {}, h('button', {
      type: 'button', class: 'quiet', onclick: () => this.goTo(problem),
    }, t('storyboard.at', { line: problem.line, column: problem.column }), ' ', this.sentence(problem)))));
  }

  goTo({ line, column, length }) {
    const start = offsetOf(this.text, line, column);
    const end = offsetOf(this.text, line, column + length);
    this.box.focus();
    this.box.setSelectionRange(start, Math.max(start, end));
    const lines = this.text.split('\n').length;
    this.box.scrollTop = ((line - 4) / lines) * this.box.scrollHeight;
    this.onMove();
  }

  // --- Pictures and recordings ---

  send(input, kind) {
    const [file] = input.files;
    if (file) this.upload(file, kind);
    input.value = '';
  }

  upload(file, kind) {
    const { t } = this.app;
    const at = this.line;
    const upload = new Upload(file, kind, { storyboard: String(this.draft.id) }, (one) => {
      if (one.state === 'failed') say(this.saved, t.message(one.error));
      else if (one.state === 'sending') say(this.saved, t('upload.sending', { percent: Math.floor((100 * one.offset) / one.size), size: t.bytes(one.size) }));
      if (one.state !== 'done') return;
      say(this.saved, t('storyboard.file_arrives'));
      this.awaited ??= new Map();
      this.awaited.set(one.url.split('/').pop(), at);
      this.onFiles(this.lastFiles ?? { files: this.draft.files, news: [] });
    });
    upload.start();
  }

  /** A file that was sent has its name now: it goes into the text where the cursor was. */
  onFiles(value) {
    const { t } = this.app;
    this.lastFiles = value;
    this.draft.files = value.files;
    for (const { upload, kind, name, reason_code: reason } of value.news) {
      const at = this.awaited?.get(upload);
      if (at === undefined || (!name && !reason)) continue;
      this.awaited.delete(upload);
      if (reason) say(this.saved, t(t.has(reason) ? reason : 'storyboard.file_failed'));
      else if (kind === 'recording') this.replace(setSlideLine(this.text, at, 'recording', name));
      else this.insertPicture(at, name);
    }
  }

  /** After a point it belongs to the point, else to its slide. */
  insertPicture(at, name) {
    const lines = this.text.split('\n');
    let point = Math.min(at, lines.length) - 1;
    while (point > 0 && !/^\s*(point|slide)\b/.test(lines[point])) point -= 1;
    if (!/^\s*point\b/.test(lines[point])) {
      const slide = setSlideLine(this.text, at, 'nothing', '');
      const all = slide.split('\n');
      const first = lines.slice(0, point + 1).length;
      let end = first;
      while (end < all.length && !/^\s*(slide|point)\b/.test(all[end])) end += 1;
      const head = all.slice(first, end).filter((one) => !/^\s*picture\b/.test(one));
      this.replace([...all.slice(0, first), `  picture ${name}`, ...head, ...all.slice(end)].join('\n'));
      return;
    }
    let end = point + 1;
    while (end < lines.length && /^\s*([a-z]{2,3}:.*|#.*)?$/.test(lines[end]) && lines[end].trim()) end += 1;
    const rest = lines.slice(end);
    if (/^\s*picture\b/.test(rest[0] ?? '')) rest.shift();
    this.replace([...lines.slice(0, end), `  picture ${name}`, ...rest].join('\n'));
  }

  // --- Making ---

  async compose() {
    const { t, api, fail } = this.app;
    clearTimeout(this.saveTimer);
    await this.save();
    if (this.text !== this.kept) return;
    try {
      this.clip = (await api('POST', `tutorials/storyboards/${this.draft.id}/make`, {})).id;
      say(this.saved, t('storyboard.queued'));
    } catch (error) {
      fail(error);
    }
  }

  /** It left the list of works without having failed: the list of tutorials has it. */
  made() {
    this.seen = false;
    this.clip = null;
    fill(this.work);
    say(this.saved, this.app.t('storyboard.made'));
  }

  onWork(items) {
    const { t } = this.app;
    const item = items.find(({ id }) => id === this.clip);
    if (!item) {
      if (this.seen) this.made();
      return;
    }
    this.seen = true;
    if (item.state === 'failed') {
      this.seen = false;
      fill(this.work, h('p', { class: 'problem', role: 'alert' }, t.message(item.reason)));
      return;
    }
    const percent = Math.round(item.percent ?? 0);
    fill(this.work, h('progress', { max: 100, value: percent, 'aria-label': t(`state.${item.state}`) }),
      h('p', { class: 'small quietly' }, [t(`state.${item.state}`), t('percent', { percent })].join(t('separator'))));
  }
}
