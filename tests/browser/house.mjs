// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Serambi authors
//
// A server of its own for the tests, with one administrator, and a browser to look at it.

import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { chromium } from 'playwright-core';

const run = promisify(execFile);
const build = process.env.SERAMBI_BUILD;
const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';

async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  await once(probe, 'close');
  return port;
}

/** Resolves when the server answers that it is ready; each try waits for an answer or a refusal. */
async function ready(url, child) {
  const deadline = Date.now() + 30000;
  while (Date.now() < deadline && child.exitCode === null) {
    const response = await fetch(`${url}/readyz`).catch(() => null);
    if (response?.ok) return;
    await new Promise((resolve) => { setTimeout(resolve, 50); });
  }
  throw new Error('the server did not get ready');
}

/** {url, user, password, stop()} */
export async function openHouse() {
  if (process.env.SERAMBI_TEST_URL) { // A server that runs already.
    return {
      url: process.env.SERAMBI_TEST_URL, user: process.env.SERAMBI_TEST_USER ?? 'rina',
      password: process.env.SERAMBI_TEST_PASSWORD, stop: async () => {},
    };
  }
  const data = await mkdtemp(join(tmpdir(), 'serambi-browser-'));
  const serambi = join(build, 'core/serambi');
  const config = join(data, 'serambi.ini');
  await writeFile(config, '[server]\nallow_insecure_login=true\n');
  const environment = {
    ...process.env, SERAMBI_PLUGINS: process.env.SERAMBI_PLUGINS ?? join(build, 'plugins'),
    SERAMBI_MEDIA: process.env.SERAMBI_MEDIA ?? join(build, 'media/serambi-media'),
  };
  const options = { env: environment };
  const { stdout } = await run(serambi, ['user', 'add', 'rina', '--role', 'admin', '--data', join(data, 'data')], options);
  const password = stdout.trim().split(/\s+/).at(-1);
  const port = await freePort();
  const child = spawn(serambi, ['serve', '--data', join(data, 'data'), '--listen', `127.0.0.1:${port}`, '--config', config],
    { ...options, stdio: ['ignore', 'inherit', 'inherit'] });
  const url = `http://127.0.0.1:${port}`;
  const stop = async () => {
    if (child.exitCode === null) {
      child.kill('SIGTERM');
      await once(child, 'exit');
    }
    await rm(data, { recursive: true, force: true });
  };
  try {
    await ready(url, child);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url, user: 'rina', password, stop, child };
}

export function openBrowser() {
  return chromium.launch({
    executablePath: CHROMIUM,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync'],
  });
}

/** A page that remembers what its console complained about, in page.complaints. */
export async function openPage(browser, house, path, options = {}) {
  const context = await browser.newContext({ viewport: { width: 390, height: 844 }, locale: 'id-ID', timezoneId: 'Asia/Jakarta', ...options });
  context.setDefaultTimeout(15000);
  const page = await context.newPage();
  page.complaints = [];
  page.on('pageerror', (error) => page.complaints.push(String(error.stack)));
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) page.complaints.push(`${message.text()} ${message.location().url}`);
  });
  await page.goto(`${house.url}${path}`);
  return page;
}

export async function logIn(page, house) {
  await page.fill('input[name=name]', house.user);
  await page.fill('input[name=password]', house.password);
  await page.click('form button');
  await page.waitForSelector('.rail');
}

let axe;

/** What axe finds wrong, as text; empty when all is well. */
export async function violations(page) {
  axe ??= await readFile(new URL('../node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');
  if (!await page.evaluate(() => Boolean(globalThis.axe))) await page.evaluate(axe);
  return page.evaluate(async () => (await globalThis.axe.run()).violations.flatMap((one) => one.nodes.map(
    (node) => `${one.id}: ${node.target} ${node.failureSummary}`)));
}
