/** Connections that are joined byte for byte leave together, and neither cuts the other short. */

/** The part of a duplex stream of Node that is looked at. */
interface Joined {
  readonly readableEnded: boolean;
  readonly writableFinished: boolean;
  destroy(): unknown;
  on(event: "error" | "close" | "finish", listener: () => void): unknown;
}

/**
 * What one said before its end may still wait for the reader of the other, which goes once that is
 * taken. One that went without an end was cut, and so is the other.
 */
export function leaveTogether(one: Joined, other: Joined): void {
  follow(one, other);
  follow(other, one);
}

function follow(leader: Joined, follower: Joined): void {
  const leave = (): void => void follower.destroy();
  leader.on("error", leave);
  leader.on("close", () => {
    if (!leader.readableEnded || follower.writableFinished) leave();
    else follower.on("finish", leave);
  });
}
