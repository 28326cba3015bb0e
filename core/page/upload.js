// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Serambi authors
//
// Resumable uploads (tus 1.0.0): one file after the other, in pieces, through cut lines and closed
// laptops, and from another browser when the same file is chosen again. What can be continued the
// server knows; nothing is kept here.

import { delayOf } from './line.js';
import { sha256 } from './sha256.js';

const PIECE_BYTES = 8 * 1024 * 1024;
const SILENT_MS = 20000; // without a byte going out or an answer coming in: the line is dead
const SMOOTH_SECONDS = 8; // how long the speed remembers
const SAMPLES = 16; // as UPLOAD_SAMPLES in core/upload_store.h
const SAMPLE_BYTES = 65536;
const FINAL = new Set([400, 401, 403, 405, 412, 413, 415, 422, 429, 507]);
const queue = [];

class UploadError extends Error {
  constructor(status, code) {
    super(code);
    this.status = status;
    this.code = code;
  }
}

/** What this person has begun, here or elsewhere, and not finished: [{url, kind, name, size, offset}]. */
export async function unfinished() {
  const xhr = await request('GET', '/uploads/');
  if (xhr.status !== 200) throw new UploadError(xhr.status, codeOf(xhr));
  return JSON.parse(xhr.responseText).uploads;
}

/** Asks the server to throw away what it has of one; else it expires there by itself. */
export async function abandon({ url }) {
  await request('DELETE', url).catch(() => {});
}

function encode(text) {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}

/** One request by XMLHttpRequest, which alone tells how much has been sent. */
function request(method, url, { headers = {}, body, onProgress, onStart } = {}) {
  return new Promise((resolve, reject) => {
    const xhr = new XMLHttpRequest();
    let timer;
    const alive = () => {
      clearTimeout(timer);
      timer = setTimeout(() => xhr.abort(), SILENT_MS);
    };
    const end = (finish) => () => {
      clearTimeout(timer);
      finish();
    };
    xhr.open(method, url);
    xhr.setRequestHeader('Tus-Resumable', '1.0.0');
    for (const [name, value] of Object.entries(headers)) xhr.setRequestHeader(name, value);
    xhr.upload.onprogress = (event) => {
      alive();
      onProgress?.(event.loaded);
    };
    xhr.onload = end(() => resolve(xhr));
    xhr.onerror = end(() => reject(new UploadError(0, 'error.offline')));
    xhr.onabort = end(() => reject(new UploadError(0, 'error.offline')));
    onStart?.(xhr);
    alive();
    xhr.send(body);
  });
}

/** Our server always says its version of tus: what does not was said by a proxy before it. */
function codeOf(xhr) {
  if (xhr.status === 413 && !xhr.getResponseHeader('Tus-Resumable')) return 'upload.proxy_too_large';
  try {
    return JSON.parse(xhr.responseText).error.code;
  } catch {
    return { 413: 'upload.too_large', 507: 'error.full' }[xhr.status] ?? `error.${xhr.status}`;
  }
}

async function bytesOf(blob) {
  return new Uint8Array(await new Response(blob).arrayBuffer());
}

/** The same sample of the file's first bytes as the server makes (core/upload_store.h). */
async function sampleOf(file, size) {
  if (size <= SAMPLES * SAMPLE_BYTES) return sha256(await bytesOf(file.slice(0, size)));
  const pieces = Array.from({ length: SAMPLES }, (_, i) => {
    const at = Math.floor((i * (size - SAMPLE_BYTES)) / (SAMPLES - 1));
    return file.slice(at, at + SAMPLE_BYTES);
  });
  return sha256(await bytesOf(new Blob(pieces)));
}

/** One after the other: the first in the queue that can go on, goes on. */
function next() {
  if (queue.some(({ state }) => state === 'sending' || state === 'waiting')) return;
  queue.find(({ state }) => state === 'queued')?.begin();
}

/**
 * One file on its way. state: 'queued', 'sending', 'waiting' (no line; goes on by itself), 'paused',
 * 'done', 'failed' (with .error), 'cancelled'. onChange(upload) at every step. `entry`: the one of
 * unfinished() that the file has to be; `refusal`: a code, when it must not be sent at all.
 */
export class Upload {
  state = 'paused';
  offset = 0;
  error = null;
  #file;
  #kind;
  #metadata;
  #onChange;
  #entry;
  #refusal;
  #url = null;
  #xhr = null;
  #wake = null;
  #speed = 0; // bytes in a second, smoothed
  #seenAt = 0;
  #seenOffset = 0;
  #run = 0;

  constructor(file, kind, metadata, onChange, { entry = null, refusal = null } = {}) {
    this.#file = file;
    this.#kind = kind;
    this.#metadata = metadata;
    this.#onChange = onChange;
    this.#entry = entry;
    this.#refusal = file.size === 0 ? 'upload.empty' : refusal;
  }

  get name() {
    return this.#file.name;
  }

  get size() {
    return this.#file.size;
  }

  get url() {
    return this.#url;
  }

  /** Seconds that are left at the smoothed speed; null while that is not known. */
  get secondsLeft() {
    if (this.state !== 'sending' || this.#speed <= 0) return null;
    return (this.size - this.offset) / this.#speed;
  }

  /** Into the queue; begins when those before it are through. */
  start() {
    if (['queued', 'sending', 'waiting', 'done', 'cancelled'].includes(this.state)) return;
    if (!queue.includes(this)) queue.push(this);
    if (this.#refusal) this.#fail(new UploadError(0, this.#refusal));
    else this.#change('queued');
    next();
  }

  /** For the queue. */
  begin() {
    this.#run += 1;
    this.#work(this.#run);
  }

  pause() {
    if (['queued', 'sending', 'waiting'].includes(this.state)) this.#stop('paused');
  }

  cancel() {
    if (this.state === 'done') return;
    this.#stop('cancelled');
    if (this.#url) abandon({ url: this.#url });
  }

  #stop(state) {
    this.#run += 1;
    this.#change(state);
    this.#xhr?.abort();
    this.#wake?.();
  }

  #fail(error) {
    this.error = error;
    this.#change('failed');
  }

  async #work(run) {
    let tries = 0;
    this.error = null;
    while (run === this.#run) {
      try {
        this.#change('sending');
        await this.#place();
        if (run !== this.#run) {
          if (this.state === 'cancelled') abandon({ url: this.#url }); // It came while that was pressed.
          return;
        }
        this.#speed = 0;
        this.#seenAt = 0;
        while (run === this.#run && this.offset < this.size) {
          await this.#send(run);
          tries = 0;
        }
        if (run === this.#run) this.#change('done');
        return;
      } catch (error) {
        if (run !== this.#run) return;
        if (FINAL.has(error.status) || error.code === 'upload.taken_over' || error.isFinal || !(error instanceof UploadError)) {
          this.#fail(error);
          return;
        }
        this.#change('waiting');
        await this.#rest(delayOf(tries) + 200);
        tries += 1;
      }
    }
  }

  /** Where it goes, and from which byte on. */
  async #place() {
    if (this.#url && await this.#find()) return;
    this.#url = await this.#begun();
    if (this.#url && await this.#find()) return;
    await this.#create();
  }

  /** The address of the same file begun before, or null. Refuses what is not #entry. */
  async #begun() {
    const entry = this.#entry
      ?? (await unfinished()).find(({ kind, name, size }) => kind === this.#kind && name === this.name && size === this.size);
    if (!entry) return null;
    const isSame = entry.name === this.name && entry.size === this.size && await this.#isSame(entry.url);
    if (isSame) return entry.url;
    if (!this.#entry) return null;
    throw Object.assign(new UploadError(0, 'upload.different'), { isFinal: true });
  }

  async #isSame(url) {
    const xhr = await this.#ask('GET', url);
    if (xhr.status === 404 || xhr.status === 410) return false;
    if (xhr.status !== 200) throw new UploadError(xhr.status, codeOf(xhr));
    const { offset, sample } = JSON.parse(xhr.responseText);
    return sample === await sampleOf(this.#file, offset);
  }

  async #create() {
    const metadata = { kind: this.#kind, filename: this.name, ...this.#metadata };
    const xhr = await this.#ask('POST', '/uploads/', {
      headers: {
        'Upload-Length': String(this.size),
        'Upload-Metadata': Object.entries(metadata).map(([key, text]) => `${key} ${encode(text)}`).join(','),
      },
    });
    if (xhr.status !== 201) throw new UploadError(xhr.status, codeOf(xhr));
    this.#url = new URL(xhr.getResponseHeader('Location'), new URL('/uploads/', location.href)).pathname;
    this.offset = 0;
  }

  /** False when it is not there any more. */
  async #find() {
    const xhr = await this.#ask('HEAD', this.#url);
    if (xhr.status === 404 || xhr.status === 410) return false;
    if (xhr.status >= 300) throw new UploadError(xhr.status, codeOf(xhr));
    this.offset = Number(xhr.getResponseHeader('Upload-Offset'));
    return true;
  }

  async #send(run) {
    const from = this.offset;
    const xhr = await this.#ask('PATCH', this.#url, {
      headers: { 'Upload-Offset': String(from), 'Content-Type': 'application/offset+octet-stream' },
      body: this.#file.slice(from, from + PIECE_BYTES),
      onProgress: (sent) => {
        if (run !== this.#run) return;
        this.offset = Math.min(from + sent, this.size - 1);
        this.#measure();
        this.#change('sending');
      },
    });
    if (run !== this.#run) return;
    this.offset = from;
    if (xhr.status === 404 || xhr.status === 410 || xhr.status === 409) {
      throw new UploadError(xhr.status, 'again'); // #find() sorts it out.
    }
    if (xhr.status !== 204) throw new UploadError(xhr.status, codeOf(xhr));
    this.offset = Number(xhr.getResponseHeader('Upload-Offset'));
    this.#change('sending');
  }

  /** The speed forgets by the time that has passed, not by the number of events. */
  #measure() {
    const now = performance.now();
    const seconds = (now - this.#seenAt) / 1000;
    if (this.#seenAt && seconds < 0.5) return;
    const bytes = this.offset - this.#seenOffset;
    if (this.#seenAt && bytes >= 0) {
      const weight = this.#speed ? 1 - Math.exp(-seconds / SMOOTH_SECONDS) : 1;
      this.#speed += weight * (bytes / seconds - this.#speed);
    }
    this.#seenAt = now;
    this.#seenOffset = this.offset;
  }

  async #ask(method, url, options = {}) {
    try {
      return await request(method, url, { ...options, onStart: (xhr) => { this.#xhr = xhr; } });
    } finally {
      this.#xhr = null;
    }
  }

  /** Waits, but no longer than until the line is back or somebody looks at the page again. */
  #rest(milliseconds) {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        globalThis.removeEventListener('online', done);
        document.removeEventListener('visibilitychange', done);
        this.#wake = null;
        resolve();
      };
      const timer = setTimeout(done, milliseconds);
      globalThis.addEventListener('online', done);
      document.addEventListener('visibilitychange', done);
      this.#wake = done;
    });
  }

  #change(state) {
    this.state = state;
    if (state === 'done' || state === 'cancelled') queue.splice(queue.indexOf(this) >>> 0, 1);
    this.#onChange?.(this);
    next();
  }
}
