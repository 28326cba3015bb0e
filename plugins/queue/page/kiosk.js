// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Serambi authors
//
// The kiosk's queue: a service, if wished a priority, a number. One view at a time, its heading gets
// the focus, so that a screen reader reads what is new.

import { Part, bdi, define, fill, h, list, memory, picture, randomKey, say } from '../core/dom.js';
import { drawLines } from './paper.js';

// One path each, beside its word.
const SIGNS = {
  normal: 'M12 11a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM4 21c0-5 3-8 8-8s8 3 8 8',
  elderly: 'M10 6a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5ZM10 8c-3 1-4 4-4 7l3 1-2 7M9 16l4 2 1 5M11 9l3 4h4v10',
  disabled: 'M10 5a2 2 0 1 0 0-4 2 2 0 0 0 0 4ZM10 7v7h6l3 6M10 10h5M8 11a6 6 0 1 0 7 8',
  pregnant: 'M11 5a2 2 0 1 0 0-4 2 2 0 0 0 0 4ZM10 7l-2 7h1v9M10 7c5 1 6 4 4 8h-1v8M9 14h5',
  children: 'M8 7a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5ZM4 22v-9c0-5 8-5 8 0v9M17 13a2 2 0 1 0 0-4 2 2 0 0 0 0 4ZM14 22v-4c0-3 6-3 6 0v4',
};
const CLASSES = Object.keys(SIGNS);
const TRIES_MOST = 5;
const RETRY_MILLISECONDS = 2000;

/** The key of the settings comes in the address once, and is kept by this browser alone. */
function readKey() {
  const given = /^#key=([\w-]{12,64})$/.exec(location.hash)?.[1];
  if (given) {
    memory.set('queue.kiosk', given);
    history.replaceState(null, '', location.pathname);
  }
  return memory.get('queue.kiosk') ?? undefined;
}

class QueueKiosk extends Part {
  start() {
    this.services = [];
    this.board = { waiting: [] };
    this.kiosk = readKey();
    this.rule = { ratio: 2, age_minutes: 0 };
    this.view = h('section', { class: 'view' });
    this.away = h('p', { class: 'away', role: 'alert', hidden: true });
    fill(this, this.away, this.view);
    this.showServices(false);
    this.follow('queue:board', (board) => {
      this.board = board;
      if (this.services.length === 0 || this.away.textContent) this.read();
      this.fillServices();
    });
    this.until(this.app.live.onStatus(() => this.showAway()) ?? (() => {}));
    this.read();
  }

  get isAtHome() {
    return this.place === 'services' && this.away.hidden;
  }

  goHome() {
    this.watch(null);
    this.key = null;
    this.showServices();
  }

  /** Over a change of language. */
  keep() {
    return { place: this.place, service: this.service, ticket: this.ticket, paper: this.paperSaid, key: this.key };
  }

  takeUp(kept) {
    if (!kept) return;
    this.key = kept.key;
    if (kept.place === 'class') this.showClasses(kept.service, false);
    if (kept.place === 'ticket') this.showTicket(kept.ticket, kept.paper, false);
  }

  async read() {
    try {
      const [{ services }, kiosk] = await Promise.all([
        this.app.api('GET', 'queue/services'), this.app.api('GET', 'queue/kiosk')]);
      this.services = services;
      Object.assign(this, { rule: kiosk.rule, hasPrinter: kiosk.has_printer, library: kiosk.place });
      this.problem = null;
      this.fillServices();
    } catch {
      this.problem = 'kiosk.away';
    }
    this.showAway();
  }

  showAway() {
    const { t, live } = this.app;
    const isAway = live.state !== 'online';
    const key = isAway ? 'kiosk.away' : this.problem;
    this.away.hidden = !key;
    say(this.away, key ? t(key) : '');
    for (const button of this.view.querySelectorAll('.services button')) {
      if (isAway) button.setAttribute('aria-disabled', 'true');
      else button.removeAttribute('aria-disabled');
    }
  }

  /** A view with its heading; focus: whether somebody came here by a press. */
  show(place, heading, children, focus = true) {
    this.place = place;
    const title = h('h1', { tabindex: '-1' }, heading);
    fill(this.view, title, children);
    if (focus) title.focus();
    this.showAway();
  }

  showServices(focus = true) {
    const { t, asOf } = this.app;
    this.serviceList = h('ul', { class: 'services' });
    this.show('services', t('kiosk.choose'), [asOf(), this.serviceList], focus);
    this.fillServices();
  }

  fillServices() {
    if (this.place !== 'services') return;
    const waiting = new Map(this.board.waiting.map((line) => [line.service, line]));
    list(this.serviceList, this.services.map((service) => {
      const line = waiting.get(service.id);
      return { ...service, line, is_open: line?.is_open ?? service.is_open };
    }), (item) => item.id, (item) => this.serviceRow(item));
  }

  serviceRow(first) {
    const { t, pick } = this.app;
    let item = first;
    const what = h('span', { class: 'what' });
    const button = h('button', { type: 'button', onclick: () => this.showClasses(item) },
      h('span', { class: 'code', 'aria-hidden': 'true' }, first.code), what);
    const node = h('li', {}, button);
    node.update = (news) => {
      item = news;
      const name = pick(item.name);
      const figures = item.line && [t('take.waiting', { n: item.line.count }), t.wait(item.line.wait_minutes)];
      fill(what, bdi(name.text, name.language), h('small', {}, item.is_open
        ? (figures ?? []).filter(Boolean).join(t('separator')) : t('take.closed')));
      button.disabled = !item.is_open;
    };
    node.update(first);
    return node;
  }

  ruleWords() {
    const { t } = this.app;
    const { ratio, age_minutes: age } = this.rule;
    const first = ratio === 0 ? t('rule.strict') : t('rule.ratio', { n: ratio });
    return age > 0 ? `${first} ${t('rule.age', { n: age })}` : first;
  }

  showClasses(service, focus = true) {
    const { t, pick } = this.app;
    if (this.app.live.state !== 'online') {
      this.showAway();
      return;
    }
    this.service = service;
    const name = pick(service.name);
    const buttons = CLASSES.map((one) => h('li', {}, h('button', {
      type: 'button', 'data-class': one, onclick: (event) => this.take(one, event.currentTarget),
    }, picture(SIGNS[one], 'icon sign'), h('span', { class: 'what' }, h('span', {}, t(`class.${one}`))))));
    this.trouble = h('p', { class: 'away', role: 'alert', hidden: true });
    this.show('class', t('kiosk.who'), [
      h('p', {}, bdi(name.text, name.language)), this.trouble, h('ul', { class: 'services' }, buttons),
      h('p', { class: 'rule' }, this.ruleWords()),
      h('div', { class: 'actions' }, h('button', { type: 'button', onclick: () => this.goHome() }, t('kiosk.back'))),
    ], focus);
  }

  /** A retry carries the same key and gets the same number. */
  async take(chosen, button) {
    if (this.isTaking) return;
    this.isTaking = true;
    button.setAttribute('aria-busy', 'true');
    this.trouble.hidden = true;
    this.key ??= randomKey();
    try {
      const { ticket } = await this.app.api('POST', 'queue/tickets',
        { service: this.service.id, class: chosen, key: this.key, kiosk: this.kiosk });
      this.key = null;
      this.showTicket(ticket, this.hasPrinter ? 'printing' : '');
      if (this.hasPrinter) this.print();
    } catch (error) {
      if (error.status >= 400 && error.status < 500) this.key = null;
      this.trouble.hidden = false;
      say(this.trouble, error.status === 0 ? this.app.t('kiosk.unsure') : this.app.t.message(error));
    } finally {
      this.isTaking = false;
      button.removeAttribute('aria-busy');
    }
  }

  watch(ticket) {
    this.leaveTicket?.();
    this.leaveTicket = null;
    this.ticket = ticket;
    if (ticket) {
      this.leaveTicket = this.app.live.subscribe(`queue:ticket.${ticket.secret}`, 'state', (news) => {
        this.ticket = { ...news, secret: ticket.secret };
        this.fillPlace();
      });
    }
  }

  showTicket(ticket, paper, focus = true) {
    const { t, pick, asOf } = this.app;
    const name = pick(this.services.find((one) => one.id === ticket.service)?.name);
    this.lead = h('p', { class: 'lead' });
    this.range = h('p', {});
    this.paper = h('p', { class: 'paper', role: 'status' });
    this.again = h('button', { type: 'button', hidden: true, onclick: () => this.print() }, t('paper.again'));
    this.show('ticket', t('ticket.title'), [
      h('div', { class: 'card ticket' }, h('p', { class: 'label number' }, bdi(ticket.label)), this.lead, this.range,
        name.text && h('p', {}, bdi(name.text, name.language)), asOf(),
        h('img', { class: 'qr', src: `/api/queue/tickets/${ticket.secret}/qr`, alt: t('kiosk.qr'), width: 200, height: 200 }),
        h('p', {}, t('kiosk.scan'))),
      this.paper,
      h('div', { class: 'actions' }, h('button', { type: 'button', class: 'primary', onclick: () => this.goFirst() }, t('kiosk.done')), this.again),
    ], focus);
    this.watch(ticket);
    this.fillPlace();
    this.sayPaper(paper);
    if (focus) this.app.tell([ticket.label, this.lead.textContent, this.range.textContent].filter(Boolean).join(t('separator')));
  }

  fillPlace() {
    const { t } = this.app;
    const { state, ahead, counter, wait_minutes: wait } = this.ticket;
    const isWaiting = state === 'waiting';
    say(this.lead, isWaiting ? (ahead === 0 ? t('ticket.next') : t('ticket.ahead', { n: ahead }))
      : t(`ticket.${state}`, { counter: counter ?? '' }));
    say(this.range, isWaiting ? t.wait(wait) : '');
  }

  sayPaper(state) {
    this.paperSaid = state;
    say(this.paper, state ? this.app.t(`paper.${state}`) : '');
    this.again.hidden = !state || ['printing', 'printed', 'receipts_most'].includes(state);
  }

  words(ticket) {
    const { t, pick, language } = this.app;
    const name = pick(this.services.find((one) => one.id === ticket.service)?.name);
    return language === 'ar' && this.kiosk ? drawLines([
      name.text, t('ticket.ahead', { n: ticket.ahead }), t.dateTime(ticket.issued_us), t('receipt.scan'), this.library,
    ].filter(Boolean), 'rtl') : undefined;
  }

  async print() {
    const { ticket } = this;
    const { api, language } = this.app;
    this.sayPaper('printing');
    for (let tries = 1; this.ticket?.secret === ticket.secret; tries += 1) {
      try {
        const { printer } = await api('POST', `queue/tickets/${ticket.secret}/receipt`,
          { language, kiosk: this.kiosk, picture: this.words(ticket) });
        if (this.ticket?.secret === ticket.secret) this.sayPaper(printer);
        return;
      } catch (error) {
        if (error.code !== 'queue.printer_busy' || tries >= TRIES_MOST) {
          if (this.ticket?.secret === ticket.secret) this.sayPaper(error.code === 'queue.receipts_most' ? 'receipts_most' : 'gone');
          return;
        }
        await new Promise((resolve) => { setTimeout(resolve, RETRY_MILLISECONDS); });
      }
    }
  }
}

define('queue-kiosk', QueueKiosk);
export default { order: 10, element: 'queue-kiosk' };
