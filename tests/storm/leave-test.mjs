// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Serambi authors
//
// The server is told to leave while it is busy, is administered while it is busy, and runs out of
// disk: nothing that was acknowledged is harmed, and it goes on when there is room again.
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import WebSocket from 'ws';
import { Server, build, temporaryFolder, until } from '../lib/serambi.mjs';

const run = promisify(execFile);
const serambi = join(build, 'core/serambi');
const MIB = 1024 * 1024;
const base64 = (text) => Buffer.from(text).toString('base64');

async function create(server, token, size, kind = 'tutorials:video') {
  const response = await fetch(`${server.url}/uploads/`, {
    method: 'POST',
    headers: {
      Authorization: `Bearer ${token}`, 'Tus-Resumable': '1.0.0', 'Upload-Length': String(size),
      'Upload-Metadata': `kind ${base64(kind)},filename ${base64('storm.mp4')}`,
    },
  });
  return { status: response.status, location: response.headers.get('location') };
}

async function offsetOf(server, token, location) {
  const response = await fetch(server.url + location, {
    method: 'HEAD', headers: { Authorization: `Bearer ${token}`, 'Tus-Resumable': '1.0.0' },
  });
  assert.equal(response.status, 200);
  return Number(response.headers.get('upload-offset'));
}

async function patch(server, token, location, offset, bytes) {
  const response = await fetch(server.url + location, {
    method: 'PATCH', body: bytes,
    headers: {
      Authorization: `Bearer ${token}`, 'Tus-Resumable': '1.0.0', 'Upload-Offset': String(offset),
      'Content-Type': 'application/offset+octet-stream',
    },
  });
  return response.status;
}

/** A PATCH that has sent only its first bytes. */
function begin(server, token, location, offset, size, bytes) {
  const { hostname, port } = new URL(server.url);
  const socket = connect(Number(port), hostname);
  socket.heard = '';
  socket.on('data', (chunk) => { socket.heard += chunk; });
  socket.on('error', () => {});
  socket.write(`PATCH ${location} HTTP/1.1\r\nHost: storm\r\nAuthorization: Bearer ${token}\r\nTus-Resumable: 1.0.0\r\n`
    + `Upload-Offset: ${offset}\r\nContent-Type: application/offset+octet-stream\r\nContent-Length: ${size}\r\n\r\n`);
  socket.write(bytes);
  return socket;
}

test('SIGTERM in the middle of uploads', async (t) => {
  const server = await new Server(temporaryFolder(t)).start();
  t.after(() => server.child.kill('SIGKILL'));
  const token = server.token('editor');
  const size = 4 * MIB;
  const bytes = randomBytes(size);
  const { location } = await create(server, token, size);
  const others = [];
  for (let i = 0; i < 8; i++) others.push((await create(server, token, MIB)).location);
  assert.equal(await patch(server, token, location, 0, bytes.subarray(0, MIB)), 204);
  const lines = [begin(server, token, location, MIB, 3 * MIB, bytes.subarray(MIB, 3 * MIB))];
  for (const other of others) lines.push(begin(server, token, other, 0, MIB, bytes.subarray(0, MIB / 2)));
  await until('the bytes arrive', async () => /^serambi_uploads_open 9$/m.test(
    await (await fetch(`${server.url}/metrics`)).text()));
  assert.equal(await server.stop(), 0, server.output);
  assert.doesNotMatch(server.output, /Sanitizer|runtime error|does not come to rest/);
  lines.forEach((line) => line.destroy());

  await server.start();
  const at = await offsetOf(server, token, location);
  assert.ok(at >= MIB && at <= 3 * MIB, `what was acknowledged is there: ${at}`);
  assert.equal(await patch(server, token, location, at, bytes.subarray(at)), 204);
  assert.equal(await offsetOf(server, token, location), size);
  assert.equal(await server.stop(), 0);
});

test('every phone hears that the server leaves', async (t) => {
  const server = await new Server(temporaryFolder(t)).start();
  t.after(() => server.child.kill('SIGKILL'));
  const codes = [];
  let connected = 0;
  for (let i = 0; i < 700; i++) {
    const socket = new WebSocket(`${server.url.replace('http', 'ws')}/connection/websocket`);
    socket.on('open', () => socket.send('{"id":1,"connect":{}}'));
    socket.on('message', () => { connected += 1; });
    socket.on('close', (code) => codes.push(code));
    socket.on('error', () => {});
  }
  await until('all are connected', () => connected >= 700);
  const silent = connect(Number(new URL(server.url).port), '127.0.0.1'); // and one that never says goodbye
  silent.on('error', () => {});
  silent.write('GET /connection/uni_sse?cf_connect=%7B%22subs%22%3A%7B%22queue%3Aboard%22%3A%7B%7D%7D%7D HTTP/1.1\r\nHost: storm\r\n\r\n');
  assert.equal(await server.stop(), 0, server.output);
  await until('all have heard it', () => codes.length === 700);
  assert.deepEqual([...new Set(codes)], [3001]);
  silent.destroy();
});

test('admin commands beside a busy server', async (t) => {
  const data = temporaryFolder(t);
  writeFileSync(join(data, 'serambi.ini'), '[queue]\ntickets_per_address=10000\n');
  const server = await new Server(data).start();
  t.after(() => server.child.kill('SIGKILL'));
  const state = { isOver: false, count: 0 };
  const busy = Array.from({ length: 4 }, async (_, visitor) => {
    for (let n = 0; !state.isOver; n++) {
      const { status } = await server.ask('POST', '/api/queue/tickets', { service: 1, key: `busy-visitor-${visitor}-${n}` });
      assert.ok(status === 201 || status === 200, String(status));
      state.count += 1;
    }
  });
  await until('it is busy', () => state.count > 20);
  const archive = join(data, '..', `${data.split('/').pop()}.tar`);
  t.after(() => rmSync(archive, { force: true }));
  const commands = [];
  for (let i = 0; i < 3; i++) {
    commands.push(run(serambi, ['token', 'add', `bot${i}`, '--role', 'counter', '--data', data]));
    commands.push(run(serambi, ['user', 'add', `rina${i}`, '--role', 'editor', '--data', data]));
  }
  commands.push(run(serambi, ['backup', archive, '--data', data]));
  await Promise.all(commands);
  state.isOver = true;
  await Promise.all(busy);
  const { stdout } = await run(serambi, ['token', 'list', '--data', data]);
  assert.equal(stdout, 'bot0\tcounter\tnever\nbot1\tcounter\tnever\nbot2\tcounter\tnever\n');
  await assert.rejects(run(serambi, ['serve', '--data', data, '--listen', '127.0.0.1:0']), /folder|server/);
  const copy = join(temporaryFolder(t), 'copy');
  assert.match((await run(serambi, ['restore', archive, '--data', copy])).stdout, /database sound/);
  assert.equal(await server.stop(), 0, server.output);
});

/** A file system of its own of a few megabytes; null where that is not allowed. */
function smallDisk(t, megabytes) {
  const folder = mkdtempSync(join(tmpdir(), 'serambi-disk-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'serambi-storm', folder], { stdio: 'ignore' });
  } catch {
    rmSync(folder, { recursive: true });
    return null;
  }
  t.after(() => {
    execFileSync('umount', ['-l', folder]);
    rmSync(folder, { recursive: true });
  });
  return folder;
}

test('a disk that fills', async (t) => {
  const data = smallDisk(t, 12);
  if (!data) {
    t.skip('no file system may be mounted here');
    return;
  }
  writeFileSync(join(data, 'serambi.ini'), '[serambi]\nreserve_mb=2\n[queue]\ntickets_per_address=10000\n');
  const server = await new Server(data).start();
  t.after(() => server.child.kill('SIGKILL'));
  const token = server.token('editor');
  assert.equal((await create(server, token, 64 * MIB)).status, 507);
  const before = await server.ask('POST', '/api/announcements', { text: { en: 'before' }, urgency: 'normal' }, token);
  assert.equal(before.status, 201);
  const first = await server.ask('POST', '/api/queue/tickets', { service: 1, key: 'a-visitor-before-it-was-full' });

  /* Somebody else's file takes all that is left. */
  const filler = join(data, 'filler');
  try {
    writeFileSync(filler, Buffer.alloc(64 * MIB));
  } catch (error) {
    assert.equal(error.code, 'ENOSPC');
  }
  const refused = await server.ask('POST', '/api/announcements', { text: { en: 'full' }, urgency: 'normal' }, token);
  assert.equal(refused.status, 507);
  assert.equal(refused.body.error.code, 'error.full');
  assert.equal((await create(server, token, MIB)).status, 507);
  assert.equal((await fetch(`${server.url}/readyz`)).status, 503);
  let refusal;
  for (let n = 0; n < 400 && !refusal; n++) {
    const answer = await server.ask('POST', '/api/queue/tickets', { service: 1, key: `a-visitor-while-it-is-full-${n}` });
    if (answer.status >= 400) refusal = answer;
  }
  assert.equal(refusal?.status, 507, JSON.stringify(refusal));
  assert.equal((await server.ask('GET', `/api/queue/tickets/${first.body.ticket.secret}`)).status, 200);

  rmSync(filler);
  assert.equal((await server.ask('POST', '/api/announcements', { text: { en: 'after' }, urgency: 'normal' }, token)).status, 201);
  assert.equal((await server.ask('POST', '/api/queue/tickets', { service: 1, key: 'a-visitor-after-it-was-full' })).status, 201);
  await server.kill();
  await server.start();
  const { body } = await server.ask('GET', '/api/announcements');
  const texts = (body.announcements ?? body).map(({ text }) => text.en).sort();
  assert.deepEqual(texts, ['after', 'before']);
  assert.equal(await server.stop(), 0, server.output);
  assert.doesNotMatch(server.output, /Sanitizer|runtime error/);
});
