"""Tenants are isolated; suspended ones are refused; access keys come and go."""
import hashlib
import json

from kit import s3 as raw


#= 2.1.3-8 test
def test_isolated(server, names):
    one, two = server.tenant(names('tenant')), server.tenant(names('tenant'))
    for t in (one, two): # the same bucket name, each its own
        assert raw.request(t, 'PUT', '/shared').status == 200
        raw.request(t, 'PUT', '/shared/whose', body=t.name.encode())
    raw.request(one, 'PUT', '/mine')
    raw.request(one, 'PUT', '/mine/secret', body=b'secret')
    for t in (one, two):
        assert raw.request(t, 'GET', '/shared/whose').body == t.name.encode()
    assert raw.request(two, 'GET', '/mine/secret').code == 'NoSuchBucket'
    assert raw.request(two, 'PUT', '/shared/copy', headers={'x-amz-copy-source': 'mine/secret'}).code == 'NoSuchBucket'
    assert b'mine' not in raw.request(two, 'GET', '/').body
    assert all('secret' != e['payload'].get('key') for e in two.entries())


def test_suspend_and_resume(server, tenant):
    raw.request(tenant, 'PUT', '/bkt')
    raw.request(tenant, 'PUT', '/bkt/k', body=b'x')
    server.troth_ok('tenant', 'suspend', tenant.name)
    for method in ('GET', 'PUT'):
        assert raw.request(tenant, method, '/bkt/k', body=b'' if method == 'GET' else b'y').code == 'AccessDenied'
    assert server.troth_json('tenant', 'show', tenant.name)['state'] == 'suspended'
    assert tenant.entries('access.denied')
    server.troth_ok('tenant', 'resume', tenant.name)
    assert raw.request(tenant, 'GET', '/bkt/k').body == b'x'
    phases = [(e['payload']['phase'], e['payload'].get('result')) for e in
              server.entries('platform') + tenant.entries() if e['entry']['kind'] == 'tenant.suspend'
              and e['payload'].get('tenant') == tenant.name]
    assert phases == [('intent', None), ('outcome', 'ok')]


def test_close(server, tenant):
    server.troth_ok('tenant', 'close', tenant.name)
    assert raw.request(tenant, 'GET', '/').status == 403
    assert server.troth('tenant', 'resume', tenant.name).returncode == 1
    assert tenant.entries() # the log stays


def test_access_keys(server, tenant):
    raw.request(tenant, 'PUT', '/bkt')
    new = server.troth_json('access-key', 'create', '--tenant', tenant.name)
    assert server.troth('access-key', 'create', '--tenant', tenant.name).returncode == 1 # two at most
    old = (tenant.access_key, tenant.secret_key)
    tenant.access_key, tenant.secret_key = new['access_key_id'], new['secret_access_key']
    assert raw.request(tenant, 'GET', '/bkt', {'list-type': '2'}).status == 200
    server.troth_ok('access-key', 'delete', old[0], '--tenant', tenant.name)
    listed = server.troth_json('access-key', 'list', '--tenant', tenant.name)['items']
    assert [k['access_key_id'] for k in listed] == [new['access_key_id']]
    tenant.access_key, tenant.secret_key = old
    assert raw.request(tenant, 'GET', '/bkt').code == 'InvalidAccessKeyId'


def test_names(server):
    for bad in ('platform', 'A', 'a', '-a', 'a' * 64, 'a_b', '../x', 'a/b'):
        assert server.troth('tenant', 'create', '--', bad).returncode == 1, bad
    server.tenant('twice')
    assert server.troth('tenant', 'create', 'twice').returncode == 1


#= 2.1.3-3 test
def test_sm4(server, names, tmp_path):
    tenant = server.tenant(names('sm4'), '--suite', 'SM4-CTR-HMAC-SM3')
    raw.request(tenant, 'PUT', '/bkt')
    for size in (0, 1, 70_000, 3_000_000):
        content = (hashlib.sha256(str(size).encode()).digest() * (size // 32 + 1))[:size]
        assert raw.request(tenant, 'PUT', '/bkt/k', body=content).status == 200
        assert raw.request(tenant, 'GET', '/bkt/k').body == content
    assert {e['payload']['suite'] for e in tenant.entries('object.put')} == {'SM4-CTR-HMAC-SM3'}
    server.troth_ok('log', 'export', '--tenant', tenant.name, '-o', str(tmp_path / 'p'))
    server.troth_ok('verify', str(tmp_path / 'p'))


def test_usage_errors(server):
    for args in ((), ('nonsense',), ('tenant', 'create'), ('tenant', 'create', 'a1', 'b1'), ('tenant', 'list', '--nonsense'),
                 ('key', 'list'), ('log', 'entries', '--tenant', 'x1', '--from', 'abc')):
        assert server.troth(*args).returncode == 2, args
    for args in (('tenant', 'show', 'nobody'), ('key', 'list', '--tenant', 'nobody'), ('log', 'entries', '--tenant', 'nobody')):
        done = server.troth(*args, '--json')
        assert done.returncode == 1 and json.loads(done.stderr)['error']['code'], args
    assert '租户' in server.troth_ok('tenant', 'create', '--help', '--lang', 'zh')


#= 2.1.3-7 test
def test_key_of_another_tenant(server, names):
    one, two = server.tenant(names('tenant')), server.tenant(names('tenant'))
    keys = server.troth_json('key', 'list', '--tenant', one.name)
    key = (keys['items'] if isinstance(keys, dict) else keys)[0]
    raw.request(two, 'PUT', '/bkt')
    headers = {'x-amz-server-side-encryption': 'aws:kms',
               'x-amz-server-side-encryption-aws-kms-key-id': key.get('key_id') or key['id']}
    assert raw.request(two, 'PUT', '/bkt/k', headers=headers, body=b'x').code == 'KMS.NotFoundException'
    assert raw.request(two, 'GET', '/bkt/k').code == 'NoSuchKey'
