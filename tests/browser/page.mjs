// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Serambi authors
//
// The pages' modules for tests: they are browser modules that end in .js, so Node is told that
// they are modules by handing it their text, with that of what they import.

import { readFileSync } from 'node:fs';

const page = new URL('../../core/page/', import.meta.url);
let count = 0;

function address(name, note = '') {
  const code = readFileSync(new URL(name, page), 'utf8')
    .replace(/ from '\.\/([^']+)'/g, (whole, other) => ` from '${address(other)}'`);
  return `data:text/javascript;base64,${Buffer.from(code + note).toString('base64')}`;
}

/** Runs the worker as a browser would; gives the function that a tab's port is handed to. */
export async function startWorker() {
  await import(address('live_worker.js', `// ${++count}`));
  return (port) => globalThis.onconnect({ ports: [port] });
}

export const { LANGUAGES, chooseLanguage, createWords, pick } = await import(address('words.js'));
export const { Live } = await import(address('live.js'));
export const { Line, delayOf } = await import(address('line.js'));
