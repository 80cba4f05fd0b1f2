/**
 * Tenants of one hub, and how a session is called that belongs to one: `TENANT/NAME`, everywhere
 * and in the store. What has no slash is the hub's own, as all sessions are of a hub without
 * tenants. So a name is unique where its tenant is, and no fact has to be read twice. Pure.
 */
const TENANT = /^[a-z0-9][a-z0-9-]{0,38}$/;
const SLASH = "/";

/** Null when a tenant can be called so, else the sentence that says what would be right. */
export function whyNotTenant(text: string): string | null {
  if (TENANT.test(text)) return null;
  return (
    `tenant ${JSON.stringify(text.slice(0, 60))} is not usable: 1 to 39 characters, ` +
    `a to z, 0 to 9 and "-", not starting with "-"`
  );
}

/** What the session of this name is called by everybody; null is the hub itself. */
export function fullNameOf(tenant: string | null, name: string): string {
  return tenant === null ? name : `${tenant}${SLASH}${name}`;
}

/** What somebody of this tenant calls a session within it, whether they wrote its tenant or not. */
export function nameWithin(tenant: string | null, name: string): string {
  return tenantOf(name) === tenant && tenant !== null ? name.slice(tenant.length + 1) : name;
}

/** Whose session this is; null for one of the hub's own. */
export function tenantOf(fullName: string): string | null {
  const at = fullName.indexOf(SLASH);
  return at < 0 ? null : fullName.slice(0, at);
}

/** What somebody of this tenant means: an id, a name of theirs, or the full name. */
export function meantBy(tenant: string | null, idOrName: string): string {
  const isWhole = idOrName.startsWith("ses_") || tenantOf(idOrName) === tenant;
  return isWhole ? idOrName : fullNameOf(tenant, idOrName);
}
