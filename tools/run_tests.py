#!/usr/bin/python3
"""Runs the parts of the test suite and counts every result: `./dev test [PART...]`.

Last line: `N passed, N failed` (`, N skipped` may follow). Exit status 1 when something failed. A part that executed
nothing is a failure, and so is a program that ends badly after its tests passed.
"""
import json
import os
import re
import subprocess
import sys
import time
import xml.etree.ElementTree as xml

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PYTHON = '/usr/bin/python3'
FUZZ_SECONDS = 4
# Folders whose code runs on several threads; `./dev build tsan` builds their tests.
THREADED = ['sys', 'crypto', 'store', 'net', 'ledger', 'keys', 'identity', 'vault']
# But for what is long and has one thread.
SINGLE = ['crypto:test_jose', 'crypto:test_vectors', 'crypto:test_webauthn', 'identity:test_passkey', 'identity:test_password_rules',
          'identity:test_policy', 'identity:test_policy_condition', 'identity:test_policy_grammar', 'identity:test_policy_model',
          'ledger:test_log_check', 'ledger:test_package', 'store:test_tamper']
# Under valgrind: parsers and code without coroutines, where it sees what ASan does not (uninitialised bytes).
VALGRIND = ['base', 'crypto:test_hash', 'crypto:test_box', 'crypto:test_stream', 'net:test_http_parse',
            'net:test_http_chunked', 'net:test_xml', 'ledger:test_entry', 'ledger:test_note', 'ledger:test_tree',
            'identity:test_access', 'identity:test_policy', 'identity:test_policy_condition', 'identity:test_policy_grammar',
            'identity:test_sigv4']
TAP = re.compile(r'^(not )?ok \d+(?: -)? ?(.*)$')
OUTPUT_LINES = 60


class Results:
    def __init__(self):
        self.passed, self.failures, self.skipped = 0, [], []

    def ok(self, n=1):
        self.passed += n

    def fail(self, name, output=''):
        self.failures.append(name)
        print(f'FAILED {name}')
        lines = output.strip().splitlines()
        if len(lines) > OUTPUT_LINES:
            print(f'    ... {len(lines) - OUTPUT_LINES} lines before')
        for line in lines[-OUTPUT_LINES:]:
            print('    ' + line)

    def skip(self, name, why=''):
        self.skipped.append(f'{name}: {why}' if why else name)

    def total(self):
        return self.passed + len(self.failures) + len(self.skipped)


def call(args, **more):
    """Runs a program; (exit status, output of both kinds)."""
    done = subprocess.run(args, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors='replace', check=False, **more)
    return done.returncode, done.stdout


def check(results, name, args):
    code, output = call(args)
    if code == 0:
        results.ok()
    else:
        results.fail(name, output)


def build(kind):
    """Builds build/KIND through ./dev, which knows how. False: told on standard error already."""
    return subprocess.run([os.path.join(ROOT, 'dev'), 'build', kind], check=False).returncode == 0


def sources():
    return sorted(os.path.relpath(os.path.join(where, name), ROOT) for top in ('src', 'tests', 'bench')
                  for where, _, names in os.walk(os.path.join(ROOT, top)) for name in names
                  if name.endswith(('.c', '.h', '.cc')))


# --- lint ---

def lint(results):
    check(results, 'format (./dev format mends it)',
          ['clang-format', '--dry-run', '-Werror', '--ferror-limit=3', *sources()])
    check(results, 'layers', [PYTHON, 'tools/check_layers.py'])
    check(results, 'agreement', [PYTHON, 'tools/check_agreement.py'])
    check(results, 'clauses (./dev docs mends it)', [PYTHON, 'tools/check_clauses.py', '--check'])
    check(results, 'checkers', [PYTHON, 'tests/tools/test_checks.py'])
    check(results, 'shell', ['shellcheck', 'dev', '.ci/run'])
    check(results, 'cppcheck', ['cppcheck', '-q', '-j2', '--error-exitcode=1', '--inline-suppr', '--std=c11',
                                '--enable=warning,portability', '--suppressions-list=tools/cppcheck.txt',
                                '--library=posix,gnu', '-D_GNU_SOURCE', '-DTROTH_VERSION=""', '-Isrc', 'src'])


# --- unit tests by meson ---

def tap_count(results, name, test):
    """Counts the single tests of one program; its own end counts where none of them explains it."""
    bad, skipped = False, len(results.skipped)
    for line in test.get('stdout', '').splitlines():
        m = TAP.match(line)
        if m is None:
            continue
        what = f'{name}: {m.group(2)}'
        if '# SKIP' in line:  # cmocka says "not ok" of what was skipped
            results.skip(re.sub(r'#\s*SKIP\s*', '', what))
        elif m.group(1):
            bad = True
            results.fail(what, test.get('stdout', '') + test.get('stderr', ''))
        else:
            results.ok()
    if test['result'] == 'SKIP':
        if len(results.skipped) == skipped:
            results.skip(name)
    elif len(results.skipped) > skipped and test['returncode'] == 0 and not bad:
        pass # meson takes cmocka's way of skipping for a failure
    elif test['result'] not in ('OK', 'EXPECTEDFAIL') and not bad:
        results.fail(f'{name} ({test["result"].lower()})', test.get('stdout', '') + test.get('stderr', ''))


def meson_tests(results, kind, label, *options, environment=None):
    log = f'build/{kind}/meson-logs/{label}'
    for end in ('.json', '-valgrind.json'):
        if os.path.exists(os.path.join(ROOT, log + end)):
            os.remove(os.path.join(ROOT, log + end))
    _, output = call(['meson', 'test', '-C', f'build/{kind}', '--no-rebuild', '--no-suite', 'lint', '--logbase', label,
                      *options], env={**os.environ, **(environment or {})})
    path = next((os.path.join(ROOT, p) for p in (log + '.json', log + '-valgrind.json') # meson names the wrapper
                 if os.path.exists(os.path.join(ROOT, p))), None)
    if path is None:
        results.fail(f'{label}: meson', output)
        return
    with open(path, encoding='utf-8') as f:
        for line in f:
            test = json.loads(line)
            tap_count(results, f'{label} {test["name"].split(" / ")[0].split(":")[-1]}/{test["name"].split(" / ")[-1]}',
                      test)


def unit(results):
    if build('dev'):
        meson_tests(results, 'dev', 'unit')
    else:
        results.fail('build of build/dev')


def asan(results):
    if build('asan'):
        meson_tests(results, 'asan', 'asan', '--timeout-multiplier', '4', environment={
            'ASAN_OPTIONS': 'allocator_may_return_null=1:detect_stack_use_after_return=0',
            'UBSAN_OPTIONS': 'halt_on_error=1:print_stacktrace=1'})
    else:
        results.fail('build of build/asan')


def names_of(kind, is_wanted):
    """'folder:test' of those tests of a build that are wanted."""
    code, output = call(['meson', 'test', '-C', f'build/{kind}', '--no-rebuild', '--list'])
    pairs = [line.partition(' / ')[::2] for line in output.splitlines() if code == 0 and ' / ' in line]
    return [name for folder, name in pairs if is_wanted(folder.split(':')[-1], name)]


def tsan(results):
    if build('tsan'):
        names = names_of('tsan', lambda folder, name: folder in THREADED and f'{folder}:{name}' not in SINGLE)
        meson_tests(results, 'tsan', 'tsan', '--timeout-multiplier', '6', *[o for folder in THREADED for o in ('--suite', folder)],
                    *names, environment={'TSAN_OPTIONS': 'halt_on_error=1:allocator_may_return_null=1'})
    else:
        results.fail('build of build/tsan')


def valgrind(results):
    if not build('dev'):
        results.fail('build of build/dev')
        return
    names = names_of('dev', lambda folder, name: folder in VALGRIND or f'{folder}:{name}' in VALGRIND)
    meson_tests(results, 'dev', 'valgrind', '--timeout-multiplier', '10',
                '--wrapper', 'valgrind -q --fair-sched=yes --error-exitcode=9 --suppressions=' + os.path.join(ROOT, 'tools/valgrind.supp'), *names)


# --- fuzzing ---

def fuzz(results):
    if not build('fuzz'):
        results.fail('build of build/fuzz')
        return
    names = [os.path.basename(f)[5:-2] for f in sources() if f.startswith('tests/fuzz/fuzz_')]
    running = []
    while names or running:
        while names and len(running) < (os.cpu_count() or 1):
            name = names.pop(0)
            running.append((name, subprocess.Popen(
                [PYTHON, 'tools/fuzz.py', name, '--seconds', str(FUZZ_SECONDS)], cwd=ROOT, text=True, errors='replace',
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT)))
        name, process = running.pop(0)
        output = process.communicate()[0]
        if process.returncode == 0:
            results.ok()
        else:
            results.fail(f'fuzz {name}', output)


# --- pytest ---

def pytest(results, folder, *options):
    if not build('dev'):
        results.fail('build of build/dev')
        return
    report = os.path.join(ROOT, 'build', os.path.basename(folder) + '.xml')
    if os.path.exists(report):
        os.remove(report)
    code = subprocess.run([PYTHON, '-m', 'pytest', '-q', '-p', 'no:cacheprovider', '--tb=short', '--durations=5',
                           f'--junitxml={report}', folder, *options], cwd=ROOT, check=False).returncode
    failed = len(results.failures)
    for case in xml.parse(report).getroot().iter('testcase') if os.path.exists(report) else []:
        name = f'{case.get("classname")}: {case.get("name")}'
        if case.find('failure') is not None or case.find('error') is not None:
            results.failures.append(name)
        elif case.find('skipped') is not None:
            results.skip(name, case.find('skipped').get('message') or '')
        else:
            results.ok()
    if code != 0 and len(results.failures) == failed:
        results.fail(f'{folder}: pytest ended with status {code}')


def scenario(results):
    pytest(results, 'tests/scenario')


def faults(results):
    pytest(results, 'tests/faults')


PARTS = [lint, unit, scenario, faults, asan, tsan, valgrind, fuzz]


def main():
    sys.stdout.reconfigure(line_buffering=True)
    wanted = sys.argv[1:]
    unknown = [w for w in wanted if w not in [p.__name__ for p in PARTS]]
    if unknown:
        print(f'no part {unknown[0]}: {" ".join(p.__name__ for p in PARTS)}', file=sys.stderr)
        return 2
    everything, started = [], time.monotonic()
    for part in PARTS:
        if wanted and part.__name__ not in wanted:
            continue
        print(f'== {part.__name__}')
        results, begun = Results(), time.monotonic()
        part(results)
        if results.total() == 0:
            results.fail(f'{part.__name__}: nothing was executed')
        everything.append(results)
        print(f'   {results.passed} passed, {len(results.failures)} failed, {len(results.skipped)} skipped '
              f'({time.monotonic() - begun:.0f} s)')
    for text in [s for r in everything for s in r.skipped]:
        print(f'skipped {text}')
    for name in [f for r in everything for f in r.failures]:
        print(f'FAILED {name}')
    passed, failed = sum(r.passed for r in everything), sum(len(r.failures) for r in everything)
    skipped = sum(len(r.skipped) for r in everything)
    print(f'{time.monotonic() - started:.0f} s')
    print(f'{passed} passed, {failed} failed' + (f', {skipped} skipped' if skipped else ''))
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
