// Sending a file with its progress, which fetch cannot tell of.

import { ApiError, Unreachable } from "./api";
import { access, authorization, refuse } from "./token";
import type { ProblemDocument } from "./types";

const MEDIA: [ending: RegExp, type: string][] = [
  [/\.csv$/i, "text/csv"],
  [/\.tsv$/i, "text/tab-separated-values"],
  [/\.(ndjson|jsonl)$/i, "application/x-ndjson"],
  [/\.npy$/i, "application/x-npy"],
  [/\.npz$/i, "application/x-npz"],
  [/\.(arff)$/i, "text/x-arff"],
  [/\.(libsvm|svm)$/i, "text/x-libsvm"],
];

// What its name says; of others the daemon looks at the first bytes.
export function mediaType(name: string): string {
  const stem = name.replace(/\.gz$/i, "");
  return MEDIA.find(([ending]) => ending.test(stem))?.[1] ?? "application/octet-stream";
}

// "my data (1).csv" may be called my-data-1.
export function nameFrom(file: string): string {
  const stem = file.replace(/\.gz$/i, "").replace(/\.[^.]*$/, "");
  const clean = stem.replace(/[^A-Za-z0-9._-]+/g, "-").replace(/^[^A-Za-z_]+/, "").replace(/-+$/, "");
  return clean.slice(0, 64) || "dataset";
}

const NAME = /^[A-Za-z_][A-Za-z0-9._-]{0,63}$/;

export function isName(name: string): boolean {
  return NAME.test(name) && name !== "latest";
}

// One file is the body; several are the parts of a form, by their names.
function bodyOf(files: File[]): { body: Blob | FormData; type: string | null } {
  const [first] = files;
  if (first && files.length === 1) return { body: first, type: mediaType(first.name) };
  const form = new FormData();
  for (const file of files) form.append(nameFrom(file.name), file, file.name);
  return { body: form, type: null };
}

function answerOf(request: XMLHttpRequest): unknown {
  try {
    return JSON.parse(request.responseText);
  } catch {
    return null; // not ours: a proxy's page, or cut off
  }
}

export function upload<T>(
  path: string,
  files: File[],
  onProgress: (fraction: number) => void,
  signal: AbortSignal,
): Promise<T> {
  const token = access.token;
  const { body, type } = bodyOf(files);
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", path);
    if (type) request.setRequestHeader("Content-Type", type);
    for (const [name, value] of Object.entries(authorization(token))) request.setRequestHeader(name, value);
    request.upload.onprogress = (e) => e.lengthComputable && e.total > 0 && onProgress(e.loaded / e.total);
    request.onerror = () => reject(new Unreachable("The daemon does not answer, or it broke off the upload."));
    request.onabort = () => reject(new Unreachable("Stopped. Nothing of it was kept."));
    request.onload = () => {
      if (request.status === 401) refuse(token);
      const answer = answerOf(request);
      if (request.status >= 200 && request.status < 300 && answer !== null) {
        resolve(answer as T);
        return;
      }
      const problem = (answer ?? {}) as ProblemDocument;
      const detail = problem.detail ?? problem.title ?? `The daemon answered with status ${request.status}.`;
      reject(new ApiError(request.status, detail, problem.errors ?? []));
    };
    signal.addEventListener("abort", () => request.abort());
    request.send(body);
  });
}
