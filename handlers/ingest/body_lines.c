#include "handlers/ingest/body_lines.h"

static char *line_end(char *at, char *most) {
    char *end = memchr(at, '\n', (size_t)(most - at));
    return end ? end : most;
}

void body_lines_each(struct decoding *decoding, struct span body,
                     void (*read)(struct body_line *line, void *context), void *context) {
    struct body_line line = {.decoding = decoding};
    char *at = (char *)(uintptr_t)body.p, *most = at + body.n;
    for (uint32_t number = 1; at < most; number++) {
        char *end = line_end(at, most);
        line.number = number;
        line.text = metric_line_of(at, (size_t)(end - at) - (end > at && end[-1] == '\r'));
        line.text.most = most;
        if (line.text.end > at)
            read(&line, context);
        for (; end < line.text.end; number++) /* the reader found it to be longer */
            end = line_end(end + 1, most);
        at = end + (end < most);
    }
}

void body_line_refuse(const struct body_line *line, size_t column, enum refusal code, const char *message) {
    struct place place = {.is_line = true, .number = line->number, .column = (uint32_t)column};
    decoding_refuse(line->decoding, &place, code, message);
}

static size_t column_of(const struct body_line *line, const struct fault *fault,
                        struct body_line_columns columns) {
    const char *label = fault->label.p;
    if (fault->part == PART_VALUE)
        return columns.value;
    if (fault->part == PART_TIME)
        return columns.time;
    return label && label >= line->text.start && label <= line->text.end
               ? (size_t)(label - line->text.start) + 1
               : 1;
}

void body_line_take(const struct body_line *line, struct sample *sample, struct body_line_columns columns) {
    struct fault fault;
    if (!decoding_take(line->decoding, sample, line->number, &fault))
        body_line_refuse(line, column_of(line, &fault, columns), fault.code, fault.message);
}

void body_line_label(struct sample *sample, const struct sample_label *labels, unsigned n) {
    memcpy(sample->labels, labels, n * sizeof(*labels));
    sample->labels_n = n;
}
