"""The ledger from outside: complete, provable, verifiable offline; every changed byte is refused."""
import base64
import hashlib
import json
import os
import random
import subprocess

import pytest

from kit import s3 as raw
from kit.server import TROTH, clean_environment, wait_for


def offline(*args):
    """`troth` without any network, and without the server's folder."""
    unshare = ['unshare', '-n'] if os.geteuid() == 0 and subprocess.run(
        ['unshare', '-n', 'true'], check=False, capture_output=True).returncode == 0 else []
    return subprocess.run([*unshare, TROTH, *args], env=clean_environment(), capture_output=True, text=True, check=False,
                          timeout=60)


@pytest.fixture
def filled(tenant):
    """A tenant who has done one of each."""
    raw.request(tenant, 'PUT', '/bkt')
    raw.request(tenant, 'PUT', '/bkt/k', body=b'content')
    raw.request(tenant, 'GET', '/bkt/k')
    raw.request(tenant, 'HEAD', '/bkt/k')
    raw.request(tenant, 'GET', '/bkt', {'list-type': '2'})
    raw.request(tenant, 'GET', '/')
    raw.request(tenant, 'PUT', '/bkt/copy', headers={'x-amz-copy-source': 'bkt/k'})
    raw.request(tenant, 'PUT', '/bkt/k', {'tagging': ''},
                body=b'<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>')
    raw.request(tenant, 'DELETE', '/bkt/k', {'tagging': ''})
    answer = raw.request(tenant, 'POST', '/bkt/m', {'uploads': ''})
    upload = answer.body.split(b'<UploadId>')[1].split(b'<')[0].decode()
    etag = raw.request(tenant, 'PUT', '/bkt/m', {'partNumber': '1', 'uploadId': upload}, body=b'part').headers['etag']
    raw.request(tenant, 'POST', '/bkt/m', {'uploadId': upload}, body=(
        f'<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part></CompleteMultipartUpload>'
    ).encode())
    answer = raw.request(tenant, 'POST', '/bkt/n', {'uploads': ''})
    upload = answer.body.split(b'<UploadId>')[1].split(b'<')[0].decode()
    raw.request(tenant, 'DELETE', '/bkt/n', {'uploadId': upload})
    raw.request(tenant, 'DELETE', '/bkt/copy')
    raw.request(tenant, 'PUT', '/gone')
    raw.request(tenant, 'DELETE', '/gone')
    return tenant


#= 2.1.5-3 test
def test_every_operation_is_an_entry(filled):
    entries = filled.entries()
    kinds = [e['entry']['kind'] for e in entries]
    for kind in ('tenant.create', 'bucket.create', 'object.put', 'object.get', 'object.head', 'object.list', 'bucket.list',
                 'object.copy', 'object.tag', 'object.untag', 'multipart.create', 'multipart.part', 'multipart.complete',
                 'multipart.abort', 'object.delete', 'bucket.delete'):
        assert kind in kinds, f'{kind}: only {sorted(set(kinds))}'
    assert [e['index'] for e in entries] == list(range(len(entries)))
    counters = [e['entry']['counter'] for e in entries if e['entry']['source'] == 'edge']
    assert counters == list(range(1, len(counters) + 1))
    put = [e for e in entries if e['entry']['kind'] == 'object.put'][0]['payload']
    assert put['actor']['access_key'] == filled.access_key and put['actor']['ip'] == '127.0.0.1'
    assert put['bucket'] == 'bkt' and put['key'] == 'k' and put['size'] == 7
    assert put['sha256'] == hashlib.sha256(b'content').hexdigest()
    assert put['suite'] == 'AES-256-GCM' and put['key_version'] == 1 and put['custodian']
    for e in entries: # the commitment is to what is shown
        assert set(e['entry']) == {'commitment', 'counter', 'kind', 'source', 'time', 'v'}
    shown = filled.server.troth_ok('log', 'entries', '--tenant', filled.name)
    assert 's3://bkt/k' in shown and 'object.put' in shown


def lines_of(tenant, tmp_path):
    package, policy = tmp_path / 'log.troth', tmp_path / 'policy'
    tenant.server.troth_ok('log', 'export', '--tenant', tenant.name, '-o', str(package))
    policy.write_text(tenant.server.troth_ok('log', 'policy', '--tenant', tenant.name))
    return package, policy


#= 2.1.5-3 test
def test_export_verifies_offline_and_no_changed_byte_does(filled, tmp_path):
    package, policy = lines_of(filled, tmp_path)
    done = offline('verify', str(package), '--policy', str(policy), '--json')
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report['verified'] and report['key_trusted'] and report['entries'] >= 16
    content = package.read_bytes()
    forged = tmp_path / 'forged'
    chosen = sorted({0, 1, len(content) - 2, len(content) - 1, *random.Random(3).sample(range(len(content)), 150)})
    for at in chosen:
        forged.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1:])
        done = offline('verify', str(forged), '--policy', str(policy))
        assert done.returncode == 1, f'byte {at} of {len(content)}: {done.stdout}'
        assert 'line' in done.stderr, done.stderr # the place is named
    lines = content.splitlines(keepends=True)
    for bad in (lines[:-1], lines[1:], lines[:3] + lines[4:], lines + lines[-1:], lines[:2] + [lines[3], lines[2]] + lines[4:], []):
        forged.write_bytes(b''.join(bad))
        assert offline('verify', str(forged), '--policy', str(policy)).returncode == 1
    other = filled.server.tenant(filled.name + '-x')
    foreign = tmp_path / 'foreign'
    foreign.write_text(filled.server.troth_ok('log', 'policy', '--tenant', other.name))
    assert offline('verify', str(package), '--policy', str(foreign)).returncode == 1


#= 2.1.3-6 test
def test_receipt_of_the_header_and_of_prove(filled, tmp_path):
    content = os.urandom(200_000)
    answer = raw.request(filled, 'PUT', '/bkt/report', body=content)
    receipt, proved, object_file = tmp_path / 'receipt', tmp_path / 'proved', tmp_path / 'object'
    receipt.write_bytes(base64.urlsafe_b64decode(answer.headers['x-troth-receipt'] + '=='))
    object_file.write_bytes(content)
    _, policy = lines_of(filled, tmp_path)
    filled.server.troth_ok('log', 'prove', '--tenant', filled.name, '--object', 's3://bkt/report', '-o', str(proved))
    for file in (receipt, proved):
        done = offline('verify', str(file), '--object', str(object_file), '--policy', str(policy))
        assert done.returncode == 0, done.stderr
        payload = json.loads(file.read_bytes())['payload']
        assert (payload['key'], payload['sha256']) == ('report', hashlib.sha256(content).hexdigest())
        text = file.read_bytes()
        forged = tmp_path / 'forged'
        for at in random.Random(4).sample(range(len(text)), 60):
            forged.write_bytes(text[:at] + bytes([text[at] ^ 1]) + text[at + 1:])
            assert offline('verify', str(forged), '--policy', str(policy)).returncode == 1, at
    object_file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert offline('verify', str(receipt), '--object', str(object_file), '--policy', str(policy)).returncode == 1


def test_multipart_receipt(filled):
    upload = raw.request(filled, 'POST', '/bkt/r', {'uploads': ''}).body.split(b'<UploadId>')[1].split(b'<')[0].decode()
    etag = raw.request(filled, 'PUT', '/bkt/r', {'partNumber': '1', 'uploadId': upload}, body=b'p').headers['etag']
    answer = raw.request(filled, 'POST', '/bkt/r', {'uploadId': upload}, body=(
        f'<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part></CompleteMultipartUpload>'
    ).encode())
    assert answer.headers.get('x-troth-receipt') or b'receipt' in answer.body.lower(), answer.headers


def test_public_log(filled):
    """Checkpoint and tiles as static files, without credentials; payloads are not among them."""
    server = filled.server
    origin = server.troth_json('status')['origin']

    def get(path, method='GET'):
        with raw.Connection(server) as c:
            c.send(f'{method} /log/{origin}/{filled.name}/{path} HTTP/1.1\r\nHost: x\r\n\r\n'.encode())
            return c.answer(method)

    wait_for(lambda: get('checkpoint').status == 200, 5, 'a checkpoint')
    size = wait_for(lambda: (lambda n: n if n >= len(filled.entries()) else 0)(
        int(get('checkpoint').body.split(b'\n')[1])), 5, 'all entries are published')
    tile = get(f'tile/entries/000.p/{size}') if size < 256 else get('tile/entries/000')
    assert tile.status == 200 and b'"kind":"object.put"' in tile.body
    assert b'content' not in tile.body and filled.access_key.encode() not in tile.body
    assert get(f'tile/0/000.p/{size}' if size < 256 else 'tile/0/000').status == 200
    for bad in ('../../root.key', '..%2f..%2froot.key', 'tile/0/999', 'tile/x', 'payload', 'tile/entries/000.p/0'):
        assert get(bad).status in (400, 403, 404), bad
    assert get('checkpoint', 'DELETE').status in (403, 405)


def test_platform_log(server, tenant):
    wait_for(lambda: any(e['entry']['kind'] == 'log.checkpoint' for e in server.entries('platform')), 10, 'checkpoints')
    assert server.entries('platform')[0]['entry']['kind'] == 'log.start'


def test_sources_and_heartbeats(make_server):
    server = make_server('ledger: {heartbeat: 1s}\n')
    tenant = server.tenant('acme')
    wait_for(lambda: len(tenant.entries('heartbeat')) >= 2, 15, 'heartbeats')
    beat = tenant.entries('heartbeat')[-1]
    assert beat['payload']['counters']['edge'] >= 1


#= 2.1.5-3 test
def test_management_is_in_the_ledger(server, tenant):
    before = len(tenant.entries()) + len(server.entries('platform'))
    server.troth_ok('log', 'entries', '--tenant', tenant.name)
    key = server.troth_json('key', 'list', '--tenant', tenant.name)['items'][0]['key_id']
    server.troth_ok('key', 'rotate', key, '--tenant', tenant.name)
    intent, outcome = tenant.entries('key.rotate')[-2:]
    assert intent['payload']['actor']['id'] == f'operator/{os.geteuid()}'
    assert outcome['payload']['intent'] == intent['index'] and outcome['payload']['result'] == 'ok'
    assert len(tenant.entries()) + len(server.entries('platform')) > before
