// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Serambi authors
// The usual client of the live protocol, centrifuge-js, against the built server: what a third party
// relies on. Announcements are only the occasion: one request is one feed entry and one state value.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { Centrifuge } from 'centrifuge';
import WebSocket from 'ws';
import { TcpProxy } from '../lib/proxy.mjs';
import { Server, serambi, temporaryFolder, until } from '../lib/serambi.mjs';

const FEED = 'announcements:events';
const STATE = 'announcements:live';

async function house(t) {
  const server = await new Server(temporaryFolder(t)).start();
  t.after(() => server.stop());
  return { server, token: server.token('editor') };
}

function connect(t, server, options = {}) {
  const client = new Centrifuge(`${server.url.replace('http', 'ws')}/connection/websocket`, {
    websocket: WebSocket, minReconnectDelay: 20, maxReconnectDelay: 200, ...options,
  });
  t.after(() => client.disconnect());
  return client;
}

/** A server behind a proxy whose lines can be cut. */
async function houseBehindProxy(t) {
  const lobby = await house(t);
  const proxy = await new TcpProxy(lobby.server.url).start();
  t.after(() => proxy.close());
  return { ...lobby, proxy };
}

/** Subscribes and notes what comes: offsets, bodies, and how each subscription began. */
async function listen(client, channel, options = {}) {
  const subscription = client.newSubscription(channel, options);
  const heard = { offsets: [], bodies: [], beginnings: [], subscription };
  subscription.on('publication', (publication) => {
    heard.offsets.push(publication.offset);
    heard.bodies.push(publication.data);
  });
  subscription.on('subscribed', (context) => heard.beginnings.push(context));
  subscription.subscribe();
  client.connect();
  await subscription.ready(10000);
  return heard;
}

async function publish({ server, token }, text) {
  const { status, body } = await server.ask('POST', '/api/announcements', { text: { en: text } }, token);
  assert.ok(status === 200 || status === 201, `published: ${status} ${JSON.stringify(body)}`);
  return body;
}

const upTo = (count, first = 1) => Array.from({ length: count }, (_, i) => first + i);

test('connects, subscribes, hears a feed in order and the newest state', async (t) => {
  const lobby = await house(t);
  const client = connect(t, lobby.server);
  const feed = await listen(client, FEED);
  const state = await listen(client, STATE);
  const first = feed.beginnings[0].streamPosition?.offset ?? 0;
  for (const i of upTo(5)) await publish(lobby, `Word ${i}`);
  await until('five entries', () => feed.offsets.length === 5);
  assert.deepEqual(feed.offsets, upTo(5, first + 1));
  assert.deepEqual(feed.bodies.map((body) => body.announcement.text.en), upTo(5).map((i) => `Word ${i}`));
  await until('the newest state', () => state.bodies.at(-1)?.announcements.some(({ text }) => text.en === 'Word 5'));
  const late = await listen(connect(t, lobby.server), STATE);
  await until('the state that was there before', () => late.offsets.length === 1);
  assert.equal(late.offsets[0], state.offsets.at(-1));
});

test('history, presence and calls answer; publishing is not for clients', async (t) => {
  const lobby = await house(t);
  const client = connect(t, lobby.server);
  const { subscription } = await listen(client, FEED);
  for (const i of upTo(4)) await publish(lobby, `Word ${i}`);
  const all = await subscription.history({ limit: -1 });
  assert.deepEqual(all.publications.slice(-4).map(({ data }) => data.announcement.text.en),
    upTo(4).map((i) => `Word ${i}`));
  const newest = await subscription.history({ limit: 1, reverse: true });
  assert.equal(newest.publications[0].offset, all.offset);
  const rest = await subscription.history({ limit: 10, since: { offset: all.offset - 2, epoch: all.epoch } });
  assert.deepEqual(rest.publications.map(({ offset }) => offset), [all.offset - 1, all.offset]);
  assert.equal((await subscription.presenceStats()).numClients, 1);
  const { data: clock } = await client.rpc('time', {});
  assert.ok(Math.abs(clock.now_us / 1000 - Date.now()) < 5000);
  const { data: list } = await client.rpc('GET /api/announcements', {});
  assert.equal(typeof list.status, 'number');
  await assert.rejects(client.publish(FEED, {}), { code: 103 });
  await assert.rejects(client.rpc('dance', {}), { code: 104 });
  const unknown = client.newSubscription('announcements:none');
  const refused = new Promise((resolve) => unknown.on('unsubscribed', resolve));
  unknown.subscribe();
  assert.equal((await refused).code, 102);
});

test('after kill -9 it misses nothing and hears nothing twice', async (t) => {
  const lobby = await house(t);
  const client = connect(t, lobby.server);
  const feed = await listen(client, FEED);
  const state = await listen(client, STATE);
  const first = feed.beginnings[0].streamPosition?.offset ?? 0;
  for (const round of upTo(3)) {
    await publish(lobby, `Before ${round}`);
    const disconnected = new Promise((resolve) => client.once('connecting', resolve));
    await lobby.server.kill();
    await disconnected;
    await lobby.server.start();
    for (const i of upTo(3)) await publish(lobby, `After ${round}.${i}`);
    await until('it is back', () => feed.offsets.length === round * 4);
  }
  assert.deepEqual(feed.offsets, upTo(12, first + 1));
  assert.equal(feed.beginnings.length, 4);
  assert.ok(feed.beginnings.slice(1).every((context) => context.wasRecovering && context.recovered));
  await until('the newest state', () =>
    state.bodies.at(-1)?.announcements.some(({ text }) => text.en === 'After 3.3'));
});

test('what was acknowledged before kill -9 is in the feed, once', async (t) => {
  const lobby = await house(t);
  const client = connect(t, lobby.server);
  const feed = await listen(client, FEED);
  const acknowledged = [];
  let isDead = false;
  const writers = upTo(4).map(async (writer) => {
    for (let i = 1; !isDead; i++) {
      try {
        await publish(lobby, `Word ${writer}.${i}`);
        acknowledged.push(`Word ${writer}.${i}`);
      } catch (error) {
        if (error instanceof assert.AssertionError) break; // as many run as may
      }
    }
  });
  await until('some were acknowledged', () => acknowledged.length >= 12);
  await lobby.server.kill();
  isDead = true;
  await Promise.all(writers);
  await lobby.server.start();
  await until('it has all', () => {
    const heard = new Set(feed.bodies.map((body) => body.announcement.text.en));
    return acknowledged.every((text) => heard.has(text));
  });
  const sorted = [...feed.offsets].sort((a, b) => a - b);
  assert.deepEqual(feed.offsets, sorted);
  assert.equal(new Set(feed.offsets).size, feed.offsets.length);
  assert.deepEqual(feed.offsets, upTo(feed.offsets.length, feed.offsets[0]));
});

/** A reader that stops reading its socket, and counts. */
async function slowReader(t, server) {
  const socket = new WebSocket(`${server.url.replace('http', 'ws')}/connection/websocket`);
  t.after(() => socket.terminate());
  const heard = { [FEED]: [], [STATE]: [], replies: 0, socket };
  socket.on('message', (message) => {
    for (const line of message.toString().split('\n')) {
      const { push, id } = JSON.parse(line);
      if (push) heard[push.channel].push(push.pub);
      if (id) heard.replies += 1;
      if (line === '{}') socket.send('{}');
    }
  });
  await new Promise((resolve) => socket.once('open', resolve));
  socket.send([{ id: 1, connect: {} }, { id: 2, subscribe: { channel: FEED } },
    { id: 3, subscribe: { channel: STATE } }].map((command) => JSON.stringify(command)).join('\n'));
  await until('subscribed', () => heard.replies === 3);
  return heard;
}

test('a slow reader gets every entry of a feed, but of a state the newest', async (t) => {
  const lobby = await house(t);
  const heard = await slowReader(t, lobby.server);
  const client = connect(t, lobby.server);
  const fast = await listen(client, FEED);
  heard.socket.pause();
  const ids = [];
  const long = 'x'.repeat(200);
  for (const i of upTo(12)) ids.push((await publish(lobby, `${i} ${long}`)).id);
  // Each change sends the whole state: megabytes in the end, more than sockets hold.
  let changes = 12;
  for (let round = 0; changes < 400; round++) {
    for (const what of ['withdraw', 'restore']) {
      await Promise.all(ids.map(async (id) => {
        const { status } = await lobby.server.ask('POST', `/api/announcements/${id}/${what}`, {}, lobby.token);
        assert.ok(status < 300, `${what} ${status}`);
        changes += 1;
      }));
    }
  }
  await until('a fast reader has them all', () => fast.offsets.length === changes);
  heard.socket.resume();
  await until('the slow one as well', () => heard[FEED].length === changes);
  const offsets = heard[FEED].map(({ offset }) => offset);
  assert.deepEqual(offsets, upTo(changes, offsets[0]));
  const states = heard[STATE].map(({ offset }) => offset);
  assert.deepEqual(states, [...new Set(states)].sort((a, b) => a - b));
  const { offset } = await connectAndAsk(t, lobby.server);
  await until('the newest state', () => heard[STATE].at(-1)?.offset === offset);
  assert.ok(heard[STATE].length < offset, `${heard[STATE].length} of ${offset} values`);
});

async function connectAndAsk(t, server) {
  const { subscription } = await listen(connect(t, server), STATE);
  return subscription.history({ limit: 0 });
}

/* --- Who is asking ------------------------------------------------------------------------------ */

/** Connects; the role that the server says we have. */
async function roleOf(client) {
  const connected = new Promise((resolve, reject) => {
    client.once('connected', resolve);
    client.once('disconnected', ({ code, reason }) => reject(new Error(`${code} ${reason}`)));
  });
  client.connect();
  return (await connected).data.role;
}

/** The code with which a subscription is refused; null when it is not. */
async function refusal(client, channel) {
  const subscription = client.newSubscription(channel);
  const end = new Promise((resolve) => {
    subscription.on('unsubscribed', ({ code }) => resolve(code));
    subscription.on('subscribed', () => resolve(null));
  });
  subscription.subscribe();
  return end;
}

test('without a token it is the public, with one it has the role of the token', async (t) => {
  const { server } = await house(t);
  const channels = ['queue:board', 'queue:desk', 'voice:say', 'displays:list'];
  const expected = {
    public: [null, 103, 103, 103],
    counter: [null, null, null, null],
    editor: [null, null, null, null],
    admin: [null, null, null, null],
    display: [null, 103, null, 103],
  };
  for (const [role, codes] of Object.entries(expected)) {
    const client = connect(t, server, role === 'public' ? {} : { token: server.token(role) });
    assert.equal(await roleOf(client), role);
    const found = [];
    for (const channel of channels) found.push(await refusal(client, channel));
    assert.deepEqual(found, codes, role);
  }
});

test('a wrong token ends it for good: 3500', async (t) => {
  const { server } = await house(t);
  const right = server.token('counter');
  for (const token of ['nonsense', `${right.slice(0, -1)}${right.endsWith('0') ? '1' : '0'}`]) {
    const client = connect(t, server, { token });
    const disconnected = new Promise((resolve) => client.once('disconnected', resolve));
    client.connect();
    const { code, reason } = await disconnected;
    assert.deepEqual([code, reason, client.state], [3500, 'invalid token', 'disconnected']);
  }
});

test('a token that is removed while it is used: told to come back, then refused', async (t) => {
  const { server } = await house(t);
  const token = execFileSync(serambi, ['token', 'add', '--data', server.data, 'desk', '--role', 'counter'], { encoding: 'utf8' });
  const client = connect(t, server, { token: token.trim().split('\n').pop() });
  assert.equal(await roleOf(client), 'counter');
  const codes = [];
  client.on('connecting', ({ code }) => codes.push(code));
  const disconnected = new Promise((resolve) => client.once('disconnected', resolve));
  execFileSync(serambi, ['token', 'remove', '--data', server.data, 'desk']);
  assert.equal((await disconnected).code, 3500);
  assert.deepEqual(codes, [3005], 'it came back once, and was refused');
});

/* --- Lines that break --------------------------------------------------------------------------- */

for (const how of ['cut', 'reset']) {
  test(`after its connection was ${how} it misses nothing and hears nothing twice`, async (t) => {
    const lobby = await houseBehindProxy(t);
    const client = connect(t, lobby.proxy);
    const feed = await listen(client, FEED);
    const state = await listen(client, STATE);
    for (const round of upTo(4)) {
      await publish(lobby, `Before ${round}`);
      const connecting = new Promise((resolve) => client.once('connecting', resolve));
      lobby.proxy.last[how]();
      await connecting;
      for (const i of upTo(2)) await publish(lobby, `After ${round}.${i}`);
      await until('it is back', () => feed.offsets.length === round * 3);
    }
    assert.deepEqual(feed.offsets, upTo(12, feed.beginnings[0].streamPosition.offset + 1));
    assert.ok(feed.beginnings.slice(1).every(({ wasRecovering, recovered }) => wasRecovering && recovered));
    assert.equal(feed.beginnings.length, 5);
    await until('the newest state', () => state.bodies.at(-1).announcements.some(({ text }) => text.en === 'After 4.2'));
    assert.deepEqual(state.offsets, [...new Set(state.offsets)].sort((a, b) => a - b));
  });
}

test('a connection that falls silent is noticed at both ends', async (t) => {
  const lobby = await houseBehindProxy(t);
  const client = connect(t, lobby.proxy);
  const feed = await listen(client, FEED);
  const line = lobby.proxy.last;
  /* The same, without the SDK: its close code can be read when the line comes back to life. */
  const raw = new WebSocket(`${lobby.proxy.url.replace('http', 'ws')}/connection/websocket`);
  const rawClosed = new Promise((resolve) => raw.once('close', (code, reason) => resolve([code, String(reason)])));
  await new Promise((resolve) => raw.once('open', resolve));
  const rawLine = lobby.proxy.last;
  raw.send(`{"id":1,"connect":{}}\n{"id":2,"subscribe":{"channel":"${FEED}"}}`);
  const observer = (await listen(connect(t, lobby.server), FEED)).subscription;
  const clients = async () => (await observer.presenceStats()).numClients;
  await until('three listen', async () => await clients() === 3);
  line.freeze();
  rawLine.freeze();
  const connecting = new Promise((resolve) => client.once('connecting', resolve));
  for (const i of upTo(3)) await publish(lobby, `Into silence ${i}`);
  const { code } = await connecting; // no ping for 25 s, and 10 s more
  assert.equal(code, 2, 'the SDK calls it "no ping"');
  await until('it has all', () => feed.offsets.length === 3);
  assert.deepEqual(feed.offsets, upTo(3, feed.beginnings[0].streamPosition.offset + 1));
  assert.ok(feed.beginnings[1].recovered);
  await until('the server has forgotten both silent ones', async () => await clients() === 2, 70);
  rawLine.thaw();
  assert.deepEqual(await rawClosed, [3012, 'no pong']);
});

/* --- Positions ---------------------------------------------------------------------------------- */

test('after a restore a feed begins anew and says so, a state has the restored value', async (t) => {
  const lobby = await house(t);
  const client = connect(t, lobby.server);
  const feed = await listen(client, FEED);
  const state = await listen(client, STATE);
  for (const i of upTo(3)) await publish(lobby, `Kept ${i}`);
  const folder = temporaryFolder(t);
  const [archive, copy] = [`${folder}/backup.tar`, `${folder}/copy`];
  execFileSync(serambi, ['backup', archive, '--data', lobby.server.data]);
  for (const i of upTo(2)) await publish(lobby, `Lost ${i}`);
  await until('five entries', () => feed.offsets.length === 5);
  assert.equal(await lobby.server.stop(), 0);
  execFileSync(serambi, ['restore', archive, '--data', copy]);
  lobby.server.data = copy;
  await lobby.server.start();
  await until('both are subscribed again', () => feed.beginnings.length === 2 && state.beginnings.length === 2);
  const [before, after] = feed.beginnings;
  assert.ok(after.wasRecovering && !after.recovered, 'the feed lost its place');
  assert.notEqual(after.streamPosition.epoch, before.streamPosition.epoch);
  const texts = () => state.bodies.at(-1).announcements.map(({ text }) => text.en).sort();
  await until('the restored state', () => texts().length === 3);
  assert.deepEqual(texts(), upTo(3).map((i) => `Kept ${i}`));
  await publish(lobby, 'New');
  await until('one more entry', () => feed.offsets.length === 6);
  assert.equal(feed.offsets.at(-1), after.streamPosition.offset + 1);
  await until('the newest state', () => texts().includes('New'));
});

test('positions of its own: the past, the present, the future, another epoch', async (t) => {
  const lobby = await house(t);
  for (const i of upTo(5)) await publish(lobby, `Word ${i}`);
  const { streamPosition: { epoch, offset } } = (await listen(connect(t, lobby.server), FEED)).beginnings[0];
  const from = async (since) => {
    const feed = await listen(connect(t, lobby.server), FEED, { since, positioned: true, recoverable: true });
    return { feed, beginning: feed.beginnings[0] };
  };
  const past = await from({ offset: offset - 5, epoch });
  assert.ok(past.beginning.recovered && past.beginning.positioned && past.beginning.recoverable);
  await until('the five', () => past.feed.offsets.length === 5);
  assert.deepEqual(past.feed.offsets, upTo(5, offset - 4));
  const present = await from({ offset, epoch });
  assert.ok(present.beginning.wasRecovering && present.beginning.recovered);
  const lost = [await from({ offset: offset + 1000, epoch }), await from({ offset: 0, epoch: 'another' }), await from({ offset, epoch: '' })];
  for (const { beginning } of lost) {
    assert.ok(beginning.wasRecovering && !beginning.recovered);
    assert.deepEqual([beginning.streamPosition.offset, beginning.streamPosition.epoch], [offset, epoch]);
  }
  await publish(lobby, 'For all');
  for (const { feed } of [present, ...lost]) {
    await until('the new one', () => feed.offsets.length > 0);
    assert.deepEqual(feed.offsets, [offset + 1]);
  }
});

test('who loads its state itself is asked to do so when its position is lost', async (t) => {
  const lobby = await house(t);
  await publish(lobby, 'Word');
  const { streamPosition } = (await listen(connect(t, lobby.server), FEED)).beginnings[0];
  let asked = 0;
  const feed = await listen(connect(t, lobby.server), FEED, {
    since: { offset: streamPosition.offset, epoch: 'another' },
    getState: async () => { asked += 1; return streamPosition; },
  });
  assert.equal(asked, 1, 'error 112 leads to getState');
  assert.ok(feed.beginnings[0].recovered);
  await publish(lobby, 'Next');
  await until('the next entry', () => feed.offsets.length === 1);
});

test('options that the server does not offer are passed over', async (t) => {
  const lobby = await house(t);
  const feed = await listen(connect(t, lobby.server), FEED, { delta: 'fossil', joinLeave: true, data: { of: 'mine' } });
  for (const i of upTo(2)) await publish(lobby, `Word ${i}`);
  await until('two entries', () => feed.offsets.length === 2);
  assert.deepEqual(feed.bodies.map((body) => body.announcement.text.en), ['Word 1', 'Word 2']);
});

test('unsubscribed it hears nothing; subscribed again it hears what it missed', async (t) => {
  const lobby = await house(t);
  const client = connect(t, lobby.server);
  const feed = await listen(client, FEED);
  const state = await listen(client, STATE);
  for (const round of upTo(3)) {
    const unsubscribed = new Promise((resolve) => feed.subscription.once('unsubscribed', resolve));
    feed.subscription.unsubscribe();
    await unsubscribed;
    const heard = feed.offsets.length;
    await publish(lobby, `Missed ${round}`);
    await until('the state goes on', () => state.bodies.at(-1).announcements.some(({ text }) => text.en === `Missed ${round}`));
    assert.equal(feed.offsets.length, heard);
    feed.subscription.subscribe();
    await until('it is there again', () => feed.offsets.length === heard + 1);
    await publish(lobby, `Heard ${round}`);
    await until('and goes on', () => feed.offsets.length === heard + 2);
  }
  assert.deepEqual(feed.offsets, upTo(6, feed.offsets[0]));
});

/* --- Calls -------------------------------------------------------------------------------------- */

/** Writes as many entries as are asked for, of one announcement. */
async function manyEntries(lobby, count) {
  const { id } = await publish(lobby, 'To and fro');
  for (let i = 1; i < count; i++) {
    const what = i % 2 ? 'withdraw' : 'restore';
    const { status } = await lobby.server.ask('POST', `/api/announcements/${id}/${what}`, {}, lobby.token);
    assert.equal(status, 200, what);
  }
}

test('a long feed is paged to its end, from either side', async (t) => {
  const lobby = await house(t);
  await manyEntries(lobby, 730);
  const { subscription } = await listen(connect(t, lobby.server), FEED);
  const { epoch, offset: newest } = await subscription.history({ limit: 0 });
  assert.equal(newest, 730);
  assert.equal((await subscription.history({ limit: -1 })).publications.length, 300, 'no more than the cap at a time');
  for (const reverse of [false, true]) {
    const offsets = [];
    for (let since = { epoch, offset: reverse ? newest + 1 : 0 }; since;) {
      const { publications } = await subscription.history({ limit: 100, since, reverse });
      offsets.push(...publications.map(({ offset }) => offset));
      since = publications.length > 0 && { epoch, offset: publications.at(-1).offset };
    }
    assert.deepEqual(offsets, reverse ? upTo(730).reverse() : upTo(730));
  }
  await assert.rejects(subscription.history({ limit: 10, since: { epoch: 'another', offset: 3 } }), { code: 112 });
  const whole = await listen(connect(t, lobby.server), FEED, { since: { epoch, offset: 0 } });
  await until('all of it, as a subscription', () => whole.offsets.length === 730);
  assert.deepEqual(whole.offsets, upTo(730));
});

test('a batch is one message, and each command of it is answered', async (t) => {
  const lobby = await house(t);
  let messages = 0;
  class Counting extends WebSocket {
    send(...args) {
      messages += 1;
      return super.send(...args);
    }
  }
  const client = connect(t, lobby.server, { websocket: Counting });
  await roleOf(client);
  messages = 0;
  client.startBatching();
  const heard = [listen(client, FEED), listen(client, STATE)];
  const asked = [client.rpc('time', {}), client.history(FEED, { limit: 0 }), client.presenceStats(STATE), client.rpc('GET /api/announcements', {})];
  client.stopBatching();
  const [time, history, stats, list] = await Promise.all(asked);
  assert.equal(messages, 1);
  assert.equal(typeof time.data.now_us, 'number');
  assert.equal(history.offset, 0);
  assert.equal(stats.numClients, 1, 'commands are taken in their order: it was subscribed before it asked');
  assert.equal(list.data.status, 200);
  const [feed] = await Promise.all(heard);
  await publish(lobby, 'Word');
  await until('the entry', () => feed.offsets.length === 1);
});

test('presence counts connections, of all kinds of clients', async (t) => {
  const lobby = await house(t);
  const clients = [];
  for (const role of [null, null, 'counter', 'display']) {
    const client = connect(t, lobby.server, role ? { token: lobby.server.token(role) } : {});
    clients.push({ client, heard: await listen(client, FEED) });
  }
  const { subscription } = clients[0].heard;
  assert.deepEqual(await subscription.presenceStats(), { numClients: 4, numUsers: 4 });
  clients[3].client.disconnect();
  await until('one has left', async () => (await subscription.presenceStats()).numClients === 3);
  clients[2].heard.subscription.unsubscribe();
  await until('one does not listen any more', async () => (await subscription.presenceStats()).numClients === 2);
});
