// Embeds: a coloured bar, a title, text, fields, pictures and a footer.

import { el } from "./dom.js";
import { link, renderMarkdown } from "./markdown.js";
import { buildPicture, fitInto, openLightbox } from "./media.js";
import { buildStamp } from "./timestamps.js";
import { t } from "./words.js";

const GRID = 12;
const FIELDS_IN_A_ROW = 3;

export function buildEmbed(embed, index, context) {
  const text = (content) => renderMarkdown(content, context);
  const parts = [
    embed.author && el("div", { class: "embed-author" }, embed.author.name),
    embed.title && el("div", { class: "embed-title" }, embed.url ? link(embed.url, [embed.title]) : text(embed.title)),
    embed.description && el("div", { class: "embed-description" }, text(embed.description)),
    embed.fields?.length && buildFields(embed.fields, text),
  ];
  const node = el(
    "article",
    { class: "embed" },
    el("div", { class: "embed-body" }, el("div", { class: "embed-text" }, parts), embed.thumbnail && buildEmbedPicture(embed.thumbnail, `embed-${index}-thumbnail`, 80, 80)),
    embed.image && buildEmbedPicture(embed.image, `embed-${index}-image`, 400, 300),
    buildFooter(embed),
  );
  if (embed.color) node.style.setProperty("border-color", `#${embed.color.toString(16).padStart(6, "0")}`);
  return node;
}

function buildEmbedPicture(picture, slot, width, height) {
  const open = () => openLightbox([{ ...picture, filename: t("Picture") }], 0);
  const name = picture.description || t("Picture in the message");
  const tile = el("button", { class: "tile embed-picture", type: "button", "aria-label": t("Enlarge the picture"), on: { click: open } }, buildPicture(picture, slot, name));
  fitInto(tile, picture, width, height);
  return tile;
}

function buildFields(fields, text) {
  const grid = el("div", { class: "embed-fields" });
  for (const row of rowsOf(fields)) {
    const span = GRID / row.length;
    row.forEach((field, at) => {
      const column = field.inline ? `${1 + at * span} / ${1 + (at + 1) * span}` : "1 / -1";
      grid.append(el("div", { class: "embed-field", style: { "grid-column": column } }, el("div", { class: "embed-field-name" }, text(field.name)), el("div", {}, text(field.value))));
    });
  }
  return grid;
}

/** Groups neighbouring inline fields, three in a row. */
function rowsOf(fields) {
  const rows = [];
  for (const field of fields) {
    const last = rows.at(-1);
    if (field.inline && last?.[0].inline && last.length < FIELDS_IN_A_ROW) last.push(field);
    else rows.push([field]);
  }
  return rows;
}

function buildFooter(embed) {
  if (!embed.footer && !embed.timestamp) return null;
  const time = embed.timestamp && buildStamp(Date.parse(embed.timestamp) / 1000, "f");
  return el("footer", { class: "embed-footer" }, embed.footer?.text, embed.footer && time && " • ", time);
}
