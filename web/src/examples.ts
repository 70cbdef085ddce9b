// The jobs of examples/. They and their tables come from the daemon in one file of their own
// (web/build.mjs makes it), when one is chosen: together they are as large as the page.

import { ApiError, get } from "./api";
import { upload } from "./send";

export interface Example {
  key: string; // its file in examples/, without .json
  title: string;
  about: string;
}

// What to begin with where there is nothing else.
export const XOR = {
  name: "xor",
  preset: "simple",
  data: { x: [[0, 0], [0, 1], [1, 0], [1, 1]], y: [0, 1, 1, 0], features: ["a", "b"], target: "a_xor_b" },
  architecture: { hidden: [4], activation: "tanh" },
  optimizer: { learning_rate: 0.05 },
  training: { epochs: 100, batch_size: 4, seed: 1 },
};

export const EXAMPLES: Example[] = [
  { key: "xor", title: "XOR", about: "Four rows that no straight line can part; small enough to follow every number." },
  { key: "sine", title: "A sine", about: "One number in, one out: a curve from 64 points." },
  { key: "iris", title: "Iris", about: "Three species from four measures of a flower." },
  { key: "breast_cancer", title: "Breast cancer", about: "Harmless or not, from thirty measures of cells." },
  { key: "digits", title: "Digits", about: "Ten digits, written by hand, from 8 by 8 pixels." },
  { key: "diabetes", title: "Diabetes", about: "How a disease went on, as a number, from ten measures." },
];

export const PREPARATIONS: Example[] = [
  { key: "prepare/rides", title: "Rides", about: "Dates, names, texts and gaps, each prepared by what it is." },
  { key: "prepare/datetime", title: "Dates", about: "Parts of a date: month, weekday, hours as a circle." },
  { key: "prepare/embedding", title: "Embedding", about: "Three learnt numbers for each city." },
  { key: "prepare/hashing", title: "Hashing", about: "Texts into few buckets, also those never seen." },
  { key: "prepare/ordinal", title: "Ordinal", about: "Names as one number; unknown ones are refused." },
  { key: "prepare/rare_levels", title: "Rare names", about: "Names seen fewer than 20 times are one." },
  { key: "prepare/number_levels", title: "Numbers as names", about: "An input for each number of passengers." },
  { key: "prepare/types", title: "Other types", about: "A column as another type than the table has it." },
  { key: "prepare/numeric_forms", title: "Forms of numbers", about: "Ranges, ranks, logarithms, pieces: each column its own." },
  { key: "prepare/missing", title: "Missing cells", about: "Medians, constants, left out, and told to the network." },
  { key: "prepare/log_target", title: "A target's logarithm", about: "Learnt by ratios, predicted in minutes." },
  { key: "prepare/several_targets", title: "Several targets", about: "Two numbers from one network." },
  { key: "prepare/multi_label", title: "Several labels", about: "Rain, fog and frost: any of them, or none." },
  { key: "prepare/sampling", title: "Few of a class", about: "Rows of the small class taken more often." },
  { key: "prepare/decide", title: "Deciding", about: "Calibrated probabilities and a chosen threshold." },
  { key: "prepare/filter", title: "Filter", about: "Only the rows that are asked for." },
  { key: "prepare/split_time", title: "Split by time", about: "Learnt from old rides, tested on new ones." },
  { key: "prepare/split_group", title: "Split by group", about: "No city is in two parts." },
  { key: "prepare/split_rows", title: "Split by rows", about: "Parts by row numbers." },
  { key: "prepare/refit", title: "Refit", about: "Trained again on all rows but the test's." },
];

interface Shipped {
  jobs: Record<string, { data: { dataset?: string } }>; // by key
  tables: Record<string, string>; // CSV by the dataset's name
}

// The job; its table goes to the daemon, unless it is there already.
export async function exampleJob(key: string): Promise<unknown> {
  if (key === "xor") return XOR;
  const got = await get<Shipped>("/examples.json", null);
  const job = got.changed ? got.data.jobs[key] : undefined;
  if (!got.changed || !job) throw new Error(`There is no example "${key}".`);
  const name = job.data.dataset;
  const table = name === undefined ? undefined : got.data.tables[name];
  if (name === undefined || table === undefined) return job;
  try {
    const file = new File([table], `${name}.csv`);
    await upload(`/datasets?name=${encodeURIComponent(name)}`, [file], () => {}, new AbortController().signal);
  } catch (e) {
    // Another table has the name: the job will say whether its columns do.
    if (!(e instanceof ApiError && e.status === 409)) throw e;
  }
  return job;
}
