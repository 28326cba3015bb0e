// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Serambi authors
//
// Our own page's uploads in Chromium: continued in another browser, refused in plain words, one
// after the other, from the clipboard and by drag.
import { test, before, after } from 'node:test';
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { logIn, openBrowser, openHouse, openPage, violations } from '../browser/house.mjs';

const MIB = 1024 * 1024;
const SIZE = 24 * MIB;
let house, browser, folder;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'serambi-page-'));
  [house, browser] = await Promise.all([openHouse(), openBrowser()]);
});

after(async () => {
  await browser?.close();
  await house?.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function openStaff(t, options) {
  const staff = await openPage(browser, house, '/staff', options);
  t.after(() => staff.context().close());
  await logIn(staff, house);
  await staff.goto(`${house.url}/staff#/tutorials`);
  await staff.waitForSelector('tutorials-staff .drop');
  return staff;
}

function file(name, bytes) {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

const rowOf = (staff, name) => staff.locator('tutorials-staff > ul.rows:not(.films-list) li', { hasText: name });

/** Methods and offsets of what the page asks of /uploads/. */
function listen(staff) {
  const asked = [];
  staff.on('request', (request) => {
    if (request.url().includes('/uploads/')) asked.push({ method: request.method(), offset: Number(request.headers()['upload-offset'] ?? 0) });
  });
  return asked;
}

/** Answers the n-th PATCH, counted from 1, and those after it, by hand. */
async function atPatch(staff, count, answer) {
  let patches = 0;
  await staff.route('**/uploads/*', (route) => {
    if (route.request().method() !== 'PATCH') return route.continue();
    patches += 1;
    return patches < count ? route.continue() : answer(route);
  });
}

/** A file sent to its first 8 MiB in a browser that is then closed. */
async function leaveHalf(t, name, bytes) {
  const first = await openStaff(t);
  let stopped;
  const stop = new Promise((resolve) => { stopped = resolve; });
  await atPatch(first, 2, () => stopped()); // never answered
  await first.setInputFiles('#choose-video', file(name, bytes));
  await stop;
  await first.context().close();
}

test('another browser goes on where the first was closed', async (t) => {
  const bytes = randomBytes(SIZE);
  await leaveHalf(t, 'lanjut.mp4', bytes);
  const second = await openStaff(t);
  const row = rowOf(second, 'lanjut.mp4');
  await row.locator('p', { hasText: '33' }).waitFor();
  assert.deepEqual(await violations(second), []);
  const asked = listen(second);
  const chosen = second.waitForEvent('filechooser');
  await row.getByRole('button', { name: 'Lanjutkan: pilih lagi' }).click();
  await (await chosen).setFiles(join(folder, 'lanjut.mp4'));
  await row.waitFor({ state: 'detached' });
  const patches = asked.filter(({ method }) => method === 'PATCH');
  assert.deepEqual(patches.map(({ offset }) => offset), [8 * MIB, 16 * MIB]);
  assert.ok(!asked.some(({ method }) => method === 'POST'));
});

test('another file of the same name and size is refused, and sent anew when it is not said to be the same', async (t) => {
  const bytes = randomBytes(SIZE);
  await leaveHalf(t, 'beda.mp4', bytes);
  const second = await openStaff(t);
  const row = rowOf(second, 'beda.mp4');
  const asked = listen(second);
  bytes[8 * MIB - 1] ^= 1; // the last byte that was sent
  file('beda.mp4', bytes);
  const chosen = second.waitForEvent('filechooser');
  await row.getByRole('button', { name: 'Lanjutkan: pilih lagi' }).click();
  await (await chosen).setFiles(join(folder, 'beda.mp4'));
  await row.locator('p', { hasText: 'bukan berkas yang sama' }).waitFor();
  assert.ok(!asked.some(({ method }) => method === 'PATCH'));
  await row.getByRole('button', { name: 'Batal' }).click();
  await second.setInputFiles('#choose-video', join(folder, 'beda.mp4'));
  await second.waitForResponse((response) => response.request().method() === 'PATCH');
  assert.equal(asked.filter(({ method }) => method === 'POST').length, 1);
  assert.equal(asked.find(({ method }) => method === 'PATCH').offset, 0);
});

const REFUSALS = [
  ['a proxy', 413, {}, '<html>413 Request Entity Too Large</html>', 'proxy di depannya'],
  ['our server', 413, { 'Tus-Resumable': '1.0.0' }, '{"error":{"code":"upload.too_large","message":""}}', 'terlalu besar untuk server'],
  ['a full disk', 507, { 'Tus-Resumable': '1.0.0' }, '{"error":{"code":"error.full","message":""}}', 'penuh'],
  ['the quota of all', 507, { 'Tus-Resumable': '1.0.0' }, '{"error":{"code":"upload.quota_total","message":""}}', 'dari semua orang'],
  ['another window', 423, { 'Tus-Resumable': '1.0.0' }, '{"error":{"code":"upload.taken_over","message":""}}', 'jendela lain'],
];
for (const [who, status, headers, body, text] of REFUSALS) {
  test(`${who} refuses with ${status}: said in plain words, once, to the screen reader too`, async (t) => {
    const staff = await openStaff(t);
    await atPatch(staff, 1, (route) => route.fulfill({ status, headers, body }));
    const name = `tolak-${status}-${who}.mp4`;
    await staff.setInputFiles('#choose-video', file(name, Buffer.alloc(1000, 1)));
    await rowOf(staff, name).locator('p', { hasText: text }).waitFor();
    await staff.locator('tutorials-staff > [role=status]', { hasText: text }).waitFor();
  });
}

test('what is no film and what is empty never leaves the page', async (t) => {
  const staff = await openStaff(t);
  const asked = listen(staff);
  await staff.setInputFiles('#choose-video', [file('daftar.xlsx', Buffer.alloc(10, 1)), file('kosong.mp4', '')]);
  await rowOf(staff, 'daftar.xlsx').locator('p', { hasText: 'bukan video' }).waitFor();
  await rowOf(staff, 'kosong.mp4').locator('p', { hasText: 'kosong' }).waitFor();
  assert.ok(!asked.some(({ method }) => method === 'POST'));
});

test('one after the other; a paused one lets the next one pass', async (t) => {
  const staff = await openStaff(t);
  let isOpen = false;
  const held = [];
  const both = new Promise((resolve) => {
    atPatch(staff, 1, (route) => {
      if (isOpen) return route.continue();
      return held.push(route) === 2 && resolve();
    });
  });
  await staff.setInputFiles('#choose-video', [file('satu.mp4', randomBytes(1000)), file('dua.mp4', randomBytes(1000))]);
  await rowOf(staff, 'dua.mp4').locator('p', { hasText: 'Menunggu giliran' }).waitFor();
  await rowOf(staff, 'satu.mp4').getByRole('button', { name: 'Jeda' }).click();
  await rowOf(staff, 'satu.mp4').locator('p', { hasText: 'Dijeda' }).waitFor();
  await rowOf(staff, 'dua.mp4').locator('p', { hasText: 'Mengirim' }).waitFor();
  await both;
  isOpen = true;
  await held[1].continue();
  await rowOf(staff, 'dua.mp4').waitFor({ state: 'detached' });
  await rowOf(staff, 'satu.mp4').getByRole('button', { name: 'Lanjutkan' }).click();
  await rowOf(staff, 'satu.mp4').waitFor({ state: 'detached' });
});

for (const [how, type, holder] of [['dropped', 'drop', 'dataTransfer'], ['pasted', 'paste', 'clipboardData']]) {
  test(`a file is ${how}`, async (t) => {
    const staff = await openStaff(t);
    const sent = staff.waitForRequest((request) => request.method() === 'POST' && request.url().endsWith('/uploads/'));
    await staff.evaluate(([name, key, title]) => {
      const transfer = new DataTransfer();
      transfer.items.add(new File([crypto.getRandomValues(new Uint8Array(500))], title, { type: 'video/mp4' }));
      const event = name === 'drop' ? new DragEvent(name, { [key]: transfer, bubbles: true, cancelable: true })
        : new ClipboardEvent(name, { [key]: transfer, bubbles: true });
      document.querySelector('tutorials-staff .drop').dispatchEvent(event);
    }, [type, holder, `${how}.mp4`]);
    const metadata = (await sent).headers()['upload-metadata'];
    assert.ok(metadata.includes(Buffer.from(`${how}.mp4`).toString('base64')));
  });
}

test('a phone films at once', async (t) => {
  const phone = await openStaff(t, { hasTouch: true, isMobile: true });
  const camera = phone.locator('#film-video');
  assert.equal(await camera.getAttribute('capture'), 'environment');
  assert.deepEqual(await violations(phone), []);
  const desk = await openStaff(t);
  assert.equal(await desk.locator('#film-video').count(), 0);
});
