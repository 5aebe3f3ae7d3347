#include "proto/utf8.h"

#include <stdint.h>

int utf8_step(const char *bytes, size_t n) {
    if (n == 0)
        return 0;
    uint8_t lead = (uint8_t)bytes[0];
    if (lead < 0x80)
        return 1;
    if (lead < 0xC2 || lead > 0xF4)
        return -1;
    int length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    /* The second byte's range is narrower after four of the leads: overlong forms (E0, F0),
     * surrogates (ED) and what lies above U+10FFFF (F4) end here. */
    uint8_t low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    uint8_t high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    for (int i = 1; i < length; i++) {
        if ((size_t)i == n)
            return 0;
        uint8_t next = (uint8_t)bytes[i];
        if (next < low || next > high)
            return -1;
        low = 0x80;
        high = 0xBF;
    }
    return length;
}
