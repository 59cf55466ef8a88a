#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "tool.h"
#include "weft/common.h"

static const char usage[] =
    "usage: weft exec [OPTIONS] PROGRAM [ARGUMENTS...]\n"
    "       weft exec --check PROGRAM\n"
    "       weft --version | --help\n"
    "\n"
    "weft exec runs an unmodified program with its threads as virtual threads.\n"
    "weft exec --help lists its options; weft(1) says more.\n";

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "exec") == 0)
        return tool_exec(argc - 1, argv + 1);
    if (argc > 1 && strcmp(argv[1], "--version") == 0) {
        puts("weft " WEFT_VERSION);
        return 0;
    }
    bool asked = argc > 1 && strcmp(argv[1], "--help") == 0;
    fputs(usage, asked ? stdout : stderr);
    return asked ? 0 : TOOL_FAILED;
}
