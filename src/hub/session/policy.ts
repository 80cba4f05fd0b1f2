/** The numbers that pace a session; each is a setting, and its row says why it is what it is. */
export { defaultPolicy, type SessionPolicy } from "../../base/policy-table.ts";
