// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Serambi authors
//
// What happens, as it happens: a small client of the Centrifuge protocol (JSON, version 2).
// A state channel gives its newest value, also to those who come late; a feed gives every entry
// once, in order, also those that were missed while the line was cut or the page reloaded.

const FIRST_MILLISECONDS = 500;
const LONGEST_MILLISECONDS = 30000;
const OPEN_MILLISECONDS = 10000;
const GRACE_MILLISECONDS = 10000;
const TEMPORARY = new Set([100, 111, 113]);

/** Full jitter: a thousand phones do not come back in the same instant. */
export function delayOf(tries, random = Math.random, first = FIRST_MILLISECONDS) {
  return random() * Math.min(LONGEST_MILLISECONDS, first * 2 ** tries);
}

function isTerminal(code) {
  return (code >= 3500 && code < 4000) || (code >= 4500 && code < 5000) || code === 1009;
}

export class Live {
  #url;
  #Socket;
  #storage;
  #socket = null;
  #ready = false;
  #lastId = 0;
  #replies = new Map();
  #channels = new Map();
  #watchers = new Set();
  #tries = 0;
  #again = null;
  #silence = null;
  #pingMilliseconds = 25000;
  #pong = false;
  #heard = Date.now();
  #state = 'connecting';
  #resting = false;
  #spread = FIRST_MILLISECONDS;
  #ahead = 0; // how far the server's clock is before ours, in microseconds

  constructor(url, options = {}) {
    this.#url = url;
    this.#Socket = options.Socket ?? globalThis.WebSocket;
    this.#storage = options.storage;
    globalThis.addEventListener?.('online', () => this.#now());
    globalThis.addEventListener?.('offline', () => this.#drop());
    globalThis.document?.addEventListener('visibilitychange', () => this.#onVisible());
  }

  /** 'online', 'connecting' (also: trying again), 'ended' (the server will not have us). */
  get state() {
    return this.#state;
  }

  /** When the server was last heard, in milliseconds. */
  get heard() {
    return this.#heard;
  }

  /** Microseconds since 1970 by the server's clock. */
  nowUs() {
    return Date.now() * 1000 + this.#ahead;
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
    if (!channel) {
      channel = { name, kind, epoch: null, offset: 0, value: undefined, listeners: new Set() };
      if (kind === 'feed') this.#remember(channel);
      this.#channels.set(name, channel);
    }
    const listener = { onMessage, onReset, onError };
    const isFirst = channel.listeners.size === 0;
    channel.listeners.add(listener);
    if (channel.value !== undefined) this.#tell(listener.onMessage, channel.value);
    if (this.#ready && isFirst) this.#send([this.#subscribeCommand(channel)]);
    if (!this.#socket && !this.#resting) this.#now();
    return () => this.#leave(channel, listener);
  }

  /** Connects anew, as who the cookie now says we are. */
  restart() {
    this.#resting = false;
    this.#state = 'connecting';
    for (const channel of this.#channels.values()) {
      channel.value = undefined;
      channel.offset = channel.kind === 'state' ? 0 : channel.offset;
    }
    this.#tries = 0;
    this.#drop();
    this.#now();
  }

  close() {
    this.#resting = true;
    clearTimeout(this.#again);
    this.#drop();
  }

  #leave(channel, listener) {
    channel.listeners.delete(listener);
    if (channel.listeners.size > 0 || this.#channels.get(channel.name) !== channel) return;
    this.#channels.delete(channel.name);
    if (this.#ready) {
      this.#send([this.#command({ unsubscribe: { channel: channel.name } }, () => {})]);
    }
  }

  #now() {
    clearTimeout(this.#again);
    this.#again = null;
    if (this.#socket || this.#resting || this.#state === 'ended') return;
    let socket;
    try {
      socket = new this.#Socket(this.#url);
    } catch {
      this.#later();
      return;
    }
    this.#socket = socket;
    this.#listenFor(OPEN_MILLISECONDS);
    socket.onopen = () => this.#onOpen(socket);
    socket.onmessage = (event) => {
      if (socket === this.#socket) this.#onData(event.data);
    };
    socket.onclose = (event) => {
      if (socket === this.#socket) this.#onClose(event.code);
    };
    socket.onerror = () => {};
  }

  #later() {
    if (this.#resting || this.#state === 'ended' || this.#again) return;
    this.#again = setTimeout(() => this.#now(), delayOf(this.#tries, Math.random, this.#spread));
    this.#tries += 1;
  }

  #onOpen(socket) {
    if (socket !== this.#socket) return;
    this.#replies.clear();
    const commands = [this.#command({ connect: { name: 'page' } }, (reply) => this.#onConnect(reply))];
    for (const channel of this.#channels.values()) commands.push(this.#subscribeCommand(channel));
    this.#ready = true;
    this.#send(commands);
  }

  #onConnect(reply) {
    if (reply.error) {
      if (!TEMPORARY.has(reply.error.code) && reply.error.code !== 109) this.#change('ended');
      this.#drop();
      return;
    }
    this.#pingMilliseconds = (reply.connect.ping ?? 25) * 1000;
    this.#pong = reply.connect.pong === true;
    const { now_us: nowUs, spread_ms: spread } = reply.connect.data ?? {};
    if (nowUs) this.#ahead = nowUs - Date.now() * 1000;
    this.#spread = Math.max(FIRST_MILLISECONDS, spread ?? 0); // The server knows how many we are.
    this.#tries = 0;
    this.#change('online');
  }

  #onClose(code) {
    this.#forget();
    if (isTerminal(code)) this.#change('ended');
    else this.#change('connecting');
    this.#later();
  }

  /** Leaves the socket, without waiting for its goodbye, and comes again. */
  #drop() {
    const socket = this.#socket;
    this.#forget();
    try {
      socket?.close();
    } catch {
      // It was closing by itself.
    }
    if (this.#state === 'online') this.#change('connecting');
    this.#later();
  }

  #forget() {
    clearTimeout(this.#silence);
    this.#socket = null;
    this.#ready = false;
    this.#replies.clear();
  }

  #onVisible() {
    if (globalThis.document.visibilityState !== 'visible') return;
    const isSilent = Date.now() - this.#heard > this.#pingMilliseconds + GRACE_MILLISECONDS;
    if (this.#socket && isSilent) this.#drop();
    if (!this.#socket) this.#now();
  }

  #onData(text) {
    this.#heard = Date.now();
    this.#listenFor(this.#pingMilliseconds + GRACE_MILLISECONDS);
    for (const line of text.split('\n')) {
      if (!line) continue;
      const message = JSON.parse(line);
      if (message.id) {
        const onReply = this.#replies.get(message.id);
        this.#replies.delete(message.id);
        onReply?.(message);
      } else if (message.push) {
        this.#onPush(message.push);
      } else if (this.#pong) {
        this.#socket?.send('{}');
      }
    }
  }

  #onPush(push) {
    const channel = this.#channels.get(push.channel);
    if (push.pub && channel) this.#onPublication(channel, push.pub);
    if (push.unsubscribe && channel) {
      if (push.unsubscribe.code >= 2500) this.#send([this.#subscribeCommand(channel)]);
      else this.#refuse(channel, push.unsubscribe.code);
    }
    if (push.disconnect) {
      if (isTerminal(push.disconnect.code)) this.#change('ended');
      this.#drop();
    }
  }

  #onPublication(channel, publication) {
    const offset = publication.offset ?? channel.offset + 1;
    if (offset <= channel.offset) return;
    if (channel.kind === 'feed' && offset > channel.offset + 1) {
      this.#drop(); // A hole: come back and ask for what is missing.
      return;
    }
    channel.offset = offset;
    if (channel.kind === 'state') channel.value = publication.data;
    else this.#keep(channel);
    this.#tellAll(channel, publication.data);
  }

  #subscribeCommand(channel) {
    const request = { channel: channel.name };
    const isKnown = channel.epoch !== null && (channel.kind === 'feed' || channel.value !== undefined);
    if (isKnown) Object.assign(request, { recover: true, epoch: channel.epoch, offset: channel.offset });
    return this.#command({ subscribe: request }, (reply) => {
      if (this.#channels.get(channel.name) === channel) this.#onSubscribe(channel, reply, isKnown);
    });
  }

  #onSubscribe(channel, reply, wasKnown) {
    if (reply.error) {
      if (TEMPORARY.has(reply.error.code)) this.#drop();
      else if (reply.error.code !== 105) this.#refuse(channel, reply.error.code);
      return;
    }
    const { epoch = null, offset = 0, recovered = false, publications = [] } = reply.subscribe;
    const isSame = channel.epoch === epoch;
    channel.epoch = epoch;
    if (channel.kind === 'state') {
      const last = publications.at(-1);
      const isNews = last && (!isSame || (last.offset ?? offset) !== channel.offset ||
        channel.value === undefined);
      channel.offset = last?.offset ?? offset;
      if (isNews) {
        channel.value = last.data;
        this.#tellAll(channel, last.data);
      }
      return;
    }
    if (wasKnown && recovered && isSame) {
      for (const publication of publications) this.#onPublication(channel, publication);
    } else {
      channel.offset = offset;
      if (wasKnown) for (const listener of channel.listeners) this.#tell(listener.onReset);
    }
    this.#keep(channel);
  }

  #refuse(channel, code) {
    for (const listener of channel.listeners) this.#tell(listener.onError, code);
  }

  #tellAll(channel, data) {
    for (const listener of [...channel.listeners]) this.#tell(listener.onMessage, data);
  }

  /** A listener that fails is its own fault and must not stop the others. */
  #tell(listener, data) {
    try {
      listener?.(data);
    } catch (error) {
      globalThis.reportError?.(error);
    }
  }

  #command(body, onReply) {
    this.#lastId += 1;
    this.#replies.set(this.#lastId, onReply);
    return JSON.stringify({ id: this.#lastId, ...body });
  }

  #send(commands) {
    this.#socket?.send(commands.join('\n'));
  }

  #listenFor(milliseconds) {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.#drop(), milliseconds);
  }

  #change(state) {
    if (this.#state === state) return;
    this.#state = state;
    for (const watcher of this.#watchers) this.#tell(watcher, this);
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
