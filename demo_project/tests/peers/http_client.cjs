// Uses a WebSocketServer by Node's fetch and http.Agent: http_client.cjs PORT
//
// See http_client.py, its sister.

const assert = require('node:assert');
const http = require('node:http');

const port = process.argv[2];
const base = `http://127.0.0.1:${port}`;

const features = {
  async pages() {
    const response = await fetch(`${base}/`);
    assert.equal(response.status, 200);
    assert.equal(response.headers.get('content-type'), 'text/html; charset=utf-8');
    assert.equal(await response.text(), '<p>home</p>');
  },
  async compressed_neighbours() {
    const response = await fetch(`${base}/zip.txt`);
    assert.equal(response.headers.get('content-encoding'), 'gzip');
    assert.equal(await response.text(), 'unzipped');
  },
  async redirects() {
    const response = await fetch(`${base}/below`);
    assert.equal(response.url, `${base}/below/`);
    assert.equal(await response.text(), 'below');
  },
  async many_at_once() {
    const all = await Promise.all(Array.from({ length: 200 }, () => fetch(`${base}/large.bin`).then((r) => r.arrayBuffer())));
    assert.ok(all.every((body) => body.byteLength === 3_000_000));
  },
  async json_there_and_back() {
    const body = JSON.stringify({ text: 'ü'.repeat(1000) });
    const response = await fetch(`${base}/echo?x=1`, { method: 'POST', body });
    assert.deepEqual(await response.json(), { method: 'POST', query: { x: '1' }, size: Buffer.byteLength(body) });
  },
  async a_streamed_body() {
    const body = new ReadableStream({
      start(controller) {
        for (let n = 0; n < 10; n += 1) controller.enqueue(new Uint8Array(1000));
        controller.close();
      },
    });
    const response = await fetch(`${base}/echo`, { method: 'PUT', body, duplex: 'half' });
    assert.equal((await response.json()).size, 10_000);
  },
  async cancelled_requests() {
    const controller = new AbortController();
    const request = fetch(`${base}/never`, { signal: controller.signal });
    await fetch(`${base}/`);
    controller.abort();
    await assert.rejects(request, { name: 'AbortError' });
  },
  async kept_connections() {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    const sockets = new Set();
    for (let n = 0; n < 50; n += 1) {
      await new Promise((resolve, reject) => {
        const request = http.get({ port, agent, host: '127.0.0.1', path: '/' }, (response) => {
          response.resume().on('end', resolve);
        });
        request.on('socket', (socket) => sockets.add(socket)).on('error', reject);
      });
    }
    agent.destroy();
    assert.equal(sockets.size, 1);
  },
};

(async () => {
  for (const [name, feature] of Object.entries(features)) {
    await feature();
    console.log(`${name} works`);
  }
})();
