// The tree of what was written on the way to an answer: its nodes one below the other, each of which can be folded.

const FEW_CALLS = 8; // of an answer with a tree; more are folded
const MOST_PARENTS = 4; // of one call, by name
const MOST_NODES = 40; // that are shown from the beginning, unless more were kept
const SHORT = 60; // characters of a text in which an answer is seen at once
const DEEPEST = 60; // nodes below each other that are unfolded from the beginning

/** The nodes of an arm as objects, each with its children; see `_node_entry` in details.py. */
function nodesOf(entry) {
  const nodes = entry.nodes.map(([text, role, parent, value, why, ballot, chosen, source, judged], place) =>
    ({ text, role, parent, value, kept: why === null, why, ballot, chosen: Boolean(chosen), source, judged, place,
      children: [], shown: false, depth: 0 }));
  for (const node of nodes) {
    if (node.parent === null) continue;
    nodes[node.parent].children.push(node);
    node.depth = nodes[node.parent].depth + 1;
  }
  // As in a terminal: all nodes, or else what was kept with all candidates for the answer, or what was kept alone.
  for (const wanted of [() => true, (node) => node.kept || isCandidate(node), (node) => node.kept || node.chosen]) {
    for (const node of [...nodes].reverse()) node.shown = wanted(node) || node.children.some((child) => child.shown);
    if (nodes.filter((node) => node.shown).length <= MOST_NODES) break;
  }
  return nodes;
}

/** Which candidate a path of a reply is; -1 where it is none. */
function candidateOf(entry, reply, path) {
  const found = entry.nodes.find(([, , , , , ballot, , source]) =>
    ballot !== null && source !== null && source[0] === reply && source[1] === path);
  return found ? found[5] : -1;
}

function worth(value) {
  if (value === 0) return "0";
  const size = Math.abs(value);
  return size < 0.001 || size >= 100_000 ? value.toPrecision(2) : String(Number(value.toFixed(3)));
}

function counted(number, name) {
  return number.toLocaleString("en") + " " + name + (number === 1 ? "" : "s");
}

/** The tree of an arm, in a block that can be folded. outcome, answer: the arm's. */
function treeOf(entry, details, section, outcome, answer) {
  const nodes = nodesOf(entry);
  const kept = nodes.filter((node) => node.kept).length;
  const tree = { entry, details, section, outcome, answer, dropped: kept < nodes.length,
    roles: new Set(nodes.map((node) => node.role)).size > 1 };
  const candidates = nodes.filter(isCandidate);
  const right = candidates.filter((node) => verdictOf(node, tree) === "correct").length;
  const told = [counted(nodes.length, "node"), kept < nodes.length ? kept.toLocaleString("en") + " kept" : "",
    candidates.length ? counted(candidates.length, "candidate") + ", " + right.toLocaleString("en") + " right" : ""];
  return make("details", { class: "way", open: true },
    make("summary", {}, "On the way: " + told.filter(Boolean).join(", ")),
    levelOf(nodes.filter((node) => node.parent === null), tree, null));
}

/** Nodes side by side: those that are shown, and folded behind them the others. parent: of all of them, if any. */
function levelOf(nodes, tree, parent) {
  const whole = parent !== null && !parent.shown; // what is below a node that was unfolded
  const shown = nodes.filter((node) => whole || node.shown);
  const others = nodes.filter((node) => !whole && !node.shown);
  const only = parent !== null && nodes.length === 1 && shown.length === 1;
  return make("ul", { class: "nodes" + (only ? " only" : "") }, shown.map((node) => itemOf(node, tree)),
    others.length ? make("li", { class: "others" }, othersOf(others, shown.length > 0, tree)) : null);
}

function othersOf(nodes, more, tree) {
  const all = [...nodes];
  for (let at = 0; at < all.length; at++) all.push(...all[at].children);
  const values = all.map((node) => node.value).filter((value) => value !== null);
  const whys = new Map();
  for (const { why } of all) {
    const name = why === null ? "" : tree.details.strings[why];
    if (name) whys.set(name, (whys.get(name) || 0) + 1);
  }
  const reasons = [...whys].sort((a, b) => b[1] - a[1]).map(([name, count]) =>
    count === all.length ? name : name + " " + count.toLocaleString("en"));
  const text = (more ? "and " : "") + all.length.toLocaleString("en") + (more ? " more" : "") +
    (all.length === 1 ? " that was dropped" : " that were dropped") +
    (values.length ? ", best " + worth(values.reduce((a, b) => Math.max(a, b))) : "") +
    (reasons.length ? " (" + reasons.join(", ") + ")" : "");
  return lazily(make("summary", {}, apart(text)), false, () =>
    make("ul", { class: "nodes" }, nodes.map((node) => itemOf(node, tree))));
}

/** A block that can be folded, whose content is made when it is first unfolded. */
function lazily(summary, open, content, attributes) {
  const block = make("details", { ...attributes, open }, summary);
  if (open) {
    addTo(block, [content()]);
    return block;
  }
  block.addEventListener("toggle", () => addTo(block, [content()]), { once: true });
  return block;
}

/** Whether a node is a candidate for the answer; the chosen one is, if of one. */
function isCandidate(node) {
  return node.ballot !== null || node.chosen;
}

/** What a candidate answers, as [answer, outcome]; nulls where nothing was read in it. */
function readIn(node, { entry, answer, outcome }) {
  if (node.chosen) return [answer, outcome];
  const ballot = node.ballot === null || !entry.votes ? null : entry.votes.ballots[node.ballot];
  if (typeof ballot !== "number") return [null, null];
  const [own, , verdict] = entry.votes.answers[ballot];
  return [own, verdict];
}

function verdictOf(node, tree) {
  return readIn(node, tree)[1];
}

function itemOf(node, tree) {
  const { details } = tree;
  const [answer, outcome] = readIn(node, tree);
  const state = [];
  if (isCandidate(node)) {
    const kind = kindOf(outcome);
    state.push(make("span", { class: "verdict " + kind }, kind === "other" ? "" : [sign(kind), " "],
      outcome === null ? "no answer" : kind === "right" ? "right" : plain(outcome)));
  }
  if (node.chosen) {
    state.push(make("b", { class: "chosen" }, "chosen"));
  } else if (!node.kept) {
    const why = details.strings[node.why] || "dropped";
    if (!state.length || state[0].textContent !== why) state.push(make("span", {}, why));
  } else if (tree.dropped && !isCandidate(node)) state.push(make("span", {}, "kept"));
  const role = details.strings[node.role];
  const named = tree.roles && role && role !== "thought" && !isCandidate(node);
  const text = details.strings[node.text];
  const wrote = make("span", { class: "wrote", dir: "auto" },
    named ? make("span", { class: "what" }, role + ": ") : null);
  if (answer !== null && !(text.length <= SHORT && text.includes(answer))) { // it is at the end of a long text
    addTo(wrote, [apart(answer), ": "]);
  }
  if (text) {
    addMixed(wrote, text, details.maths && details.maths[node.text], details.formulas, (part) => part.replace(/\s+/g, " "));
  } else wrote.append(make("span", { class: "none" }, "(empty)"));
  const summary = make("summary", {},
    make("span", { class: "line" }, wrote,
      node.value === null ? null : make("span", { class: "worth" }, hidden(", value "), worth(node.value)),
      make("span", { class: "became" }, state.length ? hidden(", ") : null,
        state.map((one, at) => [at ? ", " : "", one]))));
  const about = () => aboutNode(node, tree);
  const block = lazily(summary, node.children.length > 0 && node.shown && node.depth < DEEPEST,
    () => (node.children.length
      ? [moreOf(text, about), levelOf(node.children, tree, node)]
      : about()));
  return make("li", { class: "node " + (node.kept ? "kept" : "dropped") + (node.chosen ? " of-answer" : "") }, block);
}

/** A button that shows what there is to say of a node which has others below it. */
function moreOf(text, about) {
  const button = make("button", { type: "button", class: "small more", "aria-expanded": "false",
    "aria-label": visible("More of: " + text.slice(0, 80)) }, "More");
  const holder = make("div", { class: "about-node" });
  holder.hidden = true;
  button.addEventListener("click", () => {
    if (!holder.childNodes.length) holder.append(about());
    holder.hidden = !holder.hidden;
    button.setAttribute("aria-expanded", String(!holder.hidden));
  });
  return [button, holder];
}

/** All that there is to say of a node: its text, by whom it was judged and how, and where it was written. */
function aboutNode(node, tree) {
  const { entry, details, section } = tree;
  const [answer] = readIn(node, tree);
  const facts = [
    answer === null ? null : ["answer", apart(answer, { class: "answer" })],
    node.value === null ? null : ["value", worth(node.value)],
    node.source === null ? null : ["written in", callButton(node.source, entry, details, section)],
  ].filter(Boolean);
  return make("div", { class: "said" },
    block(piecesOf(node.text, details.strings, "", details)),
    facts.length
      ? make("dl", { class: "facts" }, facts.map(([name, value]) =>
        make("div", {}, make("dt", {}, name), make("dd", {}, value))))
      : null,
    node.judged.map((number) => judgementOf(number, entry, details)));
}

/** What a judge said, in all paths of its reply. */
function judgementOf(number, entry, details) {
  const { paths, figures } = details.replies[number];
  const name = "What the judge said (request " + (entry.replies.indexOf(number) + 1) +
    (paths.length > 1 ? ", " + counted(paths.length, "path") : "") + ")";
  return lazily(make("summary", {}, name), false, () =>
    paths.map(([path, text]) => (figures && figures[path] && details.strings[text] === ""
      ? make("p", {}, figures[path]) : block(piecesOf(text, details.strings, "", details)))));
}

/** Which request and path something is; pressed, it shows that. */
function callButton([number, path], entry, details, section) {
  const several = details.replies[number].of > 1;
  const call = entry.replies.indexOf(number);
  const button = make("button", { type: "button", class: "small" },
    "request " + (call + 1) + (several ? ", path " + (path + 1) : ""));
  button.addEventListener("click", () => {
    const calls = section().querySelector("details.calls");
    if (calls && !calls.open) {
      calls.open = true;
      if (!calls.querySelector("[data-call]")) { // its content is made when the event comes
        calls.addEventListener("toggle", () => goTo(section(), call), { once: true });
        return;
      }
    }
    goTo(section(), call);
  });
  return button;
}

function goTo(section, call) {
  const target = section.querySelector('[data-call="' + call + '"]');
  if (!target) return;
  target.scrollIntoView({ block: "center" });
  target.focus({ preventScroll: true });
}

/** ", after request 3, path 1": what a request builds on, as far as the journal says it. */
function afterOf(number, entry, details) {
  const parents = new Map();
  for (const [reply, path] of details.replies[number].after || []) {
    const call = entry.replies.indexOf(reply);
    if (call < 0) continue;
    if (!parents.has(call)) parents.set(call, []);
    if (details.replies[reply].of > 1) parents.get(call).push(path);
  }
  if (!parents.size) return "";
  const told = [...parents].map(([call, paths]) => "request " + (call + 1) +
    (paths.length ? " path" + (paths.length > 1 ? "s " : " ") + ranges(paths) : ""));
  const few = told.length > MOST_PARENTS
    ? [...told.slice(0, MOST_PARENTS - 1), told.length - MOST_PARENTS + 1 + " more"] : told;
  return ", after " + (few.length > 1 ? few.slice(0, -1).join(", ") + " and " : "") + few[few.length - 1];
}
