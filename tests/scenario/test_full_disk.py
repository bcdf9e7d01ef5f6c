"""A full disk: changes get 507, reads and the log go on, and it mends itself."""
import os
import subprocess

import pytest

from kit import s3 as raw
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
