/* Addresses: what is accepted prints as a text that reads back the same.
 *
 *     input: an address
 */
#include "tests/fuzz/fuzz.h"

#include "proto/address.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct address address, again;
    struct sockaddr_storage socket_address;
    socklen_t length;
    char text[ADDRESS_TEXT];
    char *bytes = fuzz_copy(data, size);
    const char *reason = address_parse(span_of(bytes, size), &address);
    free(bytes);
    if (reason)
        return 0;
    size_t n = address_print(&address, text, sizeof(text));
    fuzz_check(n < sizeof(text) && strlen(text) == n);
    fuzz_check(address_parse(span_of(text, n), &again) == NULL);
    fuzz_check(again.kind == address.kind && again.port == address.port);
    fuzz_check(strcmp(again.host, address.host) == 0 && strcmp(again.path, address.path) == 0);
    if (address_socket(&address, &socket_address, &length) == 0) {
        bool datagram = address.kind == ADDRESS_UDP || address.kind == ADDRESS_UNIXGRAM;
        fuzz_check(length <= sizeof(socket_address));
        fuzz_check(address_of_socket(&socket_address, length, datagram, &again) == 0);
        fuzz_check(again.kind == address.kind && again.port == address.port);
    }
    return 0;
}
