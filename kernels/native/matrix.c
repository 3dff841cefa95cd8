/*
 * What the matrix units (Intel AMX) reach with all operands in tiles; the sums are those of vector.c.
 *
 * Five accumulators: a product starts every 16 cycles and takes 52 (Intel, 64 and IA-32 Architectures
 * Optimization Reference Manual, chapter on AMX), so that four would do. Three tiles hold p, q and y.
 */
#define _GNU_SOURCE
#include "units.h"
#include "crew.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#if !defined(FC_BASELINE) && (defined(__clang__) ? __clang_major__ >= 12 : __GNUC__ >= 11)

enum { ROWS = 16, ROW_BYTES = 64, TILES = 8 };
enum { ASK_PERMISSION = 0x1023, TILE_DATA = 18 };

/* Layout of LDTILECFG's operand, palette 1 (Intel, Software Developer's Manual, volume 2, LDTILECFG). */
struct configuration {
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
};

static void configure(void)
{
    struct configuration wanted = {.palette = 1};
    for (int i = 0; i < TILES; i++) {
        wanted.row_bytes[i] = ROW_BYTES;
        wanted.rows[i] = ROWS;
    }
    __asm__ volatile("ldtilecfg %0" : : "m"(wanted));
}

#define LOAD_TILE(tile, from)                                                                           \
    __asm__ volatile("tileloadd (%0,%1,1), %%tmm" #tile : : "r"(from), "r"((long)ROW_BYTES) : "memory")
#define STORE_TILE(tile, to)                                                                            \
    __asm__ volatile("tilestored %%tmm" #tile ", (%0,%1,1)" : : "r"(to), "r"((long)ROW_BYTES) : "memory")

/* tmm0 to tmm4 accumulate, tmm5 holds p, tmm6 q, tmm7 y. */
#define ONE(product, number, factor) product " %%tmm7, %%tmm" #factor ", %%tmm" #number "\n\t"
#define FIVE(product, factor)                                                                           \
    ONE(product, 0, factor) ONE(product, 1, factor) ONE(product, 2, factor) ONE(product, 3, factor)     \
    ONE(product, 4, factor)
#define BLOCK(product, pairs)                                                                           \
    for (int pair = 0; pair < (pairs); pair++)                                                          \
        __asm__ volatile(FIVE(product, 5) FIVE(product, 6) : : : "memory")

#define FILL(name, value)                                                                               \
    number name[ROWS * ROW_BYTES / sizeof(number)];                                                     \
    for (int l = 0; l < (int)(sizeof name / sizeof *name); l++)                                         \
        name[l] = (value);

#define START(i)                                                                                        \
    for (int l = 0; l < ROWS * ROWS; l++)                                                               \
        sums[l] = TO_SUM(first(i, l));                                                                  \
    LOAD_TILE(i, sums);
#define TALLY(i)                                                                                        \
    STORE_TILE(i, sums);                                                                                \
    for (int l = 0; l < ROWS * ROWS; l++)                                                               \
        total += TO_UNITS(sums[l]);
#define EACH_5(DO) DO(0) DO(1) DO(2) DO(3) DO(4)

#define ROUTINE(name, product, sum, element)                                                            \
    static long long name(long iterations)                                                              \
    {                                                                                                   \
        typedef element number;                                                                         \
        sum sums[ROWS * ROWS];                                                                          \
        long long total = 0;                                                                            \
        FILL(p, TO_NUMBER(operand(l)))                                                                  \
        FILL(q, TO_NUMBER(1 - operand(l)))                                                              \
        FILL(back_p, TO_NUMBER(operand(l) - 1))                                                         \
        FILL(back_q, TO_NUMBER(-operand(l)))                                                            \
        FILL(y, FACTOR)                                                                                 \
        configure();                                                                                    \
        LOAD_TILE(7, y);                                                                                \
        while (iterations > 0) {                                                                        \
            long once = iterations < MOST_ITERATIONS_EXACT ? iterations : MOST_ITERATIONS_EXACT;        \
            iterations -= once;                                                                         \
            EACH_5(START)                                                                               \
            while (once--) {                                                                            \
                LOAD_TILE(5, p);                                                                        \
                LOAD_TILE(6, q);                                                                        \
                BLOCK(product, PAIRS);                                                                  \
                LOAD_TILE(5, back_p);                                                                   \
                LOAD_TILE(6, back_q);                                                                   \
                BLOCK(product, PAIRS - 1);                                                              \
            }                                                                                           \
            EACH_5(TALLY)                                                                               \
        }                                                                                               \
        __asm__ volatile("tilerelease");                                                                \
        return total;                                                                                   \
    }

#define TO_SUM(units) ((units) / 1024.0f)
#define TO_UNITS(value) ((long long)((value) * 1024))
#define TO_NUMBER(steps) to_bf16((steps) / 512.0f)
#define FACTOR to_bf16(1.5f)
ROUTINE(bf16_amx, "tdpbf16ps", float, uint16_t)

#if defined(__clang__) ? __clang_major__ >= 16 : __GNUC__ >= 13
#undef TO_NUMBER
#undef FACTOR
#define TO_NUMBER(steps) ((_Float16)((steps) / 512.0f))
#define FACTOR ((_Float16)1.5f)
ROUTINE(fp16_amx, "tdpfp16ps", float, _Float16)
#else
#define fp16_amx NULL
#endif

#undef TO_SUM
#undef TO_UNITS
#undef TO_NUMBER
#undef FACTOR
#define TO_SUM(units) (units)
#define TO_UNITS(value) (value)
#define TO_NUMBER(steps) ((int8_t)(steps))
#define FACTOR 3
ROUTINE(int8_amx, "tdpbssd", int32_t, int8_t)

fc_unit fc_matrix_unit(enum unit unit)
{
    static const fc_unit routines[UNITS] = {
        [BF16_AMX] = bf16_amx, [INT8_AMX] = int8_amx, [FP16_AMX] = fp16_amx};
    return routines[unit];
}

/*
 * Ask the kernel to let this process use tiles (Linux, Documentation/arch/x86/xstate.rst).
 * Returns 0, or a negated errno: EINVAL or ENOSYS from kernels before 5.16, EPERM or ENOSPC where refused.
 */
FC_EXPORT int fc_ask_for_tiles(void)
{
    return syscall(SYS_arch_prctl, ASK_PERMISSION, TILE_DATA) ? -errno : 0;
}

#else

fc_unit fc_matrix_unit(enum unit unit)
{
    (void)unit;
    return NULL;
}

FC_EXPORT int fc_ask_for_tiles(void)
{
    return -ENOSYS;
}

#endif
