// What one person's client knows. Views subscribe to its events; nothing else keeps messages.

import { localize } from "./options.js";

export const LOADING = 1 << 7;
const DIRECT = 1;

/** Languages that the demo can be read in, as Discord names them. */
export const LOCALES = { "en-US": "English", de: "Deutsch", fr: "Français", "es-ES": "Español", "pt-BR": "Português", ja: "日本語" };

/** Tells of `reset`, `message`, `unread`, `commands`, `pending`, `outcome`, `channel`, `typing`;
 * `use` asks to fill in a command, `jump` to show a message. */
export class State extends EventTarget {
  constructor() {
    super();
    this.clear();
    this.dismissed = new Set();
    this.channelId = null;
  }

  clear() {
    this.guild = null;
    this.me = null;
    this.application = null;
    this.channels = [];
    this.members = new Map();
    this.commands = [];
    this.messages = new Map();
    this.unread = new Set();
    this.pending = new Map();
    this.presses = new Map();
    this.outcomes = new Map();
    this.notes = new Map();
  }

  /** Takes over what the server says a person sees, keeping the channel where it can. */
  load(snapshot) {
    const isSamePerson = this.me?.id === snapshot.me.id;
    const kept = isSamePerson ? { pending: this.pending, presses: this.presses, notes: this.notes, outcomes: this.outcomes } : {};
    this.clear();
    Object.assign(this, kept);
    this.guild = snapshot.guild;
    this.me = snapshot.me;
    this.application = snapshot.application;
    this.channels = snapshot.channels;
    this.members = new Map(snapshot.members.map((member) => [member.id, member]));
    this.commands = snapshot.commands;
    for (const [channelId, list] of Object.entries(snapshot.messages)) {
      this.messages.set(channelId, new Map(list.map((message) => [message.id, message])));
      for (const message of list) this.settlePending(message);
    }
    if (!this.channels.some((channel) => channel.id === this.channelId)) {
      this.channelId = this.channels[0]?.id ?? null;
    }
    this.tell("reset");
  }

  apply(event) {
    switch (event.type) {
      case "message_create":
      case "message_update":
        this.putMessage(event.channel_id, event.message);
        break;
      case "message_delete":
        this.messages.get(event.channel_id)?.delete(event.message_id);
        this.tell("message", { channelId: event.channel_id, messageId: event.message_id });
        break;
      case "commands":
        this.commands = event.commands;
        this.tell("commands");
        break;
      case "interaction_success":
        this.settle(event.interaction_id, null);
        break;
      case "interaction_failed":
        this.settle(event.interaction_id, event.message);
        break;
      case "modal":
        this.settle(event.interaction_id, null);
        this.tell("modal", event);
        break;
      case "typing":
        this.tell("typing", event);
        break;
    }
  }

  putMessage(channelId, message) {
    if (!this.messages.has(channelId)) this.messages.set(channelId, new Map());
    const list = this.messages.get(channelId);
    const isNew = !list.has(message.id);
    list.set(message.id, message);
    this.settlePending(message);
    this.tell("message", { channelId, messageId: message.id });
    if (isNew && channelId !== this.channelId) {
      this.unread.add(channelId);
      this.tell("unread");
    }
  }

  /** Shows a message, in another channel where it is there. */
  jumpTo(channelId, messageId) {
    if (channelId !== this.channelId) this.openChannel(channelId);
    this.tell("jump", { messageId });
  }

  openChannel(channelId) {
    this.channelId = channelId;
    this.unread.delete(channelId);
    this.tell("channel");
  }

  dismiss(messageId) {
    this.dismissed.add(messageId);
    this.pending.delete(messageId);
    this.tell("message", { channelId: this.channelId, messageId });
    this.tell("pending");
  }

  /** Shows a command as sent until its reply or its failure comes; either may be here already. */
  addPending(interactionId, entry) {
    const outcome = this.outcomes.get(interactionId);
    if (outcome === null || this.hasReplyTo(interactionId)) return;
    this.pending.set(interactionId, { ...entry, failure: outcome });
    this.tell("pending");
  }

  hasReplyTo(interactionId) {
    for (const list of this.messages.values()) {
      for (const message of list.values()) {
        if (message.interaction_metadata?.id === interactionId) return true;
      }
    }
    return false;
  }

  /** Marks a button or menu as working until the server tells how its press ended. */
  addPress(interactionId, messageId, customId) {
    if (this.outcomes.has(interactionId)) {
      const failure = this.outcomes.get(interactionId);
      if (failure) this.addNote(messageId, failure);
      return;
    }
    this.presses.set(interactionId, { messageId, customId });
    this.tellOfMessage(messageId);
  }

  addNote(messageId, sentence) {
    this.notes.set(messageId, sentence);
    this.tellOfMessage(messageId);
  }

  removeNote(messageId) {
    if (this.notes.delete(messageId)) this.tellOfMessage(messageId);
  }

  isPressed(messageId, customId) {
    return [...this.presses.values()].some((press) => press.messageId === messageId && press.customId === customId);
  }

  settle(interactionId, failure) {
    this.outcomes.set(interactionId, failure);
    const entry = this.pending.get(interactionId);
    if (entry && failure) entry.failure = failure;
    else this.pending.delete(interactionId);
    if (entry) this.tell("pending");
    const press = this.presses.get(interactionId);
    if (press) {
      this.presses.delete(interactionId);
      if (failure) this.notes.set(press.messageId, failure);
      this.tellOfMessage(press.messageId);
    }
    this.tell("outcome", { interactionId, failure });
  }

  settlePending(message) {
    const interactionId = message.interaction_metadata?.id;
    if (this.pending.delete(interactionId)) this.tell("pending");
  }

  get channel() {
    return this.channels.find((channel) => channel.id === this.channelId) ?? null;
  }

  get bot() {
    return this.members.get(this.application?.bot?.id) ?? [...this.members.values()].find((member) => member.is_bot);
  }

  shownMessages() {
    const list = this.messages.get(this.channelId) ?? new Map();
    return [...list.values()].filter((message) => !this.dismissed.has(message.id));
  }

  findMessage(channelId, messageId) {
    if (this.dismissed.has(messageId)) return null;
    return this.messages.get(channelId)?.get(messageId) ?? null;
  }

  /** The commands of a kind that can be used in the open channel. */
  commandsHere(kind) {
    const channel = this.channel;
    if (!channel) return [];
    const isDirect = channel.type === DIRECT;
    return this.commands.filter((command) => {
      if (command.type !== kind) return false;
      if (command.contexts && !command.contexts.includes(isDirect ? 1 : 0)) return false;
      if (isDirect && command.guild_id) return false;
      return !command.nsfw || channel.nsfw;
    }).map((command) => localize(command, this.me.locale));
  }

  rolesOf(member) {
    return (this.guild?.roles ?? [])
      .filter((role) => member?.roles?.includes(role.id))
      .sort((a, b) => b.position - a.position);
  }

  /** The name colour of somebody's highest coloured role. */
  colourOf(member) {
    const role = this.rolesOf(member).find((candidate) => candidate.color);
    return role ? `#${role.color.toString(16).padStart(6, "0")}` : null;
  }

  /** A member for a message's author; somebody who left is known by the message alone. */
  memberOf(user) {
    return this.members.get(user.id) ?? { id: user.id, display_name: user.global_name ?? user.username, is_bot: user.bot, roles: [], user };
  }

  tellOfMessage(messageId) {
    for (const [channelId, list] of this.messages) {
      if (list.has(messageId)) this.tell("message", { channelId, messageId });
    }
  }

  tell(type, detail = {}) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  on(type, listener) {
    this.addEventListener(type, (event) => listener(event.detail));
  }
}

export const isDirect = (channel) => channel?.type === DIRECT;
