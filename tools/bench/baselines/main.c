/* The study's concurrency models, doing the same work: for comparison with sluiced, never for use.
 *
 *     baselines --model NAME [--pool-size N] [--work objects|ingest] ROOT ADDRESS
 *                                  says "ready: ADDRESS" on stderr; serves F and C, or takes metrics */
#include "tools/bench/baselines/ingest.h"
#include "tools/bench/baselines/model.h"
#include "tools/nofile.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXIT_USAGE 2

static const struct model *const models[] = {&thread_per_request, &thread_per_connection, &connection_pool,
                                             &request_pool,       &work_stealing,         &bare_epoll};
#define MODELS (sizeof(models) / sizeof(models[0]))

static const struct model *find_model(const char *name) {
    for (size_t i = 0; name && i < MODELS; i++)
        if (strcmp(models[i]->name, name) == 0)
            return models[i];
    return NULL;
}

static int usage(FILE *out, int status) {
    fprintf(out, "usage: baselines --model MODEL [--pool-size N] [--work objects|ingest] ROOT ADDRESS\n"
                 "Serves fdpass and copy of the object protocol, or takes POSTed metrics, by one of these "
                 "models, for\n"
                 "comparison only:\n");
    for (size_t i = 0; i < MODELS; i++)
        fprintf(out, "  %-22s %s\n", models[i]->name, models[i]->help);
    return status;
}

int main(int argc, char **argv) {
    static const struct option options[] = {{"model", required_argument, NULL, 'm'},
                                            {"pool-size", required_argument, NULL, 'p'},
                                            {"work", required_argument, NULL, 'w'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    struct service service = {.threads = 8, .work = service_objects};
    const struct model *model = NULL;
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) >= 0;) {
        if (option == 'm')
            model = find_model(optarg);
        else if (option == 'p')
            service.threads = (unsigned)strtoul(optarg, NULL, 10);
        else if (option == 'w')
            service.work = strcmp(optarg, "objects") == 0  ? service_objects
                           : strcmp(optarg, "ingest") == 0 ? ingest_work
                                                           : NULL;
        else
            return usage(option == 'h' ? stdout : stderr, option == 'h' ? EXIT_SUCCESS : EXIT_USAGE);
    }
    if (!model || service.threads == 0 || !service.work || argc - optind != 2)
        return usage(stderr, EXIT_USAGE);
    signal(SIGPIPE, SIG_IGN);
    nofile_raise();
    service_open(&service, argv[optind], argv[optind + 1]);
    if (service.work == ingest_work)
        ingest_open(&service);
    model->run(&service);
    return EXIT_SUCCESS;
}
