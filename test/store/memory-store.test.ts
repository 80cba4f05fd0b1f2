import { storeContract } from "../contract/store-contract.ts";
import { MemoryStore } from "../../src/testing/sim/memory-store.ts";

storeContract("memory", () => new MemoryStore());
