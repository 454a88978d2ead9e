#!/usr/bin/env python3
"""Measures what C, Python and Go pay for the border, beside Rust, with the library as users get it, and writes
docs/performance.json (.ci/performance-page.py makes docs/performance.md from that).

    ffi/bench.py [--rounds N]     default 200

Builds the release library and installs it below target/bench, with `ffi/install.sh`, `pip install ./ffi/python` into an
environment of its own, and Go from source. Needs cc, pkg-config, python3 with venv, and go. Fails where a million calls
leave more memory than docs/performance.md says, or where a language does not work. Standard library alone.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
FFI, SAMPLE = ROOT / "ffi", ROOT / "test-vectors/sample"
HERE = ROOT / "target/bench"
CALLS = 1_000_000


def run(*command, **options):
    """A command that must succeed; what it prints."""
    words = [str(word) for word in command]
    print("$", *words, file=sys.stderr)
    return subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT, **options).stdout


def rust(rounds):
    return json.loads(
        run("cargo", "run", "--quiet", "--release", "--locked", "-p", "tuf-ffi", "--example", "cost", "--", SAMPLE, rounds)
    )


def c(rounds, prefix):
    built = HERE / "cost"
    found = {**os.environ, "PKG_CONFIG_PATH": f"{prefix}/lib/pkgconfig"}
    flags = run("pkg-config", "--cflags", "--libs", "tufverify", env=found).split()
    run("cc", "-std=c99", "-O2", FFI / "tests/c/cost.c", "-o", built, *flags)
    return json.loads(run(built, SAMPLE, rounds, env={**os.environ, "LD_LIBRARY_PATH": f"{prefix}/lib"}))


def python(rounds):
    venv = HERE / "python"
    run(sys.executable, "-m", "venv", "--clear", venv)
    run(venv / "bin/pip", "install", "--quiet", "--disable-pip-version-check", "./ffi/python")
    benches = FFI / "python/benches"
    cost = json.loads(run(venv / "bin/python", benches / "bench.py", "--rounds", rounds))
    return {**cost, **json.loads(run(venv / "bin/python", benches / "memory.py", CALLS))}


def go(prefix):
    environment = {
        **os.environ,
        "PKG_CONFIG_PATH": f"{prefix}/lib/pkgconfig",
        "LD_LIBRARY_PATH": f"{prefix}/lib",
        "CGO_ENABLED": "1",
        "TUFVERIFY_CALLS": str(CALLS),
    }
    test = ["go", "-C", FFI / "go", "test", "-count=1", "-timeout=30m"]
    said = run(*test, "-run=none", "-bench=Call|LookUp", ".", env=environment)
    said += run(*test, "-run=none", "-bench=Stopped", "-benchtime=10x", ".", env=environment)
    said += run(*test, "-v", "-run=TestCallsKeepNoMemory", ".", env=environment)

    def told(pattern):
        (number,) = re.findall(pattern, said, re.M)
        return float(number)

    def ns(name):
        return told(rf"^Benchmark{name}-\d+\s+\d+\s+([\d.]+) ns/op")

    return {
        "call_ns": round(ns("Call")),
        "failed_call_ns": round(ns("FailedCall")),
        "job_us": round(ns("WarmLookUp/Job") / 1e3, 1),
        "task_us": round(ns("WarmLookUp/Task") / 1e3, 1),
        "stopped_ms": round(told(r"([\d.]+) ms/longest"), 1),
        "grown_kib": round(told(r"(-?\d+) bytes grown") / 1024),
    }


def main():
    words = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    words.add_argument("--rounds", type=int, default=200)
    rounds = words.parse_args().rounds
    prefix = HERE / "prefix"
    shutil.rmtree(prefix, ignore_errors=True)
    run(FFI / "install.sh", prefix)
    by_language = {"Rust": rust(rounds), "C": c(rounds, prefix), "Python": python(rounds), "Go": go(prefix)}
    rows = [{"name": name, **figures} for name, figures in by_language.items()]
    print(*rows, sep="\n", file=sys.stderr)
    run(ROOT / ".ci/performance-page.py", "languages", f"ffi/bench.py --rounds {rounds}", json.dumps(rows))


if __name__ == "__main__":
    main()
