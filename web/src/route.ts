// Where we are is in the fragment: #/jobs/12?scale=log. It names a view, what it shows and how.

import { useEffect, useState } from "preact/hooks";

export interface Route {
  parts: string[];
  query: URLSearchParams;
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export function parseRoute(hash: string): Route {
  const text = hash.replace(/^#\/?/, "");
  const cut = text.indexOf("?");
  const path = cut < 0 ? text : text.slice(0, cut);
  return {
    parts: path.split("/").filter((p) => p !== "").map(decode),
    query: new URLSearchParams(cut < 0 ? "" : text.slice(cut + 1)),
  };
}

const listeners = new Set<() => void>();

export function go(href: string): void {
  window.location.hash = href.replace(/^#/, "");
}

// Change how the view is shown without a step in the history. An empty value drops the key.
export function setQuery(changes: Record<string, string | null>): void {
  const hash = window.location.hash || "#/jobs";
  const { query } = parseRoute(hash);
  for (const [key, value] of Object.entries(changes)) {
    if (value === null || value === "") query.delete(key);
    else query.set(key, value);
  }
  const cut = hash.indexOf("?");
  const path = cut < 0 ? hash : hash.slice(0, cut);
  const text = query.toString();
  window.history.replaceState(null, "", text ? `${path}?${text}` : path);
  for (const listener of listeners) listener();
}

export function useRoute(): Route {
  const [hash, setHash] = useState(window.location.hash);
  useEffect(() => {
    const changed = () => setHash(window.location.hash);
    listeners.add(changed);
    window.addEventListener("hashchange", changed);
    return () => {
      listeners.delete(changed);
      window.removeEventListener("hashchange", changed);
    };
  }, []);
  return parseRoute(hash);
}

// "3,5" in an address: numbers of jobs.
export function picks(text: string | null): number[] {
  return [...new Set((text ?? "").split(",").map(Number))].filter((id) => Number.isInteger(id) && id > 0);
}
