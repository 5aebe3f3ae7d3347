#include "proto/chars.h"

#include <errno.h>

#define DIGIT(c)      ((c) >= '0' && (c) <= '9')
#define ALPHA(c)      (((c) | 0x20) >= 'a' && ((c) | 0x20) <= 'z')
#define VISIBLE(c)    ((c) > 0x20 && (c) < 0x7f)
#define SPACE(c)      ((c) == '\t' || (c) == ' ')
#define UNRESERVED(c) (DIGIT(c) || ALPHA(c) || (c) == '-' || (c) == '.' || (c) == '_' || (c) == '~')
#define TOKEN(c)                                                                                             \
    (UNRESERVED(c) || (c) == '!' || ((c) >= '#' && (c) <= '\'') || (c) == '*' || (c) == '+' || (c) == '^' || \
     (c) == '`' || (c) == '|')
#define VALUE(c) (SPACE(c) || VISIBLE(c) || (c) >= 0x80)
/* RFC 3986 wants [ ] ^ ` { | } encoded too, but browsers send them as they are and they delimit nothing. A fragment is
 * never sent (RFC 9112, 3.2), and some recipients take a backslash for a slash. */
#define TARGET(c) (VISIBLE(c) && (c) != '#' && (c) != '"' && (c) != '<' && (c) != '>' && (c) != '\\')
#define ETAG(c)   ((VISIBLE(c) && (c) != '"') || (c) >= 0x80)

#define CLASSES(c)                                                                                           \
    (TOKEN(c) ? CHAR_TOKEN : 0) | (VALUE(c) ? CHAR_VALUE : 0) | (TARGET(c) ? CHAR_TARGET : 0) |              \
        (UNRESERVED(c) ? CHAR_UNRESERVED : 0) | (ETAG(c) ? CHAR_ETAG : 0) | (SPACE(c) ? CHAR_SPACE : 0) |    \
        (DIGIT(c) ? CHAR_DIGIT : 0)
#define FOUR(c)       CLASSES(c), CLASSES(c + 1), CLASSES(c + 2), CLASSES(c + 3)
#define SIXTEEN(c)    FOUR(c), FOUR(c + 4), FOUR(c + 8), FOUR(c + 12)
#define SIXTY_FOUR(c) SIXTEEN(c), SIXTEEN(c + 16), SIXTEEN(c + 32), SIXTEEN(c + 48)

const uint8_t char_classes[256] = {SIXTY_FOUR(0), SIXTY_FOUR(64), SIXTY_FOUR(128), SIXTY_FOUR(192)};

int span_number(struct span digits, uint64_t max, uint64_t *out) {
    uint64_t value = 0;
    if (digits.n == 0 || char_run(digits.p, digits.n, CHAR_DIGIT) != digits.n)
        return -EINVAL;
    for (size_t i = 0; i < digits.n; i++) {
        uint64_t digit = (uint64_t)(digits.p[i] - '0');
        if (digit > max || value > (max - digit) / 10)
            return -ERANGE;
        value = value * 10 + digit;
    }
    *out = value;
    return 0;
}
