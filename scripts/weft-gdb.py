"""gdb commands for programs on weft:

    weft tasks        every task: number, name, state, where it waits
    weft bt NUMBER    the stack of a task that is not running

Load with `source scripts/weft-gdb.py` or `gdb -x`. Needs the library's debug
information.
"""
import gdb

STATES = {0: "runnable", 1: "waits", 2: "woken", 3: "cancelled", 4: "timed out"}


def atomic(value):
    return value.cast(value.type.unqualified())


def tasks():
    """Walks the pool of control blocks; each that has a number is a task."""
    pool = gdb.parse_and_eval("weft__rt.tasks")
    task_type = gdb.lookup_type("struct weft_task")
    size = int(pool["object_size"])
    chunk = atomic(pool["chunks"])
    while int(chunk) != 0:
        end = int(atomic(chunk.dereference()["carved"]))
        for offset in range(size, end, size):
            task = gdb.Value(int(chunk) + offset).cast(task_type.pointer()).dereference()
            if int(atomic(task["id"])) != 0:
                yield task
        chunk = chunk.dereference()["next"]


def name_of(task):
    name = task["name"].string()
    if name:
        return name
    return task["site"].string().rsplit(" ", 1)[-1] if int(task["site"]) else "?"


def state_of(task):
    if int(atomic(task["on_cpu"])):
        return "runs"
    state = int(atomic(task["waiter"]["word"])) & 7
    if state == 1:
        return "waits: " + atomic(task["waiter"]["what"]).string()
    if int(task["context"]["pc"]) == 0:
        return "not started"
    return STATES.get(state, "?")


class Weft(gdb.Command):
    """Commands for weft's tasks: weft tasks, weft bt NUMBER."""

    def __init__(self):
        super().__init__("weft", gdb.COMMAND_STACK, prefix=True)


class WeftTasks(gdb.Command):
    """List every task."""

    def __init__(self):
        super().__init__("weft tasks", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        for task in tasks():
            site = task["site"].string().split(" ")[0] if int(task["site"]) else ""
            print(f"{int(atomic(task['id'])):6}  {name_of(task):16} {state_of(task):24} {site}")


class WeftBacktrace(gdb.Command):
    """Show the stack of a task that is not running: weft bt NUMBER."""

    REGISTERS = {"i386:x86-64": ("rip", "rsp", "rbp"), "aarch64": ("pc", "sp", "x29")}

    def __init__(self):
        super().__init__("weft bt", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        number = int(argument)
        task = next((t for t in tasks() if int(atomic(t["id"])) == number), None)
        if task is None:
            raise gdb.GdbError(f"there is no task {number}")
        if int(atomic(task["on_cpu"])) or int(task["context"]["pc"]) == 0:
            raise gdb.GdbError(f"task {number} {state_of(task)}: it has no parked stack")
        self.backtrace(task["context"])

    def backtrace(self, context):
        """Borrows the current thread's registers; they are put back."""
        gdb.newest_frame().select()
        registers = self.REGISTERS[gdb.newest_frame().architecture().name()]
        before = [int(gdb.parse_and_eval(f"(long)${r}")) for r in registers]
        try:
            for register, field in zip(registers, ("pc", "sp", "fp")):
                gdb.execute(f"set ${register} = {int(context[field])}")
            gdb.execute("bt")
        finally:
            for register, value in zip(registers, before):
                gdb.execute(f"set ${register} = {value}")


Weft()
WeftTasks()
WeftBacktrace()
