/* A stand-in for NVIDIA's management library: one GPU, or one MIG slice of it, that obeys a script.
 *
 * The script is in environment variables, read at every call, so that it can change while a program runs:
 * FAKE_NVML_<WHAT> below with the defaults given there, and FAKE_NVML_ERRORS="nvmlFunction=code,...".
 *
 * Power follows CLOCK_MONOTONIC, which Python reads as time.perf_counter() on Linux:
 *     P(t) = MEAN_W + SWING_W sin(2 pi t / CYCLE_S),
 * so that the energy between two moments is known in closed form. The energy counter moves every PERIOD_S.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { INVALID_ARGUMENT = 2, NOT_SUPPORTED = 3, NOT_FOUND = 6, TOO_SMALL = 7, LOST = 15 };
typedef struct { char kind; } device;
typedef unsigned long long u64;
typedef struct { unsigned pid; u64 bytes; unsigned gpu, compute; } process;
typedef struct { unsigned a, b, c, d, e, f, gpu_slices, compute_slices; u64 memory_mb; } attributes;
typedef struct { char old[16]; unsigned domain, bus, device, id, subsystem; char bus_id[32]; } pci;
typedef struct { unsigned field, scope; long long when, latency; unsigned type, status;
                 union { double d; unsigned u; u64 ull; } value; } field;
typedef struct { unsigned version, sensor; int celsius; } heat;

static device gpu = {'g'}, slice = {'m'};
static double started;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static const char *words(const char *what, const char *otherwise) {
    char name[64];
    snprintf(name, sizeof name, "FAKE_NVML_%s", what);
    const char *found = getenv(name);
    return found ? found : otherwise;
}

static double number(const char *what, double otherwise) {
    const char *found = words(what, "");
    return *found ? strtod(found, NULL) : otherwise;
}

static int fault(const char *function) {
    double after = number("LOST_AFTER_S", -1);
    if (after >= 0 && started && now() - started >= after) return LOST;
    const char *at = words("ERRORS", "");
    size_t length = strlen(function);
    for (; (at = strstr(at, function)); at += length)
        if (at[length] == '=') return atoi(at + length + 1);
    return 0;
}

#define CHECK do { int code = fault(__func__); if (code) return code; } while (0)
#define WHOLE_GPU do { CHECK; if (at != &gpu) return NOT_SUPPORTED; } while (0)
#define TELL(NAME, WHAT, OTHERWISE) \
    int NAME(device *at, unsigned *out) { WHOLE_GPU; *out = number(WHAT, OTHERWISE); return 0; }
#define TELL_KIND(NAME, WHAT, OTHERWISE) \
    int NAME(device *at, unsigned kind, unsigned *out) { (void)kind; WHOLE_GPU; *out = number(WHAT, OTHERWISE); return 0; }
#define TELL_BITS(NAME, WHAT, OTHERWISE) \
    int NAME(device *at, u64 *out) { WHOLE_GPU; *out = number(WHAT, OTHERWISE); return 0; }
#define TELL_PAIR(NAME, WHAT, OTHERWISE) \
    int NAME(device *at, unsigned *out, unsigned *pending) { \
        WHOLE_GPU; *out = *pending = number(WHAT, OTHERWISE); return 0; }

static double power_w(double t) {
    return number("MEAN_W", 300) + number("SWING_W", 100) * sin(2 * M_PI * t / number("CYCLE_S", 0.5));
}

static double energy_j(double t) {
    double turn = 2 * M_PI / number("CYCLE_S", 0.5);
    return number("MEAN_W", 300) * t + number("SWING_W", 100) * (1 - cos(turn * t)) / turn;
}

int nvmlInitWithFlags(unsigned flags) { (void)flags; CHECK; started = now(); return 0; }
int nvmlInit_v2(void) { return nvmlInitWithFlags(0); }
int nvmlShutdown(void) { return 0; }
const char *nvmlErrorString(int code) { static char text[32]; snprintf(text, sizeof text, "fake error %d", code); return text; }

int nvmlDeviceGetHandleByUUID(const char *uuid, device **out) {
    CHECK;
    if (!strcmp(uuid, words("UUID", "GPU-11111111-2222-3333-4444-555555555555"))) *out = &gpu;
    else if (!strcmp(uuid, words("MIG_UUID", "none"))) *out = &slice;
    else return NOT_FOUND;
    return 0;
}

int nvmlDeviceIsMigDeviceHandle(device *at, unsigned *out) { CHECK; *out = at == &slice; return 0; }
int nvmlDeviceGetDeviceHandleFromMigDeviceHandle(device *at, device **out) { (void)at; CHECK; *out = &gpu; return 0; }

int nvmlSystemGetDriverVersion(char *out, unsigned size) { CHECK; snprintf(out, size, "570.86.15"); return 0; }
int nvmlSystemGetCudaDriverVersion_v2(int *out) { CHECK; *out = 12080; return 0; }
int nvmlDeviceGetVbiosVersion(device *at, char *out, unsigned size) { WHOLE_GPU; snprintf(out, size, "96.00.74"); return 0; }

int nvmlDeviceGetName(device *at, char *out, unsigned size) {
    CHECK;
    snprintf(out, size, "%s%s", "ACME One", at == &slice ? words("MIG_SUFFIX", " MIG 3g.40gb") : "");
    return 0;
}

int nvmlDeviceGetAttributes_v2(device *at, attributes *out) {
    CHECK;
    if (at != &slice) return NOT_SUPPORTED;
    memset(out, 0, sizeof *out);
    out->gpu_slices = 3, out->compute_slices = 3, out->memory_mb = 40192;
    return 0;
}

int nvmlDeviceGetPowerUsage(device *at, unsigned *out) { WHOLE_GPU; *out = lround(power_w(now()) * 1e3); return 0; }

int nvmlDeviceGetFieldValues(device *at, int count, field *out) {
    WHOLE_GPU;
    for (int i = 0; i < count; i++) {
        out[i].status = out[i].field == 186 && number("INSTANT", 1) ? 0 : NOT_SUPPORTED;
        out[i].type = 1;
        out[i].value.u = lround(power_w(now()) * 1e3);
    }
    return 0;
}

int nvmlDeviceGetTotalEnergyConsumption(device *at, u64 *out) {
    WHOLE_GPU;
    double period = number("PERIOD_S", 0.1);
    *out = llround(energy_j(floor(now() / period) * period) * 1e3);
    return 0;
}

int nvmlDeviceGetTemperatureV(device *at, heat *out) { WHOLE_GPU; out->celsius = number("CELSIUS", 61); return 0; }
TELL_KIND(nvmlDeviceGetTemperature, "CELSIUS", 61)
TELL_KIND(nvmlDeviceGetClockInfo, "CLOCK_MHZ", 1755)
TELL_KIND(nvmlDeviceGetMaxClockInfo, "MAX_CLOCK_MHZ", 1980)
TELL_KIND(nvmlDeviceGetApplicationsClock, "APPLICATION_CLOCK_MHZ", 1980)
TELL_BITS(nvmlDeviceGetCurrentClocksEventReasons, "REASONS", 0)
TELL_BITS(nvmlDeviceGetCurrentClocksThrottleReasons, "REASONS", 0)
TELL(nvmlDeviceGetEnforcedPowerLimit, "LIMIT_MW", 700000)
TELL(nvmlDeviceGetPowerManagementDefaultLimit, "DEFAULT_LIMIT_MW", 700000)
TELL(nvmlDeviceGetCurrPcieLinkGeneration, "PCIE_GENERATION", 5)
TELL(nvmlDeviceGetMaxPcieLinkGeneration, "PCIE_GENERATION_MAX", 5)
TELL(nvmlDeviceGetCurrPcieLinkWidth, "PCIE_WIDTH", 16)
TELL(nvmlDeviceGetMaxPcieLinkWidth, "PCIE_WIDTH_MAX", 16)
TELL(nvmlDeviceGetPersistenceMode, "PERSISTENCE", 1)
TELL(nvmlDeviceGetComputeMode, "COMPUTE_MODE", 0)
TELL_PAIR(nvmlDeviceGetEccMode, "ECC", 1)
TELL_PAIR(nvmlDeviceGetMigMode, "MIG", 0)

int nvmlDeviceGetNvLinkState(device *at, unsigned link, unsigned *out) {
    WHOLE_GPU;
    if (link >= number("LINKS", 18)) return INVALID_ARGUMENT;
    *out = link < number("LINKS_UP", 18);
    return 0;
}

int nvmlDeviceGetTotalEccErrors(device *at, unsigned type, unsigned counter, u64 *out) {
    WHOLE_GPU;
    *out = type == 1 ? number(counter ? "ECC_EVER" : "ECC_SINCE_BOOT", 0) : 1000000;
    return 0;
}

int nvmlDeviceGetRetiredPages(device *at, unsigned cause, unsigned *count, u64 *pages) {
    WHOLE_GPU;
    unsigned have = number(cause ? "PAGES_DOUBLE" : "PAGES_SINGLE", 0), room = *count;
    *count = have;
    if (have && (!pages || room < have)) return TOO_SMALL;
    for (unsigned i = 0; i < have; i++) pages[i] = i;
    return 0;
}

int nvmlDeviceGetRemappedRows(device *at, unsigned *good, unsigned *bad, unsigned *pending, unsigned *failed) {
    WHOLE_GPU;
    *good = number("ROWS_CORRECTABLE", 0), *bad = number("ROWS_UNCORRECTABLE", 0);
    *pending = number("ROWS_PENDING", 0), *failed = number("ROWS_FAILED", 0);
    return 0;
}

int nvmlDeviceGetPciInfo_v3(device *at, pci *out) {
    WHOLE_GPU;
    memset(out, 0, sizeof *out);
    snprintf(out->bus_id, sizeof out->bus_id, "00000000:C1:00.0");
    return 0;
}

int nvmlDeviceGetUtilizationRates(device *at, unsigned out[2]) { WHOLE_GPU; out[0] = number("BUSY_PERCENT", 0), out[1] = 0; return 0; }

/* FAKE_NVML_PIDS="12,13"; the word "self" stands for the asking process. */
int nvmlDeviceGetComputeRunningProcesses_v3(device *at, unsigned *count, process *out) {
    (void)at;
    CHECK;
    char list[256];
    snprintf(list, sizeof list, "%s", words("PIDS", ""));
    unsigned have = 0, room = out ? *count : 0;
    for (char *word = strtok(list, ","); word; word = strtok(NULL, ","), have++)
        if (have < room) {
            memset(&out[have], 0, sizeof *out);
            out[have].pid = strcmp(word, "self") ? (unsigned)atoi(word) : (unsigned)getpid();
        }
    *count = have;
    return have > room ? TOO_SMALL : 0;
}
