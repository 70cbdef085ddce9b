// The one poll loop. Views say what they look at (useResource, useCurve); each turn asks for
// all of it at once, with If-None-Match, and the next turn comes after
//   1 s  when something runs or waits,
//   3 s  when nothing does,
//   20 s when nobody looks (the tab is hidden),
// or after a growing pause while the daemon is away. Coming back to the tab, going online and
// anything the user does starts a turn at once.

import { useEffect, useReducer } from "preact/hooks";
import { ApiError, get, Unreachable, words } from "./api";
import { access } from "./token";
import { FINAL, type Curve, type Job, type Point, type Service } from "./types";

const BUSY_MS = 1000;
const IDLE_MS = 3000;
const HIDDEN_MS = 20000;
const AWAY_MS = [1000, 1000, 2000, 3000, 5000];
const TURN_LIMIT_MS = 15000;
const POINTS = 4000; // of a curve: more than any screen has columns
const MANY_POINTS = 6000;
const KEPT = 60; // entries nobody looks at, kept so that going back shows something at once

type Listener = () => void;

abstract class Entry {
  readonly path: string;
  readonly listeners = new Set<Listener>();
  error: ApiError | null = null;
  settled = false; // will not change any more: not asked for again
  constructor(path: string) {
    this.path = path;
  }
  abstract turn(signal: AbortSignal): Promise<boolean>;
  abstract readonly loaded: boolean;
  changed(): void {
    for (const listener of this.listeners) listener();
  }
}

class Resource<T> extends Entry {
  data: T | null = null;
  private etag: string | null = null;
  final: ((data: T) => boolean) | null; // as the view that asked last has it
  constructor(path: string, final: ((data: T) => boolean) | null) {
    super(path);
    this.final = final;
  }
  get loaded(): boolean {
    return this.data !== null;
  }
  async turn(signal: AbortSignal): Promise<boolean> {
    const fresh = await get<T>(this.path, this.etag, signal);
    if (fresh.changed) {
      this.data = fresh.data;
      this.etag = fresh.etag;
    }
    this.settled = this.final !== null && this.data !== null && this.final(this.data);
    return fresh.changed;
  }
}

// A job's curve, fetched from the last point on while it grows. A new attempt writes its epochs
// again: then it is read from its beginning. So it is once more when it is complete, because the
// daemon thins a long curve as it grows, and what stays is what everybody shall see.
class CurveEntry extends Entry {
  points: Point[] = [];
  private attempt: number;
  private etag: string | null = null;
  private asked = false;
  private whole = true; // the next turn asks for all of it
  constructor(path: string, attempt: number) {
    super(path);
    this.attempt = attempt;
  }
  get loaded(): boolean {
    return this.asked;
  }
  restart(attempt: number): void {
    if (attempt === this.attempt) return;
    this.attempt = attempt;
    this.points = [];
    this.etag = null;
    this.whole = true;
    this.settled = false;
  }
  async turn(signal: AbortSignal): Promise<boolean> {
    const attempt = this.attempt;
    const last = this.whole ? undefined : this.points[this.points.length - 1]?.epoch;
    const query = last === undefined ? `?max_points=${POINTS}` : `?after=${last}`;
    const fresh = await get<Curve>(this.path + query, this.etag, signal);
    if (attempt !== this.attempt) return false;
    const first = !this.asked;
    this.asked = true;
    if (!fresh.changed) return first;
    const news = fresh.data.points ?? [];
    const complete = fresh.data.complete === true;
    if (last === undefined) this.points = news;
    else if (news.length > 0) this.points = this.points.concat(news);
    this.settled = complete && last === undefined;
    // What the daemon has thinned meanwhile is thinned here, too.
    this.whole = complete || this.points.length === 0 || this.points.length > MANY_POINTS;
    // A tag belongs to its query: it is worth something when the next one is the same.
    this.etag = news.length === 0 && !this.whole ? fresh.etag : null;
    return first || news.length > 0;
  }
}

export type Link = "connecting" | "up" | "away";

export const loop = {
  link: "connecting" as Link,
  busy: false,
  listeners: new Set<Listener>(),
};

const entries = new Map<string, Entry>();
let timer: number | undefined;
let turning = false;
let again = false;
let failures = 0;

function announce(): void {
  for (const listener of loop.listeners) listener();
}

function setLink(link: Link): void {
  if (loop.link === link) return;
  const back = loop.link === "away" && link === "up";
  loop.link = link;
  if (back) {
    // Another daemon may stand there now: nothing is settled until it says so again.
    for (const entry of entries.values()) entry.settled = false;
    again = true;
  }
  announce();
}

function forget(): void {
  let idle = 0;
  for (const entry of entries.values()) if (entry.listeners.size === 0) idle++;
  for (const [path, entry] of entries) {
    if (idle <= KEPT) break;
    if (entry.listeners.size === 0) {
      entries.delete(path);
      idle--;
    }
  }
}

async function turn(): Promise<void> {
  if (access.asking) return; // the user's answer begins the next one
  if (turning) {
    again = true;
    return;
  }
  turning = true;
  window.clearTimeout(timer);
  const abort = new AbortController();
  const limit = window.setTimeout(() => abort.abort(), TURN_LIMIT_MS);
  const wanted = [...entries.values()].filter((e) => e.listeners.size > 0 && !e.settled);
  let answered = 0;
  let silent = 0;
  await Promise.all(
    wanted.map(async (entry) => {
      try {
        const changed = await entry.turn(abort.signal);
        answered++;
        if (entry.error !== null || changed) {
          entry.error = null;
          entry.changed();
        }
      } catch (e) {
        if (e instanceof ApiError) {
          answered++;
          entry.error = e;
          entry.changed();
        } else if (e instanceof Unreachable || e instanceof DOMException) {
          silent++;
        } else {
          throw e;
        }
      }
    }),
  ).catch((e: unknown) => console.error(words(e)));
  window.clearTimeout(limit);
  turning = false;
  forget();

  const service = entries.get("/service");
  if (service instanceof Resource) {
    const s = service.data as Service | null;
    loop.busy = ((s?.queue?.running ?? s?.workers?.busy ?? 0) + (s?.queue?.queued ?? 0)) > 0;
  }
  if (answered > 0 && silent === 0) {
    failures = 0;
    setLink("up");
  } else if (silent > 0) {
    failures++;
    setLink("away");
  }
  schedule();
}

function schedule(): void {
  let ms = loop.busy ? BUSY_MS : IDLE_MS;
  if (failures > 0) ms = AWAY_MS[Math.min(failures, AWAY_MS.length) - 1] ?? BUSY_MS;
  if (document.hidden) ms = HIDDEN_MS;
  if (again) {
    again = false;
    ms = 0;
  }
  window.clearTimeout(timer);
  timer = window.setTimeout(() => void turn(), ms);
}

// Ask again now: after something the user did.
export function refresh(): void {
  void turn();
}

export function startLoop(): void {
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) refresh();
  });
  window.addEventListener("online", refresh);
  void turn();
}

function watch(entry: Entry, listener: Listener): () => void {
  const wasIdle = entry.listeners.size === 0;
  entry.listeners.add(listener);
  if (wasIdle && !entry.settled) refresh();
  return () => entry.listeners.delete(listener);
}

function useTick(): () => void {
  const [, tick] = useReducer<number, void>((n) => n + 1, 0);
  return tick as () => void;
}

export interface Loaded<T> {
  data: T | null;
  error: ApiError | null;
}

function resource<T>(path: string, final: ((data: T) => boolean) | undefined): Resource<T> {
  let entry = entries.get(path) as Resource<T> | undefined;
  if (!entry) {
    entry = new Resource<T>(path, final ?? null);
    entries.set(path, entry);
  }
  if (final) entry.final = final;
  return entry;
}

// What GET `path` answers, kept fresh; null asks for nothing. `final` says when it will not change
// any more. A fragment in the path is not sent: it keeps apart two who take different things for final.
export function useResource<T>(path: string | null, final?: (data: T) => boolean): Loaded<T> {
  const tick = useTick();
  const held = path === null ? null : resource(path, final);
  useEffect(() => (held ? watch(held, tick) : undefined), [held]);
  return { data: held?.data ?? null, error: held?.error ?? null };
}

// The same for several at once.
export function useResources<T>(paths: string[], final?: (data: T) => boolean): Loaded<T>[] {
  const tick = useTick();
  const held = paths.map((path) => resource(path, final));
  useEffect(() => {
    const ends = held.map((entry) => watch(entry, tick));
    return () => ends.forEach((end) => end());
  }, [paths.join("\n")]);
  return held.map(({ data, error }) => ({ data, error }));
}

export interface LoadedCurve {
  points: Point[];
  loaded: boolean;
  error: ApiError | null;
}

export function useCurve(job: Job): LoadedCurve {
  const tick = useTick();
  const path = `/jobs/${job.id}/curve`;
  const attempt = job.attempt ?? 1;
  let entry = entries.get(path) as CurveEntry | undefined;
  if (!entry) {
    entry = new CurveEntry(path, attempt);
    entries.set(path, entry);
  }
  const held = entry;
  useEffect(() => {
    held.restart(attempt);
    return watch(held, tick);
  }, [held, attempt]);
  return { points: entry.points, loaded: entry.loaded, error: entry.error };
}

export function useLink(): Link {
  const tick = useTick();
  useEffect(() => {
    loop.listeners.add(tick);
    return () => loop.listeners.delete(tick);
  }, []);
  return loop.link;
}

export function jobIsFinal(job: Job): boolean {
  return FINAL.has(job.state);
}
