"""The customer's witness: it cosigns what continues, and is loud about what does not."""
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


def test_a_pulling_witness_that_the_server_knows(make_server, tmp_path):
    """Its cosignature comes back into the log's checkpoints."""
    witness = Witness(tmp_path / 'witness')
    key = json.loads(witness.ok('init', '--name', 'witness.example', '--json'))['vkey']
    server = make_server(f'ledger:\n  witnesses:\n    - {{vkey: "{key}"}}\n')
    tenant = server.tenant('acme')
    witness.ok('add', vkey(server, 'acme'), '--url', f'{server.address}/log/troth.local/acme', '--ca', server.ca)
    published(server, tenant)
    witness.ok('pull')
    wait_for(lambda: 'witness.example' in server.troth_ok('log', 'checkpoint', '--tenant', 'acme'), 5, 'the cosignature')


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


def test_cosignatures_of_a_serving_witness(make_server, tmp_path):
    """The server submits its checkpoints (tlog-witness); the policy of the verifier demands the cosignature."""
    witness = Witness(tmp_path / 'witness')
    made = json.loads(witness.ok('init', '--name', 'witness.example', '--host', '127.0.0.1', '--json'))
    key = made['vkey']
    serving = subprocess.Popen([TROTH, 'witness', 'serve', '--listen', '127.0.0.1:0', '--dir', witness.dir], text=True,
                               env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        address = serving.stdout.readline().split()[-1]
        assert address.startswith('https://'), address
        ca = [os.path.join(where, n) for where, _, names in os.walk(witness.dir) for n in names if n == 'ca.crt'][0]
        server = make_server('ledger:\n  witnesses:\n'
                             f'    - {{vkey: "{key}", url: "{address}", ca: "{ca}"}}\n')
        tenant = server.tenant('acme')
        witness.ok('add', vkey(server, 'acme'))
        raw.request(tenant, 'PUT', '/bkt')
        policy = tmp_path / 'policy'
        policy.write_text(f'log {vkey(server, "acme")}\nwitness w {key}\nquorum w\n')
        package = str(tmp_path / 'p.troth')

        def verified():
            server.troth_ok('log', 'export', '--tenant', 'acme', '-o', package)
            return server.troth('verify', package, '--policy', str(policy)).returncode == 0

        wait_for(verified, 40, 'a cosigned checkpoint at the end of the package')
    finally:
        serving.terminate()
        assert serving.wait(20) == 0
        serving.stdout.close()
        serving.stderr.close()
