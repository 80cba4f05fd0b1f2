/**
 * Text from a platform or a sandbox, safe to read: what would be invisible or could turn the line
 * around is shown instead of obeyed. Markup is no danger here, since text only becomes text nodes.
 */
const UNSEEN =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g;

export function plainText(text: string): string {
  return text.replace(
    UNSEEN,
    (char) => `\\u{${(char.codePointAt(0) ?? 0).toString(16).padStart(2, "0")}}`,
  );
}
