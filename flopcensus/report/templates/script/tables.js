// Tables: sortable, and as CSV.

const figures = new Set(["amount", "interval", "share", "share_interval", "number", "worded"]);
const make = (tag, attributes = {}, ...children) => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
};

function link(column, row) {
  const [said, address] = column.fields.split(":");
  const text = make("bdi", {}, String(row[said] ?? NOT_AVAILABLE));
  if (!/^https?:\/\//.test(row[address] ?? "")) return text;
  return make("a", { href: row[address], rel: "noopener noreferrer" }, text);
}

function body(figure, found) {
  return found.rows.map((row) => make("tr", {}, ...figure.columns.map((column, place) => {
    const inside = column.kind === "link" ? link(column, row) : make("bdi", {}, cell(column, row, found.unit));
    const given = place ? {} : { scope: "row" };
    if (figures.has(column.kind)) given.class = "figure";
    return make(place ? "td" : "th", given, inside);
  })));
}

function sorted(figure, rows, by) {
  if (!by) return rows;
  const column = figure.columns[by.place];
  const fields = column.fields.split(":");
  const field = fields[column.kind === "worded" ? 1 : 0];
  const turn = by.down ? -1 : 1;
  const compare = figures.has(column.kind) ? (a, b) => a - b : (a, b) => String(a).localeCompare(String(b), "en");
  const known = rows.filter((row) => row[field] !== null && row[field] !== undefined);
  return [...known.sort((a, b) => turn * compare(a[field], b[field])), ...rows.filter((row) => !known.includes(row))];
}

function table(figure, place, found) {
  const by = place.dataset.by ? JSON.parse(place.dataset.by) : null;
  const heads = figure.columns.map((column, n) => {
    const direction = by?.place === n ? (by.down ? "descending" : "ascending") : "none";
    const button = make("button", { type: "button" }, column.label);
    button.addEventListener("click", () => {
      const down = direction === "none" ? figures.has(column.kind) : direction === "ascending";
      place.dataset.by = JSON.stringify({ place: n, down });
      table(figure, place, view(figure));
      all("thead button", place)[n].focus();
    });
    return make("th", { scope: "col", "aria-sort": direction, ...(figures.has(column.kind) ? { class: "figure" } : {}) }, button);
  });
  const rows = body(figure, { ...found, rows: sorted(figure, found.rows, by) });
  const caption = make("caption", { class: "unseen" }, found.title);
  place.replaceChildren(make("table", {}, caption, make("thead", {}, make("tr", {}, ...heads)), make("tbody", {}, ...rows)));
}

// a spreadsheet would run what begins like this, the wide forms where it is set to East Asia
const safe = (text) => (/^[=+\-@\t\r\n＝＋－＠]/.test(text) ? `'${text}` : text);
const quoted = (text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
const written = (value) => {
  if (value === null || value === undefined) return "";
  return quoted(typeof value === "number" ? String(value) : safe(String(value)));
};

function csv(figure, found) {
  const said = figure.follows.filter((name) => !(name in (found.rows[0] ?? {})));
  const names = Object.keys(found.rows[0] ?? {});
  const unit = { "H100e": "h100e", "B/s": "bytes_per_s" }[found.unit] ?? "flop_per_s";
  const head = [...names.map((name) => (figure.amounts.includes(name) ? `${name}_${unit}` : name)), ...said];
  const lines = found.rows.map((row) => [...names.map((name) => row[name]), ...said.map((name) => found.own[name])]);
  return `${[head, ...lines].map((line) => line.map(written).join(",")).join("\r\n")}\r\n`;
}

function save(name, text, type) {
  const address = URL.createObjectURL(new Blob([text], { type }));
  const anchor = make("a", { href: address, download: name });
  document.body.append(anchor);
  anchor.click();
  anchor.remove();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
