// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Serambi authors
//
// Clients that others wrote, each over a line that is cut three times, each going on where it was:
// tus-js-client in Node and in Chromium, Uppy in Chromium, tuspy, curl.
import { test, before, after } from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { linkSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as esbuild from 'esbuild';
import tus from 'tus-js-client';
import { openBrowser } from '../browser/house.mjs';
import { TcpProxy } from '../lib/proxy.mjs';
import { Server } from '../lib/serambi.mjs';

const MIB = 1024 * 1024;
const SIZE = 6 * MIB + 7;
const CUTS = 3;
const METADATA = { kind: 'tutorials:video', filename: 'cara pinjam.mp4' };
let data, server, token, browser;

before(async () => {
  data = mkdtempSync(join(tmpdir(), 'serambi-clients-'));
  server = await new Server(data).start();
  token = server.token('editor');
  browser = await openBrowser();
});

after(async () => {
  await browser.close();
  await server.stop();
  rmSync(data, { recursive: true, force: true });
});

const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');
const folder = () => join(data, 'work/uploads');

/** A file to send, and a line that is cut after a MiB, three times. */
async function prepare(t) {
  const path = join(data, 'cara pinjam.mp4');
  const body = randomBytes(SIZE);
  writeFileSync(path, body);
  const proxy = await new TcpProxy(server.url).start();
  const long = []; // lines that were cut: short ones (a HEAD) are not worth one
  proxy.conditions = { get cutAfterSent() { return long.length < CUTS ? MIB : undefined; } };
  t.after(() => proxy.close());
  const watch = setInterval(() => {
    for (const line of proxy.lines) if (line.up.left <= 0 && !long.includes(line)) long.push(line);
  }, 1);
  t.after(() => clearInterval(watch));
  const names = new Map(); // id -> a second name of its file, which is given away at the end
  const before = new Set(readdirSync(folder()));
  const look = () => {
    for (const id of readdirSync(folder())) {
      if (before.has(id) || names.has(id)) continue;
      const name = join(data, `kept-${id}`);
      try {
        linkSync(join(folder(), id, 'file'), name);
        names.set(id, name);
      } catch { /* not made yet */ }
    }
  };
  const looking = setInterval(look, 1);
  t.after(() => clearInterval(looking));
  return {
    path, body, proxy, endpoint: `${proxy.url}/uploads/`,
    /** One upload, cut as often as it should be, and whole. */
    assertWhole() {
      look();
      assert.equal(names.size, 1, 'it went on, not again');
      assert.equal(sha256(readFileSync([...names.values()][0])), sha256(body));
      assert.ok(proxy.linesTotal > CUTS, `${proxy.linesTotal} lines`);
      assert.equal(long.length, CUTS);
    },
  };
}

function finished(child) {
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (piece) => { output += piece; });
  return once(child, 'close').then(([code]) => assert.equal(code, 0, output));
}

test('tus-js-client in Node', async (t) => {
  const { body, endpoint, assertWhole } = await prepare(t);
  await new Promise((resolve, reject) => {
    new tus.Upload(body, {
      endpoint, metadata: METADATA, headers: { Authorization: `Bearer ${token}` },
      retryDelays: Array(10).fill(20), onSuccess: resolve, onError: reject,
    }).start();
  });
  assertWhole();
});

test('tus-js-client in Node, over three connections at once', async (t) => {
  const { body, proxy, endpoint } = await prepare(t);
  proxy.conditions = {};
  const url = await new Promise((resolve, reject) => {
    const one = new tus.Upload(body, {
      endpoint, metadata: METADATA, headers: { Authorization: `Bearer ${token}` },
      parallelUploads: 3, retryDelays: Array(10).fill(20), onSuccess: () => resolve(one.url), onError: reject,
    });
    one.start();
  });
  const response = await fetch(url, { method: 'HEAD', headers: { 'Tus-Resumable': '1.0.0', Authorization: `Bearer ${token}` } });
  assert.equal(response.headers.get('upload-offset'), String(SIZE));
  assert.match(response.headers.get('upload-concat'), /^final;/);
});

/** A page of the server with a script in it; what run() gives in it. */
async function inChromium(t, proxy, code, run, argument) {
  const context = await browser.newContext({ bypassCSP: true });
  t.after(() => context.close());
  const page = await context.newPage();
  await page.goto(`${proxy.url}/healthz`);
  await page.addScriptTag({ content: code });
  await page.setContent('<input type="file" id="file">');
  await page.setInputFiles('#file', argument.path);
  return page.evaluate(run, argument);
}

async function bundled(source) {
  const { outputFiles } = await esbuild.build({
    stdin: { contents: source, resolveDir: new URL('..', import.meta.url).pathname },
    bundle: true, write: false, format: 'iife', platform: 'browser', logLevel: 'error',
  });
  return outputFiles[0].text;
}

test('tus-js-client in Chromium', async (t) => {
  const { path, proxy, endpoint, assertWhole } = await prepare(t);
  const code = readFileSync(new URL('../node_modules/tus-js-client/dist/tus.js', import.meta.url), 'utf8');
  await inChromium(t, proxy, code, ({ endpoint: place, token: secret, metadata }) => new Promise((resolve, reject) => {
    new globalThis.tus.Upload(document.querySelector('#file').files[0], {
      endpoint: place, metadata, headers: { Authorization: `Bearer ${secret}` },
      retryDelays: Array(10).fill(20), onSuccess: resolve, onError: reject,
    }).start();
  }).then(() => true), { path, endpoint, token, metadata: METADATA });
  assertWhole();
});

test('Uppy in Chromium', async (t) => {
  const { path, proxy, endpoint, assertWhole } = await prepare(t);
  const code = await bundled(`import Uppy from '@uppy/core'; import Tus from '@uppy/tus'; Object.assign(globalThis, { Uppy, Tus });`);
  const failed = await inChromium(t, proxy, code, async ({ endpoint: place, token: secret, metadata }) => {
    const uppy = new globalThis.Uppy({ meta: metadata });
    uppy.use(globalThis.Tus, {
      endpoint: place, headers: { Authorization: `Bearer ${secret}` }, retryDelays: Array(10).fill(20),
      allowedMetaFields: ['kind', 'filename'],
    });
    uppy.addFile({ name: metadata.filename, data: document.querySelector('#file').files[0] });
    return (await uppy.upload()).failed.map((file) => String(file.error));
  }, { path, endpoint, token, metadata: METADATA });
  assert.deepEqual(failed, []);
  assertWhole();
});

const TUSPY = `
import sys
from tusclient.client import TusClient
path, endpoint, token = sys.argv[1:]
client = TusClient(endpoint, headers={'Authorization': 'Bearer ' + token})
client.uploader(path, retries=20, retry_delay=0,
                metadata={'kind': 'tutorials:video', 'filename': 'cara pinjam.mp4'}).upload()
`;

test('tuspy', async (t) => {
  const { path, endpoint, assertWhole } = await prepare(t);
  await finished(spawn('/usr/bin/python3', ['-c', TUSPY, path, endpoint, token]));
  assertWhole();
});

/* As one would write it on a page of help: ask where it stands, send the rest, until all is there. */
const CURL = `
set -u
path=$1 endpoint=$2 token=$3
size=$(stat -c %s "$path")
place=$(curl -fsS -D - -o /dev/null -X POST "$endpoint" -H "Authorization: Bearer $token" -H 'Tus-Resumable: 1.0.0' \
  -H "Upload-Length: $size" -H 'Content-Length: 0' -H 'Upload-Metadata: kind dHV0b3JpYWxzOnZpZGVv' | tr -d '\\r' | sed -n 's/^[Ll]ocation: //p')
place=\${endpoint%/uploads/}/uploads/\${place##*/}
while :; do
  at=$(curl -fsS -I "$place" -H "Authorization: Bearer $token" -H 'Tus-Resumable: 1.0.0' | tr -d '\\r' | sed -n 's/^[Uu]pload-[Oo]ffset: //p')
  if [ -z "$at" ]; then exit 1; fi
  if [ "$at" = "$size" ]; then exit 0; fi
  tail -c "+$((at + 1))" "$path" | curl -fsS -X PATCH "$place" -H "Authorization: Bearer $token" -H 'Tus-Resumable: 1.0.0' \
    -H "Upload-Offset: $at" -H 'Content-Type: application/offset+octet-stream' --data-binary @- || true
done
`;

test('curl', async (t) => {
  const { path, endpoint, assertWhole } = await prepare(t);
  await finished(spawn('/bin/sh', ['-c', CURL, 'sh', path, endpoint, token]));
  assertWhole();
});
