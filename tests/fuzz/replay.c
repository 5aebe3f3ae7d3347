/* Feeds files to a fuzz target without libFuzzer: every file of the directories given, and every file given.
 * Exit status 1 if there was none or one could not be read; the target itself aborts. */
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <sys/stat.h>

static unsigned long inputs;

/* The whole file, to be freed; NULL if it cannot be read. */
static uint8_t *read_file(FILE *file, size_t *size) {
    struct stat status;
    if (fstat(fileno(file), &status) < 0)
        return NULL;
    *size = (size_t)status.st_size;
    uint8_t *data = malloc(*size ? *size : 1);
    if (data && fread(data, 1, *size, file) == *size)
        return data;
    free(data);
    return NULL;
}

static int replay_file(const char *path) {
    size_t size = 0;
    FILE *file = fopen(path, "rb");
    uint8_t *data = file ? read_file(file, &size) : NULL;
    if (!data)
        fprintf(stderr, "%s: %s\n", path, errno ? strerror(errno) : "changed while it was read");
    if (file)
        fclose(file);
    if (!data)
        return 1;
    LLVMFuzzerTestOneInput(data, size);
    free(data);
    inputs++;
    return 0;
}

static int replay_directory(const char *path) {
    struct dirent **entries;
    int failed = 0, n = scandir(path, &entries, NULL, alphasort);
    if (n < 0) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return 1;
    }
    for (int i = 0; i < n; i++) {
        char file[4096];
        snprintf(file, sizeof(file), "%s/%s", path, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.') /* also .gitkeep */
            failed |= replay_file(file);
        free(entries[i]);
    }
    free(entries);
    return failed;
}

int main(int argc, char **argv) {
    int failed = 0;
    for (int i = 1; i < argc; i++) {
        struct stat status;
        bool directory = stat(argv[i], &status) == 0 && S_ISDIR(status.st_mode);
        failed |= directory ? replay_directory(argv[i]) : replay_file(argv[i]);
    }
    printf("%lu inputs replayed\n", inputs);
    return failed || inputs == 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
