// What happens in a step of the pass, in words and with its numbers filled in.

import type { ComponentChildren } from "preact";
import * as format from "../format";
import { before, columnOf, focus, incoming, outgoing, type Chosen, type Step, type Trace, type TraceLayer } from "../trace";

// A number as people read it; all of it is in its title.
export function N({ x }: { x: number | null | undefined }) {
  return (
    <span class="n" title={x === null || x === undefined ? undefined : String(x)}>
      {numberWords(x)}
    </span>
  );
}

// 0.99998 is not 1: what is nearly a whole number keeps the digits that say so.
function numberWords(x: number | null | undefined): string {
  const text = format.number(x);
  const nearly = typeof x === "number" && !Number.isInteger(x) && Math.abs(x) < 1000 && /^\D?\d+$/.test(text);
  return nearly ? format.number(x, 8) : text;
}

function Line(props: { children: ComponentChildren; result?: boolean }) {
  return <p class={props.result ? "math math-result" : "math"}>{props.children}</p>;
}

// A factor: negative ones in brackets, so that signs do not meet.
function F({ x }: { x: number | undefined }) {
  return x !== undefined && x < 0 ? (
    <>
      (<N x={x} />)
    </>
  ) : (
    <N x={x} />
  );
}

const TERMS = 5; // of a sum, written out

// u1 v1 + u2 v2 + ..., the largest terms first and the rest as one number.
function Sum({ of, and }: { of: number[]; and: number[] }) {
  const terms = of.map((x, i) => ({ i, x, y: and[i] ?? 0 }));
  const order = terms.length > TERMS ? [...terms].sort((a, b) => Math.abs(b.x * b.y) - Math.abs(a.x * a.y)) : terms;
  const shown = order.slice(0, TERMS);
  const rest = order.slice(TERMS);
  return (
    <>
      {shown.map((t, n) => (
        <span class="term" key={t.i}>
          {n > 0 ? " + " : ""}
          <F x={t.x} />
          <span class="times">·</span>
          <F x={t.y} />
        </span>
      ))}
      {rest.length > 0 ? (
        <span class="term">
          {" + "}
          <F x={rest.reduce((sum, t) => sum + t.x * t.y, 0)} /> <span class="quiet">(the other {rest.length})</span>
        </span>
      ) : null}
    </>
  );
}

function activationWords(layer: TraceLayer): string {
  return layer.activation === "identity" ? "identity" : layer.activation.replace(/_/g, " ");
}

function hasNorm(layer: TraceLayer): string | null {
  return layer.stages.find((s) => s.endsWith("_norm")) ?? null;
}

export function unitName(trace: Trace, k: number, j: number): string {
  const last = k === trace.layers.length - 1;
  const name = last ? trace.output.names[j] : undefined;
  return name !== undefined ? `output ${name}` : `${trace.layers[k]?.name ?? ""}, unit ${j + 1}`;
}

export function inputName(trace: Trace, k: number, i: number): string {
  return k === 0 ? (trace.inputs.names[i] ?? `input ${i + 1}`) : `${trace.layers[k - 1]?.name ?? ""}, unit ${i + 1}`;
}

export function StepWords({ trace, step, chosen }: { trace: Trace; step: Step; chosen: Chosen }) {
  if (step.kind === "inputs") return <Inputs trace={trace} />;
  if (step.kind === "loss") return <Loss trace={trace} />;
  const layer = trace.layers[step.k];
  if (!layer) return null;
  const j = focus(trace, step.k, chosen);
  return step.kind === "forward" ? (
    <Forward trace={trace} k={step.k} j={j} layer={layer} />
  ) : (
    <Backward trace={trace} k={step.k} j={j} layer={layer} />
  );
}

function Inputs({ trace }: { trace: Trace }) {
  const { inputs } = trace;
  return (
    <>
      <p>
        The row becomes {format.count(inputs.size, "number")}: columns are scaled, and texts get a number for each value. These
        go into the first layer.
      </p>
      <table class="plain numbers">
        <tbody>
          {inputs.names.slice(0, 12).map((name, i) => (
            <tr key={i}>
              <th scope="row">{name}</th>
              <td class="num">
                <N x={inputs.a[i]} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {inputs.names.length > 12 ? <p class="quiet">and {format.number(inputs.size - 12, 9)} more</p> : null}
    </>
  );
}

function Forward({ trace, k, j, layer }: { trace: Trace; k: number; j: number; layer: TraceLayer }) {
  const column = columnOf(layer, j);
  const w = incoming(trace, k, j);
  const a = before(trace, k);
  const norm = hasNorm(layer);
  const last = k === trace.layers.length - 1;
  return (
    <>
      <p>
        Each unit adds up what comes in, every number times its weight, and its bias{last ? "." : `, and ${activationWords(layer)} bends the sum.`} Here{" "}
        <b>{unitName(trace, k, j)}</b>:
      </p>
      <Line>
        z = Σ a·w{layer.b ? " + b" : ""}
        {w ? (
          <>
            {" = "}
            <Sum of={a} and={w} />
            {layer.b ? (
              <>
                {" + "}
                <F x={layer.b[column]} />
              </>
            ) : null}
          </>
        ) : null}
      </Line>
      <Line result>
        z = <N x={layer.z[column]} />
      </Line>
      {norm ? (
        <Line>
          {norm.replace("_", " ")}: y = <N x={layer.y?.[column]} />
        </Line>
      ) : null}
      {last ? null : (
        <Line result>
          a = {activationWords(layer)}({norm ? "y" : "z"}){layer.h ? " + what came in" : ""} = <N x={layer.a[j]} />
        </Line>
      )}
      {(layer.pieces ?? 1) > 1 ? <p class="quiet">Of its {layer.pieces} pieces the largest one counts; this is it.</p> : null}
      {(layer.left_out ?? []).length > 0 ? (
        <p class="quiet">Only while training: {layer.left_out?.join(", ").replace(/_/g, " ")}.</p>
      ) : null}
    </>
  );
}

function Loss({ trace }: { trace: Trace }) {
  const { output, loss } = trace;
  const shown = output.names.slice(0, 12);
  return (
    <>
      <p>
        {output.function === "identity"
          ? "The output is the last sum itself, in the units of training."
          : `${output.function} turns the last sums into ${output.function === "exp" ? "positive numbers" : "probabilities"}`}
        {output.function === "identity" ? "" : output.temperature !== 1 ? `, each divided by the temperature ${format.number(output.temperature)} first.` : "."}
      </p>
      <table class="plain numbers">
        <thead>
          <tr>
            <th scope="col">output</th>
            <th scope="col" class="num">
              z
            </th>
            <th scope="col" class="num">
              p
            </th>
            {loss ? (
              <th scope="col" class="num">
                truth
              </th>
            ) : null}
          </tr>
        </thead>
        <tbody>
          {shown.map((name, j) => (
            <tr key={j}>
              <th scope="row">{name}</th>
              <td class="num">
                <N x={output.z[j]} />
              </td>
              <td class="num">
                <N x={output.p[j]} />
              </td>
              {loss ? (
                <td class="num">
                  <N x={loss.target[j]} />
                </td>
              ) : null}
            </tr>
          ))}
        </tbody>
      </table>
      {loss ? <LossLine trace={trace} /> : <p class="quiet">The row has no truth to compare with: no loss, and no way back.</p>}
    </>
  );
}

function LossLine({ trace }: { trace: Trace }) {
  const { output, loss } = trace;
  if (!loss) return null;
  const right = loss.target.findIndex((t) => t === 1);
  const p = output.p.length === 1 ? (loss.target[0] === 1 ? output.p[0] : 1 - (output.p[0] ?? 0)) : output.p[right];
  const isLog = loss.name === "cross_entropy" && p !== undefined && Math.abs(-Math.log(p) - loss.value) < 1e-3 * (1 + loss.value);
  return (
    <Line result>
      {format.metricName(loss.name)} l ={" "}
      {isLog ? (
        <>
          −ln(<N x={p} />) ={" "}
        </>
      ) : null}
      <N x={loss.value} />
    </Line>
  );
}

// dl/dz of an output: p less the truth for the usual losses, if that is what the numbers say.
function outputRule(trace: Trace, j: number, delta: number): ComponentChildren {
  const { output, loss } = trace;
  const p = output.p[j];
  const t = loss?.target[j];
  if (p === undefined || t === undefined) return null;
  const factor = [1, 2, 1 / output.temperature].find((f) => Math.abs((p - t) * f - delta) <= 1e-4 * Math.abs(delta) + 1e-7);
  if (factor === undefined) return null;
  return (
    <>
      {factor === 1 ? "" : `${format.number(factor)} · (`}p − truth{factor === 1 ? "" : ")"} ={" "}
      {factor === 1 ? null : (
        <>
          {format.number(factor)} · (
        </>
      )}
      <N x={p} /> − <F x={t} />
      {factor === 1 ? null : ")"} ={" "}
    </>
  );
}

// delta of unit j of layer k: how the loss changes with its z.
export function DeltaLines({ trace, k, j }: { trace: Trace; k: number; j: number }) {
  const layer = trace.layers[k];
  if (!layer?.delta) return null;
  const column = columnOf(layer, j);
  const delta = layer.delta[column] ?? 0;
  if (k === trace.layers.length - 1) {
    return (
      <Line result>
        δ = dl/dz = {outputRule(trace, j, delta)}
        <N x={delta} />
      </Line>
    );
  }
  const back = outgoing(trace, k, j);
  const carried = trace.layers[k + 1]?.stages.includes("residual") === true;
  const norm = hasNorm(layer);
  return (
    <>
      <Line>
        dl/da = Σ w′·δ′{carried ? " + what goes past" : ""}
        {back ? (
          <>
            {" = "}
            <Sum of={back.w} and={back.delta} />
          </>
        ) : null}{" "}
        = <N x={layer.delta_a?.[j]} />
      </Line>
      <Line result>
        {norm ? "dl/dy" : "δ"} = dl/da · f′({norm ? "y" : "z"}) = <F x={layer.delta_a?.[j]} />
        <span class="times">·</span>
        <F x={layer.derivative[column]} /> = <N x={norm ? layer.delta_y?.[column] : delta} />
      </Line>
      {norm ? (
        <Line result>
          back through {norm.replace("_", " ")}: δ = <N x={delta} />
        </Line>
      ) : null}
    </>
  );
}

function Backward({ trace, k, j, layer }: { trace: Trace; k: number; j: number; layer: TraceLayer }) {
  const last = k === trace.layers.length - 1;
  return (
    <>
      <p>
        {last
          ? "Back now. δ says how the loss changes with a unit's sum z. At the output it comes from the loss itself."
          : "δ comes back along the weights: what the units behind ask for, each times its weight, times the slope of the activation where this unit stands."}{" "}
        Here <b>{unitName(trace, k, j)}</b>:
      </p>
      <DeltaLines trace={trace} k={k} j={j} />
      <p>
        And each weight's gradient is what went through it times δ: <span class="math-inline">dl/dw = a · δ</span>. The links into{" "}
        {layer.name} show it now.
      </p>
    </>
  );
}

export function WeightWords({ trace, chosen, rate }: { trace: Trace; chosen: Chosen; rate: number | null }) {
  const { k, i, j } = chosen;
  const layer = trace.layers[k];
  if (!layer) return null;
  const column = columnOf(layer, j);
  const a = before(trace, k)[i];
  const w = incoming(trace, k, j)?.[i];
  const delta = layer.delta?.[column];
  const gradient = layer.dW?.[i]?.[column] ?? (a !== undefined && delta !== undefined ? a * delta : undefined);
  return (
    <>
      <Line>
        w = <N x={w} />, a = <N x={a} />
      </Line>
      {delta === undefined ? (
        <p class="quiet">Without a truth there is no gradient.</p>
      ) : (
        <>
          <DeltaLines trace={trace} k={k} j={j} />
          <p class="math math-result math-final">
            dl/dw = a · δ = <F x={a} />
            <span class="times">·</span>
            <F x={delta} /> = <b><N x={gradient} /></b>
          </p>
          {rate !== null && gradient !== undefined ? (
            <p class="quiet">
              {gradient === 0 ? (
                "No step would move it: nothing came through, or nothing came back."
              ) : (
                <>
                  A step of plain gradient descent at the rate {format.number(rate)} would move it {gradient > 0 ? "down" : "up"},
                  against the gradient, by <N x={Math.abs(rate * gradient)} />.
                </>
              )}
            </p>
          ) : null}
        </>
      )}
    </>
  );
}
