#!/usr/bin/python3
"""The checkers of tools/: each rule refuses the smallest tree that breaks it, and passes one that does not."""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
import unittest.mock

TOOLS = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'tools')
sys.path.insert(0, TOOLS)
import check_agreement # noqa: E402, found by the line above

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
    ROWS = 'agreement/rows/2.1.3.yaml'

    def tree(self, **more):
        rows = 'rows:\n' + ''.join(f'  - id: {i}\n    title:\n      en: {en}\n      zh: {zh}\n'
                                   for i, en, zh in (('2.1.3-1', 'one', '一'), ('2.1.3-2', 'two', '二')))
        files = {self.ROWS: rows,
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
        tree = self.tree(**{'agreement/rows/2.1.4.yaml': 'rows:\n  - {id: 2.1.3-1, title: {en: a, zh: b}}\n'})
        self.assertNotEqual(tree.run('check_clauses.py')[0], 0)


class Agreement(unittest.TestCase):
    """One change to a copy of what stands in the tree; each must be refused for its own reason."""
    CODE = 'src/identity/param.c'

    def check(self, path, old, new, want):
        source = os.path.join(TOOLS, '..')
        with tempfile.TemporaryDirectory() as copy:
            shutil.copytree(os.path.join(source, 'agreement'), os.path.join(copy, 'agreement'))
            os.makedirs(os.path.join(copy, 'src', 'identity'))
            shutil.copy(os.path.join(source, self.CODE), os.path.join(copy, self.CODE))
            full = os.path.join(copy, path)
            with open(full, encoding='utf-8') as f:
                text = f.read()
            self.assertTrue(old in text, f'{path}: {old!r}, which the test changes, is gone')
            with open(full, 'w', encoding='utf-8') as f:
                f.write(text.replace(old, new, 1))
            with open(os.path.join(copy, 'register.md'), 'w', encoding='utf-8') as f:
                f.write('| 7 | A host that nobody has ever heard of **must** be noticed. | 任何人都没有听说过的主机必须能被及时发现 |\n')
            with unittest.mock.patch.dict(os.environ, {'TROTH_CLAUSES': os.path.join(copy, 'register.md')}):
                faults, _ = check_agreement.check(copy)
        if want is None:
            self.assertEqual(faults, [])
        else:
            self.assertIn(want, '\n'.join(faults))

    def test_as_it_stands(self):
        self.check('agreement/laws.yaml', '# Laws', '# laws', None)

    def test_yaml(self):
        rows = 'agreement/rows/0.yaml'
        self.check(rows, 'owes: [', 'owes: &a [', 'an anchor, alias or tag')
        self.check(rows, 'rests_on: agreement', 'rests_on: !!str agreement', 'an anchor, alias or tag')
        self.check(rows, '    kind: [', '    owes: []\n    kind: [', "key 'owes' stands twice")
        self.check(rows, 'rows:', 'rows: [', 'rows/0.yaml')
        self.check(rows, 'rows:', '---\nrows:', 'rows/0.yaml')

    def test_shape(self):
        rows = 'agreement/rows/2.1.3.yaml'
        self.check(rows, '      zh: 传输采用行业标准的强加密\n', '', '.title: no zh')
        self.check(rows, '传输采用行业标准的强加密', 'the same', '.title.zh: not Chinese')
        self.check(rows, 'Data in transfer is protected by strong standard encryption', '传输', '.title.en: not English')
        self.check(rows, '    rests_on: agreement', '    rests_on: hope', 'is none of agreement')
        self.check(rows, 'is: equals, value: 100', 'is: about, value: 100', "'about' is none of")
        self.check(rows, 'value: 100, unit: "%"', 'value: all, unit: "%"', 'a number is wanted')
        self.check(rows, 'unit: h}', 'unit: moons}', "'moons' is none of")
        self.check(rows, '    fresh:', '    fresher:', 'unknown key fresher')
        self.check(rows, 'kind: [enforced, measured]', 'kind: [enforced, enforced]', 'something stands twice')
        self.check('agreement/laws.yaml', 'from: 2026-01-01', 'from: 2026-13-01', 'a date is wanted')

    def test_ids(self):
        rows = 'agreement/rows/2.1.3.yaml'
        self.check(rows, 'id: 2.1.3-10', 'id: 2.1.3-11', 'no row 2.1.3-10')
        self.check(rows, 'id: 2.1.3-10', 'id: 2.1.3-9', '2.1.3-9 stands twice')
        self.check(rows, 'clause: "2.1.3"', 'clause: "2.1.4"', 'rows/2.1.3.yaml: holds clause 2.1.4')
        self.check('agreement/parameters.yaml', 'id: P-AV-2', 'id: P-AV-1', 'P-AV-1 stands twice')

    def test_references(self):
        rows = 'agreement/rows/2.1.3.yaml'
        self.check(rows, 'param: P-TLS-1', 'param: P-TLS-9', 'no parameter P-TLS-9')
        self.check(rows, 'laws: [gbt-22239-2019,', 'laws: [gbt-22239-1999,', 'no law gbt-22239-1999')
        self.check('agreement/rows/2.1.1.yaml', 'documents: [iso-27001', 'documents: [iso-9', 'no document type iso-9')
        self.check('agreement/laws.yaml', 'rows: [2.1.5-3]', 'rows: [2.1.5-30]', 'logs-kept: no row 2.1.5-30')
        self.check('agreement/laws.yaml', 'sources: [S8]', 'sources: [S80]', 'csl: no source S80')
        self.check('agreement/laws.yaml', 'law: vuln-rule', 'law: vuln', 'no law vuln')
        self.check('agreement/documents.yaml', 'param: P-PEN-1', 'param: P-PEN-2', 'no parameter P-PEN-2')
        self.check('agreement/responsibility.yaml', 'rows: [2.1.1-1,', 'rows: [2.1.1-11,', 'site: no row 2.1.1-11')

    def test_proof(self):
        rows = 'agreement/rows/2.1.2.yaml'
        self.check(rows, '    collector: not measured yet', '    collector: []', 'a collector, or "not measured yet"')
        self.check(rows, '    missing:\n', '    measure_of:\n', 'unknown key measure_of')
        self.check('agreement/rows/2.1.6.yaml', '    collector: [agreement.jurisdictions]',
                   '    collector: not measured yet', 'nothing says what is missing')
        self.check('agreement/rows/2.1.1.yaml', '    documents: [iso-27001, iso-soa]', '    documents: []',
                   'document types and the collector "documents" go together')

        self.check(rows, 'evidence: [document, record]', 'evidence: [record]', 'evidence of kind "document" go together')
        self.check(rows, 'kind: [measured]', 'kind: []', 'who owes it, and of which kind')

    def test_program(self):
        with tempfile.TemporaryDirectory() as empty:
            os.makedirs(os.path.join(empty, 'agreement', 'rows'))
            done = subprocess.run([sys.executable, os.path.join(TOOLS, 'check_agreement.py'), empty], check=False,
                                  capture_output=True, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn('agreement/laws.yaml', done.stdout)
        done = subprocess.run([sys.executable, os.path.join(TOOLS, 'check_agreement.py'), '--table'], check=False,
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertRegex(done.stdout, r'(?m)^\| 2\.1\.4 \| 9 \|.*\n')
        self.assertRegex(done.stdout, r'\| all \| 97 \|')

    def test_mapping_and_responsibility(self):
        rows = 'agreement/rows/2.1.3.yaml'
        self.check(rows, 'mlps: [8.1.2.2', 'mlps: [8.1.2.4', 'mlps has no 8.1.2.4')
        self.check(rows, 'iso27001: [5.14', 'iso27001: [5.38', 'iso27001 has no 5.38')
        self.check(rows, 'ccm: [CEK-03', 'ccm: [CEK-22', 'ccm has no CEK-22')
        self.check(rows, 'nist: [SC-8', 'nist: [SX-8', 'nist has no SX-8')
        self.check(rows, '{iaas: provider', '{iaas: customer', 'responsibility is')

    def test_figures(self):
        params = 'agreement/parameters.yaml'
        self.check(params, 'default: 400', 'default: 100', 'P-LOG-1: the default 100 is not allowed')
        self.check(params, 'allowed: {min: 184}', 'allowed: {min: 180}', 'goes past the floor 184 of csl')
        self.check(params, 'is: at-least, value: 184', 'is: at-least, value: 180', 'its floor is not that of logs-kept')
        self.check(params, 'default: "off"', 'default: perhaps', 'perhaps is no choice')
        self.check('agreement/rows/2.1.5.yaml', 'is: at-least, param: P-LOG-1', 'is: at-most, param: P-LOG-1',
                   'goes against P-LOG-1')
        self.check('agreement/rows/2.1.5.yaml', 'is: at-least, param: P-LOG-1', 'is: at-least, value: 90, unit: d',
                   'no condition by P-LOG-1')
        self.check('agreement/laws.yaml', 'until: 2025-12-31', 'until: 2026-01-01', 'csl: versions overlap')

    def test_code(self):
        self.check(self.CODE, '"P-IAM-1", "min", "15"', '"P-IAM-1", "min", "20"', "P-IAM-1: default is '15'")
        self.check(self.CODE, '10, 30, NULL', '10, 60, NULL', 'P-IAM-1: allowed is')
        self.check(self.CODE, '"nist-800-63b-4", "mlps-3", NULL', '"mlps-3", NULL', 'P-AUTH-1: allowed is')
        self.check(self.CODE, '"P-IAM-3"', '"P-IAM-33"', 'P-IAM-33 is not in agreement/parameters.yaml')
        self.check(self.CODE, '[PARAM_IDLE] = {', '[PARAM_IDLE] = PARAM(', 'its table is not understood')

    def test_own_words(self):
        self.check('agreement/rows/2.1.2.yaml', 'Machines that appear or restart without an order are noticed.',
                   'A host that nobody has ever heard of must be noticed.', 'word for word from the register')
        self.check('agreement/rows/2.1.2.yaml', '无订单而新增或重启的虚拟机会被发现。', '任何人都没有听说过的主机必须能被及时发现。',
                   'word for word from the register')


if __name__ == '__main__':
    unittest.main()
