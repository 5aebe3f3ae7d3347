/* Influx line protocol: measurement[,tag=value...] field=value[,field=value...] [timestamp]
 * (docs.influxdata.com, "Line protocol syntax"). Pure; unescapes in place.
 *
 * As in InfluxDB, a backslash stands for itself unless one of the escaped characters follows, and a string ends only at
 * its closing quote, even if that is lines later: the content of a string is never taken for a line of its own. */
#ifndef SLUICE_PROTO_INFLUX_H
#define SLUICE_PROTO_INFLUX_H

#include "proto/metric_line.h"
#include "proto/sample.h"

#define INFLUX_FIELDS 256

enum influx_kind { INFLUX_NUMBER, INFLUX_BOOLEAN, INFLUX_STRING };

struct influx_field {
    struct span key;
    enum influx_kind kind;
    double value;  /* of a boolean 0 or 1 */
    size_t column; /* of the value */
};

struct influx_point {
    struct span measurement;
    unsigned tags_n, fields_n;
    struct sample_label tags[SAMPLE_LABELS];
    struct influx_field fields[INFLUX_FIELDS];
    bool has_time;
    int64_t time; /* in the request's precision */
    size_t time_column;
};

/* Reads a line without its end. False: line->error says why, and where. */
bool influx_read(struct metric_line *line, struct influx_point *out);

#endif
