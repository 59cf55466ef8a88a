"""Runs the tests of one of CPython's own test modules, and writes to a file how
each of them ended, a line before and a line after it: whoever watches the file
knows which one hangs, and which one took the interpreter with it.

    run_module.py MODULE RESULTS [SKIPPED-IDS-FILE | -] [ID...]

With IDs, only these tests are run.
"""
import faulthandler
import sys
import unittest


class Result(unittest.TestResult):
    def __init__(self, out):
        super().__init__()
        self.out = out
        self.outcome = None
        self.detail = ""

    def say(self, *fields):
        # The tests may close or replace any stream, but not this line's order.
        self.out.write("\t".join(" ".join(str(field).split()) for field in fields) + "\n")
        self.out.flush()

    def startTest(self, test):
        super().startTest(test)
        self.outcome, self.detail = "ok", ""
        self.say("start", test.id())

    def stopTest(self, test):
        super().stopTest(test)
        self.say("end", test.id(), self.outcome, self.detail)

    def note(self, test, outcome, error=None):
        detail = ""
        if error:
            detail = repr(error[1])[-300:]
            print(test.id(), self._exc_info_to_string(error, test), file=sys.stderr, flush=True)
        if isinstance(test, unittest.TestCase):
            # An error weighs more than the skip or the failure before it.
            self.outcome, self.detail = outcome, detail
        else:  # setUpClass and its like
            self.say("end", test.id(), outcome, detail)

    def addError(self, test, err):
        self.note(test, "error", err)

    def addFailure(self, test, err):
        self.note(test, "fail", err)

    def addSubTest(self, test, subtest, err):
        if err:
            self.note(test, "fail", err)

    def addSkip(self, test, reason):
        if isinstance(test, unittest.TestCase) and self.outcome in ("ok", None):
            self.outcome, self.detail = "skip", reason

    def addExpectedFailure(self, test, err):
        self.outcome = "expected failure"

    def addUnexpectedSuccess(self, test):
        self.outcome = "unexpected success"


def each(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from each(test)
        else:
            yield test


def main():
    module, results, skipped, *wanted = sys.argv[1:]
    sys.argv[1:] = []
    done = set()
    if skipped != "-":
        with open(skipped) as lines:
            done = {line.strip() for line in lines}
    from test import support
    support.use_resources = ["cpu", "subprocess"]  # no network, no gigabytes
    faulthandler.enable()
    with open(results, "a") as out:
        result = Result(out)
        try:
            suite = unittest.defaultTestLoader.loadTestsFromName("test." + module)
        except unittest.SkipTest as reason:
            result.say("whole", "skip", reason)
            return
        tests = [test for test in each(suite) if test.id() not in done]
        if wanted:
            tests = [test for test in tests if test.id() in wanted]
        unittest.TestSuite(tests).run(result)
        result.say("whole", "ok")


if __name__ == "__main__":
    main()
