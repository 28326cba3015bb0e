// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Serambi authors
//
// The catalogues say the same in each language, know every key that the pages use, and the pages
// themselves hold no text, no inline style and no direction that is left or right.

import assert from 'node:assert/strict';
import { readFileSync, readdirSync, existsSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { LANGUAGES, chooseLanguage, createWords, pick } from './page.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const PATRON_BYTES = 30 * 1024;

const folders = new Map([['core', join(root, 'core/page')]]);
for (const id of readdirSync(join(root, 'plugins'))) {
  const folder = join(root, 'plugins', id, 'page');
  if (existsSync(folder)) folders.set(id, folder);
}

/** A key twice: the server refuses it, JSON.parse() takes the last. */
function catalogue(folder, language) {
  const text = readFileSync(join(folder, 'words', `${language}.json`), 'utf8');
  const words = JSON.parse(text);
  assert.equal([...text.matchAll(/^ *"(?:[^"\\]|\\.)*": /gm)].length, Object.keys(words).length, `${folder} ${language}: a key twice`);
  return words;
}

function scripts(folder) {
  return readdirSync(folder).filter((name) => name.endsWith('.js')).map((name) => join(folder, name));
}

const bare = (key) => key.split('#')[0];
const keysOf = (words) => new Set(Object.keys(words).map(bare));
const core = keysOf(catalogue(folders.get('core'), 'id'));

for (const [owner, folder] of folders) {
  test(`the catalogues of ${owner} have the same keys`, () => {
    const [first, ...others] = LANGUAGES.map((language) => [...keysOf(catalogue(folder, language))].sort());
    assert.ok(first.length > 0);
    for (const other of others) assert.deepEqual(other, first);
  });

  test(`the plurals of ${owner} are those of each language`, () => {
    for (const language of LANGUAGES) {
      const words = catalogue(folder, language);
      const { pluralCategories } = new Intl.PluralRules(language).resolvedOptions();
      for (const key of new Set(Object.keys(words).filter((one) => one.includes('#')).map(bare))) {
        const found = Object.keys(words).filter((one) => one.startsWith(`${key}#`)).map((one) => one.split('#')[1]);
        assert.deepEqual(found.sort(), [...pluralCategories].sort(), `${language}: ${key}`);
      }
    }
  });

  test(`the words of ${owner} name the same values in each language`, () => {
    const values = (text) => new Set(text.match(/\{\w+\}/g) ?? []);
    const [id, ...others] = LANGUAGES.map((language) => catalogue(folder, language));
    for (const [key, text] of Object.entries(id)) {
      for (const other of others) {
        const said = other[key] ?? other[`${bare(key)}#other`];
        assert.equal(typeof said, 'string', key);
        // Where nothing joins hundreds and the rest, the language's numerals are read whole.
        assert.ok(said.length > 0 || key === 'screen.number_joint', key);
        assert.deepEqual([...values(said)].sort(), [...values(text)].sort(), key);
      }
    }
  });

  test(`the pages of ${owner} use only words that are there`, () => {
    const known = new Set([...core, ...keysOf(catalogue(folder, 'id'))]);
    for (const file of scripts(folder)) {
      const code = readFileSync(file, 'utf8').replace(/memory\.[gs]et\([^)]*\)|\/\*[^]*?\*\//g, '');
      const used = [...code.matchAll(/\bt\('([^']+)'/g)].map((match) => match[1]);
      for (const [, prefix] of code.matchAll(/\bt\(`([^`$]+)\$\{/g)) {
        assert.ok([...known].some((key) => key.startsWith(prefix)), `${relative(root, file)}: ${prefix}...`);
      }
      used.push(...[...code.matchAll(/(?:title|key): '([a-z]+\.[a-z.]+)'/g)].map((match) => match[1]));
      used.push(...[...code.matchAll(/\? '([a-z]+\.[a-z.]+)' : '([a-z]+\.[a-z.]+)'/g)].flatMap((match) => [match[1], match[2]]));
      for (const key of used) assert.ok(known.has(key), `${relative(root, file)}: ${key}`);
    }
  });

  test(`the scripts of ${owner} hold no text for people`, () => {
    for (const file of scripts(folder)) {
      const code = readFileSync(file, 'utf8').replace(/\/\*[^]*?\*\//g, '').replace(/\/\/ .*$/gm, '');
      for (const [, text] of code.matchAll(/'((?:[^'\\\n]|\\.)*)'/g)) {
        assert.ok(!/^[A-Z][a-z]+ [a-z]|[a-z]{3,} [a-z]{2,}[.!?]$/.test(text), `${relative(root, file)}: ${text}`);
      }
      assert.ok(!/innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function/.test(code), file);
    }
  });
}

test('every code that the server itself answers with has its words', () => {
  const folder = join(root, 'core');
  const sources = readdirSync(folder).filter((name) => name.endsWith('.c') && !name.includes('test'));
  const codes = new Set(sources.flatMap((name) =>
    readFileSync(join(folder, name), 'utf8')
      .match(/(?<=")(?:error|login|upload|plugin|live|http)\.[a-z_0-9]+(?=")/g) ?? []));
  assert.ok(codes.size > 20);
  for (const code of codes) assert.ok(core.has(code), code);
});

test('style sheets know start and end, not left and right', () => {
  for (const [, folder] of folders) {
    for (const name of readdirSync(folder).filter((one) => one.endsWith('.css'))) {
      const css = readFileSync(join(folder, name), 'utf8').replace(/\/\*[^]*?\*\//g, '');
      const found = css.match(/\b(?:margin|padding|border|inset)?-?(?:left|right)\b\s*:|text-align:\s*(?:left|right)|float:/g);
      assert.equal(found, null, `${name}: ${found}`);
    }
  }
});

test('pages hold nothing inline', () => {
  for (const name of ['public.html', 'staff.html']) {
    const html = readFileSync(join(folders.get('core'), name), 'utf8');
    assert.ok(!/\sstyle=|\son\w+=|<style|<script(?![^>]*\ssrc=)/.test(html), name);
  }
});

test('the visitor\u2019s page stays small', () => {
  const names = ['dom', 'words', 'api', 'live', 'line', 'live_worker', 'connection', 'shell', 'icons', 'public'].map((one) => join(folders.get('core'), `${one}.js`));
  names.push(join(folders.get('core'), 'style.css'));
  for (const [owner, folder] of folders) {
    if (owner !== 'core' && existsSync(join(folder, 'public.js'))) names.push(join(folder, 'public.js'));
  }
  const bytes = names.reduce((sum, name) => sum + gzipSync(readFileSync(name), { level: 9 }).length, 0);
  assert.ok(bytes > 0 && bytes <= PATRON_BYTES, `${bytes} bytes`);
});

test('a language is chosen: remembered, else the browser\u2019s, else Indonesian', () => {
  assert.equal(chooseLanguage('en', ['ar']), 'en');
  assert.equal(chooseLanguage(null, ['fr-FR', 'ar-EG', 'en']), 'ar');
  assert.equal(chooseLanguage(null, ['fr']), 'id');
  assert.equal(chooseLanguage('xx', []), 'id');
  assert.equal(chooseLanguage(null, ['ms-MY']), 'id');
});

test('plurals, values and other languages', () => {
  const words = createWords({
    core: { 'left#one': '{n} left', 'left#other': '{n} left of {all}', name: 'Hello {name}', plain: 'core' },
    queue: { plain: 'queue' },
  }, 'en', 'queue');
  assert.equal(words('left', { n: 1 }), '1 left');
  assert.equal(words('left', { n: 1200, all: 3 }), '1,200 left of 3');
  assert.equal(words('name', { name: 'A012' }), 'Hello \u2068A012\u2069');
  assert.equal(words('plain'), 'queue');
  assert.equal(words('missing'), 'missing');
  assert.equal(words.ago(59), words('ago.now'));
  assert.equal(words.ago(61), '1 minute ago');
  assert.equal(words.ago(2 * 3600 - 1), '1 hour ago');
  assert.equal(words.ago(3 * 86400), '3 days ago');
  assert.equal(createWords({}, 'ar').ago(300), 'قبل 5 دقائق', 'numbers as everywhere else on the page');
  assert.equal(words.duration(65e6), '1:05');
  assert.equal(words.duration(3661e6), '1:01:01');
  assert.deepEqual(pick({ ar: 'x', en: 'y' }, 'id'), { text: 'y', language: 'en' });
  assert.deepEqual(pick({}, 'id'), { text: '', language: 'id' });
});
