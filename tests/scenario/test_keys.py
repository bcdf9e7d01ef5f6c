"""The life of keys: rotate, disable, destroy; unsealing."""
import json
import time

from kit import s3 as raw


def key_of(server, tenant):
    return server.troth_json('key', 'list', '--tenant', tenant.name)['items'][0]


def key(server, tenant, verb, *more):
    return server.troth('key', verb, key_of(server, tenant)['key_id'], '--tenant', tenant.name, *more)


#= 2.1.3-7 test
def test_rotate(server, tenant):
    raw.request(tenant, 'PUT', '/bkt')
    for version in (1, 2, 3):
        raw.request(tenant, 'PUT', f'/bkt/{version}', body=b'x' * version * 100_000)
        assert key_of(server, tenant)['version'] == version
        assert key(server, tenant, 'rotate').returncode == 0
    assert [e['payload']['key_version'] for e in tenant.entries('object.put')] == [1, 2, 3]
    assert key(server, tenant, 'rewrap').returncode == 0
    for version in (1, 2, 3):
        assert raw.request(tenant, 'GET', f'/bkt/{version}').body == b'x' * version * 100_000
    acts = [e['payload']['phase'] for e in tenant.entries('key.rotate')]
    assert acts == ['intent', 'outcome'] * 3


def test_disable(server, tenant):
    raw.request(tenant, 'PUT', '/bkt')
    raw.request(tenant, 'PUT', '/bkt/k', body=b'x')
    assert key(server, tenant, 'disable').returncode == 0
    for answer in (raw.request(tenant, 'GET', '/bkt/k'), raw.request(tenant, 'PUT', '/bkt/l', body=b'y')):
        assert (answer.status, answer.code) == (400, 'KMS.DisabledException'), answer
    assert key(server, tenant, 'enable').returncode == 0
    assert raw.request(tenant, 'GET', '/bkt/k').body == b'x'


#= 2.1.3-7 test
def test_destroy(make_server, tmp_path):
    """With a certificate; afterwards nothing is readable and all proofs verify."""
    server = make_server('keys: {destroy_wait: 2s}\n')
    tenant = server.tenant('acme')
    raw.request(tenant, 'PUT', '/bkt')
    raw.request(tenant, 'PUT', '/bkt/k', body=b'the only copy')
    assert key(server, tenant, 'destroy', '--confirm').returncode == 1 # nothing is scheduled
    assert key(server, tenant, 'destroy').returncode == 0
    assert key(server, tenant, 'destroy', '--confirm').returncode == 1 # too early
    assert raw.request(tenant, 'GET', '/bkt/k').code == 'KMS.DisabledException'
    assert key(server, tenant, 'destroy', '--cancel').returncode == 0
    if key_of(server, tenant)['state'] == 'disabled':
        assert key(server, tenant, 'enable').returncode == 0
    assert raw.request(tenant, 'GET', '/bkt/k').body == b'the only copy'
    assert key(server, tenant, 'destroy').returncode == 0
    time.sleep(2.2) # a waiting period of the server's own clock
    done = key(server, tenant, 'destroy', '--confirm')
    assert done.returncode == 0, done.stderr
    (tmp_path / 'certificate').write_text(done.stdout)
    assert key_of(server, tenant)['key_id'] in done.stdout
    assert key_of(server, tenant)['state'] == 'destroyed'
    answer = raw.request(tenant, 'GET', '/bkt/k')
    assert answer.status >= 400 and b'copy' not in answer.body, answer
    policy = tmp_path / 'policy'
    policy.write_text(server.troth_ok('log', 'policy', '--tenant', 'acme'))
    package = str(tmp_path / 'p.troth')
    server.troth_ok('log', 'export', '--tenant', 'acme', '-o', package)
    server.troth_ok('verify', package, '--policy', str(policy))
    server.troth_ok('verify', str(tmp_path / 'certificate'), '--policy', str(policy))
    server.stop()
    server.start()
    assert raw.request(tenant, 'GET', '/bkt/k').status >= 400


#= 2.1.3-5 test
def test_statement(server, tenant, tmp_path):
    text = server.troth_ok('key', 'statement', '--tenant', tenant.name)
    current = key_of(server, tenant)
    for wanted in ('密钥管理责任说明', 'AES-256-GCM', current['key_id'], tenant.name):
        assert wanted in text, wanted
    (tmp_path / 'statement').write_text(text)
    policy = tmp_path / 'policy'
    policy.write_text(server.troth_ok('log', 'policy', '--tenant', tenant.name))
    server.troth_ok('verify', str(tmp_path / 'statement'), '--policy', str(policy))
    (tmp_path / 'forged').write_text(text.replace('AES-256-GCM', 'AES-128-GCM'))
    assert server.troth('verify', str(tmp_path / 'forged'), '--policy', str(policy)).returncode == 1


def test_key_of_a_bucket(server, tenant):
    made = server.troth_json('key', 'create', '--tenant', tenant.name, '--description', 'second')
    raw.request(tenant, 'PUT', '/bkt')
    server.troth_ok('bucket', 'set', 'bkt', '--tenant', tenant.name, '--key', made['key_id'])
    answer = raw.request(tenant, 'PUT', '/bkt/k', body=b'x')
    assert made['key_id'] in answer.headers['x-amz-server-side-encryption-aws-kms-key-id']
    assert tenant.entries('object.put')[-1]['payload']['key_id'] == made['key_id']


def test_passphrase(make_server, tmp_path):
    (tmp_path / 'right').write_text('correct horse\n')
    (tmp_path / 'wrong').write_text('battery staple\n')
    server = make_server(init=('--passphrase-file', str(tmp_path / 'right')), start=False)
    server.serve_options = ['--passphrase-file', str(tmp_path / 'wrong')]
    process = server.spawn()
    assert process.wait(30) == 1
    process.stdout.close()
    server.process = None
    server.serve_options = ['--passphrase-file', str(tmp_path / 'right')]
    server.expect('root key', 'keeper')
    tenant = server.start().tenant('acme')
    raw.request(tenant, 'PUT', '/bkt')
    server.stop()
    server.start()
    assert raw.request(tenant, 'GET', '/bkt', {'list-type': '2'}).status == 200


def test_shares(make_server, tmp_path):
    server = make_server(init=('--shares', '2/3', '--json'), start=False)
    shares = json.loads(server.init_output)['shares']
    assert len(shares) == 3
    for i, share in enumerate(shares):
        (tmp_path / str(i)).write_text(share + '\n')
    server.expect('root key', 'keeper')
    for given, is_enough in (((0,), False), ((0, 0), False), ((0, 2), True), ((2, 1), True)):
        server.serve_options = [o for i in given for o in ('--share-file', str(tmp_path / str(i)))]
        if is_enough:
            server.start().stop()
        else:
            process = server.spawn()
            assert process.wait(30) == 1, given
            process.stdout.close()
            server.process = None
