// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Serambi authors
//
// The counter's desk: one key calls the next number; everything else is one key too.

import { Part, bdi, define, fill, h, list, memory, randomKey, say } from '../core/dom.js';
import { field, select, setOptions } from '../core/form.js';

const UNDO_MICROSECONDS = 60e6;
const MOVES = [
  { move: 'start', key: 's' },
  { move: 'recall', key: 'r' },
  { move: 'no-show', key: 'm' },
  { move: 'park', key: 'h' },
  { move: 'finish', key: 'f' },
];

class QueueStaff extends Part {
  start() {
    const { t } = this.app;
    this.counters = [];
    this.services = [];
    this.desk = { current: null, waiting: [], parked: [], missed: [] };
    this.acts = []; // The first is under way.
    this.callNext = this.callNext.bind(this);
    this.counterBox = select([], undefined, () => this.choose(this.counterBox.value));
    this.current = h('div', { class: 'desk-now', 'aria-live': 'polite', 'aria-atomic': 'true' });
    this.nextButton = h('button', { type: 'button', class: 'primary huge', onclick: () => this.next() },
      h('span', {}, t('desk.next')), h('kbd', { 'aria-hidden': 'true' }, 'N'));
    this.moves = MOVES.map(({ move, key }) => h('button', { type: 'button', onclick: () => this.move(move) },
      h('span', {}, t(`desk.${move}`)), h('kbd', { 'aria-hidden': 'true' }, key.toUpperCase())));
    this.transferButton = h('button', { type: 'button', onclick: () => this.transfer() },
      h('span', {}, t('desk.transfer')), h('kbd', { 'aria-hidden': 'true' }, 'T'));
    this.waiting = this.column('waiting');
    this.parked = this.column('parked');
    this.missed = this.column('missed');
    this.opening = h('ul', { class: 'rows' });
    this.seat = h('div', { class: 'seat' });
    this.undoButton = h('button', { type: 'button', class: 'undo', hidden: true, onclick: () => this.undo() },
      h('span', { class: 'undo-what' }), h('kbd', { 'aria-hidden': 'true' }, 'U'));
    this.reports = h('details', { class: 'card', ontoggle: () => this.openReports() }, h('summary', {}, t('report.title')));
    this.every(1, () => this.showTime());
    fill(this, h('div', { class: 'narrow' }, field({ label: t('desk.counter'), control: this.counterBox }), this.seat), this.app.asOf(),
      h('div', { class: 'desk' },
        h('section', { class: 'card desk-card', 'aria-label': t('desk.current') }, this.current, this.nextButton,
          this.undoButton, h('div', { class: 'actions desk-moves' }, this.moves, this.transferButton)),
        h('div', { class: 'stack' }, this.waiting.node, this.parked.node, this.missed.node)),
      h('section', { class: 'card' }, h('h2', {}, t('services.title')), this.opening), this.reports);
    this.showCurrent();
    this.readServices();
    this.follow('queue:desk', () => (this.counter ? this.readSoon() : this.readServices()));
  }

  column(name) {
    const { t } = this.app;
    const items = h('ul', { class: 'rows' });
    const count = h('span', { class: 'chip number' }, '–'); // Not read yet.
    const none = h('p', { class: 'quietly small', hidden: true }, t(`${name}.none`));
    return { items, count, none, node: h('section', { class: 'card' }, h('h2', {}, t(`${name}.title`), ' ', count), items, none) };
  }

  keys() {
    const { t } = this.app;
    return [
      { key: 'n', title: t('desk.next'), act: () => this.next() },
      ...MOVES.map(({ move, key }) => ({ key, title: t(`desk.${move}`), act: () => this.move(move) })),
      { key: 't', title: t('desk.transfer'), act: () => this.transfer() },
      { key: 'u', title: t('desk.undo.key'), act: () => this.undo() },
      { key: 'i', title: t('desk.sign-in'), act: () => this.sit() },
    ];
  }

  async readServices() {
    const { t, api, fail } = this.app;
    try {
      const { services, counters } = await api('GET', 'queue/services');
      this.services = services;
      this.counters = counters;
      const chosen = memory.get('queue.counter');
      const counter = counters.find((one) => String(one.id) === String(chosen)) ?? counters[0];
      setOptions(this.counterBox, counters.map((one) => [String(one.id), t('desk.counter.name', { counter: one.label })]),
        counter && String(counter.id));
      this.counter = counter?.id;
      list(this.opening, services, (one) => one.id, (one) => this.serviceRow(one));
      this.read();
    } catch (error) {
      fail(error);
    }
  }

  serviceRow(service) {
    const { t, pick } = this.app;
    const name = pick(service.name);
    const button = h('button', {
      type: 'button', class: 'switch', role: 'switch', 'aria-checked': String(service.is_open),
      onclick: () => this.open(service, button),
    }, h('span', {}, t(service.is_open ? 'service.open' : 'service.closed')),
    h('span', { class: 'unseen' }, name.text));
    return h('li', {}, h('span', { class: 'chip' }, service.code),
      h('div', { class: 'grow' }, bdi(name.text, name.language)), button);
  }

  async open(service, button) {
    button.setAttribute('aria-busy', 'true');
    try {
      await this.app.api('POST', `queue/services/${service.id}`, { is_open: !service.is_open });
      await this.readServices();
    } catch (error) {
      this.app.fail(error);
    } finally {
      button.removeAttribute('aria-busy');
    }
  }

  choose(id) {
    memory.set('queue.counter', id);
    this.counter = Number(id);
    this.dropTurn();
    this.readSoon();
  }

  async openReports() {
    if (!this.reports.open || this.reports.childElementCount > 1) return;
    try {
      await import('./reports.js');
      const node = document.createElement('queue-reports');
      node.app = this.app;
      this.reports.append(node);
    } catch (error) {
      this.app.fail(error);
    }
  }

  /** Who sits at this counter: a press sits down, takes over knowingly, or leaves. */
  showSeat() {
    const { t } = this.app;
    const { staff = [], user } = this.desk;
    const sitter = staff.find((one) => one.id === this.counter)?.staff;
    const text = !sitter ? t('desk.seat.free') : sitter === user ? t('desk.seat.mine') : t('desk.seat.other', { name: sitter });
    const seen = JSON.stringify([text, sitter === user]);
    if (this.seatSeen === seen) return;
    this.seatSeen = seen;
    const hadFocus = this.seat.contains(document.activeElement);
    const button = h('button', { type: 'button', onclick: () => (sitter === user ? this.standUp() : this.sit()) },
      h('span', {}, t(sitter === user ? 'desk.sign-out' : 'desk.sign-in')), sitter !== user && h('kbd', { 'aria-hidden': 'true' }, 'I'));
    fill(this.seat, h('p', { class: 'small' }, text), button);
    if (hadFocus) button.focus();
  }

  sit(takeover = false) {
    const { t, api, confirm } = this.app;
    const { counter } = this;
    if (!counter) return;
    this.inTurn(async () => {
      try {
        await api('POST', `queue/counters/${counter}/sign-in`, { takeover });
      } catch (error) {
        if (error.code !== 'queue.counter_taken' || takeover) throw error;
        const sitter = this.desk.staff?.find((one) => one.id === counter)?.staff ?? '';
        const question = { title: t('desk.takeover', { name: sitter }), action: t('desk.takeover.yes') };
        if (await confirm(question)) await api('POST', `queue/counters/${counter}/sign-in`, { takeover: true });
      }
    });
  }

  standUp() {
    this.inTurn(() => this.app.api('POST', 'queue/counters/sign-out', {}));
  }

  /** The last change of this desk, for a minute. */
  remember(ticket, words) {
    this.last = { id: ticket.id, words, until: this.app.live.nowUs() + UNDO_MICROSECONDS };
    this.showTime();
  }

  undo() {
    const { t, api, toast } = this.app;
    const { last } = this;
    if (!last || last.until < this.app.live.nowUs()) return;
    this.last = null;
    this.showTime();
    const key = randomKey();
    this.inTurn(async () => {
      const { ticket } = await api('POST', `queue/tickets/by-id/${last.id}/undo`, { key });
      toast(t('desk.undo.done', { ticket: ticket.label }));
    });
  }

  showTime() {
    const { t, live } = this.app;
    const seconds = this.last ? Math.ceil((this.last.until - live.nowUs()) / 1e6) : 0;
    this.undoButton.hidden = seconds <= 0;
    if (seconds > 0) say(this.undoButton.firstChild, t('desk.undo', { what: this.last.words, n: seconds }));
    for (const node of this.querySelectorAll('[data-since]')) {
      say(node, t.duration(Math.max(0, live.nowUs() - Number(node.dataset.since))));
    }
  }

  callChosen(ticket) {
    const key = randomKey();
    this.inTurn(async () => {
      const answer = await this.app.api('POST', `queue/tickets/by-id/${ticket.id}/call`, { counter: this.counter, key });
      this.remember(answer.ticket, this.app.t('desk.called.done', { ticket: answer.ticket.label }));
    });
  }

  /** Many bells in one moment are one reading, which begins after the last of them. */
  readSoon() {
    this.mustReadAgain = true;
    this.reading ??= this.readAgain();
    return this.reading;
  }

  async readAgain() {
    while (this.mustReadAgain) {
      this.mustReadAgain = false;
      await this.read();
    }
    this.reading = null;
  }

  async read() {
    if (!this.counter) return;
    const { counter } = this;
    try {
      const desk = await this.app.api('GET', `queue/desk?counter=${counter}`);
      if (counter !== this.counter) return;
      this.desk = desk;
      this.isRead = true;
      this.show();
    } catch (error) {
      if (error.status !== 0) this.app.fail(error);
    }
  }

  show() {
    this.showCurrent();
    this.showSeat();
    for (const [name, column] of [['waiting', this.waiting], ['parked', this.parked], ['missed', this.missed]]) {
      const tickets = this.desk[name] ?? [];
      list(column.items, tickets, (ticket) => ticket.id, (ticket) => this.row(ticket, name));
      say(column.count, this.app.t.number(tickets.length));
      column.none.hidden = tickets.length > 0;
    }
  }

  showCurrent() {
    const { t } = this.app;
    const { current } = this.desk;
    const seen = JSON.stringify([this.isRead, current?.id, current?.state, current?.service]);
    if (this.seen !== seen) {
      this.seen = seen;
      fill(this.current, current ? [h('p', { class: 'eyebrow' }, t(`desk.state.${current.state}`)),
        h('p', { class: 'label number' }, bdi(current.label)), h('p', {}, this.serviceName(current.service)),
        this.sign(current), this.estimate(current)]
        : h('p', { class: 'quietly' }, t(this.isRead ? 'desk.nobody' : 'loading')));
    }
    for (const button of [...this.moves, this.transferButton]) button.disabled = !current;
  }

  serviceName(id) {
    const service = this.services.find((one) => one.id === id);
    const name = service && this.app.pick(service.name);
    return name && bdi(name.text, name.language);
  }

  /** Priority by a sign and a word, not by colour. */
  sign(ticket) {
    return ticket.class && ticket.class !== 'normal' &&
      h('span', { class: 'chip sky' }, h('span', { 'aria-hidden': 'true' }, '\u2605'), ` ${this.app.t(`class.${ticket.class}`)}`);
  }

  /** What the visitor was told first, and what came of it. */
  estimate(ticket) {
    const { t } = this.app;
    if (!ticket.first_wait || !ticket.called_us) return null;
    const range = JSON.parse(ticket.first_wait);
    const minutes = Math.round((ticket.called_us - ticket.issued_us) / 60e6);
    const error = minutes > range[1] ? minutes - range[1] : Math.min(0, minutes - range[0]);
    const words = error > 0 ? t('desk.estimate.late', { n: error }) : error < 0 ? t('desk.estimate.early', { n: -error }) : t('desk.estimate.right');
    return h('p', { class: 'small' }, t('desk.estimate', { wait: t.wait(range), minutes: t.number(minutes) }), ' ', words);
  }

  row(ticket, name) {
    const { t, live } = this.app;
    return h('li', {}, h('strong', { class: 'number' }, bdi(ticket.label)), this.sign(ticket),
      h('div', { class: 'grow small quietly' }, this.serviceName(ticket.service), ' ',
        h('time', {}, t('desk.since', { time: t.time(ticket.issued_us) })), ' ',
        h('span', { class: 'number', 'data-since': String(ticket.issued_us) }, t.duration(Math.max(0, live.nowUs() - ticket.issued_us)))),
      name === 'waiting' ? h('button', { type: 'button', class: 'quiet', onclick: () => this.callChosen(ticket) },
        t('desk.call'), h('span', { class: 'unseen' }, ticket.label)) : h('button', { type: 'button', class: 'quiet', onclick: () => this.bringBack(ticket) },
        t('desk.return'), h('span', { class: 'unseen' }, ticket.label)));
  }

  /**
   * What is pressed while an answer is awaited is not lost: it acts in its turn, on the desk as the
   * answer left it. After a failure that desk is not what was meant, so what waits is dropped.
   */
  async inTurn(act) {
    this.acts.push(act);
    this.showTurn();
    if (this.acts.length > 1) return;
    while (this.acts.length > 0) {
      try {
        await this.acts[0]();
      } catch (error) {
        this.dropTurn();
        this.app.fail(error);
      }
      await this.readSoon();
      this.acts.shift();
      this.showTurn();
    }
  }

  /** But for what is under way. */
  dropTurn() {
    this.acts.splice(1);
  }

  showTurn() {
    if (this.acts.includes(this.callNext)) this.nextButton.setAttribute('aria-busy', 'true');
    else this.nextButton.removeAttribute('aria-busy');
  }

  /** A double press never calls two. */
  next() {
    if (this.counter && !this.acts.includes(this.callNext)) this.inTurn(this.callNext);
  }

  /** The key stays until an answer came: nor does a retry. */
  async callNext() {
    const { t, api, toast } = this.app;
    this.nextKey ??= randomKey();
    try {
      const { ticket } = await api('POST', `queue/counters/${this.counter}/next`, { key: this.nextKey });
      this.nextKey = null;
      if (ticket) this.remember(ticket, t('desk.called.done', { ticket: ticket.label }));
      else toast(t('queue.empty'));
    } catch (error) {
      if (error.status > 0 && error.status < 500) this.nextKey = null;
      throw error;
    }
  }

  move(move, chosen = null, body = {}) {
    const { t, api, toast } = this.app;
    const key = randomKey();
    this.inTurn(async () => {
      const ticket = chosen ?? this.desk.current;
      if (!ticket) return;
      await api('POST', `queue/tickets/by-id/${ticket.id}/${move}`, { ...body, key });
      const words = t(`desk.${move}.done`, { ticket: ticket.label });
      toast(words);
      if (move !== 'recall') this.remember(ticket, words);
    });
  }

  bringBack(ticket) {
    this.move('return', ticket);
  }

  transfer() {
    const { t, pick } = this.app;
    const { current } = this.desk;
    if (!current) return;
    const dialog = h('dialog', { 'aria-labelledby': 'transfer-title', onclose: () => dialog.remove() },
      h('h2', { id: 'transfer-title' }, t('transfer.title', { ticket: current.label })),
      h('div', { class: 'stack' }, this.services.filter((one) => one.id !== current.service).map((service) => {
        const name = pick(service.name);
        return h('button', {
          type: 'button',
          onclick: () => {
            dialog.close();
            this.move('transfer', current, { service: service.id });
          },
        }, h('span', { class: 'chip' }, service.code), bdi(name.text, name.language));
      })),
      h('div', { class: 'actions' }, h('button', { type: 'button', class: 'quiet', onclick: () => dialog.close() }, t('cancel'))));
    document.body.append(dialog);
    dialog.showModal();
  }
}

class QueueNow extends Part {
  start() {
    const { t, pick } = this.app;
    const calls = h('ol', { class: 'now', 'aria-live': 'polite' });
    const waiting = h('ul', { class: 'rows' });
    const none = h('p', { class: 'quietly', hidden: true }, t('waiting.none'));
    fill(this, calls, waiting, none);
    this.follow('queue:board', (board) => {
      list(calls, board.now.slice(0, 4), (call) => call.counter, (call) => h('li', {},
        h('span', { class: 'label number' }, bdi(call.ticket)),
        h('span', { class: 'where' }, t('now.counter', { counter: call.counter }))));
      calls.hidden = board.now.length === 0;
      const lines = board.waiting.filter((line) => line.count > 0);
      none.hidden = lines.length > 0;
      list(waiting, lines, (line) => line.service, (line) => {
        const name = pick(line.name);
        return h('li', {}, h('div', { class: 'grow' }, bdi(name.text, name.language)),
          h('span', { class: 'small quietly' }, t.wait(line.wait_minutes)),
          h('span', { class: 'chip number' }, t('take.waiting', { n: line.count })));
      });
    });
  }
}

define('queue-staff', QueueStaff);
define('queue-now', QueueNow);
export default { order: 40, title: 'title', icon: 'ticket', element: 'queue-staff', now: 'queue-now', key: 'q' };
