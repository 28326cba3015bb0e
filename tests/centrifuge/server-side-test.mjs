// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Serambi authors
// centrifuge-js with channels that its token gives it: it asks for nothing, and misses nothing.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { Centrifuge } from 'centrifuge';
import WebSocket from 'ws';
import { Server, build, temporaryFolder, until } from '../lib/serambi.mjs';

const FEED = 'announcements:events';
const STATE = 'announcements:live';
const STAFF = 'queue:desk';

// A day is the shortest life of a token: this one ends now.
const expire = `
import sqlite3, sys
with sqlite3.connect(sys.argv[1], timeout=20) as database:
    database.execute("UPDATE access_token SET expires_us = 1 WHERE name = 'old'")
`;

const upTo = (count, first = 1) => Array.from({ length: count }, (_, i) => first + i);

async function house(t) {
  const server = await new Server(temporaryFolder(t)).start();
  t.after(() => server.stop());
  return { server, editor: server.token('editor') };
}

/** A token that gives these channels. */
function tokenFor({ server }, name, channels, more = []) {
  return execFileSync(join(build, 'core/serambi'), ['token', 'add', '--data', server.data, name, '--role', 'editor',
    ...channels.flatMap((channel) => ['--subscribe', channel]), ...more], { encoding: 'utf8' }).trim();
}

function client(t, { server }, options) {
  const connection = new Centrifuge(`${server.url.replace('http', 'ws')}/connection/websocket`, {
    websocket: WebSocket, minReconnectDelay: 20, maxReconnectDelay: 200, ...options,
  });
  const heard = { connection, feed: [], state: [], beginnings: [], ends: [], errors: [] };
  connection.on('publication', ({ channel, offset, data }) => {
    heard[channel === FEED ? 'feed' : 'state'].push({ offset, data });
  });
  connection.on('subscribed', (context) => heard.beginnings.push(context));
  connection.on('unsubscribed', ({ channel }) => heard.ends.push(channel));
  connection.on('error', (context) => heard.errors.push(context));
  t.after(() => connection.disconnect());
  return heard;
}

async function publish({ server, editor }, text) {
  const { status, body } = await server.ask('POST', '/api/announcements', { text: { en: text } }, editor);
  assert.ok(status === 200 || status === 201, `published: ${status} ${JSON.stringify(body)}`);
}

const offsets = (entries) => entries.map(({ offset }) => offset);
const says = (entry, text) => entry?.data.announcements.some((one) => one.text.en === text);

test('who only connects gets the channels of the token, with the newest state', async (t) => {
  const lobby = await house(t);
  await publish(lobby, 'Before');
  const phone = client(t, lobby, { token: tokenFor(lobby, 'wall', [FEED, STATE]) });
  phone.connection.connect();
  await phone.connection.ready(10000);
  assert.deepEqual(phone.beginnings.map(({ channel }) => channel).sort(), [FEED, STATE]);
  assert.ok(phone.beginnings.every((context) => context.recoverable && context.positioned && !context.wasRecovering));
  await until('the state that was there before', () => says(phone.state[0], 'Before'));
  await publish(lobby, 'After');
  await until('both hear of the next', () => phone.feed.length === 1 && says(phone.state.at(-1), 'After'));
});

test('coming back it gets every missed entry once, in order, and the newest state', async (t) => {
  const lobby = await house(t);
  const phone = client(t, lobby, { token: tokenFor(lobby, 'wall', [FEED, STATE]) });
  phone.connection.connect();
  await phone.connection.ready(10000);
  const first = phone.beginnings.find(({ channel }) => channel === FEED).streamPosition.offset;
  await publish(lobby, 'Heard');
  await until('it hears', () => phone.feed.length === 1);
  for (const round of upTo(2)) {
    phone.connection.disconnect();
    if (round === 2) {
      await lobby.server.kill();
      await lobby.server.start();
    }
    for (const i of upTo(5)) await publish(lobby, `Missed ${round}.${i}`);
    phone.beginnings.length = 0;
    phone.connection.connect();
    await until('what it missed', () => phone.feed.length === 1 + 5 * round);
    assert.ok(phone.beginnings.every((context) => context.wasRecovering && context.recovered));
    await until('the newest state', () => says(phone.state.at(-1), `Missed ${round}.5`));
  }
  await publish(lobby, 'Last');
  await until('it hears on', () => phone.feed.length === 12);
  assert.deepEqual(offsets(phone.feed), upTo(12, first + 1));
  assert.deepEqual(phone.feed.map(({ data }) => data.announcement.text.en), ['Heard',
    ...upTo(5).map((i) => `Missed 1.${i}`), ...upTo(5).map((i) => `Missed 2.${i}`), 'Last']);
  const states = offsets(phone.state);
  assert.ok(states.every((offset, i) => i === 0 || offset > states[i - 1]), `states in order: ${states}`);
});

test('a channel that it may no longer read is dropped, the others stay', async (t) => {
  const lobby = await house(t);
  const desk = client(t, lobby, { token: tokenFor(lobby, 'desk', [FEED, STAFF]) });
  desk.connection.connect();
  await desk.connection.ready(10000);
  assert.deepEqual(desk.beginnings.map(({ channel }) => channel).sort(), [STAFF, FEED].sort());
  desk.connection.disconnect();
  desk.connection.setToken('');
  desk.beginnings.length = 0;
  desk.connection.connect();
  await until('it is told', () => desk.ends.length === 1);
  assert.deepEqual(desk.ends, [STAFF]);
  assert.deepEqual(desk.beginnings.map(({ channel }) => channel), [FEED]);
});

test('when its token is no longer good it asks for a new one', async (t) => {
  const lobby = await house(t);
  const old = tokenFor(lobby, 'old', [FEED], ['--days', '1']);
  execFileSync('python3', ['-c', expire, join(lobby.server.data, 'serambi.db')]);
  const asked = [];
  const phone = client(t, lobby, {
    token: old,
    getToken: async () => { asked.push(1); return tokenFor(lobby, `new${asked.length}`, [FEED]); },
  });
  phone.connection.connect();
  await phone.connection.ready(10000);
  assert.equal(asked.length, 1);
  assert.ok(phone.errors.some(({ error }) => error.code === 109));
  assert.deepEqual(phone.beginnings.map(({ channel }) => channel), [FEED]);
});
