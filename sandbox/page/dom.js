// Building DOM nodes: the only way text gets onto the page, so it never becomes markup.

const SVG = "http://www.w3.org/2000/svg";

/** Builds an element. `attributes.on` holds listeners; false and null attributes are left out. */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) setAttribute(node, name, value);
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false && child !== 0));
  return node;
}

function setAttribute(node, name, value) {
  if (value === null || value === undefined || value === false) return;
  if (name === "on") {
    for (const [event, listener] of Object.entries(value)) node.addEventListener(event, listener);
  } else if (name === "style") {
    // Style attributes are refused by the page's policy; properties are not.
    for (const [property, text] of Object.entries(value)) node.style.setProperty(property, text);
  } else if (name === "dataset") {
    Object.assign(node.dataset, value);
  } else {
    node.setAttribute(name, value === true ? "" : value);
  }
}

const PATHS = {
  hash: ["M9 4 7 20M17 4l-2 16M4 9h17M3 15h17"],
  restricted: ["M12 3 2.500 20h19L12 3zM12 10v5M12 17.500v.5"],
  sun: ["M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.500 1.500M17.500 17.500 19 19M19 5l-1.500 1.500M6.500 17.500 5 19"],
  moon: ["M20 14a8 8 0 1 1-10-10 7 7 0 0 0 10 10z"],
  phone: ["M8 3h8a1 1 0 0 1 1 1v16a1 1 0 0 1-1 1H8a1 1 0 0 1-1-1V4a1 1 0 0 1 1-1zM11 18h2"],
  at: ["M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM16 8v5.500a2.500 2.500 0 0 0 5 0V12a9 9 0 1 0-3.500 7.100"],
  menu: ["M4 6h16M4 12h16M4 18h16"],
  people: ["M9 11a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7zM2.500 20c0-4 3-6 6.500-6s6.500 2 6.500 6M16 4.500a3.500 3.500 0 0 1 0 6.500M18 14.500c2.300.8 3.500 2.700 3.500 5.500"],
  file: ["M6 3h8l4 4v14H6zM14 3v4h4"],
  download: ["M12 4v11M7 10.500l5 5 5-5M5 20h14"],
  close: ["M6 6l12 12M18 6 6 18"],
  send: ["M4 12 3 4l18 8-18 8 1-8zM4 12h8"],
  more: ["M6 12h.01M12 12h.01M18 12h.01"],
  eye: ["M2 12s3.500-6.500 10-6.500S22 12 22 12s-3.500 6.500-10 6.500S2 12 2 12z", "M12 9.500a2.500 2.500 0 1 0 0 5 2.500 2.500 0 0 0 0-5z"],
  reply: ["M4 20V12a4 4 0 0 1 4-4h12"],
  external: ["M14 4h6v6M20 4l-9 9M18 14v6H4V6h6"],
  chevron: ["M6 9l6 6 6-6"],
  left: ["M15 5l-7 7 7 7"],
  right: ["M9 5l7 7-7 7"],
};

/** Builds one of the page's own line icons; it is decoration, so it has no name. */
export function icon(name) {
  const node = document.createElementNS(SVG, "svg");
  node.setAttribute("viewBox", "0 0 24 24");
  node.setAttribute("aria-hidden", "true");
  node.setAttribute("class", `icon icon-${name}`);
  for (const d of PATHS[name]) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", d);
    node.append(path);
  }
  return node;
}

/** Builds the round picture of a person: their initial on their colour. */
export function avatar(member, extraClass = "") {
  const initial = [...(member?.display_name ?? "?")][0].toUpperCase();
  const style = { "background-color": member?.avatar_color ?? "#5865f2" };
  return el("span", { class: `avatar ${extraClass}`, style, "aria-hidden": "true" }, initial);
}
