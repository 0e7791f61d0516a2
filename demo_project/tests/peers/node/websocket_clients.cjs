// Drives a WebSocketServer with the `ws` package: websocket_clients.cjs PORT
// The server greets with "welcome ID", echoes messages, and obeys texts that start with a slash (see
// test_websocket_other_clients.gd). Prints a line for each feature that works; exits with 1 at the first that does not.
"use strict";

const assert = require("node:assert");
const { once } = require("node:events");
const http = require("node:http");
const WebSocket = require("ws");

const url = `ws://127.0.0.1:${process.argv[2]}`;

class Client {
	constructor(path = "/", protocols = [], options = {}) {
		this.socket = new WebSocket(url + path, protocols, options);
		this.queue = [];
		this.waiting = [];
		this.socket.on("message", (data, isBinary) => this.take(isBinary ? data : data.toString()));
	}

	take(message) {
		if (this.waiting.length) this.waiting.shift()(message);
		else this.queue.push(message);
	}

	receive() {
		if (this.queue.length) return Promise.resolve(this.queue.shift());
		return new Promise((resolve) => this.waiting.push(resolve));
	}

	async opened() {
		await once(this.socket, "open");
		assert.match(await this.receive(), /^welcome \d+$/);
		return this;
	}

	async closed() {
		const [code, reason] = await once(this.socket, "close");
		return [code, reason.toString()];
	}
}

const tests = {
	async "echo of text and binary"() {
		const client = await new Client().opened();
		for (const text of ["", "hello", "wörld 🌍 שלום", "x".repeat(70000)]) {
			client.socket.send(text);
			assert.strictEqual(await client.receive(), text);
		}
		for (const size of [0, 1, 125, 126, 65535, 65536, 3000000]) {
			const data = Buffer.alloc(size, size % 251);
			client.socket.send(data);
			assert.ok(data.equals(await client.receive()));
		}
		client.socket.close();
		assert.deepStrictEqual(await client.closed(), [1005, ""]);
	},

	async "fragments"() {
		const client = await new Client().opened();
		client.socket.send("one ", { fin: false });
		client.socket.ping("between");
		client.socket.send("two ", { fin: false });
		client.socket.send("three", { fin: true });
		const [pong] = await once(client.socket, "pong");
		assert.strictEqual(pong.toString(), "between");
		assert.strictEqual(await client.receive(), "one two three");
		client.socket.close(1000);
		await client.closed();
	},

	async "compression is declined"() {
		const client = await new Client("/", [], { perMessageDeflate: true }).opened();
		assert.strictEqual(client.socket.extensions, "");
		client.socket.close(1000);
		await client.closed();
	},

	async "subprotocol by the server's order"() {
		const client = await new Client("/", ["other", "second", "first"]).opened();
		assert.strictEqual(client.socket.protocol, "first");
		client.socket.close(1000);
		await client.closed();
	},

	async "the client closes"() {
		const client = await new Client().opened();
		client.socket.close(4321, "bye 👋");
		assert.deepStrictEqual(await client.closed(), [4321, "bye 👋"]);
	},

	async "the server closes"() {
		const client = await new Client().opened();
		client.socket.send("/close 4000 enough");
		assert.deepStrictEqual(await client.closed(), [4000, "enough"]);
	},

	async "a client that vanishes"() {
		const client = await new Client().opened();
		client.socket.terminate();
		assert.deepStrictEqual(await client.closed(), [1006, ""]);
	},

	async "a message that is too long"() {
		const client = await new Client().opened();
		client.socket.send(Buffer.alloc(5000000));
		assert.strictEqual((await client.closed())[0], 1009);
	},

	async "a ping of the server"() {
		const client = await new Client().opened();
		client.socket.send("/ping payload");
		const [ping] = await once(client.socket, "ping");
		assert.strictEqual(ping.toString(), "payload");
		client.socket.close(1000);
		await client.closed();
	},

	async "broadcast to all but one"() {
		const clients = [];
		for (let i = 0; i < 3; i++) clients.push(await new Client().opened());
		clients[0].socket.send("/shout hear me");
		assert.strictEqual(await clients[1].receive(), "hear me");
		assert.strictEqual(await clients[2].receive(), "hear me");
		clients[0].socket.send("after");
		assert.strictEqual(await clients[0].receive(), "after");
		for (const client of clients) {
			client.socket.close(1000);
			await client.closed();
		}
	},

	async "order of many"() {
		const client = await new Client().opened();
		for (let i = 0; i < 5000; i++) client.socket.send(String(i));
		for (let i = 0; i < 5000; i++) assert.strictEqual(await client.receive(), String(i));
		client.socket.close(1000);
		await client.closed();
	},

	async "a path that does not exist"() {
		const client = new Client("/nowhere");
		const [error] = await once(client.socket, "error");
		assert.match(error.message, /404/);
	},

	async "a plain GET"() {
		const [response] = await once(http.get(url.replace("ws", "http")), "response");
		response.resume();
		assert.strictEqual(response.statusCode, 426);
		assert.strictEqual(response.headers["sec-websocket-version"], "13");
		await once(response, "end");
	},
};

async function main() {
	for (const [name, test] of Object.entries(tests)) {
		await test();
		console.log(`works: ${name}`);
	}
	console.log(`all ${Object.keys(tests).length} work`);
}

main().catch((error) => {
	console.log(error.stack);
	process.exit(1);
});
