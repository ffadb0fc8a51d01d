// The question browser: what is chosen, the list, and one question opened.

const PAGE = 100;
const START = 140; // characters of a question in the list
const CACHED = 4; // chunks of details that are kept

const byId = (id) => document.getElementById(id);
const plain = (name) => name.replaceAll("_", " ");

/** The index, and where details are. Set once by `load`. */
let index;
let places;
let panelOf; // by question: the number of its panel
let searched; // by question: what the search looks through; grows until it is there for all
let chosen; // what is filtered for, see `fresh`
let found = []; // the numbers of the questions that pass
let sorting = { by: "", direction: "none" }; // the list's column, and how
let inOutputs = null; // the questions in whose outputs the search was found, where it looks there
let searching = 0; // which search in outputs is the last
let page = 0;
let opened = -1;
const chunks = new Map();

const FILTERS = ["text", "panel", "group", "mode", "outcome", "theirs", "change", "baseline", "rule", "tag"];
const CHANGES = {
  helped: "helped: right here, wrong there",
  hurt: "hurt: wrong here, right there",
  changed: "helped or hurt",
  "both-right": "both right",
  "both-wrong": "both wrong",
};
/** What the tool that wrote an imported log says: letters of `index.theirs`, capitals where we say otherwise. */
const THEIRS = {
  differ: ["differs from ours", "RWUO"],
  agree: ["doesn't differ from ours", "rwu"],
  right: ["right", "rR"],
  wrong: ["wrong", "wW"],
  unread: ["nothing read", "uU"],
};
const TAGS = { symbolic: "1", "not-symbolic": "0", neither: "-" };

// --- what is known of a question ----------------------------------------------------------------------------------

function outcomeOf(mode, question) {
  const code = index.outcome[mode][question];
  return code === "-" ? null : index.outcomes[code.charCodeAt(0) - 48];
}

function answerOf(mode, question) {
  const answer = index.answer[mode][question];
  return answer === 0 ? index.gold[question] : answer;
}

function decided(outcome) {
  return outcome !== null && !index.undecided.includes(outcome);
}

/** "right", "wrong", or "other": not read, not decided, not asked. */
function kindOf(outcome) {
  return outcome === "correct" ? "right" : outcome === "wrong" ? "wrong" : "other";
}

function labelOf(panel) {
  const { model, task } = index.panels[panel];
  const models = new Set(index.panels.map((one) => one.model));
  return models.size > 1 ? task + " · " + model.replace(/\/+$/, "").split("/").pop() : task;
}

/** A text of a question with its formulas; spans: of `index.maths`. */
function mixed(text, spans, attributes) {
  return apartMixed(text, spans, index.formulas, attributes);
}

function answerNode(mode, question, attributes) {
  const own = index.answer[mode][question];
  const spans = own === 0 ? index.maths.gold[question] : index.maths.answer[mode][question];
  return mixed(answerOf(mode, question), spans, attributes);
}

function ofCode(outcome) {
  return String.fromCharCode(48 + index.outcomes.indexOf(outcome));
}

// --- filters ------------------------------------------------------------------------------------------------------

function fresh() {
  const baseline = index.baselines.find((name) => index.modes.includes(name)) || "";
  return {
    text: "",
    panel: "",
    group: "",
    mode: index.modes.find((name) => name !== baseline) || index.modes[0] || "",
    outcome: "",
    theirs: "",
    change: "",
    baseline,
    rule: index.rules.some((rule) => rule.name === index.rule) ? index.rule
      : index.rules.length ? index.rules[0].name : "",
    tag: "",
  };
}

function panelKey(panel) {
  return index.panels[panel].task + "/" + index.panels[panel].model;
}

/** Have what the search looks through for the first questions: in small parts when the page is ready, or at once. */
function searchable(upTo) {
  for (let q = searched.length; q < upTo; q++) {
    const texts = [index.id[q], index.text[q], ...index.options[q], index.gold[q]];
    searched.push(texts.join("\n").toLowerCase());
  }
}

function becomeSearchable() {
  if (searched.length >= index.id.length) return;
  searchable(Math.min(searched.length + 1_000, index.id.length));
  setTimeout(becomeSearchable, 4);
}

/** The questions that pass, as a new list. */
function passing() {
  const n = index.id.length;
  const mode = index.modes.indexOf(chosen.mode);
  const base = index.modes.indexOf(chosen.baseline);
  const panel = chosen.panel ? index.panels.findIndex((_, number) => panelKey(number) === chosen.panel) : -1;
  const group = chosen.group ? index.groups.indexOf(chosen.group) : -1;
  const rule = index.rules.findIndex((one) => one.name === chosen.rule);
  const tags = chosen.tag && rule >= 0 ? index.tags[rule] : null;
  const tag = TAGS[chosen.tag];
  const text = chosen.text.trim().toLowerCase();
  if (text) searchable(n);
  const outcomes = chosen.outcome && mode >= 0 ? index.outcome[mode] : null;
  const outcome = chosen.outcome === "not-asked" ? "-" : ofCode(chosen.outcome);
  const theirs = chosen.theirs && index.theirs && mode >= 0 ? index.theirs[mode] : null;
  const change = chosen.change && mode >= 0 && base >= 0 && mode !== base ? chosen.change : "";
  const right = ofCode("correct");
  const open = new Set(["-", ...index.undecided.map(ofCode)]);
  const out = [];
  for (let q = 0; q < n; q++) {
    if (panel >= 0 && panelOf[q] !== panel) continue;
    if (group >= 0 && index.group[q] !== group) continue;
    if (tags !== null && tags[q] !== tag) continue;
    if (outcomes !== null && (chosen.outcome === "unread" ? !unread(outcomes[q]) : outcomes[q] !== outcome)) continue;
    if (theirs !== null && !THEIRS[chosen.theirs][1].includes(theirs[q])) continue;
    if (change) {
      const now = index.outcome[mode][q];
      const before = index.outcome[base][q];
      if (open.has(now) || open.has(before)) continue;
      const is = now === right;
      const was = before === right;
      if (change === "helped" && !(is && !was)) continue;
      if (change === "hurt" && !(was && !is)) continue;
      if (change === "changed" && is === was) continue;
      if (change === "both-right" && !(is && was)) continue;
      if (change === "both-wrong" && (is || was)) continue;
    }
    if (text && !searched[q].includes(text) && !(inOutputs && inOutputs.has(q))) continue;
    out.push(q);
  }
  return out;
}

function unread(code) {
  return code !== "-" && code !== ofCode("correct") && code !== ofCode("wrong");
}

/** Shows what passes. The time it took stands at the document's root, for tests. */
function apply() {
  const started = performance.now();
  found = inOrder(passing());
  page = 0;
  showList();
  const one = found.length === 1;
  byId("count").textContent =
    found.length.toLocaleString("en") + " of " + index.id.length.toLocaleString("en") +
    (one ? " question" : " questions");
  document.documentElement.dataset.filterMs = (performance.now() - started).toFixed(1);
}

/** Questions in the order that the list's header asks for. */
function inOrder(questions) {
  const { by, direction } = sorting;
  if (direction === "none") return questions;
  const mode = index.modes.indexOf(by);
  let keys;
  if (by === "id") keys = index.id;
  else if (by === "question") keys = index.text;
  else if (by === "place") keys = panelOf.map((panel, q) => panel * 10_000 + index.group[q] + 1);
  else if (mode >= 0) {
    const ranks = new Map([...new Set(index.outcome[mode])].map((code) => [code, rankOf(code)]));
    keys = Uint8Array.from(index.outcome[mode], (code) => ranks.get(code));
  } else return questions;
  const down = direction === "descending";
  if (typeof keys[0] === "number") { // few different ones
    const groups = new Map();
    for (const q of questions) {
      if (groups.has(keys[q])) groups.get(keys[q]).push(q);
      else groups.set(keys[q], [q]);
    }
    const order = [...groups.keys()].sort((a, b) => (down ? b - a : a - b));
    return order.flatMap((key) => groups.get(key));
  }
  const sign = down ? -1 : 1;
  return questions.sort((a, b) => (keys[a] < keys[b] ? -sign : keys[a] > keys[b] ? sign : a - b));
}

/** Right first, then wrong, then what was not read, then what was not asked. */
function rankOf(code) {
  return code === "-" ? 99 : code === ofCode("correct") ? 0 : code === ofCode("wrong") ? 1 : code.charCodeAt(0) - 40;
}

/** Look for the search's text in the outputs that are in this page, chunk by chunk. */
async function searchOutputs() {
  const mine = ++searching;
  const text = chosen.text.trim().toLowerCase();
  inOutputs = null;
  byId("searching").textContent = "";
  if (!byId("f-outputs").checked || !text) return;
  const members = new Map(); // by chunk: its questions
  places.chunk.forEach((chunk, q) => chunk >= 0 && (members.get(chunk) || members.set(chunk, []).get(chunk)).push(q));
  const hits = new Set();
  for (const [chunk, questions] of members) {
    const { strings, rows } = await unpacked("details-" + chunk);
    if (mine !== searching) return;
    const has = strings.map((one) => one.toLowerCase().includes(text));
    const said = (value) => (Array.isArray(value) ? value.some(said) : has[value]);
    for (const q of questions) {
      const outputs = rows[places.row[q]].replies.flatMap((reply) => reply.paths);
      if (outputs.some(([, output, , , reasoning]) => said(output) || (reasoning !== undefined && said(reasoning)))) {
        hits.add(q);
      }
    }
    byId("searching").textContent = "looking through outputs: " + (chunk + 1) + " of " + members.size;
  }
  inOutputs = hits;
  apply();
  byId("searching").textContent = hits.size.toLocaleString("en") + " by their outputs" +
    (places.held < places.of ? " (of the " + places.held.toLocaleString("en") + " questions whose outputs are here)" : "");
  document.documentElement.dataset.searched = text;
}

function fill(select, entries, value) {
  select.replaceChildren(...entries.map(([key, label]) => make("option", { value: key }, label)));
  select.value = value;
  if (select.value !== value) select.selectedIndex = 0;
}

function hide(id, hidden) {
  byId(id).closest("label").hidden = hidden;
}

/** The controls as `chosen` says; a choice that isn't there any more is given up. */
function showFilters() {
  const panel = index.panels.findIndex((_, number) => panelKey(number) === chosen.panel);
  if (panel < 0) chosen.panel = "";
  const groups = new Set();
  for (let q = 0; q < index.id.length; q++) {
    if (index.group[q] >= 0 && (panel < 0 || panelOf[q] === panel)) groups.add(index.group[q]);
  }
  const names = [...groups].sort((a, b) => a - b).map((group) => index.groups[group]);
  if (!names.includes(chosen.group)) chosen.group = "";
  const defaults = fresh();
  for (const name of ["mode", "baseline"]) if (!index.modes.includes(chosen[name])) chosen[name] = defaults[name];
  if (!index.rules.some((rule) => rule.name === chosen.rule)) chosen.rule = defaults.rule;
  if (!(chosen.tag in TAGS)) chosen.tag = "";
  if (!(chosen.change in CHANGES)) chosen.change = "";
  if (!(chosen.theirs in THEIRS) || !index.theirs) chosen.theirs = "";
  const any = ["", "any"];
  const panels = index.panels.map((_, number) => [panelKey(number), labelOf(number)]);
  fill(byId("f-panel"), [["", "all"], ...panels], chosen.panel);
  fill(byId("f-group"), [["", "all"], ...names.map((name) => [name, name])], chosen.group);
  fill(byId("f-mode"), index.modes.map((name) => [name, name]), chosen.mode);
  const codes = new Set(index.modes.includes(chosen.mode) ? index.outcome[index.modes.indexOf(chosen.mode)] : "");
  const kinds = index.outcomes.filter((name) => codes.has(ofCode(name))).map((name) => [name, plain(name)]);
  if ([...codes].some(unread)) kinds.push(["unread", "neither right nor wrong"]);
  if (codes.has("-")) kinds.push(["not-asked", "not asked"]);
  if (!kinds.some(([key]) => key === chosen.outcome)) chosen.outcome = "";
  fill(byId("f-outcome"), [any, ...kinds], chosen.outcome);
  fill(byId("f-theirs"), [any, ...Object.entries(THEIRS).map(([key, [label]]) => [key, label])], chosen.theirs);
  hide("f-theirs", !index.theirs);
  fill(byId("f-change"), [any, ...Object.entries(CHANGES)], chosen.change);
  fill(byId("f-baseline"), index.modes.map((name) => [name, name]), chosen.baseline);
  fill(byId("f-rule"), index.rules.map((rule) => [rule.name, rule.name]), chosen.rule);
  const tags = [["symbolic", "symbolic"], ["not-symbolic", "not symbolic"], ["neither", "neither"]];
  fill(byId("f-tag"), [any, ...tags], chosen.tag);
  byId("f-text").value = chosen.text;
  const pairs = index.modes.length > 1 && index.baselines.some((name) => index.modes.includes(name));
  if (!pairs || chosen.mode === chosen.baseline) chosen.change = byId("f-change").value = "";
  byId("f-change").disabled = chosen.mode === chosen.baseline;
  hide("f-change", !pairs);
  hide("f-baseline", !pairs);
  hide("f-group", !names.length);
  hide("f-panel", index.panels.length < 2);
  hide("f-rule", !index.rules.length);
  hide("f-tag", !index.rules.length);
}

// --- the address --------------------------------------------------------------------------------------------------

/** What is chosen, and the opened question, in the address: to be shared. */
function writeAddress() {
  const defaults = fresh();
  const parts = new URLSearchParams();
  for (const name of FILTERS) if (chosen[name] !== defaults[name]) parts.set(name, chosen[name]);
  if (opened >= 0) parts.set("open", panelKey(panelOf[opened]) + "/" + index.id[opened]);
  const text = parts.toString();
  const target = text ? "#browse?" + text : location.hash.startsWith("#browse?") ? "#browse" : location.hash || "#";
  if (location.hash !== target && !(target === "#" && !location.hash)) history.replaceState(null, "", target);
}

function readAddress() {
  if (!location.hash.startsWith("#browse?")) return;
  const parts = new URLSearchParams(location.hash.slice("#browse?".length));
  chosen = fresh();
  for (const name of FILTERS) if (parts.has(name)) chosen[name] = parts.get(name);
  showFilters();
  apply();
  const name = parts.get("open");
  const isIt = (id, q) => panelKey(panelOf[q]) + "/" + id === name || id === name; // one by hand has the id alone
  const question = name === null ? -1 : index.id.findIndex(isIt);
  byId("browse").scrollIntoView();
  if (question >= 0) open(question);
  else if (opened >= 0) byId("opened").close();
}

// --- the list -----------------------------------------------------------------------------------------------------

function markOf(mode, question) {
  const outcome = outcomeOf(mode, question);
  const name = index.modes[mode];
  const arm = armOf(name);
  if (outcome === null) {
    return make("td", { class: "mark other", title: name + ": not asked", "data-arm": arm }, "–", hidden("not asked"));
  }
  const kind = kindOf(outcome);
  const answer = answerOf(mode, question);
  const title = visible(name + ": " + plain(outcome) + (answer === null ? "" : ", " + answer.slice(0, 100)));
  if (kind === "other") return make("td", { class: "mark other", title, "data-arm": arm }, plain(outcome));
  return make("td", { class: "mark " + kind, title, "data-arm": arm }, sign(kind), hidden(kind));
}

function sign(kind) {
  return make("span", { "aria-hidden": "true" }, kind === "right" ? "✓" : "✗");
}

function hidden(text) {
  return make("span", { class: "hidden" }, text);
}

/** The modes that a panel of the list's questions has. */
function listedModes() {
  const of = chosen.panel ? index.panels.filter((_, number) => panelKey(number) === chosen.panel) : index.panels;
  return index.modes.map((name, mode) => mode).filter((mode) => of.some((panel) => index.modes[mode] in panel.runs));
}

function showList() {
  const pages = Math.max(1, Math.ceil(found.length / PAGE));
  page = Math.min(Math.max(page, 0), pages - 1);
  const modes = listedModes();
  const several = index.panels.length > 1 && !chosen.panel;
  const grouped = !byId("f-group").closest("label").hidden;
  const columns = [["id", "id"], ...(several || grouped ? [["place", several ? "task" : "group"]] : []),
    ["question", "question"], ...modes.map((mode) => [index.modes[mode], armOf(index.modes[mode])])];
  showHeader(columns, modes.length);
  const rows = found.slice(page * PAGE, (page + 1) * PAGE).map((question) => {
    const button = make("button", { type: "button", class: "open" }, apart(index.id[question]));
    button.dataset.question = question;
    const start = make("td", { class: "start", dir: "auto" });
    const [text, end] = startOf(question);
    addMixed(start, text, index.maths.text[question], index.formulas, (part) => part.replace(/\s+/g, " "));
    if (end < index.text[question].length) start.append(" …");
    return make(
      "tr",
      {},
      make("th", { scope: "row" }, button),
      several || grouped ? placeCell(question, several) : null,
      start,
      modes.map((mode) => markOf(mode, question)),
    );
  });
  byId("list").tBodies[0].replaceChildren(...rows);
  byId("list-scroll").hidden = !found.length;
  const first = page * PAGE + 1;
  const last = Math.min(found.length, first + PAGE - 1);
  byId("page-of").textContent = found.length ? first.toLocaleString("en") + " to " + last.toLocaleString("en") : "";
  byId("page-back").disabled = page === 0;
  byId("page-on").disabled = page >= pages - 1;
  document.querySelector(".pager").hidden = pages === 1;
}

/** The list's header: made anew where its columns are others, so that a button that was pressed keeps the focus. */
function showHeader(columns, arms) {
  const head = byId("list").tHead;
  const signature = JSON.stringify([columns, chosen.mode]);
  if (head.dataset.signature !== signature) {
    head.dataset.signature = signature;
    head.replaceChildren(make("tr", {}, columns.map(([key, name], column) => {
      const marked = column >= columns.length - arms;
      const classes = marked ? "mark" + (key === chosen.mode ? " chosen" : "") : column === 0 ? null : key;
      const header = make("th", { scope: "col", class: classes, title: marked && key !== name ? key : null });
      sortButton(header, name, "ascending", (direction) => timedSort(() => {
        sorting = { by: direction === "none" ? "" : key, direction };
        apply();
      }));
      return header;
    })));
  }
  columns.forEach(([key], column) => {
    head.rows[0].cells[column].setAttribute("aria-sort", sorting.by === key ? sorting.direction : "none");
  });
}

/** What an arm is called in the list: by its mode alone where no other arm has it. */
function armOf(name) {
  const base = name.split("@")[0];
  return index.modes.filter((other) => other.split("@")[0] === base).length === 1 ? base : name;
}

/** The first characters of a question, with a whole formula at their end, and where they end. */
function startOf(question) {
  const text = index.text[question];
  let end = Math.min(START, text.length);
  const spans = index.maths.text[question] || [];
  for (let n = 0; n < spans.length; n += 3) if (spans[n] < end && spans[n + 1] > end) end = spans[n + 1];
  return [text.slice(0, end), end];
}

/** A question's task, with its group below; or its group alone. */
function placeCell(question, several) {
  const group = index.group[question] < 0 ? "" : index.groups[index.group[question]];
  if (!several) return make("td", {}, apart(group));
  return make("td", {}, apart(labelOf(panelOf[question])), group ? apart(group, { class: "below" }) : "");
}

/** The questions found as rows, with each arm's outcome and answer. */
function listed() {
  const modes = listedModes();
  const names = modes.map((mode) => index.modes[mode]);
  const header = ["id", "model", "task", "group", "question", "gold", ...names.flatMap((name) => [name, name + " answer"])];
  return [header, ...found.map((q) => [index.id[q], index.panels[panelOf[q]].model, index.panels[panelOf[q]].task,
    index.group[q] < 0 ? "" : index.groups[index.group[q]], index.text[q], index.gold[q],
    ...modes.flatMap((mode) => [outcomeOf(mode, q) || "", answerOf(mode, q)])])];
}

function turn(by) {
  page += by;
  showList();
  byId("list-scroll").scrollTop = 0;
  byId("count").scrollIntoView({ block: "nearest" });
  const button = byId(by > 0 ? "page-on" : "page-back");
  (button.disabled ? byId(by > 0 ? "page-back" : "page-on") : button).focus();
}

// --- one question -------------------------------------------------------------------------------------------------

async function detailsOf(question) {
  const number = places.chunk[question];
  if (number < 0) return null;
  if (!chunks.has(number)) {
    if (chunks.size >= CACHED) chunks.delete(chunks.keys().next().value);
    chunks.set(number, unpacked("details-" + number));
  }
  const chunk = await chunks.get(number);
  const { strings, formulas, maths } = chunk;
  return { strings, formulas, maths, ...chunk.rows[places.row[question]] };
}

async function open(question) {
  opened = question;
  const dialog = byId("opened");
  const place = found.indexOf(question);
  delete document.documentElement.dataset.opened;
  byId("opened-title").replaceChildren(apart(index.id[question]));
  byId("opened-of").textContent =
    place < 0 ? "" : (place + 1).toLocaleString("en") + " of " + found.length.toLocaleString("en");
  byId("opened-back").disabled = place <= 0;
  byId("opened-on").disabled = place < 0 || place >= found.length - 1;
  byId("opened-body").replaceChildren(...aboutOf(question));
  if (!dialog.open) dialog.showModal();
  dialog.scrollTop = 0;
  byId("opened-title").focus();
  writeAddress();
  let parts;
  try {
    const details = await detailsOf(question);
    parts = [details ? modesOf(question, details) : notHere(question)];
  } catch (error) {
    parts = [make("p", { class: "warning" }, "The details of this question can't be read: " + error.message)];
  }
  if (opened !== question) return; // another one was opened meanwhile
  byId("opened-body").append(...parts);
  document.documentElement.dataset.opened = index.id[question];
}

function step(by) {
  const place = found.indexOf(opened);
  const next = place < 0 ? undefined : found[place + by];
  if (next !== undefined) open(next);
}

/** The dialog is closed: the focus goes to the question's row. */
function closed() {
  const place = found.indexOf(opened);
  opened = -1;
  delete document.documentElement.dataset.opened;
  writeAddress();
  if (place >= 0 && Math.floor(place / PAGE) !== page) {
    page = Math.floor(place / PAGE);
    showList();
  }
  const row = place < 0 ? null : byId("list").tBodies[0].rows[place % PAGE];
  (row ? row.querySelector("button") : byId("browse")).focus();
}

function aboutOf(question) {
  const panel = index.panels[panelOf[question]];
  const options = index.options[question];
  const gold = index.gold[question];
  const group = index.group[question];
  const runs = [...new Set(Object.values(panel.runs))];
  const modes = index.modes.map((name, mode) => mode).filter((mode) => index.modes[mode] in panel.runs);
  return [
    make("dl", { class: "facts" }, [["task", panel.task], ["model", panel.model],
      ...(group < 0 ? [] : [["group", index.groups[group]]]),
      ...(runs.length === 1 ? [["run", runs[0]]] : [])].map(([name, value]) =>
      make("div", {}, make("dt", {}, name), make("dd", {}, apart(value))))),
    block([{ text: index.text[question], spans: index.maths.text[question], trees: index.formulas }]),
    options.length
      ? make("ol", { class: "options" }, options.map((text, place) => {
          const letter = String.fromCharCode(65 + place);
          return make("li", { class: letter === gold ? "gold" : null }, make("b", {}, letter),
            mixed(text, (index.maths.options[question] || [])[place], { class: "option" }),
            letter === gold ? make("span", { class: "badge" }, "gold") : "");
        }))
      : null,
    make("p", {}, "Gold answer: ", mixed(gold, index.maths.gold[question], { class: "answer" }), " ",
      copyButton(gold)),
    index.rules.length ? make("p", { class: "tags" }, tagsOf(question)) : null,
    make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Outcomes by mode" },
      make("table", {},
        make("thead", {}, make("tr", {},
          ["arm", "outcome", "answer", ...(runs.length > 1 ? ["run"] : [])].map((name) => make("th", { scope: "col" }, name)))),
        make("tbody", {}, modes.map((mode) => outcomeRow(mode, question, panel, runs.length > 1))))),
  ].filter(Boolean);
}

/** Which tag rules call a question symbolic, which don't, and which have nothing to say. */
function tagsOf(question) {
  const said = [["1", "symbolic by "], ["0", "not by "], ["-", "nothing said by "]];
  const parts = said.map(([code, name]) => [name, index.rules.filter((_, rule) => index.tags[rule][question] === code)]);
  return parts.filter(([, rules]) => rules.length).map(([name, rules], part) => [part ? "; " : "", name,
    rules.map((rule, n) => [n ? ", " : "", make("code", { title: rule.about }, rule.name)])]);
}

function outcomeRow(mode, question, panel, several) {
  const outcome = outcomeOf(mode, question);
  const kind = kindOf(outcome);
  const answer = answerOf(mode, question);
  const name = index.modes[mode];
  return make("tr", {},
    make("th", { scope: "row" }, name),
    make("td", { class: kind }, kind === "other" ? "" : [sign(kind), " "],
      outcome === null ? "not asked" : plain(outcome)),
    make("td", {}, answer === null ? make("span", { class: "none" }, "none") : answerNode(mode, question, { class: "answer" })),
    several ? make("td", {}, apart(panel.runs[name])) : null);
}

function notHere(question) {
  const panel = index.panels[panelOf[question]];
  const runs = [...new Set(Object.values(panel.runs))];
  return make("p", { class: "notice" },
    "The prompts and outputs of this question were left out of this page to keep its size. ",
    make("code", {}, "cotbench report --page-mb " + Math.ceil(places.megabytes * 2)), " has room for more, and ",
    runs.map((run, n) => [n ? ", " : "", make("code", {}, "cotbench show " + run + " " + index.id[question])]),
    " prints them.");
}

function modesOf(question, details) {
  const shown = new Map(); // by reply: under which mode it stands already
  const names = index.modes.filter((name) => name in details.modes);
  return make("div", { class: "modes" + (names.length > 1 ? " beside" : "") }, names.map((name) => {
    const entry = details.modes[name];
    const mode = index.modes.indexOf(name);
    const outcome = outcomeOf(mode, question);
    const kind = kindOf(outcome);
    const last = entry.replies.length - 1;
    const call = (number, at) => {
      if (number < 0) {
        return make("p", { class: "notice" }, "Request " + (at + 1) + ": not on record in the run's journal.");
      }
      const before = shown.get(number);
      if (before === undefined) shown.set(number, name);
      const title = last > 0 ? "Request " + (at + 1) + afterOf(number, entry, details) + ": " : "";
      const parts = replyOf(details, number, entry, question, title, at < last && before !== undefined ? before : "");
      return entry.nodes ? make("div", { class: "call", "data-call": at, tabindex: "-1" }, parts) : parts;
    };
    const section = make("section", { class: "mode", "data-mode": name },
      make("h3", {}, name, " ",
        make("span", { class: "verdict " + kind }, kind === "other" ? "" : [sign(kind), " "], plain(outcome))),
      factsOf(entry, mode, question),
      entry.theirs ? theirsOf(entry.theirs) : null,
      entry.error ? make("p", { class: "notice" }, apart(entry.error)) : null,
      entry.passages ? passagesOf(entry.passages, details) : null,
      entry.replies.length ? null : make("p", { class: "notice" }, "No request is on record."),
      entry.nodes ? treeOf(entry, details, () => section, outcome, answerOf(mode, question)) : null,
      callsOf(entry, call),
      entry.votes ? votesOf(entry.votes, Boolean(entry.nodes || entry.votes.scores)) : null,
      (entry.executions || []).map((one, at) => executionOf(one, at, entry)));
    return section;
  }));
}

/** The requests of an arm; of many, with which a tree was made, the one with the answer stands alone. */
function callsOf(entry, call) {
  if (!entry.nodes || entry.replies.length <= FEW_CALLS) return entry.replies.map(call);
  const at = entry.at ? entry.replies.indexOf(entry.at[0]) : -1;
  return [at < 0 ? null : call(entry.replies[at], at),
    lazily(make("summary", {}, (at < 0 ? "All " : "The other ") + counted(entry.replies.length - (at < 0 ? 0 : 1), "request")),
      false, () => entry.replies.map((number, place) => (place === at ? null : call(number, place))).filter(Boolean),
      { class: "calls" })];
}

/** The passages that stood before the question, with a mark on those that its answer rests on. */
function passagesOf({ context, supporting, rows }, details) {
  const { strings } = details;
  const there = rows.filter(([, , supports]) => supports).length;
  const of = supporting ? ", " + there + " of the " + supporting + " that the answer rests on" : "";
  return make("details", { class: "passages" },
    make("summary", {}, rows.length + (rows.length === 1 ? " passage" : " passages") + " (" + context + ")" + of),
    make("ol", {}, rows.map(([title, text, supports, score]) =>
      make("li", { class: supports ? "supports" : false },
        make("p", { class: "role" }, supports ? "\u2713 " : "", apart(strings[title]),
          score === null ? "" : " (score " + score.toFixed(2) + ")", supports ? ": the answer rests on it" : ""),
        block(piecesOf(text, strings, ""))))));
}

function factsOf(entry, mode, question) {
  const answer = answerOf(mode, question);
  const count = (value) => (value === null ? "not recorded" : value.toLocaleString("en"));
  const [prompt, reasoning, completion] = entry.tokens;
  const facts = [
    ["answer", answer === null ? make("span", { class: "none" }, "none") : answerNode(mode, question, { class: "answer" })],
    entry.rule ? ["read by rule", make("code", {}, entry.rule)] : null,
    ["prompt tokens", count(prompt)],
    ["completion tokens", count(completion) + (!reasoning ? "" : " (" + count(reasoning) + " of them reasoning)")],
    entry.truncated ? ["cut", "at the token budget"] : null,
    (entry.lacks || []).includes("finish_reason") ? ["how it ended", "not recorded"] : null,
  ].filter(Boolean);
  return make("dl", { class: "facts" },
    facts.map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value))));
}

/** What the tool that wrote the log made of the outputs, a row for each reading and output. */
function theirsOf({ place, readings }) {
  const said = { unread: "nothing read" };
  const several = readings.some(([, , rows]) => rows.length > 1);
  const header = ["reading", ...(several ? ["output"] : []), "verdict", "they read", "score of"];
  return make("div", { class: "scroll theirs", tabindex: "0", role: "region", "aria-label": "Their verdict" },
    make("table", {},
      make("caption", {}, "Their verdict (", apart(place), ")"),
      make("thead", {}, make("tr", {}, header.map((name) => make("th", { scope: "col" }, name)))),
      make("tbody", {}, readings.flatMap(([name, metric, rows], at) => rows.map(([score, verdict, answer], output) =>
        make("tr", {},
          make("th", { scope: "row" }, apart(name), at === 0 && readings.length > 1 ? " (where none is named)" : ""),
          several ? make("td", {}, rows.length > 1 ? String(output + 1) : "all") : null,
          make("td", { class: verdict === "right" || verdict === "wrong" ? verdict : "other" }, said[verdict] || verdict),
          make("td", {}, answer === null ? make("span", { class: "none" }, "none") : apart(answer, { class: "answer" })),
          make("td", {}, apart(metric), score === null ? "" : " " + String(score))))))));
}

function replyOf(details, number, entry, question, title, before) {
  const reply = details.replies[number];
  const { strings } = details;
  const template = strings[reply.template];
  const sent = (value) => block(piecesOf(value, strings, index.text[question]));
  const prompt = make("details", { class: "prompt" },
    make("summary", {}, title + "prompt (" + template + (reply.to === "judge" ? ", asked of the judge" : "") + ")"),
    make("p", { class: "about" }, strings[reply.sampling] + (reply.seed === undefined ? "" : ", seed " + reply.seed)),
    reply.prompt === undefined && !(reply.messages || []).length
      ? make("p", { class: "notice" }, "The prompt is not recorded.")
      : reply.prompt === undefined
      ? reply.messages.map(([role, text]) => [make("p", { class: "role" }, role), sent(text)])
      : sent(reply.prompt));
  const left = reply.of - reply.paths.length;
  const kept = new Set(reply.paths.map(([path]) => path));
  const missing = [...Array(reply.of).keys()].filter((path) => !kept.has(path));
  const paths = reply.paths.map((path) => pathOf(path, details, number, entry, reply.of, title));
  const note = left
    ? make("p", { class: "notice" }, "Left out of this page, since each has the answer of one shown or none: " +
        (left === 1 ? "path " : "paths ") + ranges(missing) + ".")
    : null;
  if (!before) return [prompt, paths, note];
  const summary = make("summary", {}, title + "the " + template + ", the same as under " + before);
  return make("details", {}, summary, prompt, paths, note);
}

function ranges(numbers) {
  const parts = [];
  for (const number of numbers) {
    const last = parts[parts.length - 1];
    if (last && last[1] === number - 1) last[1] = number;
    else parts.push([number, number]);
  }
  return parts.map(([from, to]) => (from === to ? String(from + 1) : from + 1 + "–" + (to + 1))).join(", ");
}

function pathOf([path, text, finish, tokens, reasoning, error], details, number, entry, of, title) {
  const { strings } = details;
  const at = entry.at && entry.at[0] === number && entry.at[1] === path ? [entry.at[2], entry.at[3]] : null;
  const single = of === 1;
  // Of votes, those of one request are cast: not the last one, where replies were gone on with.
  const cast = entry.votes && of === entry.votes.ballots.length;
  const ballot = entry.nodes ? candidateOf(entry, number, path) : cast ? path : -1;
  const ended = { length: "cut at the token budget", error: "failed", refused: "refused" }[finish];
  const parts = [
    error ? make("p", { class: "notice" }, block(piecesOf(error, strings, ""))) : null,
    reasoning !== undefined && reasoning !== null && strings[reasoning] !== ""
      ? make("details", {}, make("summary", {}, "reasoning, as the server gives it"),
        block(piecesOf(reasoning, strings, "", details)))
      : null,
    block(piecesOf(text, strings, "", details), at),
  ].filter(Boolean);
  const tokensText = tokens === undefined || tokens === null ? "" : tokens.toLocaleString("en") + " tokens";
  const figures = (details.replies[number].figures || {})[path];
  const facts = [ended, tokensText, figures].filter(Boolean).join(", ");
  const named = title + (single ? "output" : "path " + (path + 1) + (ballot >= 0 ? voteOf(entry.votes, ballot) : ""));
  if (single) return [make("p", { class: "role" }, named, facts ? " (" + facts + ")" : ""), ...parts];
  return make("details", { class: "path", open: Boolean(at) },
    make("summary", {},
      named + (facts ? " (" + facts + ")" : "") + (at ? (entry.nodes ? ", the chosen one" : ", the first with the winning answer") : "")), parts);
}

function voteOf(votes, path) {
  if (!votes) return "";
  const ballot = votes.ballots[path];
  if (ballot === null || ballot === undefined) return ": abstained";
  const [answer, , outcome] = votes.answers[ballot];
  return ": " + answer + (outcome === null ? "" : ", " + plain(outcome));
}

/** What paths voted for; or the candidates, of an arm that doesn't choose by majority, with their scores. */
function votesOf(votes, candidates) {
  const of = (place) => votes.ballots.map((ballot, path) => (ballot === place ? path : -1)).filter((path) => path >= 0);
  const scored = Boolean(votes.scores);
  const scores = (place) => of(place).map((path) => (votes.scores[path] === null ? "–" : worth(votes.scores[path]))).join(", ");
  const row = (name, place, count, verdict, kind) => make("tr", {},
    make("th", { scope: "row" }, name),
    make("td", { class: "figure" }, count),
    scored ? make("td", {}, scores(place)) : null,
    make("td", { class: kind }, verdict),
    make("td", {}, ranges(of(place))));
  const rows = votes.answers.map(([answer, count, outcome], place) =>
    row(apart(answer, { class: "answer" }), place, count, outcome === null ? "" : plain(outcome), kindOf(outcome)));
  const abstained = Object.entries(votes.abstained);
  if (abstained.length) {
    rows.push(row(make("span", { class: "none" }, candidates ? "no answer" : "abstained"), null,
      abstained.reduce((sum, [, count]) => sum + count, 0),
      abstained.map(([name, count]) => plain(name) + " " + count).join(", "), null));
  }
  const margin = votes.margin ? "ahead by " + votes.margin : "a tie, which goes to the answer reached first";
  const caption = candidates ? "Candidates for the answer" : "Votes" + (votes.answers.length ? ": " + margin : "");
  const header = ["answer", candidates ? "candidates" : "votes", ...(scored ? ["scores"] : []), "verdict",
    candidates ? "which" : "paths"];
  return make("div", { class: "scroll votes", tabindex: "0", role: "region", "aria-label": candidates ? "Candidates" : "Votes" },
    make("table", {},
      make("caption", {}, caption),
      make("thead", {}, make("tr", {}, header.map((name, column) =>
        make("th", { scope: "col", class: column === 1 ? "figure" : null }, name)))),
      make("tbody", {}, rows)));
}

function executionOf(one, at, entry) {
  const many = entry.executions.length > 1;
  const each = entry.votes && entry.votes.ballots.length === entry.executions.length;
  const name = many ? (each ? "Execution of path " : "Execution ") + (at + 1) : "Execution";
  return make("div", { class: "execution" },
    make("p", { class: "role" }, name + ": " + plain(one.outcome)),
    "value" in one ? make("p", {}, "value ", apart(one.value, { class: "answer" })) : null,
    "error" in one ? block([one.error]) : null,
    "stdout" in one ? [make("p", { class: "role" }, "printed"), block([one.stdout])] : null);
}

// --- the start ----------------------------------------------------------------------------------------------------

function listen() {
  const form = byId("filters");
  let waiting = 0;
  const changed = (event) => {
    const name = event.target.id.slice(2);
    if (!FILTERS.includes(name)) return;
    chosen[name] = event.target.value;
    showFilters();
    apply();
    writeAddress();
  };
  form.addEventListener("change", (event) => event.target.id !== "f-text" && changed(event));
  form.addEventListener("input", (event) => {
    if (event.target.id !== "f-text") return;
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      chosen.text = event.target.value;
      inOutputs = null;
      apply();
      writeAddress();
      searchOutputs();
    }, 120);
  });
  byId("f-outputs").addEventListener("change", () => {
    inOutputs = null;
    apply();
    searchOutputs();
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", (event) => {
    event.preventDefault();
    chosen = fresh();
    byId("f-outputs").checked = false;
    searchOutputs();
    showFilters();
    apply();
    writeAddress();
  });
  byId("list").addEventListener("click", (event) => {
    const row = event.target.closest("tbody tr");
    if (row && !String(getSelection())) open(Number(row.querySelector("button").dataset.question));
  });
  byId("list-csv").addEventListener("click", () => save("questions.csv", listed()));
  byId("page-back").addEventListener("click", () => turn(-1));
  byId("page-on").addEventListener("click", () => turn(1));
  const dialog = byId("opened");
  byId("opened-back").addEventListener("click", () => step(-1));
  byId("opened-on").addEventListener("click", () => step(1));
  byId("opened-close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", closed);
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  dialog.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const scrolls = event.target.closest(".scroll");
    const by = { j: 1, k: -1, ...(scrolls ? {} : { ArrowRight: 1, ArrowLeft: -1 }) }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    step(by);
  });
  addEventListener("hashchange", readAddress);
}

/** Everything that is folded is printed. */
function unfoldForPrint() {
  let folded = [];
  addEventListener("beforeprint", () => {
    folded = [...document.querySelectorAll("main > section > details:not([open])")];
    for (const one of folded) one.open = true;
  });
  addEventListener("afterprint", () => {
    for (const one of folded) one.open = false;
  });
}

function sayHeld() {
  const count = (value) => value.toLocaleString("en");
  const parts = [];
  if (places.asked) {
    parts.push("Listed are " + count(places.of) + " of the " + count(places.asked) + " questions: first of those that " +
      "a mode helped or hurt, then the same share of each task. All figures of this page are over all questions.");
  }
  if (places.held < places.of) {
    parts.push("To keep this file's size, prompts and outputs of " + count(places.held) + " of the " +
      count(places.of) + " questions are in it: first of those that a mode helped or hurt, then the same share of " +
      "each task.");
  }
  if (places.thin) parts.push("Of votes, one path for each answer and one that abstained are in it.");
  if (places.maths) {
    byId("held").append("Formulas are shown as mathematics: in questions and answers all that are understood, in " +
      "outputs up to 4,000 characters of LaTeX a question and " + count(places.latex) + " in all. ");
  }
  if (!parts.length) return;
  byId("held").append(parts.join(" "), " ",
    make("code", {}, "cotbench report --page-mb " + Math.ceil(places.megabytes * 2)), " has room for more, and ",
    make("code", {}, "cotbench show RUN QUESTION"), " prints a question's outputs as a whole.");
}

async function load() {
  [index, places] = await Promise.all([unpacked("index"), unpacked("places")]);
  places.maths = index.formulas.length > 0;
  panelOf = index.panels.flatMap((panel, number) => Array(panel.n).fill(number));
  searched = [];
  chosen = fresh();
  showFilters();
  listen();
  sayHeld();
  apply();
  byId("browse-state").hidden = true;
  byId("browser").hidden = false;
  readAddress();
}

unfoldForPrint();
equipAll();
load().then(
  () => {
    document.documentElement.dataset.ready = "true";
    setTimeout(becomeSearchable, 50);
  },
  (error) => {
    byId("browse-state").textContent =
      "The questions can't be shown (" + error.message + "): a newer browser may be needed.";
    document.documentElement.dataset.ready = "false";
  },
);
