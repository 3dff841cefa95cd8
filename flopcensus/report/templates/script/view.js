// A view of a figure: the same rules as flopcensus/report/figures/choosing.py.

function known(figure) {
  const own = { ...state };
  for (const [name, values] of Object.entries(figure.only)) if (!values.includes(own[name])) own[name] = values[0];
  return own.unit === "bytes_per_s" ? { ...own, ...ofMemory(figure, own) } : own;
}

// what a figure shows where memory bandwidth is asked for; one without it stays with FLOP/s
function ofMemory(figure, own) {
  if (!figure.has_memory) return { unit: "flops" };
  const bases = page.memory_bases;
  return { precision: "memory", basis: bases.includes(own.basis) ? own.basis : bases.at(-1) };
}

function unitOf(figure, own) {
  if (own.unit === "bytes_per_s") return "B/s";
  return own.unit === "h100e" && !figure.fixed_unit ? "H100e" : "FLOP/s";
}

function divisor(figure, own, row) {
  if (unitOf(figure, own) !== "H100e") return 1;
  return page.h100e[row.basis ?? own.basis]?.[row.precision ?? own.precision] ?? null;
}

function rowsOf(figure, own) {
  const columns = page.rows[figure.rows];
  const names = Object.keys(columns);
  const follows = figure.follows.filter((name) => name in columns);
  const rows = [];
  for (let n = 0; n < (columns[names[0]]?.length ?? 0); n += 1) {
    if (!follows.every((name) => columns[name][n] === own[name])) continue;
    if (!Object.entries(figure.where).every(([name, values]) => values.includes(columns[name][n]))) continue;
    const row = Object.fromEntries(names.map((name) => [name, columns[name][n]]));
    const by = divisor(figure, own, row);
    for (const name of figure.amounts) if (row[name] !== null) row[name] = by ? row[name] / by : null;
    rows.push(row);
  }
  if (figure.order) rows.sort((a, b) => (b[figure.order] ?? 0) - (a[figure.order] ?? 0));
  return rows;
}

function fill(part, said) {
  if (typeof part === "string") return part.replace(/\{(basis|precision|unit|level|year|country)\}/g, (_, name) => said[name]);
  if (Array.isArray(part)) return part.map((one) => fill(one, said));
  if (part === null || typeof part !== "object") return part;
  const filled = Object.fromEntries(Object.entries(part).map(([key, value]) => [key, fill(value, said)]));
  if (filled.values === "shapes") filled.values = structuredClone(page.shapes);
  return filled;
}

function view(figure) {
  const own = known(figure);
  const said = Object.fromEntries(page.controls.map(({ name }) => [name, words(name, own[name])]));
  said.precision = own.precision === "memory" ? "memory bandwidth" : `${own.precision} dense`;
  said.unit = unitOf(figure, own);
  const rows = rowsOf(figure, own);
  const drawn = structuredClone(figure.most === null ? rows : rows.filter((row, place) => place < figure.most || row.code === "other"));
  const spec = fill(figure.spec, said);
  const given = [...page.controls.map(({ name }) => ({ name, value: own[name] })), { name: "unit_words", value: said.unit }];
  if (spec.$schema.includes("vega-lite")) {
    spec.datasets = { rows: drawn };
    spec.params = [...given, ...(spec.params ?? [])];
  } else {
    spec.data = spec.data.map((one) => (one.name === "rows" ? { ...one, values: drawn } : one));
    spec.signals = [...given, ...(spec.signals ?? [])];
  }
  return { title: fill(figure.title, said), empty: fill(figure.empty, said), rows, more: rows.length - drawn.length, spec, unit: said.unit, own };
}
