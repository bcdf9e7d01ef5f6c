"""Privilege just in time, from outside: the provider's staff ask, the customer lets them in for a time, or breaks glass."""
import json
import os
import subprocess
import time

import pytest
from kit.people import client, enrolled
from kit.server import TROTH, clean_environment, wait_for

READ = ('--role', 'support-data-reader', '--reason', 'listing fails since noon', '--ticket', 'T-1', '--length', '1m')


class House:
    """A provider with two of its staff, a tenant with an approver and an object."""

    def __init__(self, server, folder):
        self.server = server
        self.tenant = server.tenant('acme')
        # The provider's people first: with its first approver its realm is claimed.
        self.zhao = enrolled(server, server.troth_ok, folder, 'platform', 'zhao', 'staff')
        self.key = server.troth_json('access-key', 'create', '--user', 'zhao', '--realm', 'platform')
        self.qian = enrolled(server, server.troth_ok, folder, 'platform', 'qian', 'staff', 'approver')
        self.wang = enrolled(server, server.troth_ok, folder, 'acme', 'wang', 'security-administrator', 'approver')
        self.root = client(server, 's3', self.tenant.access_key, self.tenant.secret_key)
        self.account = client(server, 'sts', self.tenant.access_key, self.tenant.secret_key).get_caller_identity()['Account']
        self.root.create_bucket(Bucket='papers')
        self.root.put_object(Bucket='papers', Key='a', Body=b'content')

    def aws(self, *args, **credentials):
        """The aws command of Debian; its exit status decides."""
        return subprocess.run(['/usr/bin/aws', '--endpoint-url', self.server.address, *args],
                              env=clean_environment(HOME=self.zhao.home, AWS_CA_BUNDLE=self.server.ca,
                                                    AWS_DEFAULT_REGION='us-east-1', **credentials),
                              capture_output=True, text=True, check=False, timeout=60)

    def assume(self, role='support-data-reader'):
        """aws sts assume-role into the tenant, with a code of zhao's phone."""
        return self.aws('sts', 'assume-role', '--role-arn', f'arn:aws:iam::{self.account}:role/{role}',
                        '--role-session-name', 'zhao', '--serial-number', 'arn:aws:iam::000000000000:mfa/zhao',
                        '--token-code', self.zhao.code(), AWS_ACCESS_KEY_ID=self.key['access_key_id'],
                        AWS_SECRET_ACCESS_KEY=self.key['secret_access_key'])


@pytest.fixture(scope='module')
def house(tmp_path_factory):
    from kit.server import Server # pylint: disable=import-outside-toplevel
    server = Server(tmp_path_factory.mktemp('grants')).start()
    yield House(server, tmp_path_factory.mktemp('people'))
    server.stop()


def credentials_of(text):
    c = json.loads(text)['Credentials']
    return {'AWS_ACCESS_KEY_ID': c['AccessKeyId'], 'AWS_SECRET_ACCESS_KEY': c['SecretAccessKey'],
            'AWS_SESSION_TOKEN': c['SessionToken']}


def entries_of(house, kind, grant=None):
    """Of the tenant's log, as the tenant's auditor would read them."""
    lines = house.auditor.ok('log', 'entries', '--tenant', 'acme', '--json').splitlines()
    return [e for e in map(json.loads, lines) if e['entry']['kind'] == kind
            and (grant is None or grant in json.dumps(e['payload']))]


@pytest.fixture(scope='module', autouse=True)
def auditor(house, tmp_path_factory):
    house.auditor = enrolled(house.server, house.wang.ok, tmp_path_factory.mktemp('auditor'), 'acme', 'sun', 'auditor')


#= 2.1.3-9 test
def test_nothing_without_leave(house):
    """Neither the staff nor the operator of the machine sees the customer's keys, logs or accounts."""
    for args in (('key', 'list', '--tenant', 'acme'), ('log', 'entries', '--tenant', 'acme'), ('user', 'list', '--realm', 'acme'),
                 ('bucket', 'list', '--tenant', 'acme')):
        house.zhao.refused(*args)
        said = house.server.troth(*args)
        assert said.returncode == 1 and 'troth access ask' in said.stderr, said.stderr
    assert house.assume().returncode != 0
    assert house.zhao.refused('access', 'approve', 'g-nothing', '--realm', 'acme')


#= 2.1.4-3 test
#= 2.1.3-9 test
@pytest.mark.slow
def test_ask_approve_use_end(house):
    grant = house.zhao.json('access', 'ask', '--realm', 'acme', *READ)
    assert grant['state'] == 'asked'
    assert [g['id'] for g in house.zhao.json('access', 'mine')['items']] == [grant['id']]
    assert [g['id'] for g in house.wang.json('access', 'list', '--state', 'asked')['items']] == [grant['id']]
    # Not by the one who asked, not by a colleague, not yet.
    for who in (house.zhao, house.qian):
        who.refused('access', 'approve', grant['id'], '--realm', 'acme')
    house.zhao.refused('access', 'credentials', grant['id'], '--realm', 'acme')
    house.wang.login() # a second factor given just now
    approved = house.wang.json('access', 'approve', grant['id'], '--note', 'go on')
    began = time.monotonic()
    assert approved['state'] == 'approved'
    done = house.assume()
    assert done.returncode == 0, done.stderr
    keys = credentials_of(done.stdout)
    assert 'papers' in house.aws('s3', 'ls', **keys).stdout
    got = house.aws('s3', 'cp', 's3://papers/a', '-', **keys)
    assert got.stdout == 'content', got.stderr
    assert house.aws('s3', 'rm', 's3://papers/a', **keys).returncode != 0
    assert house.assume('support-data-writer').returncode != 0
    # The same without AWS's STS.
    own = house.zhao.json('access', 'credentials', grant['id'], '--realm', 'acme')
    s3 = client(house.server, 's3', own['access_key_id'], own['secret_access_key'], own['session_token'])
    assert s3.get_object(Bucket='papers', Key='a')['Body'].read() == b'content'
    # And by aws itself, which asks `troth` for them.
    config = os.path.join(house.zhao.home, 'aws.config')
    with open(config, 'w', encoding='utf-8') as f:
        f.write(f'[profile leave]\ncredential_process = {TROTH} access credentials {grant["id"]} --realm acme --process\n')
    done = subprocess.run(['/usr/bin/aws', '--endpoint-url', house.server.address, '--profile', 'leave', 's3', 'ls'],
                          env={**house.zhao.environment(), 'AWS_CONFIG_FILE': config, 'AWS_CA_BUNDLE': house.server.ca},
                          capture_output=True, text=True, check=False, timeout=60)
    assert 'papers' in done.stdout, done.stderr
    why = house.wang.json('access', 'explain', '--principal', 'platform/zhao', '--action', 's3:GetObject',
                          '--resource', 'arn:aws:s3:::papers/a', '--mfa')
    assert why['verdict'] == 'allowed' and why['grant'] == grant['id']
    reads = [e for e in entries_of(house, 'object.get', grant['id'])]
    assert len(reads) >= 2 and all('zhao' in json.dumps(e['payload']['actor']) for e in reads)
    # By itself, after its minute: the keys with it.
    wait_for(lambda: house.aws('s3', 'ls', **keys).returncode != 0, 75, 'the end of the grant')
    assert time.monotonic() - began > 50
    assert house.assume().returncode != 0
    wait_for(lambda: house.wang.json('access', 'show', grant['id'])['state'] == 'past', 10, 'past')
    assert {'grant.ask', 'grant.approve', 'grant.past'} <= {
        e['entry']['kind'] for k in ('grant.ask', 'grant.approve', 'grant.past') for e in entries_of(house, k, grant['id'])}


#= 2.1.4-3 test
def test_refuse_and_end(house):
    grant = house.zhao.json('access', 'ask', '--realm', 'acme', *READ)
    refused = house.wang.json('access', 'refuse', grant['id'], '--note', 'call us first')
    assert (refused['state'], refused['note']) == ('refused', 'call us first')
    house.wang.refused('access', 'approve', grant['id'])
    withdrawn = house.zhao.json('access', 'ask', '--realm', 'acme', *READ)
    assert house.zhao.json('access', 'end', withdrawn['id'], '--realm', 'acme')['state'] == 'withdrawn'
    grant = house.zhao.json('access', 'ask', '--realm', 'acme', *READ)
    house.wang.ok('session', 'step-up', answers=(house.wang.code(),))
    house.wang.ok('access', 'approve', grant['id'])
    own = house.zhao.json('access', 'credentials', grant['id'], '--realm', 'acme')
    s3 = client(house.server, 's3', own['access_key_id'], own['secret_access_key'], own['session_token'])
    s3.list_buckets()
    assert house.wang.json('access', 'end', grant['id'])['state'] == 'ended' # the customer throws them out
    with pytest.raises(s3.exceptions.ClientError):
        s3.list_buckets()


#= 2.1.4-3 test
def test_bounds(house):
    for more in (('--role', 'storage-owner'), ('--role', 'root'), ('--role', 'no-such'), ('--length', '9h'), ('--length', '1s'),
                 ('--reason', '')):
        args = dict(zip(READ[::2], READ[1::2]), **{more[0]: more[1]})
        done = house.zhao.troth('access', 'ask', '--realm', 'acme', *[a for pair in args.items() for a in pair])
        assert done.returncode == 1, more
    assert house.zhao.troth('access', 'ask', '--realm', 'acme', '--role', 'support-data-reader').returncode == 2


#= 2.1.3-9 test
def test_break_glass(house):
    """At once, without leave; the customer is told by itself, and sees every act."""
    grant = house.zhao.json('access', 'break-glass', '--realm', 'acme', '--role', 'support-data-reader', '--length', '5m',
                            '--reason', 'the store is on fire')
    assert (grant['state'], grant['kind']) == ('approved', 'break-glass')
    own = house.zhao.json('access', 'credentials', grant['id'], '--realm', 'acme')
    s3 = client(house.server, 's3', own['access_key_id'], own['secret_access_key'], own['session_token'])
    assert s3.get_object(Bucket='papers', Key='a')['Body'].read() == b'content'
    notice = next(n for n in house.wang.json('notice', 'list', '--open')['items'] if n['subject'] == grant['id'])
    assert notice['kind'] == 'break-glass' and notice['due'] and 'on fire' in notice['detail']
    assert entries_of(house, 'grant.break-glass', grant['id']) and entries_of(house, 'object.get', grant['id'])
    house.wang.ok('notice', 'ack', notice['id'])
    assert notice['id'] not in [n['id'] for n in house.wang.json('notice', 'list', '--open')['items']]
    assert house.wang.json('access', 'report')['counters']['grant.break-glass'] >= 1
    house.wang.ok('access', 'end', grant['id'])


#= 2.2.2-5 test
def test_freeze_ends_it(house):
    grant = house.zhao.json('access', 'break-glass', '--realm', 'acme', '--role', 'support-data-reader', '--length', '5m',
                            '--reason', 'again')
    own = house.zhao.json('access', 'credentials', grant['id'], '--realm', 'acme')
    s3 = client(house.server, 's3', own['access_key_id'], own['secret_access_key'], own['session_token'])
    s3.list_buckets()
    house.wang.ok('tenant', 'freeze', 'acme')
    with pytest.raises(s3.exceptions.ClientError):
        s3.list_buckets()
    with pytest.raises(s3.exceptions.ClientError):
        house.root.list_buckets()
    # The way out: the provider's staff break glass to thaw it, and nothing else until then.
    thaw = house.zhao.json('access', 'break-glass', '--realm', 'acme', '--role', 'support-accounts', '--length', '5m',
                           '--reason', 'wang asked for it on the telephone')
    assert 'frozen' in house.zhao.refused('user', 'create', 'mallory', '--realm', 'acme', '--owner', 'M', '--kind', 'service')
    house.zhao.ok('tenant', 'unfreeze', 'acme')
    house.root.list_buckets()
    assert entries_of(house, 'realm.unfreeze', thaw['id'])
    house.zhao.ok('access', 'end', thaw['id'], '--realm', 'acme') # while it runs zhao is a security administrator


#= 2.1.4-3 test
#= 2.1.4-2 test
def test_platform_by_grant(house):
    """Nobody runs the platform for good: its administrators hold their roles by grant, one of the three at a time."""
    house.zhao.refused('tenant', 'create', 'newco')
    ask = ('access', 'ask', '--realm', 'platform', '--reason', 'a new customer', '--length', '5m', '--role')
    system, security = (house.zhao.json(*ask, f'{kind}-administrator') for kind in ('system', 'security'))
    house.zhao.refused('access', 'approve', system['id'])
    house.wang.refused('access', 'approve', system['id'], '--realm', 'platform') # a customer's approver is nobody there
    house.qian.ok('session', 'step-up', answers=(house.qian.code(),))
    house.qian.ok('access', 'approve', system['id'])
    made = house.zhao.json('tenant', 'create', 'newco')
    assert made['tenant'] == 'newco'
    assert 'administrator' in house.qian.refused('access', 'approve', security['id'])
    house.zhao.ok('access', 'end', system['id'])
    house.zhao.refused('tenant', 'create', 'another')


def test_operator_of_a_claimed_platform(house):
    """The machine's root does not manage the provider's accounts any more, but by breaking glass."""
    said = house.server.troth('user', 'create', 'mallory', '--realm', 'platform', '--owner', 'M')
    assert said.returncode == 1 and 'break-glass' in said.stderr, said.stderr
