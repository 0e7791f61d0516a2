// Messages of every kind to a server that echoes them once it has said "start", and how it closes: see
// test_websocket_browser.gd.
export default (url) =>
	new Promise((resolve, reject) => {
		const socket = new WebSocket(`${url}/room?name=é`, ["other", "chat"]);
		socket.binaryType = "arraybuffer";
		const sent = [
			"",
			"Grüße 👋",
			new ArrayBuffer(0),
			new Uint8Array([0, 127, 128, 255]).buffer,
			"x".repeat(65_536),
			Uint8Array.from({ length: 1_000_000 }, (_, index) => (index * 7) % 251).buffer,
		];
		const received = [];
		let opened;
		socket.onopen = () => (opened = { protocol: socket.protocol, extensions: socket.extensions });
		socket.onmessage = (event) => {
			if (event.data !== "start") return received.push(event.data);
			sent.forEach((message) => socket.send(message));
			socket.send("bye");
		};
		socket.onerror = () => reject(new Error("the WebSocket fails"));
		socket.onclose = (event) =>
			resolve({
				...opened,
				same: received.map((message, index) => isSame(message, sent[index])),
				code: event.code,
				reason: event.reason,
				clean: event.wasClean,
			});
	});

function isSame(a, b) {
	if (typeof a === "string" || typeof b === "string") return a === b;
	const [left, right] = [new Uint8Array(a), new Uint8Array(b)];
	return left.length === right.length && left.every((byte, index) => byte === right[index]);
}
