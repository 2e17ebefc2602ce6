// The list above the composer: commands, options, or an option's choices.

import { el } from "./dom.js";
import { keepSaid } from "./words.js";

export class Suggestions {
  constructor() {
    this.list = el("ul", { class: "suggestion-list", id: "suggestions", role: "listbox" });
    keepSaid(this.list, "Suggestions", "aria-label");
    this.title = el("p", { class: "suggestion-title" });
    this.element = el("div", { class: "suggestions", hidden: true }, this.title, this.list);
    this.items = [];
    this.active = -1;
    this.input = null;
    // The focus stays in the input, or picking would close the list first.
    this.element.addEventListener("mousedown", (event) => event.preventDefault());
  }

  /** Shows items `{label, detail, note, lead}` for an input; `onPick` gets the chosen one. */
  show(input, { title = "", items = [], onPick = () => {}, startsActive = true }) {
    if (this.input && this.input !== input) this.describeInput(null);
    this.input = input;
    this.items = items;
    this.onPick = onPick;
    this.title.replaceChildren(...[title].flat());
    this.title.hidden = !title.length;
    this.list.hidden = !items.length;
    this.list.replaceChildren(...items.map((item, index) => this.build(item, index)));
    this.element.hidden = !title.length && !items.length;
    this.activate(items.length && startsActive ? 0 : -1);
  }

  build(item, index) {
    return el(
      "li",
      { class: "suggestion", id: `suggestion-${index}`, role: "option", "aria-selected": "false", on: { click: () => this.onPick(item), mousemove: () => this.active !== index && this.activate(index) } },
      item.lead,
      el("span", { class: "suggestion-text" }, el("span", { class: "suggestion-label" }, item.label), item.detail && el("span", { class: "suggestion-detail" }, item.detail)),
      item.note && el("span", { class: "suggestion-note" }, item.note),
    );
  }

  hide() {
    this.element.hidden = true;
    this.items = [];
    this.active = -1;
    this.describeInput(null);
  }

  get isOpen() {
    return !this.element.hidden && this.items.length > 0;
  }

  activate(index) {
    this.active = index;
    [...this.list.children].forEach((node, at) => node.setAttribute("aria-selected", String(at === index)));
    this.list.children[index]?.scrollIntoView({ block: "nearest" });
    this.describeInput(index < 0 ? null : `suggestion-${index}`);
  }

  describeInput(activeId) {
    if (!this.input) return;
    this.input.setAttribute("aria-expanded", String(this.isOpen));
    if (activeId) this.input.setAttribute("aria-activedescendant", activeId);
    else this.input.removeAttribute("aria-activedescendant");
  }

  /** Handles a key that belongs to the list; says whether it did. */
  takeKey(event) {
    if (!this.isOpen) return false;
    const count = this.items.length;
    if (event.key === "ArrowDown") this.activate((this.active + 1) % count);
    else if (event.key === "ArrowUp") this.activate((this.active + count - (this.active < 0 ? 0 : 1)) % count);
    else if (event.key === "Escape") this.hide();
    else if ((event.key === "Enter" || event.key === "Tab") && !event.shiftKey && this.active >= 0) this.onPick(this.items[this.active]);
    else return false;
    event.preventDefault();
    event.stopPropagation();
    return true;
  }
}

/** The attributes of an input that drives the list. */
export const COMBOBOX = { role: "combobox", "aria-expanded": "false", "aria-controls": "suggestions", "aria-autocomplete": "list", autocomplete: "off", spellcheck: "false" };
