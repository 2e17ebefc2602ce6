// The conversation: messages as they come, change and go.

import * as api from "./api.js";
import { buildComponents } from "./components.js";
import { avatar, el, icon } from "./dom.js";
import { buildEmbed } from "./embeds.js";
import { renderMarkdown } from "./markdown.js";
import { buildAttachments, keepPictures } from "./media.js";
import { isDirect, LOADING } from "./state.js";
import { formatPosted, formatStamp, startOfDay } from "./timestamps.js";
import { keepSaid, sayAround, t } from "./words.js";

const CHAT_INPUT = 1;
const MESSAGE_MENU = 3;
const EPHEMERAL = 1 << 6;
const COMPACT_WITHIN_MS = 7 * 60_000;
const TOKEN_LIFE_MS = 15 * 60_000;
const NEAR_BOTTOM_PX = 80;
const FOUND_MS = 1500;
const SUGGESTION = "/imagine prompt: a fox in the snow under a red sunset";

export class MessageList {
  constructor(state, { list, scroller }) {
    this.state = state;
    this.list = list;
    this.scroller = scroller;
    this.sticks = true;
    state.on("reset", () => this.showAll());
    state.on("channel", () => this.showAll(true));
    state.on("pending", () => this.showPending());
    state.on("message", (detail) => this.showOne(detail));
    state.on("jump", ({ messageId }) => this.jumpTo(messageId));
    this.toPresent = keepSaid(el("button", { class: "to-present", type: "button", hidden: true, on: { click: () => this.jumpToPresent() } }), "Jump to present");
    scroller.after(this.toPresent);
    scroller.addEventListener("scroll", () => {
      this.sticks = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < NEAR_BOTTOM_PX;
      this.toPresent.hidden = this.sticks;
    });
    list.addEventListener("contextmenu", (event) => openTools(event));
    // Pictures and the composer change heights after the fact.
    const observer = new ResizeObserver(() => this.stick());
    observer.observe(list);
    observer.observe(scroller);
  }

  jumpTo(messageId) {
    const node = this.find(messageId);
    if (!node) return;
    this.sticks = false;
    node.scrollIntoView({ block: "center" });
    node.classList.add("found");
    setTimeout(() => node.classList.remove("found"), FOUND_MS);
  }

  jumpToPresent() {
    this.sticks = true;
    this.stick();
  }

  stick() {
    if (this.sticks) this.scroller.scrollTop = this.scroller.scrollHeight;
  }

  showAll(fromTheEnd = false) {
    if (fromTheEnd) this.sticks = true;
    const before = this.list.cloneNode(false);
    before.append(...this.list.childNodes);
    this.list.append(this.buildWelcome());
    let previous = null;
    for (const message of this.state.shownMessages()) {
      this.append(message, previous);
      previous = message;
    }
    for (const node of this.list.querySelectorAll("[data-message-id]")) {
      const old = before.querySelector(`[data-message-id="${node.dataset.messageId}"]`);
      if (old) keepPictures(old, node);
    }
    this.showPending();
    this.stick();
  }

  append(message, previous) {
    const date = new Date(message.timestamp);
    if (previous && startOfDay(date) > startOfDay(new Date(previous.timestamp))) {
      this.list.append(el("li", { class: "divider", role: "separator" }, el("span", {}, formatStamp(date / 1000, "D"))));
    }
    this.list.append(this.build(message, previous));
  }

  /** Shows one message that came, changed or went, leaving the others alone. */
  showOne({ channelId, messageId }) {
    if (channelId !== this.state.channelId) return;
    const message = this.state.findMessage(channelId, messageId);
    const node = this.find(messageId);
    if (!message) return this.remove(node);
    const fresh = this.build(message, this.before(messageId));
    if (node) {
      replace(node, fresh);
    } else {
      const firstPending = this.list.querySelector(".pending");
      this.list.insertBefore(fresh, firstPending);
    }
    this.stick();
  }

  remove(node) {
    if (!node) return;
    node.remove();
    // The next one may have stood under this one's name.
    this.showAll();
  }

  find(messageId) {
    return this.list.querySelector(`[data-message-id="${messageId}"]`);
  }

  before(messageId) {
    const shown = this.state.shownMessages();
    return shown[shown.findIndex((message) => message.id === messageId) - 1] ?? null;
  }

  showPending() {
    for (const node of this.list.querySelectorAll(".pending")) node.remove();
    for (const [id, entry] of this.state.pending) {
      if (entry.channelId === this.state.channelId) this.list.append(this.buildPending(id, entry));
    }
    this.stick();
  }

  buildWelcome() {
    const { channel, bot } = this.state;
    const direct = isDirect(channel);
    const name = direct ? (bot?.display_name ?? "") : `#${channel?.name ?? ""}`;
    const sentence = direct ? t("This is the beginning of your direct messages with {name}.", { name }) : t("This is the start of the {name} channel.", { name });
    const title = direct ? name : t("Welcome to {name}!", { name });
    const mark = direct ? avatar(bot, "avatar-large") : el("span", { class: "welcome-mark" }, icon("hash"));
    return el("li", { class: "welcome" }, mark, el("h2", {}, title), el("p", {}, sentence, " ", sayAround("Type {key} to see what Limner can do.", { key: el("kbd", {}, "/") })), this.buildSuggestion());
  }

  buildSuggestion() {
    if (!this.state.commandsHere(CHAT_INPUT).some((command) => command.name === "imagine")) return null;
    return el("button", { class: "suggested", type: "button", on: { click: () => this.state.tell("use", { text: SUGGESTION }) } }, sayAround("Try {command}", { command: el("span", { class: "used-command" }, SUGGESTION) }));
  }

  build(message, previous) {
    const { state } = this;
    const author = state.memberOf(message.author);
    const usage = buildUsage(message, state);
    const reply = usage ? null : buildReply(message, state);
    const isCompact = !usage && !reply && !message.ephemeral && continues(message, previous);
    const classes = ["message"];
    if (isCompact) classes.push("compact");
    if (message.ephemeral) classes.push("ephemeral");
    if (message.mentions.some((user) => user.id === state.me.id) && message.author.id !== state.me.id) classes.push("mentions-me");
    const headingId = `from-${message.id}`;
    const heading = buildHeading(message, author, state, headingId);
    return el(
      "li",
      { class: classes.join(" "), dataset: { messageId: message.id } },
      el(
        "article",
        { "aria-labelledby": headingId },
        usage ?? reply,
        el("div", { class: "message-frame" }, isCompact ? buildSideTime(message) : avatar(author), el("div", { class: "message-body" }, heading, buildBody(message, state))),
        buildTools(message, state),
      ),
    );
  }

  buildPending(id, entry) {
    const { state } = this;
    const { bot, me } = state;
    const dismiss = el("button", { class: "link-button", type: "button", on: { click: () => state.dismiss(id) } }, t("Dismiss message"));
    const text = entry.failure
      ? [el("p", { class: "failure", role: "alert" }, icon("restricted"), t(entry.failure)), el("p", { class: "only-you" }, icon("eye"), `${t("Only you can see this")} • `, dismiss)]
      : [el("p", { class: "thinking" }, buildDots(), t("Sending command…"))];
    const usage = buildUsageLine(me, entry.name, state);
    return el(
      "li",
      { class: entry.failure ? "message pending ephemeral" : "message pending" },
      el("article", { "aria-label": `/${entry.name}` }, usage, el("div", { class: "message-frame" }, avatar(bot), el("div", { class: "message-body" }, el("div", { class: "message-heading" }, buildName(bot, state), buildBadge()), text))),
    );
  }
}

function replace(node, fresh) {
  const focused = node.contains(document.activeElement) ? document.activeElement.dataset.customId : null;
  keepPictures(node, fresh);
  node.replaceWith(fresh);
  if (focused) fresh.querySelector(`[data-custom-id="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
}

function continues(message, previous) {
  if (!previous || previous.ephemeral || previous.author.id !== message.author.id) return false;
  const [then, now] = [new Date(previous.timestamp), new Date(message.timestamp)];
  return now - then < COMPACT_WITHIN_MS && +startOfDay(then) === +startOfDay(now);
}

function buildHeading(message, author, state, id) {
  const date = new Date(message.timestamp);
  return el(
    "h3",
    { class: "message-heading", id },
    buildName(author, state),
    author.is_bot && buildBadge(),
    el("time", { class: "posted", datetime: message.timestamp, title: formatStamp(date / 1000, "F") }, formatPosted(date)),
  );
}

export function buildName(member, state) {
  const colour = state.colourOf(member);
  return el("span", { class: "name", style: colour ? { color: colour } : {} }, member?.display_name ?? "");
}

export const buildBadge = () => el("span", { class: "badge" }, "APP");

function buildSideTime(message) {
  const time = formatStamp(Date.parse(message.timestamp) / 1000, "t");
  return el("time", { class: "side-time", datetime: message.timestamp }, time);
}

function buildUsage(message, state) {
  const about = message.interaction_metadata;
  if (!about?.name) return null;
  // The older field names sub-commands too.
  const name = message.interaction?.name ?? about.name;
  return buildUsageLine(state.memberOf(about.user), name, state, about.command_type === MESSAGE_MENU);
}

function buildUsageLine(member, name, state, isMenu = false) {
  const command = el("span", { class: "used-command" }, isMenu ? name : `/${name}`);
  const said = sayAround("{name} used {command}", { name: buildName(member, state), command });
  return el("p", { class: "usage" }, avatar(member, "avatar-tiny"), said.map((part) => (typeof part === "string" ? el("span", {}, part) : part)));
}

function buildReply(message, state) {
  if (!message.message_reference) return null;
  const target = message.referenced_message;
  if (!target) return el("p", { class: "usage" }, icon("reply"), el("em", {}, t("Original message was deleted")));
  const author = state.memberOf(target.author);
  const excerpt = renderMarkdown(target.content || firstText(target.components) || t("Click to see attachment"), contextFor(state, target)).textContent;
  const jump = () => state.jumpTo(target.channel_id, target.id);
  return el("p", { class: "usage" }, avatar(author, "avatar-tiny"), buildName(author, state), author.is_bot && buildBadge(), el("button", { class: "excerpt", type: "button", on: { click: jump } }, excerpt));
}

/** The first line that a layout says. */
function firstText(components) {
  for (const part of components) {
    const text = part.content ?? firstText(part.components ?? []);
    if (text) return text.split("\n")[0].replace(/^#+ /, "");
  }
  return "";
}

function buildBody(message, state) {
  if (message.flags & LOADING) return buildLoading(message, state);
  const context = contextFor(state, message);
  const note = state.notes.get(message.id);
  return [
    buildContent(message, context),
    buildAttachments(message.attachments),
    message.embeds.map((embed, index) => buildEmbed(embed, index, context)),
    buildComponents(message, state, context),
    note && el("p", { class: "failure", role: "alert" }, icon("restricted"), t(note)),
    message.ephemeral && buildOnlyYou(message, state),
  ];
}

function buildContent(message, context) {
  if (!message.content) return null;
  const content = renderMarkdown(message.content, context);
  content.classList.add("content");
  if (message.edited_timestamp) content.append(el("span", { class: "edited", title: formatStamp(Date.parse(message.edited_timestamp) / 1000, "F") }, ` ${t("(edited)")}`));
  return content;
}

function buildLoading(message, state) {
  const isDead = Date.now() - Date.parse(message.timestamp) > TOKEN_LIFE_MS;
  const line = isDead
    ? el("p", { class: "failure" }, icon("restricted"), t("The application did not respond"))
    : el("p", { class: "thinking" }, buildDots(), t("{name} is thinking…", { name: state.memberOf(message.author).display_name }));
  return [line, message.flags & EPHEMERAL ? buildOnlyYou(message, state) : null];
}

export const buildDots = () => el("span", { class: "dots", "aria-hidden": "true" }, el("i"), el("i"), el("i"));

function buildOnlyYou(message, state) {
  const dismiss = el("button", { class: "link-button", type: "button", on: { click: () => state.dismiss(message.id) } }, t("Dismiss message"));
  return el("p", { class: "only-you" }, icon("eye"), `${t("Only you can see this")} • `, dismiss);
}

/** The ⋯ menu of a message: the application's message commands. */
function buildTools(message, state) {
  const commands = state.commandsHere(MESSAGE_MENU);
  if (!commands.length || message.flags & LOADING) return null;
  const entries = commands.map((command) => el("button", { class: "menu-item", type: "button", role: "menuitem", on: { click: (event) => runOn(message, command, state, event) } }, command.name_localizations?.[state.me.locale] ?? command.name));
  const details = el(
    "details",
    { class: "tools" },
    el("summary", { class: "icon-button", "aria-label": t("Apps: commands for this message"), title: t("Apps") }, icon("more")),
    el("div", { class: "tools-menu", role: "menu" }, el("p", { class: "tools-title" }, t("Apps")), entries),
  );
  details.addEventListener("focusout", (event) => {
    if (!details.contains(event.relatedTarget)) details.open = false;
  });
  details.addEventListener("keydown", (event) => event.key === "Escape" && (details.open = false));
  return details;
}

/** Opens a message's menu where it is right-clicked, or held on a phone. */
function openTools(event) {
  const details = event.target.closest(".message")?.querySelector(".tools");
  if (!details || event.target.closest("a") || !getSelection().isCollapsed) return;
  event.preventDefault();
  details.open = true;
  details.querySelector(".menu-item").focus();
}

async function runOn(message, command, state, event) {
  event.currentTarget.closest("details").open = false;
  try {
    const { interaction_id: id } = await api.useMessageCommand({ member: state.me.id, command_id: command.id, target_message_id: message.id });
    state.addPress(id, message.id, "");
  } catch (error) {
    state.addNote(message.id, error.message);
  }
}

function contextFor(state, message) {
  return {
    memberName: (id) => state.members.get(id)?.display_name,
    roleName: (id) => state.guild?.roles.find((role) => role.id === id)?.name,
    channelName: (id) => state.channels.find((channel) => channel.id === id)?.name,
    openChannel: (id) => state.openChannel(id),
    hasChannel: (id) => state.channels.some((channel) => channel.id === id),
    jumpTo: (channelId, messageId) => state.jumpTo(channelId, messageId),
    useCommand: (text) => state.tell("use", { text }),
    pingsEveryone: message.mention_everyone,
  };
}
