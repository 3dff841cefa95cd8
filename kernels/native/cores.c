/* Running a unit on all cores, the clock they run at, and how far two cores lie apart. */
#define _GNU_SOURCE
#include "crew.h"
#include "units.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

static fc_unit routine(int unit)
{
    if (unit < 0 || unit >= UNITS)
        return NULL;
    return unit < BF16_AMX ? fc_vector_unit((enum unit)unit) : fc_matrix_unit((enum unit)unit);
}

/* Whether the compiler knew the instructions of a unit. */
FC_EXPORT int fc_has_unit(int unit)
{
    return routine(unit) != NULL;
}

struct effort {
    fc_unit routine;
    long iterations;
    long long *totals;
};

static void exert(int worker, int workers, void *task)
{
    struct effort *effort = task;
    (void)workers;
    effort->totals[worker] = effort->routine(effort->iterations);
}

/* Keep a unit of every CPU busy; `totals` receives each worker's sum. Returns 0 or a negated errno. */
FC_EXPORT int fc_exert(int unit, long iterations, const int *cpus, int count, long long *totals,
                       double *wall_seconds)
{
    struct effort effort = {routine(unit), iterations, totals};
    return effort.routine ? fc_crew_run(cpus, count, exert, &effort, wall_seconds) : -ENOSYS;
}

enum { CHAIN = 50, TURNS = 1000, CYCLES_PER_PRODUCT = 3 };

#define TEN(text) text text text text text text text text text text
#define FIFTY(text) TEN(text) TEN(text) TEN(text) TEN(text) TEN(text)

/*
 * Megahertz over a chain of 64-bit products, each waiting for the one before: 3 cycles each on Intel since
 * Nehalem and on AMD since Zen (Fog, Instruction tables; uops.info, IMUL r64, r64). Some 60 µs: too short to
 * be preempted often, long beside the clock's own resolution.
 */
static double chain_mhz(void)
{
    unsigned long value = 3;
    double before = fc_now();
    for (long turn = 0; turn < TURNS; turn++)
        __asm__ volatile(FIFTY("imul %0, %0\n\t") : "+r"(value) : : "cc");
    return 1e-6 * CHAIN * TURNS * CYCLES_PER_PRODUCT / (fc_now() - before);
}

struct sounding {
    fc_unit routine;
    long iterations;
    int chunks;
    double *mhz;
};

static void sound(int worker, int workers, void *task)
{
    struct sounding *sounding = task;
    (void)workers;
    for (int i = 0; i < sounding->chunks; i++) {
        if (sounding->routine)
            sounding->routine(sounding->iterations);
        sounding->mhz[worker * sounding->chunks + i] = chain_mhz();
    }
}

/*
 * Clock of every CPU while all are busy: `chunks` readings a worker into `mhz`, each right after
 * `iterations` of the unit (none where `unit` is negative), before the clock can recover from its load.
 */
FC_EXPORT int fc_clock(int unit, long iterations, int chunks, const int *cpus, int count, double *mhz)
{
    struct sounding sounding = {unit < 0 ? NULL : routine(unit), iterations, chunks, mhz};
    if (unit >= 0 && !sounding.routine)
        return -ENOSYS;
    return fc_crew_run(cpus, count, sound, &sounding, NULL);
}

struct table {
    _Alignas(128) atomic_long ball;
    int server, returner;
    long trips;
    int batches;
    double *ns;
    atomic_int there;
};

static void *give_back(void *argument)
{
    struct table *table = argument;
    int failed = fc_pin_self(table->returner);
    atomic_store(&table->there, failed ? -failed : 1);
    long last = failed ? 0 : 2 * table->trips * table->batches;
    for (long ball = 1; ball < last; ball += 2) {
        while (atomic_load_explicit(&table->ball, memory_order_acquire) != ball)
            ;
        atomic_store_explicit(&table->ball, ball + 1, memory_order_release);
    }
    return NULL;
}

static int play(struct table *table)
{
    pthread_t other;
    int failed = pthread_create(&other, NULL, give_back, table), there = 0;
    if (failed)
        return -failed;
    while (!(there = atomic_load(&table->there)))
        ;
    long ball = 0;
    for (int batch = 0; there > 0 && batch < table->batches; batch++) {
        double before = fc_now();
        for (long trip = 0; trip < table->trips; trip++, ball += 2) {
            atomic_store_explicit(&table->ball, ball + 1, memory_order_release);
            while (atomic_load_explicit(&table->ball, memory_order_acquire) != ball + 2)
                ;
        }
        table->ns[batch] = 1e9 * (fc_now() - before) / (2 * (double)table->trips);
    }
    pthread_join(other, NULL);
    return there > 0 ? 0 : there;
}

static void *serve(void *argument)
{
    struct table *table = argument;
    int failed = fc_pin_self(table->server);
    return (void *)(long)(failed ? -failed : play(table));
}

/*
 * Time for one way of a cache line between two CPUs, each writing in turn what the other waits for: one
 * mean a batch of `trips` there and back, into `ns`. Returns 0 or a negated errno.
 */
FC_EXPORT int fc_ping_pong(int first, int second, long trips, int batches, double *ns)
{
    if (first == second || trips < 1 || batches < 1)
        return -EINVAL;
    struct table table = {.server = first, .returner = second, .trips = trips, .batches = batches, .ns = ns};
    pthread_t server;
    void *failed = NULL;
    int refused = pthread_create(&server, NULL, serve, &table);
    if (refused)
        return -refused;
    pthread_join(server, &failed);
    return (int)(long)failed;
}
