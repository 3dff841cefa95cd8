/* Memory in the largest pages that the system gives: with small ones, translation costs bandwidth. */
#define _GNU_SOURCE
#include "crew.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>

enum { HUGE = 2 << 20 };
enum { ORDINARY, ADVISED, RESERVED };

static void *mapped(size_t bytes, int flags)
{
    return mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
}

/* A mapping that begins on a huge page's boundary, as a transparent huge page must. */
static void *aligned(size_t bytes)
{
    char *start = mapped(bytes + HUGE, MAP_NORESERVE);
    if (start == MAP_FAILED)
        return start;
    size_t before = (size_t)(-(uintptr_t)start & (HUGE - 1));
    if (before)
        munmap(start, before);
    munmap(start + before + bytes, HUGE - before);
    return start + before;
}

/*
 * Map memory: from the reserved pool of huge pages, else advised to be in transparent huge pages.
 *
 * `bytes` is rounded up to whole huge pages, and so is what is to be given back. `how` tells what was got:
 * 2 reserved, 1 advised, 0 the advice was refused. Returns NULL where there is no memory.
 */
FC_EXPORT void *fc_map(size_t *bytes, int *how)
{
    *bytes = (*bytes + HUGE - 1) / HUGE * HUGE;
    void *start = mapped(*bytes, MAP_HUGETLB);
    *how = RESERVED;
    if (start != MAP_FAILED)
        return start;
    start = aligned(*bytes);
    if (start == MAP_FAILED)
        return NULL;
    *how = madvise(start, *bytes, MADV_HUGEPAGE) ? ORDINARY : ADVISED;
    return start;
}

/* Give a mapping back. Returns 0 or a negated errno. */
FC_EXPORT int fc_unmap(void *start, size_t bytes)
{
    return munmap(start, bytes) ? -errno : 0;
}

/*
 * Share of the mapping around an address that lies in transparent huge pages, as the kernel counts it; -1
 * where it does not say. Neighbours with the same flags are one mapping to the kernel.
 */
FC_EXPORT double fc_huge_share(const void *address)
{
    FILE *file = fopen("/proc/self/smaps", "re");
    char line[512];
    unsigned long from, to, size = 0, kilobytes;
    int inside = 0;
    double found = -1;
    while (file && found < 0 && fgets(line, sizeof line, file)) {
        if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
            inside = (uintptr_t)address >= from && (uintptr_t)address < to;
        else if (inside && sscanf(line, "Size: %lu kB", &kilobytes) == 1)
            size = kilobytes;
        else if (inside && size && sscanf(line, "AnonHugePages: %lu kB", &kilobytes) == 1)
            found = (double)kilobytes / (double)size;
    }
    if (file)
        fclose(file);
    return found;
}
