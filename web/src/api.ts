// Talking to the daemon: fetch with ETags, and its problem documents as exceptions.

import { access, authorization, keep, refuse } from "./token";
import type { FieldProblem, ProblemDocument } from "./types";

// The daemon answered, and the answer is no.
export class ApiError extends Error {
  readonly status: number;
  readonly problems: FieldProblem[];
  constructor(status: number, detail: string, problems: FieldProblem[]) {
    super(detail);
    this.status = status;
    this.problems = problems;
  }
}

// The daemon did not answer at all.
export class Unreachable extends Error {}

type Init = RequestInit & { headers?: Record<string, string> };

async function sendAs(token: string | null, path: string, init: Init): Promise<Response> {
  const headers = { ...init.headers, ...authorization(token) };
  try {
    return await fetch(path, { cache: "no-store", credentials: "same-origin", ...init, headers });
  } catch (e) {
    if (e instanceof DOMException && e.name === "AbortError") throw e;
    throw new Unreachable("The daemon does not answer.");
  }
}

async function send(path: string, init: Init): Promise<Response> {
  const token = access.token;
  const response = await sendAs(token, path, init);
  if (response.status === 401) refuse(token);
  return response;
}

async function refused(response: Response): Promise<ApiError> {
  let document: ProblemDocument = {};
  try {
    document = (await response.json()) as ProblemDocument;
  } catch {
    // Not ours: a proxy's page, or cut off. The status says what there is to say.
  }
  const detail =
    document.detail ?? document.title ?? `The daemon answered with status ${response.status}.`;
  return new ApiError(response.status, detail, document.errors ?? []);
}

async function read<T>(response: Response): Promise<T> {
  try {
    return (await response.json()) as T;
  } catch {
    throw new Unreachable("The daemon's answer was cut off.");
  }
}

// Try a token that the user gives; kept if the daemon takes it.
export async function offerToken(token: string): Promise<void> {
  if (!/^[!-~]+$/.test(token)) throw new Error("A token is one word of letters, digits and underscores.");
  const response = await sendAs(token, "/service", {});
  if (!response.ok) throw await refused(response);
  keep(token);
}

export type Fresh<T> = { changed: false } | { changed: true; data: T; etag: string | null };

export async function get<T>(
  path: string,
  etag: string | null,
  signal?: AbortSignal,
): Promise<Fresh<T>> {
  const init: Init = { headers: etag ? { "If-None-Match": etag } : {} };
  if (signal) init.signal = signal;
  const response = await send(path, init);
  if (response.status === 304) return { changed: false };
  if (!response.ok) throw await refused(response);
  return { changed: true, data: await read<T>(response), etag: response.headers.get("ETag") };
}

// The same thing in another form, such as text/csv.
export async function getText(path: string, accept: string): Promise<string> {
  const response = await send(path, { headers: { Accept: accept } });
  if (!response.ok) throw await refused(response);
  try {
    return await response.text();
  } catch {
    throw new Unreachable("The daemon's answer was cut off.");
  }
}

export async function postJson<T>(path: string, body: string): Promise<T> {
  const response = await send(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body,
  });
  if (!response.ok) throw await refused(response);
  return read<T>(response);
}

export async function postEmpty(path: string): Promise<void> {
  const response = await send(path, { method: "POST" });
  if (!response.ok) throw await refused(response);
}

export async function remove(path: string): Promise<void> {
  const response = await send(path, { method: "DELETE" });
  if (!response.ok) throw await refused(response);
}

export function words(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
