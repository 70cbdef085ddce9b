// Lists longer than an answer: more at once, then page by page. Where one is, is in the address.

import * as format from "./format";
import { setQuery, type Route } from "./route";

const MOST = 500; // the daemon sends no more at a time

/** The query of a list: so many, from the page of the address on. */
export function pageQuery({ query }: Route, usual: number): string {
  const limit = Math.min(MOST, Math.max(usual, Number(query.get("limit")) || usual));
  const page = query.get("page");
  return `limit=${limit}${page ? `&page_token=${encodeURIComponent(page)}` : ""}`;
}

/** What stands under a list: what it shows, and the way to what is older. */
export function Pages(props: { route: Route; shown: number; what: string; next: string | null | undefined }) {
  const { route, shown, what, next } = props;
  const first = !route.query.get("page");
  if (first && !next) return null;
  if (first && shown < MOST)
    return (
      <p class="more">
        <button type="button" onClick={() => setQuery({ limit: String(MOST) })}>
          Show older {what}s
        </button>
      </p>
    );
  return (
    <p class="more pager">
      <span class="quiet">
        {first ? `The newest ${format.count(shown, what)}.` : `${format.count(shown, what)} of an older page.`}
      </span>
      {first ? null : (
        <button type="button" onClick={() => setQuery({ page: null })}>
          The newest
        </button>
      )}
      {next ? (
        <button type="button" onClick={() => setQuery({ page: next })}>
          Older ones
        </button>
      ) : null}
    </p>
  );
}
