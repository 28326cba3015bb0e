// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Serambi authors
//
// Several tabs of one browser, a server that is killed, a cable that is cut: nobody misses anything,
// nobody hears anything twice, and a page says honestly how old its picture is, in three languages.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { until } from '../lib/serambi.mjs';
import { openCable } from './cable.mjs';
import { logIn, openBrowser, openHouse, openPage, openTab, violations } from './house.mjs';
import { createWords } from './page.mjs';

const FEED = 'announcements:events';

let house;
let browser;
let token;

before(async () => {
  [house, browser] = await Promise.all([openHouse(), openBrowser()]);
  token = house.server.token('editor');
});

after(async () => {
  await browser?.close();
  await house?.stop();
});

async function websockets() {
  const text = await (await fetch(`${house.url}/metrics`)).text();
  return Number(/^serambi_web_websockets_open (\d+)/m.exec(text)[1]);
}

/** Those of the test before may still be on their way out. */
const oneLine = () => until('there is one line', async () => await websockets() === 1);

/** Publishes an announcement; its id. */
async function publish(text, urgency = 'normal') {
  const { status, body } = await house.server.ask('POST', '/api/announcements', { text: { id: text }, urgency }, token);
  assert.equal(status, 201, JSON.stringify(body));
  return body.id;
}

const withdraw = (id) => house.server.ask('POST', `/api/announcements/${id}/withdraw`, {}, token);

/** A listener of its own in a page, to a channel; what it hears is in page's heard. */
async function listen(page, channel, kind) {
  await page.evaluate(async ([name, sort]) => {
    const { Live, openWorker } = await import(`/a/${document.documentElement.dataset.version}/core/live.js`);
    globalThis.heard = [];
    globalThis.resets = 0;
    globalThis.live = new Live(`ws://${location.host}/connection/websocket`, { storage: sessionStorage, openWorker });
    globalThis.live.subscribe(name, sort, (data) => data.op === 'add' && globalThis.heard.push(data.announcement.text.id), {
      onReset: () => { globalThis.resets += 1; },
      onError: (code) => globalThis.heard.push(code),
    });
  }, [channel, kind]);
  if (kind === 'feed') await page.waitForFunction((name) => sessionStorage.getItem(`live:${name}`), channel);
}

const heard = (page) => page.evaluate(() => globalThis.heard);

async function hears(page, texts) {
  await page.waitForFunction((last) => globalThis.heard.includes(last), texts.at(-1));
  assert.deepEqual(await heard(page), texts);
  assert.equal(await page.evaluate(() => globalThis.resets), 0);
}

async function openTabs(t, count, { url = house.url, ...options } = {}) {
  const first = await openPage(browser, { url }, '/', options);
  t.after(() => first.context().close());
  const tabs = [first];
  while (tabs.length < count) tabs.push(await openTab(first.context(), { url }, '/'));
  for (const tab of tabs) await tab.waitForSelector('.services button');
  return tabs;
}

test('three tabs have one line; each hears once; the first may go', async (t) => {
  const tabs = await openTabs(t, 3);
  for (const tab of tabs) await listen(tab, FEED, 'feed');
  await oneLine();
  const first = await publish('Satu untuk semua.');
  for (const tab of tabs) {
    await tab.locator('.note', { hasText: 'Satu untuk semua.' }).waitFor();
    await hears(tab, ['Satu untuk semua.']);
    assert.equal(await tab.locator('.note', { hasText: 'Satu untuk semua.' }).count(), 1);
  }
  await tabs[0].close();
  const second = await publish('Yang pertama sudah pergi.');
  for (const tab of tabs.slice(1)) {
    await hears(tab, ['Satu untuk semua.', 'Yang pertama sudah pergi.']);
    await tab.locator('.note', { hasText: 'Yang pertama sudah pergi.' }).waitFor();
    assert.deepEqual(tab.complaints, []);
  }
  await oneLine();
  await tabs[1].context().close();
  await until('nobody is left', async () => await websockets() === 0);
  await withdraw(first);
  await withdraw(second);
});

test('a tab that comes back later hears what it missed, from where it was', async (t) => {
  const [stays, returns] = await openTabs(t, 2);
  for (const tab of [stays, returns]) await listen(tab, FEED, 'feed');
  await withdraw(await publish('Sebelum.'));
  await hears(returns, ['Sebelum.']);
  await returns.goto('about:blank');
  for (const text of ['Sementara 1.', 'Sementara 2.', 'Sementara 3.']) await withdraw(await publish(text));
  await hears(stays, ['Sebelum.', 'Sementara 1.', 'Sementara 2.', 'Sementara 3.']);
  await returns.goto(house.url);
  await returns.waitForSelector('.services button');
  await listen(returns, FEED, 'feed');
  await withdraw(await publish('Sesudah.'));
  await returns.waitForFunction(() => globalThis.heard.includes('Sesudah.'));
  assert.deepEqual(await heard(returns), ['Sementara 1.', 'Sementara 2.', 'Sementara 3.', 'Sesudah.']);
  await hears(stays, ['Sebelum.', 'Sementara 1.', 'Sementara 2.', 'Sementara 3.', 'Sesudah.']);
  await oneLine();
});

test('after kill -9 every tab catches up, without a reload, a hole or a double', async (t) => {
  const tabs = await openTabs(t, 2);
  for (const tab of tabs) await listen(tab, FEED, 'feed');
  const texts = [];
  for (const round of [1, 2]) {
    texts.push(`Sebelum mati ${round}.`);
    await withdraw(await publish(texts.at(-1)));
    await house.server.kill();
    for (const tab of tabs) await tab.waitForSelector('body.stale section.connection:not([hidden])');
    await house.server.start();
    texts.push(`Sesudah hidup ${round}.`);
    const id = await publish(texts.at(-1));
    for (const tab of tabs) {
      await tab.locator('.note', { hasText: texts.at(-1) }).waitFor();
      await tab.waitForSelector('body:not(.stale) section.connection', { state: 'hidden' });
      await hears(tab, texts);
      assert.equal(await tab.evaluate(() => performance.getEntriesByType('navigation')[0].type), 'navigate');
    }
    await withdraw(id);
  }
  await oneLine();
});

/** What a browser may be like that has no shared worker for us. */
const without = {
  'has none': () => { delete globalThis.SharedWorker; },
  'has one that does not start': () => {
    const Real = globalThis.SharedWorker;
    globalThis.SharedWorker = function SharedWorker(url, options) {
      return new Real(globalThis.trustedTypes.createPolicy('test', { createScriptURL: (text) => text })
        .createScriptURL(String(url).replace('live_worker', 'no_worker')), options);
    };
  },
  'has one that is silent': () => {
    globalThis.SharedWorker = function SharedWorker() { return { port: new MessageChannel().port1 }; };
  },
};

for (const [what, prepare] of Object.entries(without)) {
  test(`a browser that ${what}: each tab has a line of its own`, async (t) => {
    const context = await browser.newContext();
    t.after(() => context.close());
    await context.addInitScript(prepare);
    const tabs = [await openTab(context, house, '/'), await openTab(context, house, '/')];
    for (const tab of tabs) await tab.waitForSelector('.services button');
    await until('a line for each', async () => await websockets() === 2);
    for (const tab of tabs) await listen(tab, FEED, 'feed');
    const id = await publish('Tanpa pekerja bersama.');
    for (const tab of tabs) {
      await tab.locator('.note', { hasText: 'Tanpa pekerja bersama.' }).waitFor();
      await hears(tab, ['Tanpa pekerja bersama.']);
    }
    await withdraw(id);
  });
}

test('a worker that is gone is left: the page goes on, nothing missed', async (t) => {
  const [tab] = await openTabs(t, 1);
  await listen(tab, FEED, 'feed');
  await withdraw(await publish('Dengan pekerja.'));
  await hears(tab, ['Dengan pekerja.']);
  const session = await browser.newBrowserCDPSession();
  const { targetInfos } = await session.send('Target.getTargets');
  const workers = targetInfos.filter(({ type, url }) => type === 'shared_worker' && url.endsWith('/live_worker.js'));
  assert.equal(workers.length, 1);
  await session.send('Target.closeTarget', { targetId: workers[0].targetId });
  await until('its line is cut', async () => await websockets() === 0);
  await withdraw(await publish('Tanpa pekerja lagi.'));
  await tab.evaluate(() => document.dispatchEvent(new Event('visibilitychange'))); // Somebody looks at it.
  await hears(tab, ['Dengan pekerja.', 'Tanpa pekerja lagi.']);
});

for (const isShared of [true, false]) {
  test(`a page that is put aside for the back button leaves, and goes on from its place: ${isShared ? 'shared' : 'alone'}`, async (t) => {
    const patient = await openBrowser({ ignoreDefaultArgs: ['--disable-back-forward-cache'] });
    t.after(() => patient.close());
    const context = await patient.newContext();
    if (!isShared) await context.addInitScript(without['has none']);
    const tab = await openTab(context, house, '/');
    await tab.waitForSelector('.services button');
    await listen(tab, FEED, 'feed');
    await withdraw(await publish('Sebelum disisihkan.'));
    await hears(tab, ['Sebelum disisihkan.']);
    await tab.goto(`${house.url}/healthz`);
    await until('it has left', async () => await websockets() === 0);
    await withdraw(await publish('Selama disisihkan.'));
    await tab.goBack({ waitUntil: 'commit' });
    const id = await publish('Sesudah kembali.');
    await tab.locator('.note', { hasText: 'Sesudah kembali.' }).waitFor();
    await hears(tab, ['Sebelum disisihkan.', 'Selama disisihkan.', 'Sesudah kembali.']); // The same page: it still knows the first.
    await withdraw(id);
  });
}

test('who signs in or out in one tab is known to the shared line', async (t) => {
  const [visitor] = await openTabs(t, 1);
  const staff = await openTab(visitor.context(), house, '/staff');
  await logIn(staff, house);
  await staff.goto(`${house.url}/staff#/queue`);
  await staff.waitForSelector('.desk-now');
  await listen(visitor, 'queue:desk', 'state');
  await visitor.locator('.services button:not(:disabled)').first().click();
  const label = await visitor.locator('.ticket.waiting .label').textContent();
  await staff.locator('queue-staff .rows strong', { hasText: label }).waitFor(); // Only staff hear this bell.
  await oneLine();
  assert.equal(await visitor.evaluate(() => globalThis.heard.includes(103)), false);
  await staff.locator('.porch button').last().click();
  await staff.waitForSelector('input[name=password]');
  await visitor.waitForFunction(() => globalThis.heard.includes(103));
  await oneLine();
  assert.deepEqual([...visitor.complaints, ...staff.complaints], []);
});

const catalogue = (language) => Object.fromEntries([['core', 'core/page'], ['queue', 'plugins/queue/page'], ['announcements', 'plugins/announcements/page']]
  .map(([owner, folder]) => [owner, JSON.parse(readFileSync(new URL(`../../${folder}/words/${language}.json`, import.meta.url), 'utf8'))]));

for (const language of ['id', 'en', 'ar']) {
  test(`a page says that it is offline, how old its picture is, and when it is current again: ${language}`, async (t) => {
    const cable = await openCable(house.url);
    t.after(() => cable.stop());
    const t_ = createWords(catalogue(language), language, 'core');
    const [tab] = await openTabs(t, 1, { url: cable.url, locale: language });
    await tab.locator('.services button:not(:disabled)').first().click();
    await tab.waitForSelector('.ticket');
    await tab.clock.install();
    assert.equal(await tab.locator('.asof:visible').count(), 0);
    await tab.evaluate(() => {
      globalThis.said = [];
      const status = document.querySelector('body > [role=status].unseen');
      new MutationObserver(() => globalThis.said.push(status.textContent)).observe(status, { childList: true, characterData: true, subtree: true });
    });
    cable.cut();
    await tab.waitForSelector('body.stale section.connection:not([hidden])');
    assert.equal(await tab.getAttribute('html', 'dir'), language === 'ar' ? 'rtl' : 'ltr');
    const line = tab.locator('section.connection');
    const heardAt = await line.evaluate((one) => one.textContent);
    const time = /\u2068([^\u2069]+)\u2069/.exec(heardAt)[1];
    assert.match(time, /\d\d?[:.]\d\d/);
    assert.equal(heardAt, t_('connection.lost', { time, age: t_('ago.now') }));
    const marks = tab.locator('.asof:visible');
    assert.ok(await marks.count() >= 2, 'beside the ticket and the board');
    for (const mark of await marks.allTextContents()) assert.equal(mark, t_('connection.asof', { time }));
    for (const colorScheme of ['light', 'dark']) {
      await tab.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      assert.deepEqual(await violations(tab), [], colorScheme);
    }
    await tab.setViewportSize({ width: 320, height: 640 });
    assert.ok(await tab.evaluate(() => document.documentElement.scrollWidth <= 320), 'it fits a narrow phone');
    await tab.clock.fastForward('02:10'); // Minutes pass: the age goes on, nothing is said.
    await tab.waitForFunction((text) => document.querySelector('section.connection').textContent === text,
      t_('connection.lost', { time, age: t_.ago(130) }));
    assert.equal(await line.evaluate((one) => one.closest('[aria-live], [role=status], [role=alert], [role=log]')), null);
    assert.deepEqual(await tab.evaluate(() => globalThis.said), [t_('connection.lost.said', { time })]);
    cable.mend();
    await tab.waitForSelector('section.connection', { state: 'hidden' });
    assert.equal(await tab.locator('.asof:visible').count(), 0);
    await tab.waitForFunction((text) => globalThis.said.at(-1) === text, t_('connection.back'));
    assert.equal(await tab.evaluate(() => globalThis.said.length), 2, 'once each');
  });
}

test('a section that is opened while the server is away does not say that nobody is there', async (t) => {
  const cable = await openCable(house.url);
  t.after(() => cable.stop());
  const staff = await openPage(browser, cable, '/staff', { locale: 'en' });
  t.after(() => staff.context().close());
  await logIn(staff, house);
  await staff.waitForSelector('core-now');
  cable.cut();
  await staff.waitForSelector('body.stale section.connection:not([hidden])');
  const words = createWords(catalogue('en'), 'en', 'queue');
  await staff.evaluate(() => { location.hash = '#/queue'; });
  await staff.waitForSelector('queue-staff .asof:visible');
  assert.equal(await staff.textContent('.desk-now'), words('loading'));
  for (const none of ['waiting.none', 'parked.none', 'missed.none']) assert.equal(await staff.getByText(words(none)).filter({ visible: true }).count(), 0, none);
  assert.deepEqual(await violations(staff), []);
  cable.mend();
  await staff.waitForSelector('section.connection', { state: 'hidden' });
  await staff.locator('.desk-now', { hasNotText: words('loading') }).waitFor();
});

test('a page that never reached the server does not speak of a picture', async (t) => {
  const context = await browser.newContext({ locale: 'en' });
  t.after(() => context.close());
  await context.addInitScript(() => {
    delete globalThis.SharedWorker;
    globalThis.WebSocket = class { close() {} };
  });
  const page = await openTab(context, house, '/');
  await page.waitForSelector('section.connection:not([hidden])');
  const words = createWords(catalogue('en'), 'en', 'core');
  assert.equal(await page.textContent('section.connection'), words('connection.never'));
  assert.equal(await page.locator('body.stale').count(), 0);
});

test('screen readers are told what is new, once, and not what stands there', async (t) => {
  const words = (owner) => createWords(catalogue('id'), 'id', owner);
  const old = await publish('Sudah lama ada.');
  const [tab] = await openTabs(t, 1);
  await tab.locator('.note', { hasText: 'Sudah lama ada.' }).waitFor();
  const log = () => tab.locator('body > [role=log] p').allTextContents();
  assert.deepEqual(await log(), [], 'what was there is read with the page');
  const id = await publish('Baru saja tiba.');
  await tab.locator('.note', { hasText: 'Baru saja tiba.' }).waitFor();
  const told = [`${words('announcements')('public.new')} Baru saja tiba.`];
  assert.deepEqual(await log(), told);
  assert.equal(await tab.locator('body > [role=log] span[lang=id]').textContent(), 'Baru saja tiba.');

  const { body: taken } = await house.server.ask('POST', '/api/queue/tickets', { service: 1, key: 'another-visitor-of-tabs' });
  const { body: services } = await house.server.ask('GET', '/api/queue/services');
  await tab.locator('.services button:not(:disabled)').nth(1).click();
  await tab.waitForSelector('.ticket.waiting');
  assert.equal((await log()).length, 2);
  const own = await tab.textContent('.ticket .label');
  assert.ok((await log())[1].startsWith(own));
  const counter = services.counters[0];
  const admin = house.server.token('counter');
  for (let i = 0; ; i++) { // Older tests left numbers that wait.
    const { body } = await house.server.ask('POST', `/api/queue/counters/${counter.id}/next`, { key: `tabs-test-next-${i}` }, admin);
    assert.ok(body.ticket, 'its turn comes');
    if (body.ticket.label === own) break;
    await tab.locator('.now .label', { hasText: body.ticket.label }).waitFor();
    const all = await log();
    assert.ok(all.includes(words('queue')('now.said', { ticket: body.ticket.label, counter: counter.label })), all.join('|'));
  }
  await tab.waitForSelector('.ticket.called');
  const last = (await log()).filter((text) => text.includes(own)).at(-1);
  assert.ok(last.includes(words('queue')('ticket.called', { counter: counter.label })), last);
  assert.ok(taken.ticket.label !== own);
  const live = ':is([aria-live], [role=status], [role=log])';
  const lists = ':is(ul, ol, table)';
  assert.equal(await tab.locator(`main ${lists}${live}, main ${live} ${lists}`).count(), 0, 'no list is read anew');
  const before = await log();
  await tab.evaluate(() => dispatchEvent(new Event('offline')));
  await tab.waitForSelector('body:not(.stale)');
  const emergency = await publish('Darurat sungguhan.', 'emergency');
  await tab.locator('body > [role=alert] p', { hasText: 'Darurat sungguhan.' }).waitFor({ state: 'attached' });
  assert.deepEqual(await log(), before, 'coming back tells nothing twice');
  await Promise.all([old, id, emergency].map(withdraw));
});
