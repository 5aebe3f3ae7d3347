#include "tools/sluice/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void table_init(struct table *table, size_t columns) {
    *table = (struct table){.columns = columns};
}

void table_add(struct table *table, const char *text) {
    if (table->cells == table->room) {
        size_t room = table->room ? 2 * table->room : 64;
        char **texts = reallocarray(table->texts, room, sizeof(*texts));
        if (!texts) {
            table->failed = true;
            return;
        }
        table->texts = texts;
        table->room = room;
    }
    char *copy = strdup(text);
    if (!copy) {
        table->failed = true;
        return;
    }
    for (char *p = copy; *p; p++) {
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            *p = '?';
    }
    table->texts[table->cells++] = copy;
}

/* Characters, not bytes: continuation bytes of UTF-8 take no room. */
static int width_of(const char *text) {
    int width = 0;
    for (; *text; text++)
        width += ((unsigned char)*text & 0xC0) != 0x80;
    return width;
}

static bool is_number(const char *text) {
    return *text && strspn(text, "-+.,0123456789e") == strlen(text);
}

static int column_width(const struct table *table, size_t column) {
    int width = 0;
    for (size_t i = column; i < table->cells; i += table->columns) {
        int cell = width_of(table->texts[i]);
        width = cell > width ? cell : width;
    }
    return width;
}

static void print_cell(const char *text, int width, bool right, bool last) {
    int padding = width - width_of(text);
    if (right)
        printf("%*s%s", padding, "", text);
    else
        printf("%s%*s", text, last ? 0 : padding, "");
    fputs(last ? "\n" : "  ", stdout);
}

static void print_row(const struct table *table, size_t first, const int *widths, const char *indent) {
    /* A heading stands as its column does: the last row decides. */
    char *const *row = table->texts + first, *const *last = table->texts + table->cells - table->columns;
    fputs(indent, stdout);
    for (size_t i = 0; i < table->columns; i++)
        print_cell(row[i], widths[i], is_number(row[i]) || is_number(last[i]), i + 1 == table->columns);
}

bool table_print(struct table *table, const char *indent) {
    int *widths = calloc(table->columns + 1, sizeof(*widths));
    bool good = widths && !table->failed;
    for (size_t i = 0; good && i < table->columns; i++)
        widths[i] = column_width(table, i);
    for (size_t first = 0; good && first + table->columns <= table->cells && table->columns > 0;
         first += table->columns)
        print_row(table, first, widths, indent);
    for (size_t i = 0; i < table->cells; i++)
        free(table->texts[i]);
    free(table->texts);
    free(widths);
    return good;
}
