// A job's config as the form of a new job sees it: values at pointers, set and taken away.

type Tree = Record<string, unknown>;

function isTree(value: unknown): value is Tree {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

// What may be given as a word in place of an object, and which member the word is.
const SHORT: Record<string, string> = { optimizer: "type", schedule: "type", loss: "type", start_from: "model" };

function opened(key: string, value: unknown): unknown {
  const member = SHORT[key];
  return member && (typeof value === "string" || typeof value === "number") ? { [member]: value } : value;
}

function keys(pointer: string): string[] {
  return pointer.split("/").slice(1);
}

export function at(config: unknown, pointer: string): unknown {
  let value = config;
  const path = keys(pointer);
  for (const [i, key] of path.entries()) {
    if (!isTree(value)) return undefined;
    value = value[key];
    if (i < path.length - 1) value = opened(key, value);
  }
  return value;
}

// The config with `value` there; undefined takes the key away, and objects that it leaves empty.
export function put(config: unknown, pointer: string, value: unknown): Tree {
  const [key = "", ...rest] = keys(pointer);
  const tree: Tree = isTree(config) ? { ...config } : {};
  const next = rest.length === 0 ? value : put(opened(key, tree[key]), `/${rest.join("/")}`, value);
  const empty = next === undefined || (rest.length > 0 && isTree(next) && Object.keys(next).length === 0);
  if (empty) delete tree[key];
  else tree[key] = next;
  return tree;
}

export interface LayerShape {
  units: number | null;
  activation?: string;
}

// `architecture.hidden` has numbers or objects; null where it is neither.
export function layersOf(config: unknown): LayerShape[] | null {
  const hidden = at(config, "/architecture/hidden");
  if (!Array.isArray(hidden)) return null;
  return hidden.map((layer: unknown) => {
    if (typeof layer === "number") return { units: layer };
    const units = isTree(layer) && typeof layer.units === "number" ? layer.units : null;
    return isTree(layer) && typeof layer.activation === "string" ? { units, activation: layer.activation } : { units };
  });
}

// Layer `i` with other units; what else was said of it stays.
export function resized(layer: unknown, units: number | null): unknown {
  return isTree(layer) ? { ...layer, units } : units;
}
