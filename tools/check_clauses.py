#!/usr/bin/python3
"""Clause marks: from each obligation to the code that meets it and the tests that show it.

A mark in C is a comment  /*= ID "sentence" */  above the code, or  /*= ID test */  above its test; in Python tests
`#= ID test`. ID is a row of agreement/rows/.

Usage: check_clauses.py [--check] [ROOT]
  without --check   writes docs/clauses.md
  --check           exit status 1 when docs/clauses.md is out of date
In both cases exit status 1 and one line per mark that is malformed or names no row.
"""
import os
import re
import sys

import yaml

LOADER = getattr(yaml, 'CBaseLoader', yaml.BaseLoader)
MARK = re.compile(r'/\*=\s*(.*?)\s*\*/|^[ \t]*#=[ \t]*(.*?)[ \t]*$', re.S | re.M)
BODY = re.compile(r'(\d[\d.]*-\d+)\s+(test|"[^"]+")', re.S)
FUNCTION = re.compile(r'\b([A-Za-z_]\w*)\s*\(')
NOT_NAMES = {'__attribute__', 'format', 'if', 'for', 'while', 'switch', 'return', 'sizeof', 'CLEANUP', 'TRY', 'TRY_MSG'}


def read_rows(root):
    """Id, English and Chinese title of every row, in the order of the agreement."""
    rows = []
    folder = os.path.join(root, 'agreement', 'rows')
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), encoding='utf-8') as f:
            for row in yaml.load(f, LOADER)['rows']:
                rows.append([row['id'], row['title']['en'], row['title']['zh']])
    ids = [row[0] for row in rows]
    if len(set(ids)) != len(ids):
        raise SystemExit('agreement/rows: an id stands twice')
    return rows


def function_after(text, at):
    """The function whose definition begins right behind a mark, or None."""
    rest = re.sub(r'/\*.*?\*/', '', text[at:at + 2000], flags=re.S).lstrip()
    head = re.split(r'[{;]', rest, maxsplit=1)[0]
    if '{' not in rest[len(head):len(head) + 1] and not rest.startswith('def '):
        return None
    for m in FUNCTION.finditer(head):
        if m.group(1) not in NOT_NAMES:
            return m.group(1)
    return None


def sources(root):
    for top in ('src', 'tests'):
        for where, folders, names in os.walk(os.path.join(root, top)):
            folders[:] = sorted(f for f in folders if f not in ('corpus', 'tools', '__pycache__'))
            for name in sorted(names):
                if name.endswith(('.c', '.h', '.cc', '.py')):
                    yield os.path.join(where, name)


def read_marks(root, known):
    code, tests, faults = {}, {}, []
    for full in sources(root):
        path = os.path.relpath(full, root)
        with open(full, encoding='utf-8') as f:
            text = f.read()
        for m in MARK.finditer(text):
            is_c = m.group(1) is not None
            if is_c == full.endswith('.py'):
                continue
            line = text.count('\n', 0, m.start()) + 1
            body = BODY.fullmatch(m.group(1) if is_c else m.group(2))
            if body is None:
                faults.append(f'{path}:{line}: not a clause mark')
            elif body.group(1) not in known:
                faults.append(f'{path}:{line}: no row {body.group(1)}')
            else:
                into = tests if body.group(2) == 'test' else code
                into.setdefault(body.group(1), set()).add((path, function_after(text, m.end())))
    return code, tests, faults


def cell(places):
    out = []
    for path in sorted({p for p, _ in places}):
        names = sorted({n for p, n in places if p == path and n})
        out.append(f'`{path}`' + (': ' + ', '.join(names) if names else ''))
    return '<br>'.join(out) or '-'


def render(rows, code, tests):
    both = sum(1 for row in rows if row[0] in code and row[0] in tests)
    out = ['# Obligations, the code that meets them, the tests that show it', '',
           'Written by `tools/check_clauses.py` from the marks in `src/` and `tests/`; the rows are those of '
           '`agreement/rows/`.', '',
           f'{len(rows)} rows; {len(code)} with code, {len(tests)} with tests, {both} with both.', '',
           '| Row | Obligation | 义务 | Code | Tests |', '| --- | --- | --- | --- | --- |']
    for row, english, chinese in rows:
        out.append(f'| {row} | {english} | {chinese} | {cell(code.get(row, ()))} | {cell(tests.get(row, ()))} |')
    return '\n'.join(out) + '\n'


def main():
    args = sys.argv[1:]
    is_check = '--check' in args
    args = [a for a in args if a != '--check']
    root = args[0] if args else os.path.join(os.path.dirname(__file__), '..')
    rows = read_rows(root)
    code, tests, faults = read_marks(root, {row[0] for row in rows})
    for fault in faults:
        print(fault)
    text = render(rows, code, tests)
    target = os.path.join(root, 'docs', 'clauses.md')
    if is_check:
        old = ''
        if os.path.exists(target):
            with open(target, encoding='utf-8') as f:
                old = f.read()
        if old != text:
            print('docs/clauses.md is out of date: run tools/check_clauses.py')
            return 1
    elif not faults:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, 'w', encoding='utf-8') as f:
            f.write(text)
    return 1 if faults else 0


if __name__ == '__main__':
    sys.exit(main())
