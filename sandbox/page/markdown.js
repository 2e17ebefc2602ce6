// Discord's markdown, as DOM nodes. Text never passes through an HTML parser.

import { el } from "./dom.js";
import { buildStamp } from "./timestamps.js";
import { t } from "./words.js";

const BODY = "((?:\\\\[\\s\\S]|[^\\\\])+?)";
const MESSAGE_LINK = /^https:\/\/discord\.com\/channels\/(?:\d+|@me)\/(\d+)\/(\d+)$/;
const WEB = /^https?:\/\/[^\s<>]+$/i;

/** Rules in order of precedence; each is tried where the text stands. */
const RULES = [
  [/\\([^A-Za-z0-9\s])/y, (match) => match[1]],
  [/```(?:([A-Za-z0-9+#.-]+)\n)?\n*([\s\S]+?)\n*```\n?/y, (match) => el("pre", {}, el("code", {}, match[2]))],
  [/(`+)([\s\S]*?[^`])\1(?!`)/y, (match) => el("code", { class: "inline-code" }, match[2].trim() || match[2])],
  [/<t:(-?\d{1,13})(?::([tTdDfFR]))?>/y, (match) => buildStamp(Number(match[1]), match[2] ?? "f")],
  [/<@!?(\d+)>/y, (match, context) => mention(`@${context.memberName(match[1]) ?? t("unknown-user")}`)],
  [/<@&(\d+)>/y, (match, context) => mention(`@${context.roleName(match[1]) ?? t("unknown-role")}`)],
  [/<#(\d+)>/y, buildChannel],
  [/<\/([-_\w ]{1,96}):\d+>/y, buildCommand],
  [/<a?(:\w+:)\d+>/y, (match) => match[1]],
  [/<(https?:\/\/[^\s<>]+)>/iy, (match, context) => link(match[1], [match[1]], context)],
  [/\[((?:\\.|[^[\]\\])+)\]\(<?(https?:\/\/[^\s<>()]*(?:\([^\s<>()]*\)[^\s<>()]*)*)>?(?: "[^"]*")?\)/iy, (match, context) => link(match[2], inline(match[1], context), context)],
  [/https?:\/\/[^\s<>]*[^\s<>.,:;"')\]*_~|\\]/iy, (match, context) => link(match[0], [match[0]], context)],
  [new RegExp(`\\*\\*\\*${BODY}\\*\\*\\*(?!\\*)`, "y"), (match, context) => el("strong", {}, el("em", {}, inline(match[1], context)))],
  [new RegExp(`\\*\\*${BODY}\\*\\*(?!\\*)`, "y"), wrap("strong")],
  [new RegExp(`__${BODY}__(?!_)`, "y"), wrap("u")],
  [new RegExp(`~~${BODY}~~`, "y"), wrap("s")],
  [new RegExp(`\\|\\|${BODY}\\|\\|`, "y"), (match, context) => buildSpoiler(inline(match[1], context))],
  [/\*(?=\S)((?:\\[\s\S]|\*\*|[^\\*])+?)(?<!\s)\*(?!\*)/y, wrap("em")],
  [/(?<![A-Za-z0-9])_((?:\\[\s\S]|__|[^\\_])+?)_(?![A-Za-z0-9_])/y, wrap("em")],
  [/@(?:everyone|here)\b/y, (match, context) => (context.pingsEveryone ? mention(match[0]) : match[0])],
  [/\n/y, () => el("br")],
];
const STARTS = /[\\`<[hH*_~|@\n]/;
const BLOCK = /^(?:(#{1,3}) +(.+)|-# +(.+)|> ?(.*)|( *)[-*] +(.+))$/;

/**
 * Renders text. `context` has `memberName`, `roleName` and `channelName` (an id's name or nothing),
 * `openChannel`, `hasChannel`, `jumpTo`, `useCommand`, and `pingsEveryone`.
 */
export function renderMarkdown(text, context) {
  const root = el("div", { class: "markdown" });
  let paragraph = [];
  const flush = () => {
    if (paragraph.length) root.append(...inline(paragraph.join("\n"), context), el("br"));
    paragraph = [];
  };
  for (const line of splitLines(text)) {
    const match = BLOCK.exec(line);
    if (match) {
      flush();
      appendBlock(root, match, context);
    } else {
      paragraph.push(line);
    }
  }
  flush();
  if (root.lastChild?.nodeName === "BR") root.lastChild.remove();
  return root;
}

/** Splits into lines, keeping each code block in one piece. */
function splitLines(text) {
  const lines = [];
  for (const part of text.split(/(```[\s\S]+?```\n?)/)) {
    if (part.startsWith("```") && part.length > 3) lines.push(part);
    else if (part) lines.push(...part.split("\n"));
  }
  return lines;
}

function appendBlock(root, match, context) {
  const [, marks, heading, subtext, quote, indent, item] = match;
  if (heading !== undefined) {
    // The page has headings of its own above; a message's must not stand beside them.
    root.append(el(`h${marks.length + 3}`, { class: `heading-${marks.length}` }, inline(heading, context)));
  } else if (subtext !== undefined) {
    root.append(el("small", { class: "subtext" }, inline(subtext, context)));
  } else if (quote !== undefined) {
    appendInto(root, "blockquote", [...inline(quote, context), el("br")]);
  } else {
    appendInto(root, "ul", [el("li", { class: indent ? "nested" : "" }, inline(item, context))]);
  }
}

function appendInto(root, tag, nodes) {
  const last = root.lastChild?.nodeName.toLowerCase() === tag ? root.lastChild : root.appendChild(el(tag));
  last.append(...nodes);
}

function inline(text, context) {
  const nodes = [];
  let plain = "";
  const flush = () => {
    if (plain) nodes.push(document.createTextNode(plain));
    plain = "";
  };
  for (let at = 0; at < text.length; ) {
    const found = STARTS.test(text[at]) ? ruleAt(text, at) : null;
    const [length, built] = found ? [found[0][0].length, found[1](found[0], context)] : [1, text[at]];
    if (typeof built === "string") {
      plain += built;
    } else {
      flush();
      nodes.push(built);
    }
    at += length;
  }
  flush();
  return nodes;
}

function ruleAt(text, at) {
  for (const [pattern, build] of RULES) {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (match) return [match, build];
  }
  return null;
}

function wrap(tag) {
  return (match, context) => el(tag, {}, inline(match[1], context));
}

function mention(text) {
  return el("span", { class: "mention" }, text);
}

function buildChannel(match, context) {
  const name = context.channelName(match[1]);
  if (!name) return mention(`#${t("unknown")}`);
  const open = () => context.openChannel(match[1]);
  return el("button", { class: "mention", type: "button", on: { click: open } }, `#${name}`);
}

function buildCommand(match, context) {
  const use = () => context.useCommand(`/${match[1]}`);
  return el("button", { class: "mention", type: "button", on: { click: use } }, `/${match[1]}`);
}

/** Builds a link, to the web only: anything else stays text. One to a message jumps there. */
export function link(address, children, context) {
  if (!WEB.test(address)) return el("span", {}, children);
  const target = MESSAGE_LINK.exec(address);
  if (target && context?.hasChannel(target[1])) {
    const jump = () => context.jumpTo(target[1], target[2]);
    // Whoever wrote the address alone sees a message's place in its stead, as in Discord.
    const shown = children[0] === address ? [t("Jump to message")] : children;
    return el("button", { class: "link-button", type: "button", on: { click: jump } }, shown);
  }
  return el("a", { href: address, target: "_blank", rel: "noopener noreferrer nofollow" }, children);
}

function buildSpoiler(children) {
  const reveal = (event) => {
    event.currentTarget.classList.add("revealed");
    event.currentTarget.removeAttribute("aria-label");
  };
  return el("button", { class: "spoiler-text", type: "button", "aria-label": t("Spoiler"), on: { click: reveal } }, el("span", {}, children));
}
