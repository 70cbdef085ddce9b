// One dataset: its columns with their distributions, a look at its rows, its versions.

import { useState } from "preact/hooks";
import { Delete, Refused } from "../actions";
import * as format from "../format";
import { Age, Find, Missing, Notice, Panel } from "../parts";
import { useResource } from "../poll";
import { go, setQuery, type Route } from "../route";
import type { Column, Dataset } from "../types";
import { ColumnDetail, cellValue, Sketch } from "./column";
import { columnCount, keyOf } from "./datasets";

const COLUMNS = 60; // shown at once
const WIDEST = 60; // columns shown of the rows
const ROWS = 15;

export function DatasetView({ id, route }: { id: string; route: Route }) {
  const { data, error } = useResource<Dataset>(`/datasets/${encodeURIComponent(id)}`);
  const [refusal, setRefusal] = useState<string | null>(null);
  if (!data) return <Missing error={error} what={`dataset ${id}`} />;
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
          <a class="button small primary" href={`#/new?dataset=${keyOf(data)}`}>
            Train on it
          </a>
          <Delete what="dataset" id={data.id} onError={setRefusal} onDeleted={() => go("#/datasets")} />
        </div>
      </div>
      <Refused why={refusal} onClose={setRefusal} />
      <p class="quiet">
        {format.count(data.rows, "row")}, {format.count(columnCount(data), "column")}, {format.bytes(data.bytes)}
        {data.sha256 ? (
          <>
            , sha256 <code title={data.sha256}>{data.sha256.slice(0, 16)}…</code>
          </>
        ) : null}
      </p>
      <Columns dataset={data} route={route} />
      <Rows dataset={data} route={route} />
      <Versions dataset={data} />
    </>
  );
}

function Columns({ dataset, route }: { dataset: Dataset; route: Route }) {
  const all = dataset.columns ?? [];
  const find = route.query.get("find") ?? "";
  const open = route.query.get("column");
  const wanted = all.filter((c) => c.name.toLowerCase().includes(find.toLowerCase()));
  const shown = route.query.get("all") ? wanted : wanted.slice(0, COLUMNS);
  return (
    <Panel
      title="Columns"
      aside={all.length > 8 ? <Find value={find} hint="part of a name" /> : null}
    >
      <ul class="column-list">
        {shown.map((column) => (
          <ColumnLine
            key={column.name}
            dataset={dataset}
            column={column}
            open={open === column.name}
          />
        ))}
      </ul>
      {shown.length < wanted.length ? (
        <p class="more">
          <button type="button" onClick={() => setQuery({ all: "1" })}>
            Show all {format.number(wanted.length, 9)}
          </button>
        </p>
      ) : null}
      {wanted.length === 0 ? <p class="quiet">No column's name has that.</p> : null}
    </Panel>
  );
}

function ColumnLine({ dataset, column, open }: { dataset: Dataset; column: Column; open: boolean }) {
  const missing = column.missing ?? 0;
  const share = dataset.rows ? missing / dataset.rows : 0;
  const reason = (column.why ?? "").replace(/^[a-z]+: /, "");
  return (
    <li class={`column ${open ? "column-open" : ""}`}>
      <button
        type="button"
        class="column-line"
        aria-expanded={open}
        onClick={() => setQuery({ column: open ? null : column.name })}
      >
        <span class="column-name" title={column.name}>
          {column.name}
        </span>
        <span class="column-type">
          <span class={`type type-${column.type}`}>{column.type}</span> <span class="quiet">{reason}</span>
          {column.declared ? <span class="quiet">, declared so</span> : null}
        </span>
        <Sketch column={column} />
        <span class="column-facts">
          {missing > 0 ? (
            <span class="missing">
              {format.percent(share)} missing<span class="sr-only"> ({format.count(missing, "cell")})</span>
            </span>
          ) : null}
          <span class="quiet">{rangeWords(column)}</span>
        </span>
      </button>
      {column.remark ? <p class="remark">{column.remark}</p> : null}
      {open ? <ColumnDetail dataset={dataset} name={column.name} /> : null}
    </li>
  );
}

// The shortest true thing about its values.
function rangeWords(column: Column): string {
  const q = column.quantiles;
  if (column.min !== undefined && column.min !== null) {
    const middle = q ? `, median ${cellValue(q.p50)}` : "";
    return `${cellValue(column.min)} to ${cellValue(column.max)}${middle}`;
  }
  const top = column.top ?? column.categories ?? [];
  if (top.length === 0) return "";
  const shown = top.slice(0, 4).map((c) => c.value);
  const more = (column.distinct ?? top.length) - shown.length;
  return `${shown.join(", ")}${more > 0 ? ` and ${format.number(more, 9)} more` : ""}`;
}

interface RowsAnswer {
  offset?: number;
  total?: number;
  columns?: string[];
  rows?: (string | number | null)[][];
}

function Rows({ dataset, route }: { dataset: Dataset; route: Route }) {
  const total = dataset.rows ?? 0;
  const offset = Math.max(0, Math.min(Number(route.query.get("row")) || 0, Math.max(0, total - 1)));
  const { data, error } = useResource<RowsAnswer>(
    `/datasets/${dataset.id}/rows?offset=${offset}&limit=${ROWS}`,
    () => true,
  );
  const rows = data?.rows ?? [];
  const columns = data?.columns ?? [];
  const numeric = new Set((dataset.columns ?? []).filter((c) => c.type === "numeric").map((c) => c.name));
  const page = (at: number) => setQuery({ row: at > 0 ? String(at) : null });
  return (
    <Panel
      title="Rows"
      aside={
        <div class="pager">
          <button type="button" class="small" aria-disabled={offset === 0} onClick={() => page(Math.max(0, offset - ROWS))}>
            Back
          </button>
          <span class="quiet">
            {rows.length > 0 ? `${format.number(offset + 1, 12)} to ${format.number(offset + rows.length, 12)}` : ""} of{" "}
            {format.number(total, 12)}
          </span>
          <button
            type="button"
            class="small"
            aria-disabled={offset + ROWS >= total}
            onClick={() => offset + ROWS < total && page(offset + ROWS)}
          >
            On
          </button>
        </div>
      }
    >
      {error ? <Notice kind="error">{error.message}</Notice> : null}
      <div class="scroll" tabIndex={0} role="group" aria-label="Rows">
        <table class="plain rows-table">
          <thead>
            <tr>
              <th scope="col" class="num">
                #
              </th>
              {columns.slice(0, WIDEST).map((name) => (
                <th scope="col" key={name} class={numeric.has(name) ? "num" : ""} title={name}>
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row, i) => (
              <tr key={offset + i}>
                <th scope="row" class="num quiet">
                  {format.number(offset + i + 1, 12)}
                </th>
                {row.slice(0, WIDEST).map((cell, j) => (
                  <td key={j} class={numeric.has(columns[j] ?? "") ? "num" : ""} title={typeof cell === "string" ? cell : undefined}>
                    {cell === null ? (
                      <span class="quiet">missing</span>
                    ) : typeof cell === "number" ? (
                      format.number(cell, 6)
                    ) : (
                      cell
                    )}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {columns.length > WIDEST ? (
        <p class="quiet">The first {WIDEST} of {format.number(columns.length, 9)} columns.</p>
      ) : null}
    </Panel>
  );
}

function Versions({ dataset }: { dataset: Dataset }) {
  const versions = dataset.versions ?? [];
  if (versions.length < 2) return null;
  return (
    <Panel title="Versions">
      <table class="plain">
        <thead>
          <tr>
            <th scope="col">Dataset</th>
            <th scope="col">Made from</th>
            <th scope="col" class="num">
              Rows
            </th>
            <th scope="col">Added</th>
          </tr>
        </thead>
        <tbody>
          {versions.map((v) => (
            <tr key={v.id}>
              <th scope="row">
                {v.id === dataset.id ? <b>{v.id}, this one</b> : <a href={`#/datasets/${v.id}`}>{v.id}</a>}{" "}
                {v.name ? <span class="quiet">called {v.name}</span> : null}
              </th>
              <td>{v.parent_id ?? format.NONE}</td>
              <td class="num">{format.number(v.rows, 12)}</td>
              <td>
                <Age at={v.created_at} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Panel>
  );
}
