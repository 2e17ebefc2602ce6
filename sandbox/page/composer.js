// Where one types: messages, and commands with their options.

import * as api from "./api.js";
import { avatar, el, icon } from "./dom.js";
import { buildField } from "./fields.js";
import { ATTACHMENT, Invalid, listUses, nest, parseCommand } from "./options.js";
import { isDirect } from "./state.js";
import { COMBOBOX, Suggestions } from "./suggestions.js";
import { keepSaid, language, t } from "./words.js";

const CHAT_INPUT = 1;

export class Composer {
  constructor(state, root, conversation) {
    this.state = state;
    this.suggestions = new Suggestions();
    this.use = null;
    this.fields = [];
    this.build(root);
    this.listen();
    this.acceptFiles(conversation);
  }

  build(root) {
    this.text = keepSaid(el("textarea", { ...COMBOBOX, id: "composer-text", class: "composer-text", rows: "1", maxlength: "2000" }), "Message", "aria-label");
    this.more = keepSaid(el("input", { ...COMBOBOX, class: "more", type: "text" }), "Add an option", "aria-label");
    this.commandName = el("span", { class: "command-name" });
    this.pills = el("span", { class: "pills" });
    this.error = el("p", { class: "composer-error", role: "alert", hidden: true });
    this.close = el("button", { class: "icon-button", type: "button", hidden: true, on: { click: () => this.leave() } }, icon("close"));
    keepSaid(this.close, "Leave the command", "aria-label");
    this.command = el("div", { class: "command", role: "group", hidden: true }, this.commandName, this.pills, this.more);
    const send = keepSaid(el("button", { class: "icon-button send", type: "submit" }, icon("send")), "Send", "aria-label");
    this.box = keepSaid(el("form", { class: "composer-box" }, this.text, this.command, this.close, send), "Composer", "aria-label");
    root.append(this.suggestions.element, this.error, this.box);
  }

  listen() {
    const { state, text, more, box } = this;
    text.addEventListener("input", () => this.onText());
    text.addEventListener("keydown", (event) => this.onTextKey(event));
    more.addEventListener("input", () => this.offerOptions());
    more.addEventListener("focus", () => this.offerOptions());
    this.command.addEventListener("keydown", (event) => this.onCommandKey(event));
    box.addEventListener("submit", (event) => {
      event.preventDefault();
      this.send();
    });
    box.addEventListener("focusout", (event) => {
      if (!box.contains(event.relatedTarget)) this.suggestions.hide();
    });
    state.on("reset", () => this.onReset());
    state.on("use", ({ text: typed }) => this.takeCommand(typed));
    text.addEventListener("paste", (event) => {
      const pasted = event.clipboardData?.getData("text") ?? "";
      if (!text.value && this.takeCommand(pasted)) event.preventDefault();
    });
    state.on("channel", () => this.leave({ keepsText: true }));
  }

  acceptFiles(conversation) {
    const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
    conversation.addEventListener("dragover", (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      conversation.classList.add("dropping");
    });
    conversation.addEventListener("dragleave", (event) => {
      if (!conversation.contains(event.relatedTarget)) conversation.classList.remove("dropping");
    });
    conversation.addEventListener("drop", (event) => {
      conversation.classList.remove("dropping");
      if (!hasFiles(event)) return;
      event.preventDefault();
      this.takeFile(event.dataTransfer.files[0]);
    });
    this.box.addEventListener("paste", (event) => {
      const file = event.clipboardData?.files[0];
      if (!file) return;
      event.preventDefault();
      this.takeFile(file);
    });
  }

  /** Gives a dropped or pasted file to the option it is most likely meant for. */
  takeFile(file) {
    const fields = this.fields.filter((field) => field.option.type === ATTACHMENT);
    const focused = fields.find((field) => field.element.contains(document.activeElement));
    const empty = fields.find((field) => field.isEmpty);
    const unused = this.unusedOptions().find((option) => option.type === ATTACHMENT);
    const field = focused ?? empty ?? (unused && this.addField(unused));
    if (field) field.take(file);
    else this.showError(t("Files go into a command's option here: type / and choose a command that takes one."));
  }

  /** A reconnection leaves what is being typed alone; another person starts afresh. */
  onReset() {
    const isSamePerson = this.owner === this.state.me.id;
    this.owner = this.state.me.id;
    // A keyboard that opens by itself would cover half of a phone.
    if (!isSamePerson || this.said !== language()) this.leave({ takesFocus: !this.hasStarted && matchMedia("(hover: hover)").matches });
    this.hasStarted = true;
    this.said = language();
  }

  /** Fills in a command that somebody pasted or clicked; says whether it is one. */
  takeCommand(typed) {
    if (!typed.startsWith("/")) return false;
    const found = parseCommand(typed, listUses(this.state.commandsHere(CHAT_INPUT)));
    if (!found) return false;
    this.choose(found.use);
    for (const [name, value] of found.values) {
      const option = found.use.options.find((candidate) => candidate.name === name);
      const field = this.fields.find((candidate) => candidate.option.name === name) ?? this.addField(option);
      if (option.type !== ATTACHMENT) field.type(value);
    }
    const empty = this.fields.find((field) => field.isEmpty);
    (empty ?? this.fields.at(-1) ?? this.more).focus();
    return true;
  }

  // Ordinary text

  onText() {
    this.showError(null);
    this.fitText();
    const typed = this.text.value;
    if (!typed.startsWith("/") || typed.includes("\n")) {
      this.suggestions.hide();
      return;
    }
    const query = typed.slice(1).toLowerCase();
    const uses = listUses(this.state.commandsHere(CHAT_INPUT));
    const exact = query.endsWith(" ") && uses.find((use) => use.name === query.trimEnd());
    if (exact) this.choose(exact);
    else this.offerCommands(uses, query);
  }

  offerCommands(uses, query) {
    const place = (use) => use.name.indexOf(query);
    const found = uses.filter((use) => place(use) >= 0).sort((a, b) => place(a) - place(b) || a.name.localeCompare(b.name));
    const items = found.map((use) => this.describeUse(use));
    const title = items.length ? [avatar(this.state.bot, "avatar-tiny"), this.state.bot.display_name] : t("No command of that name.");
    this.suggestions.show(this.text, { title, items, onPick: (item) => this.choose(item.use) });
  }

  describeUse(use) {
    const required = use.options.filter((option) => option.required).map((option) => el("span", { class: "suggestion-option" }, option.name));
    return { use, lead: avatar(this.state.bot, "avatar-small"), label: [`/${use.name}`, ...required], detail: use.description, note: this.state.bot.display_name };
  }

  onTextKey(event) {
    if (event.isComposing || this.suggestions.takeKey(event)) return;
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      this.send();
    }
  }

  fitText() {
    this.text.style.setProperty("height", "auto");
    this.text.style.setProperty("height", `${this.text.scrollHeight}px`);
  }

  // Commands

  choose(use) {
    this.use = use;
    this.fields = [];
    this.pills.replaceChildren();
    this.commandName.textContent = `/${use.name}`;
    this.command.setAttribute("aria-label", `/${use.name}`);
    this.showCommand(true);
    for (const option of use.options.filter((candidate) => candidate.required)) this.addField(option);
    this.showMore();
    (this.fields[0] ?? this.more).focus();
  }

  leave({ keepsText = false, takesFocus = true } = {}) {
    if (this.use || !keepsText) this.text.value = "";
    this.use = null;
    this.fields = [];
    this.showCommand(false);
    this.showError(null);
    this.fitText();
    const { channel, bot } = this.state;
    if (channel) this.text.placeholder = t("Message {place}", { place: isDirect(channel) ? `@${bot?.display_name}` : `#${channel.name}` });
    if (takesFocus) this.text.focus();
  }

  showCommand(isShown) {
    this.command.hidden = !isShown;
    this.close.hidden = !isShown;
    this.text.hidden = isShown;
    this.suggestions.hide();
  }

  unusedOptions() {
    const used = new Set(this.fields.map((field) => field.option.name));
    return (this.use?.options ?? []).filter((option) => !used.has(option.name));
  }

  addField(option) {
    const field = buildField(option, this);
    this.fields.push(field);
    this.pills.append(field.element);
    this.showMore();
    return field;
  }

  removeField(field) {
    const at = this.fields.indexOf(field);
    this.fields.splice(at, 1);
    field.element.remove();
    this.showMore();
    (this.fields[at - 1] ?? this.more).focus();
  }

  showMore() {
    const count = this.unusedOptions().length;
    this.more.value = "";
    this.more.placeholder = count ? t("+{count} more", { count }) : "";
    this.more.classList.toggle("nothing-more", count === 0);
  }

  offerOptions() {
    const typed = this.more.value.trim().toLowerCase();
    const found = this.unusedOptions().filter((option) => option.name.includes(typed));
    const items = found.map((option) => ({ option, label: option.name, detail: option.description }));
    const none = typed ? t("No option of that name.") : "";
    // Enter with nothing typed sends the command, so nothing is chosen until one looks for it.
    this.suggestions.show(this.more, { title: items.length ? t("Options") : none, items, onPick: (item) => this.addField(item.option).focus(), startsActive: typed !== "" });
  }

  onCommandKey(event) {
    if (event.isComposing) return;
    if (event.key === "Backspace") this.onBackspace(event);
    if (event.defaultPrevented || event.target.closest("button") || this.suggestions.takeKey(event)) return;
    if (event.key === "Enter") {
      event.preventDefault();
      this.send();
    } else if (event.key === "Escape") {
      this.leave();
    }
  }

  /** In an empty place, goes back by one: out of an option, or out of the command. */
  onBackspace(event) {
    if (event.target === this.more) {
      if (this.more.value !== "") return;
      event.preventDefault();
      const last = this.fields.at(-1);
      if (last) last.focus();
      else this.leave();
      return;
    }
    const field = this.fields.find((candidate) => candidate.element.contains(event.target));
    const isFile = field?.option.type === ATTACHMENT;
    if (!field || (!isFile && !field.isEmpty)) return;
    event.preventDefault();
    if (field.option.required) this.leave();
    else this.removeField(field);
  }

  /** Moves on after a choice: to the next option without a value, or to adding more. */
  fieldPicked(field) {
    const after = this.fields.slice(this.fields.indexOf(field) + 1);
    (after.find((candidate) => candidate.isEmpty) ?? this.more).focus();
  }

  /** Asks the bot for an option's choices; null when it did not answer. */
  async complete(field) {
    const others = this.fields.filter((other) => other !== field && other.option.type !== ATTACHMENT).flatMap(readQuietly);
    const { name, type } = field.option;
    const focused = { name, type, value: field.control.value, focused: true };
    try {
      const answer = await api.fetchChoices({ ...this.where(), options: nest(this.use, [...others, focused]) });
      return answer.choices ?? null;
    } catch (error) {
      if (!(error instanceof api.Refused)) throw error;
      return null;
    }
  }

  where() {
    const place = { member: this.state.me.id, channel_id: this.state.channelId };
    return this.use ? { ...place, command_id: this.use.command.id } : place;
  }

  // Sending

  async send() {
    if (this.isSending) return;
    this.isSending = true;
    try {
      await (this.use ? this.sendCommand() : this.sendText());
    } catch (error) {
      if (!(error instanceof api.Refused)) throw error;
      this.showError(error.message);
    } finally {
      this.isSending = false;
    }
  }

  async sendText() {
    const content = this.text.value.trim();
    if (!content) return;
    await api.postMessage({ ...this.where(), content });
    this.leave();
  }

  async sendCommand() {
    const read = this.readFields();
    if (!read) return;
    const { use } = this;
    const { channelId } = this.state;
    const { interaction_id: id } = await api.sendCommand({ ...this.where(), options: nest(use, read.options) }, read.files);
    this.leave();
    this.state.addPending(id, { name: use.name, channelId });
  }

  /** Reads every field; with one that is wrong, shows it and returns nothing. */
  readFields() {
    const read = { options: [], files: {} };
    const wrong = this.fields.filter((field) => !readInto(read, field));
    if (!wrong.length) return read;
    wrong[0].focus();
    wrong[0].onFocus();
    return null;
  }

  showError(sentence) {
    this.error.hidden = !sentence;
    this.error.replaceChildren(...(sentence ? [icon("restricted"), sentence] : []));
  }
}

/** Reads one field and says whether it could; what is wrong is shown in it. */
function readInto(read, field) {
  const { name, type } = field.option;
  try {
    const value = field.read();
    if (type === ATTACHMENT) read.files[name] = value;
    else read.options.push({ name, type, value });
    field.setError(null);
    return true;
  } catch (error) {
    if (!(error instanceof Invalid)) throw error;
    field.setError(error.message);
    return false;
  }
}

function readQuietly(field) {
  try {
    return [{ name: field.option.name, type: field.option.type, value: field.read() }];
  } catch (error) {
    if (error instanceof Invalid) return [];
    throw error;
  }
}
