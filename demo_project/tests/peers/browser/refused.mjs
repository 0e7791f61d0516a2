// A WebSocket that the server refuses: returns how it ended.
export default (url) =>
	new Promise((resolve) => {
		const socket = new WebSocket(url);
		const events = [];
		socket.onopen = () => events.push("open");
		socket.onerror = () => events.push("error");
		socket.onclose = (event) => resolve({ events, code: event.code, clean: event.wasClean });
	});
