/**
 * One topic of `npm run bench` in a process of its own, so that whatever becomes of it is no other
 * topic's affair: its name is the first word, what was asked the second, its answer goes to who
 * started it.
 */
import { told, type Answer, type Asked } from "./topic.ts";
import { topics } from "./topics.ts";

const [, , name = "", asked = "{}"] = process.argv;
const topic = topics.find((each) => each.name === name);
if (topic === undefined) throw new Error(`no topic ${name}`);

async function answerOf(): Promise<Answer> {
  const say = (text: string): void => void process.stdout.write(`${text}\n`);
  try {
    const rows = await topic?.run({ ...(JSON.parse(asked) as Asked), say });
    return { rows: (rows ?? []).map(told), failed: null };
  } catch (error) {
    return { rows: [], failed: error instanceof Error ? error.message : String(error) };
  }
}

const answer = await answerOf();
// A topic that failed may have left something open: nothing of it is waited for.
process.send?.(answer, () => process.exit());
