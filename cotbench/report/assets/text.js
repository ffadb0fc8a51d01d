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

// --- formulas -----------------------------------------------------------------------------------------------------

const MATHML = "http://www.w3.org/1998/Math/MathML";
const ELEMENTS = new Set(("mrow mi mn mo mtext mspace msup msub msubsup mfrac msqrt mroot mover munder munderover " +
  "mtable mtr mtd mstyle menclose mpadded mphantom").split(" "));
const ATTRIBUTES = new Set(("mathvariant stretchy fence movablelimits largeop accent form minsize maxsize linethickness " +
  "width displaystyle scriptlevel columnalign notation").split(" "));

/** An element of MathML from a list: its name, attributes if any, and texts and lists. */
function grown([tag, ...parts]) {
  if (!ELEMENTS.has(tag)) throw new Error("no element of mathematics: " + tag);
  const element = document.createElementNS(MATHML, tag);
  for (const part of parts) {
    if (typeof part === "string") element.append(visible(part));
    else if (Array.isArray(part)) element.append(grown(part));
    else for (const [name, value] of Object.entries(part)) if (ATTRIBUTES.has(name)) element.setAttribute(name, value);
  }
  return element;
}

function formula(tree, latex) {
  const math = document.createElementNS(MATHML, "math");
  if (/^(\$\$|\\\[|\\begin)/.test(latex)) math.setAttribute("display", "block");
  math.setAttribute("alttext", visible(latex));
  math.append(...tree.map(grown));
  return math;
}

/** Text with its formulas as mathematics. spans: of each where it begins and ends, and its number among the trees. */
function addMixed(element, text, spans, trees, change) {
  const plain = change || ((part) => part);
  let at = 0;
  for (let n = 0; n + 2 < (spans || []).length; n += 3) {
    const [start, end, number] = [spans[n], spans[n + 1], spans[n + 2]];
    if (end > text.length) break;
    addText(element, plain(text.slice(at, start)));
    element.append(formula(trees[number], text.slice(start, end)));
    at = end;
  }
  addText(element, plain(text.slice(at)));
}

/** Text of unknown direction with its formulas, kept apart from what is around it. */
function apartMixed(text, spans, trees, attributes) {
  const element = make("bdi", attributes);
  addMixed(element, text, spans, trees);
  return element;
}

// --- blocks -------------------------------------------------------------------------------------------------------

/**
 * The pieces of a text as details hold it: a number in the chunk's strings, or a list of those, of -1 for the
 * question's own text, and of lists with the number of characters that are left out. details: where formulas are looked
 * up, if they are wanted.
 */
function piecesOf(value, strings, question, details) {
  const list = Array.isArray(value) ? value : [value];
  return list.map((piece) => {
    if (Array.isArray(piece)) return piece;
    if (piece === -1) return { text: question };
    return { text: strings[piece], spans: details && details.maths && details.maths[piece], trees: details && details.formulas };
  });
}

/** A block of text, with [start, end) of what is kept of it marked; and buttons to copy it, or see it as typed. */
function block(pieces, span) {
  const list = pieces.map((piece) => (typeof piece === "string" ? { text: piece } : piece));
  const pre = make("pre", { dir: "auto" });
  fillBlock(pre, list, span, true);
  const buttons = make("div", { class: "tools" });
  if (list.some((piece) => piece.spans && piece.spans.length)) {
    const typed = make("button", { type: "button", class: "small", "aria-pressed": "false" }, "As typed");
    typed.addEventListener("click", () => {
      const pressed = typed.getAttribute("aria-pressed") !== "true";
      typed.setAttribute("aria-pressed", String(pressed));
      fillBlock(pre, list, span, !pressed);
    });
    buttons.append(typed);
  }
  buttons.append(copyButton(() =>
    list.map((piece) => (Array.isArray(piece) ? "\n" + leftOut(piece[0]) + "\n" : piece.text)).join("")));
  return make("div", { class: "block" }, pre, buttons);
}

function fillBlock(pre, pieces, span, mathematics) {
  pre.replaceChildren();
  let at = 0;
  let marked = false;
  for (const piece of pieces) {
    if (Array.isArray(piece)) {
      pre.append(make("span", { class: "left-out" }, "\n" + leftOut(piece[0]) + "\n"));
      continue;
    }
    const { text, trees } = piece;
    const spans = (mathematics && piece.spans) || [];
    const end = at + text.length;
    let from = span ? Math.min(Math.max(span[0], at), end) - at : text.length;
    let to = span ? Math.min(Math.max(span[1], at), end) - at : text.length;
    const told = to > from;
    const before = [];
    const within = [];
    const after = [];
    for (let n = 0; n + 2 < spans.length; n += 3) { // a formula that is marked in part is marked
      if (told && spans[n] < to && spans[n + 1] > from) {
        from = Math.min(from, spans[n]);
        to = Math.max(to, spans[n + 1]);
      }
    }
    for (let n = 0; n + 2 < spans.length; n += 3) {
      const [start, stop, number] = spans.slice(n, n + 3);
      const [target, base] = stop <= from ? [before, 0] : start >= to ? [after, to] : [within, from];
      target.push(start - base, stop - base, number);
    }
    addMixed(pre, text.slice(0, from), before, trees);
    if (told) {
      const mark = make("mark", { title: "what the answer was read from" });
      addMixed(mark, text.slice(from, to), within, trees);
      pre.append(mark);
      marked = true;
    }
    addMixed(pre, text.slice(to), after, trees);
    at = end;
  }
  if (!at && !pre.childNodes.length) pre.append(make("span", { class: "none" }, "(empty)"));
  if (span && !marked) pre.dataset.unmarked = "true";
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
