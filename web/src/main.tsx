// The frame of the page: heading, views by route, the line about the service, and a word when
// the daemon does not answer.

import { render } from "preact";
import { useEffect, useRef } from "preact/hooks";
import "uplot/dist/uPlot.min.css";
import "./style/base.css";
import "./style/frame.css";
import "./style/controls.css";
import "./style/lists.css";
import "./style/views.css";
import "./style/compare.css";
import "./style/data.css";
import "./style/learn.css";
import "./style/narrow.css";
import * as format from "./format";
import { startLoop, useLink, useResource } from "./poll";
import { useRoute, type Route } from "./route";
import { startTheme, ThemeSwitch } from "./theme";
import type { Service } from "./types";
import { CompareView } from "./views/compare";
import { DatasetView } from "./views/dataset";
import { DatasetsView } from "./views/datasets";
import { JobView } from "./views/job";
import { JobsView } from "./views/jobs";
import { ModelView } from "./views/model";
import { ModelsView } from "./views/models";
import { NewView } from "./views/new";
import { ForgetToken, TokenForm, useAccess } from "./views/token";

const VIEWS: [string, string][] = [
  ["jobs", "Jobs"],
  ["compare", "Compare"],
  ["models", "Models"],
  ["datasets", "Datasets"],
];

function View({ route }: { route: Route }) {
  const [what = "jobs", id] = route.parts;
  switch (what) {
    case "jobs":
      return id ? <JobView key={id} id={id} route={route} /> : <JobsView route={route} />;
    case "compare":
      return <CompareView route={route} />;
    case "models":
      return id ? <ModelView key={id} id={id} route={route} /> : <ModelsView route={route} />;
    case "datasets":
      return id ? <DatasetView key={id} id={id} route={route} /> : <DatasetsView route={route} />;
    case "new":
      return <NewView route={route} />;
    default:
      return (
        <div class="welcome">
          <h1>There is nothing here</h1>
          <p>
            The page knows <a href="#/jobs">jobs</a>, <a href="#/compare">comparisons</a>,{" "}
            <a href="#/models">models</a> and{" "}
            <a href="#/datasets">datasets</a>.
          </p>
        </div>
      );
  }
}

function Logo() {
  return (
    <svg class="logo" viewBox="0 0 24 24" aria-hidden="true">
      <g class="logo-lines">
        <path d="M4 7l8-3M4 7l8 5M4 7l8 13M4 17l8-13M4 17l8-5M4 17l8 3M12 4l8 8M12 12h8M12 20l8-8" />
      </g>
      <g class="logo-dots">
        <circle cx="4" cy="7" r="2.4" />
        <circle cx="4" cy="17" r="2.4" />
        <circle cx="12" cy="4" r="2.4" />
        <circle cx="12" cy="12" r="2.4" />
        <circle cx="12" cy="20" r="2.4" />
        <circle cx="20" cy="12" r="2.4" />
      </g>
    </svg>
  );
}

function Page() {
  const route = useRoute();
  const link = useLink();
  const { asking, token } = useAccess();
  const service = useResource<Service>("/service").data;
  const place = route.parts.join("/") || "jobs";
  const main = useRef<HTMLElement>(null);
  const first = useRef(true);

  useEffect(() => {
    document.title = `${place.replace("/", " ")} · mlpd`;
    if (!first.current) {
      // A new view is read from its beginning, by eye and by ear.
      window.scrollTo(0, 0);
      main.current?.focus({ preventScroll: true });
    }
    first.current = false;
  }, [place]);

  const here = route.parts[0] ?? "jobs";
  return (
    <>
      <a class="skip" href="#main" onClick={(e) => {
        e.preventDefault();
        main.current?.focus();
      }}>
        Skip to the content
      </a>
      <header class="top">
        <a class="brand" href="#/jobs" aria-label="mlpd, all jobs">
          <Logo />
          <span>mlpd</span>
        </a>
        <nav aria-label="Main">
          {VIEWS.map(([key, text]) => (
            <a key={key} href={`#/${key}`} aria-current={here === key ? "page" : undefined}>
              {text}
            </a>
          ))}
        </nav>
        <ThemeSwitch />
        <a class="button primary new-job" href="#/new" aria-current={here === "new" ? "page" : undefined}>
          New job
        </a>
      </header>
      {link === "away" ? (
        <div class="away" role="alert">
          <strong>The daemon does not answer.</strong> Trying again by itself; what you see is the last that was known.
        </div>
      ) : null}
      {service?.store?.writable === false ? (
        <div class="away" role="alert">
          <strong>Nothing new is taken now.</strong> {service.store.reason} Predictions and what is stored can still be
          read.
        </div>
      ) : null}
      <main id="main" class={asking ? "main-asks" : ""} tabIndex={-1} ref={main}>
        {asking ? <TokenForm /> : null}
        <View route={route} />
      </main>
      <footer class={link === "away" ? "foot-away" : ""}>
        {service && !asking ? <ServiceLine service={service} link={link} /> : null}
        {token !== null ? <ForgetToken /> : null}
      </footer>
    </>
  );
}

function ServiceLine({ service, link }: { service: Service; link: string }) {
  const { workers, queue, memory } = service;
  const facts: string[] = [];
  if (workers) facts.push(`${workers.busy ?? 0} of ${format.count(workers.total, "worker")} busy`);
  if (queue) facts.push(`${format.number(queue.queued ?? 0)} in the queue`);
  if (queue?.paused) facts.push(`${format.number(queue.paused)} paused`);
  if (memory?.resident_bytes) facts.push(`${format.bytes(memory.resident_bytes)} of memory`);
  if (service.uptime_seconds !== undefined) facts.push(`up ${format.duration(Math.floor(service.uptime_seconds))}`);
  if (service.backend) facts.push(service.backend);
  return (
    <>
      <span class={`lamp lamp-${link}`} aria-hidden="true" />
      <b>mlpd {service.version}</b>
      {facts.map((fact) => (
        <span key={fact.replace(/\d/g, "")}>{fact}</span>
      ))}
      <a href="/openapi.json">API</a>
    </>
  );
}

const host = document.getElementById("app");
if (host) {
  startTheme();
  render(<Page />, host);
  startLoop();
}
