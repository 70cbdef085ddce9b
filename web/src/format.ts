// Numbers, times and sizes for people. Absent values are an en dash, never "NaN" or "null".

export const NONE = "–";

const MINUS = "\u2212";

function minus(text: string): string {
  return text.replace(/-/g, MINUS);
}

function exponent(x: number, digits: number): string {
  const [mantissa, power] = x.toExponential(digits).split("e");
  return minus(`${mantissa}e${(power ?? "").replace("+", "")}`);
}

// Four significant digits of a fixed width, so that a column of losses does not dance.
export function loss(x: number | null | undefined): string {
  if (x === null || x === undefined || !Number.isFinite(x)) return NONE;
  const size = Math.abs(x);
  if (x === 0) return "0";
  if (size < 1e-4 || size >= 1e7) return exponent(x, 2);
  if (size >= 1000) return grouped(x, 1);
  return minus(x.toPrecision(4));
}

// A count, or a number whose size is not known beforehand: no trailing zeros.
export function number(x: number | null | undefined, digits = 4): string {
  if (x === null || x === undefined || !Number.isFinite(x)) return NONE;
  const size = Math.abs(x);
  if (x === 0) return "0"; // and no minus before it
  if (size < 1e-4 || size >= 1e12) return exponent(x, 2).replace(/\.?0+e/, "e");
  if (Number.isInteger(x) || size >= 10 ** digits) return grouped(x, size >= 10 ** digits ? 1 : 0);
  return minus(new Intl.NumberFormat("en", { maximumSignificantDigits: digits }).format(x));
}

function grouped(x: number, fraction: number): string {
  return minus(new Intl.NumberFormat("en", { maximumFractionDigits: fraction }).format(x));
}

// What a number field can start from: a plain decimal that Number() reads back.
export function plain(x: number): string {
  return String(Number(x.toPrecision(4)));
}

export function percent(x: number): string {
  const p = x * 100;
  if (p > 0 && p < 0.1) return "<0.1 %";
  if (p < 100 && p > 99.9) return ">99.9 %";
  return `${p.toFixed(1)} %`;
}

const RATIOS = new Set([
  "accuracy", "balanced_accuracy", "precision", "recall", "f1", "specificity", "top_k_accuracy",
]);

export function metric(name: string, x: number | null | undefined): string {
  if (x === null || x === undefined) return NONE;
  return RATIOS.has(name) && x >= 0 && x <= 1 ? percent(x) : loss(x);
}

export function metricName(name: string): string {
  const known: Record<string, string> = {
    rmse: "RMSE", mae: "MAE", mse: "MSE", r2: "R²", mape: "MAPE", f1: "F1", roc_auc: "ROC AUC",
    pr_auc: "PR AUC", log_loss: "log loss", rmsle: "RMSLE", mcc: "MCC", median_ae: "median AE",
  };
  return known[name] ?? name.replace(/_/g, " ");
}

export function duration(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return NONE;
  const s = Math.max(0, seconds);
  if (s === 0) return "0 s";
  if (s < 0.001) return "<1 ms";
  if (s < 1) return `${Math.round(s * 1000)} ms`;
  if (s < 9.95 && !Number.isInteger(s)) return `${s.toFixed(1)} s`;
  if (s < 59.5) return `${Math.round(s)} s`;
  const whole = Math.round(s);
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  if (whole < 86400) return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
  return `${Math.floor(whole / 86400)} d ${Math.floor((whole % 86400) / 3600)} h`;
}

// A time on an axis: no more of it than ticks need.
export function tick(seconds: number): string {
  return duration(seconds).replace(/ 0 (s|min|h)$/, "");
}

export function age(iso: string | null | undefined, now: number): string {
  const at = iso ? Date.parse(iso) : NaN;
  if (Number.isNaN(at)) return NONE;
  const s = (now - at) / 1000;
  if (s < 5) return "just now";
  if (s < 60) return `${Math.floor(s)} s ago`;
  if (s < 3600) return `${Math.floor(s / 60)} min ago`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ago`;
  return `${Math.floor(s / 86400)} d ago`;
}

export function clock(iso: string | null | undefined): string {
  const at = iso ? new Date(iso) : null;
  if (!at || Number.isNaN(at.getTime())) return NONE;
  const time = at.toLocaleTimeString("en-GB", { hour12: false });
  return at.toDateString() === new Date().toDateString()
    ? time
    : `${at.toLocaleDateString("sv-SE")} ${time}`;
}

export function bytes(n: number | null | undefined): string {
  if (n === null || n === undefined || !Number.isFinite(n)) return NONE;
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  let unit = 0;
  let x = n;
  while (x >= 999.5 && unit < units.length - 1) {
    x /= 1000;
    unit++;
  }
  const text = unit === 0 ? String(x) : x < 9.95 ? x.toFixed(1) : String(Math.round(x));
  return `${text} ${units[unit]}`;
}

export function count(n: number | null | undefined, one: string, many = `${one}s`): string {
  if (n === null || n === undefined) return NONE;
  return `${number(n, 12)} ${n === 1 ? one : many}`;
}

export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
