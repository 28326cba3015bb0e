// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Serambi authors
//
// The tutorials as cards, and one tutorial to watch with its captions.

import { Part, bdi, define, fill, h, list, memory, set } from '../core/dom.js';
import { field, select } from '../core/form.js';
import { LANGUAGES } from '../core/words.js';

const SEARCH_FROM = 6; // Fewer are seen at a glance.
const ASK_AFTER_MILLISECONDS = 250; // Of rest while typing.

/** As people type it: without case, accents, vowel marks, and the forms of alif, ya and ta marbuta. */
export function fold(text) {
  return text.normalize('NFKD').replace(/[\p{M}\u0640]/gu, '').replace(/\u0649/g, '\u064a').replace(/\u0629/g, '\u0647').toLowerCase();
}

const ARTICLE = /^(?:[\u0648\u0628\u0643\u0641]?\u0627\u0644|\u0644\u0644)(?=.)/u; // With what is written together with it.

/** Every word begins a word of the title or summary, in any language. */
export function matches(item, wanted) {
  const words = fold([item.title, item.summary].flatMap((texts) => Object.values(texts ?? {})).join(' ')).split(/[^\p{L}\p{N}]+/u);
  return fold(wanted).split(/[^\p{L}\p{N}]+/u).every((part) => words.some((word) => word.startsWith(part) || word.replace(ARTICLE, '').startsWith(part.replace(ARTICLE, ''))));
}

class TutorialsPublic extends Part {
  start() {
    const { t } = this.app;
    this.tutorials = null;
    this.shown = [];
    this.films = h('ul', { class: 'films' });
    this.none = h('p', { class: 'quietly', hidden: true }, t('public.none'));
    this.found = null; // What the server found for the words that stand there.
    this.search = h('input', { type: 'search', maxlength: 200, oninput: () => this.onWish() });
    this.language = select([['', t('public.every_language')], ...LANGUAGES.map((code) => [code, t.languageName(code)])], '', () => this.onWish());
    this.tools = h('div', { class: 'tools', role: 'search', hidden: true },
      field({ label: t('search'), control: this.search }), field({ label: t('public.language'), control: this.language }));
    this.unmatched = h('p', { class: 'quietly', role: 'status' });
    this.all = h('section', { class: 'part', 'aria-labelledby': 'tutorials-title' },
      h('h2', { id: 'tutorials-title' }, t('public.title')), this.tools, this.films, this.none, this.unmatched);
    this.one = h('section', { class: 'watch', hidden: true });
    fill(this, this.all, this.one);
    this.follow('tutorials:list', ({ tutorials }) => {
      this.tutorials = tutorials;
      this.show();
      this.visit(this.shown);
    });
  }

  /** At once by titles, which are here; a moment later by what is said, which the server knows. */
  onWish() {
    this.found = null;
    clearTimeout(this.asking);
    if (this.search.value.trim()) this.asking = setTimeout(() => this.ask(), ASK_AFTER_MILLISECONDS);
    this.show();
  }

  async ask() {
    const query = new URLSearchParams({ q: this.search.value, lang: this.language.value });
    const wish = query.toString();
    this.wish = wish;
    try {
      const { tutorials } = await this.app.api('GET', `tutorials/search?${wish}`);
      if (this.wish !== wish || !this.search.value.trim()) return;
      this.found = tutorials;
      this.show();
    } catch {
      // Without the server the titles still are searched.
    }
  }

  show() {
    const items = this.tutorials ?? [];
    const code = this.language.value;
    const byTitle = items.filter((item) => matches(item, this.search.value) && (!code || item.languages?.includes(code)));
    const found = this.found ?? [];
    const shown = [...found, ...byTitle.filter((item) => !found.some(({ id }) => id === item.id))];
    this.tools.hidden = items.length < SEARCH_FROM;
    list(this.films, shown, (item) => item.id, (item) => this.film(item));
    this.none.hidden = items.length > 0;
    this.unmatched.textContent = items.length > 0 && shown.length === 0 ? this.app.t('search.none') : '';
  }

  /** ['3'] shows tutorial 3 alone, ['3', '12.5'] from that second on; [] shows all. */
  visit(route) {
    this.shown = route;
    const id = route[0];
    this.all.hidden = Boolean(id);
    this.one.hidden = !id;
    if (!id) {
      this.watched = null;
      fill(this.one);
      return;
    }
    const item = this.tutorials?.find((tutorial) => String(tutorial.id) === id);
    const seen = JSON.stringify([route, item ?? null, this.tutorials !== null]);
    if (this.watched === seen) return; // What plays goes on.
    this.watched = seen;
    fill(this.one, this.backLink(), item ? this.watch(item, Number(route[1]) || 0)
      : this.tutorials && h('p', { class: 'empty' }, this.app.t('public.gone')));
  }

  film(item) {
    const { t, pick, icon } = this.app;
    const title = pick(item.title);
    const summary = pick(item.summary);
    return h('li', {}, h('a', { class: 'card film', href: `#/tutorials/${item.id}` },
      h('div', { class: 'poster' }, icon('play'),
        item.poster && h('img', { src: `/media/${item.poster}.jpg`, alt: '', loading: 'lazy', decoding: 'async' }),
        h('span', { class: 'length number' }, t.duration(item.duration_us))),
      h('div', { class: 'about' },
        h('h3', {}, bdi(title.text, title.language)),
        summary.text && h('p', { lang: summary.language, dir: 'auto' }, summary.text),
        this.captionLine(item))), this.moments(item));
  }

  /** Where the words are said, each with the way there. */
  moments(item) {
    const { t } = this.app;
    return item.moments?.length > 0 && h('ul', { class: 'moments' }, item.moments.map(({ ms, text }) => h('li', {},
      h('a', { href: `#/tutorials/${item.id}/${ms / 1000}` },
        h('span', { class: 'number' }, t.duration(ms * 1000)), ' ', h('q', { lang: item.found_in, dir: 'auto' }, text)))));
  }

  captionLine(item) {
    const { t } = this.app;
    const captions = Object.keys(item.captions ?? {});
    return captions.length > 0 && h('p', { class: 'small' },
      t('captions', { list: captions.map(t.languageName).join(t('separator')) }));
  }

  backLink() {
    const { t, icon } = this.app;
    const arrow = icon('back');
    arrow.classList.add('turns');
    return h('a', { class: 'button quiet', href: '#/' }, arrow, t('public.back'));
  }

  watch(item, seconds) {
    const { t, pick, language } = this.app;
    const title = pick(item.title);
    const summary = pick(item.summary);
    const captions = Object.keys(item.captions ?? {});
    const chosen = captions.includes(language) ? language : captions[0];
    const film = h('video', {
      controls: true, preload: 'metadata', playsinline: true,
      poster: item.poster ? `/media/${item.poster}.jpg` : null,
      'aria-label': title.text,
    }, h('source', { src: `/media/${item.media}.mp4${seconds > 0 ? `#t=${seconds}` : ''}`, type: 'video/mp4' }),
    captions.map((code) => set(h('track'), {
      kind: 'captions', src: `/media/${item.captions[code]}.vtt`, srclang: code,
      label: t.languageName(code), default: code === chosen,
    })));
    return [film, h('div', { class: 'part' },
      h('h2', {}, bdi(title.text, title.language)),
      summary.text && h('p', { lang: summary.language, dir: 'auto' }, summary.text),
      h('p', { class: 'quietly small' }, t('length', { time: t.duration(item.duration_us) })),
      this.captionLine(item),
      item.downloads && h('p', {}, h('a', { href: `/media/${item.media}.mp4`, download: true }, t('watch.download'))),
      this.question(item), this.passOn(item))];
  }

  /** Asked once of each browser, which alone remembers it. */
  question(item) {
    const { t, api, fail } = this.app;
    const key = `helped.${item.id}`;
    const line = h('p', { role: 'status' });
    if (memory.get(key)) return line;
    const button = (name, helped) => h('button', {
      type: 'button', class: 'quiet', onclick: async () => {
        try {
          await api('POST', `tutorials/${item.id}/helped`, { helped });
          memory.set(key, 'said');
          fill(line, t('helped.thanks'));
        } catch (error) {
          fail(error);
        }
      },
    }, t(name));
    return fill(line, t('helped.ask'), ' ', button('helped.yes', true), ' ', button('helped.no', false));
  }

  passOn(item) {
    const { t, language } = this.app;
    const path = `/watch/${item.id}`;
    return h('details', {}, h('summary', {}, t('watch.pass_on')),
      h('p', {}, h('a', { href: `${path}?lang=${language}` }, bdi(`${location.origin}${path}`))),
      h('img', { src: `/api/tutorials/watch/${item.id}/qr.svg`, alt: t('watch.qr'), width: 160, height: 160, loading: 'lazy' }));
  }
}

define('tutorials-public', TutorialsPublic);
export default { order: 30, title: 'title', icon: 'film', element: 'tutorials-public' };
