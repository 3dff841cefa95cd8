/*
 * Read, copy, scale, add and triad over float arrays, with ordinary and with non-temporal stores.
 *
 * The operations and what counts as bytes are those of STREAM: McCalpin, Memory bandwidth and machine
 * balance in current high performance computers (IEEE TCCA newsletter, December 1995).
 */
#define _GNU_SOURCE
#include "crew.h"

#include <errno.h>
#include <immintrin.h>
#include <stdint.h>

enum kind { READ, COPY, SCALE, SUM, TRIAD, KINDS };
enum width { SSE2, AVX2, AVX512, WIDTHS };
/* Arrays are worked on in whole lines, so that each store fills one; the last worker does what is left. */
enum { LINE = 16, TURN = 4 * LINE /* floats */ };

struct arrays {
    float *a;
    const float *b, *c;
    float scalar;
};
/* From `from` to `to`, both multiples of LINE; a read returns the sum of the values' bits as integers. */
typedef uint32_t (*pass)(const struct arrays *, long from, long to);

/*
 * Prefetch 4 KiB ahead of where a turn begins. Where the hardware's own prefetchers leave line buffers idle,
 * reading gains by it (a fifth on a virtual Sapphire Rapids); a copy past the caches loses, since its stores
 * want the same buffers. A prefetch beyond an array's end does nothing.
 */
enum { AHEAD = 1024 };
#define FETCH(p, i) _mm_prefetch((const char *)((p) + (i)), _MM_HINT_T0);
#define FETCH_TURN(p, i) FETCH(p, i) FETCH(p, (i) + LINE) FETCH(p, (i) + 2 * LINE) FETCH(p, (i) + 3 * LINE)
#define FETCH_NONE(i)
#define FETCH_ONE(i) FETCH_TURN(b, (i) + AHEAD)
#define FETCH_BOTH(i) FETCH_TURN(b, (i) + AHEAD) FETCH_TURN(c, (i) + AHEAD)

#define TARGET(isa) __attribute__((target(isa)))

#define WRITER(name, isa, lanes, put, value, fetch)                                                      \
    TARGET(isa) static uint32_t name(const struct arrays *x, long from, long to)                         \
    {                                                                                                    \
        float *const a = x->a;                                                                           \
        const float *const b = x->b, *const c = x->c;                                                    \
        const float s = x->scalar;                                                                       \
        long i = from;                                                                                   \
        (void)c, (void)s;                                                                                \
        for (; i + TURN <= to; i += TURN) {                                                              \
            fetch(i);                                                                                    \
            _Pragma("GCC unroll 16") for (long j = i; j < i + TURN; j += lanes) put(a + j, value(j));    \
        }                                                                                                \
        for (; i < to; i += lanes)                                                                       \
            put(a + i, value(i));                                                                        \
        _mm_sfence();                                                                                    \
        return 0;                                                                                        \
    }

#define READER(name, isa, lanes, vector, load, add, fetch)                                               \
    TARGET(isa) static uint32_t name(const struct arrays *x, long from, long to)                         \
    {                                                                                                    \
        const float *const b = x->b;                                                                     \
        vector s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0};                                                   \
        uint32_t parts[lanes], sum = 0;                                                                  \
        long i = from;                                                                                   \
        for (; i + TURN <= to; i += TURN) {                                                              \
            fetch(i);                                                                                    \
            _Pragma("GCC unroll 4") for (long j = i; j < i + TURN; j += 4 * lanes) {                     \
                s0 = add(s0, load((const void *)(b + j)));                                               \
                s1 = add(s1, load((const void *)(b + j + lanes)));                                       \
                s2 = add(s2, load((const void *)(b + j + 2 * lanes)));                                   \
                s3 = add(s3, load((const void *)(b + j + 3 * lanes)));                                   \
            }                                                                                            \
        }                                                                                                \
        for (; i < to; i += lanes)                                                                       \
            s0 = add(s0, load((const void *)(b + i)));                                                   \
        s0 = add(add(s0, s1), add(s2, s3));                                                              \
        __builtin_memcpy(parts, &s0, sizeof parts);                                                      \
        for (int lane = 0; lane < lanes; lane++)                                                         \
            sum += parts[lane];                                                                          \
        return sum;                                                                                      \
    }

#define COPIED(i) LOAD(b + (i))
#define SCALED(i) MUL(SET(s), LOAD(b + (i)))
#define ADDED(i) ADD(LOAD(b + (i)), LOAD(c + (i)))
#define COMBINED(i) ADD(LOAD(b + (i)), MUL(SET(s), LOAD(c + (i))))

#define WRITERS(width, isa, lanes, ordinary, nontemporal)                                                \
    WRITER(copy_##width, isa, lanes, ordinary, COPIED, FETCH_NONE)                                       \
    WRITER(scale_##width, isa, lanes, ordinary, SCALED, FETCH_NONE)                                      \
    WRITER(add_##width, isa, lanes, ordinary, ADDED, FETCH_NONE)                                         \
    WRITER(triad_##width, isa, lanes, ordinary, COMBINED, FETCH_NONE)                                    \
    WRITER(copy_nt_##width, isa, lanes, nontemporal, COPIED, FETCH_NONE)                                 \
    WRITER(scale_nt_##width, isa, lanes, nontemporal, SCALED, FETCH_NONE)                                \
    WRITER(add_nt_##width, isa, lanes, nontemporal, ADDED, FETCH_BOTH)                                   \
    WRITER(triad_nt_##width, isa, lanes, nontemporal, COMBINED, FETCH_BOTH)

#define LOAD _mm_load_ps
#define SET _mm_set1_ps
#define MUL _mm_mul_ps
#define ADD _mm_add_ps
READER(read_sse2, "sse2", 4, __m128i, _mm_load_si128, _mm_add_epi32, FETCH_NONE)
READER(read_nt_sse2, "sse2", 4, __m128i, _mm_load_si128, _mm_add_epi32, FETCH_ONE)
WRITERS(sse2, "sse2", 4, _mm_store_ps, _mm_stream_ps)
#undef LOAD
#undef SET
#undef MUL
#undef ADD

#define LOAD _mm256_load_ps
#define SET _mm256_set1_ps
#define MUL _mm256_mul_ps
#define ADD _mm256_add_ps
READER(read_avx2, "avx2", 8, __m256i, _mm256_load_si256, _mm256_add_epi32, FETCH_NONE)
READER(read_nt_avx2, "avx2", 8, __m256i, _mm256_load_si256, _mm256_add_epi32, FETCH_ONE)
WRITERS(avx2, "avx2", 8, _mm256_store_ps, _mm256_stream_ps)
#undef LOAD
#undef SET
#undef MUL
#undef ADD

#define LOAD _mm512_load_ps
#define SET _mm512_set1_ps
#define MUL _mm512_mul_ps
#define ADD _mm512_add_ps
READER(read_avx512, "avx512f", 16, __m512i, _mm512_load_si512, _mm512_add_epi32, FETCH_NONE)
READER(read_nt_avx512, "avx512f", 16, __m512i, _mm512_load_si512, _mm512_add_epi32, FETCH_ONE)
WRITERS(avx512, "avx512f", 16, _mm512_store_ps, _mm512_stream_ps)

#define ROW(width, nt) {read##nt##width, copy##nt##width, scale##nt##width, add##nt##width, triad##nt##width}
static const pass PASSES[WIDTHS][2][KINDS] = {
    {ROW(sse2, _), ROW(sse2, _nt_)},
    {ROW(avx2, _), ROW(avx2, _nt_)},
    {ROW(avx512, _), ROW(avx512, _nt_)},
};

struct task {
    struct arrays arrays;
    pass pass;
    enum kind kind;
    long elements, passes;
    uint32_t *sums;
};

/* A worker's lines: as many for each as for the others, but for one. */
static void share(long lines, int worker, int workers, long *from, long *to)
{
    *from = lines * worker / workers * LINE;
    *to = lines * (worker + 1) / workers * LINE;
}

static uint32_t bits(float value)
{
    uint32_t found;
    __builtin_memcpy(&found, &value, sizeof found);
    return found;
}

/* What is left after whole lines. */
static uint32_t rest(const struct task *task)
{
    const struct arrays *x = &task->arrays;
    uint32_t sum = 0;
    for (long i = task->elements / LINE * LINE; i < task->elements; i++)
        switch (task->kind) {
        case COPY: x->a[i] = x->b[i]; break;
        case SCALE: x->a[i] = x->scalar * x->b[i]; break;
        case SUM: x->a[i] = x->b[i] + x->c[i]; break;
        case TRIAD: x->a[i] = x->b[i] + x->scalar * x->c[i]; break;
        default: sum += bits(x->b[i]);
        }
    return sum;
}

static void stream(int worker, int workers, void *argument)
{
    struct task *task = argument;
    long from, to;
    uint32_t sum = 0;
    share(task->elements / LINE, worker, workers, &from, &to);
    for (long i = 0; i < task->passes; i++) {
        sum += task->pass(&task->arrays, from, to);
        if (worker == workers - 1)
            sum += rest(task);
    }
    if (task->sums)
        task->sums[worker] = sum;
}

/*
 * a = b (kind 1), a = s·b (2), a = b + c (3), a = b + s·c (4), or b read and summed (0), `passes` times.
 *
 * Arrays begin on a line of the cache. With `streaming`, stores go past the caches (non-temporal) and what
 * read, add and triad read is prefetched: for arrays that no cache holds. `width`: 0 SSE2, 1 AVX2, 2 AVX-512.
 * `sums` receives one sum a worker, of the bits read as 32-bit integers. Returns 0 or a negated errno.
 */
FC_EXPORT int fc_stream(int kind, int width, int streaming, float *a, const float *b, const float *c,
                        float scalar, long elements, long passes, const int *cpus, int count,
                        uint32_t *sums, double *wall_seconds)
{
    if (kind < 0 || kind >= KINDS || width < 0 || width >= WIDTHS || elements < 1)
        return -EINVAL;
    struct task task = {{a, b, c, scalar}, PASSES[width][!!streaming][kind], kind, elements, passes, sums};
    return fc_crew_run(cpus, count, stream, &task, wall_seconds);
}

static void zero(int worker, int workers, void *argument)
{
    struct task *task = argument;
    long from, to;
    share(task->elements / LINE, worker, workers, &from, &to);
    __builtin_memset(task->arrays.a + from, 0, (size_t)(to - from) * sizeof(float));
    if (worker == workers - 1)
        __builtin_memset(task->arrays.a + to, 0, (size_t)(task->elements - to) * sizeof(float));
}

/* Touch an array first on the CPUs that will use it, so that its pages lie in their memory. */
FC_EXPORT int fc_touch(float *a, long elements, const int *cpus, int count)
{
    struct task task = {.arrays = {.a = a}, .elements = elements};
    return fc_crew_run(cpus, count, zero, &task, NULL);
}
