// Files that the page gives the user: what a chart shows, as CSV or PNG.

import { colour } from "./chart";

export function save(name: string, content: Blob): void {
  const url = URL.createObjectURL(content);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  window.setTimeout(() => URL.revokeObjectURL(url), 10000);
}

export function saveText(name: string, text: string, type = "text/csv"): void {
  save(name, new Blob([text], { type }));
}

function cell(value: unknown): string {
  const text = value === null || value === undefined ? "" : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
}

export function csv(rows: unknown[][]): string {
  return rows.map((row) => `${row.map(cell).join(",")}\n`).join("");
}

// The canvas on the ground it is seen on, under a line that says what it is.
export function savePng(name: string, canvas: HTMLCanvasElement, title: string, legend: { label: string; color: string }[]): void {
  const ratio = window.devicePixelRatio || 1;
  const style = getComputedStyle(document.documentElement);
  const out = document.createElement("canvas");
  const head = 34 * ratio;
  out.width = canvas.width;
  out.height = canvas.height + head;
  const pen = out.getContext("2d");
  if (!pen) return;
  pen.fillStyle = style.getPropertyValue("--panel");
  pen.fillRect(0, 0, out.width, out.height);
  pen.drawImage(canvas, 0, head);
  pen.textBaseline = "middle";
  pen.font = `600 ${14 * ratio}px system-ui, sans-serif`;
  pen.fillStyle = style.getPropertyValue("--text");
  let x = 12 * ratio;
  pen.fillText(title, x, head / 2);
  x += pen.measureText(title).width + 24 * ratio;
  pen.font = `${13 * ratio}px system-ui, sans-serif`;
  for (const { label, color } of legend) {
    pen.fillStyle = colour(color);
    pen.fillRect(x, head / 2 - 2 * ratio, 16 * ratio, 3 * ratio);
    x += 22 * ratio;
    pen.fillStyle = style.getPropertyValue("--text");
    pen.fillText(label, x, head / 2);
    x += pen.measureText(label).width + 18 * ratio;
  }
  out.toBlob((blob) => blob && save(name, blob), "image/png");
}
