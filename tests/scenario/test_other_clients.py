"""s3cmd and rclone as Debian has them."""
import os
import subprocess

import pytest


def tree(folder, count=200):
    for i in range(count):
        f = folder / f'd{i % 5}' / f'名字 {i}+%.dat'
        f.parent.mkdir(parents=True, exist_ok=True)
        f.write_bytes(os.urandom(i * 31 % 9000))
    (folder / 'large.bin').write_bytes(os.urandom(17_000_000))
    return folder


def contents(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob('*') if p.is_file()}


@pytest.fixture
def s3cmd(tenant, home):
    host = tenant.server.address.removeprefix('https://')
    (home / 's3cfg').write_text(f'''[default]
access_key = {tenant.access_key}
secret_key = {tenant.secret_key}
host_base = {host}
host_bucket = {host}
bucket_location = {tenant.region}
use_https = True
check_ssl_certificate = True
ca_certs_file = {tenant.server.ca}
''')

    def call(*args):
        done = subprocess.run(['/usr/bin/s3cmd', '-c', str(home / 's3cfg'), *args], env=tenant.environment(home),
                              capture_output=True, text=True, check=False, timeout=200)
        assert done.returncode == 0, f's3cmd {args}: {done.stdout}{done.stderr}'
        return done.stdout

    return call


def test_s3cmd(s3cmd, tmp_path):
    source, target = tree(tmp_path / 'source'), tmp_path / 'target'
    target.mkdir()
    s3cmd('mb', 's3://cmd')
    s3cmd('sync', '-q', f'{source}/', 's3://cmd/all/')
    assert len(s3cmd('ls', '-r', 's3://cmd').splitlines()) == 201
    s3cmd('sync', '-q', 's3://cmd/all/', f'{target}/')
    assert contents(source) == contents(target)
    s3cmd('put', '-q', '--multipart-chunk-size-mb=5', str(source / 'large.bin'), 's3://cmd/parts')
    s3cmd('get', '-q', 's3://cmd/parts', str(tmp_path / 'parts'))
    assert (tmp_path / 'parts').read_bytes() == (source / 'large.bin').read_bytes()
    s3cmd('cp', 's3://cmd/parts', 's3://cmd/copy')
    assert '17000000' in s3cmd('info', 's3://cmd/copy')
    s3cmd('del', '-q', '-r', '-f', 's3://cmd/')
    s3cmd('rb', 's3://cmd')


@pytest.fixture
def rclone(tenant, home):
    (home / 'rclone.conf').write_text(f'''[t]
type = s3
provider = Other
access_key_id = {tenant.access_key}
secret_access_key = {tenant.secret_key}
region = {tenant.region}
endpoint = {tenant.server.address}
''')

    environment = tenant.environment(home)
    del environment['AWS_CA_BUNDLE'] # rclone takes --ca-cert and stumbles over this one

    def call(*args, status=0):
        done = subprocess.run(['/usr/bin/rclone', '--config', str(home / 'rclone.conf'), '--ca-cert', tenant.server.ca,
                               '--retries', '1', *args], env=environment, capture_output=True, text=True,
                              check=False, timeout=200)
        assert done.returncode == status, f'rclone {args}: {done.stdout}{done.stderr}'
        return done.stdout + done.stderr

    return call


def test_rclone(rclone, tmp_path):
    source, target = tree(tmp_path / 'source'), tmp_path / 'target'
    rclone('mkdir', 't:clone')
    rclone('copy', str(source), 't:clone/all')
    rclone('check', '--download', str(source), 't:clone/all')
    rclone('copy', 't:clone/all', str(target))
    assert contents(source) == contents(target)
    (source / 'large.bin').unlink()
    (source / 'new').write_bytes(b'new')
    rclone('sync', str(source), 't:clone/all')
    rclone('check', '--download', str(source), 't:clone/all')
    (source / 'new').write_bytes(b'neu')
    rclone('check', '--download', str(source), 't:clone/all', status=1)
    rclone('purge', 't:clone')


#= 2.1.3-6 test
def test_rclone_checks_by_hash(rclone, tenant, tmp_path):
    """A bucket that encrypts as AES256 gives the MD5 that rclone compares."""
    source = tree(tmp_path / 'source', 50)
    rclone('mkdir', 't:md5')
    tenant.server.troth_ok('bucket', 'set', 'md5', '--tenant', tenant.name, '--sse', 'AES256')
    rclone('copy', str(source), 't:md5') # compares after each upload, too
    assert '0 differences found' in rclone('check', str(source), 't:md5')
    sums = dict(reversed(line.split('  ', 1)) for line in rclone('md5sum', 't:md5').splitlines() if '  ' in line)
    assert len(sums) == 51 and all(len(v) == 32 for v in sums.values())
