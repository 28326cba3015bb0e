// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Serambi authors
//
// The queue as people touch it: a kiosk of its size, a ticket's own address, reports, and two
// counters that press Next in the same moment. SERAMBI_NEXT_PRESSES: how many pairs (200).

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { openCable } from './cable.mjs';
import { logIn, openBrowser, openHouse, openPage, violations } from './house.mjs';

const PRESSES = Number(process.env.SERAMBI_NEXT_PRESSES ?? 200);
const PICTURES = process.env.SERAMBI_PICTURES; // A folder: pictures of each view for the eye.
const KIOSK_KEY = 'kiosk-of-the-test';
const KIOSK = { viewport: { width: 1080, height: 1920 }, hasTouch: true };

let house;
let browser;

before(async () => {
  [house, browser] = await Promise.all([openHouse(), openBrowser()]);
  // The storm below takes more numbers than one phone may.
  await house.server.stop();
  await writeFile(join(house.server.data, 'serambi.ini'), `[queue]\nkiosk_key=${KIOSK_KEY}\n`);
  await house.server.start();
});

after(async () => {
  await browser?.close();
  await house?.stop();
});

async function look(page, name) {
  assert.deepEqual(await violations(page), [], name);
  if (PICTURES) await page.screenshot({ path: join(PICTURES, `${name}.png`) });
}

for (const locale of ['id', 'en', 'ar']) {
  test(`a kiosk gives a number by three presses: ${locale}`, async () => {
    const page = await openPage(browser, house, '/kiosk', { ...KIOSK, locale });
    await page.waitForSelector('.services button:not(:disabled)');
    assert.equal(await page.getAttribute('html', 'dir'), locale === 'ar' ? 'rtl' : 'ltr');
    await look(page, `kiosk-services-${locale}`);
    await page.locator('.services button').first().tap();
    await page.waitForSelector('.rule');
    await look(page, `kiosk-class-${locale}`);
    await page.locator('[data-class=elderly]').tap();
    await page.waitForSelector('.ticket .label');
    assert.match(await page.textContent('.ticket .label'), /^A\d{3}$/);
    await page.waitForFunction(() => document.querySelector('.qr').naturalWidth > 0);
    await look(page, `kiosk-ticket-${locale}`);
    await page.locator('.actions .primary').tap();
    await page.waitForSelector('queue-kiosk li .code');
    assert.deepEqual(page.complaints, []);
    await page.context().close();
  });
}

test('a kiosk is worked by keys alone, and keeps the view over a change of language', async () => {
  const page = await openPage(browser, house, '/kiosk', { ...KIOSK, locale: 'en' });
  await page.waitForSelector('.services button:not(:disabled)');
  await page.keyboard.press('1'); // The first service.
  await page.waitForSelector('.rule');
  assert.equal(await page.evaluate(() => document.activeElement.tagName), 'H1'); // It is read.
  await page.click('.languages button[lang=ar]');
  await page.waitForSelector('html[dir=rtl] .rule');
  await page.keyboard.press('1');
  await page.waitForSelector('html[dir=rtl] .ticket .label');
  await page.locator('.actions .primary').press('Enter');
  await page.waitForSelector('html[lang=en] queue-kiosk li .code'); // The next person begins anew.
  await page.context().close();
});

test('a kiosk left alone asks, and goes back', async () => {
  const context = await browser.newContext({ ...KIOSK, locale: 'en' });
  const page = await context.newPage();
  await page.clock.install();
  await page.goto(`${house.url}/kiosk`);
  await page.waitForSelector('.services button:not(:disabled)');
  await page.locator('.services button').first().tap();
  await page.waitForSelector('.rule');
  await page.clock.runFor(62000);
  await page.waitForSelector('dialog[open]');
  await page.locator('dialog .primary').tap(); // Still here.
  await page.clock.runFor(30000);
  assert.equal(await page.locator('.rule').count(), 1);
  await page.clock.runFor(60000);
  await page.waitForSelector('queue-kiosk li .code');
  await page.waitForSelector('dialog', { state: 'detached' });
  await context.close();
});

test('a kiosk without its server says so, and gives no number', async (t) => {
  const cable = await openCable(house.url);
  t.after(() => cable.stop());
  const page = await openPage(browser, cable, '/kiosk', { ...KIOSK, locale: 'en' });
  await page.waitForSelector('.services button:not(:disabled)');
  cable.cut();
  await page.waitForSelector('.away:not([hidden])');
  await page.locator('.services button').first().evaluate((button) => button.click());
  assert.equal(await page.locator('.rule').count(), 0);
  cable.mend();
  await page.waitForSelector('.away', { state: 'hidden' });
  await page.locator('.services button:not([aria-disabled])').first().tap();
  await page.waitForSelector('.rule');
  await page.context().close();
});

test('a ticket has an address of its own, also on another phone', async () => {
  const { ticket } = await (await fetch(`${house.url}/api/queue/tickets`, {
    method: 'POST', headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ service: 2, key: 'a-phone-of-the-family' }),
  })).json();
  const page = await openPage(browser, house, `/#/queue/${ticket.secret}`);
  await page.waitForSelector('.ticket .label');
  assert.equal(await page.textContent('.ticket .label'), ticket.label);
  await page.waitForSelector('.ticket + p button'); // Reminders are offered, not asked for.
  assert.equal(await page.evaluate(() => Notification.permission === 'granted'), false);
  await look(page, 'ticket');
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

async function openDesk(counter) {
  const page = await openPage(browser, house, '/staff', { viewport: { width: 1280, height: 900 }, locale: 'en' });
  await logIn(page, house);
  await page.goto(`${house.url}/staff#/queue`);
  await page.waitForSelector('.desk-now');
  await page.selectOption('queue-staff select', String(counter));
  await page.waitForSelector('.seat button');
  return page;
}

test('a desk is signed in to, calls by hand, shows the sign, and undoes', async () => {
  const desk = await openDesk(1);
  await desk.keyboard.press('i');
  await desk.locator('.seat button', { hasText: 'Leave' }).waitFor();
  const chosen = desk.locator('queue-staff li', { hasText: 'Older visitor' }).last();
  const label = await chosen.locator('strong').textContent();
  await chosen.getByRole('button').click();
  await desk.locator('.desk-now .label', { hasText: label }).waitFor();
  await desk.locator('.desk-now .chip', { hasText: 'Older visitor' }).waitFor();
  await look(desk, 'console');
  await desk.keyboard.press('u');
  await desk.locator('.desk-now .label', { hasText: label }).waitFor({ state: 'detached' });
  await desk.locator('queue-staff li strong', { hasText: label }).waitFor();
  await desk.locator('summary').click();
  await desk.waitForSelector('.chart .bar');
  await look(desk, 'reports');
  assert.deepEqual(desk.complaints, []);
  await desk.context().close();
});

test(`two counters press Next together ${PRESSES} times, and never get the same person`, async () => {
  const desks = await Promise.all([openDesk(1), openDesk(2)]);
  await Promise.all(desks.map((desk) => desk.goto(`${house.url}/staff#/queue`)));
  const token = house.server.token('admin');
  const take = async (at) => {
    const answer = await house.server.ask('POST', '/api/queue/tickets', { service: 1, key: `pair-${at}-${Date.now()}`, kiosk: KIOSK_KEY }, token);
    assert.equal(answer.status, 201);
  };
  const seen = new Set();
  for (let at = 0; at < PRESSES; at += 1) {
    await Promise.all([take(2 * at), take(2 * at + 1)]);
    // Both buttons in one moment; the answer is what the page itself got.
    const labels = await Promise.all(desks.map((desk) => Promise.all([
      desk.waitForResponse((response) => response.url().endsWith('/next')).then((response) => response.json()),
      desk.evaluate(() => document.querySelector('queue-staff').next()),
    ]).then(([answer]) => answer.ticket?.label)));
    for (const label of labels) {
      assert.ok(label, 'somebody waits');
      assert.ok(!seen.has(label), `${label} was called twice`);
      seen.add(label);
    }
    await Promise.all(desks.map((desk) => desk.waitForFunction(() => document.querySelector('queue-staff').acts.length === 0)));
  }
  assert.equal(seen.size, 2 * PRESSES);
  await Promise.all(desks.map((desk) => desk.context().close()));
});
