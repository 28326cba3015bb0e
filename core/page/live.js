// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Serambi authors
//
// What happens, as it happens, for the parts of a page. A state channel gives its newest value, also
// to those who come late; a feed gives every entry once, in order, also those that were missed while
// the line was cut or the page reloaded: the place in it is kept for each tab.
//
// The line itself (line.js) is shared by the tabs of a browser, in a worker (live_worker.js); where
// there is none, or it does not answer, this page has a line of its own.

import { Line } from './line.js';

const ANSWER_MILLISECONDS = 5000;
const ALIVE_MILLISECONDS = 20000;

let policy;

/**
 * The worker of this version of the pages: its address holds the version, so that a page from
 * before an upgrade and one from after it do not meet. Works without https, unlike Web Locks.
 */
export function openWorker() {
  const address = new URL('./live_worker.js', import.meta.url).href;
  policy ??= globalThis.trustedTypes?.createPolicy('live', { createScriptURL: (url) => url });
  return new globalThis.SharedWorker(policy?.createScriptURL(address) ?? address,
    { name: 'live', type: 'module' });
}

export class Live {
  #url;
  #options;
  #storage;
  #channels = new Map();
  #watchers = new Set();
  #status = { state: 'connecting', heard: 0, ahead: 0 };
  #say = () => {};
  #post = null; // the end that the line's news come to; news for another end are old
  #mayShare;
  #alive = null;
  #patience = null;

  /** openWorker, Socket: as in tests. Without openWorker the line is the page's own. */
  constructor(url, { storage, ...options } = {}) {
    this.#url = url;
    this.#options = options;
    this.#storage = storage;
    this.#mayShare = Boolean(options.openWorker);
    const { document } = globalThis;
    const on = (target, type, act) => target?.addEventListener?.(type, act);
    on(globalThis, 'online', () => this.#wake());
    on(globalThis, 'offline', () => this.#say({ offline: true }));
    on(document, 'visibilitychange', () => document.visibilityState === 'visible' && this.#wake());
    // A page that was put aside (for the back button) listens to nothing, and joins anew.
    on(globalThis, 'pagehide', () => this.close());
    on(globalThis, 'pageshow', (event) => event.persisted && this.#join());
    this.#join();
  }

  /** 'online', 'connecting' (also: trying again), 'ended' (the server will not have us). */
  get state() {
    return this.#status.state;
  }

  /** Until when all was well before the line was lost, in milliseconds; 0: it never was. */
  get heard() {
    return this.#status.heard;
  }

  /** Microseconds since 1970 by the server's clock. */
  nowUs() {
    return Date.now() * 1000 + this.#status.ahead;
  }

  /** Calls watcher(live) at once and at every change of state; gives back how to stop. */
  onStatus(watcher) {
    this.#watchers.add(watcher);
    watcher(this);
    return () => this.#watchers.delete(watcher);
  }

  /**
   * kind: 'state' or 'feed'. onMessage(data) for each; onReset() when a feed could not be resumed
   * and what it told is to be read anew; onError(code) when the channel is not for us.
   */
  subscribe(name, kind, onMessage, { onReset, onError } = {}) {
    let channel = this.#channels.get(name);
    const isFirst = !channel;
    if (isFirst) {
      channel = { name, kind, epoch: null, offset: 0, value: undefined, listeners: new Set() };
      if (kind === 'feed') this.#remember(channel);
      this.#channels.set(name, channel);
    }
    const listener = { onMessage, onReset, onError };
    channel.listeners.add(listener);
    if (isFirst) this.#follow(channel);
    else if (channel.value !== undefined) this.#tell(onMessage, channel.value);
    return () => this.#leave(channel, listener);
  }

  /** Connects anew, as who the cookie now says we are. */
  restart() {
    for (const channel of this.#channels.values()) this.#unlearn(channel);
    this.#say({ restart: true });
  }

  /** Leaves the line; the page hears nothing more. */
  close() {
    this.#say({ bye: true });
    this.#part();
    this.#take({ ...this.#status, state: 'connecting' });
  }

  #leave(channel, listener) {
    channel.listeners.delete(listener);
    if (channel.listeners.size > 0 || this.#channels.get(channel.name) !== channel) return;
    this.#channels.delete(channel.name);
    this.#say({ leave: channel.name });
  }

  /** The phone was perhaps asleep: is the line still there, is the worker? */
  #wake() {
    this.#say({ wake: true });
    if (this.#alive) this.#ask();
  }

  // --- The line, shared or our own ---------------------------------------------------------------

  #join() {
    this.#part();
    try {
      if (this.#mayShare) this.#share();
    } catch {
      this.#part(); // No such worker in this browser, or not for us.
    }
    if (!this.#post) this.#beAlone();
    for (const channel of [...this.#channels.values()]) this.#follow(channel);
  }

  #share() {
    const worker = this.#options.openWorker();
    const { port } = worker;
    const post = (message) => {
      clearTimeout(this.#patience);
      this.#patience = null;
      this.#hear(message);
    };
    worker.onerror = () => post === this.#post && this.#giveUp();
    port.onmessage = ({ data }) => post === this.#post && post(data);
    this.#post = post;
    this.#say = (message) => port.postMessage(message);
    this.#alive = setInterval(() => this.#ask(), ALIVE_MILLISECONDS);
    this.#ask();
  }

  #beAlone() {
    this.#post = (message) => this.#hear(message);
    this.#say = new Line(this.#url, this.#options).join(this.#post);
  }

  /** A worker that does not answer is not waited for: the page goes on without it. */
  #ask() {
    const since = Date.now();
    this.#patience ??= setTimeout(() => {
      this.#patience = null;
      // So late: this page was asleep, and the answer is perhaps in its letter box.
      if (Date.now() - since > 2 * ANSWER_MILLISECONDS) this.#ask();
      else this.#giveUp();
    }, ANSWER_MILLISECONDS);
    this.#say({ alive: true });
  }

  #giveUp() {
    this.#mayShare = false;
    this.#say({ bye: true });
    this.#join();
  }

  #part() {
    clearInterval(this.#alive);
    this.#alive = null;
    clearTimeout(this.#patience);
    this.#patience = null;
    this.#post = null;
    this.#say = () => {};
  }

  #follow({ name, kind, epoch, offset }) {
    this.#say({ follow: name, kind, epoch, offset });
  }

  // --- What the line tells -----------------------------------------------------------------------

  #hear(message) {
    if (message.status) this.#take(message.status);
    if (message.gone) this.#join(); // The worker took us for dead: we were asleep.
    const channel = this.#channels.get(message.news ?? message.place ?? message.refused);
    if (!channel) return;
    if (message.refused) {
      this.#unlearn(channel);
      for (const { onError } of [...channel.listeners]) this.#tell(onError, message.code);
      return;
    }
    Object.assign(channel, { epoch: message.epoch, offset: message.offset });
    if (channel.kind === 'feed') this.#keep(channel);
    else channel.value = message.data;
    const { news, isLost, data } = message;
    for (const listener of [...channel.listeners]) {
      if (news) this.#tell(listener.onMessage, data);
      else if (isLost) this.#tell(listener.onReset);
    }
  }

  /** The value of a state is not ours any more; the place in a feed is. */
  #unlearn(channel) {
    if (channel.kind === 'state') Object.assign(channel, { epoch: null, value: undefined });
  }

  #take(status) {
    const { state } = this.#status;
    this.#status = status;
    if (status.state === state) return;
    for (const watcher of [...this.#watchers]) this.#tell(watcher, this);
  }

  /** A listener that fails is its own fault and must not stop the others. */
  #tell(listener, data) {
    try {
      listener?.(data);
    } catch (error) {
      globalThis.reportError?.(error);
    }
  }

  #keep(channel) {
    try {
      this.#storage?.setItem(`live:${channel.name}`,
        JSON.stringify({ epoch: channel.epoch, offset: channel.offset }));
    } catch {
      // Without storage a reload starts at the newest entry.
    }
  }

  #remember(channel) {
    try {
      const position = JSON.parse(this.#storage?.getItem(`live:${channel.name}`) ?? 'null');
      if (position) Object.assign(channel, { epoch: position.epoch, offset: position.offset });
    } catch {
      // The same.
    }
  }
}
