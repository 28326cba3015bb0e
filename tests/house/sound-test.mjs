// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Serambi authors
//
// The loudspeaker, heard at the monitor of a sound server of its own: the screen is up before it,
// it is killed while a clip plays, it comes back; the picture goes on and the sound returns.
import test from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Server, Display, colourAt, temporaryFolder, until } from '../lib/serambi.mjs';

const RATE = 48000;

class SoundServer {
  constructor(folder) {
    mkdirSync(folder, { mode: 0o700 });
    this.socket = join(folder, 'sound.socket');
    this.home = { ...process.env, HOME: folder, XDG_RUNTIME_DIR: folder };
    delete this.home.PULSE_SERVER;
    delete this.home.DISPLAY;
    this.env = { ...this.home, PULSE_SERVER: `unix:${this.socket}` };
  }

  async start() {
    this.child = spawn('pulseaudio', ['-n', '--daemonize=no', '--exit-idle-time=-1', '--disable-shm=1',
      '-L', `module-native-protocol-unix socket=${this.socket} auth-anonymous=1`,
      '-L', 'module-null-sink sink_name=hall'], { env: this.home, stdio: 'ignore' });
    await until('the sound server runs', () => spawnSync('pactl', ['info'], { env: this.env }).status === 0);
  }

  async kill() {
    this.child.kill('SIGKILL');
    await once(this.child, 'exit');
  }

  /** The loudest sample of the next half second, 0 to 1. */
  async loudness() {
    const recorder = spawn('parec', ['-d', 'hall.monitor', '--format=float32le', `--rate=${RATE}`, '--channels=1', '--latency-msec=20'],
      { env: this.env, stdio: ['ignore', 'pipe', 'ignore'] });
    let bytes = Buffer.alloc(0);
    for await (const chunk of recorder.stdout) {
      bytes = Buffer.concat([bytes, chunk]);
      if (bytes.length >= RATE / 2 * 4) break;
    }
    recorder.kill();
    let loudest = 0;
    for (let i = 0; i + 4 <= bytes.length; i += 4) loudest = Math.max(loudest, Math.abs(bytes.readFloatLE(i)));
    return loudest;
  }
}

const isHere = ['pulseaudio', 'pactl', 'parec'].every((program) => spawnSync('which', [program]).status === 0);

test('the sound comes back', { skip: !isHere && 'no pulseaudio' }, async (t) => {
  const folder = temporaryFolder(t);
  const sound = new SoundServer(join(folder, 'sound'));
  const server = await new Server(join(folder, 'server')).start();
  const display = new Display(server, join(folder, 'display'), { env: { ...sound.env, SDL_AUDIODRIVER: '' } });
  t.after(async () => {
    await Promise.all([display.stop(), server.stop()]);
    sound.child?.kill('SIGKILL');
  });
  const editor = server.token('editor');
  const clip = join(folder, 'tone.mp4');
  execFileSync('ffmpeg', ['-v', 'error', '-y', '-f', 'lavfi', '-i', 'color=c=0x2060c0:s=320x180:r=25:d=6', '-f', 'lavfi',
    '-i', 'sine=frequency=440:duration=6', '-c:v', 'libx264', '-pix_fmt', 'yuv420p', '-c:a', 'aac', clip]);
  assert.equal((await server.upload('tutorials:video', clip, editor)).status, 201);
  await until('the clip is ready', async () => (await server.ask('GET', '/api/tutorials/')).body.tutorials[0], 90);
  display.start();
  await until('the clip is on the screen', async () => {
    const [red, , blue] = colourAt(await display.look(), 0.33, 0.3);
    return blue > red + 60;
  }, 60);
  const isHeard = async () => await sound.loudness() > 0.01;

  await sound.start();
  await until('the screen that was there before it is heard', isHeard, 60);
  await sound.kill();
  await sound.start();
  await until('the screen is heard again', isHeard, 60);
  assert.equal(display.child.exitCode, null, display.output);
  assert.equal(await display.stop(), 0, display.output);
  assert.doesNotMatch(display.output, /runtime error|AddressSanitizer/);
});
