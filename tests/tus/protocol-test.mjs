// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Serambi authors
//
// What tus 1.0.0 says must be, sentence by sentence: one table, each row with its section, what is
// asked and what has to be answered. Every row begins with uploads of its own.
import { test, before, after } from 'node:test';
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Server } from '../lib/serambi.mjs';

const FEWEST_CASES = 85;
const OCTETS = { 'Content-Type': 'application/offset+octet-stream' };
const KIND = 'kind dHV0b3JpYWxzOnZpZGVv,filename YS5tcDQ=';
let data, server, token, stranger, most;

before(async () => {
  data = mkdtempSync(join(tmpdir(), 'serambi-tus-'));
  server = await new Server(data).start();
  token = server.token('editor');
  stranger = server.token('editor');
  most = Number((await ask('OPTIONS', '/uploads/', { 'Tus-Resumable': null })).headers['tus-max-size']);
});

after(async () => {
  await server.stop();
  rmSync(data, { recursive: true, force: true });
});

/** One request, with Tus-Resumable and a token unless headers say null; {status, headers, body}. */
function ask(method, path, headers = {}, body = '') {
  const all = { 'Tus-Resumable': '1.0.0', Authorization: `Bearer ${token}`, ...headers };
  if (body !== '' || method === 'PATCH') all['Content-Length'] ??= Buffer.byteLength(body);
  return new Promise((resolve, reject) => {
    const kept = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== null));
    const one = request(new URL(path, server.url), { method, headers: kept }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (piece) => { text += piece; });
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, body: text }));
      response.on('error', reject);
    });
    one.on('error', reject);
    one.end(body);
  });
}

const post = (headers, body) => ask('POST', '/uploads/', { 'Upload-Metadata': KIND, ...headers }, body);
const head = (path, headers) => ask('HEAD', path, headers);
const patch = (path, offset, body, headers) => ask('PATCH', path, { ...OCTETS, 'Upload-Offset': offset, ...headers }, body);
const remove = (path, headers) => ask('DELETE', path, headers);
const digest = (name, text) => createHash(name).update(text).digest('base64');

async function created(headers) {
  const answer = await post(headers);
  assert.equal(answer.status, 201, answer.body);
  return answer.headers.location;
}

const ten = () => created({ 'Upload-Length': 10 });
const deferred = () => created({ 'Upload-Defer-Length': 1 });
async function half() {
  const path = await ten();
  await patch(path, 0, 'abcde');
  return path;
}
async function gone() {
  const path = await ten();
  await remove(path);
  return path;
}
async function complete() {
  const path = await ten();
  assert.equal((await patch(path, 0, '0123456789')).status, 204);
  return path;
}
async function part(text, headers = {}) {
  const path = await created({ 'Upload-Length': text.length, 'Upload-Concat': 'partial', ...headers });
  if (text) await patch(path, 0, text);
  return path;
}
async function parts() {
  return `final;${await part('abc')} ${await part('de')}`;
}
async function final() {
  return created({ 'Upload-Concat': await parts() });
}

const NEVER = '/uploads/AAAAAAAAAAAAAAAAAAAAAA';
const absent = (name) => ({ headers }) => assert.equal(headers[name], undefined);
const header = (name, value) => ({ headers }) => assert.equal(headers[name], value);
const matches = (name, pattern) => ({ headers }) => assert.match(headers[name] ?? '', pattern);
/** The offset that the server tells afterwards. */
const stays = (offset) => async (answer, path) => assert.equal((await head(path)).headers['upload-offset'], String(offset));
const isGone = async (answer, path) => assert.ok([404, 410].includes((await head(path)).status));
const isDate = ({ headers }) => {
  const text = headers['upload-expires'];
  assert.equal(new Date(text).toUTCString(), text);
  assert.ok(new Date(text) > new Date());
};

// [section, sentence, begin, ask(what begin gave), status or statuses, checks...]
const none = async () => null;
const CASES = [
  // Core: headers
  ['core', 'an offset that is negative is refused', ten, (path) => patch(path, '-1', 'a'), 400, stays(0)],
  ['core', 'an offset with a sign is refused', ten, (path) => patch(path, '+0', 'a'), 400, stays(0)],
  ['core', 'an offset that is no number is refused', ten, (path) => patch(path, 'zero', 'a'), 400, stays(0)],
  ['core', 'an offset in hexadecimal is refused', ten, (path) => patch(path, '0x0', 'a'), 400, stays(0)],
  ['core', 'an offset beyond 64 bits is refused', ten, (path) => patch(path, '18446744073709551616', 'a'), 400, stays(0)],
  ['core', 'a length that is negative is refused', none, () => post({ 'Upload-Length': '-1' }), 400],
  ['core', 'a length that is a fraction is refused', none, () => post({ 'Upload-Length': '1.5' }), 400],
  ['core', 'a length that is no number is refused', none, () => post({ 'Upload-Length': 'ten' }), 400],
  ['core', 'Tus-Resumable is in the answer to POST', none, () => post({ 'Upload-Length': 1 }), 201, header('tus-resumable', '1.0.0')],
  ['core', 'Tus-Resumable is in the answer to HEAD', ten, (path) => head(path), 200, header('tus-resumable', '1.0.0')],
  ['core', 'Tus-Resumable is in the answer to PATCH', ten, (path) => patch(path, 0, 'a'), 204, header('tus-resumable', '1.0.0')],
  ['core', 'Tus-Resumable is in the answer to DELETE', ten, (path) => remove(path), 204, header('tus-resumable', '1.0.0')],
  ['core', 'Tus-Resumable is in a refusal', none, () => head(NEVER), 404, header('tus-resumable', '1.0.0')],
  ['core', 'another version of POST is refused, with ours', none, () => post({ 'Tus-Resumable': '0.2.2', 'Upload-Length': 1 }), 412, matches('tus-version', /(^|,)1\.0\.0(,|$)/)],
  ['core', 'another version of HEAD is refused', ten, (path) => head(path, { 'Tus-Resumable': '2.0.0' }), 412, header('tus-version', '1.0.0')],
  ['core', 'another version of PATCH is not processed', ten, (path) => patch(path, 0, 'abc', { 'Tus-Resumable': '1.0.1' }), 412, stays(0)],
  ['core', 'another version of DELETE is not processed', ten, (path) => remove(path, { 'Tus-Resumable': '0.2.2' }), 412, stays(0)],
  ['core', 'no version of PATCH is not processed', ten, (path) => patch(path, 0, 'abc', { 'Tus-Resumable': null }), 412, stays(0)],
  ['core', 'no version of POST is not processed', none, () => post({ 'Tus-Resumable': null, 'Upload-Length': 1 }), 412, absent('location')],
  ['core', 'X-HTTP-Method-Override makes a PATCH of a POST', ten, (path) => ask('POST', path, { ...OCTETS, 'Upload-Offset': 0, 'X-HTTP-Method-Override': 'PATCH' }, 'abc'), 204, stays(3)],
  ['core', 'X-HTTP-Method-Override makes a DELETE of a POST', ten, (path) => ask('POST', path, { 'X-HTTP-Method-Override': 'DELETE' }), 204, isGone],
  ['core', 'a GET is not overridden', ten, (path) => ask('GET', path, { 'X-HTTP-Method-Override': 'DELETE' }), 200, stays(0)],
  // HEAD
  ['HEAD', 'the offset is told, also when it is 0', ten, (path) => head(path), 200, header('upload-offset', '0')],
  ['HEAD', 'the offset is told in the middle', half, (path) => head(path), 200, header('upload-offset', '5')],
  ['HEAD', 'the offset is told at the end', complete, (path) => head(path), 200, header('upload-offset', '10')],
  ['HEAD', 'the length is told', ten, (path) => head(path), 200, header('upload-length', '10')],
  ['HEAD', 'nothing between may keep the answer', ten, (path) => head(path), 200, header('cache-control', 'no-store')],
  ['HEAD', 'one that never was: not found, and no offset', none, () => head(NEVER), [403, 404, 410], absent('upload-offset')],
  ['HEAD', 'one that is gone: not found, and no offset', gone, (path) => head(path), [403, 404, 410], absent('upload-offset')],
  ['HEAD', 'one of another person: not found, and no offset', half, (path) => head(path, { Authorization: `Bearer ${stranger}` }), [403, 404, 410], absent('upload-offset')],
  ['HEAD', 'who is nobody learns nothing', half, (path) => head(path, { Authorization: null }), 401, absent('upload-offset')],
  ['HEAD', 'an id with a separator in disguise is not found', none, () => head('/uploads/AAAAAAAAAA%2FAAAAAAAAAAA'), [400, 404], absent('upload-offset')],
  ['HEAD', 'it changes nothing', half, async (path) => { await head(path); return head(path); }, 200, header('upload-offset', '5')],
  // PATCH
  ['PATCH', 'bytes from the offset: 204 and the new offset', ten, (path) => patch(path, 0, 'abc'), 204, header('upload-offset', '3'), stays(3)],
  ['PATCH', 'it goes on where it was', half, (path) => patch(path, 5, 'fgh'), 204, header('upload-offset', '8')],
  ['PATCH', 'the last byte makes it complete', half, (path) => patch(path, 5, 'fghij'), 204, header('upload-offset', '10'), stays(10)],
  ['PATCH', 'no bytes are no error', half, (path) => patch(path, 5, ''), 204, header('upload-offset', '5')],
  ['PATCH', 'an offset too small: 409, nothing changes', half, (path) => patch(path, 0, 'abc'), 409, stays(5)],
  ['PATCH', 'an offset too large: 409, nothing changes', half, (path) => patch(path, 6, 'abc'), 409, stays(5)],
  ['PATCH', 'no offset', ten, (path) => ask('PATCH', path, OCTETS, 'abc'), 400, stays(0)],
  ['PATCH', 'no type: 415', ten, (path) => ask('PATCH', path, { 'Upload-Offset': 0 }, 'abc'), 415, stays(0)],
  ['PATCH', 'another type: 415', ten, (path) => patch(path, 0, 'abc', { 'Content-Type': 'application/octet-stream' }), 415, stays(0)],
  ['PATCH', 'one that never was', none, () => patch(NEVER, 0, 'abc'), 404, absent('upload-offset')],
  ['PATCH', 'one that is gone', gone, (path) => patch(path, 0, 'abc'), [404, 410], absent('upload-offset')],
  ['PATCH', 'one of another person', ten, (path) => patch(path, 0, 'abc', { Authorization: `Bearer ${stranger}` }), [403, 404], stays(0)],
  ['PATCH', 'more than the length: refused, nothing changes', half, (path) => patch(path, 5, 'fghijk'), [400, 413], stays(5)],
  ['PATCH', 'one that is complete is not written over', complete, (path) => patch(path, 0, 'abc'), 409, stays(10)],
  // OPTIONS
  ['OPTIONS', 'versions, without being asked in one', none, () => ask('OPTIONS', '/uploads/', { 'Tus-Resumable': null }), [200, 204], header('tus-version', '1.0.0')],
  ['OPTIONS', "the client's version does not matter", none, () => ask('OPTIONS', '/uploads/', { 'Tus-Resumable': '0.2.2' }), [200, 204], header('tus-version', '1.0.0')],
  ['OPTIONS', 'who asks does not matter', none, () => ask('OPTIONS', '/uploads/', { Authorization: null }), [200, 204], matches('tus-max-size', /^\d+$/)],
  ...['creation', 'creation-with-upload', 'creation-defer-length', 'expiration', 'checksum', 'termination', 'concatenation']
    .map((name) => ['OPTIONS', `${name} is announced`, none, () => ask('OPTIONS', '/uploads/'), [200, 204], ({ headers }) => assert.ok(headers['tus-extension'].split(',').includes(name))]),
  // Creation
  ['creation', '201 and where it is', none, () => post({ 'Upload-Length': 3 }), 201, matches('location', /^\/uploads\/[\w-]{22}$/)],
  ['creation', 'it has its own place', ten, async (path) => [path, await post({ 'Upload-Length': 10 })][1], 201, ({ headers }, path) => assert.notEqual(headers.location, path)],
  ['creation', 'neither length nor its absence', none, () => post({}), 400, absent('location')],
  ['creation', 'both a length and its absence', none, () => post({ 'Upload-Length': 3, 'Upload-Defer-Length': 1 }), 400],
  ['creation', 'a length of 0 is complete at once', () => created({ 'Upload-Length': 0 }), (path) => head(path), 200, header('upload-offset', '0'), header('upload-length', '0')],
  ['creation', 'more than Tus-Max-Size: 413', none, () => post({ 'Upload-Length': most + 1 }), 413, absent('location')],
  ['creation', 'metadata comes back as it was given', () => created({ 'Upload-Length': 1, 'Upload-Metadata': `${KIND},note aGFp` }), (path) => head(path), 200, header('upload-metadata', `${KIND},note aGFp`)],
  ['creation', 'a key may be without a value', none, () => post({ 'Upload-Length': 1, 'Upload-Metadata': `${KIND},is_confidential` }), 201],
  ['creation', 'a key must not come twice', none, () => post({ 'Upload-Length': 1, 'Upload-Metadata': `${KIND},a YQ==,a Yg==` }), 400],
  ['creation', 'a key must not be empty', none, () => post({ 'Upload-Length': 1, 'Upload-Metadata': `${KIND},,a YQ==` }), 400],
  ['creation', 'a key must not have a comma for its end', none, () => post({ 'Upload-Length': 1, 'Upload-Metadata': `${KIND},` }), 400],
  ['creation', 'a value must be base64', none, () => post({ 'Upload-Length': 1, 'Upload-Metadata': `${KIND},a {}` }), 400],
  ['creation', 'who is nobody begins nothing', none, () => post({ 'Upload-Length': 1, Authorization: null }), 401, absent('location')],
  // Creation with upload
  ['creation-with-upload', 'the bytes of the POST are taken', none, () => post({ 'Upload-Length': 10, ...OCTETS }, 'abc'), 201, header('upload-offset', '3')],
  ['creation-with-upload', 'all of them complete it', none, () => post({ 'Upload-Length': 3, ...OCTETS }, 'abc'), 201, header('upload-offset', '3')],
  ['creation-with-upload', 'a body of another type', none, () => post({ 'Upload-Length': 10, 'Content-Type': 'text/plain' }, 'abc'), 415, absent('location')],
  ['creation-with-upload', 'more than the length', none, () => post({ 'Upload-Length': 2, ...OCTETS }, 'abc'), [400, 413], absent('location')],
  ['creation-with-upload', 'with the length deferred', none, () => post({ 'Upload-Defer-Length': 1, ...OCTETS }, 'abc'), 201, header('upload-offset', '3')],
  // Deferred length
  ['creation-defer-length', 'only 1 is a value', none, () => post({ 'Upload-Defer-Length': 2 }), 400],
  ['creation-defer-length', 'HEAD says so until it is known', deferred, (path) => head(path), 200, header('upload-defer-length', '1'), absent('upload-length')],
  ['creation-defer-length', 'also after bytes came', deferred, async (path) => { await patch(path, 0, 'abc'); return head(path); }, 200, header('upload-defer-length', '1'), header('upload-offset', '3')],
  ['creation-defer-length', 'a PATCH brings the length', deferred, async (path) => { await patch(path, 0, 'abc', { 'Upload-Length': 5 }); return head(path); }, 200, header('upload-length', '5'), absent('upload-defer-length')],
  ['creation-defer-length', 'which then does not change', deferred, async (path) => { await patch(path, 0, 'abc', { 'Upload-Length': 5 }); return patch(path, 3, 'd', { 'Upload-Length': 6 }); }, 400, stays(3)],
  ['creation-defer-length', 'and is not less than what came', deferred, async (path) => { await patch(path, 0, 'abc'); return patch(path, 3, '', { 'Upload-Length': 2 }); }, 400, stays(3)],
  ['creation-defer-length', 'and not over Tus-Max-Size', deferred, (path) => patch(path, 0, 'a', { 'Upload-Length': most + 1 }), 413, stays(0)],
  ['creation-defer-length', 'the length alone completes it', deferred, async (path) => { await patch(path, 0, 'abc'); return patch(path, 3, '', { 'Upload-Length': 3 }); }, 204, header('upload-offset', '3')],
  // Expiration
  ['expiration', 'POST tells until when', none, () => post({ 'Upload-Length': 3 }), 201, isDate],
  ['expiration', 'PATCH tells until when', ten, (path) => patch(path, 0, 'abc'), 204, isDate],
  ['expiration', 'HEAD tells until when', half, (path) => head(path), 200, isDate],
  // Checksum
  ['checksum', 'sha1 is among them', none, () => ask('OPTIONS', '/uploads/'), [200, 204], matches('tus-checksum-algorithm', /(^|,)sha1(,|$)/)],
  ...['sha1', 'sha256'].flatMap((name) => [
    ['checksum', `a right ${name}`, ten, (path) => patch(path, 0, 'abc', { 'Upload-Checksum': `${name} ${digest(name, 'abc')}` }), 204, stays(3)],
    ['checksum', `a wrong ${name}: 460, the bytes do not count`, half, (path) => patch(path, 5, 'abc', { 'Upload-Checksum': `${name} ${digest(name, 'abd')}` }), 460, stays(5)],
    ['checksum', `a wrong ${name} at the end completes nothing`, half, (path) => patch(path, 5, 'abcde', { 'Upload-Checksum': `${name} ${digest(name, '')}` }), 460, stays(5)],
  ]),
  ['checksum', 'after a wrong one the right bytes count', half, async (path) => { await patch(path, 5, 'xxx', { 'Upload-Checksum': `sha1 ${digest('sha1', 'abc')}` }); return patch(path, 5, 'abc', { 'Upload-Checksum': `sha1 ${digest('sha1', 'abc')}` }); }, 204, stays(8)],
  ['checksum', 'an unknown algorithm: 400', ten, (path) => patch(path, 0, 'abc', { 'Upload-Checksum': `md5 ${digest('md5', 'abc')}` }), 400, stays(0)],
  ['checksum', 'a digest of the wrong length: 400', ten, (path) => patch(path, 0, 'abc', { 'Upload-Checksum': 'sha1 YWJj' }), 400, stays(0)],
  ['checksum', 'a wrong one of a creation completes nothing', none, () => post({ 'Upload-Length': 3, ...OCTETS, 'Upload-Checksum': `sha1 ${digest('sha1', 'abd')}` }, 'abc'), 460],
  // Termination
  ['termination', '204', half, (path) => remove(path), 204],
  ['termination', 'afterwards it is gone', gone, (path) => head(path), [404, 410]],
  ['termination', 'and takes nothing', gone, (path) => patch(path, 0, 'abc'), [404, 410]],
  ['termination', 'a second time', gone, (path) => remove(path), [404, 410]],
  ['termination', 'one of another person stays', half, (path) => remove(path, { Authorization: `Bearer ${stranger}` }), [403, 404], stays(5)],
  ['termination', 'a complete one is forgotten', complete, (path) => remove(path), 204, isGone],
  // Concatenation
  ['concatenation', 'a part says that it is one', () => part('abc'), (path) => head(path), 200, header('upload-concat', 'partial'), header('upload-offset', '3')],
  ['concatenation', 'a part without metadata', () => part('abc', { 'Upload-Metadata': null }), (path) => head(path), 200, header('upload-length', '3')],
  ['concatenation', 'a part is sent in pieces', () => part('abc'), (path) => patch(path, 3, ''), 204],
  ['concatenation', 'a part of unknown length', () => created({ 'Upload-Defer-Length': 1, 'Upload-Concat': 'partial' }), (path) => head(path), 200, header('upload-defer-length', '1')],
  ['concatenation', '201 and where the whole is', parts, (concat) => post({ 'Upload-Concat': concat }), 201, matches('location', /^\/uploads\/[\w-]{22}$/)],
  ['concatenation', 'the places may be absolute', async () => `final;${server.url}${await part('abc')}`, (concat) => post({ 'Upload-Concat': concat }), 201],
  ['concatenation', 'the whole says what it is made of', final, (path) => head(path), 200, matches('upload-concat', /^final;\/uploads\/[\w-]{22} \/uploads\/[\w-]{22}$/)],
  ['concatenation', 'the whole has the sum of the lengths', final, (path) => head(path), 200, header('upload-length', '5'), header('upload-offset', '5')],
  ['concatenation', 'a whole has no length of its own', parts, (concat) => post({ 'Upload-Concat': concat, 'Upload-Length': 5 }), 400],
  ['concatenation', 'the whole has its own metadata', async () => `final;${await part('abc', { 'Upload-Metadata': `${KIND},note aGFp` })}`, async (concat) => head((await post({ 'Upload-Concat': concat })).headers.location), 200, header('upload-metadata', KIND)],
  ['concatenation', 'PATCH on a whole: 403', final, (path) => patch(path, 5, ''), 403, stays(5)],
  ['concatenation', 'a part that is not whole', async () => `final;${await part('abc')} ${await created({ 'Upload-Length': 3, 'Upload-Concat': 'partial' })}`, (concat) => post({ 'Upload-Concat': concat }), 409, absent('location')],
  ['concatenation', 'what is not a part', async () => `final;${await half()}`, (concat) => post({ 'Upload-Concat': concat }), 409, absent('location')],
  ['concatenation', 'a part that never was', none, () => post({ 'Upload-Concat': `final;${NEVER}` }), 404, absent('location')],
  ['concatenation', 'a part of another person', parts, (concat) => post({ 'Upload-Concat': concat, Authorization: `Bearer ${stranger}` }), 404, absent('location')],
  ['concatenation', 'neither partial nor final', none, () => post({ 'Upload-Concat': 'parts', 'Upload-Length': 3 }), 400],
];

test(`the table has at least ${FEWEST_CASES} cases, none twice`, (t) => {
  t.diagnostic(`${CASES.length} cases of the protocol`);
  assert.ok(CASES.length >= FEWEST_CASES);
  assert.equal(new Set(CASES.map(([section, sentence]) => `${section}: ${sentence}`)).size, CASES.length);
});

for (const [section, sentence, begin, act, status, ...checks] of CASES) {
  test(`${section}: ${sentence}`, async () => {
    await empty();
    const begun = await begin();
    const answer = await act(begun);
    assert.ok([status].flat().includes(answer.status), `${answer.status} ${answer.body}`);
    for (const check of checks) await check(answer, begun);
  });
}

/** No case fills the quota of the next one. */
async function empty() {
  const { uploads } = JSON.parse((await ask('GET', '/uploads/')).body);
  for (const { url } of uploads) assert.equal((await remove(url)).status, 204);
}
