// A message's buttons and menus.

import * as api from "./api.js";
import { el, icon } from "./dom.js";

const ROW = 1;
const BUTTON = 2;
const LINK_STYLE = 5;
const STYLES = { 1: "primary", 2: "secondary", 3: "success", 4: "danger", 5: "link" };

export function buildComponents(message, state) {
  const rows = message.components.filter((row) => row.type === ROW);
  if (!rows.length) return null;
  return el(
    "div",
    { class: "components" },
    rows.map((row) => el("div", { class: "component-row" }, row.components.map((part) => buildPart(part, message, state)))),
  );
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

function buildSelect(part, message, state) {
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
  const placeholder = part.placeholder || "Make a selection";
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
  const done = el("button", { class: "button button-primary", type: "button", disabled, on: { click: () => choose(values()) } }, "Choose");
  const check = () => {
    const count = values().length;
    done.disabled = disabled || count < least || count > most;
  };
  check();
  const entries = part.options.map((option, index) => el("label", { class: "menu-entry" }, boxes[index], el("span", {}, option.label, option.description && el("small", {}, option.description))));
  return el("details", { class: "menu-many", dataset: { customId: part.custom_id }, on: { change: check } }, el("summary", {}, part.placeholder || "Make a selection", icon("chevron")), el("div", { class: "menu-entries" }, entries, done));
}
