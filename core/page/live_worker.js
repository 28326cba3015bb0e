// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Serambi authors
//
// The line that the tabs of a browser share: one connection, however many tabs. Each tab has a port.
// A tab says when it leaves; one that cannot (it crashed, or the browser put it to sleep) falls
// silent, and is forgotten after a while, so that nothing piles up for it. Should it wake, it finds
// "gone" behind what it was still told, and joins again from there.

import { Line } from './line.js';

// Tabs say "alive" every 20 seconds, in the background at least once a minute. Counted in ticks: the
// clock goes on while the machine, and with it the tabs, sleeps.
const TICK_MILLISECONDS = 30000;
const TICKS_MOST = 5;

const line = new Line(`${location.protocol === 'https:' ? 'wss:' : 'ws:'}//${location.host}/connection/websocket`);
const tabs = new Set();

globalThis.onconnect = ({ ports: [port] }) => {
  const tab = { port, ticks: 0, say: line.join((message) => port.postMessage(message)) };
  tabs.add(tab);
  port.onmessage = ({ data }) => {
    tab.ticks = 0;
    if (data.bye) tabs.delete(tab);
    tab.say(data);
  };
};

setInterval(() => {
  for (const tab of tabs) {
    tab.ticks += 1;
    if (tab.ticks <= TICKS_MOST) continue;
    tabs.delete(tab);
    tab.say({ bye: true });
    tab.port.postMessage({ gone: true });
  }
}, TICK_MILLISECONDS);
