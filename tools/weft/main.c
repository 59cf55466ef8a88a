#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "tool.h"
#include "weft/common.h"

static const char usage[] =
    "usage: weft exec [--workers N] [--stats] PROGRAM [ARGUMENTS...]\n"
    "       weft --version | --help\n"
    "\n"
    "weft exec runs an unmodified program with its threads as virtual threads.\n"
    "  --workers N   run on N cores (WEFT_WORKERS; default: all)\n"
    "  --stats       at the end, print what was interposed how often\n";

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "exec") == 0)
        return tool_exec(argv + 2);
    if (argc > 1 && strcmp(argv[1], "--version") == 0) {
        puts(WEFT_VERSION);
        return 0;
    }
    bool asked = argc > 1 && strcmp(argv[1], "--help") == 0;
    fputs(usage, asked ? stdout : stderr);
    return asked ? 0 : 2;
}
