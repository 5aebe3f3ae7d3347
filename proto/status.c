#include "proto/status.h"

#include <errno.h>

static const struct {
    const char *name, *meaning;
    int http, rpc;
} rows[] = {
#define STATUS(number, name, http, rpc, meaning) [number] = {#name, meaning, http, rpc},
#include "proto/status.def"
#undef STATUS
};

const char *status_name(unsigned status) {
    return status < STATUS_COUNT ? rows[status].name : "UNKNOWN";
}

const char *status_meaning(unsigned status) {
    return status < STATUS_COUNT ? rows[status].meaning : "unknown status";
}

int status_http(unsigned status) {
    return status < STATUS_COUNT ? rows[status].http : 500;
}

int status_rpc(unsigned status) {
    return status < STATUS_COUNT ? rows[status].rpc : -32603;
}

enum status status_of_errno(int error) {
    switch (error < 0 ? -error : error) {
    case 0:
        return STATUS_OK;
    case EACCES:
    case EPERM:
        return STATUS_DENIED;
    case ENOENT:
    case ENOTDIR:
    case ELOOP:
    case EXDEV:
    case ENAMETOOLONG:
        return STATUS_NOT_FOUND;
    case ENXIO:
    case EISDIR:
    case ENODEV:
        return STATUS_NOT_REGULAR;
    case EMFILE:
    case ENFILE:
    case ETOOMANYREFS:
        return STATUS_FD_LIMIT;
    case EAGAIN:
    case ENOBUFS:
    case ENOMEM:
    case EBUSY:
        return STATUS_BUSY;
    case ETIMEDOUT:
        return STATUS_TIMEOUT;
    case EFBIG:
    case E2BIG:
    case EMSGSIZE:
        return STATUS_TOO_LARGE;
    default:
        return STATUS_IO;
    }
}
