// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Serambi authors
//
// Uploads as the world's usual client makes them: tus-js-client against the built server, over good
// lines and bad ones.
import { test, before, after } from 'node:test';
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, linkSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, connect } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import tus from 'tus-js-client';
import { Server } from '../lib/serambi.mjs';

const MIB = 1024 * 1024;
let data, server, token, current;

before(async () => {
  data = mkdtempSync(join(tmpdir(), 'serambi-tus-'));
  server = await new Server(data).start();
  token = server.token('editor');
});

after(async () => {
  await server.stop();
  rmSync(data, { recursive: true, force: true });
});

const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');
const idOf = (url) => url.split('/').pop();

/** Keeps a second name of the upload's file, which the server gives away when it is complete. */
function keep(url) {
  const name = join(data, `kept-${idOf(url)}`);
  if (!existsSync(name)) linkSync(join(data, 'work/uploads', idOf(url), 'file'), name);
  return name;
}

/** One upload to its end: {url, file, requests}; rejects as the client does. */
function upload(body, options = {}) {
  return new Promise((resolve, reject) => {
    const result = { requests: [], file: null };
    const one = new tus.Upload(body, {
      endpoint: `${server.url}/uploads/`,
      headers: { Authorization: `Bearer ${token}` },
      metadata: { kind: 'tutorials:video', filename: 'cara pinjam.mp4' },
      retryDelays: [0, 20, 50, 100, 200, 400],
      chunkSize: Infinity,
      ...options,
      onUploadUrlAvailable() {
        result.url = one.url;
        result.file ??= keep(one.url);
        options.onUploadUrlAvailable?.(one);
      },
      onAfterResponse(request, response) {
        result.requests.push(`${request.getMethod()} ${response.getStatus()}`);
      },
      onSuccess: () => resolve(result),
      onError: reject,
    });
    one.start();
    options.onStarted?.(one);
  });
}

function head(url, extra = {}) {
  return fetch(url, {
    method: 'HEAD', headers: { 'Tus-Resumable': '1.0.0', Authorization: `Bearer ${token}`, ...extra },
  });
}

/**
 * A line between client and server that may be bad: after `bytes` towards the server it is cut, or
 * goes silent and stays open. Only the first `times` connections that send so much suffer.
 */
async function badLine(t, { bytes, times, silent = false }) {
  const sockets = new Set();
  const line = { faults: 0 };
  const proxy = createServer((client) => {
    const { hostname, port } = new URL(server.url);
    const upstream = connect(port, hostname);
    let sent = 0;
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    }
    upstream.pipe(client);
    client.on('close', () => upstream.destroy());
    client.on('data', (chunk) => {
      if (line.faults >= times && sent <= bytes) {
        upstream.write(chunk);
        return;
      }
      const room = bytes - sent;
      sent += chunk.length;
      if (room <= 0) return;
      upstream.write(chunk.subarray(0, room));
      if (sent < bytes) return;
      line.faults += 1;
      line.onFault?.();
      if (!silent) for (const socket of [client, upstream]) socket.destroy();
    });
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    proxy.close();
  });
  line.endpoint = `http://127.0.0.1:${proxy.address().port}/uploads/`;
  return line;
}

test('a whole file in one piece', async () => {
  const body = randomBytes(5 * MIB + 3);
  const { url, file, requests } = await upload(body);
  assert.deepEqual(requests, ['POST 201', 'PATCH 204']);
  assert.equal(sha256(readFileSync(file)), sha256(body));
  const response = await head(url);
  assert.equal(response.headers.get('upload-offset'), String(body.length));
  assert.equal(response.headers.get('upload-length'), String(body.length));
  const pairs = response.headers.get('upload-metadata').split(',').sort();
  assert.deepEqual(pairs, ['filename Y2FyYSBwaW5qYW0ubXA0', 'kind dHV0b3JpYWxzOnZpZGVv']);
});

test('pieces, and a body with the creation', async () => {
  const body = randomBytes(MIB + 1);
  const { file, requests } = await upload(body, { chunkSize: 300000, uploadDataDuringCreation: true });
  assert.deepEqual(requests, ['POST 201', 'PATCH 204', 'PATCH 204', 'PATCH 204']);
  assert.equal(sha256(readFileSync(file)), sha256(body));
});

test('a length that is known only at the end', async () => {
  const body = randomBytes(700000);
  const { file, url } = await upload(Readable.from([body.subarray(0, 333333), body.subarray(333333)]),
    { chunkSize: 250000, uploadLengthDeferred: true });
  assert.equal(sha256(readFileSync(file)), sha256(body));
  assert.equal((await head(url)).headers.get('upload-length'), '700000');
});

test('PATCH hidden in a POST', async () => {
  const body = randomBytes(100000);
  const { file, requests } = await upload(body, { overridePatchMethod: true });
  assert.deepEqual(requests, ['POST 201', 'POST 204']);
  assert.equal(sha256(readFileSync(file)), sha256(body));
});

test('a line that is cut again and again', async (t) => {
  const body = randomBytes(6 * MIB);
  const line = await badLine(t, { bytes: MIB, times: 4 });
  const { file, requests } = await upload(body, { endpoint: line.endpoint });
  assert.equal(line.faults, 4);
  assert.equal(requests.filter((one) => one === 'HEAD 200').length, 4);
  assert.equal(requests.at(-1), 'PATCH 204');
  assert.equal(sha256(readFileSync(file)), sha256(body));
});

test('a line that goes silent: the next request takes over at once', async (t) => {
  const body = randomBytes(3 * MIB);
  const line = await badLine(t, { bytes: MIB, times: 1, silent: true });
  const stalled = new Promise((resolve) => { line.onFault = resolve; });
  let first;
  const never = upload(body, { endpoint: line.endpoint, onStarted: (one) => { first = one; } });
  never.catch(() => {});
  await stalled;
  const url = `${server.url}/uploads/${idOf(first.url)}`;
  const begin = performance.now();
  const response = await head(url);
  assert.equal(response.status, 200);
  assert.ok(performance.now() - begin < 500);
  await first.abort();
  const { requests, file } = await upload(body, { uploadUrl: url });
  assert.ok(!requests.includes('POST 201'));
  assert.equal(sha256(readFileSync(file)), sha256(body));
});

test('the server is killed in the middle', async () => {
  const body = randomBytes(20 * MIB);
  let told = 0, killed = false;
  const { file, requests } = await upload(body, {
    chunkSize: 2 * MIB,
    retryDelays: Array(100).fill(50),
    async onChunkComplete(size, accepted) {
      told = accepted;
      if (accepted < 8 * MIB || killed) return;
      killed = true;
      await server.kill();
      await server.start();
      const response = await head(`${server.url}/uploads/${idOf(current.url)}`);
      assert.ok(Number(response.headers.get('upload-offset')) >= told, 'what was told is there');
    },
    onStarted: (one) => { current = one; },
  });
  assert.ok(killed);
  assert.ok(!requests.slice(1).includes('POST 201'), 'it went on, not again');
  assert.equal(sha256(readFileSync(file)), sha256(body));
});

test('given up: nothing is left', async () => {
  const body = randomBytes(2 * MIB);
  await new Promise((resolve, reject) => {
    const one = new tus.Upload(body, {
      endpoint: `${server.url}/uploads/`,
      headers: { Authorization: `Bearer ${token}` },
      metadata: { kind: 'tutorials:video' },
      chunkSize: MIB,
      onChunkComplete: () => one.abort(true).then(async () => {
        assert.equal((await head(one.url)).status, 404);
      }).then(resolve, reject),
      onSuccess: () => reject(new Error('it was given up')),
      onError: reject,
    });
    one.start();
  });
});

test('strangers and wrong tokens are refused, without trying again', async () => {
  for (const headers of [{}, { Authorization: 'Bearer serambi_editor_wrong' }]) {
    const error = await upload(randomBytes(10), { headers }).then(() => null, (reason) => reason);
    assert.equal(error.originalResponse.getStatus(), 401);
    assert.equal(JSON.parse(error.originalResponse.getBody()).error.code, 'error.unauthorized');
  }
});

test('too large is refused before a byte is sent', async () => {
  const options = await fetch(`${server.url}/uploads/`, { method: 'OPTIONS' });
  const most = Number(options.headers.get('tus-max-size'));
  assert.ok(most > 0);
  const error = await upload(Readable.from([]), { uploadSize: most + 1, chunkSize: 1000 })
    .then(() => null, (reason) => reason);
  assert.equal(error.originalResponse.getStatus(), 413);
});
