// SPDX-License-Identifier: Apache-2.0
// Starts and stops the programs for tests: a server on a free port, a display that draws without a
// screen; and asks them as a client would. The build folder is SERAMBI_BUILD.
import { spawn, execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, readFileSync, existsSync } from 'node:fs';
import { once } from 'node:events';
import { join } from 'node:path';
import { tmpdir } from 'node:os';

export const build = process.env.SERAMBI_BUILD;
export const serambi = join(build, 'core/serambi');
const display = join(build, 'media/screen/serambi-display');
const worker = join(build, 'media/worker/serambi-media');
const plugins = join(build, 'plugins');
const leaks = new URL('../leaks.supp', import.meta.url).pathname;

/** A folder that is gone after the test. */
export function temporaryFolder(t) {
  const folder = mkdtempSync(join(tmpdir(), 'serambi-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Waits until probe() gives something true; fails with what after seconds. */
export async function until(what, probe, seconds = 30) {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const value = await probe();
    if (value) return value;
    if (Date.now() > end) throw new Error(`not within ${seconds} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function finished(child) {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  return child.exitCode;
}

export class Server {
  constructor(data, options = {}) {
    this.data = data;
    this.options = options;
    this.output = '';
  }

  /** Runs `serambi serve` until it listens; the same port again after a restart. */
  async start() {
    const listen = this.url ? new URL(this.url).host : '127.0.0.1:0';
    this.child = spawn(serambi, ['serve', '--data', this.data, '--listen', listen, '--plugins', plugins,
      '--worker', this.options.worker ?? worker, ...(this.options.args ?? [])], { stdio: ['ignore', 'pipe', 'pipe'] });
    const take = (chunk) => { this.output += chunk; };
    this.child.stdout.on('data', take);
    this.child.stderr.on('data', take);
    this.output = '';
    await until('the server listens', () => {
      if (this.child.exitCode !== null) throw new Error(`the server ended: ${this.output}`);
      return /^listening on (http:\S+)/m.exec(this.output);
    });
    this.url = /^listening on (http:\S+)/m.exec(this.output)[1].replace(/\/$/, '');
    return this;
  }

  async stop() {
    this.child?.kill('SIGTERM');
    return this.child && finished(this.child);
  }

  async kill() {
    this.child.kill('SIGKILL');
    await finished(this.child);
  }

  /** A bearer token of that role, made by the admin command beside the running server. */
  token(role) {
    const name = `test-${role}-${Math.random().toString(36).slice(2)}`;
    return execFileSync(serambi, ['token', 'add', '--data', this.data, name, '--role', role],
      { encoding: 'utf8' }).trim().split('\n').pop();
  }

  async ask(method, path, body, token) {
    const response = await fetch(this.url + path, {
      method,
      headers: {
        ...(body ? { 'Content-Type': 'application/json' } : {}),
        ...(token ? { Authorization: `Bearer ${token}` } : {}),
      },
      body: body ? JSON.stringify(body) : undefined,
    });
    const text = await response.text();
    return { status: response.status, body: text ? JSON.parse(text) : null };
  }

  /** Sends a whole file in one tus request; the response. The pictures that tests make say nothing. */
  async upload(kind, path, token, waiver = kind === 'tutorials:video' ? 'no_speech' : '') {
    const bytes = readFileSync(path);
    const encode = (text) => Buffer.from(text).toString('base64');
    return fetch(`${this.url}/uploads/`, {
      method: 'POST',
      headers: {
        Authorization: `Bearer ${token}`,
        'Tus-Resumable': '1.0.0',
        'Upload-Length': String(bytes.length),
        'Content-Type': 'application/offset+octet-stream',
        'Upload-Metadata': `kind ${encode(kind)},filename ${encode(path.split('/').pop())}${waiver && `,waiver ${encode(waiver)}`}`,
      },
      body: bytes,
    });
  }
}

export class Display {
  constructor(server, data, options = {}) {
    this.server = server;
    this.data = data;
    this.options = { window: '640x360', ...options };
    this.picture = join(data, 'picture.png');
  }

  start() {
    const beside = this.options.beside === false ? [] : ['--beside', join(this.server.data, 'secrets/beside')];
    this.child = spawn(display, ['--server', this.server.url, '--data', this.data, '--window', this.options.window,
      '--plugins', plugins, '--worker', worker, '--snapshot', this.picture, ...beside,
      ...(this.options.args ?? [])], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...process.env, SDL_VIDEODRIVER: 'dummy', SDL_AUDIODRIVER: 'dummy', LSAN_OPTIONS: `suppressions=${leaks}`, ...this.options.env,
      },
    });
    this.output = '';
    const take = (chunk) => { this.output += chunk; };
    this.child.stdout.on('data', take);
    this.child.stderr.on('data', take);
    return this;
  }

  async stop() {
    this.child?.kill('SIGTERM');
    return this.child && finished(this.child);
  }

  /** The picture on the screen now, as width x height RGB at the given size. */
  async look(width = 64, height = 36) {
    await until('the display draws', () => this.output.includes('first frame'));
    rmSync(this.picture, { force: true });
    this.child.kill('SIGUSR1');
    await until('the picture is written', () => existsSync(this.picture));
    return execFileSync('convert', [this.picture, '-resize', `${width}x${height}!`, '-depth', '8', 'rgb:-']);
  }
}

/** The RGB of a point of look()'s picture; x and y from 0 to 1. */
export function colourAt(picture, x, y, width = 64, height = 36) {
  const at = 3 * (Math.floor(y * (height - 1)) * width + Math.floor(x * (width - 1)));
  return [...picture.subarray(at, at + 3)];
}
