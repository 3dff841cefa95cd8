/* Execution units, and the routines that keep each busy. */
#ifndef FLOPCENSUS_UNITS_H
#define FLOPCENSUS_UNITS_H

#include <stdint.h>
#include <string.h>

/* A block of pairs forwards and one of a pair less backwards are one iteration. */
enum { PAIRS = 256, MOST_ITERATIONS_EXACT = 256 };

/* Numbers that Python knows too: never renumber. */
enum unit {
    FP64_AVX2, FP32_AVX2, FP64_AVX512, FP32_AVX512, FP16_AVX512, BF16_AVX512, INT8_AVX_VNNI, INT8_AVX512,
    BF16_AMX, INT8_AMX, FP16_AMX, UNITS
};

/* Operand of place l in a vector, in steps of 2^-9 (floating point) or of 1 (integers). */
static inline int operand(int l)
{
    return 40 + 7 * l % 32;
}

/* Where lane l of accumulator i begins, in units. */
static inline int first(int i, int l)
{
    return 8 * i + l % 8 - 768;
}

/* All numbers here have at most 7 significant bits: the upper half of a float is the number itself. */
static inline uint16_t to_bf16(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return (uint16_t)(bits >> 16);
}

/* Do `iterations` and return the sum of all accumulators, in units of what a step adds at least. */
typedef long long (*fc_unit)(long iterations);

/* The routine of a unit; NULL where the compiler knew no instructions for it. */
fc_unit fc_vector_unit(enum unit unit);
fc_unit fc_matrix_unit(enum unit unit);

#endif
