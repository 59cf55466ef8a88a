#include "program.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "elf_file.h"
#include "tool.h"

#define SCRIPT_LINE 256 /* what the kernel reads of a script's first line */
#define SCRIPT_DEPTH 5  /* interpreters that are scripts themselves */
#define SPACES " \t"
#define SPLIT "--split-string="

/* 0, or the errno value that exec would fail with. */
static int look(const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0)
        return errno;
    if (S_ISDIR(status.st_mode))
        return EISDIR;
    if (!S_ISREG(status.st_mode))
        return EACCES; /* as the kernel says */
    return access(path, X_OK) == 0 ? 0 : errno;
}

/* Along PATH: the first that can be executed; else why not, ENOENT at the least. */
static int search(const char *name, char *path)
{
    const char *folders = getenv("PATH");
    int error = ENOENT;
    for (const char *at = folders ? folders : "/bin:/usr/bin";; at++) {
        size_t length = strcspn(at, ":");
        if (snprintf(path, PATH_MAX, "%.*s%s%s", (int)length, at, length ? "/" : "", name) <
            PATH_MAX) {
            int rc = look(path);
            if (rc == 0)
                return 0;
            if (rc != ENOENT && rc != ENOTDIR)
                error = rc;
        }
        at += length;
        if (!*at)
            return error;
    }
}

static int find(const char *name, char *path)
{
    if (!*name)
        return ENOENT;
    if (!strchr(name, '/'))
        return search(name, path);
    if (snprintf(path, PATH_MAX, "%s", name) >= PATH_MAX)
        return ENAMETOOLONG;
    return look(path);
}

static const char *why(int error)
{
    switch (error) {
    case ENOENT:
    case ENOTDIR:
        return "no such program";
    case EACCES:
        return "is not executable";
    case EISDIR:
        return "is a folder";
    case ENOEXEC:
        return "is neither an ELF program nor a script that begins with #!";
    default:
        return strerror(error);
    }
}

static int fail(const char *name, int error)
{
    bool absent = error == ENOENT || error == ENOTDIR;
    return tool_fail(absent ? TOOL_NOT_FOUND : TOOL_CANNOT_RUN, "%s: %s", name, why(error));
}

/* The first line of a script without "#!", or false. */
static bool read_script(const char *path, char line[SCRIPT_LINE])
{
    FILE *file = fopen(path, "re");
    size_t size = file ? fread(line, 1, SCRIPT_LINE - 1, file) : 0;
    if (file)
        fclose(file);
    line[size] = 0;
    if (size < 3 || line[0] != '#' || line[1] != '!')
        return false;
    line[strcspn(line, "\n")] = 0;
    memmove(line, line + 2, strlen(line + 2) + 1);
    return true;
}

/* The word behind an option of env(1): -S's value, which begins with one, or the next of the line
 * that is not the option's value. */
static const char *behind_option(const char *word)
{
    const char *letter = word[1] == '-' ? "" : word + strcspn(word, "CSu");
    if (strncmp(word, SPLIT, strlen(SPLIT)) == 0)
        return word + strlen(SPLIT);
    if (*letter == 'S' && letter[1])
        return letter + 1;
    if (strcmp(word, "--unset") == 0 || strcmp(word, "--chdir") == 0 ||
        (*letter && *letter != 'S' && !letter[1]))
        strtok(NULL, SPACES);
    return strtok(NULL, SPACES);
}

/* What env(1) in a script's first line will run: its first word that is neither an
 * option, nor an option's, nor a variable. NULL: there is none, or one that it unquotes. */
static const char *behind_env(void)
{
    const char *word = strtok(NULL, SPACES);
    while (word && !strpbrk(word, "'\"\\$")) {
        if (*word && *word != '-' && !strchr(word, '='))
            return word;
        word = *word == '-' ? behind_option(word) : strtok(NULL, SPACES);
    }
    return NULL;
}

/* binary: the script on entry, its interpreter in the end. */
static int follow(const char *name, char *binary)
{
    char line[SCRIPT_LINE], path[PATH_MAX];
    struct elf elf;
    for (int depth = 0; depth < SCRIPT_DEPTH; depth++) {
        int rc = elf_open(&elf, binary);
        elf_close(&elf);
        if (rc != ENOEXEC) /* what cannot be read can still be executed */
            return 0;
        if (!read_script(binary, line))
            return fail(name, ENOEXEC);
        const char *interpreter = strtok(line, SPACES);
        if (!interpreter)
            return fail(name, ENOEXEC);
        const char *last = strrchr(interpreter, '/');
        const char *inner = last && strcmp(last, "/env") == 0 ? behind_env() : NULL;
        if (inner)
            interpreter = inner;
        rc = inner ? find(inner, path) : look(strcpy(path, interpreter));
        if (rc)
            return tool_fail(rc == ENOENT ? TOOL_NOT_FOUND : TOOL_CANNOT_RUN,
                             "%s: its interpreter %s: %s", name, interpreter, why(rc));
        strcpy(binary, path);
    }
    return tool_fail(TOOL_CANNOT_RUN, "%s: too many interpreters", name);
}

int program_find(const char *name, struct program *ret_program)
{
    int rc = find(name, ret_program->path);
    if (rc)
        return fail(name, rc);
    strcpy(ret_program->binary, ret_program->path);
    return follow(name, ret_program->binary);
}

/* The loader then ignores LD_PRELOAD. */
static bool gains_privileges(const char *path)
{
    struct stat status;
    char capabilities[64];
    if (stat(path, &status) != 0)
        return false;
    return (status.st_mode & S_ISUID && status.st_uid != getuid()) ||
           (status.st_mode & S_ISGID && status.st_gid != getgid()) ||
           (getuid() != 0 &&
            getxattr(path, "security.capability", capabilities, sizeof capabilities) > 0);
}

static const char *refusal_of(const struct elf *elf)
{
    static char text[128];
    const char *foreign = elf_foreign(elf), *loader = elf_loader(elf);
    unsigned type = foreign ? 0 : elf_header(elf)->e_type;
    if (foreign) {
        snprintf(text, sizeof text, "it was built for %s", foreign);
        return text;
    }
    if (type != ET_EXEC && type != ET_DYN)
        return "it is an ELF file, but no program";
    if (elf_is_go(elf))
        return "it is a Go program: those have a scheduler of their own and make system "
               "calls without libc";
    if (!loader)
        return "it is statically linked: there is no loader that could interpose anything";
    if (strstr(loader, "/ld-musl") || strstr(loader, "/ld-uClibc"))
        return "it uses another C library than glibc: virtual threads need glibc's";
    if (access(loader, F_OK) != 0) {
        snprintf(text, sizeof text, "its loader %.80s is not there", loader);
        return text;
    }
    return NULL;
}

const char *program_refusal(const struct program *program)
{
    struct elf elf;
    const char *refusal = NULL;
    if (gains_privileges(program->binary))
        return "it is set-user-ID, set-group-ID or has capabilities: the loader ignores "
               "LD_PRELOAD for it";
    if (elf_open(&elf, program->binary) == 0)
        refusal = refusal_of(&elf);
    elf_close(&elf);
    return refusal;
}
