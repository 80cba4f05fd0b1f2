import { storeContract } from "../contract/store-contract.ts";
import { MemoryStore } from "../support/memory-store.ts";

storeContract("memory", () => new MemoryStore());
