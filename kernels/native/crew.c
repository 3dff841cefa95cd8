/* The crew: workers that sleep between tasks, so that no task pays for starting threads. */
#define _GNU_SOURCE
#include "crew.h"

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MOST_CPUS = 8192, SPINS_BEFORE_YIELD = 20000 };

struct worker {
    pthread_t thread;
    int number;
    double start, end;
};

static struct {
    struct worker *workers;
    int *cpus;
    int count;
    pid_t owner;
    fc_work work;
    void *task;
    atomic_uint generation;
    atomic_int arrived, done, leave;
} crew;
static pthread_mutex_t one_task_at_a_time = PTHREAD_MUTEX_INITIALIZER;

static void sleep_while(atomic_uint *word, unsigned seen)
{
    while (atomic_load(word) == seen)
        syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0);
}

/* Spins, because waking a sleeper takes as long as a small task; yields where a CPU is shared after all. */
static void spin_until(atomic_int *counter, int target)
{
    for (long spins = 0; atomic_load_explicit(counter, memory_order_acquire) < target; spins++) {
        if (spins < SPINS_BEFORE_YIELD)
            __builtin_ia32_pause();
        else
            sched_yield();
    }
}

static void take_part(struct worker *self)
{
    atomic_fetch_add(&crew.arrived, 1);
    spin_until(&crew.arrived, crew.count);
    self->start = fc_now();
    crew.work(self->number, crew.count, crew.task);
    self->end = fc_now();
    atomic_fetch_add(&crew.done, 1);
}

static void *attend(void *argument)
{
    struct worker *self = argument;
    for (unsigned seen = 0;;) {
        sleep_while(&crew.generation, seen);
        seen = atomic_load(&crew.generation);
        if (atomic_load(&crew.leave))
            return NULL;
        take_part(self);
    }
}

static void call_out(void)
{
    atomic_fetch_add(&crew.generation, 1);
    syscall(SYS_futex, &crew.generation, FUTEX_WAKE_PRIVATE, MOST_CPUS, NULL, NULL, 0);
}

static void forget(void)
{
    free(crew.workers);
    free(crew.cpus);
    memset(&crew, 0, sizeof crew);
}

static void dismiss(int hired)
{
    atomic_store(&crew.leave, 1);
    call_out();
    for (int i = 1; i < hired; i++)
        pthread_join(crew.workers[i].thread, NULL);
    forget();
}

static cpu_set_t *only(int cpu)
{
    cpu_set_t *set = cpu < 0 || cpu >= MOST_CPUS ? NULL : CPU_ALLOC(MOST_CPUS);
    if (set) {
        CPU_ZERO_S(CPU_ALLOC_SIZE(MOST_CPUS), set);
        CPU_SET_S(cpu, CPU_ALLOC_SIZE(MOST_CPUS), set);
    }
    return set;
}

int fc_pin_self(int cpu)
{
    cpu_set_t *set = only(cpu);
    if (!set)
        return EINVAL;
    int failed = pthread_setaffinity_np(pthread_self(), CPU_ALLOC_SIZE(MOST_CPUS), set);
    CPU_FREE(set);
    return failed;
}

static int start(struct worker *worker, int cpu)
{
    cpu_set_t *set = only(cpu);
    if (!set)
        return EINVAL;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    int failed = pthread_attr_setaffinity_np(&attributes, CPU_ALLOC_SIZE(MOST_CPUS), set);
    if (!failed)
        failed = pthread_create(&worker->thread, &attributes, attend, worker);
    pthread_attr_destroy(&attributes);
    CPU_FREE(set);
    return failed;
}

static int hire(const int *cpus, int count)
{
    crew.workers = calloc((size_t)count, sizeof *crew.workers);
    crew.cpus = malloc((size_t)count * sizeof *cpus);
    if (!crew.workers || !crew.cpus) {
        forget();
        return ENOMEM;
    }
    memcpy(crew.cpus, cpus, (size_t)count * sizeof *cpus);
    crew.count = count;
    crew.owner = getpid();
    for (int i = 0; i < count; i++) {
        crew.workers[i].number = i;
        int failed = i ? start(&crew.workers[i], cpus[i]) : 0;
        if (failed) {
            dismiss(i);
            return failed;
        }
    }
    return 0;
}

static int assemble(const int *cpus, int count)
{
    if (crew.workers && crew.owner != getpid()) {
        /* After a fork the threads exist only in the parent. */
        forget();
    }
    if (crew.workers && crew.count == count && !memcmp(crew.cpus, cpus, (size_t)count * sizeof *cpus))
        return 0;
    if (crew.workers)
        dismiss(crew.count);
    return hire(cpus, count);
}

static double wall(void)
{
    double first = crew.workers[0].start, last = crew.workers[0].end;
    for (int i = 1; i < crew.count; i++) {
        first = crew.workers[i].start < first ? crew.workers[i].start : first;
        last = crew.workers[i].end > last ? crew.workers[i].end : last;
    }
    return last - first;
}

static int work_together(const int *cpus, int count, fc_work work, void *task, double *wall_seconds)
{
    int failed = assemble(cpus, count);
    if (failed)
        return failed;
    size_t size = CPU_ALLOC_SIZE(MOST_CPUS);
    cpu_set_t *before = CPU_ALLOC(MOST_CPUS);
    if (!before)
        return ENOMEM;
    failed = pthread_getaffinity_np(pthread_self(), size, before);
    if (!failed)
        failed = fc_pin_self(cpus[0]);
    if (!failed) {
        crew.work = work;
        crew.task = task;
        atomic_store(&crew.arrived, 0);
        atomic_store(&crew.done, 0);
        if (count > 1)
            call_out();
        take_part(&crew.workers[0]);
        spin_until(&crew.done, count);
        if (wall_seconds)
            *wall_seconds = wall();
        failed = pthread_setaffinity_np(pthread_self(), size, before);
    }
    CPU_FREE(before);
    return failed;
}

int fc_crew_run(const int *cpus, int count, fc_work work, void *task, double *wall_seconds)
{
    if (count < 1 || count > MOST_CPUS)
        return -EINVAL;
    pthread_mutex_lock(&one_task_at_a_time);
    int failed = work_together(cpus, count, work, task, wall_seconds);
    pthread_mutex_unlock(&one_task_at_a_time);
    return -failed;
}
