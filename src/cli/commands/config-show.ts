/** `holdfast config show`: every setting, also when some are wrong: that is when one looks. */
import { checkHubConfig, showValue } from "../../base/config.ts";
import { settings } from "../../base/config-table.ts";
import { faults } from "../../base/faults.ts";
import { flagOption, note, print, printJson, type Run } from "../cli.ts";
import { renderTable } from "../render/table.ts";

export const run: Run = async (cli) => {
  const resolved = cli.resolved();
  const mistakes = checkHubConfig(resolved);
  const withOrigin = flagOption(cli, "origin");
  const rows = settings.map((setting) => ({
    key: setting.name,
    value: showValue(setting, resolved.config),
    ...resolved.origins[setting.key],
  }));
  if (cli.json) {
    const values = rows.map(({ key, value, origin, place }) => [
      key,
      withOrigin ? { value, origin, place } : value,
    ]);
    printJson(cli, { settings: Object.fromEntries(values) as unknown, mistakes });
  } else {
    const { dim } = cli.paint;
    const cells = rows.map((row, index) => {
      const value = row.value ?? dim(`(unset${unsetText(index)})`);
      return withOrigin ? [row.key, value, row.place] : [row.key, value];
    });
    print(
      cli,
      renderTable(withOrigin ? ["SETTING", "VALUE", "FROM"] : ["SETTING", "VALUE"], cells),
    );
    for (const { place, key, message } of mistakes) {
      note(cli, `${cli.notePaint.red("wrong:")} ${place}: ${key}: ${message}`);
    }
  }
  return mistakes.length > 0 ? faults.ConfigInvalid.exit : 0;
};

function unsetText(index: number): string {
  const unset = settings[index]?.unset;
  return unset === undefined ? "" : `: ${unset}`;
}
