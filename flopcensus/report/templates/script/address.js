// What is chosen, kept in the address of the page.

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
