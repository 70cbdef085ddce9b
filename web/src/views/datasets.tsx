// Datasets: the list with an upload, and one dataset column by column.

import { useState } from "preact/hooks";
import { ApiError, remove, upload, words } from "../api";
import * as format from "../format";
import { Action, Age, Missing, Notice, Panel, type SubmitEvent } from "../parts";
import { refresh, useResource } from "../poll";
import { go, type Route } from "../route";
import type { Column, Dataset } from "../types";

interface DatasetList {
  datasets?: Dataset[];
}

const WIDEST = 100; // columns shown of the first rows
const NAME = /^[A-Za-z_][A-Za-z0-9._-]{0,63}$/;

function keyOf(dataset: Dataset): string {
  return encodeURIComponent(dataset.name ?? String(dataset.id));
}

export function columnCount(dataset: Dataset): number | undefined {
  return dataset.n_columns ?? dataset.columns?.length;
}

// "my data (1).csv" may be called my-data-1.
function nameFrom(file: string): string {
  const stem = file.replace(/\.gz$/i, "").replace(/\.[^.]*$/, "");
  const clean = stem.replace(/[^A-Za-z0-9._-]+/g, "-").replace(/^[^A-Za-z_]+/, "").replace(/-+$/, "");
  return clean.slice(0, 64) || "dataset";
}

export function DatasetsView(_: { route: Route }) {
  const { data, error } = useResource<DatasetList>("/datasets?limit=200");
  if (!data) return <Missing error={error} what="datasets" />;
  const datasets = data.datasets ?? [];
  return (
    <>
      <h1>Datasets</h1>
      <UploadForm />
      {datasets.length === 0 ? (
        <p class="quiet">None yet. Rows given inside a job become a dataset too.</p>
      ) : (
        <table class="list datasets">
          <thead>
            <tr>
              <th scope="col">Dataset</th>
              <th scope="col" class="num">
                Rows
              </th>
              <th scope="col" class="num">
                Columns
              </th>
              <th scope="col" class="num">
                Size
              </th>
              <th scope="col">Added</th>
              <th scope="col">
                <span class="sr-only">Actions</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {datasets.map((dataset) => (
              <tr key={dataset.id} data-dataset={dataset.id}>
                <td class="cell-main">
                  <a class="row-link" href={`#/datasets/${keyOf(dataset)}`}>
                    <span class="id">{dataset.id}</span> {dataset.name ?? "rows given in a job"}
                  </a>
                  {dataset.state && dataset.state !== "ready" ? (
                    <span class="quiet"> {dataset.state}</span>
                  ) : null}
                </td>
                <td data-label="Rows" class="num">
                  {format.number(dataset.rows, 12)}
                </td>
                <td data-label="Columns" class="num">
                  {format.number(columnCount(dataset), 9)}
                </td>
                <td data-label="Size" class="num">
                  {format.bytes(dataset.bytes)}
                </td>
                <td data-label="Added" class="quiet">
                  <Age at={dataset.created_at} />
                </td>
                <td class="cell-actions">
                  {dataset.name ? (
                    <a class="button small" href={`#/new?dataset=${keyOf(dataset)}`}>
                      Train on it<span class="sr-only">: {dataset.name}</span>
                    </a>
                  ) : null}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </>
  );
}

function UploadForm() {
  const [file, setFile] = useState<File | null>(null);
  const [name, setName] = useState("");
  const [busy, setBusy] = useState(false);
  const [outcome, setOutcome] = useState<{ good: boolean; text: string; details: string[] } | null>(null);
  const valid = NAME.test(name) && name !== "latest";

  async function submit(e: SubmitEvent) {
    e.preventDefault();
    if (!file || busy || !valid) return;
    setBusy(true);
    setOutcome(null);
    try {
      const made = await upload<Dataset>(`/datasets?name=${encodeURIComponent(name)}`, file);
      setOutcome({
        good: true,
        text: `${made.name ?? name} is here: ${format.count(made.rows, "row")}, ${format.count(columnCount(made), "column")}.`,
        details: [],
      });
      setFile(null);
      setName("");
      refresh();
    } catch (error) {
      const details =
        error instanceof ApiError ? error.problems.map((p) => p.detail ?? "").filter((d) => d !== "") : [];
      setOutcome({ good: false, text: words(error), details: details.filter((d) => d !== words(error)) });
    }
    setBusy(false);
  }

  return (
    <Panel title="Add one">
      <form class="upload" onSubmit={(e: SubmitEvent) => void submit(e)}>
        <label class="field">
          <span>CSV file, with a header row</span>
          <input
            type="file"
            accept=".csv,.gz,text/csv"
            key={outcome?.good ? outcome.text : "file"}
            onChange={(e) => {
              const chosen = e.currentTarget.files?.[0] ?? null;
              setFile(chosen);
              if (chosen) setName(nameFrom(chosen.name));
            }}
          />
        </label>
        <label class="field">
          <span>Name</span>
          <input
            type="text"
            value={name}
            spellcheck={false}
            autocomplete="off"
            aria-invalid={name !== "" && !valid ? true : undefined}
            onInput={(e) => setName(e.currentTarget.value)}
          />
        </label>
        <button type="submit" class="primary" aria-disabled={!file || !valid || busy}>
          {busy ? "Uploading…" : "Upload"}
        </button>
      </form>
      {name !== "" && !valid ? (
        <p class="problem">A name begins with a letter and has only letters, digits, dots, hyphens and underscores.</p>
      ) : null}
      {outcome ? (
        <Notice kind={outcome.good ? "good" : "error"} onClose={() => setOutcome(null)}>
          <p>{outcome.text}</p>
          {outcome.details.length > 0 ? (
            <ul>
              {outcome.details.map((d) => (
                <li key={d}>{d}</li>
              ))}
            </ul>
          ) : null}
        </Notice>
      ) : null}
    </Panel>
  );
}

export function DatasetView({ id }: { id: string }) {
  const { data, error } = useResource<Dataset>(`/datasets/${encodeURIComponent(id)}`);
  const [refusal, setRefusal] = useState<string | null>(null);
  if (!data) return <Missing error={error} what={`dataset ${id}`} />;
  const columns = data.columns ?? [];
  return (
    <>
      <nav class="crumbs" aria-label="Where you are">
        <a href="#/datasets">Datasets</a> <span aria-hidden="true">/</span> {data.name ?? data.id}
      </nav>
      <div class="title">
        <h1>
          <span class="id">{data.id}</span> {data.name ?? "rows given in a job"}
        </h1>
        <div class="title-actions">
          {data.name ? (
            <a class="button small" href={`#/new?dataset=${keyOf(data)}`}>
              Train on it
            </a>
          ) : null}
          <Action
            label="Delete"
            about={`dataset ${data.id}`}
            confirm="Really delete?"
            kind="danger"
            onError={setRefusal}
            run={async () => {
              await remove(`/datasets/${data.id}`);
              go("#/datasets");
              refresh();
            }}
          />
        </div>
      </div>
      {refusal ? (
        <Notice kind="error" onClose={() => setRefusal(null)}>
          {refusal}
        </Notice>
      ) : null}
      <p class="quiet">
        {format.count(data.rows, "row")}, {format.count(columnCount(data), "column")},{" "}
        {format.bytes(data.bytes)}
        {data.sha256 ? (
          <>
            , sha256 <code title={data.sha256}>{data.sha256.slice(0, 16)}…</code>
          </>
        ) : null}
      </p>
      <Panel title="Columns">
        <div class="scroll" tabIndex={0} role="group" aria-label="Columns">
          <table class="plain columns-table">
            <thead>
              <tr>
                <th scope="col">Name</th>
                <th scope="col">Type</th>
                <th scope="col" class="num">
                  Missing
                </th>
                <th scope="col" class="num">
                  Min
                </th>
                <th scope="col" class="num">
                  Mean
                </th>
                <th scope="col" class="num">
                  Max
                </th>
                <th scope="col">Values</th>
              </tr>
            </thead>
            <tbody>
              {columns.map((column) => (
                <tr key={column.name}>
                  <th scope="row" title={column.name}>{column.name}</th>
                  <td>{column.type}</td>
                  <td class="num">{format.number(column.missing, 9)}</td>
                  <td class="num">{format.number(column.min)}</td>
                  <td class="num">{format.number(column.mean)}</td>
                  <td class="num">{format.number(column.max)}</td>
                  <td>{categoryWords(column)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </Panel>
      <FirstRows dataset={data} />
    </>
  );
}

interface Rows {
  columns?: string[];
  rows?: (string | number | null)[][];
}

function FirstRows({ dataset }: { dataset: Dataset }) {
  const { data } = useResource<Rows>(`/datasets/${dataset.id}/rows?limit=8`, () => true);
  const rows = data?.rows ?? [];
  if (rows.length === 0) return null;
  return (
    <Panel title="First rows">
      <div class="scroll" tabIndex={0} role="group" aria-label="First rows">
        <table class="plain rows-table">
          <thead>
            <tr>
              {(data?.columns ?? []).slice(0, WIDEST).map((name, j) => (
                <th scope="col" key={name} class={typeof rows[0]?.[j] === "number" ? "num" : ""}>
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row, i) => (
              <tr key={i}>
                {row.slice(0, WIDEST).map((cell, j) => (
                  <td key={j} class={typeof cell === "number" ? "num" : ""}>
                    {cell === null ? <span class="quiet">missing</span> : typeof cell === "number" ? format.number(cell, 6) : cell}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Panel>
  );
}

function categoryWords(column: Column): string {
  const all = (column.categories ?? []).map((c) => (typeof c === "string" ? c : (c.value ?? "")));
  if (all.length === 0) return "";
  const shown = all.slice(0, 6).join(", ");
  return all.length > 6 ? `${shown} and ${all.length - 6} more` : shown;
}
