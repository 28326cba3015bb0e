// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Serambi authors
//
// A visitor's own number, who is being served, and taking a number. Screen readers are told what is
// new, in a sentence; what stands there is not read again.

import { Part, bdi, define, fill, h, list, memory, randomKey, say } from '../core/dom.js';

const FRESH_MICROSECONDS = 60e6;
const OVER = new Set(['done', 'no_show', 'left']);

const isSame = (one, other) => one.ticket === other.ticket && one.counter === other.counter &&
  one.called_us === other.called_us;

class QueuePublic extends Part {
  start() {
    const { t, asOf } = this.app;
    this.services = [];
    this.board = { now: [], waiting: [] };
    this.ticketPlace = h('div', { class: 'part' });
    this.nowList = h('ol', { class: 'now' });
    this.nowNone = h('p', { class: 'quietly', hidden: true }, t('now.none'));
    this.serviceList = h('ul', { class: 'services' });
    this.takeTitle = h('h2', {}, t('take.title'));
    this.problem = h('p', { class: 'connection', role: 'alert', hidden: true });
    this.take = h('section', { class: 'part', hidden: true }, this.takeTitle, asOf(), this.problem,
      this.serviceList);
    fill(this, h('div', { class: 'parts' }, this.ticketPlace, this.take,
      h('section', { class: 'part' }, h('h2', {}, t('now.title')), asOf(), this.nowList, this.nowNone)));
    this.follow('queue:board', (board) => this.onBoard(board));
    this.watchTicket(memory.get('queue.ticket'));
    this.isBegun = true; // What a page begins with is read with the page.
    this.readServices();
    this.listen(document, 'visibilitychange', () => {
      if (document.visibilityState !== 'visible') return;
      this.readServices();
      if (this.ticket) this.readTicket(this.ticket.secret); // The phone slept.
    });
    this.until(() => this.leaveTicket?.());
    this.until(() => {
      document.title = t('brand');
    });
  }

  async readServices() {
    try {
      const { services } = await this.app.api('GET', 'queue/services');
      this.services = services;
      this.showServices();
    } catch {
      // The line above the page says that the server is away; the list comes with it.
    }
  }

  onBoard(board) {
    if (this.board.day && this.board.day !== board.day) this.readServices();
    if (this.services.length === 0) this.readServices();
    if (this.board.day) this.tellCalls(board.now.filter((call) => !this.board.now.some((old) => isSame(old, call))));
    this.board = board;
    const { t } = this.app;
    list(this.nowList, board.now, (call) => call.counter, (call) => h('li', {},
      h('span', { class: 'label number' }, bdi(call.ticket)),
      h('span', { class: 'where' }, t('now.counter', { counter: call.counter }))));
    this.nowList.hidden = board.now.length === 0;
    this.nowNone.hidden = board.now.length > 0;
    this.showServices();
  }

  /** One's own number has a sentence of its own. */
  tellCalls(calls) {
    const { t } = this.app;
    const others = calls.filter((call) => call.ticket !== this.ticket?.label);
    if (others.length > 0) this.app.tell(others.map((call) => t('now.said', { ticket: call.ticket, counter: call.counter })).join(' '));
  }

  showServices() {
    const hasTicket = this.ticket && !OVER.has(this.ticket.state);
    this.take.hidden = Boolean(hasTicket) || this.services.length === 0;
    const waiting = new Map(this.board.waiting.map((line) => [line.service, line]));
    const items = this.services.map((service) => {
      const line = waiting.get(service.id);
      return { ...service, line, is_open: line?.is_open ?? service.is_open };
    });
    list(this.serviceList, items, (item) => item.id, (item) => new ServiceRow(this, item).node);
  }

  watchTicket(ticket) {
    this.leaveTicket?.();
    this.leaveTicket = null;
    if (!ticket?.secret) return;
    this.onTicket(ticket);
    if (OVER.has(ticket.state)) return;
    const { live } = this.app;
    const leaves = [
      live.subscribe(`queue:ticket.${ticket.secret}`, 'state', (news) => this.onTicket({ ...news, secret: ticket.secret })),
      live.subscribe('queue:calls', 'feed', (call) => this.onCall(call)),
    ];
    this.leaveTicket = () => leaves.forEach((leave) => leave());
    this.readTicket(ticket.secret);
  }

  /** A ticket's own address: "#/queue/<secret>", from a QR code. */
  async visit([secret]) {
    if (!/^[\w-]{22}$/.test(secret ?? '') || this.ticket?.secret === secret) return;
    try {
      const { ticket } = await this.app.api('GET', `queue/tickets/${secret}`);
      this.watchTicket({ ...ticket, secret });
    } catch (error) {
      this.app.fail(error);
    }
  }

  async remind(ticket) {
    try {
      const { Reminder } = await import('./ticket.js');
      this.reminder ??= new Reminder(this.app);
      if (this.ticketPlace.firstChild && !OVER.has(this.ticket?.state)) this.ticketPlace.append(this.reminder.node);
      this.reminder.onTicket(ticket);
    } catch {
      // The page says all without it.
    }
  }

  async readTicket(secret) {
    try {
      const { ticket } = await this.app.api('GET', `queue/tickets/${secret}`);
      if (this.ticket?.secret === secret) this.onTicket({ ...ticket, secret });
    } catch (error) {
      if (error.status === 404 && this.ticket?.secret === secret) this.forget();
    }
  }

  onTicket(ticket) {
    const wasCalled = this.ticket?.state === 'called';
    this.ticket = ticket;
    memory.set('queue.ticket', ticket);
    this.showTicket();
    this.remind(ticket);
    this.showServices();
    const { t } = this.app;
    document.title = ticket.state === 'called'
      ? t('title.called', { ticket: ticket.label, counter: ticket.counter ?? '' }) : t('brand');
    if (ticket.state === 'called' && !wasCalled) navigator.vibrate?.([300, 150, 300]);
  }

  /** Called once more: the phone says so once more. */
  onCall(call) {
    const isFresh = this.app.live.nowUs() - call.called_us < FRESH_MICROSECONDS;
    if (!call.recall || !isFresh || call.ticket !== this.ticket?.label) return;
    navigator.vibrate?.([300, 150, 300]);
    this.app.tell(this.app.t('ticket.called', { counter: call.counter }));
  }

  showTicket() {
    const { t, pick, asOf } = this.app;
    const { ticket } = this;
    if (!ticket) {
      this.shown = null;
      fill(this.ticketPlace);
      return;
    }
    const service = this.services.find((one) => one.id === ticket.service);
    const isOver = OVER.has(ticket.state);
    const style = isOver ? 'over' : { called: 'called' }[ticket.state] ?? 'waiting';
    const name = service && pick(service.name);
    const lines = this.ticketLines(ticket);
    const shown = JSON.stringify([ticket.label, style, lines, name]);
    if (shown === this.shown) return;
    this.shown = shown;
    this.tellTicket([ticket.label, lines.lead, lines.second].filter(Boolean).join(t('separator')));
    const hadFocus = this.ticketPlace.contains(document.activeElement);
    fill(this.ticketPlace, h('section', { class: `card ticket ${style}` },
      h('h2', { class: 'eyebrow' }, t('ticket.title')),
      h('p', { class: 'label number' }, bdi(ticket.label)),
      h('p', { class: 'lead' }, lines.lead),
      lines.second && h('p', {}, lines.second),
      name && !isOver && h('p', { class: 'small' }, bdi(name.text, name.language)),
      !isOver && asOf(),
      h('div', { class: 'actions' }, isOver
        ? h('button', { type: 'button', class: 'primary', onclick: () => this.forget() }, t('ticket.again'))
        : ticket.state === 'waiting' && h('button',
          { type: 'button', class: 'quiet', onclick: () => this.giveUp() }, t('ticket.leave')))));
    if (hadFocus) this.ticketPlace.querySelector('button')?.focus();
  }

  tellTicket(text) {
    if (this.isBegun && this.told !== text) this.app.tell(text);
    this.told = text;
  }

  ticketLines(ticket) {
    const { t } = this.app;
    switch (ticket.state) {
      case 'waiting':
        return {
          lead: ticket.ahead === 0 ? t('ticket.next') : t('ticket.ahead', { n: ticket.ahead }),
          second: [ticket.ahead <= 2 && t('ticket.near'), t.wait(ticket.wait_minutes)].filter(Boolean).join(t('separator')),
        };
      case 'called':
        return { lead: t('ticket.called', { counter: ticket.counter ?? '' }), second: t('ticket.turn') };
      case 'serving':
        return { lead: t('ticket.serving', { counter: ticket.counter ?? '' }) };
      default:
        return { lead: t(`ticket.${ticket.state}`), second: t(`ticket.${ticket.state}.more`) };
    }
  }

  async giveUp() {
    const { t, api, confirm, fail } = this.app;
    const { secret, label } = this.ticket;
    const question = { title: t('leave.title', { ticket: label }), text: t('leave.text'), action: t('leave.yes'), danger: true };
    if (!await confirm(question)) return;
    try {
      await api('POST', `queue/tickets/${secret}/leave`, {});
      this.forget();
    } catch (error) {
      fail(error);
    }
  }

  forget() {
    this.leaveTicket?.();
    this.leaveTicket = null;
    this.ticket = null;
    memory.set('queue.ticket', null);
    document.title = this.app.t('brand');
    this.showTicket();
    this.readServices();
    this.showServices();
  }

  /** A retry after a lost answer carries the same key and gets the same number. */
  async takeNumber(service, button) {
    if (button.getAttribute('aria-busy')) return;
    const name = `queue.key.${service.id}`;
    const key = memory.get(name) ?? randomKey();
    memory.set(name, key);
    button.setAttribute('aria-busy', 'true');
    this.problem.hidden = true;
    try {
      const { ticket } = await this.app.api('POST', 'queue/tickets', { service: service.id, key });
      memory.set(name, null);
      this.watchTicket(ticket);
      this.scrollIntoView({ block: 'start' });
    } catch (error) {
      if (error.status >= 400 && error.status < 500) memory.set(name, null);
      this.problem.hidden = false;
      say(this.problem, this.app.t.message(error));
    } finally {
      button.removeAttribute('aria-busy');
    }
  }
}

/** One service to take a number of; keeps its button while the figures change. */
class ServiceRow {
  constructor(page, item) {
    this.page = page;
    this.what = h('span', { class: 'what' });
    this.button = h('button', {
      type: 'button', onclick: () => page.takeNumber(this.item, this.button),
    }, h('span', { class: 'code', 'aria-hidden': 'true' }, item.code), this.what);
    this.node = h('li', {}, this.button);
    this.node.update = (news) => this.update(news);
    this.update(item);
  }

  update(item) {
    const { t, pick } = this.page.app;
    this.item = item;
    const name = pick(item.name);
    const figures = item.line && [t('take.waiting', { n: item.line.count }), t.wait(item.line.wait_minutes)];
    fill(this.what, bdi(name.text, name.language), h('small', {}, item.is_open
      ? (figures ?? []).filter(Boolean).join(t('separator')) : t('take.closed')));
    this.button.disabled = !item.is_open;
  }
}

define('queue-public', QueuePublic);
export default { order: 10, title: 'title', icon: 'ticket', element: 'queue-public' };
