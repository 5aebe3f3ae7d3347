#include "tools/sluiced/arguments.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* A run of arguments_read() on a file and a command line; FILE in expected texts stands for the file's path.
 */
static struct daemon_config config;
static char path[] = "/tmp/sluice-test-config-XXXXXX";
static char directory[] = "/tmp/sluice-test-root-XXXXXX";
static char *printed, *messages;

/* Some machines have no limit that two million descriptors would exceed. */
static void limit_descriptors(void) {
    struct rlimit limit;
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    if (limit.rlim_max > 20000)
        limit.rlim_max = 20000;
    if (limit.rlim_cur > limit.rlim_max)
        limit.rlim_cur = limit.rlim_max;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static void setup(void) {
    limit_descriptors();
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    close(fd);
    ck_assert_ptr_nonnull(mkdtemp(directory));
    ck_assert_int_eq(config_init(&config), 0);
}

static void teardown(void) {
    config_free(&config);
    free(printed);
    free(messages);
    printed = messages = NULL;
    unlink(path);
    rmdir(directory);
}

static enum arguments_outcome read_arguments(int argc, char **argv) {
    size_t printed_size, messages_size;
    free(printed);
    free(messages);
    config_free(&config); /* a command line starts from the defaults */
    ck_assert_int_eq(config_init(&config), 0);
    FILE *out = open_memstream(&printed, &printed_size), *err = open_memstream(&messages, &messages_size);
    enum arguments_outcome outcome = arguments_read(&config, argc, argv, out, err);
    fclose(out);
    fclose(err);
    return outcome;
}

/* Splits a command line at its spaces. */
static enum arguments_outcome run(const char *line) {
    char copy[1000], *argv[40] = {(char *)(uintptr_t) "sluiced"};
    int argc = 1;
    snprintf(copy, sizeof copy, "%s", line);
    for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
        argv[argc++] = word;
    return read_arguments(argc, argv);
}

static enum arguments_outcome run_file(const char *text, const char *more) {
    char line[1000];
    FILE *file = fopen(path, "w");
    fputs(text, file);
    fclose(file);
    snprintf(line, sizeof line, "-c %s %s", path, more);
    return run(line);
}

/* The messages are exactly this, after FILE has been replaced. */
static void told(const char *expected) {
    char text[4000] = "";
    size_t n = 0;
    for (const char *p = expected; *p;) {
        if (strncmp(p, "FILE", 4) == 0) {
            n += (size_t)snprintf(text + n, sizeof text - n, "%s", path);
            p += 4;
        } else {
            text[n++] = *p++;
            text[n] = 0;
        }
    }
    ck_assert_str_eq(messages, text);
}

static void refused(const char *text, const char *expected) {
    ck_assert_msg(run_file(text, "--listen unix:@x") == ARGUMENTS_BAD, "taken: %s", text);
    told(expected);
    config_free(&config);
    ck_assert_int_eq(config_init(&config), 0);
}

START_TEST(command_line_sets_every_form)
{
    ck_assert_int_eq(
        run("--listen tcp:127.0.0.1:0 --pool 3 --uring=off --handler-threads 5 --fd_window=9 --log warn"),
        ARGUMENTS_RUN);
    ck_assert_int_eq(config.offload.pool, 3);
    ck_assert_int_eq(config.offload.uring, URING_OFF);
    ck_assert_int_eq(config.offload.handler_threads, 5);
    ck_assert_int_eq(config.reactor.fd_window, 9);
    ck_assert_int_eq(config.reactor.log, 2);
    ck_assert_str_eq(config_where(&config, "fd_window"), "--fd_window");
    ck_assert_ptr_null(config_where(&config, "pipes"));
    told("");
}
END_TEST

START_TEST(a_flag_may_stand_alone)
{
    ck_assert_int_eq(run("--demo-routes --listen unix:@x --sendfile off --http-objects"), ARGUMENTS_RUN);
    told("");
    ck_assert(config.http.demo_routes);
    ck_assert(!config.objects.sendfile);
    ck_assert(config.http.http_objects);
    config_free(&config);
    ck_assert_int_eq(config_init(&config), 0);
    ck_assert_int_eq(run("--listen unix:@x --demo-routes no"), ARGUMENTS_RUN);
    ck_assert(!config.http.demo_routes);
}
END_TEST

START_TEST(command_line_errors_name_the_option)
{
    ck_assert_int_eq(run("--frobnicate 3"), ARGUMENTS_BAD);
    told("sluiced: --frobnicate: no such option; sluiced --help lists them\n");
    ck_assert_int_eq(run("-pool 3"), ARGUMENTS_BAD);
    told("sluiced: -pool: no such option; sluiced --help lists them\n");
    ck_assert_int_eq(run("word"), ARGUMENTS_BAD);
    told("sluiced: word: no such option; sluiced --help lists them\n");
    ck_assert_int_eq(run("--check=yes"), ARGUMENTS_BAD);
    told("sluiced: --check=yes: no such option; sluiced --help lists them\n");
    ck_assert_int_eq(run("--listen unix:@x --pool"), ARGUMENTS_BAD);
    told("sluiced: --pool: a value is missing\n");
    ck_assert_int_eq(run("--listen unix:@x --pool 300"), ARGUMENTS_BAD);
    told("sluiced: --pool: 300 is out of range 0..256\n");
    ck_assert_int_eq(run("-c a -c b"), ARGUMENTS_BAD);
    told("sluiced: --config: given twice\n");
}
END_TEST

START_TEST(no_listener_is_an_error)
{
    ck_assert_int_eq(run("--root /"), ARGUMENTS_BAD);
    told("sluiced: --listen: no listener: give one here or in the file, like unix:/run/sluice.sock\n");
}
END_TEST

START_TEST(file_sets_options_and_sections)
{
    char text[500];
    snprintf(text, sizeof text,
             "pool = 2  # two\nspot_budget = 0.5\nchunk = 64k\n"
             "root \"models\" { path = \"%s\" }\n"
             "listen \"tcp:*:0\" {\n protocols = {\"slc\", \"http\"}\n admin = false\n allow = "
             "{\"10.0.0.0/8\"}\n}\n"
             "listen 'unix:@y' { mode = 0600 allow_uid = {1000, 1001} }\n",
             directory);
    ck_assert_int_eq(run_file(text, ""), ARGUMENTS_RUN);
    told("");
    ck_assert_int_eq(config.offload.pool, 2);
    ck_assert_double_eq(config.offload.spot_budget, 0.5);
    ck_assert_uint_eq(config.reactor.bytes_connection, 2 * 65536);
    ck_assert_uint_eq(config.roots_count, 1);
    ck_assert_str_eq(config.roots[0].name, "models");
    ck_assert_str_eq(config.roots[0].path, directory);
    ck_assert_uint_eq(config.listens_count, 2);
    ck_assert_str_eq(config.listens[0].address, "tcp:*:0");
    ck_assert_str_eq(config.listens[0].protocols, "slc,http");
    ck_assert_int_eq(config.listens[0].admin, LISTEN_ADMIN_NO);
    ck_assert_str_eq(config.listens[1].address, "unix:@y");
    ck_assert_str_eq(config.listens[1].mode, "0600");
    ck_assert_str_eq(config.listens[1].allow_uid, "1000,1001");
    ck_assert_int_eq(config.listens[1].backlog, 4096);
}
END_TEST

START_TEST(command_line_overrides_the_file_and_adds_listeners)
{
    char more[200];
    snprintf(more, sizeof more, "--pool 4 --root %s --listen unix:@one --listen unix:@two", directory);
    ck_assert_int_eq(run_file("pool = 2\nroot '' { path = /nowhere }\nlisten 'unix:@file' { }\n", more),
                     ARGUMENTS_RUN);
    told("");
    ck_assert_int_eq(config.offload.pool, 4);
    ck_assert_uint_eq(config.listens_count, 3);
    ck_assert_str_eq(config.listens[0].address, "unix:@one");
    ck_assert_str_eq(config.listens[1].address, "unix:@two");
    ck_assert_str_eq(config.listens[2].address, "unix:@file");
    ck_assert_uint_eq(config.roots_count, 1);
    ck_assert_str_eq(config.roots[0].path, directory);
    ck_assert_str_eq(config.roots[0].where, "--root");
}
END_TEST

START_TEST(empty_file_is_fine)
{
    ck_assert_int_eq(run_file("", "--listen unix:@x"), ARGUMENTS_RUN);
    told("");
}
END_TEST

START_TEST(byte_order_mark_is_passed_over)
{
    ck_assert_int_eq(run_file("\xef\xbb\xbfpool = 2\r\n", "--listen unix:@x"), ARGUMENTS_RUN);
    told("");
    ck_assert_int_eq(config.offload.pool, 2);
}
END_TEST

/* What would end a start is told by --check, at its line. */
START_TEST(files_that_cannot_be_are_told)
{
    static const char *const cases[][2] = {
        {"access_log = json\naccess_log_file = '/nonexistent/log'\n",
         "FILE:2: access_log_file: /nonexistent/log: No such file or directory\n"},
        {"mcp_key_file = '/nonexistent'\n",
         "FILE:1: mcp_key_file: /nonexistent: No such file or directory\n"},
        {"ingest { path = '/nonexistent/log/' }\n",
         "FILE:1: ingest: path /nonexistent/log/: No such file or directory\n"},
        {"ingest { path = '/etc/passwd' }\n", "FILE:1: ingest: path /etc/passwd: Not a directory\n"},
        {"mcp = no\nmcp_key_file = '/nonexistent'\naccess_log_file = '/nonexistent/log'\n", ""},
        {"ingest { path = '/tmp/sluice-new/' }\n", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bool good = !*cases[i][1];
        ck_assert_int_eq(run_file(cases[i][0], "--check --listen unix:@x"),
                         good ? ARGUMENTS_DONE : ARGUMENTS_BAD);
        told(cases[i][1]);
        ck_assert_int_eq(run_file(cases[i][0], "--listen unix:@x"), ARGUMENTS_RUN);
    }
    refused("index = '/index.html'\n", "FILE:1: index: a key does not start with /\n");
}
END_TEST

START_TEST(variables_of_the_environment_stand_in_double_quotes)
{
    setenv("SLUICE_TEST_CPUS", "0", 1);
    ck_assert_int_eq(run_file("pool_cpus = \"${SLUICE_TEST_CPUS}\"", "--listen unix:@x"), ARGUMENTS_RUN);
    refused("pool_cpus = '${SLUICE_TEST_CPUS}'", "FILE:1: pool_cpus: not a list of CPUs like 0,2-3\n");
    refused("pool_cpus = \"\\${SLUICE_TEST_CPUS}\"", "FILE:1: pool_cpus: not a list of CPUs like 0,2-3\n");
}
END_TEST

START_TEST(file_of_comments_is_fine)
{
    ck_assert_int_eq(run_file("# nothing", "--listen unix:@x"), ARGUMENTS_RUN);
    told("");
}
END_TEST

START_TEST(syntax_errors_have_line_and_reason)
{
    refused("pool = 2\n\nfrob = 1\n", "FILE:3: no such option 'frob'\n");
    refused("listen 'unix:@a' {\n  frob = 1\n}\n", "FILE:2: no such option 'frob'\n");
    refused("frob 'x' { }\n", "FILE:1: no such option 'frob'\n");
    refused("backlog = 1\n", "FILE:1: no such option 'backlog'; it stands in a section: listen, tunnel\n");
    refused("listen 'unix:@a' {\n  pool = 1\n}\n",
            "FILE:2: no such option 'pool'; it stands outside of sections\n");
    refused("listen 'unix:@a' {\n  root 'x' { }\n}\n",
            "FILE:2: no such option 'root'; it stands outside of sections\n");
    refused("root 'x' { backlog = 1 }\n",
            "FILE:1: no such option 'backlog'; it stands in a section: listen, tunnel\n");
    refused("queue-depth = 1\n", "FILE:1: no such option 'queue-depth'; in a file it is queue_depth\n");
    refused("listen 'unix:@a' { send-buffer = 1 }\n",
            "FILE:1: no such option 'send-buffer'; in a file it is send_buffer\n");
    refused("pool = 2\npool = {1, 2}\n", "FILE:2: unexpected token '{'\n");
    refused("pool 2\n", "FILE:1: missing equal sign after option 'pool'\n");
    refused("listen { }\n", "FILE:1: missing title for section 'listen'\n");
    refused("listen 'unix:@a' { } }\n", "FILE:1: unexpected closing brace\n");
    refused("listen 'unix:@a' {\n}\nlisten 'unix:@b' {\n", "FILE:3: section or list without end\n");
    refused("pool =", "FILE:1: premature end of file\n");
    refused("pool_cpus = \"1", "FILE:1: string without end\n");
    refused("listen 'unix:@a' { ' start' = 3 }", "FILE:1: no such option ' start'\n");
}
END_TEST

START_TEST(wrong_values_have_line_and_reason)
{
    refused("\npool = many\n", "FILE:2: pool: 'many' is not a whole number, like 16\n");
    refused("\n\nuring = maybe\n", "FILE:3: uring: 'maybe' is not one of: auto off require\n");
    refused("chunk = 1k\n", "FILE:1: chunk: 1k is out of range 16k..4m\n");
    refused("listen 'unix:@a' {\n\n  backlog = -1\n}\n",
            "FILE:3: backlog: '-1' is not a whole number, like 16\n");
    refused("listen 'unix:@a' {\n  nodelay = 2\n}\n", "FILE:2: nodelay: '2' is neither yes nor no\n");
    refused("listen 'unix:@a' {\n  protocols = {'slc', 'gopher'}\n}\n",
            "FILE:2: protocols: 'gopher' is not one of: slc,http,rpc,mcp\n");
    refused("\nprecompressed = {'gz', 'lz'}\n", "FILE:2: precompressed: 'lz' is not one of: br,zst,gz\n");
}
END_TEST

START_TEST(only_the_first_syntax_error_is_told)
{ refused("frob = a\nfrob = b\n", "FILE:1: no such option 'frob'\n"); }
END_TEST

START_TEST(wrong_values_do_not_hide_what_follows)
{
    refused("pool = a\nchunk = b\nroot 'm' { path = '/nonexistent' }\n",
            "FILE:1: pool: 'a' is not a whole number, like 16\n"
            "FILE:2: chunk: 'b' is not a size, like 16384, 16k, 64m or 1g\n"
            "FILE:3: root 'm': path /nonexistent: No such file or directory\n");
    refused("pool = a\nfrob = b\nroot 'm' { }\n",
            "FILE:1: pool: 'a' is not a whole number, like 16\nFILE:2: no such option 'frob'\n");
}
END_TEST

START_TEST(an_option_has_one_value)
{
    refused("pool = 1\npool = 2\n", "FILE:2: pool: has a value already\n");
    refused("listen 'unix:@a' { allow = {'::1'}\n allow = {'::2'} }\n",
            "FILE:2: allow: has a value already\n");
}
END_TEST

START_TEST(repeated_titles_are_errors)
{
    refused("listen 'unix:@a' { }\nlisten 'unix:@b' { }\nlisten 'unix:@a' { }\n",
            "FILE:3: found duplicate title 'unix:@a'\n");
}
END_TEST

START_TEST(comments_do_not_move_lines)
{
    refused("/* one */ pool = 1\n/* two\n three */\n# /* four\n// five\nfrob = 1\n",
            "FILE:6: no such option 'frob'\n");
    refused("pool_cpus = \"/* no\ncomment */\"\nfrob = 1\n", "FILE:3: no such option 'frob'\n");
    refused("pool = 1\n/* open\n", "FILE:2: comment without end\n");
}
END_TEST

START_TEST(all_semantic_errors_are_told_with_their_sections_line)
{
    char text[1000], expected[2000];
    snprintf(text, sizeof text,
             "root 'a' {\n path = /nowhere/at/all\n}\n"
             "root 'b' { path = '%s' }\n"
             "root 'c' { }\n"
             "root 'd/e' { path = '%s' }\n"
             "listen 'tcp:127.0.0.1' { }\n"
             "listen 'unix:@u' {\n mode = 999\n owner = 'no such user'\n allow = {'10.0.0.0/33'}\n}\n"
             "loop_cpus = one\n",
             path, directory);
    snprintf(expected, sizeof expected,
             "FILE:1: root 'a': path /nowhere/at/all: No such file or directory\n"
             "FILE:4: root 'b': path %s is not a directory\n"
             "FILE:5: root 'c': path is missing\n"
             "FILE:6: root 'd/e': a root's name is one part of a key, without /\n"
             "FILE:7: listen 'tcp:127.0.0.1': expected HOST:PORT\n"
             "FILE:8: listen 'unix:@u': mode: '999' is no octal file mode like 0660\n"
             "FILE:8: listen 'unix:@u': owner: 'no such user' is no user\n"
             "FILE:8: listen 'unix:@u': allow: '10.0.0.0/33' is no network like 10.0.0.0/8 or 2001:db8::/32\n"
             "FILE:13: loop_cpus: not a list of CPUs like 0,2-3\n",
             path);
    refused(text, expected);
}
END_TEST

START_TEST(limits_that_do_not_fit_are_refused)
{
    ck_assert_int_eq(run("--listen unix:@x --connections 1000000 --open-files 1000000"), ARGUMENTS_BAD);
    ck_assert_ptr_nonnull(strstr(messages, "connections 1000000 + open_files 1000000 + "));
    ck_assert_int_eq(run("--listen unix:@x --connections 10 --open-files 10 --threads-max 2"), ARGUMENTS_BAD);
    told("sluiced: --threads-max: 2 are too few, the least is 5\n");
}
END_TEST

START_TEST(unreadable_files_are_told)
{
    char line[200], expected[200];
    ck_assert_int_eq(run("-c /nowhere/at/all"), ARGUMENTS_BAD);
    told("sluiced: /nowhere/at/all: No such file or directory\n");
    snprintf(line, sizeof line, "-c %s", directory);
    snprintf(expected, sizeof expected, "sluiced: %s: Is a directory\n", directory);
    ck_assert_int_eq(run(line), ARGUMENTS_BAD);
    told(expected);
}
END_TEST

START_TEST(actions_print_and_end)
{
    ck_assert_int_eq(run("--help"), ARGUMENTS_DONE);
    ck_assert_ptr_nonnull(strstr(printed, "--handler-threads N"));
    ck_assert_int_eq(run("--version"), ARGUMENTS_DONE);
    ck_assert_int_eq(strncmp(printed, "sluiced ", 8), 0);
    ck_assert_int_eq(run("--options"), ARGUMENTS_DONE);
    ck_assert_ptr_nonnull(strstr(printed, "| `uring` | auto\\|off\\|require | auto | "));
    told("");
}
END_TEST

START_TEST(restrictions_of_other_sockets_are_told)
{
    ck_assert_int_eq(
        run_file("listen 'unix:@a' { allow = {'10.0.0.0/8'} }\nlisten 'tcp:*:0' { allow_uid = {0} }\n"
                 "listen 'unix:@b' { mode = '0660' }\nlisten 'unix:/b' { mode = '0600' }\n",
                 "--check"),
        ARGUMENTS_DONE);
    told("");
    ck_assert_ptr_nonnull(strstr(printed, ":1: allow is for TCP: nobody is kept out of 'unix:@a' by it\n"));
    ck_assert_ptr_nonnull(
        strstr(printed,
               ":2: allow_uid and allow_gid are for Unix sockets: nobody is kept out of 'tcp:*:0' by it\n"));
    ck_assert_ptr_nonnull(
        strstr(printed, ":3: mode is for files of Unix sockets: nobody is kept out of 'unix:@b' by it\n"));
    ck_assert_ptr_null(strstr(printed, ":4: mode"));
}
END_TEST

/* What --check prints is a configuration file that says the same. */
START_TEST(check_prints_a_file_that_reads_as_itself)
{
    char text[500], *first;
    snprintf(text, sizeof text,
             "spot_budget = 0.25\nroot 'a \\\\ b' { path = '%s' }\n"
             "listen 'tcp:127.0.0.1:0' { allow = {'10.0.0.0/8', '::1'} owner = root admin = yes }\n",
             directory);
    ck_assert_int_eq(run_file(text, "--check --pool 3 --listen unix:@x"), ARGUMENTS_DONE);
    told("");
    ck_assert_ptr_null(strstr(printed, "nobody is kept out"));
    ck_assert_ptr_nonnull(strstr(printed, "\npool = 3                          # --pool\n"));
    ck_assert_ptr_nonnull(strstr(printed, "# threads: loop 1 + files 3 + handlers "));
    ck_assert_ptr_nonnull(strstr(printed, "# descriptors: connections "));
    first = printed;
    printed = NULL;
    config_free(&config);
    ck_assert_int_eq(config_init(&config), 0);
    ck_assert_int_eq(run_file(first, "--check"), ARGUMENTS_DONE);
    told("");
    for (char *a = first, *b = printed; *a || *b;) { /* but for the comments */
        size_t n = strcspn(a, "#\n"), m = strcspn(b, "#\n");
        ck_assert_uint_eq(n, m);
        ck_assert_int_eq(memcmp(a, b, n), 0);
        a += strcspn(a, "\n") + 1;
        b += strcspn(b, "\n") + 1;
    }
    free(first);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("config");
    TCase *reading = tcase_create("reading");
    tcase_add_checked_fixture(reading, setup, teardown);
    tcase_add_test(reading, command_line_sets_every_form);
    tcase_add_test(reading, a_flag_may_stand_alone);
    tcase_add_test(reading, command_line_errors_name_the_option);
    tcase_add_test(reading, no_listener_is_an_error);
    tcase_add_test(reading, file_sets_options_and_sections);
    tcase_add_test(reading, command_line_overrides_the_file_and_adds_listeners);
    tcase_add_test(reading, empty_file_is_fine);
    tcase_add_test(reading, variables_of_the_environment_stand_in_double_quotes);
    tcase_add_test(reading, file_of_comments_is_fine);
    tcase_add_test(reading, byte_order_mark_is_passed_over);
    tcase_add_test(reading, files_that_cannot_be_are_told);
    tcase_add_test(reading, syntax_errors_have_line_and_reason);
    tcase_add_test(reading, wrong_values_have_line_and_reason);
    tcase_add_test(reading, only_the_first_syntax_error_is_told);
    tcase_add_test(reading, wrong_values_do_not_hide_what_follows);
    tcase_add_test(reading, an_option_has_one_value);
    tcase_add_test(reading, repeated_titles_are_errors);
    tcase_add_test(reading, comments_do_not_move_lines);
    tcase_add_test(reading, all_semantic_errors_are_told_with_their_sections_line);
    tcase_add_test(reading, limits_that_do_not_fit_are_refused);
    tcase_add_test(reading, unreadable_files_are_told);
    tcase_add_test(reading, actions_print_and_end);
    tcase_add_test(reading, restrictions_of_other_sockets_are_told);
    tcase_add_test(reading, check_prints_a_file_that_reads_as_itself);
    suite_add_tcase(suite, reading);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
