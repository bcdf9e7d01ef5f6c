"""Bodies as newer SDKs send them: aws-chunked, signed and unsigned, with trailers."""
import hashlib

import pytest

from kit import s3 as raw

PARTS = [b'a' * 65536, b'b' * 65536, b'c' * 1234]
CONTENT = b''.join(PARTS)
SIGNED, SIGNED_TRAILER = 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD', 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER'
UNSIGNED_TRAILER = 'STREAMING-UNSIGNED-PAYLOAD-TRAILER'


@pytest.fixture
def bucket(tenant):
    assert raw.request(tenant, 'PUT', '/bkt').status == 200
    return tenant


def put(tenant, key, payload, wire, length=len(CONTENT), signer=None, headers=None):
    """`wire` makes the body from the signer, once the head is signed."""
    signer = signer or raw.Signer(tenant)
    all_headers = signer.headers('PUT', f'/bkt/{key}', None, {
        'content-encoding': 'aws-chunked', 'x-amz-decoded-content-length': str(length), **(headers or {})}, payload)
    body = wire(signer)
    all_headers['content-length'] = str(len(body))
    with raw.Connection(tenant.server) as c:
        c.send(raw.head_bytes('PUT', f'/bkt/{key}', all_headers) + body)
        return c.answer()


def content(tenant, key):
    answer = raw.request(tenant, 'GET', f'/bkt/{key}')
    return answer.body if answer.status == 200 else answer.code


def test_signed_chunks(bucket):
    answer = put(bucket, 'k', SIGNED, lambda s: s.chunks_signed(PARTS))
    assert answer.status == 200, answer
    assert content(bucket, 'k') == CONTENT
    head = raw.request(bucket, 'HEAD', '/bkt/k')
    assert 'aws-chunked' not in head.headers.get('content-encoding', '')
    assert int(head.headers['content-length']) == len(CONTENT)


def test_other_encodings_are_kept(bucket):
    answer = put(bucket, 'k', SIGNED, lambda s: s.chunks_signed(PARTS), headers={'content-encoding': 'aws-chunked,gzip'})
    assert answer.status == 200, answer
    assert raw.request(bucket, 'HEAD', '/bkt/k').headers['content-encoding'] == 'gzip'


@pytest.mark.parametrize('spoil', [0, 1, 2, 3])
def test_a_chunk_with_a_wrong_signature(bucket, spoil):
    answer = put(bucket, 'k', SIGNED, lambda s: s.chunks_signed(PARTS, spoil=spoil))
    assert (answer.status, answer.code) == (403, 'SignatureDoesNotMatch'), answer
    assert content(bucket, 'k') == 'NoSuchKey'


def test_a_changed_byte_in_a_chunk(bucket):
    answer = put(bucket, 'k', SIGNED, lambda s: s.chunks_signed(PARTS).replace(b'bbb', b'bxb', 1))
    assert (answer.status, answer.code) == (403, 'SignatureDoesNotMatch'), answer
    assert content(bucket, 'k') == 'NoSuchKey'


@pytest.mark.parametrize('algorithm', ['crc32', 'crc32c', 'crc64nvme', 'sha1', 'sha256'])
def test_unsigned_with_trailer(bucket, algorithm):
    name = f'x-amz-checksum-{algorithm}'
    value = raw.checksum(algorithm, CONTENT)
    answer = put(bucket, 'k', UNSIGNED_TRAILER, lambda s: s.chunks_plain(PARTS, {name: value}), headers={'x-amz-trailer': name})
    assert answer.status == 200, answer
    assert answer.headers[name] == value
    assert content(bucket, 'k') == CONTENT
    got = raw.request(bucket, 'GET', '/bkt/k', headers={'x-amz-checksum-mode': 'ENABLED'})
    assert got.headers[name] == value
    wrong = raw.checksum(algorithm, CONTENT + b'.')
    answer = put(bucket, 'wrong', UNSIGNED_TRAILER, lambda s: s.chunks_plain(PARTS, {name: wrong}),
                 headers={'x-amz-trailer': name})
    assert (answer.status, answer.code) == (400, 'BadDigest'), answer
    assert content(bucket, 'wrong') == 'NoSuchKey'


def test_signed_trailer(bucket):
    trailer = {'x-amz-checksum-crc32c': raw.checksum('crc32c', CONTENT)}
    named = {'x-amz-trailer': 'x-amz-checksum-crc32c'}
    answer = put(bucket, 'k', SIGNED_TRAILER, lambda s: s.chunks_signed(PARTS, trailer), headers=named)
    assert answer.status == 200, answer
    assert content(bucket, 'k') == CONTENT
    answer = put(bucket, 'no', SIGNED_TRAILER, lambda s: s.chunks_signed(PARTS, trailer, spoil='trailer'), headers=named)
    assert (answer.status, answer.code) == (403, 'SignatureDoesNotMatch'), answer
    assert content(bucket, 'no') == 'NoSuchKey'


@pytest.mark.parametrize('length', [len(CONTENT) - 1, len(CONTENT) + 1, 0])
def test_wrong_decoded_length(bucket, length):
    answer = put(bucket, 'k', SIGNED, lambda s: s.chunks_signed(PARTS), length=length)
    assert answer.status == 400, answer
    assert content(bucket, 'k') == 'NoSuchKey'


def test_missing_trailer(bucket):
    answer = put(bucket, 'k', UNSIGNED_TRAILER, lambda s: s.chunks_plain(PARTS, {}),
                 headers={'x-amz-trailer': 'x-amz-checksum-crc32'})
    assert answer.status == 400, answer
    assert content(bucket, 'k') == 'NoSuchKey'


@pytest.mark.parametrize('spoil', [lambda b: b.replace(b'\r\n', b'\n', 1), lambda b: b'zz' + b, lambda b: b'-1' + b[5:],
                                   lambda b: b'ffffffffffffffffff' + b[5:], lambda b: b.replace(b'\r\n0\r\n', b'\r\nx\r\n')])
def test_broken_framing(bucket, spoil):
    value = raw.checksum('crc32', CONTENT)
    answer = put(bucket, 'k', UNSIGNED_TRAILER, lambda s: spoil(s.chunks_plain(PARTS, {'x-amz-checksum-crc32': value})),
                 headers={'x-amz-trailer': 'x-amz-checksum-crc32'})
    assert answer.status == 400, answer
    assert content(bucket, 'k') == 'NoSuchKey'


@pytest.mark.parametrize('algorithm', ['crc64nvme', 'crc32'])
def test_checksum_header_beside_an_unsigned_payload(bucket, algorithm):
    headers = {f'x-amz-checksum-{algorithm}': raw.checksum(algorithm, CONTENT)}
    answer = raw.request(bucket, 'PUT', '/bkt/k', headers=headers, body=CONTENT, payload='UNSIGNED-PAYLOAD')
    assert answer.status == 200, answer
    answer = raw.request(bucket, 'PUT', '/bkt/no', headers=headers, body=CONTENT[1:], payload='UNSIGNED-PAYLOAD')
    assert (answer.status, answer.code) == (400, 'BadDigest'), answer


def test_transfer_encoding_chunked(bucket):
    """A body of unknown length by HTTP's own chunks: S3 wants a length, and says so; or takes it. Never half."""
    signer = raw.Signer(bucket)
    headers = signer.headers('PUT', '/bkt/k', None, None, 'UNSIGNED-PAYLOAD')
    headers['transfer-encoding'] = 'chunked'
    with raw.Connection(bucket.server) as c:
        c.send(raw.head_bytes('PUT', '/bkt/k', headers) + b'5\r\nhello\r\n0\r\n\r\n')
        answer = c.answer()
    assert answer.status == 200 or answer.code == 'MissingContentLength', answer
    assert content(bucket, 'k') == (b'hello' if answer.status == 200 else 'NoSuchKey')


def test_body_digest_mismatch(bucket):
    answer = raw.request(bucket, 'PUT', '/bkt/k', body=b'content', payload=hashlib.sha256(b'other').hexdigest())
    assert (answer.status, answer.code) == (400, 'XAmzContentSHA256Mismatch'), answer
    assert content(bucket, 'k') == 'NoSuchKey'


def test_early_end(bucket):
    signer = raw.Signer(bucket)
    for size in (1000, 300_000):
        headers = signer.headers('PUT', '/bkt/k', None, None, 'UNSIGNED-PAYLOAD')
        headers['content-length'] = str(size)
        with raw.Connection(bucket.server) as c:
            c.send(raw.head_bytes('PUT', '/bkt/k', headers) + b'x' * (size - 1))
    assert content(bucket, 'k') == 'NoSuchKey'


def test_expect_100_continue(bucket):
    headers = raw.Signer(bucket).headers('PUT', '/bkt/k', None, None, hashlib.sha256(b'later').hexdigest())
    with raw.Connection(bucket.server) as c:
        c.send(raw.head_bytes('PUT', '/bkt/k', {**headers, 'content-length': '5', 'expect': '100-continue'}))
        assert c.head()[0] == 100
        c.send(b'later')
        assert c.answer().status == 200
    headers['authorization'] = headers['authorization'][:-1] + 'x'
    with raw.Connection(bucket.server) as c: # refused before the body is asked for
        c.send(raw.head_bytes('PUT', '/bkt/k', {**headers, 'content-length': '5', 'expect': '100-continue'}))
        assert c.head()[0] >= 400
