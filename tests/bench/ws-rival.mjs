// SPDX-License-Identifier: Apache-2.0
// A rival for the benchmark of the live channels: npm's ws as its README has it, without compression.
// node ws-rival.mjs PORT: the body of every POST goes to all clients.
import { createServer } from 'node:http';
import { WebSocket, WebSocketServer } from 'ws';

const server = createServer((request, response) => {
  const pieces = [];
  request.on('data', (piece) => pieces.push(piece));
  request.on('end', () => {
    const body = Buffer.concat(pieces);
    for (const client of sockets.clients) {
      if (client.readyState === WebSocket.OPEN) client.send(body, { binary: false });
    }
    response.end();
  });
});
const sockets = new WebSocketServer({ server, perMessageDeflate: false, backlog: 4096 });
sockets.on('connection', (socket) => {
  socket.on('error', () => {});
  socket.once('message', () => socket.send('{"id":1}'));
});
server.listen({ port: Number(process.argv[2]), host: '127.0.0.1', backlog: 4096 });
