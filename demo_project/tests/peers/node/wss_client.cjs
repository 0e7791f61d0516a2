// A TLS client based on the package `ws`: `wss_client.cjs AUTHORITY PORT STRANGERS_PORT`.
//
// Trusting the certificate in the file AUTHORITY, it connects to PORT, has texts and bytes echoed, and receives a goodbye.
// It must refuse the server at the other port, whose certificate it does not trust, and accept it with checks disabled.

const assert = require('node:assert');
const { once } = require('node:events');
const fs = require('node:fs');
const WebSocket = require('ws');

const [authority, port, strangersPort] = process.argv.slice(2);
const ca = fs.readFileSync(authority);
setTimeout(() => assert.fail('time is over'), 50000).unref();

async function echoes(socket) {
	await once(socket, 'open');
	const large = Buffer.alloc(3000000, 'abcdefg');
	for (const message of ['hello', 'größer 🌍', '', Buffer.from([0, 1, 2, 255]), large]) {
		socket.send(message);
		const [data, isBinary] = await once(socket, 'message');
		assert.strictEqual(isBinary, typeof message !== 'string');
		assert.deepStrictEqual(isBinary ? data : data.toString(), message);
	}
}

async function main() {
	const socket = new WebSocket(`wss://localhost:${port}/node`, { ca });
	await echoes(socket);
	socket.send('/bye');
	const [code, reason] = await once(socket, 'close');
	assert.deepStrictEqual([code, reason.toString()], [4321, 'bye 👋']);

	const [error] = await once(new WebSocket(`wss://localhost:${strangersPort}`, { ca }), 'error');
	assert.ok(error.code.startsWith('UNABLE_TO_'), error.code);
	const careless = new WebSocket(`wss://localhost:${strangersPort}`, { rejectUnauthorized: false });
	await echoes(careless);
	careless.close(1000, 'bye');
	const [code2, reason2] = await once(careless, 'close');
	assert.deepStrictEqual([code2, reason2.toString()], [1000, 'bye']);
	console.log('wss works');
}

main().catch((error) => {
	console.log(error);
	process.exit(1);
});
