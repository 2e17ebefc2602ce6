// Attachments: picture galleries with a lightbox, players, and rows to download.

import { el, icon } from "./dom.js";
import { t } from "./words.js";

const OWN = /^\/(?:ephemeral-)?attachments\//;
const KILOBYTE = 1024;
const MEGABYTE = 1024 * KILOBYTE;
const LARGEST = { width: 550, height: 350 };
const GRID_OF_FOUR = 4;

/** The path of one of the stand-in's own files; null for anything on another host. */
export function ownAddress(address) {
  try {
    const url = new URL(address, location.href);
    return OWN.test(url.pathname) ? url.pathname + url.search : null;
  } catch {
    return null;
  }
}

export function buildAttachments(attachments) {
  const pictures = attachments.filter((file) => isA(file, "image") && file.width);
  const others = attachments.filter((file) => !pictures.includes(file));
  const nodes = others.map(buildFile);
  if (pictures.length) nodes.unshift(buildGallery(pictures));
  return nodes.length ? el("div", { class: "attachments" }, nodes) : null;
}

const isA = (file, kind) => (file.content_type ?? "").startsWith(`${kind}/`);

/** Builds pictures and videos side by side; `slot` tells this gallery from others of the message. */
export function buildGallery(files, slot = "file") {
  const shape = files.length > GRID_OF_FOUR ? "many" : String(files.length);
  const tiles = files.map((file, index) => buildTile(file, `${slot}-${index}`, () => openLightbox(files.filter(isPicture), files.filter(isPicture).indexOf(file))));
  if (files.length === 1 && isPicture(files[0])) fitInto(tiles[0], files[0], LARGEST.width, LARGEST.height);
  return el("div", { class: `gallery gallery-${shape}` }, tiles);
}

const isPicture = (file) => isA(file, "image");

function buildTile(file, slot, open) {
  if (!isPicture(file)) return buildFile(file);
  const name = file.description || file.filename;
  const tile = el("button", { class: "tile", type: "button", "aria-label": t("Enlarge {name}", { name }) }, buildPicture(file, slot, name));
  if (file.isSpoiler || file.filename.startsWith("SPOILER_")) hideBehindSpoiler(tile, name);
  tile.addEventListener("click", () => (tile.classList.contains("spoiler") ? reveal(tile, name) : open()));
  return tile;
}

function hideBehindSpoiler(tile, name) {
  tile.classList.add("spoiler");
  tile.setAttribute("aria-label", t("Spoiler: show {name}", { name }));
  tile.append(el("span", { class: "spoiler-label" }, t("Spoiler")));
}

function reveal(tile, name) {
  tile.classList.remove("spoiler");
  tile.setAttribute("aria-label", t("Enlarge {name}", { name }));
  tile.querySelector(".spoiler-label").remove();
}

/** Builds a picture; `slot` says which earlier one it replaces when the message changes. */
export function buildPicture(file, slot, name) {
  const source = ownAddress(file.url);
  if (!source) return el("span", { class: "outside" }, t("A picture on another host is not loaded here."));
  return el("img", { src: source, alt: name, width: file.width, height: file.height, draggable: "false", dataset: { slot } });
}

/** Reserves a picture's room before it has loaded, so that nothing jumps. */
export function fitInto(node, file, width, height) {
  if (!file.width || !file.height) return;
  const scale = Math.min(1, width / file.width, height / file.height);
  node.style.setProperty("width", `${Math.round(file.width * scale)}px`);
  node.style.setProperty("aspect-ratio", `${file.width} / ${file.height}`);
}

/** Carries pictures over into the changed message: they stay until the new ones have loaded. */
export function keepPictures(before, after) {
  for (const fresh of after.querySelectorAll("img[data-slot]")) {
    const old = before.querySelector(`img[data-slot="${fresh.dataset.slot}"]`);
    if (!old) continue;
    for (const name of ["alt", "width", "height"]) {
      if (fresh.hasAttribute(name)) old.setAttribute(name, fresh.getAttribute(name));
    }
    if (old.getAttribute("src") !== fresh.getAttribute("src")) old.src = fresh.getAttribute("src");
    fresh.replaceWith(old);
  }
}

export function buildFile(file) {
  const source = ownAddress(file.url);
  if (source && isA(file, "video")) return el("video", { src: source, controls: true, preload: "metadata", class: "player" });
  const row = el(
    "div",
    { class: "file-row" },
    icon("file"),
    el("span", { class: "file-text" }, el("span", { class: "file-name" }, file.filename), file.size !== null && el("span", { class: "file-size" }, formatSize(file.size))),
    source && el("a", { class: "icon-button", href: source, download: file.filename, "aria-label": t("Download {name}", { name: file.filename }) }, icon("download")),
  );
  if (source && isA(file, "audio")) row.append(el("audio", { src: source, controls: true, preload: "metadata" }));
  return row;
}

export function formatSize(bytes) {
  if (bytes >= MEGABYTE) return `${(bytes / MEGABYTE).toFixed(2)} MB`;
  return bytes >= KILOBYTE ? `${(bytes / KILOBYTE).toFixed(2)} KB` : t("{count} bytes", { count: bytes });
}

/** Shows pictures large, one at a time; arrow keys move, Escape or a click beside closes. */
export function openLightbox(files, start) {
  let index = start;
  const picture = el("img", { class: "lightbox-picture", alt: "" });
  const address = el("a", { class: "lightbox-link", target: "_blank", rel: "noopener" }, icon("external"), t("Open in browser"));
  const place = el("span", { class: "lightbox-place" });
  const show = (next) => {
    index = (next + files.length) % files.length;
    const file = files[index];
    const source = ownAddress(file.url) ?? "";
    picture.src = source;
    picture.alt = file.description || file.filename;
    address.href = source;
    place.textContent = files.length > 1 ? t("{place} of {count}", { place: index + 1, count: files.length }) : "";
  };
  const dialog = el("dialog", { class: "lightbox", "aria-label": t("Picture") }, picture, el("p", { class: "lightbox-caption" }, address, place));
  const turn = (name, label, step) => el("button", { class: `lightbox-arrow ${name}`, type: "button", "aria-label": label, on: { click: () => show(index + step) } }, icon(name));
  if (files.length > 1) dialog.append(turn("left", t("Previous picture"), -1), turn("right", t("Next picture"), 1));
  dialog.append(el("button", { class: "lightbox-close", type: "button", "aria-label": t("Close"), on: { click: () => dialog.close() } }, icon("close")));
  dialog.addEventListener("keydown", (event) => {
    if (event.key === "ArrowLeft") show(index - 1);
    if (event.key === "ArrowRight") show(index + 1);
  });
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  show(index);
  document.body.append(dialog);
  dialog.showModal();
}
