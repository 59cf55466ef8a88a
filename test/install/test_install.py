#!/usr/bin/env python3
"""Installs a build into an empty folder, and builds and runs a program against
what is there: test_install.py BUILD.

As C99, C11 and C++17, with the shared and with the static library, found by
pkg-config and by CMake. Speaks TAP.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
BUILD = pathlib.Path(sys.argv[1]).resolve()
LANGUAGES = {"c99": ("C", "99"), "c11": ("C", "11"), "c++17": ("CXX", "17")}
LINKAGES = ("shared", "static")
WARNINGS = ["-Wall", "-Wextra", "-Werror", "-pedantic-errors"]

count = failures = 0


def report(name, check):
    """Runs check(), which raises when something is wrong."""
    global count, failures
    count += 1
    try:
        check()
        print(f"ok {count} - {name}", flush=True)
    except Exception as error:
        failures += 1
        print(f"not ok {count} - {name}")
        for line in str(error).splitlines():
            print(f"#   {line}", flush=True)


def run(*command, **options):
    command = [str(word) for word in command]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          **options)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: status {done.returncode}\n{done.stdout}")
    return done.stdout


def install(stage):
    """Installs below `stage`; returns the folders that hold libraries and headers."""
    run("meson", "install", "-C", BUILD, "--no-rebuild", "--destdir", stage)
    config = next(stage.rglob("weft.pc"), None)
    header = next(stage.rglob("weft.h"), None)
    if not config or not header:
        raise RuntimeError("weft.pc or weft.h is not installed")
    return config.parent.parent, header.parent


def check_program(program, linkage, libdir):
    """The program runs, and needs the shared library if and only if it should."""
    # Whatever the linker's search path says, the loader must find it here.
    output = run(program, env={**os.environ, "LD_LIBRARY_PATH": str(libdir)})
    if not re.search(r"^weft \d+\.\d+\.\d+: 3 tasks$", output, re.M):
        raise RuntimeError(f"unexpected output: {output}")
    needed = re.findall(r"NEEDED.*\[(libweft[^]]*)\]", run("readelf", "-d", program))
    if needed != (["libweft.so.0"] if linkage == "shared" else []):
        raise RuntimeError(f"{linkage} program needs {needed}")


def with_pkg_config(language, linkage, libdir, work):
    env = {**os.environ, "PKG_CONFIG_PATH": str(libdir / "pkgconfig")}
    static = linkage == "static"
    cflags = run("pkg-config", "--cflags", "weft", env=env).split()
    libs = run("pkg-config", *(["--static"] if static else []), "--libs", "weft", env=env).split()
    if static:
        libs = ["-l:libweft.a" if word == "-lweft" else word for word in libs]
    kind, _ = LANGUAGES[language]
    compiler, source = ("c++", "program.cc") if kind == "CXX" else ("cc", "program.c")
    program = work / f"pkgconf-{language}-{linkage}"
    run(compiler, f"-std={language}", *WARNINGS, *cflags, work / source, "-o", program, *libs)
    check_program(program, linkage, libdir)


def with_cmake(language, linkage, libdir, work):
    name = f"{language}-{linkage}".replace("++", "xx")
    run("cmake", "--build", work / "cmake", "--target", name)
    check_program(work / "cmake" / name, linkage, libdir)


def configure_cmake(libdir, work, hooked):
    lines = ["cmake_minimum_required(VERSION 3.13)", "project(program C CXX)",
             "find_package(weft 0.1 REQUIRED CONFIG)", "set(CMAKE_C_EXTENSIONS OFF)",
             "set(CMAKE_CXX_EXTENSIONS OFF)", f"add_compile_options({' '.join(WARNINGS)})"]
    for language, (kind, standard) in LANGUAGES.items():
        for linkage in LINKAGES:
            name = f"{language}-{linkage}".replace("++", "xx")
            source = "program.cc" if kind == "CXX" else "program.c"
            target = "weft::weft" if linkage == "shared" else "weft::static"
            lines += [f"add_executable({name} ../{source})",
                      f"target_link_libraries({name} PRIVATE {target})",
                      f"set_target_properties({name} PROPERTIES {kind}_STANDARD {standard}"
                      f" {kind}_STANDARD_REQUIRED ON)"]
    if hooked:
        (work / "hooked.c").write_text((HERE / "hooked.c").read_text())
        lines += ["add_executable(hooked ../hooked.c)",
                  "target_link_libraries(hooked PRIVATE weft::hook)"]
    (work / "project").mkdir()
    (work / "project/CMakeLists.txt").write_text("\n".join(lines) + "\n")
    run("cmake", "-S", work / "project", "-B", work / "cmake", "-G", "Ninja",
        f"-DCMAKE_PREFIX_PATH={libdir.parent}", f"-Dweft_DIR={libdir / 'cmake/weft'}")


def check_tool(stage):
    """What `weft exec` preloads is found where it has been installed."""
    tool = next(stage.rglob("bin/weft"))
    if list(stage.rglob("man3/*")) and not list(stage.rglob("man1/weft.1*")):
        raise RuntimeError("weft.1 is not installed")
    output = run(tool, "exec", "--stats", "sh", "-c", "echo $LD_PRELOAD")
    if not re.search(rf"^{re.escape(str(stage))}\S*/libweft-meter\.so:"
                     rf"{re.escape(str(stage))}\S*/libweft-hook\.so$", output, re.M):
        raise RuntimeError(f"unexpected output: {output}")


def check_hooked(program, libdir):
    output = run(program, env={**os.environ, "LD_LIBRARY_PATH": str(libdir)})
    if output != "both slept at once\n":
        raise RuntimeError(f"unexpected output: {output}")


def check_hook(libdir, work):
    """A program that is linked with the hook: libraries' calls in it are weft's."""
    env = {**os.environ, "PKG_CONFIG_PATH": str(libdir / "pkgconfig"),
           "LD_LIBRARY_PATH": str(libdir)}
    words = run("pkg-config", "--cflags", "--libs", "weft-hook", env=env).split()
    run("cc", *WARNINGS, HERE / "hooked.c", "-o", work / "hooked", *words)
    check_hooked(work / "hooked", libdir)


def check_hook_by_cmake(libdir, work):
    run("cmake", "--build", work / "cmake", "--target", "hooked")
    check_hooked(work / "cmake/hooked", libdir)


def check_unwinding(libdir, work):
    """Blocks with scopes and groups are left by exceptions, too."""
    env = {**os.environ, "PKG_CONFIG_PATH": str(libdir / "pkgconfig"),
           "LD_LIBRARY_PATH": str(libdir)}
    words = run("pkg-config", "--cflags", "--libs", "weft", env=env).split()
    (work / "unwind.cc").write_text((HERE / "unwind.cc").read_text())
    run("c++", "-std=c++17", *WARNINGS, work / "unwind.cc", "-o", work / "unwind", *words)
    output = run(work / "unwind", env=env)
    if output != "left in all ways\n":
        raise RuntimeError(f"unexpected output: {output}")


def check_copies(include):
    """What would be copied as bytes behind its constructor's back does not compile."""
    head = "#include <string>\n#include <weft.h>\n"
    for text in ("WEFT_TASK(t, T, x) { return (void)x, 0; }", "WEFT_CHANNEL(c, T);",
                 "WEFT_QUEUE(q, T);", "WEFT_MAILBOX(m, T);"):
        for kind, wanted in (("int", 0), ("std::string", 1)):
            source = head + text.replace("T,", kind + ",").replace(" T)", f" {kind})")
            done = subprocess.run(["c++", "-std=c++17", *WARNINGS, "-Wno-unused-function",
                                   f"-I{include}", "-fsyntax-only", "-xc++", "-"],
                                  input=source, capture_output=True, text=True)
            if (done.returncode != 0) != wanted or (wanted and "as bytes" not in done.stderr):
                raise RuntimeError(f"{source}\nstatus {done.returncode}\n{done.stderr}")


def check_headers(include):
    source = HERE.parent.parent / "include"
    want = {str(path.relative_to(source)) for path in source.rglob("*.h")}
    have = {str(path.relative_to(include)) for path in include.rglob("*.h")}
    if want != have:
        raise RuntimeError(f"headers differ: {sorted(want ^ have)}")


def main():
    missing = [tool for tool in ("cmake", "c++", "pkg-config", "readelf") if not shutil.which(tool)]
    if missing:
        print(f"1..0 # SKIP not installed: {', '.join(missing)}")
        return 0
    hooked = (BUILD / "tools/weft/weft").exists()
    print(f"1..{4 + 3 * hooked + 2 * len(LANGUAGES) * len(LINKAGES)}", flush=True)
    with tempfile.TemporaryDirectory(prefix="weft-install-") as folder:
        work = pathlib.Path(folder)
        program = (HERE / "program.c").read_text()
        (work / "program.c").write_text(program)
        (work / "program.cc").write_text(program)
        libdir, include = install(work / "stage")
        report("every header is installed", lambda: check_headers(include))
        if hooked:
            report("weft exec", lambda: check_tool(work / "stage"))
            report("a program with weft-hook", lambda: check_hook(libdir, work))
        report("types that are not bytes", lambda: check_copies(include))
        report("scopes and exceptions", lambda: check_unwinding(libdir, work))
        report("CMake finds the package", lambda: configure_cmake(libdir, work, hooked))
        if hooked:
            report("a program with weft::hook", lambda: check_hook_by_cmake(libdir, work))
        for method, build in (("pkg-config", with_pkg_config), ("CMake", with_cmake)):
            for language in LANGUAGES:
                for linkage in LINKAGES:
                    report(f"{language}, {linkage}, {method}",
                           lambda: build(language, linkage, libdir, work))
    return 1 if failures else 0


sys.exit(main())
