"""Modules of handlers: what keeps them from being loaded, and the example, built as somebody else would."""
import atexit
import functools
import json
import shutil
import tempfile
import unittest

from case import Case
from daemon import run_sluiced
from http1 import HttpClient
from probe import ROOT, build, cflags, installed, probe, run

HANDLER = "static void handler(struct sluice_request *request, void *user) { (void)request, (void)user; }\n"


def module(body, mark="SLUICE_MODULE;"):
    """A module whose sluice_module_init() has this body."""
    return ("#include <sluice/handler.h>\n" + HANDLER + mark +
            "\nint sluice_module_init(struct sluice_module *module) {\n" + body + "\n}\n")


def adding(*routes):
    """Of one that adds these routes."""
    lines = ["(void)handler;"]
    for fields in routes:
        lines.append(f"if (sluice_module_add(module, &(struct sluice_route){{{fields}}}) != 0) return -1;")
    return module("\n".join(lines) + "\nreturn 0;")


@functools.cache
def own_build():
    """Where this process may have make build something, as others test at the same time."""
    path = tempfile.mkdtemp(prefix="sluice-e2e-build-")
    atexit.register(shutil.rmtree, path, True)
    return f"BUILD={path}"


GOOD = adding('.name = "mine", .title = "GET /mine", .handler = handler')


class ModuleCase(Case):
    def setUp(self):
        self.work = self.directory()

    def module(self, name, source):
        return build(source, self.work / name)

    def check(self, config, *options):
        """sluiced --check with a file of these lines; the file's name is put for FILE in what is returned."""
        file = self.work / "sluiced.conf"
        file.write_text(config)
        done = run_sluiced("--check", "-c", file, "--listen", "unix:@nobody", *options)
        return done.returncode, done.stderr.replace(str(file), "FILE").replace(str(self.work), "DIR").splitlines()

    def assertRefused(self, config, *problems, options=()):
        """Each problem is a line's start and what else must be in it."""
        status, lines = self.check(config, *options)
        self.assertEqual((status, len(lines)), (2, len(problems)), lines)
        for line, (start, part) in zip(lines, problems):
            self.assertTrue(line.startswith(start), line)
            self.assertIn(part, line)


class Loading(ModuleCase):
    def test_a_module_beside_the_configuration_file(self):
        self.module("good.so", GOOD)
        status, lines = self.check('modules = { "good.so" }\nroute "POST /other" { handler = "mine" }\n')
        self.assertEqual((status, lines), (0, []))

    def test_a_module_by_its_path(self):
        path = self.module("good.so", GOOD)
        self.assertEqual(self.check("", "--modules", path), (0, []))
        self.assertEqual(self.check(f'modules = {{"{path}"}}\n'), (0, []))

    def test_the_command_line_looks_in_the_working_directory(self):
        self.assertRefused("", ("sluiced: --modules: ./nowhere.so: cannot open", ""),
                           options=("--modules", "nowhere.so"))

    def test_files_that_are_no_modules(self):
        (self.work / "text.so").write_text("hello")
        self.module("plain.so", "int nothing;\n")
        self.module("headless.so", "#include <sluice/handler.h>\nSLUICE_MODULE;\n")
        for name, reason in (("text.so", "text.so: "), ("missing.so", "cannot open shared object file"),
                             ("plain.so", "not a module of sluiced: it has no SLUICE_MODULE"),
                             ("headless.so", "it has no sluice_module_init()")):
            self.assertRefused(f'\n\nmodules = {{ "{name}" }}\n', ("FILE:3: modules: DIR/", reason))

    def test_a_module_that_needs_what_is_not_there(self):
        self.module("needy.so", module("extern int nobody_has_this(void); (void)module; (void)handler; "
                                       "return nobody_has_this();"))
        self.assertRefused('modules = {"needy.so"}', ("FILE:1: modules: ", "nobody_has_this"))

    def test_a_module_of_another_version(self):
        for version in (0, 2, 99):
            mark = f"const unsigned sluice_module_version = {version};"
            self.module(f"v{version}.so", module("(void)module; (void)handler; return 0;", mark))
            self.assertRefused(f'modules = {{"v{version}.so"}}',
                               ("FILE:1: modules: ", f"built for version {version} of sluice/handler.h, this sluiced "
                                                     "has version 1"))

    def test_a_module_that_fails(self):
        self.module("sulks.so", module("(void)module; (void)handler; return 7;"))
        self.module("says.so", module('(void)handler; return sluice_module_fail(module, "no licence");'))
        self.assertRefused('modules = {"sulks.so",\n"says.so"}',
                           ("FILE:", "sulks.so: sluice_module_init() failed"), ("FILE:", "says.so: no licence"))

    def test_routes_that_cannot_be(self):
        wrong = {'.name = "a"': "a route without a handler",
                 ".handler = handler": "neither name nor title",
                 '.name = "hello", .handler = handler': "handler 'hello': there is one of this name already",
                 '.title = "FETCH /x", .handler = handler': "route 'FETCH /x': not a method"}
        for number, (fields, reason) in enumerate(wrong.items()):
            self.module(f"wrong{number}.so", adding(fields))
            self.assertRefused(f'modules = {{"wrong{number}.so"}}', ("FILE:1: modules: ", reason))

    def test_two_modules_of_one_name(self):
        self.module("good.so", GOOD)
        self.module("again.so", GOOD)
        self.assertRefused('modules = {"good.so", "again.so"}', ("FILE:1: ", "'mine': there is one of this name"))

    def test_it_does_not_start_either(self):
        done = run_sluiced("--modules", "./nowhere.so", "--listen", "unix:@nobody")
        self.assertEqual(done.returncode, 2)
        self.assertIn("nowhere.so: cannot open", done.stderr)


class Routes(ModuleCase):
    def test_all_that_is_wrong_with_routes_is_told_with_its_line(self):
        self.module("good.so", GOOD)
        self.assertRefused('modules = {"good.so"}\n'
                           'route "GET /a" { handler = "nobody" }\n'
                           'route "get /b" { handler = "hello" }\n'
                           'route "GET /c" { mode = worker }\n'
                           'route "GET /mine" { handler = "hello" }\n'
                           'route "GET /d/:x" { handler = "hello" }\n'
                           'route "GET /d/:y" { handler = "hello" }\n'
                           'route "GET /hello" { handler = "hello" }\n'
                           "demo_routes = yes\n",
                           ("FILE:3: route 'get /b': ", "not a method"),
                           ("FILE:4: route 'GET /c': ", "missing"),
                           ("FILE:2: route 'GET /a': ", "no handler 'nobody'"),
                           ("FILE:5: route 'GET /mine': ", "another route answers the same requests"),
                           ("FILE:7: route 'GET /d/:y': ", "another route answers the same requests"),
                           ("FILE:8: route 'GET /hello': ", "another route answers the same requests"))

    def test_values_are_checked_where_they_stand(self):
        for line, reason in (("mode = thread", "mode: 'thread' is not one of"), ("body_limit = big", "is not a size"),
                             ("colour = red", "no such option 'colour'")):
            self.assertRefused(f'route "GET /x" {{\n handler = "hello"\n {line}\n}}\n', ("FILE:3: ", reason))

    def test_the_same_title_twice(self):
        self.assertRefused('route "/x" { handler = "hello" }\nroute "/x" { handler = "echo" }\n', ("FILE:2: ", "/x"))


class Built(ModuleCase):
    def test_the_header_is_for_every_dialect(self):
        text = module("(void)module; (void)handler; return 0;").replace("<sluice/handler.h>", "<sluice/handler.h>\n"
                                                                        "#include <sluice/json.h>")
        (self.work / "m.c").write_text(text)
        for command in (("gcc", "-std=c99"), ("gcc", "-std=c11"), ("gcc", "-std=gnu17"), ("clang", "-std=c99"),
                        ("clang", "-std=gnu17"), ("g++", "-std=c++11"), ("clang++", "-std=c++17")):
            if shutil.which(command[0]):
                language = "c++" if command[0].endswith("++") else "c"
                run(*command, "-x", language, "-Wall", "-Wextra", "-Werror", "-fsyntax-only", *cflags(),
                    self.work / "m.c")

    def test_a_module_links_with_nothing(self):
        path = self.module("good.so", GOOD)
        undefined = run("nm", "-D", "--undefined-only", path)
        self.assertNotIn("sluice", undefined)

    def test_the_client_library_is_installed_and_hides_what_is_not_its_own(self):
        prefix = self.work / "prefix"
        run("make", "-C", ROOT, "install-library", f"PREFIX={prefix}", f"BUILD={self.work}/build",
            "CC=gcc", "CFLAGS=-flto")  # as some distributions build everything
        (self.work / "c.c").write_text("#include <sluice/sluice.h>\n#include <stdio.h>\n"
                                       "void frame_decode(void);\nvoid frame_decode(void) { puts(\"mine\"); }\n"
                                       "int main(int argc, char **argv) {\n"
                                       "    struct sluice *client;\n    char text[] = \"hello\";\n    (void)argc;\n"
                                       "    frame_decode();\n"
                                       "    if (sluice_connect(&client, argv[1], 5000) != 0) return 1;\n"
                                       "    int result = sluice_ping(client, text, sizeof text);\n"
                                       "    sluice_close(client);\n    return result;\n}\n")
        flags = run("pkg-config", "--cflags", "--libs", "sluice",
                    env={"PKG_CONFIG_PATH": f"{prefix}/lib/pkgconfig"}).split()
        run("cc", "-o", self.work / "c", self.work / "c.c", *flags)
        self.assertEqual(run(self.work / "c", self.daemon().unix), "mine\n")

    def test_what_is_installed_can_be_read_by_all_and_taken_away(self):
        stage = self.work / "a stage"
        prefix = stage / "usr"
        run("make", "-C", ROOT, "install-library", "install-handler", "PREFIX=/usr", f"DESTDIR={stage}", own_build(),
            umask=0o077)
        files = [file for file in prefix.rglob("*") if file.is_file()]
        self.assertGreater(len(files), 5)
        self.assertEqual([file for file in files if file.stat().st_mode & 0o444 != 0o444], [])
        run("make", "-C", ROOT, "uninstall", "PREFIX=/usr", f"DESTDIR={stage}")
        self.assertEqual([file for file in prefix.rglob("*") if file.is_file()], [])

    def test_the_example_builds_outside_the_tree_and_runs(self):
        work = self.work / "module"
        shutil.copytree(ROOT / "examples" / "module", work)
        run("make", "-C", work, f"PKG_CONFIG_PATH={installed()}/lib/pkgconfig", "CFLAGS=-O1 -Werror")
        config = (work / "sluiced.conf").read_text().replace("tcp:127.0.0.1:8080", "tcp:127.0.0.1:0")
        daemon = self.daemon(config=config.replace('"example.so"', f'"{work}/example.so"'), root=False, listen=())
        with HttpClient(daemon.tcp) as client:
            self.assertEqual(json.loads(client.fetch("/greet/%22you%22").body), {"hello": '"you"'})
            self.assertEqual(json.loads(client.fetch("/primes/1000").body), {"n": 1000, "primes": 168})
            self.assertEqual(client.fetch("/primes/x").status, 400)
            self.assertEqual(client.fetch("/count/50000").body, b"".join(b"%d\n" % (n + 1) for n in range(50000)))
            self.assertEqual(client.fetch("/hello").status, 200)
            client.send(b"GET /clock HTTP/1.1\r\nHost: x\r\n\r\n")
            self.assertEqual(client.response_head().get("Content-Type"), "text/event-stream")
            self.assertRegex(client.take_through(b"\n\n"), rb"event: time\ndata: \d+\n\n$")
        self.assertEqual(daemon.counter("http", "handlers_worker"), 2)

    def test_a_module_is_told_when_all_is_over(self):
        daemon = self.daemon("--modules", probe())
        self.assertNotIn("probe: exit", daemon.stderr)
        daemon.stop()
        self.assertIn("probe: exit", daemon.stderr)


if __name__ == "__main__":
    unittest.main()
