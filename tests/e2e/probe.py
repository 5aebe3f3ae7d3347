"""Builds handler modules the way their authors do: against the installed header, found by pkg-config."""
import atexit
import functools
import os
import pathlib
import shutil
import subprocess
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent


def run(*command, **options):
    """Runs it outside of a make that runs the tests; returns what it wrote."""
    makes_own = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "SAN", "BUILD", "E2E")
    environment = {name: value for name, value in os.environ.items() if name not in makes_own}
    done = subprocess.run([*map(str, command)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, env={**environment, **options.pop("env", {})}, **options)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))}:\n{done.stdout}")
    return done.stdout


@functools.cache
def installed():
    """Where `make install-handler` has put header and pkg-config file."""
    prefix = pathlib.Path(tempfile.mkdtemp(prefix="sluice-e2e-prefix-"))
    atexit.register(shutil.rmtree, prefix, True)
    run("make", "-C", ROOT, "install-handler", f"PREFIX={prefix}")
    return prefix


@functools.cache
def cflags():
    return run("pkg-config", "--cflags", "sluice-handler",
               env={"PKG_CONFIG_PATH": f"{installed()}/lib/pkgconfig"}).split()


def build(source, out):
    """Compiles a module from a file, or from a text."""
    source_file = source
    if not isinstance(source, pathlib.Path):
        source_file = out.with_suffix(".c")
        source_file.write_text(source)
    run("cc", "-std=gnu11", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared", "-fvisibility=hidden",
        "-pthread", *cflags(), "-o", out, source_file, "-ljansson")
    return out


@functools.cache
def probe():
    """probe.c as a module."""
    return build(HERE / "probe.c", installed() / "probe.so")
