// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Serambi authors
// The usual client of the live protocol, centrifuge-js, against the built server: what a third party
// relies on. Announcements are only the occasion: one request is one feed entry and one state value.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Centrifuge } from 'centrifuge';
import WebSocket from 'ws';
import { Server, temporaryFolder, until } from '../lib/serambi.mjs';

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

/** Subscribes and notes what comes: offsets, bodies, and how each subscription began. */
async function listen(client, channel) {
  const subscription = client.newSubscription(channel);
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

async function publish({ server, token }, text, { retry = false } = {}) {
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
