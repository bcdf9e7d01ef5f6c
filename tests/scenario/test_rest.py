"""The REST interface from outside: every call as docs/api/openapi.json describes it, who may call it, attacks on sessions."""
import datetime
import json

import pytest

from kit import rest
from kit import s3 as raw
from kit.totp import Phone
from kit.rest import Bearer, Person, Rest, Signed

DOCUMENT = {'Version': '2012-10-17', 'Statement': [{'Sid': 'Read', 'Effect': 'Allow', 'Action': 's3:GetObject', 'Resource': '*'}]}


@pytest.fixture
def operator(server):
    return Rest(server, is_local=True)


@pytest.fixture
def realm(tenant):
    return tenant.name


def test_service_and_tenants(operator, names):
    status = operator.get('status')
    assert status['keeper'] and status['scribe']
    name = names('tenant')
    made = operator.post('tenants', {'name': name}, status=201)
    assert made['tenant'] == name
    assert operator.get(f'tenants/{name}')['account'] == made['account']
    listed, after = [], ''
    while after is not None:
        page = operator.get(f'tenants?limit=1&after={after}')
        listed += [t['tenant'] for t in page['items']]
        after = page['next']
    assert name in listed and listed == sorted(listed)
    assert operator.post(f'tenants/{name}/suspend')['state'] == 'suspended'
    assert operator.post(f'tenants/{name}/resume')['state'] == 'active'
    assert operator.post(f'tenants/{name}/close')['state'] == 'closed'
    assert operator.get('openapi.json').json == rest.DOCUMENT
    operator.post('check')


def test_keys_buckets_logs(operator, tenant, realm, s3):
    key = operator.post(f'tenants/{realm}/keys', {'description': 'contracts'}, status=201)
    at = f'tenants/{realm}/keys/{key["key_id"]}'
    assert operator.get(at).json == key.json
    assert operator.post(at + '/rotate')['version'] == 2
    assert operator.post(at + '/rewrap')['rewrapped'] == 0
    assert operator.post(at + '/disable')['state'] == 'disabled'
    assert operator.post(at + '/enable')['state'] == 'enabled'
    assert operator.post(at + '/schedule-destroy')['destroy_at']
    assert operator.post(at + '/cancel-destroy')['destroy_at'] is None
    assert operator.post(at + '/destroy', status=409)['code'] == 'conflict'
    assert len(operator.get(f'tenants/{realm}/keys')['items']) == 2
    operator.get(f'tenants/{realm}/statement')
    s3.create_bucket(Bucket='bkt')
    assert operator.post(f'tenants/{realm}/buckets/bkt', {'digest': 'client'})['digest'] == 'client'
    assert [b['bucket'] for b in operator.get(f'tenants/{realm}/buckets')['items']] == ['bkt']
    assert operator.get(f'logs/{realm}/entries?from=0&count=3')['size'] >= 3
    operator.get(f'logs/{realm}/checkpoint')
    operator.get(f'logs/{realm}/policy')
    operator.get(f'logs/{realm}/prove?index=0')
    operator.get(f'logs/{realm}/export')


def test_accounts(operator, realm):
    at = f'realms/{realm}/'
    user = operator.post(at + 'users', {'name': 'lin', 'owner': 'Lin Yi', 'tags': {'team': 'a'}}, status=201)
    assert user['kind'] == 'person' and user.headers['etag'] == '"1"'
    assert operator.post(at + 'users', {'name': 'LIN', 'owner': 'x'}, status=409)['code'] == 'exists'
    changed = operator.patch(at + 'users/lin', {'display': 'Lin', 'tags': {'team': 'b'}}, if_match='"1"')
    assert changed['display'] == 'Lin' and changed['tags'] == {'team': 'b'}
    operator.patch(at + 'users/lin', {'display': 'Yi'}, status=412, if_match='"1"')
    wrong = operator.patch(at + 'users/lin', {'name': 'lin', 'colour': 'red'}, status=400)
    assert 'colour' in wrong['detail']
    for act, member, value in (('suspend', 'state', 'suspended'), ('resume', 'state', 'active')):
        assert operator.post(f'{at}users/lin/{act}')[member] == value
    assert operator.post(at + 'users/lin/freeze')['frozen']
    assert operator.post(at + 'users/lin/unfreeze')['frozen'] is None
    assert operator.post(at + 'users/lin/reset', status=201)['user'] == 'lin'
    assert operator.get(at + 'users/lin/factors')['items'] == [] and operator.get(at + 'users/lin/sessions')['items'] == []
    operator.delete(at + 'users/lin/sessions')
    assert [u['name'] for u in operator.get(at + 'users?limit=1')['items']] == ['lin']
    assert operator.get(at + 'users?limit=1')['next'] == 'lin'

    key = operator.post(at + 'users/lin/access-keys', status=201)
    assert operator.get(at + 'users/lin/access-keys')['items'][0]['access_key_id'] == key['access_key_id']
    assert operator.patch(at + f'access-keys/{key["access_key_id"]}', {'enabled': False})['enabled'] is False
    assert len(operator.get(at + 'access-keys')['items']) == 2
    operator.delete(at + f'access-keys/{key["access_key_id"]}')

    operator.post(at + 'groups', {'name': 'dev'}, status=201)
    operator.put(at + 'groups/dev/members/lin')
    assert operator.get(at + 'groups/dev')['members'] == ['lin']
    assert [g['name'] for g in operator.get(at + 'users/lin/groups')['items']] == ['dev']
    assert [g['name'] for g in operator.get(at + 'groups')['items']] == ['dev']
    operator.delete(at + 'groups/dev', status=409)

    operator.post(at + 'roles', {'name': 'reader', 'trust': {'Version': '2012-10-17', 'Statement': [
        {'Effect': 'Allow', 'Principal': {'AWS': '*'}, 'Action': 'sts:AssumeRole'}]}}, status=201)
    assert operator.patch(at + 'roles/reader', {'description': 'reads', 'tags': {'a': 'b'}})['description'] == 'reads'
    assert operator.get(at + 'roles/reader')['tags'] == {'a': 'b'}
    names = [r['name'] for r in operator.get(at + 'roles')['items']]
    assert 'reader' in names and 'storage-owner' in names
    for subject in ('users/lin', 'groups/dev'):
        operator.put(at + subject + '/roles/storage-reader')
        assert operator.get(at + subject + '/roles')['items'] == [{'name': 'storage-reader'}]
        operator.delete(at + subject + '/roles/storage-reader')

    operator.post(at + 'policies', {'name': 'read', 'document': DOCUMENT}, status=201)
    operator.post(at + 'policies', {'name': 'bad', 'document': {'Version': '2012-10-17', 'Statement': [{'Effect': 'Permit'}]}}, status=400)
    assert operator.post(at + 'policies/read/versions', {'document': DOCUMENT}, status=201)['version'] == 2
    operator.put(at + 'policies/read/default/2')
    operator.delete(at + 'policies/read/versions/1')
    assert [v['version'] for v in operator.get(at + 'policies/read/versions')['items']] == [2]
    assert json.loads(operator.get(at + 'policies/read')['document']) == DOCUMENT
    assert [p['name'] for p in operator.get(at + 'policies')['items']] == ['read']
    for subject in ('users/lin', 'groups/dev', 'roles/reader'):
        operator.put(at + subject + '/policies/read')
        assert [p['name'] for p in operator.get(at + subject + '/policies')['items']] == ['read']
        operator.delete(at + subject + '/policies/read')
        operator.put(at + subject + '/inline/own', {'document': DOCUMENT})
        assert operator.get(at + subject + '/inline')['items'] == [{'name': 'own'}]
        assert json.loads(operator.get(at + subject + '/inline/own')['document']) == DOCUMENT
        operator.delete(at + subject + '/inline/own')
    operator.delete(at + 'policies/read')
    operator.delete(at + 'roles/reader')
    operator.delete(at + 'groups/dev/members/lin')
    operator.delete(at + 'groups/dev')

    issuer = operator.post(at + 'oidc-providers', {'url': 'https://idp.example/ci', 'clients': ['troth']}, status=201)
    assert issuer['url'] == 'https://idp.example/ci'
    one = at + 'oidc-providers/https%3A%2F%2Fidp.example%2Fci'
    operator.put(one + '/clients/second')
    assert operator.get(one)['clients'] == ['second', 'troth'] or operator.get(one)['clients'] == ['troth', 'second']
    operator.delete(one + '/clients/second')
    assert len(operator.get(at + 'oidc-providers')['items']) == 1
    operator.delete(one)

    assert operator.post(at + 'users/lin/end')['state'] == 'ended'
    operator.post(at + 'users', {'name': 'job', 'kind': 'service', 'owner': 'lin'}, status=409)
    operator.post(at + 'users', {'name': 'wu', 'owner': 'Wu'}, status=201)
    operator.delete(at + 'users/wu')
    operator.get(at + 'users/wu', status=404)


def test_decisions_parameters_evidence(operator, realm):
    at = f'realms/{realm}/'
    operator.post(at + 'users', {'name': 'lin', 'owner': 'Lin'}, status=201)
    operator.put(at + 'users/lin/roles/storage-reader')
    ask = {'principal': 'lin', 'action': 's3:GetObject', 'resource': 'arn:aws:s3:::b/k', 'context': {'aws:SourceIp': '192.0.2.1'}}
    why = operator.post(at + 'access/explain', ask)
    assert why['verdict'] == 'allowed' and why['policy'] == 'role/storage-reader'
    assert operator.post(at + 'access/explain', {**ask, 'action': 's3:PutObject'})['verdict'] == 'not allowed'
    assert operator.post(at + 'access/explain', {**ask, 'principal': 'anonymous'})['verdict'] == 'not allowed'
    operator.put(at + 'users/lin/inline/no', {'document': {'Version': '2012-10-17', 'Statement': [
        {'Sid': 'Never', 'Effect': 'Deny', 'Action': 's3:GetObject', 'Resource': '*', 'Condition': {'IpAddress': {'aws:SourceIp': '192.0.2.0/24'}}}]}})
    why = operator.post(at + 'access/explain', ask)
    assert why['verdict'] == 'denied' and why['sid'] == 'Never'
    who = operator.get(at + 'access/who-can?action=s3:GetObject&resource=arn:aws:s3:::b/k')
    assert {'lin', 'root'} <= {w['user'] for w in who['items']}
    operator.get(at + 'access/who-can', status=400)
    ids = [p['id'] for p in operator.get(at + 'parameters')['items']]
    assert 'P-IAM-1' in ids
    assert operator.put(at + 'parameters/P-IAM-1', {'value': '10'}, status=200)['value'] == '10'
    assert operator.put(at + 'parameters/P-IAM-1', {'value': '999'}, status=400)['code'] == 'range'
    assert operator.get(at + 'evidence/identity')['state']['persons'] == 1
    operator.post(at + 'freeze', status=204)
    operator.post(at + 'unfreeze', status=204)


def test_own_session(operator, realm):
    lin = Person(operator, realm, 'lin', 'storage-owner')
    me = lin.get('self')
    assert me['user'] == 'lin' and me['stage'] == 'full' and me['mfa']
    assert len(lin.post('self/recovery-codes', status=201)['codes']) == 10
    codes = lin.post('self/recovery-codes', status=201)['codes']
    before = lin.token
    lin.login()
    assert lin.token != before
    listed = lin.get('self/sessions')['items']
    assert len(listed) == 2 and [s['current'] for s in listed].count(True) == 1
    other = next(s['id'] for s in listed if not s['current'])
    lin.delete(f'self/sessions/{other}')
    Bearer(lin.server, before).get('self', status=401)
    lin.token = None
    lin.take(lin.post('login', {'realm': realm, 'user': 'lin', 'password': Person.PASSWORD}))
    lin.take(lin.post('session/recovery', {'code': codes[0]}))
    lin.take(lin.post('self/password', {'old': Person.PASSWORD, 'password': 'another nine slow herons'}))
    lin.post('self/password', {'old': Person.PASSWORD, 'password': 'yet another nine slow herons'}, status=401)
    factors = lin.get('self/factors')['items']
    assert [f['kind'] for f in factors if f['active'] and f['kind'] != 'recovery'] == ['totp']
    lin.delete(f'self/factors/{factors[0]["id"]}', status=409)
    assert lin.get('self/grants')['items'] == []
    assert operator.get(f'realms/{realm}/users/lin')['name'] == 'lin'
    second = lin.post('self/factors/totp', {'name': 'tablet'}, status=201)
    lin.post(f'self/factors/totp/{second["id"]}', {'code': '000000'}, status=403)
    lin.post(f'self/factors/totp/{second["id"]}', {'code': Phone(second['seed']).code()}, status=204)
    lin.delete(f'self/factors/{factors[0]["id"]}')
    Bearer(lin.server, lin.token).delete('self/sessions')
    lin.get('self', status=401)
    wu = Person(operator, realm, 'wu')
    wu.delete('session')
    wu.get('self', status=401)


def test_the_session_belongs_to_its_client(operator, realm):
    lin = Person(operator, realm, 'lin')
    lin.post('session/step-up', {'code': lin.code()}, status=204)
    lin.post('session/step-up', {'code': '000000'}, status=401)
    Bearer(lin.server, lin.token, source='127.0.0.1').get('self')
    Bearer(lin.server, lin.token, source='127.0.0.2').get('self', status=401)
    Bearer(lin.server, lin.token, agent='tests/2').get('self', status=401)
    Bearer(lin.server, lin.token, is_local=True).get('self', status=401)


def test_signed_by_an_access_key(server, tenant, realm):
    root = Signed(server, tenant.access_key, tenant.secret_key)
    assert root.get('self')['user'] == 'root'
    assert root.post(f'realms/{realm}/users', {'name': 'lin', 'owner': 'Lin'}, status=201)['name'] == 'lin'
    assert root.get(f'realms/{realm}/users?limit=5&path=/')['items'][0]['name'] == 'lin'
    assert root.get('realms/platform/users', status=403)['reason']
    assert root.get('realms/no-such-tenant/users', status=403)['detail'] == root.get('realms/platform/users', status=403)['detail']
    root.get('tenants', status=403)
    Signed(server, tenant.access_key, 'x' * 40).get('self', status=401)
    Signed(server, tenant.access_key, tenant.secret_key, region='eu-west-9').get('self', status=401)
    # the signature is over the body
    headers = root.credentials('POST', f'/api/v1/realms/{realm}/groups', b'{"name":"a"}')
    assert Rest(server).raw('POST', f'/api/v1/realms/{realm}/groups', b'{"name":"b"}', headers).status == 401
    # signed for S3 it is a bucket's name
    assert raw.request(tenant, 'GET', '/api/v1/self').code == 'NoSuchBucket'


def grant_over(person, realm, role, **more):
    return person.post(f'realms/{realm}/grants', {'role': role, 'reason': 'ticket 7', 'ticket': 'T-7', 'length_s': 3600, **more}, status=201)


#= 2.1.4-3 test
#= 2.1.3-9 test
def test_leave_of_the_customer(make_server, names):
    server = make_server()
    operator = Rest(server, is_local=True)
    realm = server.tenant('acme').name
    staff = Person(operator, 'platform', 'wang', 'staff')
    assert operator.get(f'realms/{realm}/users')['items'] # not claimed yet
    approver = Person(operator, realm, 'chen', 'approver')
    # claimed: whoever runs the machine asks like everybody else
    refused = operator.get(f'realms/{realm}/users', status=403)
    assert refused['reason'] == 'needs-grant', refused.json
    assert staff.get(f'realms/{realm}/users', status=403)['reason'] == 'needs-grant'

    asked = grant_over(staff, realm, 'support-accounts')
    assert asked['state'] == 'asked' and staff.get('self/grants')['items'][0]['id'] == asked['id']
    at = f'realms/{realm}/grants/{asked["id"]}'
    staff.post(at + '/approve', {}, status=403)
    staff.get(f'realms/{realm}/users', status=403)
    assert approver.get(at)['user'] == 'wang'
    assert approver.post(at + '/approve', {'length_s': 600, 'note': 'fine'})['state'] == 'approved'
    assert staff.get(f'realms/{realm}/users')['items']
    assert staff.get('self')['grants'][0]['realm'] == realm
    made = staff.post(at + '/credentials', status=201)
    assert made['expires'] <= staff.get('self')['grants'][0]['until']
    short = Signed(server, made['access_key_id'], made['secret_access_key'], made['session_token'])
    assert short.get(f'realms/{realm}/users')['items'] and short.get('self')['user'] == 'wang'
    short.get('realms/platform/users', status=403)
    Signed(server, made['access_key_id'], made['secret_access_key']).get('self', status=401)
    Signed(server, made['access_key_id'], made['secret_access_key'], made['session_token'][:-1] + '-').get('self', status=401)
    assert approver.post(at + '/end')['state'] == 'ended'
    staff.get(f'realms/{realm}/users', status=403)
    staff.post(at + '/credentials', status=403)
    assert short.get(f'realms/{realm}/users', status=None).status in (401, 403)

    second = grant_over(staff, realm, 'support-accounts')
    assert approver.post(f'realms/{realm}/grants/{second["id"]}/refuse', {'note': 'no'})['state'] == 'refused'
    assert {g['state'] for g in approver.get(f'realms/{realm}/grants')['items']} == {'ended', 'refused'}
    assert approver.get(f'realms/{realm}/grants?state=refused')['items'][0]['id'] == second['id']

    # break-glass: at once, and the customer is told
    glass = staff.post(f'realms/{realm}/break-glass', {'role': 'support-accounts', 'reason': 'the house burns', 'length_s': 600}, status=201)
    assert glass['kind'] == 'break-glass' and staff.get(f'realms/{realm}/users')['items']
    notice = approver.get(f'realms/{realm}/notices?open=true')['items'][0]
    assert notice['subject'] == glass['id']
    approver.post(f'realms/{realm}/notices/{notice["id"]}/ack', status=204)
    assert approver.get(f'realms/{realm}/notices?open=true')['items'] == []
    assert staff.post(f'realms/{realm}/grants/{glass["id"]}/end')['state'] == 'ended'
    # whoever runs the machine has no other way either
    operator.get(f'realms/{realm}/users', status=403)
    glass = operator.post(f'realms/{realm}/break-glass', {'role': 'support-accounts', 'reason': 'no staff left', 'length_s': 600}, status=201)
    assert operator.get(f'realms/{realm}/users')['items']
    assert operator.post(f'realms/{realm}/grants/{glass["id"]}/end')['state'] == 'ended'
    operator.get(f'realms/{realm}/users', status=403)
    kinds = [e['entry']['kind'] for e in server_entries(approver, operator, realm, staff)]
    for kind in ('realm.claim', 'grant.ask', 'grant.approve', 'grant.refuse', 'grant.end', 'grant.break-glass', 'notice.create', 'notice.ack', 'sts.assume'):
        assert kind in kinds, kind


def server_entries(approver, operator, realm, staff):
    """The tenant's log, read by the provider's staff with its leave."""
    asked = grant_over(staff, realm, 'support-logs')
    approver.post(f'realms/{realm}/grants/{asked["id"]}/approve', {})
    return staff.get(f'logs/{realm}/entries?count=1000')['items']


#= 2.1.4-6 test
def test_review(make_server):
    server = make_server()
    operator = Rest(server, is_local=True)
    realm = server.tenant('acme').name
    operator.post(f'realms/{realm}/users', {'name': 'wu', 'owner': 'Wu'}, status=201)
    operator.put(f'realms/{realm}/users/wu/roles/storage-reader')
    security = Person(operator, realm, 'zhao', 'security-administrator')
    due = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=7)).strftime('%Y-%m-%dT%H:%M:%SZ')
    review = security.post(f'realms/{realm}/reviews', {'name': 'autumn', 'reviewer': 'zhao', 'due': due}, status=201)
    at = f'realms/{realm}/reviews/{review["id"]}'
    assert security.get(at)['items'] == review['items'] > 0
    assert [r['id'] for r in security.get(f'realms/{realm}/reviews')['items']] == [review['id']]
    line = next(i for i in security.get(at + '/items')['items'] if i['subject_name'] == 'wu')
    done = security.post(at + '/decide', {'subject': line['subject'], 'access': line['access'], 'decision': 'revoke', 'note': 'left the team'})
    assert done['decision'] == 'revoke' and 'troth/access-review' in done['statement']
    assert security.get(f'realms/{realm}/users/wu/roles')['items'] == []


def test_realms_of_others(operator, server, tenant, realm, names):
    """Whether another customer is there is not told; nor is anything of theirs."""
    other = server.tenant(names('tenant')).name
    lin = Person(operator, realm, 'lin', 'storage-owner', 'security-administrator')
    for method, path in (('GET', 'realms/{}/users'), ('GET', 'tenants/{}'), ('GET', 'tenants/{}/keys'), ('GET', 'logs/{}/entries'),
                         ('POST', 'realms/{}/users'), ('GET', 'realms/{}/users/root'), ('POST', 'realms/{}/access/explain'),
                         ('POST', 'realms/{}/grants'), ('POST', 'realms/{}/break-glass'), ('POST', 'realms/{}/grants/g-x/end')):
        said = {json.dumps({k: v for k, v in lin.call(method, path.format(where), {} if method == 'POST' else None, 403).json.items()
                            if k != 'request'}) for where in (other, 'no-such-tenant', 'platform')}
        assert len(said) == 1, (path, said)
    assert lin.get(f'realms/{realm}/users')['items']


def test_who_may_make_users_within_a_boundary_only(operator, realm):
    at = f'realms/{realm}/'
    bound = operator.post(at + 'policies', {'name': 'bound', 'document': DOCUMENT}, status=201)['arn']
    ops = Person(operator, realm, 'ops')
    operator.put(at + 'users/ops/inline/own', {'document': {'Version': '2012-10-17', 'Statement': [
        {'Effect': 'Allow', 'Action': 'iam:CreateUser', 'Resource': '*', 'Condition': {'StringEquals': {'iam:PermissionsBoundary': bound}}}]}})
    ops.post(at + 'users', {'name': 'free', 'owner': 'Ops'}, status=403)
    ops.post(at + 'users', {'name': 'free', 'owner': 'Ops', 'boundary': bound + 'x'}, status=403)
    ops.post(at + 'users', {'no': 'such'}, status=403)
    ops.post(at + 'users', status=403)
    assert ops.post(at + 'users', {'name': 'within', 'owner': 'Ops', 'boundary': bound}, status=201)['boundary'] == bound
    wu = Person(operator, realm, 'wu', 'storage-owner')
    wu.post(at + 'users', {'no': 'such'}, status=403)
    wu.post(at + 'users', {'name': 'free', 'owner': 'Wu', 'boundary': bound}, status=403)


#= 2.1.4-2 test
def test_a_key_is_destroyed_by_two(make_server):
    server = make_server('keys: {destroy_wait: 1ms}\n')
    operator = Rest(server, is_local=True)
    realm = server.tenant('acme').name
    one, two = (Person(operator, realm, name, 'system-administrator') for name in ('hu', 'ma'))
    key = one.post(f'tenants/{realm}/keys', {}, status=201)['key_id']
    at = f'tenants/{realm}/keys/{key}'
    one.post(at + '/schedule-destroy')
    assert one.post(at + '/destroy', status=409)['code'] == 'conflict'
    assert 'troth/key-destruction' in two.post(at + '/destroy')['certificate']


#= 2.1.4-7 test
def test_a_password_of_another_profile_is_changed(operator, realm):
    lin = Person(operator, realm, 'lin', 'storage-owner')
    operator.put(f'realms/{realm}/parameters/P-AUTH-1', {'value': 'mlps-3'}, status=200)
    lin.token = None
    lin.take(lin.post('login', {'realm': realm, 'user': 'lin', 'password': Person.PASSWORD}))
    assert lin.take(lin.post('session/totp', {'code': lin.code()}))['stage'] == 'change-password'
    lin.get(f'tenants/{realm}/buckets', status=403)
    lin.get('self/sessions', status=403)
    lin.post('self/password', {'old': Person.PASSWORD, 'password': 'only lower letters here'}, status=400)
    assert lin.take(lin.post('self/password', {'old': Person.PASSWORD, 'password': 'Seven 7 Quiet Rivers!'}))['stage'] == 'full'
    lin.get(f'tenants/{realm}/buckets')


def test_methods(operator):
    refused = operator.raw('DELETE', '/api/v1/status')
    assert refused.status == 405 and refused.headers['allow'] == 'GET'
    assert operator.raw('HEAD', '/api/v1/status').status == 200
    assert operator.raw('GET', '/api/v1/nothing').status == 404


def test_every_call_was_seen():
    """Last in the file: what no test here calls."""
    passkeys = {p for p in rest.operations() if 'passkey' in p[1]}
    missing = rest.operations() - Rest.seen - passkeys - {('POST', '/api/v1/tenants/{realm}/keys/{key}/destroy')}
    assert not missing, sorted(missing)
