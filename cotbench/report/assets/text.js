"use strict";
// Text on the page. What models wrote goes through here, and becomes text nodes only.

const UNSEEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ufffd]/g;

function symbolOf(character) {
  const code = character.charCodeAt(0);
  if (code === 0xfffd) return character;
  if (code < 0x20) return String.fromCharCode(0x2400 + code);
  if (code === 0x7f) return "\u2421";
  return "\u27e8U+" + code.toString(16).toUpperCase().padStart(4, "0") + "\u27e9";
}

/** Text with control characters and marks that turn the direction of writing made visible. */
function visible(text) {
  return String(text).replace(UNSEEN, symbolOf);
}

/** An element. attributes: of it; class as "class". children: elements, or texts, which are made visible. */
function make(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  addTo(element, children);
  return element;
}

function addTo(element, children) {
  for (const child of children) {
    if (child === null || child === undefined || child === "") continue;
    if (Array.isArray(child)) addTo(element, child);
    else if (child instanceof Node) element.append(child);
    else addText(element, String(child));
  }
}

/** Text as nodes; what was unseen stands out. */
function addText(element, text) {
  let at = 0;
  for (const found of text.matchAll(UNSEEN)) {
    const next = text[found.index + 1];
    if (found[0] === "\r" && next === "\n") continue;
    if (found.index > at) element.append(text.slice(at, found.index));
    const sign = document.createElement("span");
    sign.className = "sign";
    sign.title = "U+" + found[0].charCodeAt(0).toString(16).toUpperCase().padStart(4, "0");
    sign.textContent = symbolOf(found[0]);
    element.append(sign);
    at = found.index + 1;
  }
  if (at < text.length) element.append(text.slice(at));
}

/** Text of unknown direction, kept apart from what is around it. */
function apart(text, attributes) {
  return make("bdi", attributes, text);
}

function leftOut(characters) {
  return "[... " + characters.toLocaleString("en") + " characters left out ...]";
}

/**
 * The pieces of a text as details hold it: a number in the chunk's strings, or a list of those, of -1 for the
 * question's own text, and of lists with the number of characters that are left out.
 */
function piecesOf(value, strings, question) {
  const list = Array.isArray(value) ? value : [value];
  return list.map((piece) => (Array.isArray(piece) ? piece : piece === -1 ? question : strings[piece]));
}

/** A block of text, with [start, end) of what is kept of it marked. */
function block(pieces, span) {
  const pre = make("pre", { dir: "auto" });
  let at = 0;
  let marked = false;
  for (const piece of pieces) {
    if (Array.isArray(piece)) {
      pre.append(make("span", { class: "left-out" }, "\n" + leftOut(piece[0]) + "\n"));
      continue;
    }
    const end = at + piece.length;
    const from = span ? Math.min(Math.max(span[0], at), end) : end;
    const to = span ? Math.min(Math.max(span[1], at), end) : end;
    addText(pre, piece.slice(0, from - at));
    if (to > from) {
      pre.append(make("mark", { title: "what the answer was read from" }, piece.slice(from - at, to - at)));
      marked = true;
    }
    addText(pre, piece.slice(to - at));
    at = end;
  }
  if (!at && !pre.childNodes.length) pre.append(make("span", { class: "none" }, "(empty)"));
  if (span && !marked) pre.dataset.unmarked = "true";
  return pre;
}

/** The JSON in one of the page's blocks. */
async function unpacked(name) {
  const holder = document.getElementById("data-" + name);
  const binary = atob(holder.textContent);
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < binary.length; at++) bytes[at] = binary.charCodeAt(at);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return JSON.parse(await new Response(stream).text());
}
