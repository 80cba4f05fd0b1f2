/** Two connections that are joined byte for byte leave together, and neither cuts the other short. */
import type { Duplex } from "node:stream";

/**
 * What one said before its end may still wait for the reader of the other, which goes once that is
 * taken. One that went without an end was cut, and so is the other.
 */
export function leaveTogether(one: Duplex, other: Duplex): void {
  follow(one, other);
  follow(other, one);
}

function follow(leader: Duplex, follower: Duplex): void {
  const leave = (): void => void follower.destroy();
  leader.on("error", leave);
  leader.once("close", () => {
    if (!leader.readableEnded || follower.writableFinished) leave();
    else follower.once("finish", leave);
  });
}
