// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Serambi authors
//
// How old the picture is. While the server is not heard, a line says since when, and marks stand
// beside what may have changed. Screen readers hear it once, and once when all is current again:
// the age that goes on stands outside of what they are told.

import { h, picture, say } from './dom.js';
import { icons } from './icons.js';

// A cut that heals by itself in a moment is not worth a word, unless the page was asleep before it:
// longer silence than this is no line any more (ping after 25 s, 10 s of grace; see line.js).
const PATIENCE_MILLISECONDS = 3000;
const OLD_MILLISECONDS = 40000;
const MINUTE_MILLISECONDS = 60000;

export class Connection {
  #live;
  #t = null;
  #wasOnline = false;
  #isLost = false;
  #patience = null;
  #minute = null;
  #text = h('span');
  #line = h('section', { class: 'connection', hidden: true }, h('p', {}, picture(icons.clock), this.#text));
  #said = h('p', { class: 'unseen', role: 'status' });

  constructor(live) {
    this.#live = live;
    document.addEventListener('visibilitychange', () => this.#show()); // Timers may have slept.
  }

  /** What stands above a page: the same nodes for every page, so that nothing is told twice. */
  get nodes() {
    return [this.#said, this.#line];
  }

  /** From now on in the words of another language. */
  speak(t) {
    const isFirst = !this.#t;
    this.#t = t;
    this.#line.setAttribute('aria-label', t('connection.title'));
    if (isFirst) this.#live.onStatus(() => this.#onStatus());
    this.#show();
  }

  /** A mark beside numbers that live: to be seen while they may be old. */
  mark() {
    return h('p', { class: 'asof' }, picture(icons.clock), h('span', {}, this.#asOf()));
  }

  #onStatus() {
    const { state, heard } = this.#live;
    clearTimeout(this.#patience);
    if (state === 'online') {
      this.#wasOnline = true;
      if (!this.#isLost) return;
      this.#isLost = false;
      this.#show();
      say(this.#said, this.#t('connection.back'));
    } else if (this.#isLost || state === 'ended' || (this.#wasOnline && Date.now() - heard > OLD_MILLISECONDS)) {
      this.#lose();
    } else {
      this.#patience = setTimeout(() => this.#lose(), PATIENCE_MILLISECONDS);
    }
  }

  #lose() {
    this.#isLost = true;
    this.#show();
    const { state, heard } = this.#live;
    if (state === 'ended') say(this.#said, this.#t('connection.ended'));
    else if (!this.#wasOnline) say(this.#said, this.#t('connection.never'));
    else say(this.#said, this.#t('connection.lost.said', { time: this.#t.moment(heard * 1000) }));
  }

  #asOf() {
    const { heard } = this.#live;
    return heard ? this.#t('connection.asof', { time: this.#t.moment(heard * 1000) }) : '';
  }

  #show() {
    if (!this.#t) return;
    clearTimeout(this.#minute);
    const { state, heard } = this.#live;
    const t = this.#t;
    document.body.classList.toggle('stale', this.#isLost && this.#wasOnline);
    this.#line.hidden = !this.#isLost;
    if (!this.#isLost) return;
    for (const mark of document.querySelectorAll('.asof span')) say(mark, this.#asOf());
    if (state === 'ended') say(this.#text, t('connection.ended'));
    else if (!this.#wasOnline) say(this.#text, t('connection.never'));
    else this.#showAge(heard);
  }

  #showAge(heard) {
    const t = this.#t;
    const age = Math.max(0, Date.now() - heard);
    say(this.#text, t('connection.lost', { time: t.moment(heard * 1000), age: t.ago(age / 1000) }));
    this.#minute = setTimeout(() => this.#show(), MINUTE_MILLISECONDS - (age % MINUTE_MILLISECONDS));
  }
}
