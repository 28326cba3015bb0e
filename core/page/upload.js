// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Serambi authors
//
// Resumable uploads (tus 1.0.0): pieces until all is there, through cut lines, and after a reload
// when the same file is chosen again.

import { memory } from './dom.js';
import { delayOf } from './line.js';

const PIECE_BYTES = 8 * 1024 * 1024;
const REMEMBERED = 'uploads';
const FINAL = new Set([400, 401, 403, 405, 413, 415, 422, 429, 507]);

class UploadError extends Error {
  constructor(status, code) {
    super(code);
    this.status = status;
    this.code = code;
  }
}

function fingerprint(kind, file) {
  return `${kind}|${file.name}|${file.size}|${file.lastModified}`;
}

/** Uploads that were begun here and are not complete: [{key, kind, name, size, offset, url}]. */
export function unfinished(kind) {
  return Object.values(memory.get(REMEMBERED) ?? {}).filter((one) => one.kind === kind);
}

/** Forgets one, and asks the server to throw away what it has of it. */
export function abandon(entry) {
  remember(entry.key, null);
  request('DELETE', entry.url).catch(() => {}); // Else it expires there by itself.
}

function remember(key, entry) {
  const all = memory.get(REMEMBERED) ?? {};
  if (entry) all[key] = entry;
  else delete all[key];
  memory.set(REMEMBERED, all);
}

function encode(text) {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}

/** One request by XMLHttpRequest, which alone tells how much has been sent. */
function request(method, url, { headers = {}, body, onProgress, onStart } = {}) {
  return new Promise((resolve, reject) => {
    const xhr = new XMLHttpRequest();
    xhr.open(method, url);
    xhr.setRequestHeader('Tus-Resumable', '1.0.0');
    for (const [name, value] of Object.entries(headers)) xhr.setRequestHeader(name, value);
    if (onProgress) xhr.upload.onprogress = (event) => onProgress(event.loaded);
    xhr.onload = () => resolve(xhr);
    xhr.onerror = () => reject(new UploadError(0, 'error.offline'));
    xhr.onabort = () => reject(new UploadError(0, 'stopped'));
    onStart?.(xhr);
    xhr.send(body);
  });
}

function codeOf(xhr) {
  try {
    return JSON.parse(xhr.responseText).error.code;
  } catch {
    return { 413: 'upload.too_large', 507: 'error.full' }[xhr.status] ?? `error.${xhr.status}`;
  }
}

/**
 * One file on its way. state: 'sending', 'waiting' (no line; goes on by itself), 'paused', 'done',
 * 'failed' (with .error), 'cancelled'. onChange(upload) at every step.
 */
export class Upload {
  state = 'paused';
  offset = 0;
  error = null;
  #file;
  #kind;
  #metadata;
  #onChange;
  #key;
  #url = null;
  #xhr = null;
  #wake = null;
  #since = 0;
  #sinceOffset = 0;
  #run = 0;

  constructor(file, kind, metadata, onChange) {
    this.#file = file;
    this.#kind = kind;
    this.#metadata = metadata;
    this.#onChange = onChange;
    this.#key = fingerprint(kind, file);
    this.#url = memory.get(REMEMBERED)?.[this.#key]?.url ?? null;
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

  /** Seconds that are left at the speed so far; null while that is not known. */
  get secondsLeft() {
    const seconds = (Date.now() - this.#since) / 1000;
    const bytes = this.offset - this.#sinceOffset;
    if (this.state !== 'sending' || seconds < 2 || bytes <= 0) return null;
    return ((this.size - this.offset) * seconds) / bytes;
  }

  start() {
    if (['sending', 'waiting', 'done', 'cancelled'].includes(this.state)) return;
    this.#run += 1;
    this.#work(this.#run);
  }

  pause() {
    if (this.state !== 'sending' && this.state !== 'waiting') return;
    this.#stop('paused');
  }

  cancel() {
    if (this.state === 'done') return;
    this.#stop('cancelled');
    if (this.#url) abandon({ key: this.#key, url: this.#url });
  }

  #stop(state) {
    this.#run += 1;
    this.#change(state);
    this.#xhr?.abort();
    this.#wake?.();
  }

  async #work(run) {
    let tries = 0;
    while (run === this.#run) {
      try {
        this.#change('sending');
        await (this.#url ? this.#find() : this.#create());
        this.#since = Date.now();
        this.#sinceOffset = this.offset;
        while (run === this.#run && this.offset < this.size) {
          await this.#send();
          tries = 0;
        }
        if (run !== this.#run) return;
        remember(this.#key, null);
        this.#change('done');
        return;
      } catch (error) {
        if (run !== this.#run) return;
        if (FINAL.has(error.status) || !(error instanceof UploadError)) {
          this.error = error;
          this.#change('failed');
          return;
        }
        this.#change('waiting');
        await this.#rest(delayOf(tries) + 200);
        tries += 1;
      }
    }
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
    this.#note();
  }

  async #find() {
    const xhr = await this.#ask('HEAD', this.#url);
    if (xhr.status === 404 || xhr.status === 410) {
      this.#url = null;
      remember(this.#key, null);
      await this.#create();
      return;
    }
    if (xhr.status >= 300) throw new UploadError(xhr.status, codeOf(xhr));
    this.offset = Number(xhr.getResponseHeader('Upload-Offset'));
    this.#change('sending');
  }

  async #send() {
    const from = this.offset;
    const xhr = await this.#ask('PATCH', this.#url, {
      headers: { 'Upload-Offset': String(from), 'Content-Type': 'application/offset+octet-stream' },
      body: this.#file.slice(from, from + PIECE_BYTES),
      onProgress: (sent) => {
        this.offset = Math.min(from + sent, this.size - 1);
        this.#change('sending');
      },
    });
    this.offset = from;
    if (xhr.status === 404 || xhr.status === 410 || xhr.status === 409) {
      throw new UploadError(xhr.status, 'again'); // #find() sorts it out.
    }
    if (xhr.status !== 204) throw new UploadError(xhr.status, codeOf(xhr));
    this.offset = Number(xhr.getResponseHeader('Upload-Offset'));
    this.#note();
    this.#change('sending');
  }

  async #ask(method, url, options = {}) {
    try {
      return await request(method, url, { ...options, onStart: (xhr) => { this.#xhr = xhr; } });
    } finally {
      this.#xhr = null;
    }
  }

  /** Waits, but no longer than until the browser says that the line is back. */
  #rest(milliseconds) {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        globalThis.removeEventListener('online', done);
        this.#wake = null;
        resolve();
      };
      const timer = setTimeout(done, milliseconds);
      globalThis.addEventListener('online', done);
      this.#wake = done;
    });
  }

  #note() {
    remember(this.#key, {
      key: this.#key, kind: this.#kind, name: this.name, size: this.size, offset: this.offset, url: this.#url,
    });
  }

  #change(state) {
    this.state = state;
    this.#onChange?.(this);
  }
}
