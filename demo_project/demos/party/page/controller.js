// The phone's side of the party quiz: what arrives is shown, what is tapped is sent. See ../party_server.gd.
"use strict";

const element = (id) => document.getElementById(id);
const ANSWER_COLORS = ["#3566cf", "#b8651b", "#24845a", "#b23a72"];
const ORDINALS = ["", "1st", "2nd", "3rd"];
const TAKEN_OVER = 4001;
const FIRST_DELAY = 250;
const LONGEST_DELAY = 4000;
// A page that was hidden for longer does not trust its connection.
const SLEEP = 5000;

let socket = null;
let delay = FIRST_DELAY;
let timer = 0;
let hiddenSince = 0;
// The last messages of these types.
let seat = null;
let state = null;
let isElsewhere = false;
// Whether the seat of a stored token is asked for, and whether it was refused to this page.
let isReturning = false;
let isRefused = false;
// Sent as soon as there is a connection.
let pending = null;

// The token of the seat ----------------------------------------------------------------------------------------------
// `sessionStorage` belongs to this tab and outlives a reload: this tab takes its seat in any case. `localStorage`
// outlives the tab, so a phone that has thrown the page away finds its seat too, unless another tab plays there: a second
// tab is a second player.

function myToken() {
	return sessionStorage.getItem("token");
}

function anyToken() {
	return isRefused ? null : myToken() ?? localStorage.getItem("token");
}

function remember(token) {
	for (const storage of [sessionStorage, localStorage]) {
		if (token) storage.setItem("token", token);
		else storage.removeItem("token");
	}
}

// The connection -----------------------------------------------------------------------------------------------------

function connect() {
	clearTimeout(timer);
	if (socket) {
		socket.onclose = socket.onmessage = null;
		socket.close();
	}
	isElsewhere = false;
	isReturning = !pending && Boolean(anyToken());
	// To where this page came from: http becomes ws, https becomes wss.
	socket = new WebSocket(location.origin.replace(/^http/, "ws"));
	socket.onopen = () => {
		delay = FIRST_DELAY;
		if (pending) send(pending);
		else if (isReturning) send({ type: "return", token: anyToken(), take_over: Boolean(myToken()) });
		pending = null;
		render();
	};
	socket.onmessage = (event) => take(JSON.parse(event.data));
	socket.onclose = (event) => {
		isElsewhere = event.code === TAKEN_OVER;
		if (!isElsewhere) {
			timer = setTimeout(connect, delay);
			delay = Math.min(delay * 2, LONGEST_DELAY);
		}
		render();
	};
	render();
}

function isOpen() {
	return socket.readyState === WebSocket.OPEN;
}

function send(message) {
	if (isOpen()) socket.send(JSON.stringify(message));
}

// A phone that wakes up may still believe in a connection that is long gone. A new one costs less than to find out.
function wake() {
	const slept = Date.now() - hiddenSince > SLEEP;
	if (!isElsewhere && (slept || !isOpen())) connect();
}

document.addEventListener("visibilitychange", () => {
	if (document.hidden) hiddenSince = Date.now();
	else wake();
});
window.addEventListener("pageshow", (event) => event.persisted && connect());
window.addEventListener("online", () => isElsewhere || connect());

function take(message) {
	switch (message.type) {
		case "seat":
			seat = message;
			isReturning = isRefused = false;
			remember(seat.token);
			localStorage.setItem("name", seat.name);
			break;
		case "state":
			state = message;
			break;
		case "refused":
			refused(message);
			break;
	}
	render();
}

function refused({ of, reason }) {
	// A page that is new here has lost nothing: its token is one of an earlier evening, or of another tab.
	const isNews = of === "join" || myToken();
	if (of === "return") {
		isReturning = false;
		isRefused = true;
		sessionStorage.removeItem("token");
		seat = state = null;
	}
	element("reason").textContent = isNews ? reason : "";
}

// What is tapped -----------------------------------------------------------------------------------------------------

element("join").addEventListener("submit", (event) => {
	event.preventDefault();
	element("reason").textContent = "";
	const message = { type: "join", code: element("code").value, name: element("who").value };
	if (isOpen()) send(message);
	else pending = message;
});

element("start").addEventListener("click", () => send({ type: "start" }));
element("here").addEventListener("click", connect);
element("leave").addEventListener("click", () => {
	send({ type: "leave" });
	remember(null);
	seat = state = null;
	render();
});

function choose(index) {
	send({ type: "answer", round: state.round, index });
	navigator.vibrate?.(30);
}

// What is shown ------------------------------------------------------------------------------------------------------

// All of it follows from the variables at the top, so that it does not matter what was shown before.
function render() {
	const view = isElsewhere ? "elsewhere" : !seat || !state ? "join" : isAsked() ? "question" : "message";
	for (const id of ["join", "message", "question", "elsewhere"]) element(id).hidden = id !== view;
	// A player who comes back has no form to fill in.
	if (isReturning) element("join").hidden = true;
	element("lost").hidden = isElsewhere || (isOpen() && !isReturning);
	element("leave").hidden = !seat || isElsewhere;
	element("name").textContent = seat ? seat.name : "Party quiz";
	element("score").textContent = seat && state ? state.score : "";
	document.documentElement.style.setProperty("--player", seat ? seat.color : "");
	if (view === "message") renderMessage();
	if (view === "question") renderQuestion();
	else delete element("answers").dataset.round;
}

function isAsked() {
	return state.phase === "question" && state.answer < 0;
}

function renderMessage() {
	const [headline, detail] = words();
	const mood = state.phase === "reveal" ? (state.gain > 0 ? "right" : "wrong") : "";
	const chosen = state.phase === "question" ? ANSWER_COLORS[state.answer] : "";
	element("message").className = mood;
	element("headline").style.setProperty("--answer", chosen);
	element("headline").classList.toggle("chosen", Boolean(chosen));
	element("headline").textContent = headline;
	element("detail").textContent = detail;
	element("start").hidden = !state.can_start;
	element("start").textContent = state.phase === "over" ? "Play again" : "Everybody is in: start";
}

function words() {
	const others = state.players === 1 ? "Nobody else is here yet." : `${state.players} players are in.`;
	const starts = state.leader === seat.name ? "You start the game." : `${state.leader} starts the game.`;
	const place = `${ORDINALS[state.rank] ?? `${state.rank}th`} of ${state.players}`;
	switch (state.phase) {
		case "lobby":
			return ["You are in!", `${others} ${starts}`];
		case "question":
			return [state.answers[state.answer], "Your answer is in. Look at the big screen."];
		case "reveal": {
			const right = `It is: ${state.answers[state.right]}`;
			if (state.gain > 0) return [`Right! +${state.gain}`, `You are ${place}.`];
			return [state.answer < 0 ? "Too late" : "Wrong", `${right}. You are ${place}.`];
		}
		default:
			return [state.rank === 1 ? "You have won!" : place, `${state.score} points`];
	}
}

function renderQuestion() {
	// Not again for every message: a button must not vanish below a finger.
	if (element("answers").dataset.round === String(state.round)) return;
	element("answers").dataset.round = state.round;
	element("text").textContent = state.question;
	const buttons = state.answers.map((text, index) => {
		const button = document.createElement("button");
		const letter = document.createElement("b");
		letter.textContent = "ABCD"[index];
		// As text, never as HTML.
		button.append(letter, text);
		button.style.setProperty("--answer", ANSWER_COLORS[index]);
		button.addEventListener("click", () => choose(index));
		return button;
	});
	element("answers").replaceChildren(...buttons);
	const bar = element("time").firstElementChild;
	bar.getAnimations().forEach((animation) => animation.cancel());
	const from = `scaleX(${state.seconds / state.of})`;
	bar.animate({ transform: [from, "scaleX(0)"] }, { duration: state.seconds * 1000, fill: "forwards" });
}

element("code").value = new URLSearchParams(location.search).get("code") ?? "";
element("who").value = localStorage.getItem("name") ?? "";
connect();
if (!anyToken()) element(element("code").value ? "who" : "code").focus();
