// Charts: drawn when they come into sight, and again when something else is chosen.

const views = new Map();
const wanted = new Set();

// a date stays on one line
const unbroken = (text) => text.split(/(\d{4}-\d{2}-\d{2})/).map((part, place) => (place % 2 ? make("span", { class: "whole" }, part) : part));

// the height of most charts is that of their rows. That Vega-Lite then cannot fit it to the page is meant, and
// the package gives no other way to say so than to leave out its warning
const warn = console.warn.bind(console);
console.warn = (...said) => { if (!said.some((text) => /^Dropping "fit-[xy]"/.test(text))) warn(...said); };

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
