// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Serambi authors
//
// Clients that mean no good, all against one server: it refuses them with a status, stays quick for
// the others, and has forgotten them afterwards. Run under the sanitizers, their word counts too.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import WebSocket from 'ws';
import { Server, temporaryFolder, until } from '../lib/serambi.mjs';

const QUICK_MS = 2000; // for an honest request in the middle of it; the builder may be busy
const server = {};

before(async () => {
  const undo = [];
  Object.assign(server, { undo });
  const data = temporaryFolder({ after: (f) => undo.push(f) });
  writeFileSync(join(data, 'serambi.ini'), '[serambi]\nallow_insecure_login=true\n');
  server.it = await new Server(data).start();
  [, server.password] = /password: (\S+)/.exec(server.it.output);
  server.token = server.it.token('editor');
});

after(async () => {
  assert.equal(await server.it.stop(), 0, server.it.output);
  assert.doesNotMatch(server.it.output, /Sanitizer|runtime error|CRITICAL|assertion/i);
  server.undo.forEach((f) => f());
});

function address() {
  const { hostname, port } = new URL(server.it.url);
  return { host: hostname, port: Number(port) };
}

/** Sends bytes as they are; what came back when the other side closed, or after enough bytes. */
function raw(bytes, { enough = 1 << 20, half = false } = {}) {
  return new Promise((resolve) => {
    let heard = '';
    const socket = connect(address(), () => (half ? socket.end(bytes) : socket.write(bytes)));
    socket.setTimeout(20000, () => socket.destroy());
    socket.on('data', (chunk) => {
      heard += chunk.toString('latin1');
      if (heard.length >= enough) socket.destroy();
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(heard));
  });
}

const statuses = (heard) => [...heard.matchAll(/HTTP\/1\.1 (\d+) /g)].map((match) => Number(match[1]));
const head = (line, ...more) => [line, 'Host: storm', 'Connection: close', ...more, '', ''].join('\r\n');

async function figure(name) {
  const text = await (await fetch(`${server.it.url}/metrics`)).text();
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)[1]);
}

async function staysQuick() {
  const start = performance.now();
  assert.equal((await fetch(`${server.it.url}/readyz`)).status, 200);
  const milliseconds = performance.now() - start;
  assert.ok(milliseconds < QUICK_MS, `an honest request took ${milliseconds} ms`);
}

async function open(token, headers = {}) {
  const socket = new WebSocket(`${server.it.url.replace('http', 'ws')}/connection/websocket`, { headers });
  socket.heard = [];
  socket.on('message', (message) => socket.heard.push(...message.toString().split('\n').map((line) => JSON.parse(line))));
  socket.on('close', (code) => { socket.code = code; });
  socket.on('error', () => {});
  await until('the line is open', () => socket.readyState === WebSocket.OPEN);
  socket.send(JSON.stringify({ id: 1, connect: token ? { token } : {} }));
  await until('the line is connected', () => socket.heard.length > 0);
  return socket;
}

const reply = (socket, id) => until(`reply ${id}`, () => socket.heard.find((one) => one.id === id));

test('paths that lead elsewhere', async () => {
  const paths = ['/../../etc/passwd', '/%2e%2e/%2e%2e/etc/passwd', '/a/x/..%2f..%2fserambi.db', '/media/../serambi.db',
    '/media/%2e%2e/serambi.db', '//etc/passwd', '/a/%00', '/%ff%fe', '/%', '/%zz', '/media/' + '0'.repeat(64),
    '/uploads/../../serambi.db', '/api/../secrets/session.key', '/api/queue/%2e%2e/x', '/api//queue', '/\\..\\..\\serambi.db',
    '/api/queue/services/1%2f2', `/${'a/'.repeat(900)}`, '/?' + 'x=1&'.repeat(400), 'http://elsewhere/', '*', ''];
  for (const path of paths) {
    for (const method of ['GET', 'POST', 'DELETE', 'BREW']) {
      const heard = await raw(head(`${method} ${path} HTTP/1.1`, 'Content-Length: 0'));
      assert.doesNotMatch(heard, /root:|SQLite format/, path);
      const [status = 400] = statuses(heard);
      assert.ok(status < 500 || (status === 501 && method === 'BREW'), `${method} ${path}: ${status}`);
    }
  }
});

test('headers and cookies full of noise', async () => {
  for (let i = 0; i < 60; i++) {
    const noise = randomBytes(40).toString('latin1').replace(/[\r\n\0]/g, '');
    const heard = await raw(Buffer.from(head('GET /api/session HTTP/1.1', `Cookie: sid=${noise}; ${noise}; =;;`,
      `Authorization: Bearer ${noise}`, `Accept-Language: ${noise}`, `${noise}: x`), 'latin1'));
    const [status = 400] = statuses(heard);
    assert.ok(status < 500, heard);
  }
  assert.ok(statuses(await raw(head('GET / HTTP/1.1', `X: ${'x'.repeat(20000)}`)))[0] >= 400);
  for (const line of ['Content-Length: -1', 'Content-Length: 1\r\nContent-Length: 2', 'Content-Length: 99999999999999999999',
    'Transfer-Encoding: chunked\r\nContent-Length: 5', 'Transfer-Encoding: gzip']) {
    const [status = 400] = statuses(await raw(head('POST /api/queue/tickets HTTP/1.1', line)));
    assert.ok(status >= 400 && status < 600, `${line}: ${status}`);
  }
});

test('bodies that are not what they seem', async () => {
  const deep = (n) => `${'{"a":'.repeat(n)}1${'}'.repeat(n)}`;
  const bodies = ['', '{', '[]', '"x"', 'null', '{"service":1,"service":2}', `{"key":"${'x'.repeat(70000)}"}`, deep(17), deep(20000),
    '['.repeat(60000), Buffer.from('{"key":"\xff\xfe"}', 'latin1'), '{"key":"\\ud800"}', '{"key":"\\u0000"}', '{"service":1e999}',
    '{"service":99999999999999999999999999}', '{"service":{"a":[]},"key":[]}', '{"service":true,"key":null}'];
  for (const body of bodies) {
    for (const path of ['/api/queue/tickets', '/api/announcements', '/api/session', '/connection/uni_sse']) {
      const response = await fetch(server.it.url + path, {
        method: 'POST', body, headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${server.token}` },
      }).catch(() => ({ status: 413 })); // cut off while it still sent
      assert.ok(response.status >= 400 && response.status < 500, `${path} ${String(body).slice(0, 30)}: ${response.status}`);
      if (response.json) assert.equal(typeof (await response.json()).error.code, 'string');
    }
  }
});

test('slow heads and slow bodies keep nobody waiting', async () => {
  const slow = [];
  for (let i = 0; i < 100; i++) {
    const socket = connect(address());
    socket.on('error', () => {});
    socket.write(i % 2 ? 'GET / HTTP/1.1\r\nHost: st' : head('POST /api/queue/tickets HTTP/1.1',
      'Content-Type: application/json', 'Content-Length: 50000') + '{');
    slow.push(socket);
  }
  await until('they are there', async () => await figure('serambi_web_connections_open') > 40);
  await staysQuick();
  slow.forEach((socket) => socket.destroy());
});

test('many requests in one packet, and half a connection', async () => {
  const one = 'GET /healthz HTTP/1.1\r\nHost: storm\r\n\r\n';
  const heard = await raw(one.repeat(99) + head('GET /healthz HTTP/1.1'));
  assert.equal(statuses(heard).length, 100);
  assert.ok(statuses(heard).every((status) => status === 200));
  const half = await raw(head('GET /healthz HTTP/1.1'), { half: true });
  assert.equal(statuses(half)[0], 200);
  const smuggled = await raw('POST /api/queue/tickets HTTP/1.1\r\nHost: storm\r\nContent-Length: 6\r\n'
    + 'Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: storm\r\n\r\n', { enough: 20 });
  assert.ok(statuses(smuggled)[0] >= 400);
});

test('two thousand connections come and go', async () => {
  for (let round = 0; round < 4; round++) {
    const sockets = [];
    for (let i = 0; i < 500; i++) {
      const socket = connect(address(), () => {
        if (i % 3 === 0) socket.write('GET / HTTP/1.1\r\nHost: storm\r\n\r\n');
        if (i % 3 === 1) socket.write('GET /connection/websocket HTTP/1.1\r\nHost: storm\r\nUpgrade: websocket\r\n'
          + 'Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n');
      });
      socket.on('error', () => {});
      sockets.push(socket);
    }
    await staysQuick();
    sockets.forEach((socket, i) => (i % 2 ? socket.resetAndDestroy() : socket.destroy()));
  }
  await until('they are forgotten', async () => await figure('serambi_web_connections_open') < 10);
  assert.equal(await figure('serambi_web_websockets_open'), 0);
  assert.equal(await figure('serambi_live_readers'), 0);
});

test('a public line may not do what staff may', async () => {
  const socket = await open();
  const calls = ['POST /api/announcements', 'POST /api/queue/counters/1/next', 'GET /api/queue/desk', 'POST /api/displays/report',
    'DELETE /api/tutorials/1', 'GET /api/../secrets', 'PUT x', ' ', 'POST  /api/queue/tickets', 'GET /api/plugins'];
  calls.forEach((method, i) => socket.send(JSON.stringify({ id: 10 + i, rpc: { method, data: {} } })));
  for (let i = 0; i < calls.length; i++) {
    const { rpc, error } = await reply(socket, 10 + i);
    assert.ok(error || rpc.data.status >= 400, calls[i]);
  }
  for (const channel of ['displays:pending', 'queue:', ':', 'x'.repeat(300), 'queue:board\n', 'tutorials:work', '../x', 'queue:ticket.']) {
    socket.send(JSON.stringify({ id: 99, subscribe: { channel } }));
    const answer = await until('an answer', () => socket.code ? {} : socket.heard.find((one) => one.id === 99));
    assert.ok(!answer.subscribe || channel === 'queue:ticket.', channel);
    socket.heard = socket.heard.filter((one) => one.id !== 99);
  }
  socket.terminate();
});

test('who logs out loses the open line, and comes back as a stranger', async () => {
  const login = await fetch(`${server.it.url}/api/session`, {
    method: 'POST', headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ name: 'admin', password: server.password }),
  });
  assert.equal(login.status, 200);
  const headers = { Cookie: login.headers.get('set-cookie').split(';')[0], Origin: server.it.url };
  const console = await open(null, headers);
  const phone = await open();
  assert.equal(console.heard[0].connect.data.role, 'admin');
  assert.equal((await fetch(`${server.it.url}/api/session`, { method: 'DELETE', headers })).status, 200);
  await until('the line is closed', () => console.code);
  assert.equal(console.code, 3005);
  const again = await open(null, headers);
  assert.equal(again.heard[0].connect.data.role, 'public');
  assert.equal(phone.code, undefined);
  again.terminate();
  phone.terminate();
});

test('floods on a line are told to stop', async () => {
  const flood = await open();
  for (let i = 0; i < 3000 && flood.readyState === WebSocket.OPEN; i++) {
    flood.send(JSON.stringify({ id: 10 + i, subscribe: { channel: `queue:ticket.flood${i}` } }));
  }
  await until('the flood is over', () => flood.code);
  assert.equal(flood.code, 3013);
  const large = await open();
  large.send('x'.repeat(100000));
  await until('the large message is refused', () => large.code);
  const odd = [];
  for (const message of ['{}{}', '{"id":1', '[]', 'null', '\n\n\n', '{"id":-1,"connect":{}}', '{"id":"x"}', '['.repeat(3000),
    '{"id":5,"subscribe":{"channel":7}}', '{"id":6,"rpc":{"method":7}}', Buffer.from([0xff, 0xfe, 0x00])]) {
    const socket = await open();
    socket.send(message);
    odd.push(socket);
  }
  const unmasked = await raw(Buffer.concat([Buffer.from('GET /connection/websocket HTTP/1.1\r\nHost: storm\r\nUpgrade: websocket\r\n'
    + 'Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n'),
    Buffer.from([0x81, 0x02, 0x7b, 0x7d]), Buffer.from([0xff, 0xff, 0xff, 0xff])]), { half: true });
  assert.ok([101, 400].includes(statuses(unmasked)[0]), unmasked);
  await staysQuick();
  odd.forEach((socket) => socket.terminate());
});

test('who reads nothing costs nothing', async () => {
  const token = server.token;
  const idle = connect(address());
  idle.on('error', () => {});
  idle.write(`GET /connection/uni_sse?cf_connect=${encodeURIComponent('{"subs":{"announcements:events":{},"announcements:live":{}}}')}`
    + ' HTTP/1.1\r\nHost: storm\r\n\r\n');
  idle.pause();
  await until('it listens', async () => await figure('serambi_live_readers') === 1);
  for (let i = 0; i < 60; i++) {
    const { status, body } = await server.it.ask('POST', '/api/announcements', { text: { en: 'x'.repeat(200) }, urgency: 'normal' }, token);
    assert.equal(status, 201, JSON.stringify(body));
    await server.it.ask('POST', `/api/announcements/${body.id}/withdraw`, {}, token);
  }
  await staysQuick();
  idle.destroy();
});

test('guessers of passwords are slowed, others are not', async () => {
  const tries = await Promise.all(Array.from({ length: 60 }, (_, i) => fetch(`${server.it.url}/api/session`, {
    method: 'POST', headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ name: i % 2 ? 'admin' : `nobody${i}`, password: `guess ${i}` }),
  }).then(({ status }) => status)));
  await staysQuick();
  assert.ok(tries.every((status) => [401, 403, 429].includes(status)), tries.join());
  assert.ok(tries.includes(429) || tries.every((status) => status === 403), tries.join());
});
