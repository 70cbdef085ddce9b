// The daemon's answers, as docs/openapi.json describes them. Nearly every field is optional
// here: a page that is older or newer than its daemon shows less, it does not break.

export type JobState = "queued" | "running" | "paused" | "succeeded" | "failed" | "cancelled";

export type Metrics = Record<string, number | null>;

// What metrics.ts reads: numbers, null, and the objects `notes` and `targets`.
export type SplitMetrics = Record<string, number | null | Record<string, unknown>>;

export interface Progress {
  epoch?: number | null;
  epochs?: number | null;
  fraction?: number | null;
  samples_per_second?: number | null;
  eta_seconds?: number | null;
  stalled?: boolean;
}

export interface Point {
  epoch: number;
  training_loss?: number | null;
  validation_loss?: number | null;
  learning_rate?: number | null;
  metrics?: Metrics | null;
  seconds?: number | null;
  samples?: number | null;
  step?: number | null; // of the optimizer, so far
  gradient_norms?: (number | null)[] | null; // of each layer
  elapsed_seconds?: number | null;
}

export interface Problem {
  code?: string;
  detail?: string;
}

export interface DatasetRef {
  id?: number | null;
  name?: string | null;
  sha256?: string | null;
}

/** The best epoch, and under its name the value that made it the best. */
export type Best = { epoch?: number | null } & Record<string, number | null | undefined>;

/** What jobs are told apart by, for lists. */
export interface Summary {
  dataset?: DatasetRef | null;
  target?: string[] | null;
  hidden?: number[] | null;
  activation?: string | null;
  loss?: string | null;
  optimizer?: string | null;
  learning_rate?: number | null;
  batch_size?: number | null;
  epochs?: number | null;
  seed?: number | null;
  preset?: string | null;
}

export interface Job {
  id: number;
  kind?: string;
  model_id?: number | null;
  name?: string | null;
  state: JobState;
  attempt?: number;
  queue_position?: number | null;
  created_at?: string | null;
  started_at?: string | null;
  finished_at?: string | null;
  progress?: Progress | null;
  latest?: Point | null;
  best?: Best | null;
  dataset?: DatasetRef | string | null;
  summary?: Summary | null;
  sparkline?: { of?: string; values?: (number | null)[] } | null;
  config?: unknown;
  resolved?: unknown;
  result?: { stopped_by?: string } | null;
  cancel_requested?: boolean;
  pause_requested?: boolean;
  priority?: number;
  warnings?: string[];
  error?: Problem | null;
}

export interface Curve {
  job_id?: number;
  points?: Point[];
  complete?: boolean;
}

export interface JobEvent {
  at?: string;
  created_at?: string;
  time?: string;
  type?: string;
  kind?: string;
  event?: string;
  state?: string;
  attempt?: number;
  detail?: string | null;
  message?: string | null;
}

export interface Feature {
  name: string;
  type?: string;
  encoding?: string;
  inputs?: number;
  bins?: number;
  embedding?: number;
  missing_indicator?: boolean;
  example?: number | string | null;
  mean?: number | null;
  std?: number | null;
  min?: number | null;
  max?: number | null;
  categories?: string[];
}

export interface Layer {
  units: number;
  activation?: string;
  pieces?: number;
  batch_norm?: boolean;
  layer_norm?: boolean;
  residual?: boolean;
  dropout?: number | undefined;
  gaussian_noise?: number | undefined;
}

export interface Model {
  id: number;
  job_id?: number | null;
  name?: string | null;
  state?: string;
  epoch?: number | null;
  created_at?: string | null;
  architecture?: {
    inputs?: number;
    embeddings?: { feature: string; levels: number; width: number }[];
    input_dropout?: number;
    input_noise?: number;
    hidden?: Layer[];
    outputs?: number;
    output?: string;
  } | null;
  loss?: string;
  parameters?: number;
  features?: Feature[];
  example?: Record<string, number | string | null> | null;
  offset?: string | null;
  splits?: string[];
  has_importance?: boolean;
  finished_at?: string | null;
  calibration?: { temperature?: number } | null;
  threshold?: { value?: number; metric?: string | null } | null;
  training?: {
    optimizer?: { type?: string; learning_rate?: number };
    batch_size?: number;
    epochs?: number;
    best_epoch?: number | null;
    seconds?: number;
    rows?: { training?: number; validation?: number; test?: number };
  } | null;
  target?: { names?: string[]; type?: string } | null;
  classes?: string[] | null;
  metrics?: Record<string, SplitMetrics | null> | null;
  dataset?: DatasetRef | string | null;
  seed?: number | string | null;
  weights_sha256?: string | null;
  versions?: Record<string, string> | null;
}

/** A number, or of a datetime its text. */
export type ColumnValue = number | string | null;

export interface Counted {
  value: string;
  count: number;
}

export interface Histogram {
  low: ColumnValue;
  high: ColumnValue;
  below?: number;
  above?: number;
  counts: number[];
}

export interface Column {
  name: string;
  type?: string;
  why?: string | null;
  remark?: string | null;
  declared?: boolean;
  constant?: boolean;
  identifier?: boolean;
  format?: string | null;
  missing?: number;
  min?: ColumnValue;
  max?: ColumnValue;
  mean?: ColumnValue;
  std?: number | null;
  distinct?: number | null;
  exact?: boolean;
  quantiles?: Record<string, ColumnValue>;
  histogram?: Histogram;
  categories?: Counted[];
  top?: Counted[];
  rest?: number;
}

export interface DatasetVersion {
  id: number;
  parent_id?: number | null;
  name?: string | null;
  rows?: number;
  created_at?: string;
}

export interface Dataset {
  id: number;
  name?: string | null;
  state?: string;
  rows?: number;
  bytes?: number;
  sha256?: string;
  created_at?: string | null;
  n_columns?: number;
  parent_id?: number | null;
  versions?: DatasetVersion[];
  missing_words?: { defaults?: boolean; words?: string[] };
  columns?: Column[];
}

export interface Service {
  version?: string;
  uptime_seconds?: number;
  workers?: { total?: number; busy?: number };
  queue?: { queued?: number; running?: number; paused?: number; limit?: number; is_paused?: boolean };
  store?: { writable?: boolean; reason?: string | null; free_bytes?: number | null };
  memory?: { resident_bytes?: number; limit_bytes?: number };
  backend?: string;
  versions?: Record<string, string>;
}

export interface Prediction {
  label?: string;
  probabilities?: Record<string, number | null>;
  value?: number | null;
  values?: Record<string, number | null>;
  labels?: Record<string, boolean | string>;
}

export interface FieldProblem {
  pointer?: string;
  detail?: string;
}

export interface ProblemDocument {
  title?: string;
  status?: number;
  detail?: string;
  errors?: FieldProblem[];
}

export const FINAL: ReadonlySet<string> = new Set(["succeeded", "failed", "cancelled"]);
