// The question for a token, and the way to forget it.

import { useEffect, useReducer, useRef, useState } from "preact/hooks";
import { ApiError, offerToken, words } from "../api";
import { refresh } from "../poll";
import { access, forget } from "../token";

export function useAccess(): typeof access {
  const [, tick] = useReducer<number, void>((n) => n + 1, 0);
  useEffect(() => {
    const listener = tick as () => void;
    access.listeners.add(listener);
    return () => access.listeners.delete(listener);
  }, []);
  return access;
}

export function TokenForm() {
  const [text, setText] = useState("");
  const [problem, setProblem] = useState(
    access.refused ? "The token that this page had is not good any more: it was revoked, or replaced." : "",
  );
  const [busy, setBusy] = useState(false);
  const field = useRef<HTMLInputElement>(null);

  useEffect(() => field.current?.focus(), []);

  const submit = async (e: SubmitEvent) => {
    e.preventDefault();
    setBusy(true);
    setProblem("");
    try {
      await offerToken(text.trim());
      refresh();
    } catch (error) {
      const wrong = error instanceof ApiError && error.status === 401;
      setProblem(wrong ? "That is no token of this daemon, or one that was revoked." : words(error));
      setBusy(false);
      field.current?.select();
    }
  };

  return (
    <form class="token" onSubmit={(e: SubmitEvent) => void submit(e)}>
      <h1>This daemon asks for a token</h1>
      <p>
        Who runs it makes one with <code>mlpd token create --scope train</code>; the scope <code>read</code> is enough to
        look. It is kept until this tab is closed.
      </p>
      <label class="field">
        <span>Token</span>
        <input
          ref={field}
          type="password"
          name="token"
          autocomplete="off"
          spellcheck={false}
          placeholder="mlpd_…"
          value={text}
          aria-invalid={problem !== ""}
          aria-describedby="token-problem"
          onInput={(e) => setText(e.currentTarget.value)}
        />
      </label>
      <p id="token-problem" class="problem" role="alert">
        {problem}
      </p>
      <button type="submit" class="button primary" disabled={busy || text.trim() === ""}>
        Use it
      </button>
    </form>
  );
}

export function ForgetToken() {
  return (
    <button type="button" class="button small" onClick={forget}>
      Forget the token
    </button>
  );
}
