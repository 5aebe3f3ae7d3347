#include "tools/bench/hdrlog.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define COOKIE_V2            0x1c849313u /* V2, one byte a word: ZigZag LEB128 */
#define COOKIE_V2_COMPRESSED 0x1c849314u
#define HEADER               40
#define COUNT_MAX            9 /* bytes of one count */
#define DIGITS               3

static unsigned char *put32(unsigned char *out, uint32_t value) {
    value = htobe32(value);
    memcpy(out, &value, sizeof(value));
    return out + sizeof(value);
}

static unsigned char *put64(unsigned char *out, uint64_t value) {
    value = htobe64(value);
    memcpy(out, &value, sizeof(value));
    return out + sizeof(value);
}

/* ZigZag makes small negative numbers short too; the ninth byte has all of its eight bits. */
static unsigned char *put_count(unsigned char *out, int64_t count) {
    uint64_t left = ((uint64_t)count << 1) ^ (uint64_t)(count >> 63);
    for (int i = 0; i < COUNT_MAX - 1 && left >= 0x80; i++) {
        *out++ = (unsigned char)(left | 0x80);
        left >>= 7;
    }
    *out++ = (unsigned char)left;
    return out;
}

/* A run of n empty buckets is the number -n. */
static unsigned char *put_counts(unsigned char *out, const struct histogram *h, unsigned used) {
    for (unsigned i = 0; i < used;) {
        unsigned empty = i;
        while (empty < used && h->counts[empty] == 0)
            empty++;
        if (empty > i) {
            out = put_count(out, -(int64_t)(empty - i));
            i = empty;
        } else {
            out = put_count(out, (int64_t)h->counts[i++]);
        }
    }
    return out;
}

unsigned char *hdrlog_encode(const struct histogram *h, size_t *n) {
    unsigned used = h->buckets;
    assert(h->bits == HDRLOG_BITS);
    while (used > 0 && h->counts[used - 1] == 0)
        used--;
    unsigned char *bytes = malloc(HEADER + (size_t)used * COUNT_MAX);
    if (!bytes)
        return NULL;
    unsigned char *counts_end = put_counts(bytes + HEADER, h, used);
    unsigned char *at = put32(bytes, COOKIE_V2);
    double ratio = 1; /* of values to what they mean */
    uint64_t ratio_bits;
    memcpy(&ratio_bits, &ratio, sizeof(ratio));
    at = put32(at, (uint32_t)(counts_end - bytes - HEADER));
    at = put32(at, 0); /* normalizing index offset */
    at = put32(at, DIGITS);
    at = put64(at, 1); /* least value told from 0 */
    at = put64(at, h->limit);
    put64(at, ratio_bits);
    *n = (size_t)(counts_end - bytes);
    return bytes;
}

static unsigned char *compress_v2(const unsigned char *bytes, size_t n, size_t *out_n) {
    uLongf size = compressBound(n);
    unsigned char *out = malloc(8 + size);
    if (!out || compress2(out + 8, &size, bytes, n, Z_DEFAULT_COMPRESSION) != Z_OK) {
        free(out);
        return NULL;
    }
    put32(put32(out, COOKIE_V2_COMPRESSED), (uint32_t)size);
    *out_n = 8 + size;
    return out;
}

static void print_base64(FILE *out, const unsigned char *bytes, size_t n) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < n; i += 3) {
        size_t have = n - i < 3 ? n - i : 3;
        uint32_t three = (uint32_t)bytes[i] << 16;
        three |= have > 1 ? (uint32_t)bytes[i + 1] << 8 : 0;
        three |= have > 2 ? bytes[i + 2] : 0;
        for (size_t j = 0; j < 4; j++)
            fputc(j <= have ? digits[three >> (18 - 6 * j) & 63] : '=', out);
    }
}

void hdrlog_begin(FILE *out, double epoch_s) {
    fprintf(out,
            "#[Histogram log format version 1.3]\n"
            "#[StartTime: %.3f (seconds since epoch)]\n"
            "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"\n",
            epoch_s);
}

int hdrlog_interval(FILE *out, double begin_s, double length_s, const struct histogram *h) {
    size_t plain_n, n;
    unsigned char *plain = hdrlog_encode(h, &plain_n);
    unsigned char *bytes = plain ? compress_v2(plain, plain_n, &n) : NULL;
    free(plain);
    if (!bytes)
        return -ENOMEM;
    fprintf(out, "%.3f,%.3f,%.3f,", begin_s, length_s, (double)h->max / 1e6);
    print_base64(out, bytes, n);
    fputc('\n', out);
    fflush(out); /* whoever follows the run has whole intervals */
    free(bytes);
    return 0;
}
