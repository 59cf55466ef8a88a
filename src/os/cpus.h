/* cpus.h - how many CPUs this process may use. */
#ifndef WEFT_OS_CPUS_H
#define WEFT_OS_CPUS_H

/* The smaller of the affinity mask's size and the cgroup's CPU quota rounded
 * up; at least 1. */
unsigned weft__cpus_usable(void);

/* The quota of a cgroup v2 `cpu.max` line ("max 100000", "150000 100000"),
 * rounded up to whole CPUs; 0: none. */
unsigned weft__cpus_parse_max(const char *line);

#endif
