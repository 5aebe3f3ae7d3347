#include "handlers/objects/resident.h"

#include "offload/offload.h"

bool resident_has(struct resident *resident, struct offload *offload, const struct object *object,
                  uint64_t offset, size_t n, int64_t now_ns) {
    uint64_t version = object->fields.version, end = offset + n;
    struct resident_range *range = &resident->ranges[version % RESIDENT_RANGES];
    bool valid = range->version == version && now_ns - range->asked_ns < RESIDENT_VALID_NS;
    if (valid && range->from <= offset && end <= range->to)
        return true;
    if (!offload_resident(offload, object->fd, object->device, offset, n))
        return false;
    if (valid && range->from <= end && offset <= range->to) {
        range->from = offset < range->from ? offset : range->from;
        range->to = end > range->to ? end : range->to;
    } else {
        *range = (struct resident_range){version, offset, end, now_ns};
    }
    return true;
}
