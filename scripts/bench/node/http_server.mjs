// Answers with a small page from memory, the quickest that Node's own http server can do.
import { createServer } from 'node:http';

const LIFETIME_MS = 120_000;

const page = Buffer.alloc(1024, 'x');
const server = createServer((_request, response) => {
  response.writeHead(200, { 'Content-Type': 'text/html', 'Content-Length': page.length });
  response.end(page);
});
server.listen({ host: '127.0.0.1', port: 0, backlog: 1024 }, () => {
  console.log(JSON.stringify({ event: 'listening', port: server.address().port }));
});
// The benchmark ends this process; this is a fallback in case the benchmark itself is gone.
setTimeout(() => process.exit(0), LIFETIME_MS).unref();
