// A job of one kind of work, for `make bench`: job cpu|memory|file. Prints the seconds that the work took.
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

// Whole numbers and fractions in registers: a logistic map, and a linear congruence.
static double compute(void) {
    double x = 0.3;
    uint64_t n = 1;
    for (int i = 0; i < 400000000; i++) {
        x = 3.9 * x * (1 - x);
        n = n * 6364136223846793005u + 1442695040888963407u;
    }
    return x + (double)(n & 1);
}

// 256 MiB written and read sixteen times, in an order that caches do not help.
static double remember(void) {
    size_t words = (256u << 20) / sizeof(uint64_t);
    uint64_t *array = malloc(words * sizeof *array), sum = 0;
    if (!array) return -1;
    for (int round = 0; round < 16; round++) {
        for (size_t i = 0; i < words; i++) array[i] = i * 31 + round;
        for (size_t i = 0, at = 0; i < words / 16; i++, at = (at + 7919 * 8) % words) sum += array[at];
    }
    free(array);
    return (double)(sum & 1);
}

// 2000 files of 64 KiB in the current directory: written, read, removed.
static double use_files(void) {
    static char buffer[64 << 10];
    char name[32];
    long sum = 0;
    memset(buffer, 'x', sizeof buffer);
    for (int step = 0; step < 3; step++) {
        for (int i = 0; i < 2000; i++) {
            snprintf(name, sizeof name, "job-%d", i);
            if (step == 2) { sum += unlink(name); continue; }
            int file = open(name, step == 0 ? O_WRONLY | O_CREAT | O_TRUNC : O_RDONLY, 0644);
            if (file < 0) return -1;
            sum += step == 0 ? write(file, buffer, sizeof buffer) : read(file, buffer, sizeof buffer);
            close(file);
        }
    }
    return (double)sum;
}

int main(int count, char **words) {
    if (count != 2) return 2;
    double begun = now(), result;
    if (!strcmp(words[1], "cpu")) result = compute();
    else if (!strcmp(words[1], "memory")) result = remember();
    else if (!strcmp(words[1], "file")) result = use_files();
    else return 2;
    if (result < 0) return 1;
    // The result is printed so that no compiler leaves the work out.
    printf("%.4f %g\n", now() - begun, result);
    return 0;
}
