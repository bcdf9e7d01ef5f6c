"""python3-boto3 from Debian: what programs do."""
import base64
import hashlib
import io
import os
import urllib.error
import urllib.parse
import urllib.request
import ssl

import pytest
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from kit import s3 as raw

MIB = 1 << 20


class Stream(io.RawIOBase):
    """Reproducible content of any length that is never whole in memory; hashes what was read."""

    def __init__(self, size):
        super().__init__()
        self.size, self.at, self.hash = size, 0, hashlib.sha256()
        self.block = hashlib.sha512(str(size).encode()).digest() * (MIB // 64)

    def readable(self):
        return True

    def readinto(self, into):
        n = min(len(into), self.size - self.at, MIB - self.at % MIB)
        into[:n] = self.block[self.at % MIB:self.at % MIB + n]
        self.hash.update(into[:n])
        self.at += n
        return n


class Digest:
    """A file to download into that keeps the hash alone."""

    def __init__(self):
        self.hash, self.size = hashlib.sha256(), 0

    def write(self, data):
        self.hash.update(data)
        self.size += len(data)


def round_trip(s3, size):
    source, target = Stream(size), Digest()
    s3.upload_fileobj(io.BufferedReader(source, MIB), 'bkt', 'k', Config=TransferConfig(multipart_chunksize=16 * MIB, use_threads=False))
    for part in s3.get_object(Bucket='bkt', Key='k')['Body'].iter_chunks(MIB):
        target.write(part)
    assert target.size == size
    assert target.hash.digest() == source.hash.digest()


def test_multipart_64_mib(s3):
    s3.create_bucket(Bucket='bkt')
    round_trip(s3, 64 * MIB)


@pytest.mark.slow
def test_multipart_1_gib(s3):
    s3.create_bucket(Bucket='bkt')
    round_trip(s3, 1024 * MIB)
    assert s3.head_object(Bucket='bkt', Key='k')['ETag'].endswith('-64"')
    s3.delete_object(Bucket='bkt', Key='k')


@pytest.mark.parametrize('size', [0, 1, 65535, 65536, 65537, 131071, 131072, 131073, MIB, MIB + 1, 5 * MIB + 17])
def test_sizes(s3, size):
    """Around the bounds of chunks, packs and buffers."""
    content = os.urandom(size)
    s3.create_bucket(Bucket='bkt')
    s3.put_object(Bucket='bkt', Key='k', Body=content)
    assert s3.get_object(Bucket='bkt', Key='k')['Body'].read() == content
    if size > 2:
        got = s3.get_object(Bucket='bkt', Key='k', Range=f'bytes={size // 2 - 1}-{size // 2 + 1}')
        assert got['Body'].read() == content[size // 2 - 1:size // 2 + 2]
        assert got['ContentRange'].startswith(f'bytes {size // 2 - 1}-') and got['ContentRange'].endswith(f'/{size}')


def test_overwriting_and_deleting(s3):
    s3.create_bucket(Bucket='bkt')
    for content in (b'one', os.urandom(200_000), b'three'):
        s3.put_object(Bucket='bkt', Key='k', Body=content)
        assert s3.get_object(Bucket='bkt', Key='k')['Body'].read() == content
    with pytest.raises(ClientError) as e:
        s3.delete_bucket(Bucket='bkt')
    assert e.value.response['Error']['Code'] == 'BucketNotEmpty'
    s3.delete_object(Bucket='bkt', Key='k')
    s3.delete_object(Bucket='bkt', Key='k') # no error at S3 either
    with pytest.raises(s3.exceptions.NoSuchKey):
        s3.get_object(Bucket='bkt', Key='k')
    s3.delete_bucket(Bucket='bkt')
    with pytest.raises(s3.exceptions.NoSuchBucket):
        s3.list_objects_v2(Bucket='bkt')


@pytest.mark.parametrize('algorithm', ['CRC32', 'CRC32C', 'SHA1', 'SHA256'])
def test_checksums(s3, tenant, algorithm):
    content = os.urandom(100_000)
    field, value = f'Checksum{algorithm}', raw.checksum(algorithm.lower(), content)
    s3.create_bucket(Bucket='bkt')
    assert s3.put_object(Bucket='bkt', Key='k', Body=content, **{field: value})[field] == value
    assert s3.head_object(Bucket='bkt', Key='k', ChecksumMode='ENABLED')[field] == value
    got = s3.get_object(Bucket='bkt', Key='k', ChecksumMode='ENABLED')
    assert got[field] == value and got['Body'].read() == content
    with pytest.raises(ClientError) as e:
        s3.put_object(Bucket='bkt', Key='wrong', Body=content + b'.', **{field: value})
    assert e.value.response['Error']['Code'] == 'BadDigest'
    with pytest.raises(s3.exceptions.ClientError):
        s3.head_object(Bucket='bkt', Key='wrong') # nothing half-written
    if algorithm != 'CRC32C' and algorithm != 'CRC64NVME': # boto computes CRC32C with awscrt alone
        assert s3.put_object(Bucket='bkt', Key='k2', Body=content, ChecksumAlgorithm=algorithm)[field] == value
    put = [e for e in tenant.entries('object.put') if e['payload']['key'] == 'k'][0]
    assert put['payload']['size'] == len(content)
    assert put['payload']['sha256'] == hashlib.sha256(content).hexdigest()


def test_content_md5(s3):
    s3.create_bucket(Bucket='bkt')
    md5 = base64.b64encode(hashlib.md5(b'content').digest()).decode()
    s3.put_object(Bucket='bkt', Key='k', Body=b'content', ContentMD5=md5)
    for wrong, code in ((base64.b64encode(bytes(16)).decode(), 'BadDigest'), ('not base64!', 'InvalidDigest')):
        with pytest.raises(ClientError) as e:
            s3.put_object(Bucket='bkt', Key='wrong', Body=b'content', ContentMD5=wrong)
        assert e.value.response['Error']['Code'] == code


@pytest.mark.parametrize('signing', [True, False])
def test_payload_signed_or_not(tenant, signing):
    from conftest import boto_client
    client = boto_client(tenant, s3={'addressing_style': 'path', 'payload_signing_enabled': signing})
    client.create_bucket(Bucket='bkt')
    client.put_object(Bucket='bkt', Key='k', Body=b'x' * 70_000)
    assert client.get_object(Bucket='bkt', Key='k')['Body'].read() == b'x' * 70_000


def test_presigned(s3, tenant):
    context = ssl.create_default_context(cafile=tenant.server.ca)

    def fetch(url, method='GET', data=None):
        request = urllib.request.Request(url, data=data, method=method)
        try:
            with urllib.request.urlopen(request, context=context) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as e:
            return e.code, e.read()

    s3.create_bucket(Bucket='bkt')
    put = s3.generate_presigned_url('put_object', {'Bucket': 'bkt', 'Key': 'with space/中'})
    assert fetch(put, 'PUT', b'by URL')[0] == 200
    get = s3.generate_presigned_url('get_object', {'Bucket': 'bkt', 'Key': 'with space/中',
                                                   'ResponseContentType': 'text/special'})
    assert fetch(get) == (200, b'by URL')
    assert b'SignatureDoesNotMatch' in fetch(get.replace('with', 'wiTh'))[1]
    assert fetch(get, 'DELETE')[0] == 403


def test_listing_with_pages_and_delimiter(s3):
    s3.create_bucket(Bucket='bkt')
    keys = sorted([f'a/{i:03}' for i in range(25)] + [f'b/{c}/x' for c in 'klmn'] + ['c', 'd', 'z/'])
    for key in keys:
        s3.put_object(Bucket='bkt', Key=key, Body=b'')

    def walk(operation, **more):
        found, prefixes = [], []
        for page in s3.get_paginator(operation).paginate(Bucket='bkt', PaginationConfig={'PageSize': 4}, **more):
            found += [c['Key'] for c in page.get('Contents', page.get('Versions', []))]
            prefixes += [p['Prefix'] for p in page.get('CommonPrefixes', [])]
        return found, prefixes

    for operation in ('list_objects_v2', 'list_objects', 'list_object_versions'):
        assert walk(operation) == (keys, []), operation
        assert walk(operation, Prefix='a/') == (keys[:25], []), operation
        assert walk(operation, Delimiter='/') == (['c', 'd'], ['a/', 'b/', 'z/']), operation
        assert walk(operation, Prefix='b/', Delimiter='/') == ([], ['b/k/', 'b/l/', 'b/m/', 'b/n/']), operation
        assert walk(operation, Prefix='none') == ([], []), operation
    assert walk('list_objects_v2', StartAfter='b/m/x') == (['b/n/x', 'c', 'd', 'z/'], [])
    assert s3.list_objects_v2(Bucket='bkt', MaxKeys=0)['KeyCount'] == 0
    versions = s3.list_object_versions(Bucket='bkt', Prefix='c')['Versions']
    assert [(v['VersionId'], v['IsLatest']) for v in versions] == [('null', True)]


WEIRD = ['plain', 'with space', ' leading', 'trailing ', '..', '../up', 'a/../b', './here', 'a//b', '/slash', 'end/', '+', 'a+b',
         '%', '%2F', '%00', 'a%20b', '?q=1', '&', 'a&b=c', '#', '"', "'", '<tag>', '\\', '\u4e2d\u6587', '\U0001f512', 'e\u0301', 'é',
         '\x01', 'a\nb', 'tab\there', '\x7f', '~', '*', ';,:@!$()', 'x' * 1024, '中' * 341]


#= 2.1.3-8 test
def test_weird_keys(s3, tenant):
    """Keys are bytes, not paths; nothing is folded, joined or lost."""
    s3.create_bucket(Bucket='bkt')
    for key in WEIRD:
        s3.put_object(Bucket='bkt', Key=key, Body=key.encode())
    for key in WEIRD:
        assert s3.get_object(Bucket='bkt', Key=key)['Body'].read() == key.encode(), repr(key)
    listed = [c['Key'] for c in s3.list_objects_v2(Bucket='bkt')['Contents']] # boto asks for encoding-type=url
    assert listed == sorted(WEIRD, key=lambda k: k.encode())
    logged = [e['payload']['key'] for e in tenant.entries('object.put')]
    assert logged == WEIRD
    deleted = s3.delete_objects(Bucket='bkt', Delete={'Objects': [{'Key': k} for k in WEIRD if '\x01' not in k]})
    assert len(deleted['Deleted']) == len(WEIRD) - 1 and 'Errors' not in deleted
    s3.delete_object(Bucket='bkt', Key='\x01')
    assert s3.list_objects_v2(Bucket='bkt')['KeyCount'] == 0


def test_a_hundred_at_once(s3, tenant):
    from concurrent.futures import ThreadPoolExecutor
    s3.create_bucket(Bucket='bkt')

    def one(i):
        content = os.urandom(i * 1000)
        s3.put_object(Bucket='bkt', Key=str(i), Body=content)
        assert s3.get_object(Bucket='bkt', Key=str(i))['Body'].read() == content

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(one, range(100)))
    counters = [e['entry']['counter'] for e in tenant.entries() if e['entry']['source'] == 'edge']
    assert counters == list(range(1, len(counters) + 1))
