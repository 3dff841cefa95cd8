// How values read: as flopcensus/report/cells.py and flopcensus/output.py write them.

const PREFIXES = [[1e21, "Z"], [1e18, "E"], [1e15, "P"], [1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]];
const NOT_AVAILABLE = "not available";

// as Python writes: the binary value itself is rounded, and a true half to the even neighbour
function rounded(value, digits) {
  // from here on JavaScript would write powers of ten
  if (Math.abs(value) >= 1e21) return String(BigInt(value)) + (digits ? `.${"0".repeat(digits)}` : "");
  const exact = value.toFixed(60);
  const cut = exact.length - 60 + digits;
  const down = exact.slice(0, cut).replace(/\.$/, "");
  const even = /^50*$/.test(exact.slice(cut)) && "02468".includes(down.at(-1));
  return even ? down : value.toFixed(digits);
}

function group(value, digits) {
  const [whole, part] = rounded(value, digits).split(".");
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
  return `${rounded(100 * value, 1)} %`;
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
