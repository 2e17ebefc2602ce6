// Modals: what the bot asks for in a form of its own.

import * as api from "./api.js";
import { buildMenu, withEntries } from "./components.js";
import { el, icon } from "./dom.js";
import { renderMarkdown } from "./markdown.js";
import { t } from "./words.js";

const ROW = 1;
const TEXT_INPUT = 4;
const TEXT_DISPLAY = 10;
const FILE_UPLOAD = 19;
const RADIO_GROUP = 21;
const CHECKBOX_GROUP = 22;
const CHECKBOX = 23;
const PARAGRAPH = 2;
const PLAIN_CONTEXT = { memberName: () => null, roleName: () => null, channelName: () => null };

/** Opens a modal; it stays open until the bot has taken it or the person leaves it. */
export function openModal(event, state) {
  const { modal } = event;
  const fields = {};
  const error = el("p", { class: "failure", role: "alert", hidden: true });
  const cancel = el("button", { class: "button button-link", type: "button", on: { click: () => dialog.close() } }, t("Cancel"));
  const submit = el("button", { class: "button button-primary", type: "submit" }, t("Submit"));
  const form = el("form", {}, el("div", { class: "modal-fields" }, modal.components.map((item) => buildItem(item, fields, state))), error, el("div", { class: "modal-buttons" }, cancel, submit));
  const leave = el("button", { class: "icon-button", type: "button", "aria-label": t("Close"), on: { click: () => dialog.close() } }, icon("close"));
  const dialog = el("dialog", { class: "modal", "aria-labelledby": "modal-title" }, el("header", {}, el("h2", { id: "modal-title" }, modal.title), leave), form);
  const show = (sentence) => {
    error.textContent = sentence ? t(sentence) : "";
    error.hidden = !sentence;
    submit.disabled = false;
  };
  form.addEventListener("submit", (submission) => {
    submission.preventDefault();
    submit.disabled = true;
    send(event, fields, state).then(show).then(() => error.hidden && dialog.close());
  });
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

/** Sends what was filled in; gives the sentence to show when it failed. */
async function send(event, fields, state) {
  const read = Object.entries(fields).map(([id, readField]) => [id, readField()]);
  const isFiles = ([, value]) => value instanceof FileList;
  const values = Object.fromEntries(read.filter((entry) => !isFiles(entry)));
  const files = Object.fromEntries(read.filter(isFiles).map(([id, list]) => [id, [...list]]));
  try {
    const { interaction_id: id } = await api.submitModal({ member: state.me.id, interaction_id: event.interaction_id, custom_id: event.modal.custom_id, fields: values }, files);
    return await outcomeOf(id, state);
  } catch (error) {
    return error.message;
  }
}

function outcomeOf(interactionId, state) {
  if (state.outcomes.has(interactionId)) return state.outcomes.get(interactionId);
  return new Promise((resolve) => {
    const listener = ({ detail }) => {
      if (detail.interactionId !== interactionId) return;
      state.removeEventListener("outcome", listener);
      resolve(detail.failure);
    };
    state.addEventListener("outcome", listener);
  });
}

function buildItem(item, fields, state) {
  if (item.type === TEXT_DISPLAY) return renderMarkdown(item.content, PLAIN_CONTEXT);
  const part = item.type === ROW ? item.components[0] : item.component;
  const label = item.label ?? part.label ?? "";
  const build = { [TEXT_INPUT]: buildText, [FILE_UPLOAD]: buildUpload, [RADIO_GROUP]: buildBoxes, [CHECKBOX_GROUP]: buildBoxes, [CHECKBOX]: buildCheckbox }[part.type] ?? buildChoice;
  const input = build(part, fields, state);
  const isRequired = (part.required ?? true) && part.type !== CHECKBOX;
  const hasBoxes = part.type === RADIO_GROUP || part.type === CHECKBOX_GROUP;
  return el(hasBoxes ? "fieldset" : "label", { class: "modal-field" }, el(hasBoxes ? "legend" : "span", { class: "modal-label" }, label, isRequired && el("span", { class: "required", "aria-hidden": "true" }, " *")), item.description && el("small", {}, item.description), input);
}

function buildText(part, fields) {
  const attributes = { class: "modal-input", placeholder: part.placeholder, required: part.required ?? true, minlength: part.min_length, maxlength: part.max_length ?? 4000 };
  const input = part.style === PARAGRAPH ? el("textarea", { ...attributes, rows: "4" }) : el("input", { ...attributes, type: "text" });
  input.value = part.value ?? "";
  fields[part.custom_id] = () => input.value;
  return input;
}

function buildUpload(part, fields) {
  const input = el("input", { class: "modal-input", type: "file", multiple: (part.max_values ?? 1) > 1, required: part.required ?? true });
  fields[part.custom_id] = () => input.files;
  return input;
}

function buildBoxes(part, fields) {
  const isRadio = part.type === RADIO_GROUP;
  const boxes = part.options.map((option) => el("input", { type: isRadio ? "radio" : "checkbox", name: part.custom_id, value: option.value, checked: option.default, required: isRadio && (part.required ?? true) }));
  const values = () => boxes.filter((box) => box.checked).map((box) => box.value);
  fields[part.custom_id] = () => (isRadio ? (values()[0] ?? null) : values());
  return part.options.map((option, index) => el("label", { class: "menu-entry" }, boxes[index], el("span", {}, option.label, option.description && el("small", {}, option.description))));
}

function buildCheckbox(part, fields) {
  const box = el("input", { type: "checkbox", checked: part.default });
  fields[part.custom_id] = () => box.checked;
  return box;
}

function buildChoice(select, fields, state) {
  const part = withEntries(select, state);
  let chosen = part.options.filter((option) => option.default).map((option) => option.value);
  fields[part.custom_id] = () => chosen;
  return buildMenu(part, (values) => {
    chosen = values;
  });
}
