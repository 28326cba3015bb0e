// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Serambi authors
//
// What a ticket's page does beside showing it: says by vibration and, if the visitor pressed for it,
// by a notification that it is nearly their turn, and that they are called. Loaded with the first ticket.

import { h, memory } from '../core/dom.js';

/** At so many people ahead one should come back from the shelves. */
export const NEAR = 2;

export class Reminder {
  #app;
  #last = null;

  constructor(app) {
    this.#app = app;
    this.node = h('p', {});
    this.#show();
  }

  #isWanted() {
    return globalThis.Notification?.permission === 'granted' && memory.get('queue.remind') === true;
  }

  /** Notifications need https in most browsers: where there are none, nothing is offered. */
  #show() {
    const { t } = this.#app;
    const canAsk = globalThis.isSecureContext && globalThis.Notification && Notification.permission !== 'denied';
    this.node.hidden = !canAsk;
    if (!canAsk) return;
    const button = h('button', {
      type: 'button', class: 'quiet', 'aria-pressed': String(this.#isWanted()),
      onclick: () => this.#press(),
    }, t(this.#isWanted() ? 'remind.on' : 'remind.off'));
    this.node.replaceChildren(button);
  }

  async #press() {
    if (this.#isWanted()) {
      memory.set('queue.remind', null);
    } else {
      memory.set('queue.remind', true);
      await Notification.requestPermission();
    }
    this.#show();
    this.node.querySelector('button')?.focus();
  }

  /** Each news of the ticket; speaks once for each step, never twice. */
  onTicket(ticket) {
    const step = ticket.state === 'waiting' && ticket.ahead <= NEAR ? 'near' : ticket.state;
    const isNew = this.#last && this.#last.label === ticket.label && this.#last.step !== step;
    this.#last = { label: ticket.label, step };
    if (!isNew || !['near', 'called'].includes(step)) return;
    const { t } = this.#app;
    // Being called vibrates already.
    if (step === 'near') navigator.vibrate?.([200]);
    if (!this.#isWanted()) return;
    try {
      const note = new Notification(`${ticket.label} ${t('brand')}`, {
        body: step === 'near' ? t('ticket.near') : t('ticket.called', { counter: ticket.counter ?? '' }),
        tag: 'queue', requireInteraction: step === 'called', lang: this.#app.language,
      });
      note.onclick = () => globalThis.focus();
    } catch {
      // Some phones allow them only to service workers: the page itself says it all the same.
    }
  }
}
