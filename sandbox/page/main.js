// Puts the page together and keeps it live.

import * as api from "./api.js";
import { Composer } from "./composer.js";
import { MessageList } from "./messages.js";
import { openModal } from "./modal.js";
import { Places } from "./places.js";
import { State } from "./state.js";
import { startTicking } from "./timestamps.js";
import { keepSaid, speak, t } from "./words.js";

const FIRST_MEMBER = "ana";
const RETRY_MS = 2000;
const TYPING_MS = 8000;

const at = (id) => document.getElementById(id);
const state = new State();

/** A live view of the server as one member; each (re)connection starts from a fresh state. */
class Connection {
  constructor(member) {
    this.member = member;
    this.isClosed = false;
    this.open();
  }

  open() {
    this.waiting = [];
    this.events = api.openEvents(this.member);
    this.events.addEventListener("open", () => this.load());
    this.events.addEventListener("message", (event) => this.take(JSON.parse(event.data)));
    this.events.addEventListener("error", () => this.onError());
  }

  /** Events that come while the state is on its way are applied after it, in order. */
  async load() {
    this.waiting = [];
    try {
      const snapshot = await api.fetchState(this.member);
      if (this.isClosed) return;
      speak(snapshot.me.locale);
      state.load(snapshot);
      const missed = this.waiting;
      this.waiting = null;
      missed.forEach((event) => state.apply(event));
      showConnection(null);
    } catch (error) {
      this.reopen(error.message);
    }
  }

  take(event) {
    if (this.isClosed) return;
    if (this.waiting) this.waiting.push(event);
    else state.apply(event);
  }

  onError() {
    if (this.isClosed) return;
    this.waiting = [];
    showConnection(t("Connection lost. Trying again…"));
    // Browsers come back by themselves from a cut line, but not from a refusal.
    if (this.events.readyState === EventSource.CLOSED) this.reopen(t("Connection lost. Trying again…"));
  }

  reopen(sentence) {
    if (this.isClosed) return;
    showConnection(sentence);
    this.events.close();
    setTimeout(() => this.isClosed || this.open(), RETRY_MS);
  }

  close() {
    this.isClosed = true;
    this.events.close();
  }
}

let connection = null;

function becomeMember(member) {
  connection?.close();
  remember("member", member);
  connection = new Connection(member);
}

function showConnection(sentence) {
  at("connection").hidden = !sentence;
  at("connection").textContent = sentence ?? "";
  document.body.dataset.live = String(!sentence);
}

async function chooseLocale(locale) {
  await api.chooseLocale({ member: state.me.id, locale });
  becomeMember(state.me.id);
}

function changeTheme(theme) {
  document.documentElement.dataset.theme = theme;
  remember("theme", theme);
}

// A tab keeps its person and channel over a reload; two tabs can be two people.
function remember(key, value) {
  try {
    sessionStorage.setItem(key, value);
  } catch {
    // Storage may be switched off; the page works without it.
  }
}

function recall(key) {
  try {
    return sessionStorage.getItem(key);
  } catch {
    return null;
  }
}

let typingTimer = null;
function showTyping({ channel_id: channelId, user }) {
  if (channelId !== state.channelId) return;
  clearTimeout(typingTimer);
  at("typing").textContent = t("{name} is typing…", { name: state.memberOf(user).display_name });
  typingTimer = setTimeout(() => at("typing").replaceChildren(), TYPING_MS);
}

for (const node of document.querySelectorAll("#app [aria-label]")) keepSaid(node, node.getAttribute("aria-label"), "aria-label");
keepSaid(document.querySelector(".skip-link"), "Skip to the message box");
new MessageList(state, { list: at("messages"), scroller: at("scroller") });
new Places(
  state,
  { chat: document.querySelector(".chat"), guildName: at("guild-name"), channels: at("channels"), header: at("channel-header"), switcher: at("switcher"), members: at("members") },
  { becomeMember, changeTheme, chooseLocale },
);
new Composer(state, at("composer"), document.querySelector(".conversation"));
state.on("modal", (event) => openModal(event, state));
state.on("typing", showTyping);
state.on("channel", () => remember("channel", state.channelId));
state.on("reset", () => {
  document.title = `${state.channel?.name ?? "Limner"} | ${state.guild.name}`;
  document.body.dataset.member = state.me.user.username;
  document.body.dataset.locale = state.me.locale;
});
state.channelId = recall("channel");
changeTheme(recall("theme") ?? "dark");
startTicking();
becomeMember(new URLSearchParams(location.search).get("member") ?? recall("member") ?? FIRST_MEMBER);
