// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Serambi authors
//
// The tutorials as cards, and one tutorial to watch with its captions.

import { Part, bdi, define, fill, h, list, set } from '../core/dom.js';

class TutorialsPublic extends Part {
  start() {
    const { t } = this.app;
    this.tutorials = null;
    this.shown = [];
    this.films = h('ul', { class: 'films' });
    this.none = h('p', { class: 'quietly', hidden: true }, t('public.none'));
    this.all = h('section', { class: 'part', 'aria-labelledby': 'tutorials-title' },
      h('h2', { id: 'tutorials-title' }, t('public.title')), this.films, this.none);
    this.one = h('section', { class: 'watch', hidden: true });
    fill(this, this.all, this.one);
    this.follow('tutorials:list', ({ tutorials }) => {
      this.tutorials = tutorials;
      list(this.films, tutorials, (item) => item.id, (item) => this.film(item));
      this.none.hidden = tutorials.length > 0;
      this.visit(this.shown);
    });
  }

  /** ['3'] shows tutorial 3 alone; [] shows all. */
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
    const seen = JSON.stringify([id, item ?? null, this.tutorials !== null]);
    if (this.watched === seen) return; // What plays goes on.
    this.watched = seen;
    fill(this.one, this.backLink(), item ? this.watch(item)
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
        this.captionLine(item))));
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

  watch(item) {
    const { t, pick, language } = this.app;
    const title = pick(item.title);
    const summary = pick(item.summary);
    const captions = Object.keys(item.captions ?? {});
    const chosen = captions.includes(language) ? language : captions[0];
    const film = h('video', {
      controls: true, preload: 'metadata', playsinline: true,
      poster: item.poster ? `/media/${item.poster}.jpg` : null,
      'aria-label': title.text,
    }, h('source', { src: `/media/${item.media}.mp4`, type: 'video/mp4' }),
    captions.map((code) => set(h('track'), {
      kind: 'captions', src: `/media/${item.captions[code]}.vtt`, srclang: code,
      label: t.languageName(code), default: code === chosen,
    })));
    return [film, h('div', { class: 'part' },
      h('h2', {}, bdi(title.text, title.language)),
      summary.text && h('p', { lang: summary.language, dir: 'auto' }, summary.text),
      h('p', { class: 'quietly small' }, t('length', { time: t.duration(item.duration_us) })),
      this.captionLine(item))];
  }
}

define('tutorials-public', TutorialsPublic);
export default { order: 30, title: 'title', icon: 'film', element: 'tutorials-public' };
