// SPDX-License-Identifier: Apache-2.0
// The whole house: server, worker and display together, as in a lobby.
import test from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Server, Display, build, colourAt, temporaryFolder, until } from '../lib/serambi.mjs';

const BLUE = [32, 96, 192];

const isNear = (colour, wanted) => colour.every((part, i) => Math.abs(part - wanted[i]) < 24);

/** A clip of one colour with a tone. */
function makeClip(path) {
  execFileSync('ffmpeg', ['-v', 'error', '-y', '-f', 'lavfi', '-i', 'color=c=0x2060c0:s=640x360:r=25:d=4', '-f', 'lavfi',
    '-i', 'sine=frequency=440:duration=4', '-c:v', 'libx264', '-pix_fmt', 'yuv420p', '-colorspace', 'bt709',
    '-color_primaries', 'bt709', '-color_trc', 'bt709', '-vf', 'scale=out_color_matrix=bt709', '-c:a', 'aac', path]);
  return path;
}

test('the house', async (t) => {
  const folder = temporaryFolder(t);
  const server = await new Server(join(folder, 'server')).start();
  const display = new Display(server, join(folder, 'display'));
  t.after(() => Promise.all([display.stop(), server.stop()]));
  const editor = server.token('editor');
  const admin = server.token('admin');
  const counter = server.token('counter');
  const isBlue = async () => isNear(colourAt(await display.look(), 0.33, 0.3), BLUE);
  display.start();

  await t.test('the screen beside its server is let in by itself', async () => {
    await until('the display is online', async () => {
      const { body } = await server.ask('GET', '/api/displays/', null, editor);
      return body.displays.length === 1 && body.displays[0].online;
    });
  });

  await t.test('an uploaded video is prepared, proved, offered and shown', async () => {
    const response = await server.upload('tutorials:video', makeClip(join(folder, 'blue clip.mp4')), editor);
    assert.equal(response.status, 201);
    const tutorial = await until('the clip is ready', async () =>
      (await server.ask('GET', '/api/tutorials/')).body.tutorials[0], 90);
    assert.equal(tutorial.title.id, 'blue clip');
    assert.equal(tutorial.duration_us, 4000000);
    const part = await fetch(`${server.url}/media/${tutorial.media}.mp4`, { headers: { Range: 'bytes=4-7' } });
    assert.equal(part.status, 206);
    assert.equal(await part.text(), 'ftyp');
    await until('the clip is on the screen', isBlue, 60);
  });

  await t.test('a file that is no video is refused with a reason', async () => {
    const path = join(folder, 'letter.mp4');
    writeFileSync(path, 'Dear librarian, '.repeat(1000));
    assert.equal((await server.upload('tutorials:video', path, editor)).status, 201);
    const refused = await until('the file is refused', async () => {
      const { body } = await server.ask('GET', '/api/tutorials/all', null, editor);
      return body.tutorials.find((clip) => clip.state === 'failed');
    }, 60);
    assert.match(refused.reason.code, /^tutorials\./);
    assert.ok(refused.reason.message.length > 10);
    assert.equal((await server.ask('GET', '/api/tutorials/')).body.tutorials.length, 1);
  });

  await t.test('an emergency takes the screen and gives it back', async () => {
    const { status, body } = await server.ask('POST', '/api/announcements/',
      { text: { id: 'Kebakaran. Keluar lewat pintu timur.', en: 'Fire. Leave by the east door.' }, urgency: 'emergency' },
      editor);
    assert.equal(status, 201);
    await until('the takeover is on the screen', async () =>
      isNear(colourAt(await display.look(), 0.5, 0.005), [255, 138, 128]));
    assert.equal((await server.ask('POST', `/api/announcements/${body.id}/withdraw`, {}, editor)).status, 200);
    await until('the clip is back', isBlue);
  });

  await t.test('a number is taken, called and shown; nobody else may call', async () => {
    const taken = await server.ask('POST', '/api/queue/tickets', { service: 1, key: randomBytes(8).toString('hex') });
    assert.equal(taken.status, 201);
    assert.equal(taken.body.ticket.label, 'A001');
    assert.equal((await server.ask('POST', '/api/queue/counters/1/next', { key: 'strangers' })).status, 401);
    const called = await server.ask('POST', '/api/queue/counters/1/next', { key: 'first-press' }, counter);
    assert.equal(called.body.ticket.label, 'A001');
    const again = await server.ask('POST', '/api/queue/counters/1/next', { key: 'first-press' }, counter);
    assert.equal(again.body.ticket.label, 'A001');
    const mine = await server.ask('GET', `/api/queue/tickets/${taken.body.ticket.secret}`);
    assert.deepEqual([mine.body.ticket.state, mine.body.ticket.counter], ['called', '1']);
    await until('the spotlight is on the screen', async () =>
      isNear(colourAt(await display.look(), 0.06, 0.62), [58, 42, 12]));
  });

  await t.test('a second server on the same folder refuses to start', () => {
    const second = spawnSync(join(build, 'core/serambi'), ['serve', '--data', server.data, '--listen', '127.0.0.1:0'],
      { encoding: 'utf8', timeout: 20000 });
    assert.equal(second.status, 1);
    assert.match(second.stderr, /another server/);
  });

  await t.test('another screen is let in by the code that it shows', async () => {
    const key = randomBytes(32).toString('hex');
    const hello = { key, width: 1920, height: 1080 };
    const asked = await server.ask('POST', '/api/displays/hello', hello);
    assert.match(asked.body.code, /^[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}$/);
    const wrong = await server.ask('POST', '/api/displays/approve', { code: '0000-0000', name: 'x' }, admin);
    assert.deepEqual([wrong.status, wrong.body.error.code], [404, 'displays.wrong_code']);
    assert.equal((await server.ask('POST', '/api/displays/approve', { code: asked.body.code, name: 'x' }, editor)).status, 403);
    const typed = asked.body.code.toLowerCase().replace('-', ' ');
    assert.equal((await server.ask('POST', '/api/displays/approve', { code: typed, name: 'Lantai 2' }, admin)).status, 200);
    assert.equal((await server.ask('POST', '/api/displays/hello', hello)).body.state, 'paired');
  });

  await t.test('the screen plays on when the server is killed, also after its own restart', async () => {
    await server.kill();
    await until('the clip is still shown', isBlue, 20);
    await display.stop();
    display.start();
    await until('the clip is shown from its own disk', isBlue, 30);
  });

  await t.test('the server comes back with all that it had said', async () => {
    await server.start();
    const { body } = await server.ask('GET', '/api/tutorials/');
    assert.equal(body.tutorials.length, 1);
    const next = await server.ask('POST', '/api/queue/tickets', { service: 1, key: randomBytes(8).toString('hex') });
    assert.equal(next.body.ticket.label, 'A002');
    await until('the display is online again', async () =>
      (await server.ask('GET', '/api/displays/', null, editor)).body.displays.some((screen) => screen.online), 60);
  });
});

test('a disk under its reserve refuses what would grow', async (t) => {
  const folder = temporaryFolder(t);
  const config = join(folder, 'serambi.ini');
  writeFileSync(config, '[serambi]\nreserve_mb=1000000\n');
  const server = await new Server(join(folder, 'server'), { args: ['--config', config] }).start();
  t.after(() => server.stop());
  const editor = server.token('editor');
  const said = await server.ask('POST', '/api/announcements/', { text: { id: 'Tutup pukul 16.00' } }, editor);
  assert.deepEqual([said.status, said.body.error.code], [507, 'error.full']);
  const path = join(folder, 'a.mp4');
  writeFileSync(path, 'x');
  assert.equal((await server.upload('tutorials:video', path, editor)).status, 507);
  assert.equal((await server.ask('GET', '/api/announcements/')).status, 200);
});

test('a wrong setting names file, line, key and what would be right', (t) => {
  const folder = temporaryFolder(t);
  const config = join(folder, 'serambi.ini');
  writeFileSync(config, '[queue]\n\nservice_minutes=often\n');
  const check = spawnSync(join(build, 'core/serambi'),
    ['check', '--config', config, '--plugins', join(build, 'plugins')], { encoding: 'utf8' });
  assert.equal(check.status, 1);
  assert.match(check.stderr, /serambi\.ini', line 3: \[queue\]/);
  assert.match(check.stderr, /service_minutes/);
  assert.match(check.stderr, /1.*120/);
});
