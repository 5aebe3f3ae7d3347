#include "handlers/http/json_value.h"

#include "proto/jsontext.h"

#include <math.h>
#include <stdlib.h>

#define SHORT 256 /* bytes of a string or number that needs no buffer of its own */

struct reading {
    struct span rest; /* of the text */
    unsigned flags;
    struct json_obstacle *obstacle;
};

static json_t *take_value(struct reading *reading);

static json_t *refuse(struct reading *reading, const char *why, const char *at) {
    *reading->obstacle = (struct json_obstacle){why, at};
    return NULL;
}

static void skip(struct reading *reading, size_t n) {
    reading->rest = span_of(reading->rest.p + n, reading->rest.n - n);
}

/* Passes over space, commas and colons: where they may stand has been checked. What follows; '\0' at the end. */
static char next(struct reading *reading) {
    while (reading->rest.n > 0 && strchr(" \t\r\n,:", *reading->rest.p))
        skip(reading, 1);
    return reading->rest.n > 0 ? *reading->rest.p : '\0';
}

/* A string, number or word. */
static struct span take_plain(struct reading *reading) {
    struct span plain = reading->rest;
    if (*plain.p == '"') {
        jsontext_element(&reading->rest, &plain);
        return plain;
    }
    plain.n = 1;
    while (plain.n < reading->rest.n && !strchr(" \t\r\n,]}", plain.p[plain.n]))
        plain.n++;
    skip(reading, plain.n);
    return plain;
}

/* Room for n bytes: the short one, or to be freed. NULL: no memory. */
static char *room_for(size_t n, char brief[static SHORT]) {
    return n <= SHORT ? brief : malloc(n);
}

static void leave_room(char *room, const char *brief) {
    if (room != brief)
        free(room);
}

static json_t *string_of(struct span quoted) {
    char brief[SHORT], *room = room_for(quoted.n, brief);
    if (!room)
        return NULL;
    json_t *string = json_stringn_nocheck(room, (size_t)jsontext_string(quoted, room, quoted.n));
    leave_room(room, brief);
    return string;
}

/* False: more than 64 bits. */
static bool whole_number(struct span digits, json_int_t *out) {
    bool negative = *digits.p == '-';
    *out = 0;
    for (size_t i = negative; i < digits.n; i++) {
        int digit = digits.p[i] - '0';
        if (__builtin_mul_overflow(*out, 10, out) ||
            __builtin_add_overflow(*out, negative ? -digit : digit, out))
            return false;
    }
    return true;
}

static json_t *number_of(struct reading *reading, struct span text) {
    char brief[SHORT], *room;
    json_int_t whole;
    bool real = memchr(text.p, '.', text.n) || memchr(text.p, 'e', text.n) || memchr(text.p, 'E', text.n);
    if (!real && whole_number(text, &whole))
        return json_integer(whole);
    if (!real && !(reading->flags & JSON_VALUE_REALS))
        return refuse(reading, "a whole number of more than 64 bits", text.p);
    room = room_for(text.n + 1, brief);
    if (!room)
        return NULL;
    memcpy(room, text.p, text.n);
    room[text.n] = '\0';
    double number = strtod(room, NULL);
    leave_room(room, brief);
    return isfinite(number) ? json_real(number) : refuse(reading, "a number beyond all doubles", text.p);
}

static json_t *take_array(struct reading *reading) {
    json_t *array = json_array();
    skip(reading, 1);
    while (array && next(reading) != ']') {
        json_t *element = take_value(reading);
        if (!element || json_array_append_new(array, element) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    skip(reading, 1);
    return array;
}

/* Takes a member into the object. False: an obstacle. */
static bool take_member(struct reading *reading, json_t *object) {
    struct span quoted = take_plain(reading);
    char brief[SHORT], *name = room_for(quoted.n, brief);
    if (!name)
        return false;
    size_t n = (size_t)jsontext_string(quoted, name, quoted.n);
    bool twice = reading->flags & JSON_VALUE_ONCE && json_object_getn(object, name, n);
    if (twice)
        refuse(reading, "a name is there twice", quoted.p);
    next(reading);
    json_t *value = twice ? NULL : take_value(reading);
    bool taken = value && json_object_setn_new_nocheck(object, name, n, value) == 0;
    leave_room(name, brief);
    return taken;
}

static json_t *take_object(struct reading *reading) {
    json_t *object = json_object();
    skip(reading, 1);
    while (object && next(reading) != '}') {
        if (!take_member(reading, object)) {
            json_decref(object);
            return NULL;
        }
    }
    skip(reading, 1);
    return object;
}

static json_t *take_value(struct reading *reading) {
    switch (jsontext_kind(reading->rest)) {
    case JSONTEXT_OBJECT:
        return take_object(reading);
    case JSONTEXT_ARRAY:
        return take_array(reading);
    case JSONTEXT_STRING:
        return string_of(take_plain(reading));
    case JSONTEXT_NUMBER:
        return number_of(reading, take_plain(reading));
    case JSONTEXT_TRUE:
        take_plain(reading);
        return json_true();
    case JSONTEXT_FALSE:
        take_plain(reading);
        return json_false();
    case JSONTEXT_NULL:
        take_plain(reading);
        return json_null();
    }
    return NULL;
}

json_t *json_value(struct span text, unsigned flags, struct json_obstacle *obstacle) {
    struct reading reading = {.rest = text, .flags = flags, .obstacle = obstacle};
    *obstacle = (struct json_obstacle){0};
    return take_value(&reading);
}
