"""Bad input: each refused with S3's own code, nothing half-written."""
import datetime
import hashlib

import pytest

from kit import s3 as raw

XML = b'<?xml version="1.0"?>'


@pytest.fixture
def bucket(tenant):
    assert raw.request(tenant, 'PUT', '/bkt').status == 200
    return tenant


def code(answer):
    return answer.status, answer.code


def listing(tenant):
    answer = raw.request(tenant, 'GET', '/bkt', {'list-type': '2'})
    assert answer.status == 200, answer
    return answer.body


#= 2.1.4-1 test
def test_wrong_secret(bucket):
    true, bucket.secret_key = bucket.secret_key, 'x' * 40
    assert code(raw.request(bucket, 'PUT', '/bkt/k', body=b'x')) == (403, 'SignatureDoesNotMatch')
    bucket.secret_key = true
    failed = bucket.entries('auth.failed')
    assert failed[-1]['payload']['error'] == 'SignatureDoesNotMatch'
    assert failed[-1]['payload']['actor']['access_key'] == bucket.access_key
    assert b'<Key>' not in listing(bucket)


def test_unknown_access_key(bucket):
    true, bucket.access_key = bucket.access_key, 'AK' + 'A' * 18
    assert code(raw.request(bucket, 'GET', '/bkt')) == (403, 'InvalidAccessKeyId')
    bucket.access_key = true


@pytest.mark.parametrize('minutes', [-16, 16, -60 * 24])
def test_stale_clock(bucket, minutes):
    at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=minutes)
    assert code(raw.request(bucket, 'GET', '/bkt', at=at)) == (403, 'RequestTimeTooSkewed')


@pytest.mark.parametrize('minutes', [-14, 14])
def test_clock_within_bounds(bucket, minutes):
    at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=minutes)
    assert raw.request(bucket, 'GET', '/bkt', at=at).status == 200


def test_anonymous(bucket):
    with raw.Connection(bucket.server) as c:
        c.send(b'GET /bkt/k HTTP/1.1\r\nHost: localhost\r\n\r\n')
        assert code(c.answer()) == (403, 'AccessDenied')


def test_presigned_expires(bucket):
    raw.request(bucket, 'PUT', '/bkt/k', body=b'x')
    signer = raw.Signer(bucket)
    now = datetime.datetime.now(datetime.timezone.utc)

    def get(target, host=None):
        with raw.Connection(bucket.server) as c:
            c.send(raw.head_bytes('GET', target, {'Host': host or signer.host}))
            return c.answer()

    assert get(signer.presign('GET', '/bkt/k')).body == b'x'
    assert get(signer.presign('GET', '/bkt/k', expires=60, at=now - datetime.timedelta(minutes=2))).status == 403
    assert get(signer.presign('GET', '/bkt/k', expires=604801)).status in (400, 403)
    assert get(signer.presign('GET', '/bkt/k'), host='elsewhere').status == 403
    assert get(signer.presign('GET', '/bkt/k') + '&more=1').status == 403


def test_replayed_signature_for_another_object(bucket):
    headers = raw.Signer(bucket).headers('PUT', '/bkt/k', None, None, hashlib.sha256(b'x').hexdigest())
    with raw.Connection(bucket.server) as c:
        c.send(raw.head_bytes('PUT', '/bkt/other', {**headers, 'content-length': '1'}) + b'x')
        assert code(c.answer()) == (403, 'SignatureDoesNotMatch')


def test_unknown_bucket_and_key(bucket):
    assert code(raw.request(bucket, 'PUT', '/none/k', body=b'x')) == (404, 'NoSuchBucket')
    assert code(raw.request(bucket, 'GET', '/none/k')) == (404, 'NoSuchBucket')
    assert code(raw.request(bucket, 'GET', '/bkt/k')) == (404, 'NoSuchKey')
    assert raw.request(bucket, 'HEAD', '/bkt/k').status == 404
    assert code(raw.request(bucket, 'GET', '/bkt/k', {'uploadId': '0' * 32})) == (404, 'NoSuchUpload')


@pytest.mark.parametrize('name', ['ab', 'a' * 64, 'UPPER', 'under_score', '-a-', 'a..b', '192.168.0.1', 'xn--a'])
def test_bucket_names(tenant, name):
    assert code(raw.request(tenant, 'PUT', '/' + name)) == (400, 'InvalidBucketName')


def test_bucket_twice(bucket):
    assert code(raw.request(bucket, 'PUT', '/bkt')) in ((409, 'BucketAlreadyOwnedByYou'), (200, None))


def test_over_long_key(bucket):
    assert raw.request(bucket, 'PUT', '/bkt/' + 'x' * 1024, body=b'x').status == 200
    assert code(raw.request(bucket, 'PUT', '/bkt/' + 'x' * 1025, body=b'x')) == (400, 'KeyTooLongError')


@pytest.mark.parametrize('path', ['/bkt/%', '/bkt/%4', '/bkt/%zz', '/bkt/%ff', '/bkt/%c0%af', '/bkt/%ed%a0%80'])
def test_bad_names(bucket, path):
    """Broken percent-encoding, and bytes that are no UTF-8."""
    headers = raw.Signer(bucket).headers('GET', path)
    with raw.Connection(bucket.server) as c:
        c.send(raw.head_bytes('GET', path, headers))
        assert c.answer().status in (400, 403)


@pytest.mark.parametrize('body', [
    b'', b'<', b'not xml', b'<Delete/>', b'<Other></Other>', b'<Delete><Object><Key>k</Key></Object>',
    XML + b'<!DOCTYPE d [<!ENTITY a "aaaaaaaaaa">]><Delete><Object><Key>&a;</Key></Object></Delete>',
    XML + b'<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]><Delete><Object><Key>&x;</Key></Object></Delete>',
    XML + b'<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;">]><Delete>&c;</Delete>',
    b'<Delete>' + b'<a>' * 500 + b'</a>' * 500 + b'</Delete>',
    b'<Delete>' + b'<Object><Key>k</Key></Object>' * 1001 + b'</Delete>'])
def test_xml(bucket, body):
    """Malformed, bombs, external entities, deep nesting, more than a thousand."""
    assert code(raw.request(bucket, 'POST', '/bkt', {'delete': ''}, body=body)) == (400, 'MalformedXML')


def test_xml_too_large(bucket):
    body = b'<Delete>' + b' ' * (8 << 20) + b'</Delete>'
    answer = raw.request(bucket, 'POST', '/bkt', {'delete': ''}, body=body)
    assert answer.status in (400, 413), answer


def test_multipart_bounds(bucket):
    answer = raw.request(bucket, 'POST', '/bkt/k', {'uploads': ''})
    upload = answer.body.split(b'<UploadId>')[1].split(b'<')[0].decode()
    for number in ('0', '10001', '-1', 'x', ''):
        answer = raw.request(bucket, 'PUT', '/bkt/k', {'partNumber': number, 'uploadId': upload}, body=b'x')
        assert code(answer) == (400, 'InvalidArgument'), number
    etags = [raw.request(bucket, 'PUT', '/bkt/k', {'partNumber': str(n), 'uploadId': upload}, body=b'x' * 1000).headers['etag']
             for n in (1, 2, 10000)]

    def complete(*parts):
        xml = ''.join(f'<Part><PartNumber>{n}</PartNumber><ETag>{e}</ETag></Part>' for n, e in parts)
        body = f'<CompleteMultipartUpload>{xml}</CompleteMultipartUpload>'.encode()
        return code(raw.request(bucket, 'POST', '/bkt/k', {'uploadId': upload}, body=body))

    assert complete((1, etags[0]), (2, etags[1])) == (400, 'EntityTooSmall')
    assert complete((2, etags[1]), (1, etags[0])) == (400, 'InvalidPartOrder')
    assert complete((1, '"' + '0' * 32 + '"')) == (400, 'InvalidPart')
    assert complete((3, etags[0])) == (400, 'InvalidPart')
    assert complete() == (400, 'MalformedXML')
    assert complete(*[(n, etags[0]) for n in range(1, 10002)]) == (400, 'MalformedXML')
    assert b'<Key>' not in listing(bucket)
    assert complete((10000, etags[2])) == (200, None)
    assert raw.request(bucket, 'GET', '/bkt/k').body == b'x' * 1000


def test_lengths(bucket):
    """Without a length, with one beyond 5 GiB, with one that does not fit the signature."""
    signer = raw.Signer(bucket)
    headers = signer.headers('PUT', '/bkt/k', None, None, 'UNSIGNED-PAYLOAD')
    with raw.Connection(bucket.server) as c:
        c.send(raw.head_bytes('PUT', '/bkt/k', headers))
        assert code(c.answer()) == (411, 'MissingContentLength')
    headers['content-length'] = str((5 << 40) + 1)
    with raw.Connection(bucket.server) as c:
        c.send(raw.head_bytes('PUT', '/bkt/k', headers))
        assert code(c.answer()) == (400, 'EntityTooLarge')
    assert b'<Key>' not in listing(bucket)


def test_metadata_too_large(bucket):
    headers = {f'x-amz-meta-{i}': 'v' * 500 for i in range(5)}
    assert code(raw.request(bucket, 'PUT', '/bkt/k', headers=headers, body=b'x')) == (400, 'MetadataTooLarge')


def test_tags(bucket):
    raw.request(bucket, 'PUT', '/bkt/k', body=b'x')

    def put(*tags):
        xml = ''.join(f'<Tag><Key>{k}</Key><Value>{v}</Value></Tag>' for k, v in tags)
        return code(raw.request(bucket, 'PUT', '/bkt/k', {'tagging': ''},
                                body=f'<Tagging><TagSet>{xml}</TagSet></Tagging>'.encode()))

    assert put(*[(f'k{i}', 'v') for i in range(10)])[0] == 200
    for bad in ([(f'k{i}', 'v') for i in range(11)], [('k', 'v'), ('k', 'w')], [('x' * 129, 'v')], [('k', 'x' * 257)]):
        assert put(*bad)[0] == 400, bad


@pytest.mark.parametrize('method,path,query', [
    ('PUT', '/bkt', 'lifecycle'), ('GET', '/bkt', 'website'), ('PUT', '/bkt', 'versioning'),
    ('PUT', '/bkt', 'acl'), ('GET', '/bkt/k', 'torrent'), ('PUT', '/bkt/k', 'retention'), ('PUT', '/bkt/k', 'legal-hold'),
    ('POST', '/bkt/k', 'restore'), ('POST', '/bkt/k', 'select'), ('PUT', '/bkt', 'replication'), ('GET', '/bkt', 'object-lock')])
def test_what_is_missing_says_so(bucket, method, path, query):
    assert code(raw.request(bucket, method, path, {query: ''})) == (501, 'NotImplemented')


def test_other_services(tenant):
    for service in ('kms', 'ec2'):
        assert raw.request(tenant, 'POST', '/', body=b'Action=GetCallerIdentity', service=service).status == 501


def test_wrong_region(bucket):
    true, bucket.region = bucket.region, 'eu-west-1'
    assert code(raw.request(bucket, 'GET', '/bkt')) == (400, 'AuthorizationHeaderMalformed')
    bucket.region = true


def test_parameter_twice(bucket):
    """Sorted by the signature, read in the order of sending: two meanings, so none."""
    with raw.Connection(bucket.server) as c:
        headers = raw.Signer(bucket).headers('GET', '/')
        c.send(raw.head_bytes('GET', '/?prefix=a&prefix=b', headers))
        assert c.answer().code == 'InvalidArgument'
