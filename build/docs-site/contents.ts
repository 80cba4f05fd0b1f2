/** What the site holds and in which order: the contents that stand beside every page. */

export interface Part {
  readonly title: string;
  /** From the root of the checkout. A folder holds a page for each of its documents. */
  readonly pages: readonly string[];
}

/** Where each decision is, one page each below one list of them. */
export const DECISIONS = "docs/decisions";

export const contents: readonly Part[] = [
  { title: "Begin", pages: ["README.md", "examples/README.md"] },
  {
    title: "Use",
    pages: ["docs/RUN.md", "docs/CLIENT.md", "docs/SSH.md", "docs/PREVIEWS.md", "docs/LSP.md"],
  },
  {
    title: "Operate",
    pages: [
      "docs/OPERATING.md",
      "docs/CONFIG.md",
      "docs/FAULTS.md",
      "docs/API.md",
      "docs/VERSIONS.md",
      "CHANGELOG.md",
      "SECURITY.md",
    ],
  },
  {
    title: "Understand",
    pages: [
      "docs/ARCHITECTURE.md",
      "docs/SPEC.md",
      "docs/PROTOCOL.md",
      "docs/PLATFORM.md",
      "docs/SIMULATE.md",
      "docs/STORIES.md",
      "docs/FAULT-TABLE.md",
      "docs/PERFORMANCE.md",
      "docs/CASES.md",
      "docs/ATTACKS.md",
      "docs/lineage.md",
    ],
  },
  { title: "Change", pages: ["CONTRIBUTING.md", "docs/STYLE.md", DECISIONS] },
];
