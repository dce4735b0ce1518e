
"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const element = (id) => document.getElementById(id);
const [family, sheet, filter, wrong, changed] = ["family", "sheet", "filter", "wrong", "changed"].map(element);
// An answer that lets something through is drawn as one; the words are those of the families.
const LETS_THROUGH = new Set(["allowed", "open"]);
const SHOWN_MAX = 200;

const make = (name, text, attributes = {}) => {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
};

const name = (chosen, row, column) => (chosen.name ? chosen.name + "/" : "") + column + (row ? " " + row : "");
const key = (...parts) => parts.join("\n");
const changes = new Map(data.changes.map((change) => [key(change.family, change.oracle, change.id), change]));
const currentFamily = () => data.families[family.selectedIndex];
const currentSheet = () => currentFamily()?.sheets[sheet.selectedIndex];

const words = (entry, texts) => {
  const [verdict, expected, observed, cause, evidence, place, reproduction] = entry;
  return { verdict, place, reproduction, expected: texts[expected], observed: texts[observed], cause: texts[cause], evidence: texts[evidence] };
};

const explain = (id, oracle, cell, change) => {
  const list = make("dl");
  const say = (term, text, tag = "span") => {
    if (!text) return;
    const description = make("dd");
    description.append(make(tag, text));
    list.append(make("dt", term), description);
  };
  say("cell", id, "code");
  say("verdict", { p: "passed", f: "FAILED", e: "ERROR: no answer" }[cell.verdict]);
  say("expected", cell.expected);
  say("observed", cell.observed);
  say("by", oracle);
  say("why", cell.evidence);
  say("line", cell.place, "code");
  say("cause", cell.cause);
  if (change) say("in the run before", change.before ?? "nothing");
  say("ask it again", cell.reproduction, "code");
  element("explanation").replaceChildren(list);
};

const draw = () => {
  const [current, texts] = [currentSheet(), currentFamily()?.texts];
  const table = element("table");
  table.replaceChildren();
  if (!current) return;
  const { rows, columns, cells } = current.table;
  const byRow = new Map();
  for (const [row, column, entry] of cells) {
    if (!byRow.has(row)) byRow.set(row, new Map());
    byRow.get(row).set(column, entry);
  }
  const head = make("tr");
  head.append(make("th"));
  for (const column of columns) head.append(make("th", column, { scope: "col" }));
  table.append(make("thead"));
  table.tHead.append(head);
  const body = make("tbody");
  rows.forEach((row, position) => {
    if (!row.includes(filter.value.trim())) return;
    const entries = byRow.get(position) ?? new Map();
    const changeOf = (column) => changes.get(key(currentFamily().name, current.oracle, name(current, row, columns[column])));
    if (wrong.checked && ![...entries.values()].some((entry) => entry[0] !== "p")) return;
    if (changed.checked && ![...entries.keys()].some(changeOf)) return;
    const line = make("tr");
    line.append(make("th", row || "–", { scope: "row", title: row }));
    columns.forEach((column, at) => {
      const entry = entries.get(at);
      if (!entry) {
        line.append(make("td", "", { "aria-disabled": "true" }));
        return;
      }
      const cell = words(entry, texts);
      const isOpen = LETS_THROUGH.has(cell.observed);
      const sign = cell.verdict === "e" ? "?" : cell.verdict === "f" ? "!" : isOpen ? "●" : "";
      const kind = cell.verdict === "p" ? (isOpen ? "yes" : "no") : cell.verdict;
      const id = name(current, row, column);
      const change = changeOf(at);
      const drawn = make("td", sign, { class: kind + (change ? " changed" : ""), tabindex: "-1", "aria-label": `${id}: ${cell.observed || "no answer"}` });
      drawn.addEventListener("focus", () => explain(id, current.oracle, cell, change));
      line.append(drawn);
    });
    body.append(line);
  });
  table.append(body);
  table.querySelector("td[tabindex]")?.setAttribute("tabindex", "0");
};

// Arrow keys go from cell to cell; one cell of the table is in the tab order.
element("table").addEventListener("keydown", (event) => {
  const step = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] }[event.key];
  const from = event.target.closest("td");
  if (!step || !from) return;
  event.preventDefault();
  const lines = [...element("table").tBodies[0].rows];
  let [line, at] = [lines.indexOf(from.parentElement), from.cellIndex];
  do {
    line += step[0];
    at += step[1];
    const next = lines[line]?.cells[at];
    if (!next || at === 0) return;
    if (next.hasAttribute("tabindex")) {
      from.tabIndex = -1;
      next.tabIndex = 0;
      next.focus();
      return;
    }
  } while (true);
});

const show = (familyName, sheetName, oracle, row, column) => {
  family.selectedIndex = data.families.findIndex((each) => each.name === familyName);
  chooseFamily();
  sheet.selectedIndex = currentFamily().sheets.findIndex((each) => each.name === sheetName && each.oracle === oracle);
  filter.value = "";
  wrong.checked = changed.checked = false;
  draw();
  const lines = [...element("table").tBodies[0].rows];
  const at = currentSheet().table.columns.indexOf(column) + 1;
  const cell = lines.find((line) => line.cells[0].title === row)?.cells[at];
  cell?.focus();
  cell?.scrollIntoView({ block: "center", inline: "center" });
};

const list = (section, entries) => {
  if (entries.length === 0) return;
  section.hidden = false;
  const items = entries.slice(0, SHOWN_MAX).map(({ label, text, go }) => {
    const item = make("li");
    const link = make("a", label, { href: "#" });
    link.addEventListener("click", (event) => {
      event.preventDefault();
      go();
    });
    item.append(link, ": " + text);
    return item;
  });
  section.querySelector("ol").replaceChildren(...items);
  if (entries.length > SHOWN_MAX) section.append(make("p", `and ${entries.length - SHOWN_MAX} more`));
};

const chooseFamily = () => {
  sheet.replaceChildren(
    ...(currentFamily()?.sheets ?? []).map((each) => {
      const bad = each.table.cells.filter((cell) => cell[2][0] !== "p").length;
      return make("option", `${each.name} (${each.oracle})${bad ? ` – ${bad} wrong` : ""}`);
    }),
  );
};

const { passed, failed, errors } = data.totals;
const totals = element("totals");
element("notes").append(...data.notes.map((note) => make("p", note)));
totals.textContent = `${passed + failed + errors} cells: ${passed} passed, ${failed} failed, ${errors} errors`;
totals.classList.toggle("wrong", failed + errors > 0 || passed === 0);
family.replaceChildren(...data.families.map((each) => make("option", each.name)));
family.addEventListener("change", () => (chooseFamily(), draw()));
for (const control of [sheet, wrong, changed]) control.addEventListener("change", draw);
filter.addEventListener("input", draw);
element("controls").addEventListener("submit", (event) => event.preventDefault());

const findings = [];
for (const each of data.families) {
  for (const one of each.sheets) {
    for (const [row, column, entry] of one.table.cells) {
      if (entry[0] === "p") continue;
      const [rowName, columnName] = [one.table.rows[row], one.table.columns[column]];
      const cell = words(entry, each.texts);
      const where = cell.place ? ` (${cell.place})` : "";
      findings.push({ label: name(one, rowName, columnName), text: cell.cause + where, go: () => show(each.name, one.name, one.oracle, rowName, columnName) });
    }
  }
}
list(element("findings"), findings);
list(
  element("changes"),
  data.changes.map((change) => {
    const space = change.id.indexOf(" ");
    const [head, row] = space < 0 ? [change.id, ""] : [change.id.slice(0, space), change.id.slice(space + 1)];
    const slash = head.lastIndexOf("/");
    const [sheetName, column] = [head.slice(0, Math.max(slash, 0)), head.slice(slash + 1)];
    const text = `was ${change.before ?? "nothing"}, is ${change.after ?? "nothing"}`;
    return { label: change.id, text, go: () => change.after !== null && show(change.family, sheetName, change.oracle, row, column) };
  }),
);
chooseFamily();
draw();
if (findings.length > 0) findings[0].go();
