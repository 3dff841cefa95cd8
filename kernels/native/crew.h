/* A crew of threads, each held to one logical CPU, that start a task together. */
#ifndef FLOPCENSUS_CREW_H
#define FLOPCENSUS_CREW_H

#include <time.h>

#define FC_EXPORT __attribute__((visibility("default")))

/* One worker's share of a task. */
typedef void (*fc_work)(int worker, int workers, void *task);

/*
 * Run a task on all CPUs given, one worker each, the calling thread being the first.
 *
 * All workers pass a barrier, then work. The time told is that from the first one's start to the last
 * one's end: what the device as a whole took, since an answer is there only when the slowest has finished.
 * Returns 0, or a negated errno where a thread cannot be had on one of the CPUs.
 */
int fc_crew_run(const int *cpus, int count, fc_work work, void *task, double *wall_seconds);

/* Seconds of the monotonic clock, not slewed by time synchronisation. */
static inline double fc_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_RAW, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Hold the calling thread to one CPU; 0 or a positive errno. */
int fc_pin_self(int cpu);

#endif
