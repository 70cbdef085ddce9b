// The jobs of examples/ that are small enough to travel with the page.

import diabetes from "../../examples/diabetes.json";
import diabetesTable from "../../examples/data/diabetes.csv";
import iris from "../../examples/iris.json";
import irisTable from "../../examples/data/iris.csv";
import sine from "../../examples/sine.json";

export interface Example {
  key: string;
  title: string;
  about: string;
  job: unknown;
  table?: { name: string; csv: string }; // what it learns from, if it is not in the job
}

const XOR = {
  name: "xor",
  preset: "simple",
  data: { x: [[0, 0], [0, 1], [1, 0], [1, 1]], y: [0, 1, 1, 0], features: ["a", "b"], target: "a_xor_b" },
  architecture: { hidden: [4], activation: "tanh" },
  optimizer: { learning_rate: 0.05 },
  training: { epochs: 100, batch_size: 4, seed: 1 },
};

export const EXAMPLES: Example[] = [
  { key: "xor", title: "XOR", about: "Four rows that no straight line can part; small enough to follow every number.", job: XOR },
  { key: "sine", title: "A sine", about: "One number in, one out: a curve from 64 points.", job: sine },
  {
    key: "iris", title: "Iris", about: "Three species from four measures of a flower.", job: iris,
    table: { name: "iris", csv: irisTable },
  },
  {
    key: "diabetes", title: "Diabetes", about: "How a disease went on, as a number, from ten measures.", job: diabetes,
    table: { name: "diabetes", csv: diabetesTable },
  },
];
