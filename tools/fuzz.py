#!/usr/bin/python3
"""Runs one fuzz harness for a while: fuzz.py NAME [--seconds S] [--verbose].

What it learns is kept in build/fuzz/corpus/NAME and used the next time; what it finds lies in build/fuzz/found/NAME-*.
Exit status 1 on a finding.
"""
import argparse
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('name')
    parser.add_argument('--seconds', type=int, default=600)
    parser.add_argument('--verbose', action='store_true')
    given = parser.parse_args()
    harness = os.path.join(ROOT, 'build/fuzz/tests/fuzz', 'fuzz_' + given.name)
    if not os.path.exists(harness):
        print(f'no harness {given.name} (is it in tests/fuzz/meson.build?)')
        return 1
    seeds = os.path.join(ROOT, 'tests/fuzz/corpus', given.name)
    learnt = os.path.join(ROOT, 'build/fuzz/corpus', given.name)
    found = os.path.join(ROOT, 'build/fuzz/found', given.name + '-')
    os.makedirs(learnt, exist_ok=True)
    os.makedirs(os.path.dirname(found), exist_ok=True)
    args = [harness, f'-max_total_time={given.seconds}', '-timeout=10', '-rss_limit_mb=2048', '-print_final_stats=1',
            f'-artifact_prefix={found}', learnt] + ([seeds] if os.path.isdir(seeds) else [])
    done = subprocess.run(args, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors='replace', check=False)
    if done.returncode != 0:
        print(done.stdout)
        print(f'{given.name}: a finding, kept as {found}*')
        return 1
    runs = [line.split()[-1] for line in done.stdout.splitlines() if line.startswith('stat::number_of_executed_units')]
    if not runs or int(runs[0]) == 0:
        print(done.stdout)
        print(f'{given.name}: nothing was executed')
        return 1
    if given.verbose:
        print(f'{given.name}: {runs[0]} inputs in {given.seconds} s, no finding')
    return 0


if __name__ == '__main__':
    sys.exit(main())
