// Sends every message back, as a user of `ws` would write it.
import { WebSocketServer } from 'ws';

const LIFETIME_MS = 120_000;

const server = new WebSocketServer({ host: '127.0.0.1', port: 0, backlog: 1024 });
server.on('connection', (client) => {
  client.on('message', (data, isBinary) => client.send(data, { binary: isBinary }));
  // A client that goes is no fault.
  client.on('error', () => {});
});
server.on('listening', () => {
  console.log(JSON.stringify({ event: 'listening', port: server.address().port }));
});
// Whoever started this ends it; this is for the case that he is gone.
setTimeout(() => process.exit(0), LIFETIME_MS).unref();
