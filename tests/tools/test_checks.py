#!/usr/bin/python3
"""The checkers of tools/: each rule refuses the smallest tree that breaks it, and passes one that does not."""
import os
import subprocess
import sys
import tempfile
import unittest

TOOLS = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'tools')
LAYERS = '0 base\n1 sys\n1 crypto sys\n2 store\n2 net\n3 keys\n'


class Tree:
    def __init__(self, files):
        self.dir = tempfile.TemporaryDirectory()
        for name, text in files.items():
            path = os.path.join(self.dir.name, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, 'w', encoding='utf-8') as f:
                f.write(text)

    def __del__(self):
        self.dir.cleanup()

    def run(self, tool, *args):
        done = subprocess.run([sys.executable, os.path.join(TOOLS, tool), *args, self.dir.name],
                              capture_output=True, text=True, check=False)
        return done.returncode, done.stdout


class Layers(unittest.TestCase):
    def check(self, path, text, want):
        tree = Tree({'src/LAYERS': LAYERS, 'src/' + path: text})
        code, out = tree.run('check_layers.py')
        self.assertEqual(code, 0 if want is None else 1, out)
        if want is not None:
            self.assertIn(want, out)

    def test_allowed(self):
        self.check('store/a.c', '#include "store/a_priv.h"\n#include "crypto/x.h"\n#include <sqlite3.h>\n', None)
        self.check('crypto/a.c', '#include "sys/fs.h"\n#include <openssl/evp.h>\n', None)
        self.check('sys/a.c', 'int f(void) { return open("x", 0); }\n', None)
        self.check('keys/a.c', 'x = f->open(p); y = g.open(p); vfs_open(p); /* open( */ s = "mmap(";\n', None)
        self.check('base/secret.c', 'p = mmap(0, 1, 2, 3, 4, 5);\n', None)

    def test_refused(self):
        self.check('base/a.c', '#include "sys/fs.h"\n', 'src/base/a.c:1: base may not include "sys/fs.h"')
        self.check('sys/a.c', '\n#include "crypto/x.h"\n', 'src/sys/a.c:2: sys may not include')
        self.check('store/a.c', '#include "net/http.h"\n', 'store may not include')
        self.check('keys/a.c', '#include "store/db_priv.h"\n', 'private to store')
        self.check('keys/a.c', '#include "fs.h"\n', 'names no folder')
        self.check('keys/a.c', '#include <openssl/evp.h>\n', 'belongs to crypto')
        self.check('keys/a.c', '# include <sqlite3.h>\n', 'belongs to store')
        self.check('keys/a.c', '/* one */\nint fd = open(path, 0);\n', 'src/keys/a.c:2: open() is called by sys only')
        self.check('keys/sub/a.c', 'if (fork() == 0) {}\n', 'fork()')
        self.check('base/rng.c', 'fd = open("/dev/urandom", 0);\n', 'open()')
        self.check('unknown/a.c', '\n', 'not in src/LAYERS')


class Clauses(unittest.TestCase):
    ROWS = 'agreement/rows.txt'

    def tree(self, **more):
        files = {self.ROWS: '# head\n2.1.3-1\tone\t一\n2.1.3-2\ttwo\t二\n',
                 'src/net/a.c': '/*= 2.1.3-1 "a sentence" */\nRESULT seal(int n)\n{\n}\n',
                 'tests/unit/a.c': '/*= 2.1.3-1 test */\nstatic void test_seal(void **state)\n{\n}\n',
                 'tests/scenario/a.py': '#= 2.1.3-2 test\ndef test_put():\n    pass\n'}
        files.update(more)
        return Tree(files)

    def test_writes_and_checks(self):
        tree = self.tree()
        self.assertEqual(tree.run('check_clauses.py', '--check')[0], 1)
        self.assertEqual(tree.run('check_clauses.py'), (0, ''))
        self.assertEqual(tree.run('check_clauses.py', '--check'), (0, ''))
        with open(os.path.join(tree.dir.name, 'docs/clauses.md'), encoding='utf-8') as f:
            text = f.read()
        self.assertIn('| 2.1.3-1 | one | 一 | `src/net/a.c`: seal | `tests/unit/a.c`: test_seal |', text)
        self.assertIn('| 2.1.3-2 | two | 二 | - | `tests/scenario/a.py`: test_put |', text)
        with open(os.path.join(tree.dir.name, 'src/net/a.c'), 'a', encoding='utf-8') as f:
            f.write('/*= 2.1.3-2 "another" */\nvoid more(void)\n{\n}\n')
        self.assertEqual(tree.run('check_clauses.py', '--check')[0], 1)

    def test_refused(self):
        for mark, want in (('/*= 9.9.9-9 "x" */', 'no row 9.9.9-9'), ('/*= 2.1.3-1 */', 'not a clause mark'),
                           ('/*= 2.1.3-1 tests */', 'not a clause mark'), ('/*= "x" */', 'not a clause mark')):
            code, out = self.tree(**{'src/net/b.c': mark + '\nvoid f(void)\n{\n}\n'}).run('check_clauses.py')
            self.assertEqual(code, 1)
            self.assertIn('src/net/b.c:1: ' + want, out)

    def test_rows(self):
        for rows in ('2.1.3-1\tone\n', '2.1.3-1\ta\tb\n2.1.3-1\ta\tb\n'):
            self.assertNotEqual(self.tree(**{self.ROWS: rows}).run('check_clauses.py')[0], 0)


if __name__ == '__main__':
    unittest.main()
