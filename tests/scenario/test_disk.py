"""Only ciphertext on the disk; one changed byte is found and named."""
import os
import random

import pytest

from kit import s3 as raw
from kit.server import wait_for

SECRETS = {'content': b'The quick brown fox signs a contract of 4711 pages.', 'name': b'merger-plans-2027',
           'bucket': b'acquisitions', 'metadata': b'projekt-sonnenblume', 'tag': b'streng-vertraulich',
           'content type': b'application/x-hush'}


def fill(tenant):
    name, bucket = SECRETS['name'].decode(), SECRETS['bucket'].decode()
    headers = {'x-amz-meta-label': SECRETS['metadata'].decode(), 'x-amz-tagging': 'a=' + SECRETS['tag'].decode(),
               'content-type': SECRETS['content type'].decode()}
    raw.request(tenant, 'PUT', f'/{bucket}')
    for i, repeat in enumerate((1, 100, 20_000)): # inline in a pack, several chunks, a file of its own
        answer = raw.request(tenant, 'PUT', f'/{bucket}/{name}-{i}', headers=headers, body=SECRETS['content'] * repeat)
        assert answer.status == 200, answer
    raw.request(tenant, 'GET', f'/{bucket}/{name}-0')


def files(folder):
    return [os.path.join(where, n) for where, _, names in os.walk(folder) for n in names
            if os.path.isfile(os.path.join(where, n))]


#= 2.1.3-4 test
@pytest.mark.parametrize('suite', ['AES-256-GCM', 'SM4-CTR-HMAC-SM3'])
def test_only_ciphertext(make_server, suite):
    server = make_server()
    tenant = server.tenant('acme', '--suite', suite)
    fill(tenant)

    def leaks():
        found = []
        for path in files(server.dir):
            with open(path, 'rb') as f:
                text = f.read()
            found += [(path, what) for what, secret in {**SECRETS, 'secret key': tenant.secret_key.encode()}.items()
                      if secret in text]
        return found

    assert leaks() == []
    server.stop()
    assert leaks() == []
    assert all(os.stat(f).st_mode & 0o077 == 0 for f in files(os.path.join(server.dir, 'keeper')))
    assert os.stat(os.path.join(server.dir, 'root.key')).st_mode & 0o777 == 0o600
    assert os.stat(server.dir).st_mode & 0o777 == 0o700


def flip(path, at):
    with open(path, 'r+b') as f:
        f.seek(at)
        byte = f.read(1)[0]
        f.seek(at)
        f.write(bytes([byte ^ 1]))


#= 2.1.3-6 test
def test_a_changed_byte_in_a_large_object(make_server):
    server = make_server()
    tenant = server.tenant('acme')
    fill(tenant)
    assert server.troth('check').returncode == 0
    [blob] = [f for f in files(os.path.join(server.dir, 'vault', 'blobs')) if os.path.getsize(f) > 100_000]
    server.expect('ntegrity', 'does not', 'blob', 'broke off', 'malformed', 'damaged', 'request')
    for at in [0, 9, 100, 511, 512, 600, 66_000, os.path.getsize(blob) - 1,
               *random.Random(1).sample(range(os.path.getsize(blob)), 12)]:
        flip(blob, at)
        done = server.troth('check')
        assert done.returncode == 1, f'byte {at}: {done.stdout}'
        assert os.path.basename(blob) in done.stdout or 'merger-plans-2027-2' in done.stdout, done.stdout
        flip(blob, at)
    assert server.troth('check').returncode == 0
    flip(blob, 512 + 10)
    answer = raw.request(tenant, 'GET', '/acquisitions/merger-plans-2027-2')
    assert answer.status >= 500, answer # the first chunk: nothing of the body has left
    flip(blob, 512 + 10)


def sample(path, seed, count):
    size = os.path.getsize(path)
    return sorted({0, size - 1, *random.Random(seed).sample(range(size), min(count, size))})


#= 2.1.5-3 test
def test_a_changed_byte_anywhere_in_the_ledger(make_server):
    """Entries and tiles: found when the log is exported and verified, or at the start."""
    server = make_server()
    tenant = server.tenant('acme')
    fill(tenant)
    server.stop()
    logs = [f for f in files(os.path.join(server.dir, 'ledger')) if os.path.getsize(f) and 'journal' not in f and '/acme' in f]
    assert logs
    server.expect('.')
    unfound = []
    for path in logs:
        for at in sample(path, 2, 3):
            flip(path, at)
            process = server.spawn()
            line = process.stdout.readline()
            if line.startswith('ready'):
                server.address = line.split()[1]
                package = os.path.join(server.dir, '..', 'tampered.troth')
                done = server.troth('log', 'export', '--tenant', 'acme', '-o', package)
                if done.returncode == 0 and server.troth('verify', package).returncode == 0:
                    unfound.append((os.path.relpath(path, server.dir), at))
                server.kill()
            else:
                process.wait()
                process.stdout.close()
                server.process = None
            flip(path, at)
    assert not unfound, unfound
    server.start() # and as it was, it is whole
    package = os.path.join(server.dir, '..', 'whole.troth')
    server.troth_ok('log', 'export', '--tenant', 'acme', '-o', package)
    server.troth_ok('verify', package)


def test_deleted_data_goes_from_the_disk(make_server):
    server = make_server()
    tenant = server.tenant('acme')
    fill(tenant)
    blobs = os.path.join(server.dir, 'vault', 'blobs')
    assert files(blobs)
    raw.request(tenant, 'DELETE', '/acquisitions/merger-plans-2027-2')
    wait_for(lambda: not files(blobs), 20, 'the blob is unlinked')
