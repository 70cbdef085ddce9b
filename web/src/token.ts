// The token that this page sends, where the daemon asks for one. It is kept for the tab
// (sessionStorage) and sent as a header, so that no address, no cookie and no other page has it.

const KEY = "mlpd-token";

type Listener = () => void;

function stored(): string | null {
  try {
    return sessionStorage.getItem(KEY);
  } catch {
    return null; // the browser keeps nothing for us: a reload will ask again
  }
}

function store(token: string | null): void {
  try {
    if (token === null) sessionStorage.removeItem(KEY);
    else sessionStorage.setItem(KEY, token);
  } catch {
    // as above
  }
}

export const access = {
  token: stored(),
  asking: false, // nothing is asked of the daemon until the user gives a token
  refused: false, // the one that was sent is not good any more
  listeners: new Set<Listener>(),
};

function announce(): void {
  for (const listener of access.listeners) listener();
}

export function authorization(token: string | null): Record<string, string> {
  return token === null ? {} : { Authorization: `Bearer ${token}` };
}

// The daemon answered 401 to a request that carried `sent`. An answer to an older one than is held
// now says nothing.
export function refuse(sent: string | null): void {
  if (sent !== access.token) return;
  access.refused = sent !== null;
  access.asking = true;
  access.token = null;
  store(null);
  announce();
}

// The daemon took it.
export function keep(token: string): void {
  access.token = token;
  access.asking = false;
  access.refused = false;
  store(token);
  announce();
}

// Everything that was read with it goes too.
export function forget(): void {
  store(null);
  window.location.reload();
}
