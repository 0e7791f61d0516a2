// Echoes every message, written as a typical user of `ws` would.
import { WebSocketServer } from 'ws';

const LIFETIME_MS = 120_000;

const server = new WebSocketServer({ host: '127.0.0.1', port: 0, backlog: 1024 });
server.on('connection', (client) => {
  client.on('message', (data, isBinary) => client.send(data, { binary: isBinary }));
  // A client that disconnects is not an error.
  client.on('error', () => {});
});
server.on('listening', () => {
  console.log(JSON.stringify({ event: 'listening', port: server.address().port }));
});
// The benchmark ends this process; this is a fallback in case the benchmark itself is gone.
setTimeout(() => process.exit(0), LIFETIME_MS).unref();
