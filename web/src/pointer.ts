// Where in a JSON text does a JSON Pointer (RFC 6901) point? The text may be broken: what can
// be followed is followed, and the deepest place reached is the answer.

export interface Place {
  start: number;
  end: number;
  line: number; // from 1
}

export function unescapePointer(pointer: string): string[] {
  return pointer
    .split("/")
    .slice(1)
    .map((part) => part.replace(/~1/g, "/").replace(/~0/g, "~"));
}

class Scanner {
  at = 0;
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
  space(): void {
    while (this.at < this.text.length && /\s/.test(this.text.charAt(this.at))) this.at++;
  }
  peek(): string {
    this.space();
    return this.text.charAt(this.at);
  }
  take(c: string): boolean {
    if (this.peek() !== c) return false;
    this.at++;
    return true;
  }
  // At a string: its text. Leaves `at` behind the closing quote.
  string(): string | null {
    const start = this.at;
    if (!this.take('"')) return null;
    while (this.at < this.text.length && this.text.charAt(this.at) !== '"') {
      if (this.text.charAt(this.at) === "\\") this.at++;
      this.at++;
    }
    this.at++;
    try {
      return JSON.parse(this.text.slice(start, this.at).trim()) as string;
    } catch {
      return null;
    }
  }
  // Over one value of any kind.
  skip(): void {
    const c = this.peek();
    if (c === '"') {
      this.string();
    } else if (c === "{" || c === "[") {
      let depth = 0;
      do {
        const d = this.peek();
        if (d === "") return;
        if (d === '"') {
          this.string();
          continue;
        }
        if (d === "{" || d === "[") depth++;
        if (d === "}" || d === "]") depth--;
        this.at++;
      } while (depth > 0);
    } else {
      while (this.at < this.text.length && !/[\s,\]}]/.test(this.text.charAt(this.at))) this.at++;
    }
  }
}

function lineOf(text: string, offset: number): number {
  let line = 1;
  for (let i = 0; i < offset; i++) if (text.charAt(i) === "\n") line++;
  return line;
}

export function locate(text: string, pointer: string): Place | null {
  const scan = new Scanner(text);
  scan.space();
  let start = scan.at;
  let keyStart: number | null = null;
  for (const part of unescapePointer(pointer)) {
    const found = enter(scan, part);
    if (found === null) break;
    keyStart = found;
    scan.space();
    start = scan.at;
  }
  const rest = new Scanner(text);
  rest.at = start;
  rest.skip();
  if (rest.at <= start && keyStart === null) return null;
  const from = keyStart ?? start;
  return { start: from, end: Math.max(rest.at, from), line: lineOf(text, from) };
}

// From the start of an object or array to the start of its member `part`; answers where the
// member's key (or the element itself) begins. The scanner does not move when there is none.
function enter(scan: Scanner, part: string): number | null {
  const back = scan.at;
  if (scan.take("{")) {
    while (scan.peek() === '"') {
      const keyAt = scan.at;
      const key = scan.string();
      if (!scan.take(":")) break;
      if (key === part) return keyAt;
      scan.skip();
      if (!scan.take(",")) break;
    }
  } else if (scan.take("[")) {
    const wanted = /^\d+$/.test(part) ? Number(part) : -1;
    for (let i = 0; scan.peek() !== "" && scan.peek() !== "]"; i++) {
      if (i === wanted) return scan.at;
      const before = scan.at;
      scan.skip();
      if (scan.at === before || !scan.take(",")) break;
    }
  }
  scan.at = back;
  return null;
}
