#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "engine.h"

#define NAMES 64

static struct {
    const volatile char *object;
    size_t size;
    const char *name;
} names[NAMES];
static unsigned name_count;

bool tracing;

void trace_forget_names(void)
{
    name_count = 0;
}

void model_name_at(const volatile void *object, size_t size, const char *name)
{
    if (name_count == NAMES)
        return;
    names[name_count].object = object;
    names[name_count].size = size;
    names[name_count++].name = name;
}

const char *trace_name(const volatile void *address, char *buffer, size_t size)
{
    /* The one named last is the most special. */
    for (unsigned i = name_count; i-- > 0;) {
        const volatile char *at = address;
        if (at < names[i].object || at >= names[i].object + names[i].size)
            continue;
        size_t offset = (size_t)(at - names[i].object);
        snprintf(buffer, size, offset ? "%s+%zu" : "%s", names[i].name, offset);
        return buffer;
    }
    snprintf(buffer, size, "%p", (void *)(uintptr_t)address);
    return buffer;
}

void trace(const char *format, ...)
{
    if (!tracing)
        return;
    va_list args;
    va_start(args, format);
    if (running_thread < NOBODY)
        fprintf(stderr, "    %*sT%u ", (int)running_thread * 4, "", running_thread);
    else
        fprintf(stderr, "    ");
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
}

void trace_access(const char *what, const volatile void *address, const void *value, size_t size)
{
    if (!tracing)
        return;
    char name[80];
    uint64_t number = 0; /* little endian, as everywhere here */
    memcpy(&number, value, size < sizeof number ? size : sizeof number);
    trace("%-6s %s = %#llx", what, trace_name(address, name, sizeof name),
          (unsigned long long)number);
}

void model_note(const char *format, ...)
{
    if (!tracing)
        return;
    char line[200];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    trace("-- %s", line);
}
