// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Serambi authors
// Plays the transcripts of this folder, each against a server of its own. README.md has the format.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { once } from 'node:events';
import { test } from 'node:test';
import WebSocket from 'ws';
import { Server, serambi, temporaryFolder } from '../lib/serambi.mjs';

const PATIENCE_MS = 10000;

/** One connection: its messages line by line, and its end, in order. */
class Line {
  constructor(server) {
    this.waiting = [];
    this.heard = [];
    this.socket = new WebSocket(`${server.url.replace('http', 'ws')}/connection/websocket`);
    this.socket.on('message', (message) => message.toString().split('\n').forEach((text) => this.take({ text })));
    this.socket.on('close', (code) => this.take({ code }));
    this.socket.on('error', () => {}); // close follows
  }

  take(event) {
    if (event.text === '{}') { // a ping, whenever the server's wheel turns
      this.socket.send('{}');
      return;
    }
    if (this.waiting.length > 0) this.waiting.shift()(event);
    else this.heard.push(event);
  }

  next() {
    if (this.heard.length > 0) return this.heard.shift();
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('nothing came')), PATIENCE_MS);
      this.waiting.push((event) => { clearTimeout(timer); resolve(event); });
    });
  }
}

/** "$name" is the value that was captured under it, "*500" a text of so many letters. */
function fill(value, names) {
  if (typeof value === 'string' && /^\*\d+$/.test(value)) return 'x'.repeat(Number(value.slice(1)));
  if (typeof value === 'string' && /^\$\w+$/.test(value)) {
    assert.ok(names.has(value), `${value} was captured`);
    return names.get(value);
  }
  if (Array.isArray(value)) return value.map((item) => fill(item, names));
  if (value && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, fill(item, names)]));
  }
  return value;
}

/** "*" is anything, "$name" captures or must be the same, the key "..." allows further members. */
function compare(found, expected, names, path = '') {
  if (expected === '*') {
    assert.notEqual(found, undefined, `${path} is there`);
  } else if (typeof expected === 'string' && /^\$\w+$/.test(expected)) {
    if (!names.has(expected)) names.set(expected, found);
    assert.deepEqual(found, names.get(expected), `${path} is ${expected}`);
  } else if (Array.isArray(expected)) {
    assert.ok(Array.isArray(found), `${path} is a list`);
    assert.equal(found.length, expected.length, `${path} has as many`);
    expected.forEach((item, i) => compare(found[i], item, names, `${path}[${i}]`));
  } else if (expected && typeof expected === 'object') {
    assert.ok(found && typeof found === 'object', `${path} is an object`);
    const keys = Object.keys(expected).filter((key) => key !== '...');
    keys.forEach((key) => compare(found[key], expected[key], names, `${path}.${key}`));
    if (!('...' in expected)) assert.deepEqual(Object.keys(found).sort(), keys.sort(), `${path} has only these`);
  } else {
    assert.deepEqual(found, expected, path);
  }
}

async function expectLine(line, rest, names) {
  let event = await line.next();
  while (event.text === '{}' && rest !== '{}') event = await line.next(); // a ping may come at any time
  const close = /^close (\d+)$/.exec(rest);
  if (close) {
    assert.equal(event.code, Number(close[1]), `closed, instead of ${event.text}`);
  } else {
    assert.notEqual(event.text, undefined, `a message, instead of close ${event.code}`);
    compare(JSON.parse(event.text), JSON.parse(rest), names);
  }
}

/** "POST /api/x {...}": the answer must be a good one. */
async function request(server, rest, names) {
  const [, method, path, body] = /^(\S+) (\S+)(?: (.*))?$/.exec(rest);
  const token = names.get('$token') ?? server.token('editor');
  names.set('$token', token);
  const { status } = await server.ask(method, path, body && JSON.parse(body), token);
  assert.ok(status < 300, `${rest}: ${status}`);
}

/** A document is sent compact and filled; nonsense and blank lines are sent as they are. */
function document(text, names) {
  try {
    return JSON.stringify(fill(JSON.parse(text), names));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return text;
  }
}

const message = (rest, names) => rest.split('\\n').map((part) => document(part.trim(), names)).join('\n');

/** "serambi token add desk --role counter": beside the running server; the last line is "$output". */
function command(server, rest, names) {
  const [program, ...words] = rest.split(' ');
  assert.equal(program, 'serambi');
  const output = execFileSync(serambi, [...words, '--data', server.data], { encoding: 'utf8' });
  if (output) names.set('$output', output.trim().split('\n').pop());
}

async function play(t, text) {
  const server = await new Server(temporaryFolder(t)).start();
  t.after(() => server.stop());
  const names = new Map();
  let line = null;
  const steps = {
    '+': async () => {
      line?.socket.terminate();
      line = new Line(server);
      await once(line.socket, 'open');
    },
    '>': (rest) => line.socket.send(message(rest, names)),
    '~': (rest) => line.socket.send(rest),
    'b': (rest) => line.socket.send(Buffer.from(message(rest, names))),
    '$': (rest) => command(server, rest, names),
    '<': (rest) => expectLine(line, rest, names),
    '!': (rest) => request(server, rest, names),
    'x': async () => {
      await server.kill();
      await server.start();
    },
  };
  for (const [number, raw] of text.split('\n').entries()) {
    if (raw === '' || raw.startsWith('#')) continue;
    const step = steps[raw[0]];
    assert.ok(step && (raw.length === 1 || raw[1] === ' '), `line ${number + 1} is a step`);
    try {
      await step(raw.slice(2).trim());
    } catch (error) {
      error.message = `line ${number + 1}: ${raw}\n${error.message}`;
      throw error;
    }
  }
  line?.socket.terminate();
}

const folder = new URL('.', import.meta.url);
for (const name of readdirSync(folder).filter((file) => file.endsWith('.wire')).sort()) {
  test(name, (t) => play(t, readFileSync(new URL(name, folder), 'utf8')));
}
