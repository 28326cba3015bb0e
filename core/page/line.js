// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Serambi authors
//
// One line to the server (Centrifuge protocol, JSON, version 2) for all who listen in this browser:
// the tabs, by way of live_worker.js, or one page alone.
//
// Each listener (a member) has its own place in each channel, so that none gets an entry twice or
// misses one, whenever it came. The channel's own place is where the server's next entry goes on.
// Who is behind it (a tab that was reloaded, or asleep) reads the entries between from the history.
//
// A member says               follow: name, kind ('state' or 'feed'), epoch, offset (behind which)
//                             leave: name    restart, wake, offline, alive, bye: true
// A member is told            status: {state, heard, ahead}
//                             news: name, epoch, offset, data
//                             place: name, epoch, offset, isLost (a feed begins, or begins anew)
//                             refused: name, code

const FIRST_MILLISECONDS = 500;
const LONGEST_MILLISECONDS = 30000;
const OPEN_MILLISECONDS = 10000;
const GRACE_MILLISECONDS = 10000;
const HASTE_MILLISECONDS = 2000;
const WATCH_MILLISECONDS = 5000;
// The server closes on a visitor's message of more than 16384 bytes; names are ASCII.
const MESSAGE_BYTES = 16000;
const TEMPORARY = new Set([100, 105, 111, 113]);

/** Full jitter: a thousand phones do not come back in the same instant. */
export function delayOf(tries, random = Math.random, first = FIRST_MILLISECONDS) {
  return random() * Math.min(LONGEST_MILLISECONDS, first * 2 ** tries);
}

function isTerminal(code) {
  return (code >= 3500 && code < 4000) || (code >= 4500 && code < 5000) || code === 1009;
}

export class Line {
  #url;
  #Socket;
  #members = new Set(); // post(message) of each
  #channels = new Map();
  #socket = null;
  #isOpen = false;
  #tried = 0; // when the socket was asked for
  #lastId = 0;
  #replies = new Map();
  #tries = 0;
  #again = null;
  #silence = null;
  #watch = null;
  #patience = 0;
  #pingMilliseconds = 25000;
  #pong = false;
  #state = 'connecting';
  #heard = 0; // never yet
  #current = 0; // heard while all was well: what is shown was true then
  #ahead = 0; // how far the server's clock is before ours, in microseconds
  #spread = FIRST_MILLISECONDS;

  constructor(url, { Socket = globalThis.WebSocket } = {}) {
    this.#url = url;
    this.#Socket = Socket;
  }

  /** Takes in a listener; gives back the function that hears what it says. */
  join(post) {
    this.#members.add(post);
    if (this.#state === 'ended') this.#state = 'connecting';
    for (const member of this.#members) member(this.#status());
    this.#wake(); // A page was loaded, so the server is there: no reason to wait for one's turn.
    return (message) => this.#members.has(post) && this.#hear(post, message);
  }

  #hear(member, message) {
    if (message.follow) this.#follow(member, message);
    else if (message.leave) this.#leave(member, message.leave);
    else if (message.restart) this.#restart();
    else if (message.wake) this.#wake();
    else if (message.offline) this.#drop();
    else if (message.bye) this.#forget(member);
    else member(this.#status()); // It asks whether we are alive.
  }

  #forget(member) {
    this.#members.delete(member);
    for (const channel of [...this.#channels.values()]) this.#leave(member, channel.name);
    if (this.#members.size > 0) return;
    clearTimeout(this.#again);
    this.#again = null;
    this.#hangUp();
    this.#change('connecting');
  }

  // --- Members and their places ------------------------------------------------------------------

  #follow(member, { follow: name, kind, epoch = null, offset = 0 }) {
    let channel = this.#channels.get(name);
    const isFirst = !channel;
    if (isFirst) {
      channel = { name, kind, epoch, offset, value: undefined, isOpen: false, refusal: 0, members: new Map() };
      this.#channels.set(name, channel);
    }
    channel.members.set(member, { epoch, offset, isReading: false });
    if (channel.refusal) member({ refused: name, code: channel.refusal });
    else if (channel.isOpen) this.#settle(channel, member);
    else if (isFirst && this.#isOpen) this.#send([this.#subscribeCommand(channel)]);
  }

  #leave(member, name) {
    const channel = this.#channels.get(name);
    if (!channel?.members.delete(member) || channel.members.size > 0) return;
    this.#channels.delete(name);
    if (this.#isOpen) this.#send([this.#command({ unsubscribe: { channel: name } }, () => {})]);
  }

  /** Brings a member to where the channel is, as soon as the server has said where that is. */
  #settle(channel, member) {
    const place = channel.members.get(member);
    const isSame = place.epoch === channel.epoch;
    if (channel.kind === 'state') {
      const isNews = !isSame || place.offset !== channel.offset;
      if (channel.value !== undefined && isNews) this.#tell(channel, member, channel.offset, channel.value);
    } else if (place.epoch === null || !isSame) {
      this.#begin(channel, member, !isSame && place.epoch !== null);
    } else if (place.offset < channel.offset) {
      this.#catchUp(channel, member, place);
    }
  }

  #tell(channel, member, offset, data) {
    const { name, epoch } = channel;
    Object.assign(channel.members.get(member), { epoch, offset });
    member({ news: name, epoch, offset, data });
  }

  /** The member goes on from here; isLost: what it did not hear cannot be had any more. */
  #begin(channel, member, isLost) {
    const { name, epoch, offset } = channel;
    Object.assign(channel.members.get(member), { epoch, offset });
    member({ place: name, epoch, offset, isLost });
  }

  /** While it reads, entries that arrive are too far ahead for it; they are read as well. */
  #catchUp(channel, member, place) {
    if (place.isReading) return;
    place.isReading = true;
    const since = { epoch: place.epoch, offset: place.offset };
    this.#send([this.#command({ history: { channel: channel.name, limit: -1, since } }, (reply) => {
      if (channel.members.get(member) !== place) return;
      place.isReading = false;
      if (TEMPORARY.has(reply.error?.code)) this.#drop();
      else this.#onHistory(channel, member, place, reply.history?.publications ?? []);
    })]);
  }

  #onHistory(channel, member, place, publications) {
    for (const { offset, data } of publications) {
      if (offset === place.offset + 1) this.#tell(channel, member, offset, data);
    }
    if (place.offset >= channel.offset) return;
    // Long histories come in pieces. When a piece brings nothing, the rest is not kept any more.
    if (publications.at(-1)?.offset === place.offset) this.#catchUp(channel, member, place);
    else this.#begin(channel, member, true);
  }

  // --- Channels ----------------------------------------------------------------------------------

  #subscribeCommand(channel) {
    const { name, kind, epoch, offset } = channel;
    const isKnown = epoch !== null && (kind === 'feed' || channel.value !== undefined);
    const position = isKnown ? { recover: true, epoch, offset } : {};
    return this.#command({ subscribe: { channel: name, ...position } }, (reply) => {
      if (this.#channels.get(name) !== channel) return;
      if (!reply.error) this.#onSubscribed(channel, reply.subscribe, isKnown);
      else if (TEMPORARY.has(reply.error.code)) this.#drop();
      else this.#refuse(channel, reply.error.code);
    });
  }

  #onSubscribed(channel, { epoch = null, offset = 0, recovered = false, publications = [] }, wasKnown) {
    channel.isOpen = true;
    channel.refusal = 0;
    const isSame = channel.epoch === epoch;
    channel.epoch = epoch;
    if (channel.kind === 'state') {
      const last = publications.at(-1);
      channel.offset = last?.offset ?? offset;
      if (last) channel.value = last.data;
      else if (!isSame) channel.value = undefined;
    } else if (wasKnown && recovered && isSame) {
      for (const publication of publications) this.#onPublication(channel, publication);
    } else {
      channel.offset = offset;
    }
    for (const member of [...channel.members.keys()]) this.#settle(channel, member);
  }

  #onPublication(channel, publication) {
    const offset = publication.offset ?? channel.offset + 1;
    if (!channel.isOpen || offset <= channel.offset) return;
    const isFeed = channel.kind === 'feed';
    if (isFeed && offset > channel.offset + 1) {
      this.#drop(); // A hole: come back and ask for what is missing.
      return;
    }
    channel.offset = offset;
    if (!isFeed) channel.value = publication.data;
    for (const [member, place] of [...channel.members]) {
      const isNext = place.epoch === channel.epoch && offset === place.offset + 1;
      if (!isFeed || isNext) this.#tell(channel, member, offset, publication.data);
    }
  }

  #refuse(channel, code) {
    channel.refusal = code;
    channel.value = undefined;
    for (const member of [...channel.members.keys()]) member({ refused: channel.name, code });
  }

  // --- The line ----------------------------------------------------------------------------------

  /** The cookie says that we are somebody else now: all is asked anew, and told anew. */
  #restart() {
    for (const channel of this.#channels.values()) {
      channel.value = undefined;
      if (channel.kind === 'state') for (const place of channel.members.values()) place.epoch = null;
    }
    this.#tries = 0;
    this.#hangUp();
    this.#change('connecting');
    this.#now();
  }

  /** A phone that slept may believe in a line that has long been dead; its timers slept as well. */
  #wake() {
    const isLate = !this.#isOpen && Date.now() - this.#tried > HASTE_MILLISECONDS;
    if (this.#socket && (this.#isSilent() || isLate)) this.#drop();
    if (!this.#socket) this.#now();
  }

  #isSilent() {
    return Date.now() - Math.max(this.#heard, this.#tried) > this.#patience;
  }

  #now() {
    clearTimeout(this.#again);
    this.#again = null;
    if (this.#socket || this.#members.size === 0 || this.#state === 'ended') return;
    let socket;
    try {
      socket = new this.#Socket(this.#url);
    } catch {
      this.#later();
      return;
    }
    this.#socket = socket;
    this.#tried = Date.now();
    this.#listenFor(OPEN_MILLISECONDS);
    // Timers stop while a machine sleeps, its clock does not.
    this.#watch = setInterval(() => this.#isSilent() && this.#drop(), WATCH_MILLISECONDS);
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
    if (this.#members.size === 0 || this.#state === 'ended' || this.#again) return;
    this.#again = setTimeout(() => this.#now(), delayOf(this.#tries, Math.random, this.#spread));
    this.#tries += 1;
  }

  #onOpen(socket) {
    if (socket !== this.#socket) return;
    const commands = [this.#command({ connect: { name: 'page' } }, (reply) => this.#onConnect(reply))];
    for (const channel of this.#channels.values()) commands.push(this.#subscribeCommand(channel));
    this.#isOpen = true;
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
    this.#listenFor(this.#pingMilliseconds + GRACE_MILLISECONDS);
    this.#change('online');
  }

  #onClose(code) {
    this.#hangUp();
    this.#change(isTerminal(code) ? 'ended' : 'connecting');
    this.#later();
  }

  /** Leaves the socket, without waiting for its goodbye, and comes again. */
  #drop() {
    this.#hangUp();
    if (this.#state === 'online') this.#change('connecting');
    this.#later();
  }

  #hangUp() {
    const socket = this.#socket;
    clearTimeout(this.#silence);
    clearInterval(this.#watch);
    this.#socket = null;
    this.#isOpen = false;
    this.#replies.clear();
    for (const channel of this.#channels.values()) {
      channel.isOpen = false;
      channel.refusal = 0;
      for (const place of channel.members.values()) place.isReading = false;
    }
    try {
      socket?.close();
    } catch {
      // It was closing by itself.
    }
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
    if (this.#state === 'online') this.#current = this.#heard;
  }

  #onPush(push) {
    const channel = this.#channels.get(push.channel);
    if (push.pub && channel) this.#onPublication(channel, push.pub);
    if (push.unsubscribe && channel) {
      channel.isOpen = false;
      if (push.unsubscribe.code >= 2500) this.#send([this.#subscribeCommand(channel)]);
      else this.#refuse(channel, push.unsubscribe.code);
    }
    if (push.disconnect) {
      if (isTerminal(push.disconnect.code)) this.#change('ended');
      this.#drop();
    }
  }

  #command(body, onReply) {
    this.#lastId += 1;
    this.#replies.set(this.#lastId, onReply);
    return JSON.stringify({ id: this.#lastId, ...body });
  }

  #send(commands) {
    let message = '';
    for (const command of commands) {
      if (message && message.length + command.length >= MESSAGE_BYTES) {
        this.#socket?.send(message);
        message = '';
      }
      message += message ? `\n${command}` : command;
    }
    if (message) this.#socket?.send(message);
  }

  #listenFor(milliseconds) {
    this.#patience = milliseconds;
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.#drop(), milliseconds);
  }

  #status() {
    return { status: { state: this.#state, heard: this.#current, ahead: this.#ahead } };
  }

  #change(state) {
    if (this.#state === state) return;
    this.#state = state;
    for (const member of [...this.#members]) member(this.#status());
  }
}
