// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Serambi authors
//
// The pages' modules for tests: they are browser modules that end in .js, so Node is told that
// they are modules by handing it their text.

import { readFileSync } from 'node:fs';

const page = new URL('../../core/page/', import.meta.url);

function load(name) {
  const code = readFileSync(new URL(name, page), 'utf8');
  return import(`data:text/javascript;base64,${Buffer.from(code).toString('base64')}`);
}

export const { LANGUAGES, chooseLanguage, createWords, pick } = await load('words.js');
export const { Live, delayOf } = await load('live.js');
