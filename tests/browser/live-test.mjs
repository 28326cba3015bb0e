// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Serambi authors
//
// The pages' live client against a socket that the test holds in its hand.

import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { Live, delayOf } from './page.mjs';

/** Timers that only the test moves; node's own mock of them differs between its versions. */
const clock = {
  now: 0,
  due: new Map(),
  count: 0,
  tick(ms) {
    const end = this.now + ms;
    for (;;) {
      const next = [...this.due].filter(([, timer]) => timer.at <= end).sort(([, a], [, b]) => a.at - b.at)[0];
      if (!next) break;
      this.due.delete(next[0]);
      this.now = next[1].at;
      next[1].run();
    }
    this.now = end;
  },
};
globalThis.setTimeout = (run, ms = 0, ...args) => {
  clock.due.set(++clock.count, { at: clock.now + ms, run: () => run(...args) });
  return clock.count;
};
globalThis.clearTimeout = (id) => void clock.due.delete(id);

class Wire {
  static all = [];
  sent = [];
  isOpen = true;

  constructor() {
    Wire.all.push(this);
  }

  static get last() {
    return Wire.all.at(-1);
  }

  send(text) {
    this.sent.push(...text.split('\n').map((line) => JSON.parse(line)));
  }

  close() {
    this.isOpen = false;
  }

  open() {
    this.onopen();
    this.reply((command) => command.connect && { connect: { client: 'c', version: '1', ping: 25, pong: true } });
  }

  /** Answers the commands for which make() gives something. */
  reply(make) {
    for (const command of this.sent.splice(0)) {
      const answer = make(command);
      if (answer) this.say({ id: command.id, ...answer });
      else this.sent.push(command);
    }
  }

  say(...messages) {
    this.onmessage({ data: messages.map((message) => JSON.stringify(message)).join('\n') });
  }

  push(channel, offset, data) {
    this.say({ push: { channel, pub: { data, offset } } });
  }
}

function storage() {
  const kept = new Map();
  return { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value), kept };
}

function begin(options = {}) {
  Wire.all = [];
  const live = new Live('ws://test', { Socket: Wire, ...options });
  const got = [];
  return { live, got };
}

const positioned = (rest) => () => ({ subscribe: { recoverable: true, positioned: true, epoch: 'e', ...rest } });

test('a state greets with its newest value and shares it with those who come later', () => {
  const { live, got } = begin();
  live.subscribe('queue:board', 'state', (data) => got.push(data));
  Wire.last.open();
  assert.deepEqual(Wire.last.sent[0].subscribe, { channel: 'queue:board' });
  Wire.last.reply(positioned({ offset: 7, recovered: true, publications: [{ data: 'a', offset: 7 }] }));
  Wire.last.push('queue:board', 8, 'b');
  Wire.last.push('queue:board', 8, 'again');
  Wire.last.push('queue:board', 11, 'd');
  live.subscribe('queue:board', 'state', (data) => got.push(`late ${data}`));
  assert.deepEqual(got, ['a', 'b', 'd', 'late d']);
  assert.equal(Wire.last.sent.length, 0, 'one subscription is enough');
  live.close();
});

test('a state that did not change while away is not told twice', () => {
  const { live, got } = begin();
  live.subscribe('queue:board', 'state', (data) => got.push(data));
  Wire.last.open();
  Wire.last.reply(positioned({ offset: 7, publications: [{ data: 'a', offset: 7 }] }));
  Wire.last.onclose({ code: 3001 });
  clock.tick(30000);
  Wire.last.open();
  assert.deepEqual(Wire.last.sent[0].subscribe, { channel: 'queue:board', recover: true, epoch: 'e', offset: 7 });
  Wire.last.reply(positioned({ offset: 7, recovered: true, publications: [{ data: 'a', offset: 7 }] }));
  Wire.last.push('queue:board', 8, 'b');
  assert.deepEqual(got, ['a', 'b']);
  live.close();
});

test('a feed gives what was missed, in order and once', () => {
  const kept = storage();
  const { live, got } = begin({ storage: kept });
  live.subscribe('queue:calls', 'feed', (data) => got.push(data));
  Wire.last.open();
  Wire.last.reply(positioned({ offset: 417 }));
  Wire.last.push('queue:calls', 418, 'x');
  Wire.last.onclose({ code: 1006 });
  clock.tick(30000);
  Wire.last.open();
  Wire.last.reply(positioned({ offset: 420, recovered: true, was_recovering: true, publications: [{ data: 'y', offset: 419 }, { data: 'z', offset: 420 }] }));
  assert.deepEqual(got, ['x', 'y', 'z']);
  live.close();
  const next = begin({ storage: kept }); // The page was loaded again.
  next.live.subscribe('queue:calls', 'feed', (data) => next.got.push(data));
  Wire.last.open();
  assert.deepEqual(Wire.last.sent[0].subscribe, { channel: 'queue:calls', recover: true, epoch: 'e', offset: 420 });
  next.live.close();
});

test('a hole in a feed is not passed over: the client comes back for it', () => {
  const { live, got } = begin();
  live.subscribe('queue:calls', 'feed', (data) => got.push(data));
  Wire.last.open();
  Wire.last.reply(positioned({ offset: 5 }));
  const first = Wire.last;
  first.push('queue:calls', 7, 'too early');
  assert.equal(first.isOpen, false);
  clock.tick(1000);
  assert.notEqual(Wire.last, first);
  Wire.last.open();
  assert.equal(Wire.last.sent[0].subscribe.offset, 5);
  assert.deepEqual(got, []);
  live.close();
});

test('a feed that cannot be resumed is reset', () => {
  const { live } = begin();
  let resets = 0;
  live.subscribe('queue:calls', 'feed', () => {}, { onReset: () => { resets += 1; } });
  Wire.last.open();
  Wire.last.reply(positioned({ offset: 5 }));
  Wire.last.onclose({ code: 1006 });
  clock.tick(30000);
  Wire.last.open();
  Wire.last.reply(() => ({ subscribe: { epoch: 'other', offset: 2, recovered: false, was_recovering: true } }));
  assert.equal(resets, 1);
  Wire.last.push('queue:calls', 3, 'next');
  assert.equal(Wire.last.isOpen, true);
  live.close();
});

test('pings are answered, silence is a cut line', () => {
  const { live } = begin();
  live.subscribe('a:b', 'state', () => {});
  Wire.last.open();
  Wire.last.sent = [];
  Wire.last.say({});
  assert.deepEqual(Wire.last.sent, [{}]);
  const silent = Wire.last;
  assert.equal(live.state, 'online');
  clock.tick(36000);
  assert.equal(silent.isOpen, false);
  assert.equal(live.state, 'connecting');
  live.close();
});

test('a terminal close is the end, any other is not', () => {
  const { live } = begin();
  const states = [];
  live.onStatus(({ state }) => states.push(state));
  live.subscribe('a:b', 'state', () => {});
  Wire.last.open();
  Wire.last.onclose({ code: 3507 });
  clock.tick(60000);
  assert.equal(Wire.all.length, 1);
  assert.deepEqual(states, ['connecting', 'online', 'ended']);
  live.restart();
  assert.equal(Wire.all.length, 2);
  live.close();
});

test('a refused channel tells only its own listener; a temporary error tries again', () => {
  const { live } = begin();
  const refused = [];
  live.subscribe('staff:only', 'state', () => {}, { onError: (code) => refused.push(code) });
  Wire.last.open();
  Wire.last.reply(() => ({ error: { code: 103, message: 'permission denied' } }));
  assert.deepEqual(refused, [103]);
  assert.equal(live.state, 'online');
  live.subscribe('not:yet', 'state', () => {});
  Wire.last.reply(() => ({ error: { code: 100, temporary: true, message: 'internal' } }));
  clock.tick(1000);
  assert.equal(Wire.all.length, 2);
  live.close();
});

test('a listener that fails does not stop the others', () => {
  const { live, got } = begin();
  const before = globalThis.reportError;
  const faults = [];
  globalThis.reportError = (error) => faults.push(error.message);
  live.subscribe('a:b', 'state', () => { throw new Error('mine'); });
  live.subscribe('a:b', 'state', (data) => got.push(data));
  Wire.last.open();
  Wire.last.reply(positioned({ offset: 1, publications: [{ data: 1, offset: 1 }] }));
  assert.deepEqual([got, faults], [[1], ['mine']]);
  globalThis.reportError = before;
  live.close();
});

test('unsubscribing the last listener leaves the channel', () => {
  const { live } = begin();
  const leave = live.subscribe('queue:ticket.x', 'state', () => {});
  Wire.last.open();
  Wire.last.sent = [];
  leave();
  assert.deepEqual(Wire.last.sent[0].unsubscribe, { channel: 'queue:ticket.x' });
  live.close();
});

test('the server says how far to spread out, and what time it is', () => {
  const { live } = begin();
  live.subscribe('a:b', 'state', () => {});
  Wire.last.onopen();
  const nowUs = Date.now() * 1000 + 90e6;
  Wire.last.reply((command) => command.connect && { connect: { ping: 25, pong: true, data: { now_us: nowUs, spread_ms: 20000 } } });
  assert.ok(Math.abs(live.nowUs() - nowUs) < 5e6);
  const random = mock.method(Math, 'random', () => 0.9);
  Wire.last.onclose({ code: 3001 });
  clock.tick(17000);
  assert.equal(Wire.all.length, 1);
  clock.tick(2000);
  assert.equal(Wire.all.length, 2);
  random.mock.restore();
  live.close();
});

test('the delay has full jitter and a ceiling', () => {
  assert.equal(delayOf(0, () => 0), 0);
  assert.equal(delayOf(0, () => 1), 500);
  assert.equal(delayOf(3, () => 1), 4000);
  assert.equal(delayOf(40, () => 1), 30000);
});
