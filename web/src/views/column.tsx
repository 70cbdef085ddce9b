// How a column's values lie: a sketch for the list, and all that is known of one.

import * as format from "../format";
import { Missing } from "../parts";
import { useResource } from "../poll";
import type { Column, ColumnValue, Counted, Dataset, Histogram } from "../types";

export function cellValue(x: ColumnValue | undefined): string {
  if (typeof x === "string") return x.replace(/T00:00:00(\.0+)?Z$/, "").replace(/Z$/, "").replace("T", " ");
  return format.number(x);
}

// Bars of counts over a strip of `width` by `height`; a bar that counts anything can be seen.
function bars(counts: number[], width: number, height: number) {
  const most = Math.max(1, ...counts);
  const step = width / Math.max(1, counts.length);
  return counts.map((n, i) => {
    const h = n === 0 ? 0 : Math.max(1, (n / most) * height);
    return { x: i * step, y: height - h, w: Math.max(0.5, step - (step > 3 ? 1 : 0)), h, n };
  });
}

const W = 120;
const H = 28;

export function Sketch({ column }: { column: Column }) {
  const texts = column.top ?? column.categories;
  const counts = column.histogram?.counts ?? texts?.slice(0, 20).map((c) => c.count) ?? [];
  // Texts that are all different: bars of one would say nothing.
  if (!column.histogram && Math.max(0, ...counts) <= 1) return <span class="sketch" />;
  return (
    <svg class="sketch" viewBox={`0 0 ${W} ${H}`} aria-hidden="true" preserveAspectRatio="none">
      {bars(counts, W, H).map((b, i) => (
        <rect key={i} x={b.x} y={b.y} width={b.w} height={b.h} />
      ))}
      <line x1={0} x2={W} y1={H} y2={H} />
    </svg>
  );
}

const BIG = { width: 640, height: 150 };

function edge(h: Histogram, i: number): string {
  const at = (x: ColumnValue) => (typeof x === "string" ? Date.parse(x) : (x ?? 0));
  const value = at(h.low) + ((at(h.high) - at(h.low)) * i) / Math.max(1, h.counts.length);
  return typeof h.low === "string" ? cellValue(new Date(value).toISOString()) : format.number(value);
}

function BigHistogram({ histogram: h }: { histogram: Histogram }) {
  return (
    <figure class="histogram">
      <svg viewBox={`0 0 ${BIG.width} ${BIG.height}`} role="img" aria-label="How often which values are" preserveAspectRatio="none">
        {bars(h.counts, BIG.width, BIG.height).map((b, i) => (
          <rect key={i} x={b.x} y={b.y} width={b.w} height={b.h}>
            <title>
              {`${edge(h, i)} to ${edge(h, i + 1)}: ${format.number(b.n, 12)}`}
            </title>
          </rect>
        ))}
      </svg>
      <figcaption>
        <span>{cellValue(h.low)}</span>
        <span class="quiet">
          {h.below ? `${format.number(h.below, 12)} below ` : ""}
          {h.above ? `${format.number(h.above, 12)} above` : ""}
        </span>
        <span>{cellValue(h.high)}</span>
      </figcaption>
    </figure>
  );
}

function Texts({ texts, rows, rest }: { texts: Counted[]; rows: number; rest: number }) {
  const most = Math.max(1, ...texts.map((t) => t.count));
  return (
    <ul class="probabilities texts">
      {texts.map((t) => (
        <li key={t.value}>
          <span class="label">{t.value === "" ? <span class="quiet">(empty)</span> : t.value}</span>
          <span class="meter" aria-hidden="true">
            <i style={{ width: `${(t.count / most) * 100}%` }} />
          </span>
          <span class="num" title={rows > 0 ? format.percent(t.count / rows) : undefined}>
            {format.number(t.count, 12)}
          </span>
        </li>
      ))}
      {rest > 0 ? (
        <li>
          <span class="label quiet">all others</span>
          <span />
          <span class="num">{format.number(rest, 12)}</span>
        </li>
      ) : null}
    </ul>
  );
}

// Wide tables tell quantiles and histograms of one column at a time: it is asked for by itself.
export function ColumnDetail({ dataset, name }: { dataset: Dataset; name: string }) {
  const { data, error } = useResource<Dataset>(
    `/datasets/${dataset.id}?column=${encodeURIComponent(name)}`,
    () => true,
  );
  const column = data?.columns?.[0];
  if (!column) return <Missing error={error} what="the column" />;
  const facts: [string, string][] = [
    ["Missing", format.count(column.missing ?? 0, "cell")],
    ["Distinct", column.distinct === null || column.distinct === undefined ? "more than 64" : format.number(column.distinct, 12)],
  ];
  if (column.mean !== undefined && column.mean !== null) facts.push(["Mean", cellValue(column.mean)]);
  if (typeof column.std === "number")
    facts.push(["Deviation", column.type === "datetime" ? format.duration(column.std) : format.number(column.std)]);
  if (column.format) facts.push(["Written as", column.format]);
  const quantiles = Object.entries(column.quantiles ?? {});
  const texts = column.top ?? column.categories ?? [];
  return (
    <div class="column-detail">
      {column.histogram ? <BigHistogram histogram={column.histogram} /> : null}
      {!column.histogram && texts.length > 0 ? (
        <Texts texts={texts} rows={dataset.rows ?? 0} rest={column.rest ?? 0} />
      ) : null}
      <dl class="quantiles">
        {quantiles.map(([key, value]) => (
          <div key={key}>
            <dt>{key === "p0" ? "min" : key === "p50" ? "median" : key === "p100" ? "max" : key.replace("p", "") + " %"}</dt>
            <dd>{cellValue(value)}</dd>
          </div>
        ))}
        {facts.map(([key, value]) => (
          <div key={key}>
            <dt>{key}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {column.why ? <p class="quiet">Taken as {column.why}.</p> : null}
      {column.exact === false ? <p class="quiet">Quantiles and histogram are those of a sample.</p> : null}
    </div>
  );
}
