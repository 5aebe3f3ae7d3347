/* Ids of MCP's sessions: who made them is known, and none is made or believed while libcrypto finds no memory. */
#include "handlers/mcp/session.h"

#include <check.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

static bool out_of_memory;

static void *allocate(size_t n, const char *file, int line) {
    (void)file, (void)line;
    return out_of_memory ? NULL : malloc(n);
}

static void *reallocate(void *old, size_t n, const char *file, int line) {
    (void)file, (void)line;
    return out_of_memory ? NULL : realloc(old, n);
}

static void release(void *memory, const char *file, int line) {
    (void)file, (void)line;
    free(memory);
}

static const uint8_t key[MCP_KEY] = "a key", other_key[MCP_KEY] = "another";
static const struct mcp_token token = {.version = 3, .can = MCP_CAN_ROOTS, .made = 1700000000, .nonce = 5};

START_TEST(ids_are_those_of_their_key)
{
    char id[MCP_ID_SIZE];
    struct mcp_token again;
    ck_assert(mcp_token_encode(&token, key, id));
    ck_assert(mcp_token_decode(span_text(id), key, &again));
    ck_assert(again.version == 3 && again.can == MCP_CAN_ROOTS && again.made == token.made &&
              again.nonce == 5);
    ck_assert(!mcp_token_decode(span_text(id), other_key, &again));
    for (size_t i = 0; id[i]; i++) {
        char was = id[i];
        id[i] = was == 'A' ? 'B' : 'A';
        ck_assert(!mcp_token_decode(span_text(id), key, &again));
        id[i] = was;
    }
}
END_TEST

START_TEST(without_memory_there_are_none)
{
    char id[MCP_ID_SIZE], other[MCP_ID_SIZE];
    struct mcp_token again;
    ck_assert(mcp_token_encode(&token, key, id));
    out_of_memory = true;
    bool made = mcp_token_encode(&token, key, other), believed = mcp_token_decode(span_text(id), key, &again);
    out_of_memory = false;
    ck_assert(!made && !believed);
    ck_assert(mcp_token_decode(span_text(id), key, &again));
}
END_TEST

int main(void) {
    if (!CRYPTO_set_mem_functions(allocate, reallocate, release)) /* before libcrypto has any */
        return EXIT_FAILURE;
    Suite *suite = suite_create("mcp session");
    TCase *tests = tcase_create("mcp session");
    tcase_add_test(tests, ids_are_those_of_their_key);
    tcase_add_test(tests, without_memory_there_are_none);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
