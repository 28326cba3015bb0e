// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Serambi authors
//
// A video without captions is not shown; captions are read from a file, mended beside the video by
// keyboard, saved, and then everybody sees the tutorial.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { answered, logIn, openBrowser, openHouse, openPage, violations } from './house.mjs';

const SRT = '1\r\n00:00:00,500 --> 00:00:02,000\r\nSerahkan <i>buku</i> Anda.\r\n\r\n2\r\n00:00:01,500 --> 00:00:03,500\r\nTerima kasih.\r\n';
const PICTURES = process.env.SERAMBI_PICTURES; // A folder: pictures to look at.

let house;
let browser;
let folder;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'serambi-captions-'));
  [house, browser] = await Promise.all([openHouse(), openBrowser()]);
});

after(async () => {
  await browser?.close();
  await house?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function look(page, name) {
  if (PICTURES) await page.screenshot({ path: join(PICTURES, `${name}.png`) });
}

test('captions bring a tutorial to the visitors', async () => {
  const film = join(folder, 'pinjam.mp4');
  execFileSync('ffmpeg', ['-v', 'error', '-y', '-f', 'lavfi', '-i', 'testsrc=s=640x360:r=25:d=4', '-f', 'lavfi', '-i', 'sine=frequency=440:duration=4',
    '-c:v', 'libx264', '-pix_fmt', 'yuv420p', '-c:a', 'aac', film]);
  const srt = join(folder, 'pinjam.srt');
  await writeFile(srt, SRT);
  const bad = join(folder, 'bad.vtt');
  await writeFile(bad, 'WEBVTT\n\n00:02.000 --> 00:01.000\nx\n');
  const staff = await openPage(browser, house, '/staff', { viewport: { width: 1280, height: 900 } });
  await logIn(staff, house);
  await staff.goto(`${house.url}/staff#/tutorials`);
  await staff.waitForSelector('tutorials-staff');
  await staff.setInputFiles('#choose-video', film);
  const row = staff.locator('.films-list li', { hasText: 'pinjam' });
  await row.locator('.problem', { hasText: 'Belum ada takarir' }).waitFor({ timeout: 90000 });
  const list = async () => (await (await fetch(`${house.url}/api/tutorials/`)).json()).tutorials;
  assert.deepEqual(await list(), []);
  await look(staff, 'staff-list');

  await row.getByRole('button', { name: 'Takarir' }).click();
  const editor = staff.locator('dialog');
  const note = editor.locator('[role=status]');
  await editor.locator('input[type=file]').setInputFiles(bad);
  await note.locator('.problem', { hasText: 'Baris' }).waitFor();
  await editor.locator('input[type=file]').setInputFiles(srt);
  await note.getByRole('button', { name: 'bertumpuk' }).waitFor();
  assert.deepEqual(await editor.locator('textarea').evaluateAll((boxes) => boxes.map((box) => box.value)),
    ['Serahkan <i>buku</i> Anda.', 'Terima kasih.']);
  assert.deepEqual(await violations(staff), []);
  await look(staff, 'editor-desk');

  // By keyboard alone: the second one begins where the film stands, and is then cut in two.
  await note.getByRole('button', { name: 'bertumpuk' }).press('Enter');
  await staff.evaluate(() => new Promise((resolve) => {
    const film = document.querySelector('dialog video');
    film.addEventListener('seeked', resolve, { once: true });
    film.currentTime = 2.25;
  }));
  await staff.keyboard.press('Alt+i');
  assert.equal(await editor.locator('li').nth(1).locator('input').first().inputValue(), '0:02.250');
  await staff.keyboard.press('Alt+s');
  assert.equal(await editor.locator('.cues li').count(), 3);
  await staff.keyboard.press('Alt+ArrowUp');
  await staff.keyboard.press('Alt+m');
  assert.equal(await editor.locator('.cues li').count(), 2);
  assert.equal(await staff.evaluate(() => document.querySelector('dialog video').textTracks[0].cues.length), 2);
  await editor.getByRole('button', { name: 'Simpan takarir' }).click();
  await note.locator('p').first().waitFor();
  await editor.getByRole('button', { name: 'Tutup' }).click();
  await row.locator('.problem').waitFor({ state: 'detached' });
  const [tutorial] = await list();
  const vtt = await (await fetch(`${house.url}/media/${tutorial.captions.id}.vtt`)).text();
  assert.match(vtt, /00:00:02\.250 --> 00:00:03\.500\nTerima\s+kasih\.\n/);
  assert.match(vtt, /Serahkan <i>buku<\/i> Anda\./);
  await answered(staff);
  assert.deepEqual(await violations(staff), []);
  assert.deepEqual(staff.complaints.filter((text) => !text.includes('422')), []); // The refused file.
  await staff.context().close();
});

test('a visitor watches, answers once and takes the address along; the same without script', async () => {
  const visitor = await openPage(browser, house, '/#/tutorials/1');
  await visitor.locator('.watch video track').waitFor({ state: 'attached' });
  await visitor.locator('.watch summary').click();
  await visitor.locator('.watch details img').evaluate((image) => image.decode());
  await look(visitor, 'watch-phone');
  assert.deepEqual(await violations(visitor), []);
  await visitor.getByRole('button', { name: 'Ya', exact: true }).click();
  await visitor.getByText('Terima kasih!').waitFor();
  await visitor.reload();
  await visitor.locator('.watch video').waitFor();
  assert.equal(await visitor.getByRole('button', { name: 'Ya', exact: true }).count(), 0);
  assert.deepEqual(visitor.complaints, []);
  await visitor.context().close();
  for (const language of ['id', 'en', 'ar']) {
    const plain = await openPage(browser, house, `/api/tutorials/watch/1?lang=${language}`);
    await plain.locator('video').waitFor();
    await look(plain, `plain-${language}`);
    assert.deepEqual(await violations(plain), []);
    assert.deepEqual(plain.complaints, []);
    await plain.context().close();
  }
});

for (const [language, locale] of [['ar', 'ar-EG'], ['en', 'en-GB']]) {
  test(`the editor and the trash on a phone, ${language}`, async () => {
    const staff = await openPage(browser, house, '/staff', { locale });
    await logIn(staff, house);
    await staff.goto(`${house.url}/staff#/tutorials`);
    const row = staff.locator('.films-list li').first();
    await row.waitFor();
    await row.locator('button').nth(0).click();
    await staff.locator('dialog .cues').waitFor();
    await answered(staff);
    await look(staff, `editor-phone-${language}`);
    assert.deepEqual(await violations(staff), []);
    assert.ok(await staff.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'nothing sticks out');
    await staff.keyboard.press('Escape');
    await staff.locator('dialog').waitFor({ state: 'detached' });
    await staff.locator('.tools > button').last().click();
    await staff.locator('dialog').waitFor();
    assert.deepEqual(await violations(staff), []);
    await staff.context().close();
  });
}
