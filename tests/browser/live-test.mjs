// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Serambi authors
//
// The pages' live client, alone and in several tabs with their worker, against a socket, ports and a
// clock that the test holds in its hand.

import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { Live, delayOf, startWorker } from './page.mjs';

/**
 * Timers that only the test moves; node's own mock of them differs between its versions. Those of a
 * tab that sleeps wait until it wakes.
 */
const clock = {
  now: 0,
  slept: 0, // the machine was asleep: its time went on, its timers did not
  tab: null, // whose code runs
  due: new Map(),
  count: 0,
  tick(ms) {
    const end = this.now + ms;
    for (;;) {
      const [next] = [...this.due].filter(([, timer]) => timer.at <= end && !timer.tab?.isAsleep)
        .sort(([, a], [, b]) => a.at - b.at);
      if (!next) break;
      const [id, timer] = next;
      this.due.delete(id);
      this.now = Math.max(this.now, timer.at);
      this.within(timer.tab, timer.run);
    }
    this.now = end;
  },
  within(tab, act) {
    const before = this.tab;
    this.tab = tab;
    act();
    this.tab = before;
  },
  set(id, ms, run) {
    this.due.set(id, { at: this.now + ms, run, tab: this.tab });
    return id;
  },
};
globalThis.setTimeout = (run, ms = 0, ...args) => clock.set(++clock.count, ms, () => run(...args));
globalThis.setInterval = (run, ms) => {
  const id = ++clock.count;
  const again = () => {
    clock.set(id, ms, again);
    run();
  };
  return clock.set(id, ms, again);
};
globalThis.clearTimeout = globalThis.clearInterval = (id) => void clock.due.delete(id);
Date.now = () => 1.8e12 + clock.now + clock.slept;

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
  clock.due.clear();
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

test('a planned restart: the return is spread over all of what the server said', () => {
  const random = mock.method(Math, 'random');
  for (const part of [0, 0.25, 0.5, 0.99]) {
    random.mock.mockImplementation(() => part);
    const { live } = begin();
    live.subscribe('a:b', 'state', () => {});
    Wire.last.onopen();
    Wire.last.reply((command) => command.connect && { connect: { ping: 25, data: { spread_ms: 20000 } } });
    Wire.last.onclose({ code: 3001 });
    clock.tick(Math.max(0, part * 20000 - 1));
    assert.equal(Wire.all.length, part === 0 ? 2 : 1, `not before ${part} of it`);
    clock.tick(2);
    assert.equal(Wire.all.length, 2, `at ${part} of it`);
    live.close();
  }
  random.mock.restore();
});

test('a part that begins to listen does not hurry the return', () => {
  const { live } = begin();
  const random = mock.method(Math, 'random', () => 0.9);
  live.subscribe('a:b', 'state', () => {});
  Wire.last.open();
  Wire.last.onclose({ code: 3001 });
  live.subscribe('c:d', 'state', () => {});
  assert.equal(Wire.all.length, 1);
  clock.tick(450);
  assert.equal(Wire.all.length, 2);
  Wire.last.onopen();
  assert.deepEqual(Wire.last.sent.slice(1).map((command) => command.subscribe.channel), ['a:b', 'c:d']);
  random.mock.restore();
  live.close();
});

test('the delay has full jitter and a ceiling', () => {
  assert.equal(delayOf(0, () => 0), 0);
  assert.equal(delayOf(0, () => 1), 500);
  assert.equal(delayOf(3, () => 1), 4000);
  assert.equal(delayOf(40, () => 1), 30000);
});

test('many channels are asked for in messages that the server takes', () => {
  const { live } = begin();
  for (let i = 0; i < 120; i++) live.subscribe(`queue:ticket.${'x'.repeat(200)}${i}`, 'state', () => {});
  const lengths = [];
  const send = Wire.last.send.bind(Wire.last);
  Wire.last.send = (text) => {
    lengths.push(text.length);
    send(text);
  };
  Wire.last.onopen();
  assert.equal(Wire.last.sent.length, 121);
  assert.ok(Math.max(...lengths) <= 16384, String(lengths));
  assert.ok(lengths.length > 1 && lengths.length < 4, 'few messages all the same');
  live.close();
});

// --- A page that sleeps, goes offline, is put aside ----------------------------------------------

/** What the browser tells a page; the newest Live that was made in the test hears it. */
function listenAsPage(t) {
  const heard = new Map();
  globalThis.addEventListener = (type, act) => heard.set(type, act);
  globalThis.document = { visibilityState: 'visible', addEventListener: globalThis.addEventListener };
  t.after(() => {
    delete globalThis.addEventListener;
    delete globalThis.document;
  });
  return (type, event = {}) => heard.get(type)(event);
}

test('a phone that slept knows at once that its line is old, and returns at once', (t) => {
  const happen = listenAsPage(t);
  const { live, got } = begin();
  const states = [];
  live.subscribe('queue:calls', 'feed', (data) => got.push(data));
  Wire.last.open();
  Wire.last.reply(positioned({ offset: 5 }));
  const heard = Date.now();
  live.onStatus(() => states.push(live.state));
  clock.tick(20000);
  happen('visibilitychange');
  assert.equal(Wire.all.length, 1, 'a line that was heard lately is left alone');
  clock.slept += 3600e3;
  happen('visibilitychange');
  assert.deepEqual(states, ['online', 'connecting']);
  assert.equal(live.heard, heard, 'it says how old the picture is');
  assert.equal(Wire.all.length, 2, 'without waiting');
  Wire.last.open();
  assert.equal(Wire.last.sent[0].subscribe.offset, 5);
  live.close();
});

test('a server that answers but has no room for us does not make the picture younger', () => {
  const { live } = begin();
  live.subscribe('a:b', 'state', () => {});
  Wire.last.open();
  const heard = Date.now();
  clock.tick(1000);
  Wire.last.onclose({ code: 1006 });
  for (let i = 0; i < 3; i++) {
    clock.tick(30000);
    Wire.last.onopen();
    Wire.last.reply((command) => command.connect && { error: { code: 111, temporary: true } });
  }
  assert.ok(Wire.all.length >= 4);
  assert.deepEqual([live.state, live.heard], ['connecting', heard]);
  live.close();
});

test('a computer that slept with the page in sight notices by itself', () => {
  const { live } = begin();
  live.subscribe('a:b', 'state', () => {});
  Wire.last.open();
  clock.tick(1000);
  clock.slept += 3600e3;
  clock.tick(5000); // The timer of 35 seconds has hardly begun.
  assert.equal(live.state, 'connecting');
  live.close();
});

test('offline is said at once; online, an attempt that hangs is given up', (t) => {
  const happen = listenAsPage(t);
  const random = mock.method(Math, 'random', () => 0.5);
  const { live } = begin();
  live.subscribe('a:b', 'state', () => {});
  Wire.last.open();
  happen('offline');
  assert.equal(live.state, 'connecting');
  clock.tick(250);
  assert.equal(Wire.all.length, 2);
  clock.tick(2500); // It does not open.
  happen('online');
  assert.equal(Wire.all[1].isOpen, false);
  assert.equal(Wire.all.length, 3);
  Wire.last.open();
  assert.equal(live.state, 'online');
  random.mock.restore();
  live.close();
});

test('a page that is put aside leaves; when it is taken up again it goes on where it was', (t) => {
  const happen = listenAsPage(t);
  const { live, got } = begin();
  live.subscribe('queue:calls', 'feed', (data) => got.push(data));
  Wire.last.open();
  Wire.last.reply(positioned({ offset: 5 }));
  Wire.last.push('queue:calls', 6, 'f');
  happen('pagehide');
  assert.equal(Wire.last.isOpen, false);
  assert.equal(live.state, 'connecting');
  clock.tick(600e3);
  assert.equal(Wire.all.length, 1, 'it does not come again by itself');
  happen('pageshow', { persisted: true });
  assert.equal(Wire.all.length, 2);
  Wire.last.open();
  assert.equal(Wire.last.sent[0].subscribe.offset, 6);
  Wire.last.reply(positioned({ offset: 6, recovered: true, was_recovering: true }));
  Wire.last.push('queue:calls', 7, 'g');
  assert.deepEqual(got, ['f', 'g']);
  live.close();
});

// --- Several tabs and their worker ---------------------------------------------------------------

/** One end of a channel of messages. Who is asleep finds them later. */
class Port {
  owner = {};
  letters = [];
  onmessage = null;

  postMessage(data) {
    this.other.letters.push(structuredClone(data));
    this.other.read();
  }

  read() {
    while (!this.owner.isAsleep && this.onmessage && this.letters.length > 0) {
      const data = this.letters.shift();
      clock.within(this.owner, () => this.onmessage({ data }));
    }
  }

  static pair() {
    const [a, b] = [new Port(), new Port()];
    [a.other, b.other] = [b, a];
    return [a, b];
  }
}

/** A worker, and tabs of its browser; tab() opens one. */
async function openBrowser() {
  Wire.all = [];
  clock.due.clear();
  globalThis.WebSocket = Wire;
  globalThis.location = { protocol: 'http:', host: 'library' };
  const worker = { isAsleep: false };
  clock.tab = worker;
  const connect = await startWorker();
  clock.tab = null;
  const tab = (kept = storage()) => {
    const one = { ports: [], got: [], resets: 0, kept };
    one.openWorker = () => {
      const [port, other] = Port.pair();
      Object.assign(port, { owner: one });
      Object.assign(other, { owner: worker });
      one.ports.push(port);
      connect(other);
      return { port };
    };
    clock.within(one, () => {
      one.live = new Live('ws://alone', { openWorker: one.openWorker, Socket: Wire, storage: kept });
    });
    one.feed = (channel = 'queue:calls') => one.live.subscribe(channel, 'feed', (data) => one.got.push(data),
      { onReset: () => { one.resets += 1; } });
    one.state = () => one.live.subscribe('queue:board', 'state', (data) => one.got.push(data));
    return one;
  };
  return { tab, worker };
}

const at = (offset, epoch = 'e') => {
  const kept = storage();
  kept.setItem('live:queue:calls', JSON.stringify({ epoch, offset }));
  return kept;
};
const entries = (from, to) => Array.from({ length: to - from + 1 }, (_, i) => ({ offset: from + i, data: from + i }));
const upTo = (from, to) => entries(from, to).map(({ data }) => data);

test('tabs share one line; a late tab gets the newest state at once, and each entry is told once', async () => {
  const { tab } = await openBrowser();
  const [first, second] = [tab(), tab()];
  for (const one of [first, second]) {
    one.state();
    one.feed();
  }
  assert.equal(Wire.all.length, 1);
  Wire.last.open();
  assert.equal(Wire.last.sent.length, 2, 'each channel is asked for once');
  Wire.last.reply(({ subscribe }) => (subscribe.channel === 'queue:board'
    ? positioned({ offset: 7, publications: [{ data: 'board', offset: 7 }] })() : positioned({ offset: 5 })()));
  Wire.last.push('queue:calls', 6, 6);
  const late = tab();
  late.state();
  late.feed();
  assert.equal(late.live.state, 'online');
  assert.deepEqual(late.got, ['board']);
  Wire.last.push('queue:calls', 7, 7);
  assert.deepEqual([first.got, second.got, late.got], [['board', 6, 7], ['board', 6, 7], ['board', 7]]);
  assert.equal(Wire.last.sent.length, 0, 'the server is not asked again');
  assert.equal(JSON.parse(late.kept.getItem('live:queue:calls')).offset, 7, 'each tab keeps its own place');
});

test('a tab whose place is older reads what it missed, without a hole and nothing twice', async () => {
  const { tab } = await openBrowser();
  const first = tab();
  first.feed();
  Wire.last.open();
  Wire.last.reply(positioned({ offset: 700 }));
  const late = tab(at(40));
  late.feed();
  assert.deepEqual(Wire.last.sent[0].history, { channel: 'queue:calls', limit: -1, since: { epoch: 'e', offset: 40 } });
  Wire.last.push('queue:calls', 701, 701); // Too far ahead for the late tab yet.
  assert.deepEqual([first.got, late.got], [[701], []]);
  Wire.last.reply(() => ({ history: { publications: entries(41, 340), epoch: 'e', offset: 701 } }));
  assert.equal(Wire.last.sent[0].history.since.offset, 340, 'long histories come in pieces');
  Wire.last.reply(() => ({ history: { publications: entries(341, 640), epoch: 'e', offset: 701 } }));
  // The store is ahead of what was pushed: the push that follows is known already.
  Wire.last.reply(() => ({ history: { publications: entries(641, 702), epoch: 'e', offset: 702 } }));
  assert.equal(Wire.last.sent.length, 0);
  Wire.last.push('queue:calls', 702, 702);
  Wire.last.push('queue:calls', 703, 703);
  assert.deepEqual(late.got, upTo(41, 703));
  assert.deepEqual(first.got, [701, 702, 703]);
  assert.equal(late.resets, 0);
});

test('a cut while a tab reads what it missed: it reads on after it', async () => {
  const { tab } = await openBrowser();
  const first = tab();
  first.feed();
  Wire.last.open();
  Wire.last.reply(positioned({ offset: 9 }));
  const late = tab(at(3));
  late.feed();
  Wire.last.onclose({ code: 1006 });
  clock.tick(500);
  Wire.last.open();
  assert.equal(Wire.last.sent[0].subscribe.offset, 9);
  Wire.last.reply(positioned({ offset: 9, recovered: true, was_recovering: true }));
  Wire.last.push('queue:calls', 10, 10);
  Wire.last.reply(() => ({ history: { publications: entries(4, 10), epoch: 'e', offset: 10 } }));
  assert.deepEqual([first.got, late.got], [[10], upTo(4, 10)]);
});

test('what disturbs a tab that reads what it missed costs it nothing', async () => {
  const { tab } = await openBrowser();
  const first = tab();
  first.feed();
  Wire.last.open();
  Wire.last.reply(positioned({ offset: 9 }));
  const late = tab(at(3));
  late.feed();
  Wire.last.say({ push: { channel: 'queue:calls', unsubscribe: { code: 2500, reason: 'insufficient state' } } });
  Wire.last.reply(({ subscribe }) => subscribe && positioned({ offset: 9, recovered: true })());
  assert.equal(Wire.last.sent.length, 1, 'it is reading already');
  Wire.last.reply(() => ({ error: { code: 111, temporary: true, message: 'too many requests' } }));
  clock.tick(500);
  Wire.last.open();
  Wire.last.reply(({ subscribe }) => subscribe && positioned({ offset: 9, recovered: true })());
  Wire.last.reply(() => ({ history: { publications: entries(4, 9), epoch: 'e', offset: 9 } }));
  assert.deepEqual([late.got, late.resets, Wire.all.length], [upTo(4, 9), 0, 2]);
});

test('a tab that cannot be brought up to date is reset, the others are not', async () => {
  const { tab } = await openBrowser();
  const first = tab();
  first.feed();
  Wire.last.open();
  Wire.last.reply(positioned({ offset: 900 }));
  const [pruned, foreign] = [tab(at(3)), tab(at(3, 'other'))];
  pruned.feed();
  foreign.feed();
  Wire.last.reply(({ history }) => history && ({ history: { publications: entries(800, 900), epoch: 'e', offset: 900 } }));
  Wire.last.push('queue:calls', 901, 901);
  assert.deepEqual([first, pruned, foreign].map(({ got, resets }) => [got, resets]), [[[901], 0], [[901], 1], [[901], 1]]);
  const refused = tab(at(3));
  refused.feed();
  Wire.last.reply(() => ({ error: { code: 112, message: 'unrecoverable position' } }));
  assert.equal(refused.resets, 1);
});

test('a tab that is ahead of the line waits until the line is there', async () => {
  const { tab } = await openBrowser();
  const [old, ahead] = [tab(at(3)), tab(at(5))];
  old.feed();
  ahead.feed();
  Wire.last.open();
  assert.equal(Wire.last.sent[0].subscribe.offset, 3);
  Wire.last.reply(positioned({ offset: 3, recovered: true, was_recovering: true }));
  for (const { offset, data } of entries(4, 6)) Wire.last.push('queue:calls', offset, data);
  assert.deepEqual([old.got, ahead.got], [[4, 5, 6], [6]]);
});

test('a server whose numbers begin anew resets every tab, once', async () => {
  const { tab } = await openBrowser();
  const tabs = [tab(), tab()];
  for (const one of tabs) {
    one.feed();
    one.state();
  }
  Wire.last.open();
  const answer = (epoch, offset, data) => ({ subscribe }) => ({ subscribe: { epoch, offset, recovered: subscribe.channel === 'queue:board',
    was_recovering: true, ...(subscribe.channel === 'queue:board' ? { publications: [{ data, offset }] } : {}) } });
  Wire.last.reply(answer('e', 9, 'old'));
  Wire.last.onclose({ code: 1006 });
  clock.tick(500);
  Wire.last.open();
  Wire.last.reply(answer('new', 9, 'new'));
  Wire.last.push('queue:calls', 10, 10);
  for (const one of tabs) assert.deepEqual([one.got, one.resets], [['old', 'new', 10], 1]);
});

test('a tab that closes leaves nothing behind, and takes nothing from the others', async (t) => {
  const { tab } = await openBrowser();
  const happen = listenAsPage(t);
  const stays = tab();
  stays.feed();
  const hide = listenAsPage(t);
  const goes = tab();
  goes.feed();
  goes.state();
  Wire.last.open();
  Wire.last.reply(({ subscribe }) => subscribe && positioned({ offset: 5 })());
  hide('pagehide');
  assert.deepEqual(Wire.last.sent.map((command) => command.unsubscribe?.channel), ['queue:board']);
  Wire.last.push('queue:calls', 6, 6);
  assert.deepEqual([stays.got, goes.got], [[6], []]);
  goes.isAsleep = true;
  pass(600);
  assert.equal(goes.ports[0].letters.length, 0, 'nobody writes to it any more');
  happen('pagehide');
  assert.equal(Wire.last.isOpen, false, 'the last one puts out the light');
  clock.tick(60000);
  assert.equal(Wire.all.length, 1);
});

/** The server's pings, so that the line is not taken for dead while time passes. */
function pass(seconds) {
  for (let i = 0; i < seconds; i += 10) {
    clock.tick(10000);
    Wire.last.say({});
    Wire.last.sent = Wire.last.sent.filter((command) => command.id);
  }
}

test('a tab that crashed is forgotten; one that only slept goes on where it was', async () => {
  const { tab } = await openBrowser();
  const [awake, asleep] = [tab(), tab()];
  awake.state();
  asleep.feed();
  Wire.last.open();
  Wire.last.reply(({ subscribe }) => subscribe && positioned({ offset: 5 })());
  asleep.isAsleep = true;
  Wire.last.push('queue:calls', 6, 6);
  pass(120);
  assert.equal(Wire.last.sent.length, 0, 'patience first');
  pass(90);
  assert.deepEqual(Wire.last.sent.map((command) => command.unsubscribe?.channel), ['queue:calls']);
  const [port] = asleep.ports;
  const letters = port.letters.length;
  pass(600);
  assert.equal(port.letters.length, letters, 'nothing piles up for it');
  Wire.last.sent = [];
  asleep.isAsleep = false;
  clock.tick(0); // Its timers may be first.
  port.read();
  assert.equal(asleep.ports.length, 2, 'it joined again');
  assert.deepEqual(asleep.got, [6], 'what was still told to it counts');
  assert.equal(Wire.last.sent[0].subscribe.offset, 6);
  Wire.last.reply(positioned({ offset: 6, recovered: true, was_recovering: true }));
  Wire.last.push('queue:calls', 7, 7);
  clock.tick(10000);
  assert.deepEqual(asleep.got, [6, 7]);
  assert.equal(asleep.live.state, 'online');
  assert.equal(Wire.all.length, 1);
});

test('a tab that fell asleep before it read the answer of the worker stays with it', async () => {
  const { tab, worker } = await openBrowser();
  const one = tab();
  one.state();
  Wire.last.open();
  worker.isAsleep = true;
  clock.tick(20000);
  one.isAsleep = true;
  worker.isAsleep = false;
  one.ports[0].other.read();
  pass(60);
  one.isAsleep = false;
  clock.tick(0); // Its patience ended long ago.
  one.ports[0].read();
  clock.tick(5000);
  assert.deepEqual([one.ports.length, Wire.all.length], [1, 1]);
});

test('a tab that comes to sight finds out soon that its worker is gone', async (t) => {
  const { tab, worker } = await openBrowser();
  const happen = listenAsPage(t);
  const one = tab();
  one.state();
  worker.isAsleep = true;
  happen('visibilitychange');
  clock.tick(5000);
  assert.equal(Wire.all.length, 2, 'a line of its own');
  one.live.close();
});

test('signing in or out in one tab is known to all: one new line, all told anew', async () => {
  const { tab } = await openBrowser();
  const [first, second] = [tab(), tab()];
  first.state();
  second.state();
  second.feed('queue:desk');
  const refusals = [];
  first.live.subscribe('queue:desk', 'feed', () => {}, { onError: (code) => refusals.push(code) });
  Wire.last.open();
  const welcome = ({ subscribe }) => (subscribe.channel === 'queue:board'
    ? positioned({ offset: 7, publications: [{ data: 'board', offset: 7 }] })() : positioned({ offset: 5 })());
  Wire.last.reply(welcome);
  first.live.restart();
  assert.equal(Wire.all.length, 2);
  assert.equal(second.live.state, 'connecting');
  Wire.last.open();
  Wire.last.reply((command) => (command.subscribe.channel === 'queue:desk' ? { error: { code: 103 } } : welcome(command)));
  assert.deepEqual([first.got, second.got], [['board', 'board'], ['board', 'board']]);
  assert.deepEqual(refusals, [103]);
  const third = tab();
  third.live.subscribe('queue:desk', 'feed', () => {}, { onError: (code) => refusals.push(code) });
  assert.deepEqual(refusals, [103, 103], 'who comes later is told as well');
});

test('a page that is loaded does not wait for the return of the line', async () => {
  const { tab } = await openBrowser();
  const random = mock.method(Math, 'random', () => 0.99);
  const first = tab();
  first.state();
  Wire.last.onopen();
  Wire.last.reply((command) => command.connect && { connect: { ping: 25, data: { spread_ms: 20000 } } });
  Wire.last.onclose({ code: 3001 });
  clock.tick(1000);
  assert.equal(Wire.all.length, 1);
  tab();
  assert.equal(Wire.all.length, 2);
  Wire.last.open();
  assert.equal(first.live.state, 'online');
  random.mock.restore();
});

test('where the server would have nobody any more, a page that is loaded tries again', async () => {
  const { tab } = await openBrowser();
  const first = tab();
  first.state();
  Wire.last.open();
  Wire.last.onclose({ code: 3507 });
  assert.equal(first.live.state, 'ended');
  clock.tick(60000);
  assert.equal(Wire.all.length, 1);
  tab();
  assert.equal(Wire.all.length, 2);
  Wire.last.open();
  assert.equal(first.live.state, 'online');
});

test('without a worker, with one that fails or is silent, a page has a line of its own', async () => {
  await openBrowser();
  const deaf = () => Object.assign(new Port(), { other: new Port() });
  const begins = [
    () => { throw new TypeError('SharedWorker is not a constructor'); },
    () => ({ port: deaf(), set onerror(act) { setTimeout(act, 10); } }),
    () => ({ port: deaf() }),
  ];
  for (const openWorker of begins) {
    const { live, got } = begin({ openWorker });
    live.subscribe('queue:board', 'state', (data) => got.push(data));
    clock.tick(5000);
    assert.equal(Wire.all.length, 1);
    Wire.last.open();
    Wire.last.reply(positioned({ offset: 7, publications: [{ data: 'a', offset: 7 }] }));
    assert.deepEqual([got, live.state], [['a'], 'online']);
    live.close();
  }
});

test('a worker that stops answering is left, without a hole and nothing twice', async () => {
  const { tab, worker } = await openBrowser();
  const one = tab();
  one.feed();
  Wire.last.open();
  Wire.last.reply(positioned({ offset: 5 }));
  Wire.last.push('queue:calls', 6, 6);
  worker.isAsleep = true;
  clock.tick(20000);
  assert.equal(Wire.all.length, 1);
  clock.tick(5000);
  assert.equal(Wire.all.length, 2, 'a line of its own');
  Wire.last.open();
  assert.equal(Wire.last.sent[0].subscribe.offset, 6);
  Wire.last.reply(positioned({ offset: 6, recovered: true, was_recovering: true }));
  Wire.last.push('queue:calls', 7, 7);
  Wire.all[0].push('queue:calls', 7, 7); // The worker was only slow.
  assert.deepEqual(one.got, [6, 7]);
  one.live.close();
});
