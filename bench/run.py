#!/usr/bin/python3
"""Measures Troth beside raw TLS, a null store and (where installed) radosgw, with one client, in one run.

The rounds are interleaved: raw TLS, null store, Troth, radosgw, and again. Ratios are taken within a
round and their median is shown, for absolute rates of a shared machine mean little. CPU for an
operation or a byte is the steadier figure. Everything runs on loopback, the client on the same cores.
"""
import argparse
import datetime
import hashlib
import hmac
import http.client
import json
import os
import platform
import re
import shutil
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import radosgw  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
MIB = 1024 * 1024
CORES = os.cpu_count()

# name: what the client does. `raw` and `null` say whether those peers run it too.
CASES = {
    "put64": {"title": "PUT 64 MiB, 4 connections, digest from the client", "mode": "put", "size": "64MiB",
              "connections": 4, "threads": 2, "keys": 12, "bucket": "bulk", "extra": ["--checksum", "crc32c"]},
    "get64": {"title": "GET 64 MiB, 4 connections", "mode": "get", "size": "64MiB", "connections": 4, "threads": 2,
              "keys": 4, "bucket": "bulk", "fill": 4},
    "put4k": {"title": "PUT 4 KiB, 64 connections", "mode": "put", "size": "4KiB", "connections": 64, "threads": 1,
              "bucket": "small"},
    "get4k": {"title": "GET 4 KiB, 64 connections", "mode": "get", "size": "4KiB", "connections": 64, "threads": 1,
              "keys": 10000, "bucket": "read", "fill": 10000},
    "put4k1": {"title": "PUT 4 KiB, 1 connection", "mode": "put", "size": "4KiB", "connections": 1, "threads": 1,
               "bucket": "small"},
    "put64sha": {"title": "PUT 64 MiB, SHA-256 of every object", "mode": "put", "size": "64MiB", "connections": 4,
                 "threads": 2, "keys": 12, "bucket": "sha", "only": "troth"},
    "put64md5": {"title": "PUT 64 MiB, AES256 bucket (MD5 ETag)", "mode": "put", "size": "64MiB", "connections": 4,
                 "threads": 2, "keys": 12, "bucket": "md5", "only": "troth"},
    "put64sm4": {"title": "PUT 64 MiB, SM4-CTR-HMAC-SM3", "mode": "put", "size": "64MiB", "connections": 4,
                 "threads": 2, "keys": 4, "bucket": "sm4", "only": "troth", "tenant": "sm4"},
    "get64sm4": {"title": "GET 64 MiB, SM4-CTR-HMAC-SM3", "mode": "get", "size": "64MiB", "connections": 4,
                 "threads": 2, "keys": 4, "bucket": "sm4", "only": "troth", "tenant": "sm4", "fill": 4},
    "tls": {"title": "TLS 1.3 full handshakes", "mode": "handshake", "size": "0", "connections": 16, "threads": 1,
            "bucket": "small"},
}
TARGETS = ["raw", "null", "troth", "radosgw"]
NAMES = {"raw": "raw TLS", "null": "null store", "troth": "Troth", "radosgw": "radosgw"}


def say(text):
    print(text, flush=True)


# --- S3, as little as it takes to make a bucket ---

def s3_call(address, ca, creds, method, path):
    now = datetime.datetime.now(datetime.timezone.utc)
    stamp, day = now.strftime("%Y%m%dT%H%M%SZ"), now.strftime("%Y%m%d")
    empty = hashlib.sha256(b"").hexdigest()
    names = "host;x-amz-content-sha256;x-amz-date"
    lines = f"host:{address}\nx-amz-content-sha256:{empty}\nx-amz-date:{stamp}\n"
    canonical = f"{method}\n{path}\n\n{lines}\n{names}\n{empty}"
    scope = f"{day}/us-east-1/s3/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = ("AWS4" + creds["secret_access_key"]).encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    c = http.client.HTTPSConnection(address, context=ssl.create_default_context(cafile=ca), timeout=60)
    c.request(method, path, headers={
        "x-amz-content-sha256": empty, "x-amz-date": stamp,
        "Authorization": f"AWS4-HMAC-SHA256 Credential={creds['access_key_id']}/{scope},SignedHeaders={names},"
                         f"Signature={signature}"})
    r = c.getresponse()
    body = r.read()
    c.close()
    if r.status // 100 != 2:
        raise RuntimeError(f"{method} {path}: {r.status} {body[:300]}")


# --- what is measured ---

class Peer:
    """raw TLS or the null store."""

    def __init__(self, build, kind, work):
        self.kind, self.ca = kind, f"{work}/{kind}.pem"
        self.build, self.process, self.size = build, None, None

    def prepare(self, case):
        if self.process is not None and self.size == case["size"]:
            return
        self.stop()
        self.size = case["size"]
        self.process = subprocess.Popen([f"{self.build}/bench/bench_peer", self.kind, self.ca, str(CORES), self.size],
                                        stdout=subprocess.PIPE, text=True)
        self.address = self.process.stdout.readline().split()[1]

    def arguments(self, case):
        del case
        extra = ["--raw"] if self.kind == "raw" else []
        return extra + ["--access-key", "A", "--secret-key", "S"]

    def pids(self):
        return [self.process.pid]

    def stop(self):
        if self.process is not None:
            self.process.terminate()
            self.process.wait()
            self.process = None


class S3:
    """What Troth and radosgw have in common: credentials, buckets, objects to read."""

    def __init__(self):
        self.filled, self.turn = set(), 0
        self.creds = {}

    def prepare(self, case):
        name = (case.get("tenant", "demo"), case["bucket"])
        if name not in self.filled:
            self.filled.add(name)
            self.bucket_make(case)
            # what a first request makes (pools, index, connections between daemons) is not measured
            load(self, dict(case, mode="put", size="4KiB", connections=8, keys=64, prefix="warm/"), count=256)
            if case.get("fill"):
                self.fill(case)

    def fill(self, case):
        args = dict(case, mode="put", keys=case["fill"], connections=16 if case["size"] == "4KiB" else 2)
        result = load(self, args, count=case["fill"])
        if result["errors"]:
            raise RuntimeError(f"filling: {result['first_error']}")

    def credentials(self, case):
        return self.creds[case.get("tenant", "demo")]

    def bucket_make(self, case):
        s3_call(self.address, self.ca, self.credentials(case), "PUT", "/" + case["bucket"])

    def arguments(self, case):
        creds = self.credentials(case)
        # new names in each run: nothing is overwritten unless the case says so
        self.turn += 1
        prefix = case.get("prefix") or ("k/" if case.get("keys") else f"r{self.turn}/")
        return ["--access-key", creds["access_key_id"], "--secret-key", creds["secret_access_key"], "--bucket",
                case["bucket"], "--prefix", prefix] + case.get("extra", [])


class Troth(S3):
    def __init__(self, build, work):
        super().__init__()
        self.binary, self.dir = f"{build}/src/cli/troth", f"{work}/state"
        self.ca = f"{self.dir}/tls/ca.crt"
        self.log = open(f"{work}/troth.log", "w", encoding="utf-8")
        self.manage("init")
        self.process = subprocess.Popen([self.binary, "serve", "--dir", self.dir, "--listen", "127.0.0.1:0"],
                                        stdout=subprocess.PIPE, stderr=self.log, text=True)
        line = self.process.stdout.readline()
        if not line.startswith("ready https://"):
            raise RuntimeError("troth does not start")
        self.address = line.split("//")[1].strip()
        self.creds["demo"] = json.loads(self.manage("tenant", "create", "demo", "--json"))
        self.creds["sm4"] = json.loads(self.manage("tenant", "create", "sm4", "--suite", "SM4-CTR-HMAC-SM3", "--json"))

    def manage(self, *args):
        done = subprocess.run([self.binary, *args, "--dir", self.dir, "--lang", "en"], capture_output=True, text=True,
                              check=False)
        if done.returncode != 0:
            raise RuntimeError(f"troth {' '.join(args)}: {done.stderr.strip()}")
        return done.stdout

    def bucket_make(self, case):
        super().bucket_make(case)
        options = {"bulk": ["--digest", "client"], "md5": ["--digest", "client", "--sse", "AES256"],
                   "sm4": ["--digest", "client"]}.get(case["bucket"])
        if options:
            self.manage("bucket", "set", case["bucket"], "--tenant", case.get("tenant", "demo"), *options)

    def pids(self):
        return [self.process.pid]

    def tree(self):
        found = [self.process.pid]
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
                    if int(f.read().rpartition(")")[2].split()[1]) == self.process.pid:
                        found.append(int(pid))
            except OSError:
                pass
        return found

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.log.close()


class Rgw(S3):
    def __init__(self, troth, work):
        super().__init__()
        self.box = radosgw.Radosgw(f"{work}/ceph", f"{troth.dir}/tls/server.crt", f"{troth.dir}/tls/server.key")
        self.box.start()
        self.ca, self.address = troth.ca, self.box.address
        self.creds["demo"] = {"access_key_id": self.box.access_key, "secret_access_key": self.box.secret_key}

    def arguments(self, case):
        found = super().arguments(case)
        return [a for a in found if a not in ("--checksum", "crc32c")]  # this radosgw knows no checksums

    def pids(self):
        return self.box.pids()

    def stop(self):
        self.box.stop()


def busy_s():
    with open("/proc/stat", encoding="ascii") as f:
        n = [int(x) for x in f.readline().split()[1:]]
    return (sum(n) - n[3] - n[4] - sum(n[8:])) / os.sysconf("SC_CLK_TCK")


def wait_quiet():
    """Until others take under a tenth of the machine, at most OPTIONS.quiet seconds."""
    end = time.monotonic() + OPTIONS.quiet
    while time.monotonic() < end:
        before = busy_s()
        time.sleep(0.5)
        if (busy_s() - before) / 0.5 / CORES < 0.1:
            return


def load(target, case, seconds=None, count=None):
    command = [f"{OPTIONS.build}/bench/bench_load", "--address", target.address, "--ca", target.ca, "--mode",
               case["mode"], "--size", case["size"], "--connections", str(case["connections"]), "--threads",
               str(case["threads"]), "--bucket", case["bucket"]]
    command += ["--seconds", str(seconds)] if count is None else ["--count", str(count)]
    command += ["--keys", str(case["keys"])] if case.get("keys") else []
    for pid in target.pids():
        command += ["--pid", str(pid)]
    busy = busy_s()
    done = subprocess.run(command + target.arguments(case), capture_output=True, text=True, check=False)
    busy = busy_s() - busy
    if not done.stdout:
        raise RuntimeError(f"bench_load: {done.stderr.strip()}")
    found = json.loads(done.stdout)
    others = busy - found["client_cpu_s"] - found["server_cpu_s"]
    found["others"] = max(0, others) / max(found["seconds"], 0.001) / CORES
    return found


# --- memory: many uploads at once ---

class Sampler(threading.Thread):
    """The greatest sum of proportional set sizes, and the sum of each process's own high-water mark."""

    def __init__(self, pids):
        super().__init__(daemon=True)
        self.pids_, self.peak_kib, self.is_over = pids, 0, threading.Event()

    def total_kib(self):
        kib = 0
        for pid in self.pids_:
            try:
                with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
                    kib += int(re.search(r"^Pss:\s+(\d+)", f.read(), re.M).group(1))
            except OSError:
                pass
        return kib

    def run(self):
        while not self.is_over.wait(0.1):
            self.peak_kib = max(self.peak_kib, self.total_kib())

    def high_water_kib(self):
        kib = 0
        for pid in self.pids_:
            with open(f"/proc/{pid}/status", encoding="ascii") as f:
                kib += int(re.search(r"^VmHWM:\s+(\d+)", f.read(), re.M).group(1))
        return kib


def measure_memory(troth):
    case = {"mode": "put", "size": "64MiB", "connections": 200, "threads": 2, "keys": 200, "bucket": "bulk"}
    troth.prepare(case)
    sampler = Sampler(troth.tree())
    idle = sampler.total_kib()
    sampler.start()
    found = load(troth, case, count=200)
    sampler.is_over.set()
    sampler.join()
    return {"idle_mib": idle / 1024, "peak_mib": sampler.peak_kib / 1024, "high_water_mib": sampler.high_water_kib() / 1024,
            "errors": found["errors"], "first_error": found["first_error"], "mb_s": found["mb_s"]}


def measure_ledger(work, entries):
    folder = f"{work}/ledger"
    os.mkdir(folder)
    args = [f"{OPTIONS.build}/bench/bench_ledger", folder, "3"] + ([str(entries)] if entries else [])
    done = subprocess.run(args, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"bench_ledger: {done.stderr.strip()}")
    return [line.rstrip() for line in done.stdout.splitlines() if line.strip()]


def measure_decisions():
    done = subprocess.run([f"{OPTIONS.build}/bench/bench_policy"], capture_output=True, text=True, check=True)
    return [line.rstrip() for line in done.stdout.splitlines()]


# --- the report ---

def median(values):
    values = [v for v in values if v is not None]
    return statistics.median(values) if values else None


def ratio(results, name, over, what):
    """Of Troth to another, round by round."""
    pairs = zip(results[name].get("troth", []), results[name].get(over, []))
    return median([a[what] / b[what] for a, b in pairs if b[what]])


def is_bulk(name):
    return "64" in name


def figures(case, rounds, name):
    m = {k: median([r[k] for r in rounds]) for k in rounds[0] if isinstance(rounds[0][k], (int, float))}
    if is_bulk(name):
        return [f"{m['mb_s']:.0f} MB/s", f"{m['server_ns_byte']:.2f} ns/B", f"{m['client_ns_byte']:.2f} ns/B",
                f"{m['p50_us'] / 1000:.0f} ms" if m["p50_us"] else "-"]
    del case
    return [f"{m['op_s']:.0f}/s", f"{m['server_us_op']:.1f} us", f"{m['client_us_op']:.1f} us",
            f"{m['p50_us'] / 1000:.2f} / {m['p99_us'] / 1000:.2f} ms"]


def cpu_bound(results, name):
    """Operations a second if both cores did nothing but this: CPU of client and server for each."""
    rounds = results.get(name, {}).get("troth")
    if not rounds:
        return None
    us = median([r["server_us_op"] + r["client_us_op"] for r in rounds])
    return CORES * 1e6 / us


def to_raw_by_cpu(results, name):
    """What the ratio to raw TLS would be if both cores did nothing else: the inverse of the CPU a byte."""
    by_target = results.get(name, {})
    if not by_target.get("troth") or not by_target.get("raw"):
        return None
    ns = {k: median([r["server_ns_byte"] + r["client_ns_byte"] for r in by_target[k]]) for k in ("raw", "troth")}
    return ns["raw"] / ns["troth"]


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return lines + ["| " + " | ".join(str(c) for c in row) + " |" for row in rows]


def report_cases(results):
    rows = []
    for name, by_target in results.items():
        for target in TARGETS:
            rounds = by_target.get(target)
            if not rounds:
                continue
            to_raw = "1" if target == "raw" else "-"
            if target != "raw" and by_target.get("raw"):
                what = "mb_s" if is_bulk(name) else "op_s"
                pairs = zip(rounds, by_target["raw"])
                to_raw = f"{median([a[what] / b[what] for a, b in pairs if b[what]]):.2f}"
            errors = sum(r["errors"] for r in rounds)
            rows.append([CASES[name]["title"], NAMES[target]] + figures(CASES[name], rounds, name) +
                        [to_raw, errors if errors else "-", f"{100 * median([r['others'] for r in rounds]):.0f} %"])
    return table(["case", "what", "rate", "server CPU", "client CPU", "p50 (/ p99)", "to raw TLS", "errors",
                  "others' CPU"], rows)


def bar(rows, what, limit, value, is_met, text):
    rows.append([what, limit, "not measured" if value is None else text.format(value),
                 "-" if value is None else "yes" if is_met(value) else "no"])


def ledger_rate(lines):
    for line in lines:
        if line.startswith("ledger, through messages, 64 in flight") and "receipt" not in line:
            return float(re.search(r"([\d.]+) /s", line).group(1))
    return None


def decision_rate(lines, shape):
    for line in lines:
        if line.startswith(shape):
            return float(re.search(r"whole decision +([\d.]+)/s", line).group(1))
    return None


def report_bars(results, memory, ledger, decisions):
    rows = []

    def of(name, what):
        rounds = results.get(name, {}).get("troth")
        return median([r[what] for r in rounds]) if rounds else None

    def to(name, over, what):
        return ratio(results, name, over, what) if results.get(name, {}).get(over) else None

    bar(rows, "GET 64 MiB to raw TLS", ">= 80 %", to("get64", "raw", "mb_s"), lambda v: v >= 0.8, "{:.0%}")
    bar(rows, "the same, by CPU of client and server", ">= 80 %", to_raw_by_cpu(results, "get64"), lambda v: v >= 0.8,
        "{:.0%}")
    bar(rows, "PUT 64 MiB to raw TLS", ">= 50 %, aim 65 %", to("put64", "raw", "mb_s"), lambda v: v >= 0.5, "{:.0%}")
    bar(rows, "the same, by CPU of client and server", ">= 50 %, aim 65 %", to_raw_by_cpu(results, "put64"),
        lambda v: v >= 0.5, "{:.0%}")
    bar(rows, "GET 64 MiB, server CPU", "<= 1.1 ns/B", of("get64", "server_ns_byte"), lambda v: v <= 1.1, "{:.2f}")
    bar(rows, "PUT 64 MiB, server CPU", "<= 1.4 ns/B", of("put64", "server_ns_byte"), lambda v: v <= 1.4, "{:.2f}")
    bar(rows, "PUT 4 KiB, 64 connections", ">= 8,000/s", of("put4k", "op_s"), lambda v: v >= 8000, "{:.0f}/s")
    bar(rows, "the same, if both cores were its own", "(by CPU an operation)", cpu_bound(results, "put4k"),
        lambda v: v >= 8000, "{:.0f}/s")
    bar(rows, "PUT 4 KiB to radosgw with SSE", ">= 15 times", to("put4k", "radosgw", "op_s"), lambda v: v >= 15,
        "{:.1f}")
    bar(rows, "GET 4 KiB, 64 connections", ">= 15,000/s", of("get4k", "op_s"), lambda v: v >= 15000, "{:.0f}/s")
    bar(rows, "the same, if both cores were its own", "(by CPU an operation)", cpu_bound(results, "get4k"),
        lambda v: v >= 15000, "{:.0f}/s")
    bar(rows, "200 uploads of 64 MiB at once, all roles", "<= 300 MiB", memory and memory["peak_mib"],
        lambda v: v <= 300, "{:.0f} MiB")
    bar(rows, "ledger appends", ">= 40,000/s", ledger_rate(ledger), lambda v: v >= 40000, "{:.0f}/s")
    bar(rows, "decisions a core, 100 statements about the action", ">= 500,000/s", decision_rate(decisions, "resources"),
        lambda v: v >= 500000, "{:.0f}/s")
    return table(["what", "bar", "measured", "met"], rows)


def report(results, memory, ledger, decisions):
    lines = ["# Performance", "",
             f"Written by `./dev bench` on {datetime.date.today().isoformat()}: {CORES} cores ({cpu_name()}), Linux "
             f"{platform.release()}, {ssl.OPENSSL_VERSION.split()[1]} OpenSSL. Medians of {OPTIONS.rounds} interleaved "
             f"rounds of {OPTIONS.seconds:g} s; client and servers share the cores over loopback TLS 1.3.",
             "\"Others' CPU\" is what the rest of the machine took meanwhile: with a busy machine only the ratios and the "
             "CPU for an operation or a byte say something.", "", "## Bars", ""]
    lines += report_bars(results, memory, ledger, decisions)
    lines += ["", "## Beside raw TLS, a null store and radosgw", "",
              "Raw TLS: the same client and event loops, bodies dropped or sent from memory. Null store: the HTTP server "
              "with a handler that stores nothing and checks no signature. Troth: signature checked, encrypted, durable, "
              "in the ledger. Radosgw: one OSD on the same disk, SSE by default key, `tcp_nodelay=1`; CPU of all its "
              "daemons.", ""]
    lines += report_cases(results)
    if memory:
        lines += ["", "## Memory", "",
                  f"200 uploads of 64 MiB at once: {memory['peak_mib']:.0f} MiB at most for all roles (sum of PSS, sampled "
                  f"every 100 ms; idle before: {memory['idle_mib']:.0f} MiB; sum of each role's own high-water mark: "
                  f"{memory['high_water_mib']:.0f} MiB), {memory['mb_s']:.0f} MB/s, {memory['errors']} errors."]
    if ledger:
        lines += ["", "## Ledger", "", "```"] + ledger + ["```"]
    lines += ["", "## Decisions", "",
              "By CPU time of one core. Plain: other actions and buckets. Resources: every statement is about the action, of "
              "another bucket. Conditions: every one fits but for its address. Patterns: wildcards and a variable in each.",
              "", "```"] + decisions + ["```"]
    return lines


def cpu_name():
    with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as f:
        m = re.search(r"^model name\s*:\s*(.+)$", f.read(), re.M)
    return m.group(1) if m else platform.machine()


# --- the run ---

def targets_of(name, targets):
    only = CASES[name].get("only")
    return {k: t for k, t in targets.items() if (only is None or k == only) and not (k in ("null", "radosgw") and
                                                                                     name == "tls")}


def run_cases(names, targets):
    results = {name: {} for name in names}
    for turn in range(OPTIONS.rounds):
        for name in names:
            for kind, target in targets_of(name, targets).items():
                target.prepare(CASES[name])
                wait_quiet()
                found = load(target, CASES[name], seconds=OPTIONS.seconds)
                results[name].setdefault(kind, []).append(found)
                shown = " ".join(figures(CASES[name], [found], name))
                say(f"round {turn + 1}  {CASES[name]['title']:<50} {NAMES[kind]:<11} {shown}"
                    f"  others {100 * found['others']:.0f} %" + (f"  ERROR {found['first_error']}" if found["errors"] else ""))
    return results


def build():
    subprocess.run(["ninja", "-C", OPTIONS.build, "src/cli/troth", "bench/bench_load", "bench/bench_peer",
                    "bench/bench_ledger", "bench/bench_policy"], check=True, stdout=subprocess.DEVNULL)


def parse():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--write", action="store_true", help="write docs/performance.md")
    p.add_argument("--radosgw", action="store_true", help="measure radosgw too (Debian's packages must be installed)")
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--seconds", type=float, default=4, help="of each measurement")
    p.add_argument("--quiet", type=float, default=5, metavar="S",
                   help="wait at most so long before each measurement for a quiet machine")
    p.add_argument("--cases", default=",".join(CASES), help="of: " + ", ".join(CASES) + "; 'none'")
    p.add_argument("--no-memory", action="store_true", help="skip the 200 uploads at once")
    p.add_argument("--no-ledger", action="store_true", help="skip bench_ledger")
    p.add_argument("--ledger-entries", type=int, default=0, help="also a log of so many entries: proofs, its check")
    p.add_argument("--build", default=f"{ROOT}/build/release", help="build folder (default build/release)")
    p.add_argument("--dir", default=f"{ROOT}/build", help="folder on the disk to measure; a fresh one is made in it")
    p.add_argument("--keep", action="store_true", help="keep that folder")
    p.add_argument("--json", metavar="FILE", help="all figures as JSON")
    return p.parse_args()


def main():
    build()
    names = [] if OPTIONS.cases == "none" else OPTIONS.cases.split(",")
    unknown = [n for n in names if n not in CASES]
    if unknown or (OPTIONS.radosgw and not radosgw.is_installed()):
        say(f"no such case: {', '.join(unknown)}" if unknown else
            "radosgw is not installed: apt-get install radosgw ceph-mon ceph-osd ceph-mgr ceph-common")
        return 2
    work = tempfile.mkdtemp(prefix="bench.", dir=OPTIONS.dir)
    targets, memory, ledger = {}, None, []
    try:
        targets["raw"] = Peer(OPTIONS.build, "raw", work)
        targets["null"] = Peer(OPTIONS.build, "null", work)
        targets["troth"] = Troth(OPTIONS.build, work)
        if OPTIONS.radosgw:
            targets["radosgw"] = Rgw(targets["troth"], work)
        results = run_cases(names, targets)
        if not OPTIONS.no_memory:
            memory = measure_memory(targets["troth"])
            say(f"200 uploads at once: {memory}")
    finally:
        for t in targets.values():
            t.stop()
    if not OPTIONS.no_ledger:
        ledger = measure_ledger(work, OPTIONS.ledger_entries)
    decisions = measure_decisions()
    if not OPTIONS.keep:
        shutil.rmtree(work)
    lines = report(results, memory, ledger, decisions)
    say("\n" + "\n".join(lines))
    if OPTIONS.write:
        with open(f"{ROOT}/docs/performance.md", "w", encoding="utf-8") as f:
            f.write("\n".join(lines) + "\n")
    if OPTIONS.json:
        with open(OPTIONS.json, "w", encoding="utf-8") as f:
            json.dump({"cases": results, "memory": memory, "ledger": ledger, "decisions": decisions}, f, indent=1)
    errors = sum(r["errors"] for case in results.values() for rounds in case.values() for r in rounds)
    return 1 if errors or (memory and memory["errors"]) else 0


if __name__ == "__main__":
    OPTIONS = parse()
    sys.exit(main())
