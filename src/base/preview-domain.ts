/** A domain below which every host is a preview: what it must look like, and not contain. */

const LABEL = "[a-z0-9](?:[a-z0-9-]*[a-z0-9])?";
const DOMAIN = new RegExp(`^(?=.{1,180}$)${LABEL}(?:\\.${LABEL})*$`);

/** Null when it can be used, else the sentence that says what would be right. */
export function whyNotPreviewDomain(domain: string, publicUrl: string | null): string | null {
  const name = domain.toLowerCase();
  if (!DOMAIN.test(name)) {
    return `${JSON.stringify(domain)} is no host name: one below which all names lead to the hub`;
  }
  const own = publicUrl === null ? "" : new URL(publicUrl).hostname.toLowerCase();
  if (!own.endsWith(`.${name}`)) return null;
  return `the hub's own address ${own} is below ${name}: take a domain that does not contain it`;
}
