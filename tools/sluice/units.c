#include "tools/sluice/units.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

void units_bytes(char out[UNITS_TEXT], double bytes) {
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    unsigned unit = 0;
    while (bytes >= 1024 && unit < sizeof(units) / sizeof(units[0]) - 1) {
        bytes /= 1024;
        unit++;
    }
    snprintf(out, UNITS_TEXT, "%.*f %s", unit ? 1 : 0, bytes, units[unit]);
}

void units_grouped(char out[UNITS_TEXT], int64_t number) {
    char digits[24];
    uint64_t absolute = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    int n = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)absolute);
    char *p = out;
    if (number < 0)
        *p++ = '-';
    for (int i = 0; i < n; i++) {
        if (i > 0 && (n - i) % 3 == 0)
            *p++ = ',';
        *p++ = digits[i];
    }
    *p = '\0';
}

void units_real(char out[UNITS_TEXT], double number) {
    if (fabs(number) >= 1000 && fabs(number) < 1e18)
        units_grouped(out, llround(number));
    else
        snprintf(out, UNITS_TEXT, fabs(number) < 1e18 ? "%.3f" : "%g", number);
}

void units_time(char out[UNITS_TEXT], int64_t ns) {
    time_t seconds = (time_t)(ns / 1000000000);
    int64_t fraction = ns % 1000000000;
    struct tm utc;
    if (fraction < 0) {
        fraction += 1000000000;
        seconds--;
    }
    if (!gmtime_r(&seconds, &utc)) {
        strcpy(out, "?");
        return;
    }
    size_t n = strftime(out, UNITS_TEXT, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(out + n, UNITS_TEXT - n, ".%09lldZ", (long long)fraction);
}
