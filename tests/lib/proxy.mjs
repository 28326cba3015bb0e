// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Serambi authors
// A TCP proxy that does to lines what the world does to them: cut with or without a goodbye, silent
// without an end (a black hole), late, narrow. It knows no protocol. A line that cannot pass its
// bytes on stops reading, so that both ends feel it as they would feel a slow network.
import { connect, createServer } from 'node:net';
import { once } from 'node:events';

const HELD_BYTES = 64 * 1024; // that wait here for each direction; what is more waits in the kernel
const PIECES_SECOND = 20; // of a throttled line

/** One direction of a line: bytes in their order, each due at its time. */
class Way {
  constructor(line, from, to) {
    Object.assign(this, { line, from, to, queue: [], held: 0, left: Infinity, freeAt: 0, isFull: false });
    from.on('data', (chunk) => this.take(chunk));
    from.on('end', () => this.take(null));
    to.on('drain', () => { this.isFull = false; this.pass(); });
  }

  /** null is the end. */
  take(chunk) {
    if (this.line.isCut) return;
    this.queue.push({ chunk, due: Date.now() + this.line.delayMs });
    this.held += chunk?.length ?? 0;
    if (this.held >= HELD_BYTES) this.from.pause();
    this.pass();
  }

  pass() {
    while (this.queue.length > 0 && !this.line.isFrozen && !this.line.isCut && !this.isFull && !this.timer) {
      const wait = Math.max(this.queue[0].due, this.freeAt) - Date.now();
      if (wait > 0) this.wait(wait);
      else this.passPiece();
    }
  }

  wait(ms) {
    this.timer = setTimeout(() => { this.timer = null; this.pass(); }, ms);
  }

  passPiece() {
    const { line, queue } = this;
    const { chunk } = queue[0];
    if (chunk === null) {
      queue.shift();
      this.to.end();
      return;
    }
    const most = Math.min(this.left, Math.ceil(line.bytesPerSecond / PIECES_SECOND));
    const piece = chunk.subarray(0, most);
    if (piece.length === chunk.length) queue.shift();
    else queue[0].chunk = chunk.subarray(piece.length);
    this.held -= piece.length;
    this.left -= piece.length;
    this.freeAt = Date.now() + (1000 * piece.length) / line.bytesPerSecond;
    this.isFull = !this.to.write(piece);
    if (this.left === 0) line.cut();
    else if (this.held < HELD_BYTES && !line.isFrozen) this.from.resume();
  }

  stop() {
    clearTimeout(this.timer);
    this.queue = [];
  }
}

/** A client's connection and ours to the server. */
class Line {
  constructor(proxy, client) {
    this.proxy = proxy;
    this.client = client;
    this.isFrozen = false;
    this.isCut = false;
    this.delayMs = 0;
    this.bytesPerSecond = Infinity;
    Object.assign(this, proxy.conditions);
    const { hostname, port } = new URL(proxy.target);
    this.server = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
    this.up = new Way(this, client, this.server);
    this.down = new Way(this, this.server, client);
    for (const [socket, other] of [[client, this.server], [this.server, client]]) {
      socket.setNoDelay(true);
      socket.on('error', () => {}); // close follows
      socket.on('close', (hadError) => this.ended(other, hadError));
    }
    if (this.cutAfterSent) this.up.left = this.cutAfterSent;
    if (this.isFrozen) this.freeze();
  }

  ended(other, hadError) {
    if (this.isFrozen && !this.isCut) {
      this.hasBroken = hadError; // nobody hears of it before the thaw
      return;
    }
    if (hadError) this.reset();
    if (this.client.destroyed && this.server.destroyed) this.proxy.lines.delete(this);
  }

  stop() {
    this.isCut = true;
    this.up.stop();
    this.down.stop();
  }

  /** Ends both sides with a FIN; what has not passed is lost. */
  cut() {
    if (this.isCut) return;
    this.stop();
    for (const socket of [this.client, this.server]) {
      socket.on('end', () => socket.destroy());
      if (socket.readableEnded) socket.destroySoon();
      else socket.end();
      socket.resume(); // unread bytes would make a reset of it
    }
  }

  /** Ends the line with a FIN when so many more bytes have reached the client. */
  cutAfter(bytes) {
    this.down.left = bytes;
  }

  /** Ends both sides with a RST. */
  reset() {
    this.stop();
    for (const socket of [this.client, this.server]) {
      /* libuv refuses a reset while a FIN is on its way, and Node 20 then waits for it for ever. */
      if (socket.writableEnded || socket.connecting) socket.destroy();
      else if (!socket.destroyed) socket.resetAndDestroy();
    }
    this.proxy.lines.delete(this);
  }

  /** A black hole: nothing passes, not even an end. */
  freeze() {
    this.isFrozen = true;
    this.client.pause();
    this.server.pause();
  }

  thaw() {
    if (!this.isFrozen) return;
    this.isFrozen = false;
    if (this.isCut) return;
    if (this.hasBroken) {
      this.reset();
      return;
    }
    this.client.resume();
    this.server.resume();
    this.up.pass();
    this.down.pass();
  }

  delay(ms) {
    this.delayMs = ms;
  }

  throttle(bytesPerSecond) {
    this.bytesPerSecond = bytesPerSecond;
  }

  /** A good line again. */
  heal() {
    this.delay(0);
    this.throttle(Infinity);
    this.thaw();
  }
}

export class TcpProxy {
  /** `conditions` are those of lines to come: {isFrozen, delayMs, bytesPerSecond, cutAfterSent (bytes to the server)}. */
  constructor(target, conditions = {}) {
    this.target = target;
    this.conditions = conditions;
    this.lines = new Set();
    this.linesTotal = 0;
  }

  async start() {
    this.listener = createServer({ allowHalfOpen: true }, (client) => {
      this.lines.add(new Line(this, client));
      this.linesTotal += 1;
    });
    this.listener.listen(0, '127.0.0.1');
    await once(this.listener, 'listening');
    this.url = `http://127.0.0.1:${this.listener.address().port}`;
    return this;
  }

  /** The youngest line. */
  get last() {
    return [...this.lines].at(-1);
  }

  close() {
    this.listener.close();
    for (const line of this.lines) line.reset();
  }
}
