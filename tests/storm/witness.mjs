// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Serambi authors
// Readers of the two live channels, each as its author would write it, that keep account of what they
// heard: a WebSocket that speaks the protocol, the usual SDK, and an EventSource. Each can leave and
// come back with its old position.
import { createHash } from 'node:crypto';
import { Centrifuge } from 'centrifuge';
import { EventSource } from 'eventsource';
import WebSocket from 'ws';

export const FEED = 'announcements:events';
export const STATE = 'announcements:live';

export const digest = (value) => createHash('sha256').update(JSON.stringify(value)).digest('base64');

/** What a state says, whatever the order of its list. */
export const listDigest = (announcements) => digest([...announcements].sort((a, b) => a.id - b.id));

/** The account: what was heard in what order, and the first thing that was wrong. */
class Witness {
  constructor(url, name, random) {
    Object.assign(this, { url, name, random, epoch: null, first: null, isAway: false, isOver: false });
    this.offsets = { [FEED]: null, [STATE]: null };
    this.feed = []; // digests of first + 1, first + 2, ...
    this.states = []; // [offset, digest of the list]
    this.counts = { deliveries: 0, resumes: 0 };
  }

  blame(text) {
    this.fault ??= `${this.name}: ${text}`;
  }

  /** The server's answer to a subscription. `begin` is the position from which it goes on. */
  subscribed(channel, { epoch, begin, wasRecovering, recovered }) {
    if (this.offsets[channel] === null) {
      this.epoch = epoch;
      this.offsets[channel] = channel === FEED ? begin : 0;
      if (channel === FEED) this.first = begin;
      return;
    }
    if (channel === FEED) this.counts.resumes += 1;
    if (epoch !== this.epoch) this.blame(`another epoch: ${epoch} after ${this.epoch}`);
    if (!wasRecovering || !recovered) this.blame(`${channel}: lost its place at ${this.offsets[channel]}`);
    if (channel === FEED && begin !== undefined && begin !== this.offsets[FEED]) {
      this.blame(`goes on from ${begin} after ${this.offsets[FEED]}`);
    }
  }

  heard(channel, { offset, data }) {
    const last = this.offsets[channel];
    this.counts.deliveries += 1;
    if (last === null) this.blame(`${channel}: ${offset} before the answer`);
    if (channel === FEED) {
      if (offset !== last + 1) this.blame(`${channel}: ${offset} after ${last}`);
      this.feed.push(digest(data));
    } else {
      if (offset <= last) this.blame(`${channel}: ${offset} after ${last}`);
      this.states.push([offset, listDigest(data.announcements)]);
    }
    this.offsets[channel] = offset;
  }

  has(channel, offset) {
    return this.offsets[channel] === offset;
  }

  get position() {
    return this.offsets[FEED];
  }
}

/** Speaks the protocol over a WebSocket, as a careful client does. */
export class Phone extends Witness {
  come() {
    this.isAway = false;
    const socket = new WebSocket(`${this.url.replace('http', 'ws')}/connection/websocket`);
    this.socket = socket;
    socket.on('open', () => socket.send([{ id: 1, connect: {} }, this.subscription(2, FEED),
      this.subscription(3, STATE)].map((command) => JSON.stringify(command)).join('\n')));
    socket.on('message', (message) => {
      for (const line of message.toString().split('\n')) this.take(socket, JSON.parse(line));
    });
    socket.on('error', () => {}); // close follows
    socket.on('close', (code, reason) => this.closed(socket, code, reason));
  }

  subscription(id, channel) {
    const offset = this.offsets[channel];
    const position = offset === null ? {} : { recover: true, epoch: this.epoch, offset };
    return { id, subscribe: { channel, ...position } };
  }

  take(socket, message) {
    if (socket !== this.socket || this.isAway) return; // of a connection that it has left
    if (message.error) this.blame(JSON.stringify(message));
    const channel = message.id === 2 ? FEED : STATE;
    if (message.subscribe) {
      const { epoch, offset, was_recovering: wasRecovering, recovered, publications = [] } = message.subscribe;
      this.subscribed(channel, { epoch, begin: offset, wasRecovering, recovered });
      publications.forEach((publication) => this.heard(channel, publication));
      socket.isSubscribed = channel === STATE; // the second of the two
    } else if (message.push) {
      this.heard(message.push.channel, message.push.pub);
    } else if (Object.keys(message).length === 0) {
      socket.send('{}');
    }
  }

  closed(socket, code, reason) {
    socket.isSubscribed = false;
    if (socket !== this.socket) return;
    if (code === 1009 || (code >= 3500 && code < 4000)) this.blame(`closed for good: ${code} ${reason}`);
    if (!this.isAway && !this.isOver) setTimeout(() => this.isAway || this.isOver || this.come(), this.random() * 300);
  }

  get isSubscribed() {
    return !this.isAway && this.socket.isSubscribed === true;
  }

  /** Does not read its socket, or reads again. */
  pause() {
    this.socket.pause();
  }

  resume() {
    this.socket.resume();
  }

  leave() {
    this.isAway = true;
    this.socket.terminate();
  }

  end() {
    this.isOver = true;
    this.leave();
  }
}

/** The usual SDK, which keeps its positions itself. */
export class Sdk extends Witness {
  come() {
    this.isAway = false;
    this.client ??= this.build();
    this.client.connect();
  }

  build() {
    const client = new Centrifuge(`${this.url.replace('http', 'ws')}/connection/websocket`, {
      websocket: WebSocket, minReconnectDelay: 20, maxReconnectDelay: 500,
    });
    client.on('disconnected', ({ code, reason }) => {
      if (!this.isAway && !this.isOver) this.blame(`disconnected for good: ${code} ${reason}`);
    });
    for (const channel of [FEED, STATE]) {
      const subscription = client.newSubscription(channel);
      subscription.on('subscribed', ({ streamPosition, wasRecovering, recovered }) => {
        const isFirst = this.offsets[channel] === null;
        this.subscribed(channel, {
          epoch: streamPosition.epoch, begin: isFirst ? streamPosition.offset : undefined, wasRecovering, recovered,
        });
      });
      subscription.on('publication', (publication) => this.heard(channel, publication));
      subscription.on('unsubscribed', ({ code, reason }) => {
        if (!this.isOver) this.blame(`${channel}: unsubscribed for good: ${code} ${reason}`);
      });
      subscription.subscribe();
    }
    return client;
  }

  leave() {
    this.isAway = true;
    this.client.disconnect();
  }

  end() {
    this.isOver = true;
    this.client.disconnect();
  }
}

/** An EventSource: it only knows the id of the last event, and comes back by itself. */
export class Reader extends Witness {
  come() {
    this.isAway = false;
    const connect = JSON.stringify({ subs: { [FEED]: {}, [STATE]: {} } });
    const id = this.lastId;
    const source = new EventSource(`${this.url}/connection/uni_sse?cf_connect=${encodeURIComponent(connect)}`, {
      fetch: (input, init) => fetch(input, id && !init.headers['Last-Event-ID']
        ? { ...init, headers: { ...init.headers, 'Last-Event-ID': id } } : init),
    });
    this.source = source;
    source.onmessage = ({ data, lastEventId }) => {
      if (source !== this.source || this.isAway) return;
      this.take(JSON.parse(data));
      if (lastEventId) this.lastId = lastEventId; // this library gives '' where there is none
    };
    source.onerror = ({ code, message }) => {
      if (source === this.source && source.readyState === EventSource.CLOSED && !this.isAway) {
        this.blame(`gave up: ${code} ${message}`);
      }
    };
  }

  take({ connect, channel, pub }) {
    if (pub) this.heard(channel, pub);
    for (const [name, sub] of Object.entries(connect?.subs ?? {})) {
      const { epoch, offset, was_recovering: wasRecovering, recovered, publications = [] } = sub;
      this.subscribed(name, { epoch, begin: offset, wasRecovering, recovered });
      publications.forEach((publication) => this.heard(name, publication));
    }
  }

  leave() {
    this.isAway = true;
    this.source.close();
  }

  end() {
    this.isOver = true;
    this.leave();
  }
}
