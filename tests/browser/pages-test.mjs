// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Serambi authors
//
// Visitors and staff at work, in a real browser against a real server: what one does, the others
// see without a reload; every page in three languages, light and dark, on phones and desks.

import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { openCable } from './cable.mjs';
import { answered, logIn, openBrowser, openHouse, openPage, violations } from './house.mjs';

const UPLOAD_BYTES = 48 * 1024 * 1024;

let house;
let browser;

before(async () => {
  [house, browser] = await Promise.all([openHouse(), openBrowser()]);
});

after(async () => {
  await browser?.close();
  await house?.stop();
});

async function publish(staff, text, urgency = 'normal') {
  await staff.goto(`${house.url}/staff#/announcements`);
  await staff.fill('textarea[name=id]', text);
  await staff.check(`input[value=${urgency}]`);
  await staff.click('form button.primary');
}

test('a wrong password is said, what was typed stays, a right one opens the console', async () => {
  const page = await openPage(browser, house, '/staff');
  await page.fill('input[name=name]', house.user);
  await page.fill('input[name=password]', 'not the password');
  await page.click('form button');
  await page.waitForSelector('form .problem[role=alert]:not([hidden])');
  assert.equal(await page.inputValue('input[name=name]'), house.user);
  await logIn(page, house);
  await page.context().close();
});

test('an announcement is on another phone at once, and gone when it is ended', async () => {
  const [visitor, staff] = await Promise.all([openPage(browser, house, '/'), openPage(browser, house, '/staff')]);
  await visitor.waitForSelector('announcements-public p:not([hidden])');
  await logIn(staff, house);
  await publish(staff, 'Ruang baca buka sampai malam.');
  const note = visitor.locator('announcements-public .note', { hasText: 'Ruang baca buka sampai malam.' });
  await note.waitFor();
  await staff.locator('.note', { hasText: 'Ruang baca' }).getByRole('button').first().click();
  await note.waitFor({ state: 'detached' });
  await staff.locator('.toast', { hasText: 'sudah diakhiri' }).getByRole('button').click(); // Undo.
  await note.waitFor();
  assert.deepEqual([...visitor.complaints, ...staff.complaints], []);
  await Promise.all([visitor.context().close(), staff.context().close()]);
});

test('an emergency asks first, and stands above all else', async () => {
  const [visitor, staff] = await Promise.all([openPage(browser, house, '/'), openPage(browser, house, '/staff')]);
  await logIn(staff, house);
  await publish(staff, 'Keluar lewat pintu timur.', 'emergency');
  await staff.click('dialog button.danger');
  const note = visitor.locator('.note.emergency', { hasText: 'pintu timur' });
  await note.waitFor();
  await visitor.locator('[role=alert] p', { hasText: 'Darurat Keluar lewat pintu timur.' }).waitFor({ state: 'attached' });
  const [noteBox, queueBox] = [await note.boundingBox(), await visitor.locator('queue-public').boundingBox()];
  assert.ok(noteBox.y < queueBox.y);
  await staff.locator('.note.emergency').getByRole('button').first().click();
  await note.waitFor({ state: 'detached' });
  await Promise.all([visitor.context().close(), staff.context().close()]);
});

test('a number is taken, called by one key, and its phone knows', async () => {
  const [visitor, staff] = await Promise.all([openPage(browser, house, '/'), openPage(browser, house, '/staff')]);
  await logIn(staff, house);
  await staff.goto(`${house.url}/staff#/queue`);
  await staff.waitForSelector('.desk-now');
  await visitor.locator('.services button:not(:disabled)').first().dblclick(); // One number all the same.
  await visitor.waitForSelector('.ticket.waiting');
  const label = await visitor.textContent('.ticket .label');
  assert.match(label, /^[A-Z]\d{3}$/);
  const waiting = staff.locator('queue-staff .rows strong', { hasText: label });
  await waiting.first().waitFor();
  assert.equal(await waiting.count(), 1);
  await visitor.reload();
  await visitor.waitForSelector('.ticket.waiting');
  assert.equal(await visitor.textContent('.ticket .label'), label);
  await staff.keyboard.press('n');
  await visitor.waitForSelector('.ticket.called');
  assert.match(await visitor.title(), new RegExp(label));
  await visitor.locator('.now .label', { hasText: label }).waitFor();
  await staff.locator('.desk-now .label', { hasText: label }).waitFor();
  await staff.keyboard.press('h');
  await visitor.waitForSelector('.ticket.waiting:not(.called)');
  await staff.locator('queue-staff .rows li', { hasText: label }).getByRole('button').click();
  await staff.locator('queue-staff section', { hasText: label }).first().waitFor();
  await staff.keyboard.press('n');
  await visitor.waitForSelector('.ticket.called');
  await staff.keyboard.press('f');
  await visitor.waitForSelector('.ticket.over');
  assert.deepEqual([...visitor.complaints, ...staff.complaints], []);
  await Promise.all([visitor.context().close(), staff.context().close()]);
});

test('keys faster than the server are one after the other, none is lost', async () => {
  const [visitor, staff] = await Promise.all([openPage(browser, house, '/'), openPage(browser, house, '/staff')]);
  await logIn(staff, house);
  await staff.goto(`${house.url}/staff#/queue`);
  await visitor.locator('.services button:not(:disabled)').first().click();
  const label = await visitor.textContent('.ticket .label');
  await staff.locator('queue-staff .rows strong', { hasText: label }).waitFor();
  let called = 0;
  await staff.route('**/next', async (route) => { // A slow line.
    called += 1;
    await new Promise((resolve) => { setTimeout(resolve, 300); });
    await route.continue();
  });
  for (const key of ['n', 'n', 'h']) await staff.keyboard.press(key);
  const parked = staff.locator('queue-staff li', { hasText: label }).getByRole('button', { name: 'Kembalikan' });
  await parked.waitFor();
  assert.equal(called, 1);
  await parked.click();
  await parked.waitFor({ state: 'detached' });
  await staff.keyboard.press('n');
  await staff.keyboard.press('f');
  await visitor.waitForSelector('.ticket.over');

  assert.deepEqual([...visitor.complaints, ...staff.complaints], []);

  await staff.unroute('**/next');
  await visitor.locator('.ticket.over button').click();
  await visitor.locator('.services button:not(:disabled)').first().click();
  await visitor.waitForSelector('.ticket.waiting');
  await staff.keyboard.press('n');
  await visitor.waitForSelector('.ticket.called');
  await staff.locator('.desk-now .label', { hasText: /./ }).waitFor();
  await staff.waitForSelector('button.huge:not([aria-busy])'); // Its answer is here: no double press.
  await staff.route('**/next', async (route) => {
    await new Promise((resolve) => { setTimeout(resolve, 300); });
    await route.fulfill({ status: 503, json: { error: { code: 'error.full' } } });
  });
  let moved = 0;
  await staff.route('**/finish', (route) => {
    moved += 1;
    return route.continue();
  });
  await staff.keyboard.press('n');
  await staff.keyboard.press('f'); // Meant for the number that was not called.
  await staff.locator('.toast').last().waitFor();
  await staff.waitForSelector('button.huge:not([aria-busy])');
  assert.equal(moved, 0);
  await visitor.waitForSelector('.ticket.called');
  await Promise.all([visitor.context().close(), staff.context().close()]);
});

test('single keys can be switched off, letters typed in a field are letters', async () => {
  const staff = await openPage(browser, house, '/staff');
  await logIn(staff, house);
  await staff.waitForSelector('core-now');
  await staff.keyboard.press('g');
  await staff.keyboard.press('q');
  await staff.waitForSelector('queue-staff');
  await staff.keyboard.press('?');
  await staff.waitForSelector('dialog .keys');
  await staff.uncheck('dialog input');
  await staff.click('dialog button.primary');
  await staff.keyboard.press('g');
  await staff.keyboard.press('a');
  assert.equal(await staff.locator('queue-staff').count(), 1);
  await staff.goto(`${house.url}/staff#/announcements`);
  await staff.locator('textarea[name=id]').pressSequentially('gq?');
  assert.equal(await staff.inputValue('textarea[name=id]'), 'gq?');
  await staff.context().close();
});

test('a cut line is said, and what was missed is there when it is back', async (t) => {
  const cable = await openCable(house.url);
  t.after(() => cable.stop());
  const [visitor, staff] = await Promise.all([openPage(browser, cable, '/'), openPage(browser, house, '/staff')]);
  await logIn(staff, house);
  await visitor.waitForSelector('announcements-public p:not([hidden]), announcements-public .note');
  cable.cut();
  await visitor.waitForSelector('.connection:not([hidden])');
  await publish(staff, 'Sementara Anda pergi.');
  await staff.locator('.note', { hasText: 'Sementara' }).waitFor();
  assert.equal(await visitor.locator('.note', { hasText: 'Sementara' }).count(), 0);
  cable.mend();
  await visitor.locator('.note', { hasText: 'Sementara' }).waitFor();
  await visitor.waitForSelector('.connection', { state: 'hidden' });
  await Promise.all([visitor.context().close(), staff.context().close()]);
});

test('an upload goes on after a cut', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'serambi-upload-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'bukan-video.mp4');
  await writeFile(file, Buffer.alloc(UPLOAD_BYTES, 7));
  const staff = await openPage(browser, house, '/staff');
  await logIn(staff, house);
  await staff.goto(`${house.url}/staff#/tutorials`);
  await staff.waitForSelector('tutorials-staff');
  const asked = [];
  staff.on('request', (request) => {
    if (request.url().includes('/uploads/')) asked.push([request.method(), Number(request.headers()['upload-offset'] ?? 0)]);
  });
  const first = staff.waitForResponse((response) => response.request().method() === 'PATCH');
  await staff.setInputFiles('#choose-video', file);
  await first;
  await staff.context().setOffline(true);
  const row = staff.locator('tutorials-staff > ul li', { hasText: 'bukan-video' });
  await row.locator('p', { hasText: 'Sambungan terputus' }).waitFor();
  await staff.context().setOffline(false);
  await row.waitFor({ state: 'detached' });
  const methods = asked.map(([method]) => method);
  assert.equal(methods.find((method) => method !== 'GET'), 'POST');
  assert.ok(methods.includes('HEAD'), 'it asked where to go on');
  assert.ok(methods.filter((method) => method === 'POST').length === 1, 'it did not begin again');
  assert.ok(asked.slice(methods.lastIndexOf('HEAD') + 1).every(([method, offset]) => method === 'GET' || offset > 0));
  assert.equal(await staff.evaluate(() => localStorage.getItem('uploads')), null, 'the server knows what is begun');
  await staff.context().close();
});

test('the language is chosen, kept, and turns the page', async () => {
  const page = await openPage(browser, house, '/', { locale: 'fr-FR' });
  await page.waitForSelector('.brand');
  assert.equal(await page.getAttribute('html', 'lang'), 'id');
  await page.selectOption('select.language', 'ar');
  await page.waitForSelector('html[dir=rtl] .brand');
  await page.reload();
  await page.waitForSelector('html[dir=rtl][lang=ar] .brand');
  await page.context().close();
});

test('signing out ends the session', async () => {
  const page = await openPage(browser, house, '/staff');
  await logIn(page, house);
  await page.locator('.porch button').last().click();
  await page.waitForSelector('input[name=password]');
  await page.reload();
  await page.waitForSelector('input[name=password]');
  await page.context().close();
});

/** Controls smaller than a fingertip. */
function small(page) {
  return page.evaluate(() => [...document.querySelectorAll('button, select, textarea, summary, .choice, .button, nav a, input:not([type=checkbox]):not([type=radio]):not([type=file])')]
    .filter((one) => one.checkVisibility()).map((one) => [one.outerHTML.slice(0, 120), one.getBoundingClientRect()])
    .filter(([, box]) => box.height > 0 && (box.height < 43.5 || box.width < 43.5)).map(([html, box]) => `${html} ${box.width}x${box.height}`));
}

async function inspect(page, where) {
  for (const [width, height] of [[1280, 800], [390, 844]]) {
    await page.setViewportSize({ width, height });
    for (const colorScheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      assert.deepEqual(await violations(page), [], `${where} ${width} ${colorScheme}`);
    }
  }
  assert.deepEqual(await small(page), [], where);
  await page.setViewportSize({ width: 320, height: 640 });
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= 320), `${where} is wider than 320 pixels`);
}

for (const locale of ['id', 'en', 'ar']) {
  test(`every page is fit for everybody: ${locale}`, async () => {
    const visitor = await openPage(browser, house, '/', { locale });
    await visitor.waitForSelector('.services button');
    await inspect(visitor, 'public');
    assert.deepEqual(visitor.complaints, []);
    await visitor.goto(`${house.url}/#/tutorials/999999`);
    await visitor.waitForSelector('.watch .empty');
    await inspect(visitor, 'watch');
    const staff = await openPage(browser, house, '/staff', { locale });
    await staff.waitForSelector('form');
    await inspect(staff, 'login');
    await logIn(staff, house);
    const sections = await staff.evaluate(() => [...document.querySelectorAll('.rail a')].map((link) => link.getAttribute('href')));
    assert.ok(sections.length >= 4);
    for (const section of sections) {
      await staff.evaluate((hash) => { location.hash = hash; }, section);
      await staff.waitForSelector(`.rail a[href="${section}"][aria-current]`);
      await answered(staff);
      await inspect(staff, section);
    }
    assert.deepEqual(staff.complaints, []);
    await Promise.all([visitor.context().close(), staff.context().close()]);
  });
}
