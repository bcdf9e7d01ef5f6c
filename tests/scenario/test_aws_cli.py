"""Debian's awscli, unchanged, as a customer types it."""
import hashlib
import json
import os
import subprocess

from kit.server import clean_environment


def digest(path):
    with open(path, 'rb') as f:
        return hashlib.sha256(f.read()).hexdigest()


def test_day_of_a_bucket(aws, tmp_path):
    report = tmp_path / 'report.csv'
    report.write_bytes(b'a,b\n1,2\n' * 1000)
    aws('s3', 'mb', 's3://contracts')
    aws('s3', 'cp', str(report), 's3://contracts/')
    assert aws('s3', 'cp', 's3://contracts/report.csv', '-', text=False) == report.read_bytes()
    aws('s3', 'cp', '-', 's3://contracts/piped', text=False, input=b'from a pipe')
    assert aws('s3', 'cp', 's3://contracts/piped', '-') == 'from a pipe'
    listing = aws('s3', 'ls', 's3://contracts/')
    assert 'report.csv' in listing and str(report.stat().st_size) in listing
    assert 'contracts' in aws('s3', 'ls')
    aws('s3', 'mv', 's3://contracts/report.csv', 's3://contracts/old/report.csv')
    assert 'PRE old/' in aws('s3', 'ls', 's3://contracts/')
    aws('s3', 'rm', 's3://contracts', '--recursive')
    aws('s3', 'rb', 's3://contracts')
    assert 'contracts' not in aws('s3', 'ls')


#= 2.1.3-1 test
def test_sync_of_a_thousand_files(aws, tmp_path):
    source, target = tmp_path / 'source', tmp_path / 'target'
    for i in range(1000):
        f = source / f'd{i % 10}' / f'file {i}.dat'
        f.parent.mkdir(parents=True, exist_ok=True)
        f.write_bytes(os.urandom(i * 7 % 5000))
    aws('s3', 'mb', 's3://sync')
    aws('s3', 'sync', '--quiet', str(source), 's3://sync/all')
    assert 'Total Objects: 1000' in aws('s3', 'ls', '--recursive', '--summarize', 's3://sync')
    aws('s3', 'sync', '--quiet', 's3://sync/all', str(target))
    for path in source.rglob('*.dat'):
        assert digest(path) == digest(target / path.relative_to(source)), path
    assert aws('s3', 'sync', str(source), 's3://sync/all') == '' # nothing is left to do
    aws('s3', 'rm', '--quiet', '--recursive', 's3://sync')
    assert 'Contents' not in aws('s3api', 'list-objects-v2', '--bucket', 'sync')


def test_presigned_url_with_curl(aws, server, tmp_path):
    content = os.urandom(100_000)
    (tmp_path / 'f').write_bytes(content)
    aws('s3', 'mb', 's3://presigned')
    aws('s3', 'cp', str(tmp_path / 'f'), 's3://presigned/some name+%.bin')
    url = aws('s3', 'presign', 's3://presigned/some name+%.bin').strip()
    curl = ['curl', '-sS', '--cacert', server.ca]
    done = subprocess.run([*curl, url], env=clean_environment(), capture_output=True, check=True)
    assert done.stdout == content
    forged = url[:-1] + ('0' if url[-1] != '0' else '1')
    done = subprocess.run([*curl, forged], env=clean_environment(), capture_output=True, check=True)
    assert b'SignatureDoesNotMatch' in done.stdout


def test_multipart(aws, tmp_path):
    big = tmp_path / 'big'
    big.write_bytes(os.urandom(21_000_000))
    aws('s3', 'mb', 's3://parts')
    aws('s3', 'cp', '--quiet', str(big), 's3://parts/big')
    aws('s3', 'cp', '--quiet', 's3://parts/big', str(tmp_path / 'back'))
    assert digest(big) == digest(tmp_path / 'back')
    head = json.loads(aws('s3api', 'head-object', '--bucket', 'parts', '--key', 'big'))
    assert head['ContentLength'] == 21_000_000 and head['ETag'].endswith('-3"')

    upload = json.loads(aws('s3api', 'create-multipart-upload', '--bucket', 'parts', '--key', 'by-hand'))['UploadId']
    for_upload = ['--bucket', 'parts', '--key', 'by-hand', '--upload-id', upload]
    small = tmp_path / 'small'
    small.write_bytes(b'the last part')
    one = json.loads(aws('s3api', 'upload-part-copy', *for_upload, '--part-number', '1', '--copy-source', 'parts/big',
                         '--copy-source-range', 'bytes=0-5242879'))['CopyPartResult']['ETag']
    two = json.loads(aws('s3api', 'upload-part', *for_upload, '--part-number', '2', '--body', str(small)))['ETag']
    assert [p['PartNumber'] for p in json.loads(aws('s3api', 'list-parts', *for_upload))['Parts']] == [1, 2]
    uploads = json.loads(aws('s3api', 'list-multipart-uploads', '--bucket', 'parts'))['Uploads']
    assert [u['UploadId'] for u in uploads] == [upload]
    aws('s3api', 'complete-multipart-upload', *for_upload, '--multipart-upload', json.dumps(
        {'Parts': [{'PartNumber': 1, 'ETag': one}, {'PartNumber': 2, 'ETag': two}]}))
    aws('s3', 'cp', '--quiet', 's3://parts/by-hand', str(tmp_path / 'made'))
    assert (tmp_path / 'made').read_bytes() == big.read_bytes()[:5242880] + b'the last part'

    upload = json.loads(aws('s3api', 'create-multipart-upload', '--bucket', 'parts', '--key', 'never'))['UploadId']
    aws('s3api', 'abort-multipart-upload', '--bucket', 'parts', '--key', 'never', '--upload-id', upload)
    assert 'Uploads' not in aws('s3api', 'list-multipart-uploads', '--bucket', 'parts')


def test_head_ranges_and_conditions(aws, tmp_path):
    f = tmp_path / 'f'
    f.write_bytes(bytes(range(256)) * 4)
    aws('s3', 'mb', 's3://heads')
    aws('s3api', 'put-object', '--bucket', 'heads', '--key', 'k', '--body', str(f), '--content-type', 'text/x-test',
        '--cache-control', 'no-cache', '--metadata', 'colour=green,size=large')
    head = json.loads(aws('s3api', 'head-object', '--bucket', 'heads', '--key', 'k'))
    assert head['ContentType'] == 'text/x-test' and head['CacheControl'] == 'no-cache'
    assert head['Metadata'] == {'colour': 'green', 'size': 'large'}
    out = tmp_path / 'out'

    def get(*options, status=0):
        return aws('s3api', 'get-object', '--bucket', 'heads', '--key', 'k', *options, str(out), status=status)

    for given, want in (('bytes=0-9', slice(0, 10)), ('bytes=1000-', slice(1000, None)), ('bytes=-5', slice(-5, None)),
                        ('bytes=1020-5000', slice(1020, None))):
        get('--range', given)
        assert out.read_bytes() == f.read_bytes()[want], given
    assert 'InvalidRange' in get('--range', 'bytes=2000-3000', status=254)
    get('--if-match', head['ETag'])
    assert 'PreconditionFailed' in get('--if-match', '"other"', status=254)
    assert '304' in get('--if-none-match', head['ETag'], status=254)
    assert '304' in get('--if-modified-since', '2037-01-01T00:00:00Z', status=254)
    assert 'PreconditionFailed' in get('--if-unmodified-since', '2001-01-01T00:00:00Z', status=254)


def test_tagging_and_copy(aws, tmp_path):
    f = tmp_path / 'f'
    f.write_bytes(b'content')
    aws('s3', 'mb', 's3://tags')
    aws('s3api', 'put-object', '--bucket', 'tags', '--key', 'k', '--body', str(f), '--tagging', 'a=1&b=two%20words',
        '--metadata', 'kept=yes')
    tags = json.loads(aws('s3api', 'get-object-tagging', '--bucket', 'tags', '--key', 'k'))['TagSet']
    assert tags == [{'Key': 'a', 'Value': '1'}, {'Key': 'b', 'Value': 'two words'}]
    aws('s3api', 'put-object-tagging', '--bucket', 'tags', '--key', 'k', '--tagging', 'TagSet=[{Key=label,Value=秘密}]')
    aws('s3api', 'copy-object', '--bucket', 'tags', '--key', 'copy', '--copy-source', 'tags/k')
    assert '秘密' in aws('s3api', 'get-object-tagging', '--bucket', 'tags', '--key', 'copy')
    assert json.loads(aws('s3api', 'head-object', '--bucket', 'tags', '--key', 'copy'))['Metadata'] == {'kept': 'yes'}
    aws('s3api', 'copy-object', '--bucket', 'tags', '--key', 'copy', '--copy-source', 'tags/k',
        '--metadata-directive', 'REPLACE', '--metadata', 'kept=no')
    assert json.loads(aws('s3api', 'head-object', '--bucket', 'tags', '--key', 'copy'))['Metadata'] == {'kept': 'no'}
    aws('s3api', 'delete-object-tagging', '--bucket', 'tags', '--key', 'k')
    assert json.loads(aws('s3api', 'get-object-tagging', '--bucket', 'tags', '--key', 'k'))['TagSet'] == []
    assert 'NoSuchKey' in aws('s3api', 'copy-object', '--bucket', 'tags', '--key', 'x', '--copy-source', 'tags/none',
                              status=254)


#= 2.1.3-4 test
def test_encryption_headers(aws, tmp_path):
    f = tmp_path / 'f'
    f.write_bytes(b'content')
    aws('s3', 'mb', 's3://sealed')
    put = json.loads(aws('s3api', 'put-object', '--bucket', 'sealed', '--key', 'k', '--body', str(f)))
    assert put['ServerSideEncryption'] == 'aws:kms' and ':key/' in put['SSEKMSKeyId']
    head = json.loads(aws('s3api', 'head-object', '--bucket', 'sealed', '--key', 'k'))
    assert (head['ServerSideEncryption'], head['SSEKMSKeyId']) == ('aws:kms', put['SSEKMSKeyId'])
    rules = json.loads(aws('s3api', 'get-bucket-encryption', '--bucket', 'sealed'))
    default = rules['ServerSideEncryptionConfiguration']['Rules'][0]['ApplyServerSideEncryptionByDefault']
    assert default['SSEAlgorithm'] == 'aws:kms'
    aws('s3api', 'put-bucket-encryption', '--bucket', 'sealed', '--server-side-encryption-configuration', json.dumps(
        {'Rules': [{'ApplyServerSideEncryptionByDefault': {'SSEAlgorithm': 'AES256'}}]}))
    put = json.loads(aws('s3api', 'put-object', '--bucket', 'sealed', '--key', 'k2', '--body', str(f)))
    assert put['ServerSideEncryption'] == 'AES256'
    assert put['ETag'].strip('"') == hashlib.md5(b'content').hexdigest()
    aws('s3api', 'delete-bucket-encryption', '--bucket', 'sealed')
    put = json.loads(aws('s3api', 'put-object', '--bucket', 'sealed', '--key', 'k3', '--body', str(f)))
    assert put['ServerSideEncryption'] == 'aws:kms'
