// An empty daemon: how to begin.

import { Command } from "../parts";

export function Welcome() {
  const origin = window.location.origin;
  return (
    <div class="welcome">
      <h1>Nothing has been trained here yet</h1>
      <p>
        This daemon trains neural networks and answers with them. A first job takes a second:{" "}
        <a href="#/new?example=xor">write one here</a>, or send it from a terminal:
      </p>
      <Command
        text={`curl --json '{"name": "xor", "data": {"x": [[0,0],[0,1],[1,0],[1,1]], "y": [0,1,1,0]}}' \\\n  ${origin}/train`}
      />
      <p>
        With data of your own, <a href="#/datasets">upload a CSV file</a> with a header row, then name the column
        to learn. Everything else has a default:
      </p>
      <Command
        text={
          `curl -H 'Content-Type: text/csv' --data-binary @iris.csv '${origin}/datasets?name=iris'\n` +
          `curl --json '{"data": {"dataset": "iris", "target": "species"}}' ${origin}/train`
        }
      />
      <p class="quiet">This page fills itself as soon as a job is there.</p>
    </div>
  );
}
