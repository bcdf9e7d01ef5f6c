"""A full disk: changes get 507, reads and the log go on, and it mends itself."""
import json
import os
import subprocess

import pytest

from kit import s3 as raw
from kit.rest import Rest
from kit.server import Server, wait_for


@pytest.fixture
def small_disk(tmp_path):
    if os.geteuid() != 0:
        pytest.skip('only root can mount a small file system')
    done = subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=420m', 'troth-test', str(tmp_path)], check=False, capture_output=True)
    if done.returncode != 0:
        pytest.skip(f'mount: {done.stderr.decode().strip()}')
    try:
        try:
            os.close(os.open(tmp_path / 'direct', os.O_WRONLY | os.O_CREAT | os.O_DIRECT))
        except OSError:
            pytest.skip('tmpfs of this kernel has no O_DIRECT')
        yield tmp_path
    finally:
        subprocess.run(['umount', '-l', str(tmp_path)], check=True)


#= 2.1.5-3 test
def test_full_disk(small_disk):
    server = Server(small_disk, 'vault: {reserve: 16MiB}\nledger: {reserve: 16MiB}\n')
    server.expect('507', 'full', 'Full', 'No space', 'InsufficientStorage', 'space', 'vault', 'log')
    server.start()
    try:
        tenant = server.tenant('acme')
        assert raw.request(tenant, 'PUT', '/bkt').status == 200
        block, stored = os.urandom(8_000_000), []
        for i in range(80):
            answer = raw.request(tenant, 'PUT', f'/bkt/{i}', body=block)
            if answer.status != 200:
                break
            stored.append(i)
        assert (answer.status, answer.code) == (507, 'InsufficientStorage'), answer
        filler = small_disk / 'filler' # and now really full
        with open(filler, 'wb', buffering=0) as f:
            try:
                while True:
                    f.write(block)
            except OSError:
                pass
        small = raw.request(tenant, 'PUT', '/bkt/small', body=b'x')
        assert (small.status, small.code) == (507, 'InsufficientStorage'), small
        before = len(tenant.entries())
        for i in (stored[0], stored[-1]):
            assert raw.request(tenant, 'GET', f'/bkt/{i}').body == block # reads go on, and are logged
        assert len(tenant.entries()) > before
        wait_for(lambda: any(e['entry']['kind'] == 'log.full' for e in server.entries('platform')), 5, 'the log says why')
        filler.unlink()
        assert raw.request(tenant, 'DELETE', f'/bkt/{stored[0]}').status in (204, 507)
        for i in stored[1:10]:
            raw.request(tenant, 'DELETE', f'/bkt/{i}')
        wait_for(lambda: raw.request(tenant, 'PUT', '/bkt/again', body=block).status == 200, 30, 'changes are taken again')
        server.troth_ok('log', 'export', '--tenant', 'acme', '-o', str(small_disk / 'p'))
        server.troth_ok('verify', str(small_disk / 'p'))
    finally:
        server.stop()


def fill(path):
    """Until not a byte is left."""
    with open(path, 'wb', buffering=0) as f:
        for block in (bytes(1_000_000), bytes(4096), b'x'):
            try:
                while True:
                    f.write(block)
            except OSError:
                pass


#= 2.1.5-3 test
def test_accounts_on_a_full_disk(small_disk):
    """Changes of accounts are refused, none is half made, and what was acknowledged is there when there is room again."""
    server = Server(small_disk, 'vault: {reserve: 16MiB}\nledger: {reserve: 16MiB}\n')
    server.expect('507', 'full', 'Full', 'No space', 'InsufficientStorage', 'space', 'vault', 'log', 'identity')
    server.start()
    try:
        tenant, rest = server.tenant('acme'), Rest(server, is_local=True)

        def create(name):
            return rest.raw('POST', '/api/v1/realms/acme/users', {'name': name, 'kind': 'service', 'owner': 'root'}).status
        made, unsure, refused = set(), set(), []
        for i in range(400):
            if i == 40:
                fill(small_disk / 'filler')
            status = create(f'u{i}')
            assert status in (201, 500, 503, 507), status
            (made if status == 201 else unsure).add(f'u{i}')
            refused += [status] if status != 201 else []
            if len(refused) == 10:
                break
        assert len(made) >= 40 and len(refused) == 10 and set(refused) <= {503, 507}, (len(made), refused)
        assert rest.raw('GET', '/api/v1/realms/acme/users?limit=1').status == 200 # reading goes on
        (small_disk / 'filler').unlink()
        wait_for(lambda: create('after') in (201, 409), 30, 'changes are taken again')
        for again in (False, True):
            there = {u['name'] for u in json.loads(server.troth_ok('user', 'list', '--realm', 'acme', '--json'))['items']}
            assert made | {'after'} <= there <= made | unsure | {'after', 'root'}, (made - there, there - made)
            entries = tenant.entries('user.create')
            told = {e['payload']['target'].rsplit('/', 1)[-1] for e in entries if e['payload']['phase'] == 'intent'}
            assert there <= told | {'root'}
            if not again:
                server.stop()
                server.start()
        outcomes = [e['payload']['intent'] for e in entries if e['payload']['phase'] == 'outcome']
        assert sorted(outcomes) == [e['index'] for e in entries if e['payload']['phase'] == 'intent']
    finally:
        server.stop()
