// Tables: sorted by their columns, copied, and saved as CSV.

const collator = new Intl.Collator("en", { numeric: true });
const GUARDED = /^[=+\-@\t\r]/; // what a spreadsheet would work out

/** The number that a cell begins with, or NaN: "−3.2 (−5.0 to −1.4)", "1,234", "15x", "<0.001". */
function numberOf(text) {
  const found = /^[<>≥≤]?\s*([+\-−]?)(\d[\d,]*(?:\.\d+)?(?:e[+\-]?\d+)?)/.exec(text.trim());
  if (!found) return NaN;
  const value = Number(found[2].replaceAll(",", ""));
  return found[1] === "-" || found[1] === "−" ? -value : value;
}

/** Order keys so that what is empty or unknown comes last, both ways round. */
function comparing(keys, down) {
  const sign = down ? -1 : 1;
  return (a, b) => {
    const [one, other] = [keys[a], keys[b]];
    if (typeof one === "number") {
      if (Number.isNaN(one) || Number.isNaN(other)) return Number.isNaN(one) - Number.isNaN(other) || a - b;
      return sign * (one - other) || a - b;
    }
    return sign * collator.compare(one, other) || a - b;
  };
}

/** A header's button, and what pressing it asks for: down, up, or as it was. */
function sortButton(header, name, first, press) {
  const button = make("button", { type: "button", class: "sort" }, name,
    make("span", { class: "arrow", "aria-hidden": "true" }));
  const next = { none: first, [first]: first === "descending" ? "ascending" : "descending" };
  header.replaceChildren(button);
  header.setAttribute("aria-sort", "none");
  button.addEventListener("click", () => press(next[header.getAttribute("aria-sort")] || "none"));
}

function timedSort(work) {
  const started = performance.now();
  work();
  document.documentElement.dataset.sortMs = (performance.now() - started).toFixed(1);
}

/** Let a table of the report be sorted. Rows remember their place in the report. */
function sortable(table) {
  const headers = [...table.tHead.rows[0].cells];
  const body = table.tBodies[0];
  const original = [...body.rows];
  headers.forEach((header, column) => {
    const figures = header.classList.contains("figure");
    const name = header.textContent.trim();
    sortButton(header, name, figures ? "descending" : "ascending", (direction) => timedSort(() => {
      let rows = original;
      if (direction !== "none") {
        const texts = original.map((row) => row.cells[column].textContent);
        const numbers = texts.map(numberOf);
        const known = numbers.filter((value) => !Number.isNaN(value)).length;
        const keys = figures && known ? numbers : texts;
        const places = [...original.keys()].sort(comparing(keys, direction === "descending"));
        rows = places.map((place) => original[place]);
      }
      body.replaceChildren(...rows);
      for (const other of headers) other.setAttribute("aria-sort", other === header ? direction : "none");
    }));
  });
}

function csvCell(value) {
  let text = value === null || value === undefined ? "" : String(value);
  if (/^−[\d.,]+$/.test(text)) text = "-" + text.slice(1);
  if (GUARDED.test(text) && !/^[+-]?[\d.,]+%?$/.test(text)) text = "'" + text;
  return /[",\n\r]/.test(text) ? '"' + text.replaceAll('"', '""') + '"' : text;
}

function save(name, rows) {
  const text = rows.map((row) => row.map(csvCell).join(",") + "\n").join("");
  const address = URL.createObjectURL(new Blob([text], { type: "text/csv;charset=utf-8" }));
  const link = make("a", { href: address, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

/** Copy a text; the button says so for a moment. */
async function copy(text, button) {
  const name = button.textContent;
  let done = true;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const field = make("textarea", { class: "hidden", "aria-hidden": "true" });
    field.value = text;
    (button.closest("dialog") || document.body).append(field);
    field.select();
    done = document.execCommand("copy");
    field.remove();
    button.focus();
  }
  button.textContent = done ? "Copied" : "Not allowed";
  setTimeout(() => (button.textContent = name), 1_500);
}

function copyButton(text, name) {
  const button = make("button", { type: "button", class: "small" }, name || "Copy");
  button.addEventListener("click", () => copy(typeof text === "function" ? text() : text, button));
  return button;
}

/** A table's texts, the header first, in the order in which they stand. */
function textsOf(table) {
  return [...table.rows].map((row) => [...row.cells].map((cell) => cell.textContent.trim()));
}

function equip(table) {
  sortable(table);
  const region = table.closest(".scroll");
  const saved = make("button", { type: "button", class: "small" }, "CSV");
  saved.setAttribute("aria-label", "CSV of " + region.getAttribute("aria-label"));
  saved.addEventListener("click", () => save(table.dataset.name + ".csv", textsOf(table)));
  const copied = copyButton(() => textsOf(table).map((row) => row.join("\t")).join("\n"));
  region.before(make("div", { class: "tools" }, copied, saved));
}

/** Say where the columns of names stand that stay in view: as many as leave half of the room to figures. */
function pinned(region) {
  const table = region.querySelector("table.sorted");
  if (!table) return;
  let left = 0;
  let last = 0;
  for (let column = 1; column < 3; column++) {
    const [before, header] = [table.tHead.rows[0].cells[column - 1], table.tHead.rows[0].cells[column]];
    if (!header || !header.classList.contains("pin-" + column)) break;
    left += before.offsetWidth;
    if (left + header.offsetWidth > region.clientWidth * 0.55) break;
    table.style.setProperty("--pin-" + column, left + "px");
    last = column;
  }
  table.classList.toggle("pinned-1", last === 1);
  table.classList.toggle("pinned-2", last === 2);
}

/** Say at its edges that a table goes on. */
function hint(region) {
  const update = () => {
    const rest = region.scrollWidth - region.clientWidth;
    region.classList.toggle("more-left", region.scrollLeft > 2);
    region.classList.toggle("more-right", rest - region.scrollLeft > 2);
  };
  region.addEventListener("scroll", update, { passive: true });
  new ResizeObserver(() => { // is called once at the start
    pinned(region);
    update();
  }).observe(region);
}

/** What a link leads to is unfolded. */
function unfold() {
  const target = location.hash.length > 1 && !location.hash.includes("?")
    ? document.getElementById(location.hash.slice(1)) : null;
  const folded = target && (target.closest("details") || null);
  if (folded) folded.open = true;
}

function equipAll() {
  for (const table of document.querySelectorAll("table.sorted")) equip(table);
  for (const region of document.querySelectorAll("main .scroll, main figure")) hint(region);
  for (const value of document.querySelectorAll(".provenance .copied")) {
    value.append(" ", copyButton(value.firstElementChild.textContent));
  }
  addEventListener("hashchange", unfold);
  unfold();
}
