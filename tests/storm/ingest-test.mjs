// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Serambi authors
//
// The preparation of an upload, cut at every step: the server is killed, or its worker. The worker is
// one that waits in the step that the test names, so that each kill comes where it should. Nothing is
// offered before it was proved, the restart takes the work up again, and afterwards nothing lies on
// the disk that no row speaks of.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { test } from 'node:test';
import { build, Server, temporaryFolder, until } from '../lib/serambi.mjs';

const STEPS = ['probe', 'prepare', 'prove', 'shrink'];

/** Waits in the step that stands in `hold`, and says so with its process id in `held`. */
function worker(room) {
  const path = join(room, 'worker');
  writeFileSync(path, `#!/bin/sh
step=$1 input=$3 output=$5
if [ "$(cat ${room}/hold)" = "$step" ]; then echo $$ > ${room}/new; mv ${room}/new ${room}/held; exec sleep 600; fi
case $step in
probe) echo '{"result":{"sha256":"'$(sha256sum < "$input" | cut -c1-64)'"}}';;
prepare) cp "$input" "$output/master.mp4"; echo p > "$output/poster.jpg"; echo s > "$output/strip.jpg"
  echo '{"result":{"master":"master.mp4","poster":"poster.jpg","frames":75,"duration_us":3000000,"has_audio":false,"strip":{"file":"strip.jpg"}}}';;
prove) echo '{"result":{"frames":75}}';;
shrink) echo small > "$output/small.mp4"; echo '{"result":{"small":"small.mp4"}}';;
esac
`);
  chmodSync(path, 0o755);
  return path;
}

const files = (folder) => (existsSync(folder) ? readdirSync(folder, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile()).map((entry) => entry.name) : []);

async function studio(t) {
  const data = temporaryFolder(t);
  const room = temporaryFolder(t);
  writeFileSync(join(room, 'hold'), '');
  mkdirSync(data, { recursive: true });
  const server = await new Server(data, { worker: worker(room) }).start();
  t.after(() => server.child.kill('SIGKILL'));
  const clip = join(room, 'clip.mp4');
  const token = server.token('editor');
  const items = async () => (await server.ask('GET', '/api/tutorials/all', null, token)).body.tutorials;
  const offered = async () => (await server.ask('GET', '/api/tutorials/')).body.tutorials;
  const hold = (step) => {
    rmSync(join(room, 'held'), { force: true });
    writeFileSync(join(room, 'hold'), step);
  };
  const held = () => until('the worker is in its step', () => existsSync(join(room, 'held')) && Number(readFileSync(join(room, 'held'), 'utf8')));
  const send = async (words) => {
    writeFileSync(clip, words);
    assert.equal((await server.upload('tutorials:video', clip, token)).status, 201);
  };
  const clean = () => until('nothing is left over', async () => {
    const mentioned = (await items()).flatMap(({ media, poster, strip, small }) => [media, poster, strip?.media, small]).filter(Boolean);
    return files(join(data, 'work')).length === 0
      && files(join(data, 'media')).sort().join() === [...new Set(mentioned)].sort().join();
  });
  return { server, token, items, offered, hold, held, send, clean };
}

test('the server is killed in each step', async (t) => {
  const { server, offered, hold, held, send, clean } = await studio(t);
  for (const [number, step] of STEPS.entries()) {
    hold(step);
    await send(`clip ${step}`);
    const process_id = await held();
    assert.equal((await offered()).length, number + (step === 'shrink' ? 1 : 0), step);
    await server.kill();
    hold('');
    await server.start();
    process.kill(process_id, 'SIGKILL'); // it has no parent any more; a real one sees that by itself
    const clips = await until(`the clip of ${step} is whole`, async () => {
      const list = await offered();
      return list.length === number + 1 && list.every(({ small }) => small) && list;
    });
    assert.equal(new Set(clips.map(({ media }) => media)).size, number + 1);
    await clean();
  }
  assert.equal(await server.stop(), 0, server.output);
  assert.doesNotMatch(server.output, /Sanitizer|runtime error/);
});

test('the worker is killed in each step', async (t) => {
  const { server, token, items, offered, hold, held, send, clean } = await studio(t);
  for (const [number, step] of STEPS.entries()) {
    hold(step);
    await send(`clip ${step}`);
    process.kill(await held(), 'SIGKILL');
    hold('');
    if (step !== 'shrink') {
      const [failed] = await until('it is told', async () => {
        const [item] = await items();
        return item.state === 'failed' && [item];
      });
      assert.equal(failed.reason.code, 'tutorials.worker');
      assert.equal((await offered()).length, number);
      assert.equal((await server.ask('POST', `/api/tutorials/${failed.id}/retry`, {}, token)).status, 200);
    }
    await until('it is offered', async () => (await offered()).length === number + 1);
    await clean();
  }
  assert.equal(await server.stop(), 0, server.output);
  assert.doesNotMatch(server.output, /Sanitizer|runtime error/);
});

test('the disk is full in the middle', (t) => {
  const room = temporaryFolder(t);
  const disk = mkdtempSync(join(tmpdir(), 'serambi-disk-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'serambi-storm', disk], { stdio: 'ignore' });
  } catch {
    rmSync(disk, { recursive: true });
    t.skip('no file system may be mounted here');
    return;
  }
  t.after(() => {
    execFileSync('umount', ['-l', disk]);
    rmSync(disk, { recursive: true });
  });
  const clip = join(room, 'noise.mkv');
  execFileSync('ffmpeg', ['-loglevel', 'error', '-f', 'lavfi', '-i', 'testsrc2=size=480x270:duration=2', '-vf', 'noise=alls=100:allf=t',
    '-c:v', 'libx264', '-preset', 'ultrafast', clip]);
  const output = join(disk, 'out');
  mkdirSync(output);
  const { stdout, status } = spawnSync(join(build, 'media/worker/serambi-media'),
    ['prepare', '--input', clip, '--output', output], { encoding: 'utf8' });
  assert.equal(status, 1);
  assert.equal(JSON.parse(stdout.trim().split('\n').pop()).error?.code, 'full', stdout);
  assert.ok(!existsSync(join(output, 'master.mp4')));
});
