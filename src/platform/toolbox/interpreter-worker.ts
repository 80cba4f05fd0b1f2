/**
 * The Python side of an interpreter context: one world that outlives each piece of code. Commands
 * come as JSON lines on descriptor 3, all that is said goes out the same way on 4, so that nothing
 * that code prints can be taken for either.
 */
export const COMMAND_FD = 3;
export const REPORT_FD = 4;

export const worker = `
import io, json, os, sys, traceback
for fd in (${COMMAND_FD}, ${REPORT_FD}):
    os.set_inheritable(fd, False)
commands = os.fdopen(${COMMAND_FD}, "r", encoding="utf-8")
reports = os.fdopen(${REPORT_FD}, "w", encoding="utf-8")

def tell(**message):
    reports.write(json.dumps(message) + "\\n")
    reports.flush()

class Output(io.TextIOBase):
    def __init__(self, kind):
        self.kind = kind
    def writable(self):
        return True
    def write(self, text):
        if text:
            tell(type=self.kind, text=text)
        return len(text)

sys.stdout, sys.stderr = Output("stdout"), Output("stderr")
world = {"__name__": "__main__"}
tell(type="ready")
while True:
    # Between two pieces of code an interrupt has come too late.
    try:
        line = commands.readline()
    except KeyboardInterrupt:
        continue
    if not line:
        break
    asked = json.loads(line)
    before = dict(os.environ)
    end = "completed"
    try:
        os.environ.update(asked["envs"])
        exec(compile(asked["code"], "<code>", "exec"), world)
    except KeyboardInterrupt:
        end = "interrupted"
    except SystemExit:
        pass
    except BaseException as error:
        text = traceback.format_exc()
        tell(type="error", name=type(error).__name__, value=str(error), traceback=text)
    os.environ.clear()
    os.environ.update(before)
    tell(type="control", text=end)
`;
