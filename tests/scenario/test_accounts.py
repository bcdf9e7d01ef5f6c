"""Accounts from outside, by the command line: people with second factors, roles, reviews, the end of an account."""
import datetime
import json
import time

import pytest
from botocore.exceptions import ClientError
from kit.people import client, enrolled
from kit.server import wait_for


def later(seconds):
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)).strftime('%Y-%m-%dT%H:%M:%SZ')


def is_refused(call, **arguments):
    try:
        call(**arguments)
        return False
    except ClientError as e:
        assert e.response['ResponseMetadata']['HTTPStatusCode'] in (400, 403), e
        return True


@pytest.fixture
def claimed(server, names, tmp_path):
    """A tenant whose first administrator has enrolled: (tenant, administrator)."""
    tenant = server.tenant(names('firm'))
    admin = enrolled(server, server.troth_ok, tmp_path, tenant.name, 'wang', 'security-administrator', 'approver')
    return tenant, admin


#= 2.1.4-1 test
def test_first_administrator(server, claimed):
    tenant, admin = claimed
    me = admin.json('whoami')
    assert (me['realm'], me['user'], me['stage'], me['administrator']) == (tenant.name, 'wang', 'full', ['security'])
    assert [f['kind'] for f in admin.json('factor', 'list')['items']] == ['totp']
    # The realm is claimed: the operator of the machine needs its leave now, and is told the way.
    said = server.troth('user', 'list', '--realm', tenant.name)
    assert said.returncode == 1 and 'troth access ask' in said.stderr, said.stderr
    assert server.troth('user', 'create', 'mallory', '--realm', tenant.name, '--owner', 'M').returncode == 1


#= 2.1.4-1 test
def test_codes_and_passwords(claimed):
    _, admin = claimed
    used = admin.code()
    admin.ok('login', 'wang', '--realm', admin.realm, answers=(admin.PASSWORD, used))
    assert admin.troth('login', 'wang', '--realm', admin.realm, answers=(admin.PASSWORD, used)).returncode == 1 # replay
    assert admin.troth('login', 'wang', '--realm', admin.realm, answers=('wrong', '000000')).returncode == 1
    admin.ok('session', 'step-up', answers=(admin.code(),))
    codes = admin.json('factor', 'recovery-codes')['codes']
    assert len(codes) == len(set(codes)) >= 8
    admin.ok('login', 'wang', '--realm', admin.realm, answers=(admin.PASSWORD, codes[0]))
    assert admin.troth('login', 'wang', '--realm', admin.realm, answers=(admin.PASSWORD, codes[0])).returncode == 1
    admin.ok('login', 'wang', '--realm', admin.realm, answers=(admin.PASSWORD, codes[1]))
    own = admin.json('session', 'list')['items']
    assert sum(s['current'] for s in own) == 1 and len(own) >= 3
    other = next(s['id'] for s in own if not s['current'])
    admin.ok('session', 'revoke', other)
    assert other not in [s['id'] for s in admin.json('session', 'list')['items']]
    admin.ok('logout', '--everywhere')
    assert 'troth login' in admin.refused('whoami') + admin.refused('user', 'list')


#= 2.1.4-2 test
def test_roles_and_groups(server, claimed, tmp_path):
    tenant, admin = claimed
    li = enrolled(server, admin.ok, tmp_path, tenant.name, 'li', 'storage-owner')
    assert [r['name'] for r in admin.json('role', 'held', '--user', 'li')['items']] == ['storage-owner']
    key = admin.json('access-key', 'create', '--user', 'li')
    s3 = client(server, 's3', key['access_key_id'], key['secret_access_key'])
    s3.create_bucket(Bucket='papers')
    s3.put_object(Bucket='papers', Key='a', Body=b'1')
    assert 'user create' not in li.refused('user', 'create', 'x', '--owner', 'X')
    # Nobody may be two of the three administrators, by role or by group, ...
    admin.ok('role', 'assign', 'system-administrator', '--user', 'li')
    assert admin.troth('role', 'assign', 'audit-administrator', '--user', 'li').returncode == 1
    # ... and nobody changes their own rights.
    admin.refused('role', 'assign', 'storage-owner', '--user', 'wang')
    # Nor by the way of what hangs on them.
    root = client(server, 'iam', tenant.access_key, tenant.secret_key)
    look = json.dumps({'Version': '2012-10-17', 'Statement': {'Effect': 'Allow', 'Action': 's3:ListBucket', 'Resource': '*'}})
    every = look.replace('s3:ListBucket', 's3:*')
    arn = root.create_policy(PolicyName='look', PolicyDocument=look)['Policy']['Arn']
    root.attach_user_policy(UserName='wang', PolicyArn=arn)
    assert 'their own rights' in admin.refused('policy', 'update', 'look', '--document', every, '--default')
    root.detach_user_policy(UserName='wang', PolicyArn=arn)
    admin.ok('policy', 'update', 'look', '--document', every, '--default')
    assert 'nobody resets their own account' in admin.refused('user', 'reset', 'wang')
    # Whoever signed in need not name the tenant; a misspelt action is no action that nobody may do.
    assert 'items' in admin.json('bucket', 'list')
    assert 'no action' in admin.refused('access', 'who-can', 's3:GetObjekt', '*')
    assert 'https://' in admin.refused('user', 'list', '--server', 'troth.example:8443')
    assert '不存在：' in admin.refused('user', 'show', 'nobody', '--lang', 'zh')
    operator = server.troth('user', 'list', '--realm', tenant.name, '--lang', 'zh')
    assert operator.returncode == 1 and '须经许可' in operator.stderr
    admin.ok('group', 'create', 'readers')
    admin.ok('policy', 'create', 'papers-read', '--document', json.dumps({'Version': '2012-10-17', 'Statement': [
        {'Sid': 'Papers', 'Effect': 'Allow', 'Action': 's3:GetObject', 'Resource': 'arn:aws:s3:::papers/*'}]}))
    admin.ok('policy', 'attach', 'papers-read', '--group', 'readers')
    admin.ok('user', 'create', 'job', '--kind', 'service', '--owner', 'li')
    job = admin.json('access-key', 'create', '--user', 'job')
    s3 = client(server, 's3', job['access_key_id'], job['secret_access_key'])
    assert is_refused(s3.get_object, Bucket='papers', Key='a')
    why = admin.json('access', 'explain', '--principal', 'job', '--action', 's3:GetObject', '--resource', 'arn:aws:s3:::papers/a')
    assert why['verdict'] == 'not allowed'
    admin.ok('group', 'add', 'readers', 'job')
    assert s3.get_object(Bucket='papers', Key='a')['Body'].read() == b'1'
    why = admin.json('access', 'explain', '--principal', 'job', '--action', 's3:GetObject', '--resource', 'arn:aws:s3:::papers/a')
    assert (why['verdict'], why['sid'], why['layer']) == ('allowed', 'Papers', 'identity')
    admin.ok('policy', 'put-inline', 'never', '--user', 'job', '--document', json.dumps({'Version': '2012-10-17', 'Statement': {
        'Sid': 'Never', 'Effect': 'Deny', 'Action': 's3:*', 'Resource': '*',
        'Condition': {'IpAddress': {'aws:SourceIp': '192.0.2.0/24'}}}}))
    ask = ('access', 'explain', '--principal', 'job', '--action', 's3:GetObject', '--resource', 'arn:aws:s3:::papers/a')
    assert admin.json(*ask, '--context', 'aws:SourceIp=192.0.2.7')['verdict'] == 'denied'
    assert admin.json(*ask, '--context', 'aws:SourceIp=10.0.0.1')['verdict'] == 'allowed'
    assert 'Never' in admin.ok(*ask, '--context', 'aws:SourceIp=192.0.2.7')
    able = {i['user'] for i in admin.json('access', 'who-can', 's3:GetObject', 'arn:aws:s3:::papers/a')['items']}
    assert {'li', 'job', 'root'} <= able and 'wang' not in able
    assert '拒绝' in admin.ok(*ask, '--context', 'aws:SourceIp=192.0.2.7', '--lang', 'zh')


#= 2.2.2-5 test
def test_freeze(server, claimed, tmp_path):
    """In one step, within a second: keys, temporary keys, sessions."""
    tenant, admin = claimed
    li = enrolled(server, admin.ok, tmp_path, tenant.name, 'li', 'storage-owner')
    key = admin.json('access-key', 'create', '--user', 'li')
    s3 = client(server, 's3', key['access_key_id'], key['secret_access_key'])
    token = client(server, 'sts', key['access_key_id'], key['secret_access_key']).get_session_token()['Credentials']
    temporary = client(server, 's3', token['AccessKeyId'], token['SecretAccessKey'], token['SessionToken'])
    root = client(server, 's3', tenant.access_key, tenant.secret_key)
    for one in (s3, temporary, root):
        one.list_buckets()
    admin.ok('user', 'freeze', 'li')
    began = time.monotonic()
    wait_for(lambda: is_refused(s3.list_buckets) and is_refused(temporary.list_buckets)
             and li.troth('whoami').returncode == 1, 1 + 1, 'frozen')
    assert time.monotonic() - began < 2
    root.list_buckets()
    admin.ok('user', 'unfreeze', 'li')
    s3.list_buckets()
    admin.ok('tenant', 'freeze', tenant.name)
    wait_for(lambda: is_refused(s3.list_buckets) and is_refused(root.list_buckets), 1, 'frozen')


#= 2.2.2-2 test
def test_leaver(server, claimed, tmp_path):
    tenant, admin = claimed
    li = enrolled(server, admin.ok, tmp_path, tenant.name, 'li', 'storage-owner')
    key = admin.json('access-key', 'create', '--user', 'li')
    s3 = client(server, 's3', key['access_key_id'], key['secret_access_key'])
    s3.list_buckets()
    admin.ok('user', 'change', 'li', '--ends', later(1))
    wait_for(lambda: admin.json('user', 'show', 'li')['state'] == 'ended', 25, 'ended') # looked for every 10 s
    assert is_refused(s3.list_buckets) and li.troth('whoami').returncode == 1
    assert admin.troth('user', 'create', 'li', '--owner', 'Another Li').returncode == 1 # a name is never another's
    report = admin.json('access', 'report')
    assert report['state']['ended'] == 1 and report['state']['persons_with_mfa'] == report['state']['persons'] == 1


#= 2.1.4-6 test
def test_review(server, claimed, tmp_path):
    """A reviewer decides item by item; what is revoked is gone; each decision is signed."""
    tenant, admin = claimed
    li = enrolled(server, admin.ok, tmp_path, tenant.name, 'li', 'storage-reader')
    review = admin.json('review', 'create', 'quarterly', '--reviewer', 'wang', '--due', later(86400))
    items = admin.json('review', 'items', review['id'])['items']
    item = next(i for i in items if i['subject_name'] == 'li' and 'storage-reader' in i['access'])
    done = admin.json('review', 'decide', review['id'], '--subject', item['subject'], '--access', item['access'],
                      '--decision', 'revoke', '--note', 'changed team')
    assert done['decision'] == 'revoke' and 'access-review' in done['statement']
    assert admin.json('role', 'held', '--user', 'li')['items'] == []
    assert admin.json('review', 'show', review['id'])['decided'] == 1
    assert li.json('whoami')['user'] == 'li'


#= 2.2.2-2 test
def test_access_keys(server, claimed, tmp_path):
    """Two at most, switched off and on, rotated without a gap; age and last use are seen."""
    _, admin = claimed
    li = enrolled(server, admin.ok, tmp_path, admin.realm, 'li', 'storage-owner')
    old, new = (admin.json('access-key', 'create', '--user', 'li') for _ in range(2))
    assert admin.troth('access-key', 'create', '--user', 'li').returncode == 1
    s3 = {k['access_key_id']: client(server, 's3', k['access_key_id'], k['secret_access_key']) for k in (old, new)}
    for one in s3.values():
        one.list_buckets()
    admin.ok('access-key', 'disable', old['access_key_id'])
    assert is_refused(s3[old['access_key_id']].list_buckets)
    admin.ok('access-key', 'enable', old['access_key_id'])
    s3[old['access_key_id']].list_buckets()
    admin.ok('access-key', 'delete', old['access_key_id'])
    assert is_refused(s3[old['access_key_id']].list_buckets)
    s3[new['access_key_id']].list_buckets()
    left, = admin.json('access-key', 'list', '--user', 'li')['items']
    assert left['access_key_id'] == new['access_key_id'] and left['enabled'] and left['created']
    wait_for(lambda: admin.json('access-key', 'list', '--user', 'li')['items'][0]['used_service'] == 's3', 90, 'the last use')
    assert ' 0 d ' in admin.ok('access-key', 'list', '--user', 'li')
    assert old['secret_access_key'] not in admin.ok('access-key', 'list') + str(admin.json('access-key', 'list'))
    assert li.json('whoami')['user'] == 'li'


def test_parameters_and_issuers(server, claimed):
    tenant, admin = claimed
    assert admin.json('param', 'set', 'P-IAM-1', '20')['value'] == '20'
    assert {p['id']: p['value'] for p in admin.json('param', 'list')['items']}['P-IAM-1'] == '20'
    assert 'GB/T 22239' in admin.refused('param', 'set', 'P-IAM-1', '31')
    url = 'https://ci.example/realm'
    admin.ok('oidc', 'create', url, '--client', 'sts.amazonaws.com', '--client', 'other')
    assert [(i['url'], sorted(i['clients'])) for i in admin.json('oidc', 'list')['items']] == [(url, ['other', 'sts.amazonaws.com'])]
    admin.ok('oidc', 'delete', url)
    assert admin.json('oidc', 'list')['items'] == []
    assert server.troth('param', 'list', '--realm', tenant.name).returncode == 1


def test_other_tenant(server, claimed, names, tmp_path):
    _, admin = claimed
    other = server.tenant(names('firm'))
    for args in (('user', 'list'), ('user', 'show', 'root'), ('access-key', 'list'), ('notice', 'list'), ('access', 'list'),
                 ('param', 'list'), ('access', 'report'), ('user', 'freeze', 'root')):
        admin.refused(*args, '--realm', other.name)
        admin.refused(*args, '--realm', 'platform')


def test_usage(server):
    for args in (('user', 'show'), ('user', 'create', 'a', '--kind'), ('policy', 'attach', 'p'), ('user',), ('access', 'ask'),
                 ('role', 'assign', 'r'), ('role', 'assign', 'r', '--user', 'a', '--group', 'b'), ('param', 'set', 'P-IAM-1')):
        assert server.troth(*args).returncode == 2, args
    assert 'user freeze' in server.troth('user', '--help').stdout and 'log export' not in server.troth('user', '--help').stdout
