// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Serambi authors
//
// A server of its own for the tests, with one administrator, and a browser to look at it.

import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';

/** {url, user, password, stop()}, and server, unless it is one that runs already. */
export async function openHouse() {
  if (process.env.SERAMBI_TEST_URL) { // A server that runs already.
    return {
      url: process.env.SERAMBI_TEST_URL, user: process.env.SERAMBI_TEST_USER,
      password: process.env.SERAMBI_TEST_PASSWORD, stop: async () => {},
    };
  }
  const { Server, build } = await import('../lib/serambi.mjs');
  const data = await mkdtemp(join(tmpdir(), 'serambi-browser-'));
  const server = new Server(data);
  const stop = async () => {
    await server.stop();
    await rm(data, { recursive: true, force: true });
  };
  const user = 'rina';
  try {
    await server.start();
    const password = execFileSync(join(build, 'core/serambi'), ['user', 'add', '--data', data, user, '--role', 'admin'],
      { encoding: 'utf8' }).trim().split(/\s+/).pop();
    return { url: server.url, user, password, stop, server };
  } catch (error) {
    await stop();
    throw error;
  }
}

export function openBrowser(options = {}) {
  return chromium.launch({
    ...options,
    executablePath: CHROMIUM,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync', ...(options.args ?? [])],
  });
}

/** A page that remembers what its console complained about, in page.complaints, and what it still asks. */
export async function openPage(browser, house, path, options = {}) {
  const context = await browser.newContext({ viewport: { width: 390, height: 844 }, locale: 'id-ID', timezoneId: 'Asia/Jakarta', ...options });
  context.setDefaultTimeout(15000);
  return openTab(context, house, path);
}

/** One more page of the same browser. */
export async function openTab(context, house, path) {
  const page = await context.newPage();
  page.complaints = [];
  page.asking = new Set();
  page.on('request', (request) => page.asking.add(request));
  for (const end of ['requestfinished', 'requestfailed']) page.on(end, (request) => page.asking.delete(request));
  page.on('pageerror', (error) => page.complaints.push(String(error.stack)));
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) page.complaints.push(`${message.text()} ${message.location().url}`);
  });
  await page.goto(`${house.url}${path}`);
  return page;
}

/**
 * Waits until all that the page asked for is there. Playwright's networkidle never comes: it does not
 * see that a shared worker's script has arrived.
 */
export async function answered(page) {
  while ([...page.asking].some((request) => !request.url().endsWith('/live_worker.js'))) {
    await Promise.race([page.waitForEvent('requestfinished'), page.waitForEvent('requestfailed')]);
  }
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
