// Datasets: the list.

import * as format from "../format";
import { Age, Find, Missing } from "../parts";
import { Pages, pageQuery } from "../pages";
import { useResource } from "../poll";
import type { Route } from "../route";
import type { Dataset } from "../types";
import { AddDataset } from "./upload";

interface DatasetList {
  datasets?: Dataset[];
  next_page_token?: string | null;
}

const MANY = 12; // from so many on there is a filter

export function keyOf(dataset: Dataset): string {
  return encodeURIComponent(dataset.name ?? String(dataset.id));
}

export function columnCount(dataset: Dataset): number | undefined {
  return dataset.n_columns ?? dataset.columns?.length;
}

export function DatasetsView({ route }: { route: Route }) {
  const { data, error } = useResource<DatasetList>(`/datasets?${pageQuery(route, 100)}`);
  if (!data) return <Missing error={error} what="datasets" />;
  const all = data.datasets ?? [];
  const find = route.query.get("find") ?? "";
  const shown = all.filter((d) => (d.name ?? "").toLowerCase().includes(find.toLowerCase()));
  return (
    <>
      <h1>Datasets</h1>
      <AddDataset route={route} />
      {all.length === 0 ? (
        <p class="quiet none-yet">None yet. Rows given inside a job become a dataset too.</p>
      ) : null}
      {all.length >= MANY || find !== "" ? (
        <Find value={find} hint="part of a name" found={format.count(shown.length, "dataset")} />
      ) : null}
      {shown.length > 0 ? <List datasets={shown} /> : null}
      <Pages route={route} shown={all.length} what="dataset" next={data.next_page_token} />
    </>
  );
}

function List({ datasets }: { datasets: Dataset[] }) {
  return (
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
                <span class="id">{dataset.id}</span>{" "}
                {dataset.name ?? <span class="unnamed">rows given in a job</span>}
              </a>
              {dataset.state && dataset.state !== "ready" ? <span class="quiet"> {dataset.state}</span> : null}
              {dataset.parent_id ? <span class="quiet"> from {dataset.parent_id}</span> : null}
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
            <td data-label="Added" class="quiet nowrap">
              <Age at={dataset.created_at} />
            </td>
            <td class="cell-actions">
              <a class="button small" href={`#/new?dataset=${keyOf(dataset)}`}>
                Train on it<span class="sr-only">: {dataset.name ?? dataset.id}</span>
              </a>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
