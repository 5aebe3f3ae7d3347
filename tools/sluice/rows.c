#include "tools/sluice/rows.h"

#include "tools/sluice/units.h"

#include <stdio.h>

void rows_add_value(struct table *table, const json_t *value, bool grouped) {
    char text[UNITS_TEXT];
    if (json_is_integer(value) && grouped)
        units_grouped(text, json_integer_value(value));
    else if (json_is_integer(value))
        snprintf(text, sizeof(text), "%lld", (long long)json_integer_value(value));
    else if (json_is_real(value))
        units_real(text, json_real_value(value));
    else
        snprintf(text, sizeof(text), "%s", json_is_true(value) ? "yes" : json_is_false(value) ? "no" : "-");
    table_add(table, json_is_string(value) ? json_string_value(value) : text);
}

void rows_add(struct table *table, json_t *columns, json_t *row, bool grouped) {
    const char *column;
    json_t *unused;
    json_object_foreach (columns, column, unused)
        rows_add_value(table, json_object_get(row, column), grouped);
}

void rows_add_heading(struct table *table, json_t *columns) {
    const char *column;
    json_t *unused;
    json_object_foreach (columns, column, unused)
        table_add(table, column);
}

/* NULL: no memory. */
static json_t *all_columns(json_t *rows) {
    size_t i;
    json_t *row, *columns = json_object();
    json_array_foreach (rows, i, row) {
        if (json_object_update_missing(columns, row) != 0) {
            json_decref(columns);
            return NULL;
        }
    }
    return columns;
}

bool rows_print(json_t *rows) {
    struct table table;
    size_t i;
    json_t *row, *columns = all_columns(rows);
    if (!columns)
        return false;
    table_init(&table, json_object_size(columns));
    rows_add_heading(&table, columns);
    json_array_foreach (rows, i, row)
        rows_add(&table, columns, row, false);
    json_decref(columns);
    return table_print(&table, "");
}
