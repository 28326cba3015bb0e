// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Serambi authors
//
// Bringing videos in, seeing how far they are, naming them, taking them away and back.

import { Part, bdi, define, fill, h, list, say, set } from '../core/dom.js';
import { field, form, select } from '../core/form.js';
import { Upload, abandon, unfinished } from '../core/upload.js';
import { LANGUAGES, directionOf } from '../core/words.js';
import { editCaptions } from './captions.js';
import { writeStoryboards } from './storyboard.js';

const VIDEO = 'tutorials:video';
const STORYBOARD = 'tutorials:storyboard';
const BUSY = ['queued', 'sending', 'waiting'];
const FILES = 'video/*,audio/*,image/*,.pdf,.mkv'; // What a recording may come as.
const TYPES = /^(video|audio|image)\/|^application\/pdf$/;
const ENDINGS = /\.(storyboard|mkv|mov|mp4|m4v|webm|avi|mpe?g|ts|m2ts|3gp|ogv|wmv|flv|mp3|m4a|ogg|opus|wav|aac|aiff?|flac|jpe?g|png|webp|gif|pdf)$/i;
const uploads = []; // They go on while another section is shown.
let redraw = () => {};

globalThis.addEventListener('beforeunload', (event) => {
  if (uploads.some(({ upload }) => BUSY.includes(upload.state))) event.preventDefault();
});

class TutorialsStaff extends Part {
  start() {
    const { t } = this.app;
    this.items = [];
    this.work = new Map();
    this.chooser = h('input', {
      type: 'file', accept: `${FILES},.storyboard`, multiple: true, class: 'unseen', id: 'choose-video',
      onchange: () => {
        this.send([...this.chooser.files]);
        this.chooser.value = '';
      },
    });
    this.drop = h('div', { class: 'drop' }, this.app.icon('upload'), h('p', {}, t('upload.drop')),
      this.chooser, h('label', { class: 'button primary', for: 'choose-video' }, t('upload.choose')), this.camera(),
      h('button', { type: 'button', class: 'quiet', onclick: () => this.write() }, t('storyboard.write')),
      h('p', { class: 'small quietly' }, t('upload.hint')));
    this.spoken = h('p', { class: 'unseen', role: 'status' });
    this.left = [];
    const onPaste = (event) => {
      const files = [...event.clipboardData.files];
      if (files.length > 0) this.send(files);
    };
    document.addEventListener('paste', onPaste);
    this.until(() => document.removeEventListener('paste', onPaste));
    for (const type of ['dragover', 'drop', 'dragleave']) this.drop.addEventListener(type, (event) => this.onDrag(event));
    this.sending = h('ul', { class: 'rows' });
    this.search = h('input', { type: 'search', oninput: () => this.show() });
    this.order = select([['new', t('sort.new')], ['title', t('sort.title')], ['length', t('sort.length')]], 'new', () => this.show());
    this.films = h('ul', { class: 'rows films-list' });
    this.none = h('p', { class: 'empty' }, t('staff.none'));
    this.unmatched = h('p', { class: 'quietly' }, t('search.none'));
    fill(this, this.drop, this.spoken, this.sending, h('section', { class: 'stack' },
      h('div', { class: 'tools' }, field({ label: t('search'), control: this.search }), field({ label: t('sort'), control: this.order }),
        h('button', { type: 'button', class: 'quiet', onclick: () => this.showTrash() }, t('trash'))),
      this.films, this.none, this.unmatched));
    redraw = () => this.showSending();
    this.until(() => {
      redraw = () => {};
    });
    this.showSending();
    this.readLeft();
    this.follow('tutorials:list', () => this.read());
    this.follow('tutorials:work', ({ items }) => this.onWork(items));
    this.read();
  }

  onDrag(event) {
    event.preventDefault();
    this.drop.classList.toggle('over', event.type === 'dragover');
    if (event.type === 'drop') this.send([...event.dataTransfer.files]);
  }

  /** A phone films at once. */
  camera() {
    if (!matchMedia('(pointer: coarse)').matches) return '';
    const input = h('input', {
      type: 'file', accept: 'video/*', capture: 'environment', class: 'unseen', id: 'film-video', onchange: () => {
        this.send([...input.files]);
        input.value = '';
      },
    });
    return h('span', {}, input, h('label', { class: 'button', for: 'film-video' }, this.app.t('upload.film')));
  }

  /** `left`: the one of unfinished() that the file should be; `metadata`: words of the upload beside the title. */
  send(files, { left = null, metadata = {} } = {}) {
    for (const file of files) {
      const title = file.name.replace(/\.[^.]+$/, '');
      const refusal = TYPES.test(file.type) || ENDINGS.test(file.name) ? null : 'upload.type';
      const entry = { id: `${file.name}|${file.size}|${Date.now()}`, spoken: '' };
      const kind = file.name.endsWith('.storyboard') ? STORYBOARD : VIDEO;
      entry.upload = new Upload(file, kind, { title, ...metadata }, (upload) => {
        if (upload.state === 'done' || upload.state === 'cancelled') {
          uploads.splice(uploads.indexOf(entry), 1);
          this.readLeft();
        }
        this.speak(entry);
        redraw();
      }, { entry: left, refusal });
      uploads.push(entry);
    }
    for (const { upload } of [...uploads]) if (upload.state === 'paused' && upload.offset === 0) upload.start();
    this.showSending();
  }

  /** Says each quarter and each change of state, not each percent. */
  speak(entry) {
    const { upload } = entry;
    const percent = 25 * Math.floor((4 * upload.offset) / Math.max(1, upload.size));
    const step = `${upload.state} ${upload.state === 'sending' ? percent : ''}`;
    if (step === entry.spoken) return;
    entry.spoken = step;
    say(this.spoken, `${upload.name}: ${this.stateText(upload, percent)}`);
  }

  stateText(upload, percent) {
    const { t } = this.app;
    const seconds = upload.secondsLeft;
    return {
      queued: t('upload.queued'),
      sending: [t('upload.sending', { percent, size: t.bytes(upload.size) }), seconds && t.left(seconds)].filter(Boolean).join(t('separator')),
      waiting: t('upload.waiting', { percent }),
      paused: t('upload.paused', { percent }),
      failed: t.message(upload.error),
      done: t('upload.done'),
    }[upload.state] ?? '';
  }

  /** What was begun elsewhere, or before this page was loaded. */
  async readLeft() {
    this.left = await unfinished().catch(() => []);
    this.showSending();
  }

  showSending() {
    const left = this.left.filter((entry) => [VIDEO, STORYBOARD].includes(entry.kind) && entry.size !== null
      && !uploads.some(({ upload }) => upload.url === entry.url || (upload.name === entry.name && upload.size === entry.size)));
    const items = [
      ...uploads.map(({ id, upload }) => ({
        id, upload, at: [upload.state, upload.offset, Math.round(upload.secondsLeft ?? -1)],
      })),
      ...left.map((entry) => ({ id: entry.url, entry })),
    ];
    list(this.sending, items, (item) => item.id, (item) => (item.upload ? this.uploadRow(item) : this.leftRow(item.entry)));
  }

  uploadRow(item) {
    const { t } = this.app;
    const { upload } = item;
    const bar = h('progress', { max: 100, 'aria-label': upload.name });
    const text = h('p', { class: 'small quietly' });
    const pause = h('button', { type: 'button', class: 'quiet', onclick: () => (BUSY.includes(upload.state) ? upload.pause() : upload.start()) });
    const node = h('li', {}, h('div', { class: 'grow' }, h('strong', {}, bdi(upload.name)), bar, text),
      h('div', { class: 'actions' }, pause, h('button', { type: 'button', class: 'quiet', onclick: () => upload.cancel() }, t('cancel'))));
    node.update = () => {
      const percent = upload.size ? Math.floor((upload.offset * 100) / upload.size) : 100;
      bar.value = percent;
      say(pause, t(BUSY.includes(upload.state) ? 'upload.pause' : 'upload.resume'));
      say(text, this.stateText(upload, percent));
    };
    node.update();
    return node;
  }

  leftRow(entry) {
    const { t } = this.app;
    const percent = Math.floor((entry.offset * 100) / Math.max(1, entry.size));
    return h('li', {}, h('div', { class: 'grow' }, h('strong', {}, bdi(entry.name)), h('p', { class: 'small' }, t('upload.left', { percent }))),
      h('div', { class: 'actions' }, h('button', { type: 'button', onclick: () => this.chooseAgain(entry) }, t('upload.continue')),
        h('button', { type: 'button', class: 'quiet', onclick: () => abandon(entry).then(() => this.readLeft()) }, t('upload.forget'))));
  }

  chooseAgain(entry) {
    const input = h('input', { type: 'file', class: 'unseen', 'aria-label': entry.name });
    input.addEventListener('change', () => this.send([...input.files], { left: entry }));
    input.click();
  }

  onWork(items) {
    const before = [...this.work.values()].map(({ id, state }) => `${id} ${state}`).join();
    this.work = new Map(items.map((item) => [item.id, item]));
    if (before === items.map(({ id, state }) => `${id} ${state}`).join()) this.show();
    else this.read();
  }

  async read() {
    try {
      this.items = (await this.app.api('GET', 'tutorials/all')).tutorials;
      this.show();
    } catch (error) {
      if (error.status !== 0) this.app.fail(error);
    }
  }

  show() {
    const { pick, language } = this.app;
    const titleOf = (item) => pick(item.title).text || item.filename || '';
    const wanted = this.search.value.trim().toLowerCase();
    const items = this.items.map((item) => ({ ...item, ...(item.state === 'ready' ? {} : this.work.get(item.id)), title: item.title }));
    const shown = items.filter((item) => [...Object.values(item.title ?? {}), item.filename ?? '']
      .some((text) => text.toLowerCase().includes(wanted)) || !wanted);
    const orders = {
      new: (a, b) => b.id - a.id,
      title: (a, b) => titleOf(a).localeCompare(titleOf(b), language),
      length: (a, b) => (a.duration_us ?? 0) - (b.duration_us ?? 0),
    };
    shown.sort(orders[this.order.value]);
    list(this.films, shown, (item) => item.id, (item) => this.row(item));
    this.none.hidden = items.length > 0;
    this.unmatched.hidden = items.length === 0 || shown.length > 0;
  }

  row(item) {
    const { t, pick, icon } = this.app;
    const title = pick(item.title);
    const isReady = item.state === 'ready';
    return h('li', {},
      h('div', { class: 'thumb' }, icon('film'), item.poster && h('img', { src: `/media/${item.poster}.jpg`, alt: '', loading: 'lazy' })),
      h('div', { class: 'grow' }, h('strong', {}, bdi(title.text || item.filename, title.language)),
        isReady ? h('p', { class: 'small quietly' }, [t('length', { time: t.duration(item.duration_us) }),
          ...Object.keys(item.captions ?? {}).map(t.languageName),
          item.helped + item.unhelped > 0 && t('helped.count', { yes: item.helped, no: item.unhelped })].filter(Boolean).join(t('separator'))) : this.progress(item),
        isReady && this.captionState(item)),
      h('div', { class: 'actions' },
        isReady && h('a', { class: 'button quiet', href: `/#/tutorials/${item.id}`, target: '_blank', rel: 'noopener' }, t('watch'), h('span', { class: 'unseen' }, title.text)),
        isReady && h('button', { type: 'button', class: 'quiet', onclick: () => this.captions(item) }, t('captions.edit'), h('span', { class: 'unseen' }, title.text)),
        item.kind === 'storyboard' && isReady && h('button', { type: 'button', class: 'quiet', onclick: () => this.write(item.id) }, t('storyboard.edit'), h('span', { class: 'unseen' }, title.text)),
        isReady && h('button', { type: 'button', class: 'quiet', onclick: () => this.versions(item) }, t('versions'), h('span', { class: 'unseen' }, title.text)),
        h('button', { type: 'button', class: 'quiet', onclick: () => this.edit(item) }, t('edit'), h('span', { class: 'unseen' }, title.text)),
        isReady || item.state === 'failed'
          ? h('button', { type: 'button', class: 'quiet danger', onclick: () => this.remove(item) }, t('remove'), h('span', { class: 'unseen' }, title.text))
          : h('button', { type: 'button', class: 'quiet danger', onclick: () => this.attempt(item, 'cancel') }, t('work.cancel'), h('span', { class: 'unseen' }, title.text))));
  }

  captionState(item) {
    const { t } = this.app;
    if (item.needs_captions) return h('p', { class: 'problem' }, t('captions.missing'));
    if (item.out_of_step) return h('p', { class: 'problem' }, t('captions.out_of_step'));
    return Object.keys(item.captions ?? {}).length === 0 && h('p', { class: 'small quietly' }, t(item.waiver ? `waiver.${item.waiver}` : 'waiver.silent'));
  }

  /** Drafts, or the one that made a tutorial. */
  async write(clip = null) {
    await writeStoryboards(this.app, clip).catch(this.app.fail);
    this.read();
  }

  /** Begins a failed one again, or stops one on its way. */
  async attempt(item, deed) {
    const { api, fail } = this.app;
    await api('POST', `tutorials/${item.id}/${deed}`, {}).catch(fail);
    this.read();
  }

  async captions(item) {
    await editCaptions(this.app, { ...item });
    this.read();
  }

  /** Recordings of this tutorial, and a new one in the place of the present one. */
  async versions(item) {
    const { t, api, fail } = this.app;
    const file = h('input', {
      type: 'file', accept: FILES, onchange: () => {
        this.send([...file.files], { metadata: { replaces: String(item.id) } });
        dialog.close();
      },
    });
    const old = h('ul', { class: 'rows' });
    const downloads = h('input', {
      type: 'checkbox', checked: item.downloads, onchange: async () => {
        await api('POST', `tutorials/${item.id}/downloads`, { downloads: downloads.checked }).catch(fail);
        this.read();
      },
    });
    const dialog = h('dialog', { 'aria-labelledby': 'versions-title', onclose: () => dialog.remove() },
      h('h2', { id: 'versions-title' }, t('versions.heading')),
      h('p', {}, t('versions.text')), field({ label: t('versions.replace'), control: file }), old,
      h('label', {}, downloads, ' ', t('downloads.allow')),
      h('div', { class: 'actions' }, h('button', { type: 'button', class: 'quiet', onclick: () => dialog.close() }, t('captions.close'))));
    document.body.append(dialog);
    dialog.showModal();
    try {
      const { versions } = await api('GET', `tutorials/${item.id}/versions`);
      fill(old, versions.map((version) => h('li', {}, h('span', { class: 'grow' }, t('versions.until', { time: t.dateTime(version.replaced_us) })),
        h('button', {
          type: 'button', class: 'quiet', onclick: async () => {
            await api('POST', `tutorials/${item.id}/versions/${version.id}`, {}).catch(fail);
            dialog.close();
            this.read();
          },
        }, t('versions.back')))));
    } catch (error) {
      fail(error);
    }
  }

  async showTrash() {
    const { t, api, fail, pick } = this.app;
    let tutorials = [];
    try {
      ({ tutorials } = await api('GET', 'tutorials/trash'));
    } catch (error) {
      fail(error);
    }
    const dialog = h('dialog', { 'aria-labelledby': 'trash-title', onclose: () => dialog.remove() },
      h('h2', { id: 'trash-title' }, t('trash')), h('p', {}, t('trash.text')),
      tutorials.length === 0 && h('p', { class: 'empty' }, t('trash.none')),
      h('ul', { class: 'rows' }, tutorials.map((item) => h('li', {}, h('span', { class: 'grow' }, bdi(pick(item.title).text || item.filename)),
        h('button', {
          type: 'button', class: 'quiet', onclick: async (event) => {
            event.target.disabled = true;
            await api('POST', `tutorials/${item.id}/restore`, {}).catch(fail);
            dialog.close();
            this.read();
          },
        }, t('trash.restore'), h('span', { class: 'unseen' }, pick(item.title).text))))),
      h('div', { class: 'actions' }, h('button', { type: 'button', class: 'quiet', onclick: () => dialog.close() }, t('captions.close'))));
    document.body.append(dialog);
    dialog.showModal();
  }

  progress(item) {
    const { t } = this.app;
    if (item.state === 'failed') {
      return [h('p', { class: 'problem' }, t.message(item.reason)),
        item.may_retry && h('p', { class: 'small' }, t('failed.until'), ' ',
          h('button', { type: 'button', class: 'quiet', onclick: () => this.attempt(item, 'retry') }, t('failed.retry'), h('span', { class: 'unseen' }, this.app.pick(item.title).text)))];
    }
    const percent = Math.round(item.percent ?? 0);
    return [h('progress', { max: 100, value: percent, 'aria-label': t(`state.${item.state}`) }),
      h('p', { class: 'small quietly' }, [t(`state.${item.state}`), t('percent', { percent }),
        item.eta_seconds > 0 && t.left(item.eta_seconds)].filter(Boolean).join(t('separator')))];
  }

  edit(item) {
    const { t, api } = this.app;
    const boxes = (name, tag) => LANGUAGES.map((code) => [code, field({
      label: t(`edit.${name}`, { language: t.languageName(code) }),
      control: set(h(tag, { lang: code, dir: directionOf(code), maxlength: name === 'title' ? 120 : 500, rows: tag === 'textarea' ? 2 : null }),
        { value: item[name]?.[code] ?? '' }),
    })]);
    const titles = boxes('title', 'input');
    const summaries = boxes('summary', 'textarea');
    const texts = (fields) => Object.fromEntries(fields.map(([code, one]) => [code, one.control.value.trim()]).filter(([, text]) => text));
    const dialog = h('dialog', { 'aria-labelledby': 'edit-title', onclose: () => dialog.remove() },
      h('h2', { id: 'edit-title' }, t('edit.heading')),
      form({
        t,
        fields: [...titles, ...summaries].map(([, one]) => one),
        submit: t('save'),
        extra: h('button', { type: 'button', class: 'quiet', onclick: () => dialog.close() }, t('cancel')),
        act: async () => {
          const title = texts(titles);
          if (titles[0][1].complain(Object.keys(title).length === 0 && t('edit.missing'))) return;
          await api('POST', `tutorials/${item.id}`, { title, summary: texts(summaries) });
          dialog.close();
          this.read();
        },
      }));
    document.body.append(dialog);
    dialog.showModal();
  }

  async remove(item) {
    const { t, api, fail, toast, pick } = this.app;
    const title = pick(item.title).text || item.filename;
    try {
      await api('DELETE', `tutorials/${item.id}`);
      await this.read();
      toast(t('remove.done', { title }), {
        act: async () => {
          await api('POST', `tutorials/${item.id}/restore`, {}).catch(fail);
          this.read();
        },
      });
    } catch (error) {
      fail(error);
    }
  }
}

class TutorialsNow extends Part {
  start() {
    const { t, pick } = this.app;
    const items = h('ul', { class: 'rows' });
    const none = h('p', { class: 'quietly' }, t('work.none'));
    fill(this, items, none);
    this.follow('tutorials:work', (work) => {
      const busy = work.items.filter((item) => item.state !== 'ready');
      none.hidden = busy.length > 0;
      list(items, busy, (item) => item.id, (item) => {
        const title = typeof item.title === 'string' ? { text: item.title } : pick(item.title);
        return h('li', {}, h('div', { class: 'grow' }, bdi(title.text || item.filename, title.language)),
          h('span', { class: item.state === 'failed' ? 'chip amber' : 'chip' }, item.state === 'failed' ? t('state.failed')
            : [t(`state.${item.state}`), t('percent', { percent: Math.round(item.percent ?? 0) })].join(t('separator'))));
      });
    });
  }
}

define('tutorials-staff', TutorialsStaff);
define('tutorials-now', TutorialsNow);
export default {
  order: 20, title: 'title', icon: 'film', element: 'tutorials-staff', now: 'tutorials-now', key: 't', roles: ['editor'],
};
