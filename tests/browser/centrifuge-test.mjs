// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Serambi authors
//
// The published client of the live protocol (centrifuge-js, its bundle for browsers) in a real browser:
// it connects, recovers after SIGKILL and a cut line, and is told honestly when a restored server
// cannot resume.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { build, temporaryFolder, until } from '../lib/serambi.mjs';
import { openCable } from './cable.mjs';
import { openBrowser, openHouse } from './house.mjs';

const FEED = 'announcements:events';
const STATE = 'announcements:live';
const BUNDLE = readFileSync(new URL('../node_modules/centrifuge/dist/centrifuge.js', import.meta.url), 'utf8');

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

/** Publishes and ends at once, so that no house is ever full: "add" is what is counted. */
async function publish(text) {
  const { status, body } = await house.server.ask('POST', '/api/announcements', { text: { en: text } }, token);
  assert.equal(status, 201, JSON.stringify(body));
  await house.server.ask('POST', `/api/announcements/${body.id}/withdraw`, {}, token);
}

/** A page on the server's own origin that has the client, connected; what happened is in its log. */
async function openClient(t, url) {
  const context = await browser.newContext();
  t.after(() => context.close());
  // A page that Playwright makes up is of no network, and Chromium lets it reach no local server.
  await context.addInitScript({ content: BUNDLE });
  const page = await context.newPage();
  await page.goto(`${url}/healthz`);
  await page.evaluate(([feed, state]) => {
    const client = new globalThis.Centrifuge(`ws://${location.host}/connection/websocket`, { minReconnectDelay: 20, maxReconnectDelay: 200 });
    const log = { added: [], offsets: [], beginnings: [], states: [], stateBeginnings: [], errors: [], connected: 0 };
    Object.assign(globalThis, { client, log });
    client.on('connected', () => { log.connected += 1; });
    client.on('disconnected', (context) => log.errors.push(context.reason));
    const begun = ({ wasRecovering, recovered, streamPosition }) => ({ wasRecovering, recovered, streamPosition });
    const entries = client.newSubscription(feed);
    entries.on('publication', ({ data, offset }) => {
      log.offsets.push(offset);
      if (data.op === 'add') log.added.push(data.announcement.text.en);
    });
    entries.on('subscribed', (context) => log.beginnings.push(begun(context)));
    const values = client.newSubscription(state);
    values.on('publication', ({ offset }) => log.states.push(offset));
    values.on('subscribed', (context) => log.stateBeginnings.push(begun(context)));
    entries.subscribe();
    values.subscribe();
    client.connect();
  }, [FEED, STATE]);
  await page.waitForFunction(() => globalThis.log.beginnings.length === 1 && globalThis.log.stateBeginnings.length === 1);
  return page;
}

const log = (page) => page.evaluate(() => globalThis.log);

function isUnbroken({ offsets }) {
  assert.ok(offsets.length > 0);
  offsets.forEach((offset, at) => assert.equal(offset, offsets[0] + at, `${offsets}`));
}

test('connects, hears, and misses nothing when the server is killed', async (t) => {
  const page = await openClient(t, house.url);
  const texts = [];
  for (const round of [1, 2]) {
    texts.push(`Before ${round}`, `After ${round}`);
    await publish(`Before ${round}`);
    await page.waitForFunction((last) => globalThis.log.added.includes(last), `Before ${round}`);
    await house.server.kill();
    await page.waitForFunction(() => globalThis.client.state === 'connecting');
    await house.server.start();
    await publish(`After ${round}`);
    await page.waitForFunction((last) => globalThis.log.added.includes(last), `After ${round}`);
  }
  const heard = await log(page);
  assert.deepEqual(heard.added, texts);
  isUnbroken(heard);
  assert.equal(heard.beginnings.length, 3);
  assert.ok(heard.beginnings.slice(1).every(({ wasRecovering, recovered }) => wasRecovering && recovered), JSON.stringify(heard.beginnings));
  assert.deepEqual(heard.errors, []);
});

test('misses nothing when the line is cut', async (t) => {
  const cable = await openCable(house.url);
  t.after(() => cable.stop());
  const page = await openClient(t, cable.url);
  await publish('Before the cut');
  await page.waitForFunction(() => globalThis.log.added.length === 1);
  cable.cut();
  await page.waitForFunction(() => globalThis.client.state === 'connecting');
  for (const i of [1, 2, 3]) await publish(`While away ${i}`);
  cable.mend();
  await page.waitForFunction(() => globalThis.log.added.length === 4);
  const heard = await log(page);
  assert.deepEqual(heard.added, ['Before the cut', 'While away 1', 'While away 2', 'While away 3']);
  isUnbroken(heard);
  assert.deepEqual(heard.beginnings.map(({ wasRecovering, recovered }) => [wasRecovering, recovered]), [[false, false], [true, true]]);
});

test('a restored server begins anew, says so, and gives the newest state', async (t) => {
  const page = await openClient(t, house.url);
  t.after(() => house.server.stop()); // Before its folder goes.
  const folder = temporaryFolder(t);
  const copy = join(folder, 'backup.tar');
  const serambi = (command, data) => execFileSync(join(build, 'core/serambi'), [command, copy, '--data', data], { encoding: 'utf8' });
  await publish('In the backup');
  await page.waitForFunction(() => globalThis.log.added.includes('In the backup'));
  serambi('backup', house.server.data);
  await publish('Not in the backup');
  await page.waitForFunction(() => globalThis.log.added.includes('Not in the backup'));
  const lost = await log(page);
  await house.server.stop();
  house.server.data = join(folder, 'restored');
  serambi('restore', house.server.data);
  await house.server.start();
  await page.waitForFunction(() => globalThis.log.beginnings.length === 2 && globalThis.log.stateBeginnings.length === 2);
  const found = await log(page);
  const [old, begun] = found.beginnings;
  assert.deepEqual([begun.wasRecovering, begun.recovered], [true, false]);
  assert.notEqual(begun.streamPosition.epoch, old.streamPosition.epoch);
  await until('the newest state is told', async () => (await log(page)).states.length > lost.states.length);
  const { states } = await log(page);
  const { offset } = await page.evaluate((name) => globalThis.client.getSubscription(name).history({ limit: 0 }), STATE);
  assert.equal(states.at(-1), offset, 'the number of the restored state, not of the lost one');
  await publish('After the restore');
  await page.waitForFunction(() => globalThis.log.added.includes('After the restore'));
  assert.deepEqual((await log(page)).added, ['In the backup', 'Not in the backup', 'After the restore']);
});
