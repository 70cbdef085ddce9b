// Reading a job's configuration: what people tell jobs apart by.

export type Scalar = string | number | boolean | null;

function field(value: unknown, key: string): unknown {
  return value && typeof value === "object" ? (value as Record<string, unknown>)[key] : undefined;
}

// What lies at "optimizer.learning_rate", or undefined.
export function at(config: unknown, path: string): unknown {
  return path.split(".").reduce(field, config);
}

// The hidden layers in a word: "128 + 64 relu"; "none" for a linear model.
export function layerWords(config: unknown): string | null {
  const hidden = at(config, "architecture.hidden");
  if (!Array.isArray(hidden)) return null;
  if (hidden.length === 0) return "no hidden layer";
  const common = at(config, "architecture.activation");
  const kinds = new Set(hidden.map((layer) => String(field(layer, "activation") ?? common ?? "")));
  const units = hidden.map((layer) => String(typeof layer === "number" ? layer : (field(layer, "units") ?? "?")));
  return `${units.join(" + ")} ${[...kinds].join(", ")}`.trim();
}

// Left out of comparisons: what is no choice about the training, or says the same in other words.
const ASIDE = /^(name|priority|notify|why)(\.|$)|^data\.target_rule$|^preprocess\.datetime$/;

// Everything in the configuration by its path, lists of layers as one word each.
export function flatten(config: unknown): Map<string, Scalar> {
  const all = new Map<string, Scalar>();
  const walk = (value: unknown, path: string) => {
    if (ASIDE.test(path)) return;
    if (path === "architecture.hidden") {
      const words = layerWords(config);
      all.set("architecture.hidden", words);
      if (Array.isArray(value)) walkLayers(value);
      return;
    }
    if (value !== null && typeof value === "object") {
      if (Array.isArray(value)) all.set(path, value.map((item) => word(item)).join(", "));
      else for (const [key, item] of Object.entries(value)) walk(item, path === "" ? key : `${path}.${key}`);
      return;
    }
    if (value !== undefined) all.set(path, value as Scalar);
  };
  // What layers have beside units and activation, when all have the same.
  const walkLayers = (layers: unknown[]) => {
    all.set("architecture.layers", layers.length);
    all.set("architecture.units", layers.reduce<number>((sum, l) => sum + (Number(field(l, "units") ?? l) || 0), 0));
    for (const key of new Set(layers.flatMap((l) => (l && typeof l === "object" ? Object.keys(l) : [])))) {
      if (key === "units") continue;
      const values = [...new Set(layers.map((l) => word(field(l, key))))];
      const only = field(layers[0], key);
      all.set(`architecture.hidden.${key}`, values.length === 1 && (only === null || typeof only !== "object") ? (only as Scalar) : values.join(", "));
    }
  };
  walk(config, "");
  return all;
}

function word(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

// "optimizer.learning_rate" as people say it.
export function pathName(path: string): string {
  const parts = path.split(".");
  const last = parts[parts.length - 1] ?? path;
  const plain = ["learning_rate", "batch_size", "epochs", "seed", "dropout", "activation", "units", "layers", "weight_decay"];
  if (plain.includes(last)) return last.replace(/_/g, " ");
  if (path === "architecture.hidden") return "hidden layers";
  if (path === "optimizer.type") return "optimizer";
  if (path === "schedule.type") return "schedule";
  return parts.join(" › ").replace(/_/g, " ");
}
