// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Serambi authors
//
// From an empty page to a clip with captions in three languages: written, looked at while typing,
// mended where it is wrong, with a picture and somebody's own voice, and written anew in its place.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { logIn, openBrowser, openHouse, openPage, violations } from './house.mjs';

const PICTURES = process.env.SERAMBI_PICTURES; // A folder: pictures to look at.
const SAY = { id: 'Selamat datang.', en: 'Welcome.', ar: 'أهلًا بكم.' };
const words = (indent, of) => ['id', 'en', 'ar'].map((code) => `${indent}${code}: ${of[code]}`).join('\n');
const NAME = { id: 'Uji coba', en: 'A trial', ar: 'تجربة' };
const TEXT = `storyboard 1\nlanguages id en ar\ntitle\n${words('  ', NAME)}\nslide title\n  pictur book\n  heading\n${words('    ', NAME)}\n  say\n${words('    ', SAY)}\n`;

let house;
let browser;
let folder;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'serambi-storyboards-'));
  [house, browser] = await Promise.all([openHouse(), openBrowser({ args: ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'] })]);
});

after(async () => {
  await browser?.close();
  await house?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function look(page, name) {
  if (PICTURES) await page.screenshot({ path: join(PICTURES, `${name}.png`) });
}

async function openStaff(options) {
  const page = await openPage(browser, house, '/staff', options);
  page.context().setDefaultTimeout(40000);
  await logIn(page, house);
  await page.goto(`${house.url}/staff#/tutorials`);
  await page.waitForSelector('tutorials-staff');
  return page;
}

const list = async () => (await (await fetch(`${house.url}/api/tutorials/`)).json()).tutorials;
const box = (page) => page.locator('textarea.storyboard');

test('an empty page becomes a tutorial in three languages', async () => {
  const page = await openStaff({ viewport: { width: 1280, height: 900 } });
  await page.getByRole('button', { name: 'Tulis tutorial' }).press('Enter');
  await page.getByLabel('Mulai dari').selectOption('');
  await page.getByRole('button', { name: 'Mulai', exact: true }).press('Enter');
  await box(page).waitFor();
  await page.locator('img.slide[src^="data:image/png"]').waitFor();
  await box(page).fill(TEXT);

  // The mistake is told with its place, and a key goes there.
  const mistake = page.locator('.problems button');
  await mistake.filter({ hasText: /Baris 8, kolom 3/ }).waitFor();
  assert.match(await mistake.first().textContent(), /picture/);
  assert.equal(await box(page).getAttribute('aria-invalid'), 'true');
  assert.ok(await page.getByRole('button', { name: 'Buat tutorial' }).isDisabled());
  await look(page, 'storyboard-mistake');
  assert.deepEqual(await violations(page), []);
  await mistake.first().press('Enter');
  assert.equal(await box(page).evaluate((one) => one.value.slice(one.selectionStart, one.selectionEnd)), 'pictur');
  await page.keyboard.type('picture');
  await page.getByText('Semua benar.').waitFor();

  // A picture of a file, by its hash; the slide shows it.
  const png = join(folder, 'Rak buku.png');
  execFileSync('ffmpeg', ['-v', 'error', '-y', '-f', 'lavfi', '-i', 'testsrc=s=320x240:d=0.04', '-frames:v', '1', png]);
  const before = await page.locator('img.slide').getAttribute('src');
  await page.getByLabel('Sisipkan gambar').setInputFiles(png);
  await page.waitForFunction(() => /picture rak-buku-[0-9a-f]{8}\.png/.test(document.querySelector('textarea.storyboard').value));
  await page.waitForFunction((old) => document.querySelector('img.slide').src !== old, before);

  // An own voice, from a microphone that beeps.
  await page.getByRole('button', { name: 'Rekam suara sendiri' }).press('Enter');
  await page.getByText('Sedang merekam.').waitFor();
  await page.evaluate(() => new Promise((resolve) => { // Until there is enough to hear.
    const from = document.timeline.currentTime;
    const step = () => (document.timeline.currentTime - from > 2500 ? resolve() : requestAnimationFrame(step));
    step();
  }));
  await page.getByRole('button', { name: 'Berhenti merekam' }).press('Enter');
  await page.waitForFunction(() => /recording voice-[0-9a-f]{8}\.flac/.test(document.querySelector('textarea.storyboard').value));
  await page.getByText('Slide ini memakai rekaman Anda.').waitFor();
  await page.getByText('Semua benar.').waitFor();
  await page.locator('.storyboard-editor audio:not([hidden])').waitFor();
  await look(page, 'storyboard-desk');
  assert.deepEqual(await violations(page), []);

  await page.getByRole('button', { name: 'Buat tutorial' }).press('Enter');
  await page.getByText('Tutorial sudah jadi.').waitFor({ timeout: 120000 });
  const [tutorial] = await list();
  assert.deepEqual(Object.keys(tutorial.captions).sort(), ['ar', 'en', 'id']);
  assert.deepEqual(tutorial.title, NAME);
  const vtt = await (await fetch(`${house.url}/media/${tutorial.captions.ar}.vtt`)).text();
  assert.ok(vtt.includes(SAY.ar));

  // Written anew: the address stays.
  await page.keyboard.press('Escape');
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Sunting naskah' }).click();
  await box(page).waitFor();
  await box(page).fill((await box(page).inputValue()).replace(/^ *recording .*\n/m, ''));
  await page.getByText('Slide ini dibacakan oleh suara komputer.').waitFor();
  await page.getByRole('button', { name: 'Buat tutorial' }).click();
  await page.getByText('Tutorial sudah jadi.').waitFor({ timeout: 120000 });
  const after = await list();
  assert.equal(after.length, 1);
  assert.equal(after[0].id, tutorial.id);
  assert.notEqual(after[0].media, tutorial.media);
  await page.context().close();
});

test('what was typed without a line is not lost, and two who type are told', async () => {
  const page = await openStaff({ viewport: { width: 1280, height: 900 } });
  await page.getByRole('button', { name: 'Sunting naskah' }).click();
  await box(page).waitFor();
  await page.context().setOffline(true);
  await box(page).press('Control+End');
  await page.keyboard.type('# catatan');
  await page.getByText('Server tidak terjangkau.').waitFor();
  await page.context().setOffline(false);
  await page.getByText('Disimpan pukul').waitFor();
  const other = await openStaff({ viewport: { width: 1280, height: 900 } });
  await other.getByRole('button', { name: 'Sunting naskah' }).click();
  await other.waitForFunction(() => document.querySelector('textarea.storyboard')?.value.endsWith('# catatan'));
  await box(other).press('Control+End');
  await other.keyboard.type(' kedua');
  await other.getByText('Disimpan pukul').waitFor();
  await page.keyboard.type(' pertama');
  await page.getByText('baru saja diubah di tempat lain').waitFor();
  await Promise.all([page.context().close(), other.context().close()]);
});

for (const [language, locale] of [['ar', 'ar-EG'], ['en', 'en-GB']]) {
  test(`the editor on a phone, ${language}`, async () => {
    const page = await openStaff({ locale });
    await page.locator('.drop button').last().click();
    await page.locator('dialog .primary').click();
    await page.locator('img.slide[src^="data:image/png"]').waitFor();
    await page.waitForFunction(() => !document.querySelector('.storyboard-editor .primary').disabled);
    await look(page, `storyboard-phone-${language}`);
    assert.deepEqual(await violations(page), []);
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'nothing sticks out');
    await page.context().close();
  });
}
