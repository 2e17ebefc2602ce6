// One option in the composer: a pill with its name and an input that suits its type.

import { el, icon } from "./dom.js";
import { formatSize } from "./media.js";
import { ATTACHMENT, fixedChoices, INTEGER, Invalid, NUMBER, parseValue, STRING } from "./options.js";
import { COMBOBOX } from "./suggestions.js";
import { t } from "./words.js";

const COMPLETION_DELAY_MS = 200;

/** Builds the field of an option. `composer` has `state`, `suggestions`, `complete` and `fieldPicked`. */
export function buildField(option, composer) {
  return option.type === ATTACHMENT ? new FileField(option, composer) : new TextField(option, composer);
}

class Field {
  constructor(option, composer) {
    this.option = option;
    this.composer = composer;
    this.error = null;
    this.errorText = el("span", { class: "visually-hidden", id: `error-${option.name}`, role: "alert" });
  }

  frame(control) {
    const { name } = this.option;
    const label = el("label", { class: "pill-name", for: `option-${name}` }, name);
    this.element = el("span", { class: "pill", dataset: { option: name } }, label, control, this.errorText);
    this.element.addEventListener("focusin", () => this.onFocus());
  }

  setError(sentence) {
    this.error = sentence;
    this.element.classList.toggle("invalid", Boolean(sentence));
    this.errorText.textContent = sentence ?? "";
    this.control.setAttribute("aria-invalid", String(Boolean(sentence)));
    if (sentence) this.control.setAttribute("aria-describedby", this.errorText.id);
    else this.control.removeAttribute("aria-describedby");
  }

  get title() {
    const { option, error } = this;
    const text = [el("strong", {}, option.name), " ", option.description];
    return error ? [...text, el("span", { class: "suggestion-error" }, icon("restricted"), error)] : text;
  }

  focus() {
    this.control.focus();
  }
}

class TextField extends Field {
  constructor(option, composer) {
    super(option, composer);
    this.picked = null;
    this.asked = 0;
    this.choices = fixedChoices(option, composer.state);
    const hasList = this.choices || option.autocomplete;
    const isProse = option.type === STRING && !hasList;
    const attributes = { ...(hasList ? COMBOBOX : { autocomplete: "off" }), id: `option-${option.name}`, class: "pill-input", "aria-required": String(Boolean(option.required)), inputmode: this.inputMode };
    this.control = isProse ? el("textarea", { ...attributes, rows: "1" }) : el("input", { ...attributes, type: "text" });
    this.control.addEventListener("input", () => this.onInput());
    this.frame(this.control);
  }

  get inputMode() {
    if (this.choices) return null;
    return { [INTEGER]: "numeric", [NUMBER]: "decimal" }[this.option.type] ?? null;
  }

  get isEmpty() {
    return this.control.value === "";
  }

  onFocus() {
    if (this.choices) this.offer(this.matching());
    else if (this.option.autocomplete) this.picked ? this.composer.suggestions.show(this.control, { title: this.title }) : this.complete();
    else this.composer.suggestions.show(this.control, { title: this.title });
  }

  onInput() {
    this.picked = null;
    // Options are one line of text, however it was pasted.
    if (this.control.value.includes("\n")) this.control.value = this.control.value.replace(/\s*\n\s*/g, " ");
    this.setError(null);
    fitToText(this.control);
    if (this.option.autocomplete) {
      clearTimeout(this.timer);
      this.awaitChoices();
      this.timer = setTimeout(() => this.complete(), COMPLETION_DELAY_MS);
    } else {
      this.onFocus();
    }
  }

  /** Takes a text as if it had been typed, without asking for suggestions. */
  type(text) {
    this.control.value = text.replace(/\s*\n\s*/g, " ");
    fitToText(this.control);
  }

  matching() {
    const typed = this.picked ? "" : this.control.value.trim().toLowerCase();
    return this.choices.filter((choice) => choice.name.toLowerCase().includes(typed));
  }

  /** Takes away what was suggested for another text, or Enter would pick it; returns the turn. */
  awaitChoices() {
    this.composer.suggestions.show(this.control, { title: [...this.title, el("em", {}, ` ${t("Loading options…")}`)] });
    this.asked += 1;
    return this.asked;
  }

  /** Asks the bot what it suggests; an answer that is overtaken by typing is dropped. */
  async complete() {
    // The command may have been sent while the typing came to rest.
    if (!this.composer.fields.includes(this)) return;
    const turn = this.awaitChoices();
    const { suggestions } = this.composer;
    const choices = await this.composer.complete(this);
    if (turn !== this.asked || document.activeElement !== this.control) return;
    if (choices === null) suggestions.show(this.control, { title: [...this.title, el("span", { class: "suggestion-error" }, icon("restricted"), t("Loading options failed"))] });
    else if (choices.length) this.offer(choices);
    else suggestions.show(this.control, { title: [...this.title, el("em", {}, ` ${t("No options match your search")}`)] });
  }

  offer(choices) {
    const items = choices.map((choice) => ({ label: choice.name, choice }));
    this.composer.suggestions.show(this.control, { title: this.title, items, onPick: (item) => this.pick(item.choice) });
  }

  pick(choice) {
    clearTimeout(this.timer);
    this.asked += 1;
    this.picked = choice;
    this.control.value = choice.name;
    this.setError(null);
    fitToText(this.control);
    this.composer.suggestions.hide();
    this.composer.fieldPicked(this);
  }

  /** What to send; throws `Invalid`. */
  read() {
    if (this.picked) return this.picked.value;
    const text = this.control.value;
    if (!text.trim()) throw new Invalid(t("This option is required. Specify a value."));
    if (!this.choices) return parseValue(this.option, text);
    const exact = this.choices.find((choice) => choice.name.toLowerCase() === text.trim().toLowerCase());
    if (!exact) throw new Invalid(t("Choose one of the list."));
    return exact.value;
  }
}

class FileField extends Field {
  constructor(option, composer) {
    super(option, composer);
    this.file = null;
    this.picker = el("input", { type: "file", class: "visually-hidden", id: `file-${option.name}`, tabindex: "-1", "aria-label": option.name, on: { change: () => this.picker.files[0] && this.take(this.picker.files[0]) } });
    this.control = el("button", { class: "pill-file", type: "button", id: `option-${option.name}`, on: { click: () => this.picker.click() } }, t("Choose, drop or paste a file"));
    this.frame([this.control, this.picker]);
  }

  get isEmpty() {
    return this.file === null;
  }

  onFocus() {
    this.composer.suggestions.show(this.control, { title: this.title });
  }

  take(file) {
    this.file = file;
    this.setError(null);
    const thumbnail = file.type.startsWith("image/") ? el("img", { src: URL.createObjectURL(file), alt: "", on: { load: (event) => URL.revokeObjectURL(event.target.src) } }) : icon("file");
    this.control.replaceChildren(thumbnail, el("span", { class: "pill-file-name" }, file.name), el("small", {}, formatSize(file.size)));
    this.composer.fieldPicked(this);
  }

  read() {
    if (!this.file) throw new Invalid(t("This option is required. Specify a value."));
    return this.file;
  }
}

/** Widens a one-line input with its text, where the browser does not do it by itself. */
function fitToText(control) {
  if (control.tagName === "INPUT") control.size = Math.max(4, Math.min(40, control.value.length + 1));
}
