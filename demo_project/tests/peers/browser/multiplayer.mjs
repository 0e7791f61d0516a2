// Joins a server of Godot's high-level multiplayer by hand, and talks with it and with another client: see
// test_multiplayer_browser.gd.
//
// The wire is that of the engine's SceneMultiplayer (modules/multiplayer): the server's first message is the peer id,
// every later one a packet, whose first byte has the command in its lower three bits.

const [RPC, SIMPLIFY_PATH, CONFIRM_PATH, SYSTEM] = [0, 1, 2, 7];
const [ADD_PEER, REMOVE_PEER, RELAY] = [1, 2, 3];
const SERVER = 1;
// The methods of the node that have an `@rpc`, sorted: an RPC has the index.
const METHODS = ["command", "say", "say_everywhere", "say_on_channel", "say_ordered", "say_unreliable"];
const NODE = "Actor";
// An RPC's node is a byte, or, with this flag, 32 bits, of which the highest says that the path follows at an offset.
const LONG_NODE = 0x20;
const STRING = 4;

export default async function run(url) {
	const peer = new Peer(url);
	await peer.until("the id", () => peer.id > 0);
	await peer.until("the server's call", () => peer.calls.length === 1);
	peer.say(SERVER, "by path");
	await peer.until("that the server knows the node", () => peer.known.has(SERVER));
	peer.say(SERVER, "by number");
	await peer.until("another client", () => peer.others.size > 0);
	const [other] = peer.others;
	peer.say(other, "from the browser");
	await peer.until("its answer", () => peer.calls.length === 2);
	peer.say(SERVER, "answered");
	await peer.until("a long text", () => peer.calls.length === 3);
	peer.say(SERVER, peer.calls[2][2]);
	const closed = await peer.closed;
	return { id: peer.id, other, calls: peer.calls, closed };
}

class Peer {
	id = 0;
	others = new Set();
	// What was called here: [sender, method, text].
	calls = [];
	// Who has confirmed the path that this peer has sent.
	known = new Set();
	#checksum;
	#wake = () => {};

	constructor(url) {
		this.socket = new WebSocket(url);
		this.socket.binaryType = "arraybuffer";
		this.socket.onmessage = ({ data }) => {
			const packet = new DataView(data);
			if (this.id > 0) this.#take(packet, SERVER);
			else this.id = packet.getInt32(0, true);
			this.#wake();
		};
		this.closed = new Promise((resolve) => {
			this.socket.onclose = ({ code, reason, wasClean }) => resolve({ code, reason, clean: wasClean });
		});
		this.closed.then(() => this.#wake());
	}

	async until(what, condition) {
		while (!condition()) {
			if (this.socket.readyState > WebSocket.OPEN) throw new Error(`the connection ends before ${what}`);
			await new Promise((resolve) => (this.#wake = resolve));
		}
	}

	/** Calls `say(text)` at another peer. */
	say(to, text) {
		const value = utf8(text);
		const argument = [...u32(STRING), ...u32(value.length), ...value, ...new Uint8Array(-value.length & 3)];
		const call = [METHODS.indexOf("say"), 1, ...argument];
		if (this.known.has(to)) {
			this.#send(to, [RPC, 1, ...call]);
			return;
		}
		const path = [...utf8(NODE), 0];
		this.#send(to, [SIMPLIFY_PATH, ...utf8(this.#checksum), 0, ...u32(1), ...path]);
		this.#send(to, [RPC | LONG_NODE, ...u32(0x80000000 + 5 + call.length), ...call, ...path]);
	}

	#send(to, packet) {
		const head = to === SERVER ? [] : [SYSTEM, RELAY, ...u32(to)];
		this.socket.send(Uint8Array.from([...head, ...packet]));
	}

	#take(packet, from) {
		switch (packet.getUint8(0) & 7) {
			case RPC:
				return this.#takeCall(packet, from);
			case SIMPLIFY_PATH: {
				// The checksum of the node's methods, which are the same here.
				this.#checksum = text(packet, 1, 32);
				const path = text(packet, 38, packet.byteLength - 39);
				return this.#send(from, [CONFIRM_PATH, path === NODE ? 1 : 0, ...u32(packet.getUint32(34, true))]);
			}
			case CONFIRM_PATH:
				if (packet.getUint8(1) !== 1) throw new Error("the path is refused");
				return this.known.add(from);
			case SYSTEM:
				return this.#takeSystem(packet);
			default:
				throw new Error(`an unknown packet: ${new Uint8Array(packet.buffer)}`);
		}
	}

	#takeCall(packet, from) {
		const at = packet.getUint8(0) & LONG_NODE ? 5 : 2;
		const [method, count, type] = [packet.getUint8(at), packet.getUint8(at + 1), packet.getUint32(at + 2, true)];
		if (count !== 1 || type !== STRING) throw new Error(`${count} arguments, the first of type ${type}`);
		this.calls.push([from, METHODS[method], text(packet, at + 10, packet.getUint32(at + 6, true))]);
	}

	#takeSystem(packet) {
		const id = packet.getInt32(2, true);
		switch (packet.getUint8(1)) {
			case ADD_PEER:
				return this.others.add(id);
			case REMOVE_PEER:
				return this.others.delete(id);
			case RELAY:
				return this.#take(new DataView(packet.buffer, packet.byteOffset + 6), id);
		}
	}
}

const utf8 = (string) => new TextEncoder().encode(string);
const text = (view, at, length) => new TextDecoder().decode(new Uint8Array(view.buffer, view.byteOffset + at, length));
const u32 = (value) => new Uint8Array(Uint32Array.of(value).buffer);
