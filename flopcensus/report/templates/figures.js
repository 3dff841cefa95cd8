"use strict";
// Draws the page's figures and keeps them with the controls. It asks nothing of the network.
(() => {
  const PREFIXES = [[1e24, "Y"], [1e21, "Z"], [1e18, "E"], [1e15, "P"], [1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]];
  const NOT_AVAILABLE = "not available";
  const find = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  let page, state, printing = false;

  async function unpack(id) {
    const bytes = Uint8Array.from(atob(find(`#${id}`).textContent.trim()), (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return JSON.parse(await new Response(stream).text());
  }

  // ---- what is chosen, kept in the address ----

  const control = (name) => page.controls.find((one) => one.name === name);
  const words = (name, value) => (control(name).choices.find(([found]) => found === value) ?? [value, value])[1];

  function readAddress() {
    const given = new URLSearchParams(location.hash.slice(1));
    const known = {};
    for (const { name, choices, first } of page.controls) {
      const value = given.get(name);
      known[name] = choices.some(([found]) => found === value) ? value : first;
    }
    return known;
  }

  function writeAddress(at) {
    const given = new URLSearchParams(location.hash.slice(1));
    const place = at ?? given.get("at");
    const changed = page.controls.filter(({ name, first }) => state[name] !== first).map(({ name }) => [name, state[name]]);
    const text = new URLSearchParams([...changed, ...(place ? [["at", place]] : [])]).toString();
    history.replaceState(null, "", text ? `#${text}` : location.pathname + location.search);
  }

  function scrollToPlace() {
    const plain = location.hash.slice(1);
    const place = plain.includes("=") ? new URLSearchParams(plain).get("at") : plain;
    if (place) document.getElementById(place)?.scrollIntoView();
  }

  // ---- a view of a figure: the same rules as flopcensus/report/figures/choosing.py ----

  function known(figure) {
    const own = { ...state };
    for (const [name, values] of Object.entries(figure.only)) if (!values.includes(own[name])) own[name] = values[0];
    return own;
  }

  const unitOf = (figure, own) => (own.unit === "h100e" && !figure.fixed_unit ? "H100e" : "FLOP/s");

  function divisor(figure, own, row) {
    if (unitOf(figure, own) === "FLOP/s") return 1;
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

  // ---- how values read: as flopcensus/output.py writes them ----

  // as Python writes: the binary value itself is rounded, and a true half to the even neighbour
  function group(value, digits) {
    const exact = value.toFixed(60);
    const cut = exact.length - 60 + digits;
    const down = exact.slice(0, cut).replace(/\.$/, "");
    const even = /^50*$/.test(exact.slice(cut)) && "02468".includes(down.at(-1));
    const [whole, part] = (even ? down : value.toFixed(digits)).split(".");
    return whole.replace(/\B(?=(\d{3})+$)/g, ",") + (part ? `.${part}` : "");
  }

  function significant(value) {
    const whole = String(Math.trunc(Math.abs(value))).length;
    return group(value, Math.max(3 - whole, 0));
  }

  function amount(value, unit) {
    if (value === null || value === undefined) return NOT_AVAILABLE;
    if (value === 0) return "none";
    if (unit === "H100e") return `${group(value, Math.abs(value) < 10 ? 1 : 0)} H100e`;
    if (!unit) return significant(value);
    const [factor, prefix] = PREFIXES.find(([least]) => Math.abs(value) >= least) ?? [1, ""];
    return `${significant(value / factor)} ${prefix}${unit}`;
  }

  function share(value) {
    if (value === null || value === undefined) return NOT_AVAILABLE;
    if (value === 0) return "none";
    if (value < 0.0005) return "under 0.1 %";
    if (value > 0.9995 && value < 1 - 1e-9) return "over 99.9 %";
    return `${group(100 * value, 1)} %`;
  }

  const between = (low, high) => {
    if (low === high) return /^(under|over)/.test(low) ? low : `${low}, within rounding`;
    const cut = low.lastIndexOf(" ");
    return cut > 0 && high.endsWith(low.slice(cut)) ? `${low.slice(0, cut)} to ${high}` : `${low} to ${high}`;
  };

  function interval(low, high, write) {
    if (low === null || high === null || low === undefined || high === undefined) return NOT_AVAILABLE;
    if (high === 0) return "–";
    return Math.abs(high - low) <= 1e-9 * Math.abs(high) ? "as stated" : between(write(low), write(high));
  }

  function number(value, unit) {
    if (value === null || value === undefined) return NOT_AVAILABLE;
    const small = value !== 0 && Math.abs(value) < 0.01;
    const text = small ? value.toExponential(2).replace(/e([+-])(\d)$/, "e$10$2") : significant(value);
    return unit ? `${text} ${unit}` : text;
  }

  function cell(column, row, unit) {
    const [one, two] = column.fields.split(":");
    const own = column.unit || unit;
    switch (column.kind) {
      case "amount": return amount(row[one], own);
      case "interval": return interval(row[one], row[two], (value) => (value ? amount(value, own) : "0"));
      case "share": return share(row[one]);
      case "share_interval": return interval(row[one], row[two], (value) => (value ? share(value) : "0 %"));
      case "number": return number(row[one], column.unit);
      default: return row[one] === null || row[one] === undefined || row[one] === "" ? NOT_AVAILABLE : String(row[one]);
    }
  }

  // ---- tables: sortable, and as CSV ----

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

  // a spreadsheet would run what begins like this
  const safe = (text) => (/^[=+\-@\t\r]/.test(text) ? `'${text}` : text);
  const quoted = (text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const written = (value) => {
    if (value === null || value === undefined) return "";
    return quoted(typeof value === "number" ? String(value) : safe(String(value)));
  };

  function csv(figure, found) {
    const said = figure.follows.filter((name) => !(name in (found.rows[0] ?? {})));
    const names = Object.keys(found.rows[0] ?? {});
    const unit = found.unit === "H100e" ? "h100e" : "flop_per_s";
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

  // ---- figures ----

  const views = new Map();
  const wanted = new Set();

  // a date stays on one line
  const unbroken = (text) => text.split(/(\d{4}-\d{2}-\d{2})/).map((part, place) => (place % 2 ? make("span", { class: "whole" }, part) : part));

  async function draw(figure) {
    const place = find(`[data-figure="${figure.id}"]`);
    const found = view(figure);
    find(".figure-title", place).replaceChildren(...unbroken(found.title));
    find(".more", place).textContent = found.more ? `${found.more} more are not drawn; the table below has them.` : "";
    const chart = find(".chart", place);
    table(figure, find(".numbers", place), found);
    views.get(figure.id)?.finalize();
    views.delete(figure.id);
    const said = found.rows.length ? undefinedUnit(figure, found) : found.empty;
    if (said) {
      chart.replaceChildren(make("p", { class: "empty" }, said));
      return;
    }
    const light = printing || !dark.matches;
    const made = await vegaEmbed(chart, { description: find(".says", place).textContent, ...found.spec }, {
      actions: false, ast: true, logLevel: 1, renderer: "svg", defaultStyle: false, config: light ? page.themes.light : page.themes.dark,
      tooltip: { theme: light ? "light" : "dark", disableDefaultStyle: true },
    });
    // the picture has a description, and its numbers are in the table: its marks are not read out one by one
    find("svg > g", chart)?.setAttribute("aria-hidden", "true");
    views.set(figure.id, made);
  }

  // the same as undefined_unit in flopcensus/report/figures/choosing.py
  function undefinedUnit(figure, found) {
    if (found.unit !== "H100e" || !figure.amounts.length || found.rows.some((row) => figure.amounts.some((name) => row[name] !== null))) return "";
    return `No H100e is defined for ${found.own.precision} on ${found.own.basis}, so that nothing can be drawn in it; choose FLOP/s.`;
  }

  const failed = (figure, error) => {
    console.error(figure.id, error);
    find(`[data-figure="${figure.id}"] .chart`).replaceChildren(make("p", { class: "empty" }, `This chart could not be drawn (${error.message}); its numbers are below.`));
  };

  const busy = new Map();
  let pending = 1;
  // one at a time each: what was chosen last is drawn last
  function redraw(figure) {
    pending += 1;
    const next = (busy.get(figure.id) ?? Promise.resolve()).then(() => draw(figure)).catch((error) => failed(figure, error)).finally(() => { pending -= 1; });
    busy.set(figure.id, next);
    return next;
  }

  function drawAll() {
    wanted.clear();
    for (const figure of page.figures) wanted.add(figure.id);
    for (const figure of page.figures) if (seen.has(figure.id)) { wanted.delete(figure.id); redraw(figure); }
    drawRest();
  }

  // what is out of sight waits until there is nothing else to do
  let resting = false;
  async function drawRest() {
    if (resting) return;
    resting = true;
    pending += 1;
    while (wanted.size) {
      await new Promise((done) => (window.requestIdleCallback ?? setTimeout)(done, { timeout: 200 }));
      const [id] = wanted;
      if (wanted.delete(id)) await redraw(page.figures.find((figure) => figure.id === id));
    }
    resting = false;
    pending -= 1;
    document.documentElement.dataset.drawn = String(Number(document.documentElement.dataset.drawn ?? 0) + 1);
  }

  const seen = new Set();
  function watch() {
    const watcher = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) {
        const id = target.dataset.figure;
        if (!isIntersecting) { seen.delete(id); continue; }
        seen.add(id);
        if (wanted.delete(id)) redraw(page.figures.find((figure) => figure.id === id));
      }
    }, { rootMargin: "200px" });
    for (const place of all("[data-figure]")) watcher.observe(place);
  }

  // ---- the page ----

  function setUpControls() {
    for (const { name, choices } of page.controls) {
      const box = find(`#control-${name}`);
      if (!box) continue;
      box.replaceChildren(...choices.map(([value, said]) => make("option", { value }, said)));
      box.value = state[name];
      box.disabled = choices.length < 2;
      box.addEventListener("change", () => { state[name] = box.value; writeAddress(); say(); drawAll(); });
    }
  }

  function say() {
    const said = page.controls.map(({ name, label }) => `${label}: ${words(name, state[name])}`).join("; ");
    if (find("#chosen")) find("#chosen").textContent = said;
  }

  function setUpFigures() {
    for (const figure of page.figures) {
      const place = find(`[data-figure="${figure.id}"]`);
      find(".save-csv", place).addEventListener("click", () => save(`${figure.id}.csv`, csv(figure, view(figure)), "text/csv;charset=utf-8"));
      find(".save-svg", place).addEventListener("click", async () => {
        const made = views.get(figure.id);
        if (made) save(`${figure.id}.svg`, await made.view.toSVG(), "image/svg+xml");
      });
    }
  }

  function setUpLinks() {
    for (const anchor of all('a[href^="#"]')) anchor.addEventListener("click", (event) => {
      const place = document.getElementById(anchor.getAttribute("href").slice(1));
      if (!place) return;
      event.preventDefault();
      writeAddress(place.id);
      place.scrollIntoView({ behavior: still.matches ? "auto" : "smooth" });
      place.setAttribute("tabindex", "-1");
      place.focus({ preventScroll: true });
    });
  }

  async function begin() {
    page = await unpack("page-data");
    state = readAddress();
    setUpControls();
    setUpFigures();
    setUpLinks();
    say();
    watch();
    drawAll();
    scrollToPlace();
    addEventListener("hashchange", () => {
      if (location.hash && !location.hash.includes("=")) { scrollToPlace(); return; }
      state = readAddress();
      for (const { name } of page.controls) if (find(`#control-${name}`)) find(`#control-${name}`).value = state[name];
      say();
      drawAll();
      scrollToPlace();
    });
    dark.addEventListener("change", drawAll);
    addEventListener("beforeprint", () => { if (dark.matches) { printing = true; drawAll(); } });
    addEventListener("afterprint", () => { if (printing) { printing = false; drawAll(); } });
    pending -= 1;
  }

  // a test, or a reader's own script, may ask what a figure shows
  window.flopcensus = { shown: (id) => { const found = view(page.figures.find((one) => one.id === id)); return { title: found.title, unit: found.unit, rows: found.rows }; }, state: () => ({ ...state }), idle: () => !pending, ids: () => page.figures.map(({ id }) => id) };
  begin().catch((error) => {
    console.error(error);
    find("#figures-fail").hidden = false;
  });
})();
