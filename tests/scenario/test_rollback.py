"""A provider that knows nothing of the witness, and one that sets its ledger back."""
import json
import os
import shutil
import subprocess

import pytest

from kit import s3 as raw
from kit.server import TROTH, clean_environment, wait_for


class Witness:
    """On the customer's side: another folder, and nothing of the server's but its CA and the log's public key."""

    def __init__(self, folder):
        self.dir = str(folder)

    def run(self, *args):
        return subprocess.run([TROTH, 'witness', *args, '--dir', self.dir], env=clean_environment(), capture_output=True,
                              text=True, check=False, timeout=60)

    def ok(self, *args):
        done = self.run(*args)
        assert done.returncode == 0, f'witness {args}: {done.stdout}{done.stderr}'
        return done.stdout


def vkey(server, log):
    policy = server.troth_ok('log', 'policy', '--tenant', log)
    return [line.split()[1] for line in policy.splitlines() if line.startswith('log ')][0]


@pytest.fixture
def watched(make_server, tmp_path):
    server = make_server()
    tenant = server.tenant('acme')
    raw.request(tenant, 'PUT', '/bkt')
    witness = Witness(tmp_path / 'witness')
    witness.ok('init', '--name', 'witness.example', '--log', vkey(server, 'acme'), '--url',
               f'{server.address}/log/troth.local/acme', '--ca', server.ca)
    return server, tenant, witness


def published(server, tenant):
    """All that was logged so far has its checkpoint."""
    size = len(tenant.entries())
    wait_for(lambda: int(server.troth_ok('log', 'checkpoint', '--tenant', tenant.name).split('\n')[1]) >= size, 5, 'a checkpoint')


#= 2.1.5-3 test
def test_pull_and_status(watched):
    server, tenant, witness = watched
    sizes = []
    for i in range(3):
        raw.request(tenant, 'PUT', f'/bkt/{i}', body=b'x')
        published(server, tenant)
        witness.ok('pull') # the server knows nothing of this witness
        status = json.loads(witness.ok('status', '--json'))
        sizes.append(json.dumps(status))
    assert len(set(sizes)) == 3
    assert 'troth.local/acme' in sizes[0]


#= 2.1.5-3 test
def test_a_rollback_is_an_alarm(watched, tmp_path):
    """The provider sets the ledger back to an older copy and goes on from there: another history."""
    server, tenant, witness = watched
    raw.request(tenant, 'PUT', '/bkt/kept', body=b'x')
    published(server, tenant)
    server.stop()
    copy = tmp_path / 'copy'
    shutil.copytree(server.dir, copy, ignore=shutil.ignore_patterns('*.sock'))
    server.start()
    for i in range(5):
        raw.request(tenant, 'PUT', f'/bkt/{i}', body=b'the true history')
    published(server, tenant)
    witness.ok('pull')
    server.stop()
    shutil.rmtree(server.dir)
    shutil.copytree(copy, server.dir)
    server.expect('.')
    server.start()
    raw.request(tenant, 'PUT', '/bkt/forged', body=b'what never was') # shorter than what was seen
    published(server, tenant)
    done = witness.run('pull')
    assert done.returncode == 1 and done.stderr, done
    for i in range(8):
        raw.request(tenant, 'PUT', f'/bkt/{i}', body=b'the forged history') # and longer
    published(server, tenant)
    done = witness.run('pull')
    assert done.returncode == 1, done.stdout
    done = witness.run('status')
    assert done.returncode == 1 and 'alarm' in (done.stdout + done.stderr).lower()
    alarms = [os.path.join(where, n) for where, _, names in os.walk(witness.dir) for n in names if n.startswith('alarm-')]
    assert alarms # evidence that anyone can check
    checked = [subprocess.run([TROTH, 'verify', a, '--vkey', vkey(server, 'acme')], env=clean_environment(), check=False,
                              capture_output=True, text=True) for a in alarms]
    assert any('alarm' in (c.stdout + c.stderr).lower() or c.returncode == 0 for c in checked)


def test_a_changed_byte_in_the_witness_is_refused(watched):
    server, tenant, witness = watched
    published(server, tenant)
    witness.ok('pull')
    [state] = [os.path.join(where, 'state') for where, _, names in os.walk(witness.dir) if 'state' in names]
    text = open(state, 'rb').read()
    with open(state, 'wb') as f:
        f.write(text[:len(text) // 2] + bytes([text[len(text) // 2] ^ 1]) + text[len(text) // 2 + 1:])
    raw.request(tenant, 'PUT', '/bkt/more', body=b'x')
    published(server, tenant)
    assert witness.run('pull').returncode == 1
    os.unlink(state)
    assert witness.run('pull').returncode == 1 # never taken for a new log
