// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Serambi authors
//
// Two screens of one server: in step by UDP, by the link alone where UDP is shut, and in step again
// after the server began anew, without a jump.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { Display, Server, temporaryFolder, until } from '../lib/serambi.mjs';

test('two screens are in step', async (t) => {
  const server = await new Server(temporaryFolder(t)).start();
  t.after(() => server.stop());
  const admin = server.token('admin');
  for (let i = 0; i < 2; i++) {
    const display = new Display(server, temporaryFolder(t)).start();
    t.after(() => display.stop());
  }
  const list = async () => (await server.ask('GET', '/api/displays/', null, admin).catch(() => null))?.body;
  const clocks = (from) => until(`both clocks by ${from}`, async () => {
    const answer = await list();
    const found = answer?.displays?.filter((one) => one.online).map((one) => one.status.clock);
    return found?.length === 2 && found.every((clock) => clock?.source === from) && { found, step: answer.step };
  }, 60);
  const metric = async (name) => {
    const text = await (await fetch(`${server.url}/metrics`)).text();
    return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
  };

  await t.test('by UDP', async () => {
    const { found, step } = await clocks('udp');
    for (const clock of found) assert.ok(clock.error_us > 0 && clock.error_us < 20000, JSON.stringify(clock));
    assert.equal(step.screens, 2);
    assert.equal(step.by_link, 0);
    assert.ok(step.within_us < 40000, JSON.stringify(step));
    assert.ok(await metric('serambi_clock_answers_total') > 0);
    assert.equal(await metric('serambi_displays_in_step'), 2);
    assert.ok(await metric('serambi_displays_skew_seconds') < 0.04);
  });

  await t.test('by the link where UDP is shut', async () => {
    await server.stop();
    const shut = createSocket('udp4');
    shut.bind(Number(new URL(server.url).port), '127.0.0.1');
    await once(shut, 'listening');
    await server.start();
    const { found } = await clocks('link');
    for (const clock of found) assert.equal(clock.steps, 0, 'a restart is no jump');
    assert.equal(await metric('serambi_displays_clocks_by_link'), 2);
    shut.close();
    await once(shut, 'close');
  });

  await t.test('again after a restart', async () => {
    await server.stop();
    await server.start();
    const { found } = await clocks('udp');
    for (const clock of found) {
      assert.equal(clock.steps, 0, 'a restart is no jump');
      assert.ok(clock.epochs > 0, 'another epoch was noticed');
    }
  });
});
