// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Serambi authors
//
// The server is killed with SIGKILL again and again while visitors take numbers, staff publish and
// a phone listens. What was answered is there afterwards, once; what the phone heard is on disk, in
// order, without a hole.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import WebSocket from 'ws';
import { Server, temporaryFolder, until } from '../lib/serambi.mjs';

const KILLS = Number(process.env.SERAMBI_STORM_KILLS ?? 10);
const VISITORS = 4;

/** Asks until there is an answer; the server may be gone in between. */
async function insist(server, method, path, body, token) {
  for (;;) {
    try {
      const answer = await server.ask(method, path, body, token);
      if (answer.status !== 503) return answer;
    } catch {
      // Killed: the same question again, when it is back.
    }
    await server.up;
  }
}

/** Follows a feed over all restarts, and asserts that no entry is missing or comes twice. */
class Phone {
  constructor(server, channel) {
    Object.assign(this, { server, channel, offset: 0, epoch: null, entries: [], isOver: false });
  }

  follow() {
    if (this.isOver) return;
    const socket = new WebSocket(`${this.server.url.replace('http', 'ws')}/connection/websocket`);
    this.socket = socket;
    socket.on('open', () => {
      const position = this.epoch ? { recover: true, epoch: this.epoch, offset: this.offset } : {};
      socket.send(`${JSON.stringify({ id: 1, connect: {} })}\n${
        JSON.stringify({ id: 2, subscribe: { channel: this.channel, ...position } })}`);
    });
    socket.on('message', (message) => {
      for (const line of message.toString().split('\n')) this.take(JSON.parse(line));
    });
    socket.on('error', () => {});
    socket.on('close', () => this.server.up.then(() => this.follow()));
  }

  take(message) {
    if (message.subscribe) {
      const { epoch, offset, recovered, publications = [] } = message.subscribe;
      if (this.epoch) {
        this.fault ??= epoch === this.epoch && recovered ? null : `lost its place: ${JSON.stringify(message)}`;
      } else {
        this.offset = offset;
      }
      this.epoch = epoch;
      for (const publication of publications) this.note(publication);
    } else if (message.push?.pub) {
      this.note(message.push.pub);
    }
  }

  note({ data, offset }) {
    if (offset !== this.offset + 1) this.fault ??= `${offset} after ${this.offset}`;
    this.offset = offset;
    this.entries.push(data);
  }

  end() {
    this.isOver = true;
    this.socket.terminate();
  }
}

async function takeNumbers(server, visitor, journal) {
  for (let n = 0; !journal.isOver; n++) {
    const key = `visitor-${visitor}-number-${n}-of-this-storm`;
    journal.asked.add(key);
    const answer = await insist(server, 'POST', '/api/queue/tickets', { service: 1, key });
    assert.ok(answer.status === 200 || answer.status === 201, JSON.stringify(answer));
    journal.tickets.push({ key, ...answer.body.ticket });
    journal.acknowledged += 1;
  }
}

/** Not repeatable: what was not answered may be there or not. */
async function publish(server, token, journal) {
  while (!journal.isOver) {
    try {
      const { status, body } = await server.ask('POST', '/api/announcements',
        { text: { en: `storm ${journal.published.length}` }, urgency: 'normal' }, token);
      if (status === 201) {
        journal.published.push(body.id);
        journal.acknowledged += 1;
        await server.ask('POST', `/api/announcements/${body.id}/withdraw`, {}, token);
      }
    } catch {
      await server.up;
    }
  }
}

test(`nothing that was answered is lost or doubled by ${KILLS} kills`, async (t) => {
  const data = temporaryFolder(t);
  writeFileSync(join(data, 'serambi.ini'), '[queue]\ntickets_per_address=10000\n');
  const server = new Server(data);
  await server.start();
  t.after(() => server.child.kill('SIGKILL'));
  server.up = Promise.resolve();
  const token = server.token('editor');
  const journal = { asked: new Set(), tickets: [], published: [], acknowledged: 0, isOver: false };
  const phone = new Phone(server, 'announcements:events');
  phone.follow();
  t.after(() => phone.end());
  await until('the phone listens', () => phone.epoch);
  const note = (failure) => { journal.failure ??= failure; };
  const work = [publish(server, token, journal).catch(note)];
  for (let visitor = 0; visitor < VISITORS; visitor++) work.push(takeNumbers(server, visitor, journal).catch(note));

  for (let kill = 0; kill < KILLS; kill++) {
    const enough = journal.acknowledged + 1 + Math.floor(Math.random() * 40);
    await until('more is answered', () => journal.acknowledged >= enough || journal.failure);
    if (journal.failure) break;
    let isUp;
    server.up = new Promise((resolve) => { isUp = resolve; });
    await server.kill();
    await server.start();
    isUp();
  }
  journal.isOver = true;
  await Promise.all(work);
  assert.equal(journal.failure, undefined);

  const labels = new Set(journal.tickets.map((ticket) => ticket.label));
  assert.equal(labels.size, journal.tickets.length, 'no number was given twice');
  const highest = Math.max(...[...labels].map((label) => Number(/\d+$/.exec(label)[0])));
  assert.equal(highest, journal.asked.size, 'no visitor has two numbers, and none is missing');
  for (const { key, secret, label } of journal.tickets) {
    const again = await server.ask('POST', '/api/queue/tickets', { service: 1, key });
    assert.equal(again.body.ticket.label, label, key);
    assert.equal((await server.ask('GET', `/api/queue/tickets/${secret}`)).body.ticket.label, label);
  }

  const added = () => phone.entries.filter(({ op }) => op === 'add').map(({ id }) => id);
  await until('the phone heard all that was published', () => phone.fault ||
    journal.published.every((id) => added().includes(id)));
  assert.equal(phone.fault ?? null, null);
  assert.equal(new Set(added()).size, added().length, 'each is heard once');
  const { body } = await server.ask('GET', '/api/announcements/all', undefined, token);
  const known = new Set((body.announcements ?? body).map(({ id }) => id));
  for (const id of added().slice(-100)) assert.ok(known.has(id), `${id} was heard and is there`);
  t.diagnostic(`${journal.tickets.length} numbers, ${journal.published.length} announcements`);
  assert.equal(await server.stop(), 0);
});
