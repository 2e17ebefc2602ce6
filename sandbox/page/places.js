// Around the conversation: channels, the channel's header, members, and who one is.

import { avatar, el, icon } from "./dom.js";
import { buildBadge, buildName } from "./messages.js";
import { isDirect, LOCALES } from "./state.js";
import { t } from "./words.js";

const NARROW = matchMedia("(max-width: 720px)");

export class Places {
  constructor(state, roots, { becomeMember, changeTheme, chooseLocale }) {
    this.state = state;
    this.roots = roots;
    this.becomeMember = becomeMember;
    this.chooseLocale = chooseLocale;
    this.changeTheme = changeTheme;
    state.on("reset", () => this.show());
    state.on("channel", () => this.show());
    state.on("unread", () => this.showChannels());
    document.addEventListener("keydown", (event) => event.key === "Escape" && this.closeSidebar());
    roots.chat.addEventListener("click", (event) => event.target.closest(".sidebar-toggle") || this.closeSidebar());
  }

  show() {
    this.roots.guildName.textContent = this.state.guild.name;
    this.showChannels();
    this.showHeader();
    this.showSwitcher();
    this.showMembers();
  }

  showChannels() {
    const direct = this.state.channels.filter(isDirect);
    const text = this.state.channels.filter((channel) => !isDirect(channel));
    const group = (title, list) => [el("h2", { class: "group-title" }, title), el("ul", {}, list.map((channel) => this.buildChannel(channel)))];
    this.roots.channels.replaceChildren(...group(t("Text channels"), text), ...group(t("Direct messages"), direct));
  }

  buildChannel(channel) {
    const { state } = this;
    const isOpen = channel.id === state.channelId;
    const isUnread = state.unread.has(channel.id);
    const name = isDirect(channel) ? state.bot?.display_name : channel.name;
    const mark = isDirect(channel) ? avatar(state.bot, "avatar-small") : el("span", { class: "channel-mark" }, icon("hash"), channel.nsfw && el("span", { class: "restricted-dot" }, icon("restricted")));
    const open = () => {
      state.openChannel(channel.id);
      this.closeSidebar();
    };
    const button = el(
      "button",
      { class: `channel${isUnread ? " unread" : ""}`, type: "button", "aria-current": isOpen ? "page" : null, on: { click: open } },
      mark,
      el("span", { class: "channel-name" }, name),
      channel.nsfw && el("span", { class: "visually-hidden" }, t("(age-restricted)")),
      isUnread && el("span", { class: "visually-hidden" }, t("(new messages)")),
    );
    return el("li", {}, button);
  }

  showHeader() {
    const { channel, bot } = this.state;
    const direct = isDirect(channel);
    const sidebarIsOpen = document.body.classList.contains("sidebar-open");
    const toggleSidebar = el("button", { class: "icon-button sidebar-toggle", type: "button", "aria-label": t("Channels"), "aria-expanded": String(sidebarIsOpen), "aria-controls": "sidebar", on: { click: () => this.toggleSidebar() } }, icon("menu"));
    const toggleMembers = el("button", { class: "icon-button members-toggle", type: "button", "aria-label": t("Member list"), "aria-pressed": String(!document.body.classList.contains("members-closed")), on: { click: () => this.toggleMembers() } }, icon("people"));
    this.roots.header.replaceChildren(
      toggleSidebar,
      direct ? icon("at") : icon("hash"),
      el("h2", { class: "channel-title" }, direct ? (bot?.display_name ?? "") : channel.name),
      ...(channel.nsfw ? [el("span", { class: "restricted-note" }, icon("restricted"), t("Age-restricted"))] : []),
      ...(channel.topic ? [el("p", { class: "topic" }, t(channel.topic))] : []),
      this.buildLanguages(),
      this.buildPhoneButton(),
      this.buildThemeToggle(),
      toggleMembers,
    );
  }

  buildLanguages() {
    const { me } = this.state;
    const options = Object.entries(LOCALES).map(([locale, name]) => el("option", { value: locale, selected: locale === me.locale }, name));
    const select = el("select", { class: "languages", "aria-label": t("Language"), on: { change: () => this.chooseLocale(select.value) } }, options);
    return select;
  }

  buildPhoneButton() {
    const open = () => window.open(`/?member=${this.state.me.id}`, "phone", "width=400,height=820");
    return el("button", { class: "icon-button phone-button", type: "button", "aria-label": t("Open as on a phone"), on: { click: open } }, icon("phone"));
  }

  buildThemeToggle() {
    const isLight = document.documentElement.dataset.theme === "light";
    const toggle = () => {
      this.changeTheme(isLight ? "dark" : "light");
      this.showHeader();
      this.roots.header.querySelector(".theme-toggle").focus();
    };
    return el("button", { class: "icon-button theme-toggle", type: "button", "aria-label": isLight ? t("Dark theme") : t("Light theme"), on: { click: toggle } }, icon(isLight ? "moon" : "sun"));
  }

  toggleSidebar() {
    document.body.classList.toggle("sidebar-open");
    this.showHeader();
    if (document.body.classList.contains("sidebar-open")) this.roots.channels.querySelector("button")?.focus();
  }

  closeSidebar() {
    if (!NARROW.matches || !document.body.classList.contains("sidebar-open")) return;
    document.body.classList.remove("sidebar-open");
    this.showHeader();
    this.roots.header.querySelector("button").focus();
  }

  toggleMembers() {
    document.body.classList.toggle("members-closed");
    this.showHeader();
    this.roots.header.querySelector(".members-toggle").focus();
  }

  showSwitcher() {
    const { state } = this;
    const people = [...state.members.values()].filter((member) => !member.is_bot);
    const options = people.map((member) => el("option", { value: member.id, selected: member.id === state.me.id }, `${member.display_name} · ${this.titleOf(member)}`));
    const select = el("select", { id: "member", "aria-label": t("You are"), on: { change: () => this.becomeMember(select.value) } }, options);
    this.roots.switcher.replaceChildren(
      el("span", { class: "avatar-frame" }, avatar(state.me), el("i", { class: "presence" })),
      el("span", { class: "switcher-text" }, el("strong", {}, state.me.display_name), el("small", {}, this.titleOf(state.me))),
      icon("chevron"),
      select,
    );
  }

  titleOf(member) {
    const role = this.state.rolesOf(member)[0];
    return role ? t(role.name) : t("Member");
  }

  showMembers() {
    const groups = new Map();
    const byRank = [...this.state.members.values()].sort((a, b) => this.rank(b) - this.rank(a));
    for (const member of byRank) {
      const title = member.is_bot ? t("Apps") : this.titleOf(member);
      groups.set(title, [...(groups.get(title) ?? []), member]);
    }
    this.roots.members.replaceChildren(...[...groups].flatMap(([title, members]) => this.buildGroup(title, members)));
  }

  rank(member) {
    return member.is_bot ? -1 : (this.state.rolesOf(member)[0]?.position ?? 0);
  }

  buildGroup(title, members) {
    const rows = members.map((member) =>
      el("li", { class: "member" }, el("span", { class: "avatar-frame" }, avatar(member), el("i", { class: "presence" })), buildName(member, this.state), member.is_bot && buildBadge()),
    );
    return [el("h2", { class: "group-title" }, `${title} — ${members.length}`), el("ul", {}, rows)];
  }
}
