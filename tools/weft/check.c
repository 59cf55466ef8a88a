/* weft exec --check: what of a program will work.
 *
 * Three sources: the file itself; the loader, which lists what it would load; and the
 * process as far as main(), where the hook tells which names are its own
 * (src/hook/check.c). main() does not run; constructors of libraries do. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "child.h"
#include "findings.h"
#include "program.h"
#include "tool.h"

enum { WORKS = 0, LIMITED = 1, DOES_NOT_WORK = 2 };

static int refuse(const struct program *program, const char *reason)
{
    printf("%s: does not work under weft exec\n  %s\n", program->binary, reason);
    return DOES_NOT_WORK;
}

/* It works, but gains nothing. */
static int leave_alone(const struct program *program, const char *reason)
{
    printf("%s: runs without weft, and what it starts as well\n  %s\n", program->binary, reason);
    return LIMITED;
}

static void take_line(struct findings *findings, char *line)
{
    char *word = strtok(line, " "), *name = strtok(NULL, " "), *rest = strtok(NULL, "");
    if (!word || !name)
        return;
    if (strcmp(word, "object") == 0)
        findings_object(findings, name);
    else if (strcmp(word, "live") == 0)
        findings_call(findings, name, CALL_LIVE, NULL);
    else if (strcmp(word, "shadowed") == 0)
        findings_call(findings, name, CALL_SHADOWED, rest);
}

/* What the hook has said from inside. NULL, or why it cannot work; `ret_plain`: NULL, or why
 * it runs as if there was no hook. */
static const char *take_answer(struct findings *findings, char *answer, const char **ret_plain)
{
    static char reason[256];
    *ret_plain = NULL;
    bool done = false;
    for (char *next, *line = answer; line && *line; line = next) {
        next = strchr(line, '\n');
        if (next)
            *next++ = 0;
        if (strncmp(line, "refused ", 8) == 0) {
            snprintf(reason, sizeof reason, "%s", line + 8);
            return reason;
        }
        if (strncmp(line, "plain ", 6) == 0)
            *ret_plain = strdup(line + 6);
        done |= strncmp(line, "done", 4) == 0;
        take_line(findings, line);
    }
    return done ? NULL : "it did not get as far as main()";
}

int tool_check(const struct hook *hook, char **arguments)
{
    struct program program;
    int rc = program_find(*arguments, &program);
    if (rc)
        return rc;
    const char *refusal = program_refusal(&program);
    if (refusal)
        return refuse(&program, refusal);
    char *loaded = child_ask(&program, hook, "LD_TRACE_LOADED_OBJECTS");
    if (!loaded || !strstr(loaded, hook->path))
        refusal = "the loader does not load libweft-hook.so into it";
    free(loaded);
    if (refusal)
        return refuse(&program, refusal);
    struct findings findings = { 0 };
    char *answer = child_ask(&program, hook, "WEFT_CHECK");
    const char *plain = NULL;
    refusal = answer ? take_answer(&findings, answer, &plain) : "it could not be started";
    free(answer);
    if (refusal)
        return refuse(&program, refusal);
    if (plain)
        return leave_alone(&program, plain);
    findings_look(&findings, program.binary, hook->path);
    return findings_print(&findings, program.binary) ? WORKS : LIMITED;
}
