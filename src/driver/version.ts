/** Goes into HELLO and the ready file; the bundle puts the package's version here. */
declare const HOLDFAST_VERSION: string | undefined;

export const DRIVER_VERSION: string =
  typeof HOLDFAST_VERSION === "string" ? HOLDFAST_VERSION : "0.0.0";
