// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Serambi authors
//
// A cable between a browser and the server that a test can cut: every connection through it ends at
// once and none begins, until it is mended. (Playwright's offline mode does not reach shared workers.)

import { once } from 'node:events';
import { connect, createServer } from 'node:net';

/** {url, cut(), mend(), stop()}: url is the server's as seen through the cable. */
export async function openCable(serverUrl) {
  const { hostname, port } = new URL(serverUrl);
  const ends = new Set();
  let isWhole = true;
  const add = (end, other) => {
    ends.add(end);
    end.on('error', () => other.destroy());
    end.on('close', () => {
      ends.delete(end);
      other.destroy();
    });
    end.pipe(other);
  };
  const cut = () => {
    isWhole = false;
    for (const end of ends) end.destroy();
  };
  const entrance = createServer((near) => {
    if (!isWhole) {
      near.destroy();
      return;
    }
    const far = connect(Number(port), hostname);
    add(near, far);
    add(far, near);
  });
  entrance.listen(0, '127.0.0.1');
  await once(entrance, 'listening');
  return {
    url: `http://127.0.0.1:${entrance.address().port}`,
    cut,
    mend: () => { isWhole = true; },
    stop: () => {
      cut();
      entrance.close();
    },
  };
}
