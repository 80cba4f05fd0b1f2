import { storeContract } from "../contract/store-contract.ts";
import { timelineContract } from "../contract/timeline-contract.ts";
import { MemoryStore } from "../../src/testing/sim/memory-store.ts";

storeContract("memory", () => new MemoryStore());
timelineContract("memory", () => new MemoryStore());
