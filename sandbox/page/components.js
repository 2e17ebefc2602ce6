// A message's components: buttons, menus, and the layouts around them.

import * as api from "./api.js";
import { el, icon } from "./dom.js";
import { renderMarkdown } from "./markdown.js";
import { buildFile, buildGallery } from "./media.js";
import { t } from "./words.js";

const BUTTON = 2;
const STRING_SELECT = 3;
const LINK_STYLE = 5;
/** Menus of the guild's people, roles and channels, by component type. */
const LISTED = {
  5: (state) => [...state.members.values()].filter((member) => !member.is_bot).map((member) => ({ label: member.display_name, value: member.id })),
  6: (state) => state.guild.roles.map((role) => ({ label: role.name, value: role.id })),
  8: (state) => state.channels.filter((channel) => channel.name).map((channel) => ({ label: `#${channel.name}`, value: channel.id })),
};
LISTED[7] = (state) => [...LISTED[5](state), ...LISTED[6](state)];
const STYLES = { 1: "primary", 2: "secondary", 3: "success", 4: "danger", 5: "link" };

/** Builds a message's components, whether rows below its text or a layout that is all of it. */
export function buildComponents(message, state, context) {
  if (!message.components.length) return null;
  const build = (part) => LAYOUTS[part.type](part, { message, state, context, build });
  return el("div", { class: "components" }, message.components.map(build));
}

/** How each layout component is drawn, by its type. */
const LAYOUTS = {
  1: (row, { message, state }) => el("div", { class: "component-row" }, row.components.map((part) => buildPart(part, message, state))),
  9: (section, { message, state, build }) => el("div", { class: "section" }, el("div", { class: "section-texts" }, section.components.map(build)), section.accessory.type === BUTTON ? buildPart(section.accessory, message, state) : build(section.accessory)),
  10: (text, { context }) => renderMarkdown(text.content, context),
  11: (thumbnail) => el("div", { class: "thumbnail" }, buildGallery([shown(thumbnail, thumbnail.media)], `thumbnail-${thumbnail.id}`)),
  12: (gallery) => buildGallery(gallery.items.map((item) => shown(item, item.media)), `gallery-${gallery.id}`),
  13: (file) => buildFile(shown(file, file.file)),
  14: (separator) => el("hr", { class: `separator spacing-${separator.spacing}${separator.divider ? "" : " blank"}` }),
  17: buildContainer,
};

function buildContainer(container, { build }) {
  const node = el("div", { class: "container" }, container.components.map(build));
  if (typeof container.accent_color === "number") {
    node.classList.add("accented");
    node.style.setProperty("--container-accent", `#${container.accent_color.toString(16).padStart(6, "0")}`);
  }
  return node;
}

/** A component's file, described as attachments are. */
function shown(part, media) {
  const filename = decodeURIComponent(new URL(media.url, location.href).pathname.split("/").at(-1));
  return { filename, size: null, ...media, description: part.description, isSpoiler: part.spoiler };
}

function buildPart(part, message, state) {
  return part.type === BUTTON ? buildButton(part, message, state) : buildSelect(part, message, state);
}

function buildButton(part, message, state) {
  const label = [part.emoji?.name, part.label].filter(Boolean).join(" ");
  if (part.style === LINK_STYLE) {
    return el("a", { class: "button button-link", href: safeAddress(part.url), target: "_blank", rel: "noopener noreferrer" }, label, icon("external"));
  }
  const isBusy = state.isPressed(message.id, part.custom_id);
  const attributes = { class: `button button-${STYLES[part.style]}`, type: "button", disabled: part.disabled, "aria-busy": isBusy ? "true" : null, dataset: { customId: part.custom_id } };
  const button = el("button", attributes, el("span", { class: "button-label" }, label));
  if (isBusy) button.append(el("span", { class: "dots", "aria-hidden": "true" }, el("i"), el("i"), el("i")));
  button.addEventListener("click", () => !isBusy && press(state, message, part.custom_id));
  return button;
}

const safeAddress = (address) => (/^https?:\/\//i.test(address ?? "") ? address : null);

async function press(state, message, customId, values) {
  state.removeNote(message.id);
  const payload = { member: state.me.id, message_id: message.id, custom_id: customId };
  try {
    const { interaction_id: id } = await api.pressComponent(values ? { ...payload, values } : payload);
    state.addPress(id, message.id, customId);
  } catch (error) {
    state.addNote(message.id, error.message);
  }
}

/** A menu with its entries, those of people, roles and channels included. */
export const withEntries = (part, state) => (part.type === STRING_SELECT ? part : { ...part, options: LISTED[part.type](state) });

function buildSelect(select, message, state) {
  const part = withEntries(select, state);
  const choose = (values) => press(state, message, part.custom_id, values);
  const isBusy = state.isPressed(message.id, part.custom_id);
  return buildMenu(part, choose, { disabled: part.disabled || isBusy });
}

/** Builds a menu of entries; `choose` gets the values once the person has decided. */
export function buildMenu(part, choose, { disabled = false } = {}) {
  const most = part.max_values ?? 1;
  return most > 1 ? buildMultiple(part, choose, disabled, most) : buildSingle(part, choose, disabled);
}

function buildSingle(part, choose, disabled) {
  const placeholder = part.placeholder || t("Make a selection");
  const chosen = part.options.find((option) => option.default);
  const options = part.options.map((option) => {
    const text = option.description ? `${option.label} · ${option.description}` : option.label;
    return el("option", { value: option.value, selected: option === chosen }, text);
  });
  const select = el("select", { class: "menu", disabled, "aria-label": placeholder, dataset: { customId: part.custom_id } }, el("option", { value: "", disabled: true, hidden: true, selected: !chosen }, placeholder), options);
  select.addEventListener("change", () => choose([select.value]));
  return el("span", { class: "menu-frame" }, select, icon("chevron"));
}

function buildMultiple(part, choose, disabled, most) {
  const least = part.min_values ?? 1;
  const boxes = part.options.map((option) => el("input", { type: "checkbox", value: option.value, checked: option.default, disabled }));
  const values = () => boxes.filter((box) => box.checked).map((box) => box.value);
  const done = el("button", { class: "button button-primary", type: "button", disabled, on: { click: () => choose(values()) } }, t("Choose"));
  const check = () => {
    const count = values().length;
    done.disabled = disabled || count < least || count > most;
  };
  check();
  const entries = part.options.map((option, index) => el("label", { class: "menu-entry" }, boxes[index], el("span", {}, option.label, option.description && el("small", {}, option.description))));
  return el("details", { class: "menu-many", dataset: { customId: part.custom_id }, on: { change: check } }, el("summary", {}, part.placeholder || t("Make a selection"), icon("chevron")), el("div", { class: "menu-entries" }, entries, done));
}
