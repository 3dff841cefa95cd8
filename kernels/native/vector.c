/*
 * What the vector units reach with all operands in registers, as products that add up exactly.
 *
 * Each accumulator gains p·y and then loses almost as much, q·y, so that a pair of steps leaves it a few small
 * units higher; a block of PAIRS pairs forwards is followed by one of PAIRS - 1 backwards. All values are
 * multiples of 2^-10 below 2, so no step rounds, not even in half precision: how high the accumulators stand
 * at the end tells how many iterations were done, lane for lane. They begin anew before they grow too high.
 * There are more of them than cores since Haswell need to keep two units busy (2 x 5 steps of latency;
 * Fog, Instruction tables), or as many where 16 registers must also hold the operands.
 */
#include "units.h"

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define EACH_10(DO) DO(0) DO(1) DO(2) DO(3) DO(4) DO(5) DO(6) DO(7) DO(8) DO(9)
#define EACH_24(DO)                                                                                     \
    EACH_10(DO) DO(10) DO(11) DO(12) DO(13) DO(14) DO(15) DO(16) DO(17) DO(18) DO(19) DO(20) DO(21)   \
    DO(22) DO(23)

#define DECLARE(i)                                                                                      \
    for (int l = 0; l < lanes; l++)                                                                     \
        sums[l] = TO_SUM(first(i, l));                                                                  \
    vector a##i;                                                                                        \
    memcpy(&a##i, sums, sizeof a##i);
#define GAIN(i) a##i = STEP(a##i, p, y);
#define LOSE(i) a##i = STEP(a##i, q, y);
#define BACK_GAIN(i) a##i = STEP(a##i, back_p, y);
#define BACK_LOSE(i) a##i = STEP(a##i, back_q, y);
#define TALLY(i)                                                                                        \
    memcpy(sums, &a##i, sizeof a##i);                                                                   \
    for (int l = 0; l < lanes; l++)                                                                     \
        total += TO_UNITS(sums[l]);

#define FILL(name, value)                                                                               \
    factors name;                                                                                       \
    for (int l = 0; l < places; l++)                                                                    \
        numbers[l] = (value);                                                                           \
    memcpy(&name, numbers, sizeof name);                                                                \
    (void)name;

#define BLOCK(pairs, gain, lose, each)                                                                  \
    for (int pair = 0; pair < (pairs); pair++) {                                                        \
        each(gain) each(lose)                                                                           \
    }

/* `sum_vector` holds sums, `factor_vector` what is multiplied. */
#define ROUTINE(name, isa, sum_vector, sum, factor_vector, number, each)                                \
    __attribute__((target(isa))) static long long name(long iterations)                                 \
    {                                                                                                   \
        typedef sum_vector vector;                                                                      \
        typedef factor_vector factors;                                                                  \
        enum { lanes = sizeof(vector) / sizeof(sum), places = sizeof(factors) / sizeof(number) };       \
        sum sums[lanes];                                                                                \
        number numbers[places];                                                                         \
        long long total = 0;                                                                            \
        FILL(p, TO_NUMBER(operand(l)))                                                                  \
        FILL(q, TO_NUMBER(1 - operand(l)))                                                              \
        FILL(back_p, TO_NUMBER(operand(l) - 1))                                                         \
        FILL(back_q, TO_NUMBER(-operand(l)))                                                            \
        FILL(y, FACTOR)                                                                                 \
        while (iterations > 0) {                                                                        \
            long once = iterations < MOST_ITERATIONS_EXACT ? iterations : MOST_ITERATIONS_EXACT;        \
            iterations -= once;                                                                         \
            each(DECLARE)                                                                               \
            while (once--) {                                                                            \
                BLOCK(PAIRS, GAIN, LOSE, each)                                                          \
                BLOCK(PAIRS - 1, BACK_GAIN, BACK_LOSE, each)                                            \
            }                                                                                           \
            each(TALLY)                                                                                 \
        }                                                                                               \
        return total;                                                                                   \
    }

/* Floating point: numbers in steps of 2^-9, times 1.5, in units of 2^-10. */
#define TO_SUM(units) ((units) / 1024.0f)
#define TO_UNITS(value) ((long long)((value) * 1024))
#define TO_NUMBER(steps) ((steps) / 512.0f)
#define FACTOR 1.5f

/*
 * With 16 registers, in assembly: GCC keeps ten accumulators in them only by chance. There is no room for four
 * operands either: what q and back_q would add, back_p and p subtract.
 */
#define MOVE_IN(i) "vmovups 32*" #i "(%[sums]), %%ymm" #i "\n\t"
#define MOVE_OUT(i) "vmovups %%ymm" #i ", 32*" #i "(%[sums])\n\t"
#define ADD_P(i) "vfmadd231" SUFFIX " %[p], %[y], %%ymm" #i "\n\t"
#define TAKE_P(i) "vfnmadd231" SUFFIX " %[p], %[y], %%ymm" #i "\n\t"
#define ADD_BACK(i) "vfmadd231" SUFFIX " %[back_p], %[y], %%ymm" #i "\n\t"
#define TAKE_BACK(i) "vfnmadd231" SUFFIX " %[back_p], %[y], %%ymm" #i "\n\t"
#define LOOP(label, pairs, gain, lose)                                                                  \
    "mov " pairs ", %%ecx\n"                                                                            \
    label ":\n\t" EACH_10(gain) EACH_10(lose) "dec %%ecx\n\t"                                           \
    "jnz " label "b\n\t"

#define ROUTINE_AVX2(name, vector, number)                                                              \
    __attribute__((target("avx2,fma"))) static long long name(long iterations)                          \
    {                                                                                                   \
        enum { lanes = sizeof(vector) / sizeof(number), places = lanes };                               \
        typedef vector factors;                                                                         \
        number sums[10 * lanes], numbers[places];                                                       \
        long long total = 0;                                                                            \
        FILL(p, TO_NUMBER(operand(l)))                                                                  \
        FILL(back_p, TO_NUMBER(operand(l) - 1))                                                         \
        FILL(y, FACTOR)                                                                                 \
        while (iterations > 0) {                                                                        \
            long once = iterations < MOST_ITERATIONS_EXACT ? iterations : MOST_ITERATIONS_EXACT;        \
            iterations -= once;                                                                         \
            for (int i = 0; i < 10 * lanes; i++)                                                        \
                sums[i] = TO_SUM(first(i / lanes, i % lanes));                                          \
            __asm__ volatile(EACH_10(MOVE_IN) "1:\n\t" LOOP("2", "%[pairs]", ADD_P, TAKE_BACK)          \
                                 LOOP("3", "%[less]", ADD_BACK, TAKE_P) "dec %[once]\n\t"               \
                             "jnz 1b\n\t" EACH_10(MOVE_OUT)                                             \
                             : [once] "+r"(once)                                                        \
                             : [sums] "r"(sums), [p] "x"(p), [back_p] "x"(back_p), [y] "x"(y),          \
                               [pairs] "i"(PAIRS), [less] "i"(PAIRS - 1)                                \
                             : "memory", "cc", "rcx", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5",   \
                               "xmm6", "xmm7", "xmm8", "xmm9");                                         \
            for (int i = 0; i < 10 * lanes; i++)                                                        \
                total += TO_UNITS(sums[i]);                                                             \
        }                                                                                               \
        return total;                                                                                   \
    }

#define SUFFIX "pd"
ROUTINE_AVX2(fp64_avx2, __m256d, double)
#undef SUFFIX
#define SUFFIX "ps"
ROUTINE_AVX2(fp32_avx2, __m256, float)

#define STEP(a, p, y) _mm512_fmadd_pd(p, y, a)
ROUTINE(fp64_avx512, "avx512f", __m512d, double, __m512d, double, EACH_24)
#undef STEP
#define STEP(a, p, y) _mm512_fmadd_ps(p, y, a)
ROUTINE(fp32_avx512, "avx512f", __m512, float, __m512, float, EACH_24)
#undef STEP

#if !defined(FC_BASELINE) && (defined(__clang__) ? __clang_major__ >= 15 : __GNUC__ >= 12)
#define STEP(a, p, y) _mm512_fmadd_ph(p, y, a)
ROUTINE(fp16_avx512, "avx512fp16", __m512h, _Float16, __m512h, _Float16, EACH_24)
#undef STEP
#else
#define fp16_avx512 NULL
#endif

#if !defined(FC_BASELINE) && (defined(__clang__) ? __clang_major__ >= 9 : __GNUC__ >= 10)
#undef TO_NUMBER
#undef FACTOR
#define TO_NUMBER(steps) to_bf16((steps) / 512.0f)
#define FACTOR to_bf16(1.5f)
#define STEP _mm512_dpbf16_ps
ROUTINE(bf16_avx512, "avx512f,avx512bf16", __m512, float, __m512bh, uint16_t, EACH_24)
#undef STEP
#else
#define bf16_avx512 NULL
#endif

/* Integers: numbers in steps of 1, times 3, in units of 1. */
#undef TO_SUM
#undef TO_UNITS
#undef TO_NUMBER
#undef FACTOR
#define TO_SUM(units) (units)
#define TO_UNITS(value) (value)
#define TO_NUMBER(steps) ((int8_t)(steps))
#define FACTOR 3

#if !defined(FC_BASELINE) && (defined(__clang__) ? __clang_major__ >= 12 : __GNUC__ >= 11)
#define STEP(a, p, y) _mm256_dpbusd_avx_epi32(a, y, p)
ROUTINE(int8_avx_vnni, "avx2,avxvnni", __m256i, int32_t, __m256i, int8_t, EACH_10)
#undef STEP
#else
#define int8_avx_vnni NULL
#endif

#if !defined(FC_BASELINE)
#define STEP(a, p, y) _mm512_dpbusd_epi32(a, y, p)
ROUTINE(int8_avx512, "avx512f,avx512vnni", __m512i, int32_t, __m512i, int8_t, EACH_24)
#else
#define int8_avx512 NULL
#endif

fc_unit fc_vector_unit(enum unit unit)
{
    static const fc_unit routines[UNITS] = {
        [FP64_AVX2] = fp64_avx2,     [FP32_AVX2] = fp32_avx2,     [FP64_AVX512] = fp64_avx512,
        [FP32_AVX512] = fp32_avx512, [FP16_AVX512] = fp16_avx512, [BF16_AVX512] = bf16_avx512,
        [INT8_AVX_VNNI] = int8_avx_vnni, [INT8_AVX512] = int8_avx512,
    };
    return routines[unit];
}
