/**
 * Carries an editor's messages to its language server over WebSockets that may break: counts what
 * it heard, keeps what the server has not been given, and goes on there. See docs/LSP.md.
 */
const JOINED = "$/holdfast/joined";
/** Of the hub: the server ended, another client has it, there is none of that name. */
const OVER = new Set([4400, 4403, 4404, 4409, 4410]);

/**
 * `address` has no query; `start` is what a server is started with. `onState` hears `live`,
 * `waiting` and, for good, `over: …`.
 */
export function lastingTransport(address, start, onState) {
  const handlers = new Set();
  /** What the server was not given, as far as is known; the first has the number `given`. */
  let kept = [];
  let given = 0;
  let heard = 0;
  let server = null;
  let socket = null;
  let isLive = false;
  let waitMs = 100;

  const dial = () => {
    const query = new URLSearchParams(server === null ? start : { server });
    query.set("heard", String(heard));
    socket = new WebSocket(`${address}?${query}`, ["lsp"]);
    let isFirst = true;
    socket.onmessage = ({ data }) => {
      if (isFirst) {
        isFirst = false;
        joined(JSON.parse(data));
        return;
      }
      heard += 1;
      forget(JSON.parse(data));
      for (const handler of handlers) handler(data);
    };
    socket.onclose = ({ code, reason }) => {
      isLive = false;
      if (OVER.has(code)) return onState(`over: ${reason}`);
      onState("waiting");
      setTimeout(dial, Math.random() * waitMs);
      waitMs = Math.min(waitMs * 2, 5_000);
    };
  };
  const joined = ({ method, params }) => {
    if (method !== JOINED) throw new Error(`the first message is ${method}`);
    waitMs = 100;
    if (params.lost > 0) {
      socket.onclose = null;
      socket.close();
      return onState(`over: ${params.lost} messages were lost`);
    }
    server = params.server;
    kept = kept.slice(params.taken - given);
    given = params.taken;
    for (const text of kept) socket.send(text);
    isLive = true;
    onState("live");
  };
  /** What was answered was given, and all before it. */
  const forget = ({ id, method }) => {
    if (id === undefined || method !== undefined) return;
    const count = kept.findIndex((text) => JSON.parse(text).id === id) + 1;
    kept = kept.slice(count);
    given += count;
  };
  dial();
  return {
    send(text) {
      kept.push(text);
      if (isLive) socket.send(text);
    },
    subscribe: (handler) => void handlers.add(handler),
    unsubscribe: (handler) => void handlers.delete(handler),
  };
}
