#include "proto/http1_date.h"

#include "proto/chars.h"

#include <errno.h>

#define YEAR_9999_END 253402300799

static const char days[][10] = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};
static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

static void put_number(char *out, int digits, unsigned value) {
    while (digits-- > 0) {
        out[digits] = (char)('0' + value % 10);
        value /= 10;
    }
}

/* strftime would ask the locale, and gmtime_r(3) takes a lock and five times as long. Years begin in March here: the
 * leap day is the last one, and 153 days are five months. */
void http1_date(time_t when, char out[HTTP1_DATE_SIZE]) {
    when = when < 0 ? 0 : when > YEAR_9999_END ? YEAR_9999_END : when;
    unsigned day = (unsigned)(when / 86400), second = (unsigned)(when % 86400);
    unsigned since_0 = day + 719468; /* 1 March 0000 */
    unsigned era = since_0 / 146097, of_era = since_0 % 146097;
    unsigned year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    unsigned of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    unsigned from_march = (5 * of_year + 2) / 153;
    unsigned month = from_march < 10 ? from_march + 2 : from_march - 10; /* 0: January */
    memcpy(out, "Sun, 06 Nov 1994 08:49:37 GMT", HTTP1_DATE_SIZE);
    memcpy(out, days[(day + 4) % 7], 3); /* 1 January 1970 was a Thursday */
    put_number(out + 5, 2, of_year - (153 * from_march + 2) / 5 + 1);
    memcpy(out + 8, months + (size_t)month * 3, 3);
    put_number(out + 12, 4, era * 400 + year_of_era + (month < 2));
    put_number(out + 17, 2, second / 3600);
    put_number(out + 20, 2, second / 60 % 60);
    put_number(out + 23, 2, second % 60);
}

/* Where the parts are; x stands for any byte. */
struct layout {
    const char *pattern;
    size_t day, month, year, year_digits, time;
};

static const struct layout imf_fixdate = {"xxx, xx xxx xxxx xx:xx:xx GMT", 5, 8, 12, 4, 17};
static const struct layout rfc850_date = {", xx-xxx-xx xx:xx:xx GMT", 2, 5, 9, 2, 12}; /* after its weekday */
static const struct layout asctime_date = {"xxx xxx xx xx:xx:xx xxxx", 8, 4, 20, 4, 11};

static bool fits(struct span text, const struct layout *layout) {
    if (text.n != strlen(layout->pattern))
        return false;
    for (size_t i = 0; i < text.n; i++)
        if (layout->pattern[i] != 'x' && layout->pattern[i] != text.p[i])
            return false;
    return true;
}

static bool is_weekday(struct span name, bool whole) {
    for (size_t i = 0; i < 7; i++)
        if (span_equal(name, span_of(days[i], whole ? strlen(days[i]) : 3)))
            return true;
    return false;
}

/* A number, or one that is out of every range. */
static int number_at(struct span text, size_t at, size_t digits) {
    uint64_t value;
    return span_number(span_of(text.p + at, digits), 9999, &value) == 0 ? (int)value : 10000;
}

static int month_at(struct span text, size_t at) {
    int month = 0;
    while (month < 12 && memcmp(months + (size_t)month * 3, text.p + at, 3) != 0)
        month++;
    return month;
}

/* RFC 9110, 5.6.7: a date that appears to be over 50 years ahead is the last one in the past that ends so. */
static int full_year(int two_digits, time_t now) {
    struct tm tm;
    gmtime_r(&now, &tm);
    int this_year = tm.tm_year + 1900, year = this_year - this_year % 100 + two_digits;
    return year > this_year + 50 ? year - 100 : year;
}

static int days_in(int month, int year) {
    static const uint8_t in[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return in[month] + (month == 1 && leap);
}

static int decode(struct span text, const struct layout *layout, time_t now, time_t *out) {
    bool padded = layout == &asctime_date && text.p[layout->day] == ' ';
    struct tm tm = {
        .tm_year = number_at(text, layout->year, layout->year_digits),
        .tm_mon = month_at(text, layout->month),
        .tm_mday = number_at(text, layout->day + padded, padded ? 1 : 2),
        .tm_hour = number_at(text, layout->time, 2),
        .tm_min = number_at(text, layout->time + 3, 2),
        .tm_sec = number_at(text, layout->time + 6, 2),
    };
    if (layout->year_digits == 2 && tm.tm_year < 100)
        tm.tm_year = full_year(tm.tm_year, now);
    if (tm.tm_year > 9999 || tm.tm_mon == 12 || tm.tm_mday == 0 ||
        tm.tm_mday > days_in(tm.tm_mon, tm.tm_year) || tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 60)
        return -EINVAL;
    tm.tm_year -= 1900;
    *out = timegm(&tm);
    return 0;
}

int http1_date_parse(struct span text, time_t now, time_t *out) {
    const struct layout *layout = fits(text, &imf_fixdate)    ? &imf_fixdate
                                  : fits(text, &asctime_date) ? &asctime_date
                                                              : NULL;
    if (layout)
        return is_weekday(span_of(text.p, 3), false) ? decode(text, layout, now, out) : -EINVAL;
    const char *comma = text.n ? memchr(text.p, ',', text.n) : NULL;
    size_t weekday = comma ? (size_t)(comma - text.p) : 0;
    struct span rest = span_of(text.p + weekday, text.n - weekday);
    if (!is_weekday(span_of(text.p, weekday), true) || !fits(rest, &rfc850_date))
        return -EINVAL;
    return decode(rest, &rfc850_date, now, out);
}
