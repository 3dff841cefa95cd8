// What a reader touches, and how it all begins.

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

// a test, or a reader's own script, may ask what a figure shows and how a cell reads
function shown(id) {
  const { title, unit, rows } = view(page.figures.find((figure) => figure.id === id));
  return { title, unit, rows };
}
window.flopcensus = { shown, cell, state: () => ({ ...state }), idle: () => !pending, ids: () => page.figures.map(({ id }) => id) };
begin().catch((error) => {
  console.error(error);
  find("#figures-fail").hidden = false;
});
