/** Views above this size use most of the chunk that they pin, so a copy saves nothing. */
const COPY_BELOW_BYTES = 32 * 1024;

/**
 * Bytes that may be kept past the turn. A small view would pin its whole read chunk (2 000 views
 * of 10 bytes held 114 MiB when measured), so it is copied.
 */
export function ownBytes(view: Uint8Array): Uint8Array {
  const pinned = view.buffer.byteLength;
  return view.byteLength < pinned && view.byteLength < COPY_BELOW_BYTES
    ? new Uint8Array(view)
    : view;
}
