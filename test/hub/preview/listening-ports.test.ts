/** Ports are read from the kernel's own table. */
import { expect, test } from "vitest";
import { portsIn } from "../../../src/hub/preview/listening-ports.ts";

const HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid";
const line = (local: string, state: string): string =>
  `   0: ${local} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000  1000 0 1 1`;

test("[PW13] listening ports are found once each, on every address that the driver can reach", () => {
  const table = [
    HEAD,
    line("0100007F:1F40", "0A"),
    line("00000000:0BB8", "0A"),
    line("00000000000000000000000000000000:0BB8", "0A"),
    line("00000000000000000000000001000000:0050", "0A"),
    line("0000000000000000FFFF00000100007F:0051", "0A"),
  ];
  expect(portsIn(table.join("\n"))).toEqual([80, 81, 3000, 8000]);
});

test("[PW13] a connection is no listener, nor is one on an address of elsewhere", () => {
  const table = [HEAD, line("0100007F:1F40", "01"), line("0500000A:1F41", "0A"), "", "nonsense"];
  expect(portsIn(table.join("\n"))).toEqual([]);
});
