// A WebSocket server with the `ws` package: websocket_server.cjs REPORT_PORT [CERTIFICATE KEY]
// Over a connection to REPORT_PORT it reports its port, then a line for each client that leaves. It echoes messages, and
// obeys texts that start with a slash (see test_websocket_client_peers.gd).
"use strict";

const fs = require("node:fs");
const http = require("node:http");
const https = require("node:https");
const net = require("node:net");
const WebSocket = require("ws");

const [reportPort, certificate, key] = process.argv.slice(2);
setTimeout(() => process.exit(1), 60000).unref();

const report = net.connect(Number(reportPort), "127.0.0.1");
const server = certificate
	? https.createServer({ cert: fs.readFileSync(certificate), key: fs.readFileSync(key) })
	: http.createServer();
const sockets = new WebSocket.Server({
	server,
	perMessageDeflate: true,
	handleProtocols: (offered) => ["first", "second"].find((name) => offered.has(name)) ?? false,
	verifyClient: ({ req }, answer) => answer(req.url !== "/forbidden", 401, "no"),
});

const commands = {
	"/close": (socket, argument) => {
		const [code, ...reason] = argument.split(" ");
		socket.close(Number(code), reason.join(" "));
	},
	"/ping": (socket, argument) => {
		socket.once("pong", (payload) => socket.send(payload.toString() === argument ? "pong" : "wrong"));
		socket.ping(argument);
	},
	"/fragments": (socket) => {
		for (const part of ["one ", "two ", ""]) socket.send(part, { fin: false });
		socket.send("three 🌍", { fin: true });
		socket.send(Buffer.from([0xff]), { fin: false });
		socket.send(Buffer.alloc(100000), { fin: false });
		socket.send(Buffer.from([0xff]), { fin: true });
	},
	"/header": (socket, argument, request) => socket.send(request.headers[argument.toLowerCase()]),
	"/path": (socket, _argument, request) => socket.send(request.url),
	"/count": (socket, argument) => {
		for (let number = 0; number < Number(argument); number++) socket.send(String(number));
	},
};

sockets.on("connection", (socket, request) => {
	socket.on("message", (data, isBinary) => {
		const text = isBinary ? "" : data.toString();
		if (!text.startsWith("/")) return socket.send(data, { binary: isBinary });
		const [command, ...rest] = text.split(" ");
		commands[command](socket, rest.join(" "), request);
	});
	socket.on("error", () => {});
	socket.on("close", (code, reason) => report.write(`${code} ${reason}\n`));
});
server.listen(0, "127.0.0.1", () => report.write(`${server.address().port}\n`));
