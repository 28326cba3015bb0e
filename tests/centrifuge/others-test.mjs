// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Serambi authors
// Clients that others wrote for WebSockets and server-sent events, as a third party would use them
// without the SDK: each hears a feed, loses its connection, and goes on where it was.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { EventSource } from 'eventsource';
import { EventSource as UndiciEventSource, WebSocket as UndiciWebSocket } from 'undici';
import Ws from 'ws';
import { TcpProxy } from '../lib/proxy.mjs';
import { Server, temporaryFolder, until } from '../lib/serambi.mjs';

const FayeWebSocket = createRequire(import.meta.url)('faye-websocket');
const FEED = 'announcements:events';
const STATE = 'announcements:live';
const upTo = (count, first = 1) => Array.from({ length: count }, (_, i) => first + i);

async function house(t) {
  const server = await new Server(temporaryFolder(t)).start();
  t.after(() => server.stop());
  const proxy = await new TcpProxy(server.url).start();
  t.after(() => proxy.close());
  return { server, proxy, token: server.token('editor') };
}

async function publish({ server, token }, text) {
  const { status, body } = await server.ask('POST', '/api/announcements', { text: { en: text } }, token);
  assert.equal(status, 201, JSON.stringify(body));
  return body;
}

/* --- Server-sent events ------------------------------------------------------------------------- */

const address = (url, subs = { [FEED]: {} }) =>
  `${url}/connection/uni_sse?cf_connect=${encodeURIComponent(JSON.stringify({ subs }))}`;

/** What a reader of events notes: how each connection began, and each publication. */
class Account {
  constructor() {
    Object.assign(this, { beginnings: [], offsets: [], states: [], texts: [], id: null });
  }

  take({ connect, channel, pub }) {
    if (connect) {
      this.beginnings.push(connect.subs);
      for (const [name, { publications = [] }] of Object.entries(connect.subs)) {
        publications.forEach((publication) => this.note(name, publication));
      }
    }
    if (pub) this.note(channel, pub);
  }

  note(channel, { offset, data }) {
    if (channel === STATE) {
      this.states.push(offset);
    } else {
      this.offsets.push(offset);
      this.texts.push(data.announcement.text.en);
    }
  }
}

async function events(t, Source, url, subs) {
  const account = new Account();
  const source = new Source(address(url, subs));
  t.after(() => source.close());
  source.onmessage = ({ data, lastEventId }) => {
    account.id = lastEventId;
    account.take(JSON.parse(data));
  };
  await until('it is connected', () => account.beginnings.length === 1);
  return account;
}

const sources = [['eventsource', EventSource], ['undici', UndiciEventSource]];
for (const [name, Source] of sources) {
  test(`EventSource (${name}): after cuts and kill -9, no gap and no duplicate`, async (t) => {
    const lobby = await house(t);
    const account = await events(t, Source, lobby.proxy.url, { [FEED]: {}, [STATE]: {} });
    let count = 0;
    for (const end of ['cut', 'reset', 'kill']) {
      await publish(lobby, `Word ${count += 1}`);
      await until('it has heard it', () => account.offsets.length === count);
      const { length } = account.beginnings;
      if (end === 'kill') await lobby.server.kill();
      else lobby.proxy.last[end]();
      if (end === 'kill') await lobby.server.start();
      for (let i = 0; i < 3; i++) await publish(lobby, `Word ${count += 1}`);
      await until(`it is back after ${end}`, () => account.beginnings.length > length && account.offsets.length === count);
    }
    assert.deepEqual(account.offsets, upTo(count));
    assert.deepEqual(account.texts, upTo(count).map((i) => `Word ${i}`));
    for (const subs of account.beginnings.slice(1)) assert.ok(subs[FEED].was_recovering && subs[FEED].recovered);
    assert.deepEqual(account.states, [...new Set(account.states)].sort((a, b) => a - b));
  });
}

test('curl: hears events, and goes on from an id', async (t) => {
  const lobby = await house(t);
  const open = (id) => {
    const curl = spawn('curl', ['-sN', ...(id ? ['-H', `Last-Event-ID: ${id}`] : []), address(lobby.server.url)],
      { stdio: ['ignore', 'pipe', 'inherit'] });
    t.after(() => curl.kill());
    const account = new Account();
    createInterface({ input: curl.stdout }).on('line', (line) => {
      if (line.startsWith('data: ')) account.take(JSON.parse(line.slice(6)));
      if (line.startsWith('id: ')) account.id = line.slice(4);
    });
    return { curl, account };
  };
  const first = open();
  await until('it is connected', () => first.account.beginnings.length === 1);
  for (const i of upTo(3)) await publish(lobby, `Word ${i}`);
  await until('it has heard them', () => first.account.offsets.length === 3);
  first.curl.kill();
  await once(first.curl, 'exit');
  await lobby.server.kill();
  await lobby.server.start();
  for (const i of upTo(3, 4)) await publish(lobby, `Word ${i}`);
  const second = open(first.account.id);
  await until('it has heard the rest', () => second.account.offsets.length === 3);
  assert.deepEqual([...first.account.offsets, ...second.account.offsets], upTo(6));
});

test('curl: every publication has an id, so that a cut in the middle repeats nothing', async (t) => {
  const lobby = await house(t);
  for (const i of upTo(5)) await publish(lobby, `Word ${i}`);
  const { epoch } = (await events(t, EventSource, lobby.server.url)).beginnings[0][FEED];
  const curl = spawn('curl', ['-sN', '-H', `Last-Event-ID: ${epoch}:0`, address(lobby.server.url)],
    { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => curl.kill());
  const heard = [];
  let id = null;
  createInterface({ input: curl.stdout }).on('line', (line) => {
    if (line.startsWith('id: ')) id = line.slice(4);
    if (line.startsWith('data: {"channel"')) heard.push([JSON.parse(line.slice(6)).pub.offset, id]);
  });
  await until('it has heard all', () => heard.length === 5);
  assert.deepEqual(heard, upTo(5).map((offset) => [offset, `${epoch}:${offset}`]));
});

/* --- WebSockets --------------------------------------------------------------------------------- */

/** The same few lines of protocol for every library with a browser's interface. */
function hear(t, WebSocket, url, position) {
  const heard = { offsets: [], subscribed: null, closed: null };
  const socket = new WebSocket(`${url.replace('http', 'ws')}/connection/websocket`);
  t.after(() => socket.close());
  socket.onopen = () => socket.send(`{"id":1,"connect":{}}\n${
    JSON.stringify({ id: 2, subscribe: { channel: FEED, ...position } })}`);
  socket.onmessage = ({ data }) => {
    for (const line of data.split('\n')) {
      const { subscribe, push } = JSON.parse(line);
      if (subscribe) heard.subscribed = subscribe;
      if (push) heard.offsets.push(push.pub.offset);
      if (line === '{}') socket.send('{}');
    }
  };
  socket.onerror = () => {}; // close follows
  socket.onclose = ({ code }) => { heard.closed = code; };
  return heard;
}

for (const [name, WebSocket] of [['ws', Ws], ['undici', UndiciWebSocket], ['faye-websocket', FayeWebSocket.Client]]) {
  test(`WebSocket (${name}): hears a feed, hears why it ends, goes on where it was`, async (t) => {
    const lobby = await house(t);
    const first = hear(t, WebSocket, lobby.server.url);
    await until('it is subscribed', () => first.subscribed);
    for (const i of upTo(3)) await publish(lobby, `Word ${i}`);
    await until('it has heard them', () => first.offsets.length === 3);
    assert.equal(await lobby.server.stop(), 0);
    await until('it knows that the server leaves', () => first.closed);
    assert.equal(first.closed, 3001);
    await lobby.server.start();
    for (const i of upTo(3, 4)) await publish(lobby, `Word ${i}`);
    const second = hear(t, WebSocket, lobby.server.url,
      { recover: true, epoch: first.subscribed.epoch, offset: first.offsets.at(-1) });
    await until('it has heard the rest', () => second.offsets.length === 3);
    assert.ok(second.subscribed.recovered);
    assert.deepEqual([...first.offsets, ...second.offsets], upTo(6));
  });
}

const PYTHON = `
import asyncio, json, sys, websockets
async def main(url):
    async with websockets.connect(url) as socket:
        await socket.send('{"id":1,"connect":{}}\\n{"id":2,"subscribe":{"channel":"${FEED}"}}')
        try:
            async for message in socket:
                print(message, flush=True)
        except websockets.ConnectionClosed:
            pass
    print("closed", socket.close_code, flush=True)
asyncio.run(main(sys.argv[1]))
`;

function hasPythonWebsockets() {
  try {
    execFileSync('/usr/bin/python3', ['-c', 'import websockets'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

test('python3-websockets: hears a feed, hears why it ends', async (t) => {
  if (!hasPythonWebsockets()) {
    t.skip('python3-websockets is not installed');
    return;
  }
  const lobby = await house(t);
  const python = spawn('/usr/bin/python3', ['-c', PYTHON, `${lobby.server.url.replace('http', 'ws')}/connection/websocket`],
    { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => python.kill());
  const lines = [];
  createInterface({ input: python.stdout }).on('line', (line) => line !== '{}' && lines.push(line)); // pings
  await until('it is subscribed', () => lines.length === 2);
  for (const i of upTo(3)) await publish(lobby, `Word ${i}`);
  await until('it has heard them', () => lines.length === 5);
  assert.deepEqual(lines.slice(2).map((line) => JSON.parse(line).push.pub.offset), upTo(3));
  assert.equal(await lobby.server.stop(), 0);
  await until('it knows that the server leaves', () => lines.at(-1) === 'closed 3001');
});
