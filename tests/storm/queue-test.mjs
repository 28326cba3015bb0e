// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Serambi authors
//
// The queue as a whole house uses it: 64 clients take, call, move and undo at random while the server
// is killed with SIGKILL again and again. Afterwards each promise of the queue is checked against what
// was answered: numbers without holes, nobody at two counters, every answer on disk, every client's
// view equal to the database, the audit's chain whole. Then two staff press Next at one moment.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import WebSocket from 'ws';
import { Server, temporaryFolder, until } from '../lib/serambi.mjs';

const KILLS = Number(process.env.SERAMBI_QUEUE_KILLS ?? 3);
const PRESSES = Number(process.env.SERAMBI_QUEUE_PRESSES ?? 20);
const CLIENTS = 64;
const COUNTERS = 3;
const MOVES = ['recall', 'start', 'no-show', 'park', 'return', 'finish', 'transfer', 'leave', 'undo', 'call'];
const CLASSES = ['normal', 'normal', 'normal', 'elderly', 'children'];

const any = (list) => list[Math.floor(Math.random() * list.length)];
let serial = 0;
const newKey = () => `storm-key-${serial++}`;

/** Asks until there is an answer; the server may be gone in between. */
async function insist(server, path, body, token) {
  for (;;) {
    try {
      const answer = await server.ask('POST', path, body, token);
      if (answer.status !== 503) return answer;
    } catch {
      // Killed: the same question with the same key again, when it is back.
    }
    await server.up;
  }
}

/** Runs SQL on the files of a server that is stopped; rows. */
function sql(data, statement) {
  const program = 'import json,sqlite3,sys,glob\n'
    + 'paths=[p for p in glob.glob(sys.argv[1]+"/**/*",recursive=True) if p.endswith((".db",".sqlite"))]\n'
    + 'c=sqlite3.connect(paths[0]);r=c.execute(sys.argv[2]).fetchall();c.commit();print(json.dumps(r))';
  return JSON.parse(execFileSync('python3', ['-c', program, data, statement], { encoding: 'utf8' }));
}

/** Counters that had two tickets at any moment of the audit, not only at its end. */
function twoAtOnce(data) {
  const after = new Map(sql(data, 'SELECT id, state, counter FROM queue_ticket').map(([id, ...rest]) => [id, rest]));
  const rows = sql(data, "SELECT ticket, before FROM queue_audit WHERE action <> 'recall' ORDER BY id DESC");
  const found = [];
  for (const [ticket, before] of rows) { // Backwards: what each row began from is what it is undone to.
    const at = [...after.values()].filter(([state]) => state === 'called' || state === 'serving').map(([, counter]) => counter);
    if (new Set(at).size < at.length) found.push(at);
    const earlier = before && JSON.parse(before);
    if (earlier) after.set(ticket, [earlier.state, earlier.counter]);
  }
  return found;
}

/** Where each action leads, for the replay of the audit; an undo leads to what was before the undone. */
const TARGETS = {
  issue: 'waiting', call: 'called', 'call-chosen': 'called', start: 'serving', 'no-show': 'no_show', park: 'parked',
  return: 'waiting', finish: 'done', transfer: 'waiting', leave: 'left',
};

/** Tickets whose audit does not tell one life without a gap, from the issue to the state on disk. */
function brokenLives(data) {
  const lives = new Map();
  const found = [];
  for (const [ticket, action, before] of sql(data,
    "SELECT ticket, action, before FROM queue_audit WHERE action <> 'recall' ORDER BY id")) {
    const life = lives.get(ticket) ?? [];
    lives.set(ticket, life);
    const began = before && JSON.parse(before).state;
    if ((began ?? undefined) !== life.at(-1)) found.push([ticket, action, began, life.at(-1)]);
    life.push(action === 'undo' ? life.at(-2) : TARGETS[action]);
  }
  for (const [id, state] of sql(data, 'SELECT id, state FROM queue_ticket'))
    if (lives.get(id)?.at(-1) !== state) found.push([id, state, lives.get(id)]);
  return found;
}

/** One live view of some channels that comes back after each kill; the newest value of each. */
class View {
  constructor(server, channels) {
    Object.assign(this, { server, channels, newest: {}, calls: [], isOver: false, joined: 0 });
  }

  follow() {
    if (this.isOver) return;
    const socket = new WebSocket(`${this.server.url.replace('http', 'ws')}/connection/websocket`);
    this.socket = socket;
    socket.on('open', () => socket.send([{ id: 1, connect: {} },
      ...this.channels.map((channel, index) => ({ id: index + 2, subscribe: { channel, ...this.place(channel) } }))]
      .map((command) => JSON.stringify(command)).join('\n')));
    socket.on('message', (message) => {
      for (const line of message.toString().split('\n')) if (line) this.take(JSON.parse(line));
    });
    socket.on('error', () => {});
    socket.on('close', () => this.server.up.then(() => this.follow()));
  }

  place(channel) {
    return channel === 'queue:calls' && this.epoch ? { recover: true, epoch: this.epoch, offset: this.offset } : {};
  }

  take({ id, subscribe, push }) {
    if (subscribe) {
      const channel = this.channels[id - 2];
      if (channel === 'queue:calls') {
        if (this.epoch && !subscribe.recovered) this.fault ??= 'the calls lost their place';
        if (!this.epoch) this.offset = subscribe.offset;
        this.epoch = subscribe.epoch;
      }
      for (const publication of subscribe.publications ?? []) this.note(channel, publication);
      this.joined += 1;
    } else if (push?.pub) {
      this.note(push.channel, push.pub);
    }
  }

  note(channel, { data, offset }) {
    this.newest[channel] = data;
    if (channel !== 'queue:calls') return;
    if (offset !== this.offset + 1) this.fault ??= `call ${offset} after ${this.offset}`;
    this.offset = offset;
    this.calls.push(data.call);
  }

  end() {
    this.isOver = true;
    this.socket?.terminate();
  }
}

async function act(server, token, journal) {
  const dice = Math.random();
  const key = newKey();
  if (dice < 0.35) {
    const { status, body } = await insist(server, '/api/queue/tickets',
      { service: any([1, 2, 3]), key, class: any(CLASSES) });
    assert.equal(status, 201, JSON.stringify(body));
    journal.tickets.push({ key, ...body.ticket });
  } else if (dice < 0.6) {
    const counter = any([1, 2, 3]);
    const { status, body } = await insist(server, `/api/queue/counters/${counter}/next`, { key }, token);
    assert.equal(status, 200, JSON.stringify(body));
    if (body.ticket) journal.done.push({ key, action: 'call', id: body.ticket.id });
  } else if (journal.tickets.length > 0) {
    const move = any(MOVES);
    const id = 1 + Math.max(0, journal.tickets.length - Math.floor(Math.random() * 30));
    const { status, body } = await insist(server, `/api/queue/tickets/by-id/${id}/${move}`,
      { key, service: any([1, 2, 3]), counter: any([1, 2, 3]) }, token);
    assert.ok(status === 200 || status === 409, `${move}: ${JSON.stringify(body)}`);
    if (status === 200) journal.done.push({ key, action: move, id });
  }
  journal.answers += 1;
}

async function newServer(t) {
  const data = temporaryFolder(t);
  writeFileSync(join(data, 'serambi.ini'), '[queue]\ntickets_per_address=10000\n');
  const server = new Server(data);
  await server.start();
  t.after(() => server.child.kill('SIGKILL'));
  server.up = Promise.resolve();
  return { data, server, token: server.token('counter') };
}

test(`64 clients and ${KILLS} kills: no promise of the queue is broken`, async (t) => {
  const { data, server, token } = await newServer(t);
  const journal = { tickets: [], done: [], answers: 0, isOver: false };
  const view = new View(server, ['queue:board', 'queue:calls']);
  view.follow();
  t.after(() => view.end());
  await until('the view has joined', () => view.joined >= 2);
  const work = Array.from({ length: CLIENTS }, async () => {
    while (!journal.isOver) await act(server, token, journal);
  }).map((client) => client.catch((failure) => { journal.failure ??= failure; }));
  for (let kill = 0; kill < KILLS; kill++) {
    const enough = journal.answers + 20 + Math.floor(Math.random() * 200);
    await until('more is answered', () => journal.answers >= enough || journal.failure);
    if (journal.failure) break;
    let isUp;
    server.up = new Promise((resolve) => { isUp = resolve; });
    await server.kill();
    await server.start();
    isUp();
  }
  journal.isOver = true;
  await Promise.all(work);
  assert.ifError(journal.failure);
  const tickets = await Promise.all(journal.tickets.slice(-40).map(async ({ secret }) => {
    const own = new View(server, [`queue:ticket.${secret}`]);
    own.follow();
    t.after(() => own.end());
    await until('a ticket is told', () => own.newest[`queue:ticket.${secret}`]);
    return own.newest[`queue:ticket.${secret}`];
  }));
  const admin = server.token('admin');
  const audit = await server.ask('GET', '/api/queue/audit', undefined, admin);
  assert.equal(audit.body.is_whole, true, JSON.stringify(audit.body));
  assert.equal(await server.stop(), 0);

  // P1, P4: numbers 1 to n for each service and day, and every one of them is in one state.
  assert.deepEqual(sql(data, 'SELECT s.service, s.day FROM queue_sequence s WHERE s.last_number <>'
    + ' (SELECT COUNT(DISTINCT number) FROM queue_ticket t WHERE t.first_service = s.service AND t.day = s.day)'
    + ' OR s.last_number <> (SELECT MAX(number) FROM queue_ticket t WHERE t.first_service = s.service'
    + ' AND t.day = s.day)'), []);
  // P2, P5: what was answered is on disk, once for each key.
  const rows = new Map(sql(data, 'SELECT request_key, label, secret FROM queue_ticket').map((row) => [row[0], row]));
  for (const { key, label, secret } of journal.tickets) assert.deepEqual(rows.get(key), [key, label, secret]);
  assert.equal(rows.size, journal.tickets.length);
  const requests = new Map(sql(data, 'SELECT request_key, action, ticket FROM queue_request')
    .map(([key, ...rest]) => [key, rest]));
  for (const { key, action, id } of journal.done) assert.deepEqual(requests.get(key), [action, id], key);
  // P3: nobody has two, and each change raised the version once: as many audit rows as versions.
  assert.deepEqual(sql(data, "SELECT counter FROM queue_ticket WHERE state IN ('called', 'serving')"
    + ' GROUP BY counter HAVING COUNT(*) > 1'), []);
  assert.deepEqual(twoAtOnce(data), []);
  assert.deepEqual(sql(data, 'SELECT t.id FROM queue_ticket t WHERE t.version <>'
    + " (SELECT COUNT(*) FROM queue_audit a WHERE a.ticket = t.id AND a.action <> 'recall')"), []);
  assert.deepEqual(brokenLives(data), []);
  // Each key did one deed, and nothing was done without a key but the issue and the end of who was there.
  assert.deepEqual(sql(data, "SELECT a.n, r.n FROM (SELECT COUNT(*) AS n FROM queue_audit"
    + " WHERE action NOT IN ('issue', 'finish')) a, (SELECT COUNT(*) AS n FROM queue_request WHERE action <> 'finish') r"
    + ' WHERE a.n <> r.n'), []);
  // P8: what the live views show is what lies in the database.
  const states = new Map(sql(data, 'SELECT label, state, counter FROM queue_ticket').map((row) => [row[0], row]));
  for (const { label, state, counter } of tickets) assert.deepEqual(states.get(label), [label, state, counter]);
  const waiting = Object.fromEntries(sql(data, "SELECT service, COUNT(*) FROM queue_ticket WHERE state = 'waiting'"
    + ' GROUP BY service'));
  for (const { service, count } of view.newest['queue:board'].waiting) assert.equal(count, waiting[service] ?? 0);
  const called = sql(data, "SELECT counter, label FROM queue_ticket WHERE state IN ('called', 'serving') ORDER BY 1");
  assert.deepEqual(view.newest['queue:board'].now.map(({ counter, ticket }) => [counter, ticket]).sort(), called);
  assert.equal(view.fault, undefined);
  assert.deepEqual(view.calls, sql(data, 'SELECT id FROM queue_call ORDER BY id').map(([id]) => id));

  // P10: a row that somebody changes by hand, or cuts out, is found.
  const [[middle]] = sql(data, 'SELECT MAX(id) / 2 FROM queue_audit');
  sql(data, `UPDATE queue_audit SET actor = 'somebody' WHERE id = ${middle}`);
  sql(data, `DELETE FROM queue_audit WHERE id = ${middle + 5}`);
  await server.start();
  const changed = await server.ask('GET', '/api/queue/audit', undefined, admin);
  assert.equal(changed.body.broken, middle);
  assert.equal(await server.stop(), 0);
  sql(data, `DELETE FROM queue_audit WHERE id <= ${middle}`);
  await server.start();
  const cut = await server.ask('GET', '/api/queue/audit', undefined, admin);
  assert.equal(cut.body.broken, middle + 1);
  t.diagnostic(`${journal.tickets.length} numbers, ${journal.done.length} calls and moves, ${KILLS} kills`);
  assert.equal(await server.stop(), 0);
});

test(`${PRESSES} times all counters press Next together and get different people`, async (t) => {
  const { server, token } = await newServer(t);
  const seen = new Set();
  for (let press = 0; press < PRESSES; press++) {
    await Promise.all(Array.from({ length: COUNTERS }, () =>
      insist(server, '/api/queue/tickets', { service: 1, key: newKey() })));
    const answers = await Promise.all(Array.from({ length: COUNTERS }, (_, index) =>
      insist(server, `/api/queue/counters/${index + 1}/next`, { key: newKey() }, token)));
    for (const { body } of answers) seen.add(body.ticket.label);
    assert.equal(seen.size, (press + 1) * COUNTERS);
  }
  assert.equal(await server.stop(), 0);
});
