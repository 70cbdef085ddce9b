// Light or dark: as the system has it, or as the user says. The colours stand once, in base.css, the
// dark ones behind a media query; a choice makes that query mean always or never.

import { useEffect, useState } from "preact/hooks";

const KEY = "mlpd-theme";
const SYSTEM = "(prefers-color-scheme: dark)";

export type Theme = "system" | "light" | "dark";

function stored(): Theme {
  try {
    const theme = localStorage.getItem(KEY);
    return theme === "light" || theme === "dark" ? theme : "system";
  } catch {
    return "system";
  }
}

let theme = stored();
const listeners = new Set<() => void>();

function darkRules(): CSSMediaRule[] {
  return [...document.styleSheets].flatMap((sheet) =>
    [...sheet.cssRules].filter(
      (rule): rule is CSSMediaRule =>
        rule instanceof CSSMediaRule &&
        [...rule.cssRules].some((r) => r instanceof CSSStyleRule && r.selectorText === ":root"),
    ),
  );
}
let rules: CSSMediaRule[] | null = null;

function apply(): void {
  rules ??= darkRules();
  const media = theme === "system" ? SYSTEM : theme === "dark" ? "all" : "not all";
  for (const rule of rules) rule.media.mediaText = media;
  document.documentElement.style.colorScheme = theme === "system" ? "" : theme;
  for (const meta of document.querySelectorAll<HTMLMetaElement>("meta[name=theme-color]")) {
    const own = meta.content === "#ffffff" ? "light" : "dark";
    meta.media = theme === "system" ? `(prefers-color-scheme: ${own})` : theme === own ? "all" : "not all";
  }
  for (const listener of listeners) listener();
}

export function startTheme(): void {
  if (theme !== "system") apply();
  window.matchMedia(SYSTEM).addEventListener("change", () => {
    for (const listener of listeners) listener();
  });
}

// Called after every change of colours, whoever made it.
export function onTheme(listener: () => void): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

const NEXT: Record<Theme, Theme> = { system: "light", light: "dark", dark: "system" };
const ICONS: Record<Theme, string> = {
  system: "M2.5 3.5h11v7.5h-11ZM6 13.5h4",
  light: "M8 5.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6ZM8 1v1.5M8 13.5V15M1 8h1.5M13.5 8H15M3 3l1 1M12 12l1 1M3 13l1-1M12 4l1-1",
  dark: "M13 9.6A5.6 5.6 0 0 1 6.4 3a5.6 5.6 0 1 0 6.6 6.6Z",
};

export function ThemeSwitch() {
  const [shown, setShown] = useState(theme);
  useEffect(() => onTheme(() => setShown(theme)), []);
  const words = shown === "system" ? "as the system" : shown;
  return (
    <button
      type="button"
      class="icon-button theme"
      title={`Colours: ${words}. Next: ${NEXT[shown] === "system" ? "as the system" : NEXT[shown]}.`}
      onClick={() => {
        theme = NEXT[theme];
        try {
          if (theme === "system") localStorage.removeItem(KEY);
          else localStorage.setItem(KEY, theme);
        } catch {
          // It holds until the page is left.
        }
        apply();
      }}
    >
      <svg viewBox="0 0 16 16" aria-hidden="true">
        <path d={ICONS[shown]} />
      </svg>
      <span class="sr-only">Colours: {words}</span>
    </button>
  );
}
