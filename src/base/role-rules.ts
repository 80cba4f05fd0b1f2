/**
 * Which people of an identity provider are what to a hub: `platform-admins=owner,*=viewer`. Pure.
 * The part before `=` is a value of the claim that lists somebody's groups; `*` is everybody whom
 * the provider lets in.
 */
export const ruleRoles = ["owner", "operator", "viewer"] as const;
export type RuleRole = (typeof ruleRoles)[number];

export interface RoleRule {
  readonly value: string;
  readonly role: RuleRole;
}

const EVERYBODY = "*";

/** @returns the rules, or what is wrong with the text. */
export function parseRoleRules(text: string): readonly RoleRule[] | { readonly problem: string } {
  const rules: RoleRule[] = [];
  for (const part of text.split(",").map((one) => one.trim())) {
    const at = part.lastIndexOf("=");
    const [value, asked] = [part.slice(0, at).trim(), part.slice(at + 1).trim()];
    const role = ruleRoles.find((one) => one === asked);
    if (at < 1 || value === "" || role === undefined) {
      const right = `GROUP=ROLE with one of ${ruleRoles.join(", ")}, as in admins=owner,*=viewer`;
      return { problem: `${JSON.stringify(part)} is no rule: write ${right}` };
    }
    rules.push({ value, role });
  }
  return rules;
}

/** The role with the most rights of all that match; null when nobody gave one. */
export function roleOf(rules: readonly RoleRule[], groups: readonly string[]): RuleRole | null {
  const given = rules.filter(({ value }) => value === EVERYBODY || groups.includes(value));
  return ruleRoles.find((role) => given.some((rule) => rule.role === role)) ?? null;
}

/** Of the claim by its whole name, else by a path: `realm_access.roles`. */
export function groupsIn(claims: Readonly<Record<string, unknown>>, claim: string): string[] {
  const whole = ownOf(claims, claim);
  const found =
    whole ?? claim.split(".").reduce<unknown>((inside, name) => ownOf(inside, name), claims);
  if (typeof found === "string") return [found];
  return Array.isArray(found) ? found.filter((one) => typeof one === "string") : [];
}

function ownOf(inside: unknown, name: string): unknown {
  if (typeof inside !== "object" || inside === null || !Object.hasOwn(inside, name))
    return undefined;
  return (inside as Readonly<Record<string, unknown>>)[name];
}
