"""Accounts by Debian's awscli, unchanged: aws iam."""
import base64
import json
import subprocess

import pytest

from kit import totp

ALLOW = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":%s,"Resource":"*"}]}'


@pytest.fixture
def iam(aws):
    def call(*args, status=0):
        out = aws('iam', *args, status=status)
        return json.loads(out) if status == 0 and out else out
    return call


@pytest.fixture
def as_user(aws, iam, tenant, home):
    """Keys of a user, and aws with them."""
    def make(name):
        key = iam('create-access-key', '--user-name', name)['AccessKey']

        def call(*args, status=0):
            environment = {**tenant.environment(home), 'AWS_ACCESS_KEY_ID': key['AccessKeyId'],
                           'AWS_SECRET_ACCESS_KEY': key['SecretAccessKey']}
            done = subprocess.run(['/usr/bin/aws', '--endpoint-url', tenant.server.address, *args], check=False,
                                  env=environment, capture_output=True, text=True, timeout=300)
            assert done.returncode == status, f'aws {" ".join(args)}: {done.returncode}: {done.stderr}'
            return done.stdout if status == 0 else done.stderr

        call.key = key
        return call
    return make


#= 2.2.2-1 test
#= 2.1.4-5 test
def test_a_user_from_nothing_to_nothing(aws, iam, as_user, tenant, tmp_path):
    """The tenant's first keys make a user; a policy lets it read; every step is an entry."""
    (tmp_path / 'f').write_text('hello')
    aws('s3', 'mb', 's3://papers')
    aws('s3', 'cp', str(tmp_path / 'f'), 's3://papers/f')
    user = iam('create-user', '--user-name', 'lin', '--path', '/team/', '--tags', 'Key=dept,Value=ops')['User']
    assert user['Arn'].endswith(':user/team/lin') and user['UserId'].startswith('AIDA')
    lin = as_user('lin')
    assert 'AccessDenied' in lin('s3api', 'list-buckets', status=254)
    iam('put-user-policy', '--user-name', 'lin', '--policy-name', 'read', '--policy-document',
        ALLOW % '["s3:Get*","s3:List*"]')
    assert 'papers' in lin('s3', 'ls')
    assert lin('s3', 'cp', 's3://papers/f', '-') == 'hello'
    assert 'AccessDenied' in lin('s3api', 'delete-object', '--bucket', 'papers', '--key', 'f', status=254)
    assert 'AccessDenied' in lin('iam', 'list-users', status=254)
    assert iam('get-user-policy', '--user-name', 'lin', '--policy-name', 'read')['PolicyDocument']['Statement']
    assert lin('sts', 'get-caller-identity').count(':user/team/lin') == 1
    used = iam('get-access-key-last-used', '--access-key-id', lin.key['AccessKeyId'])
    assert used['UserName'] == 'lin' and 'LastUsedDate' in used['AccessKeyLastUsed']
    assert 'DeleteConflict' in iam('delete-user', '--user-name', 'lin', status=254)
    iam('delete-user-policy', '--user-name', 'lin', '--policy-name', 'read')
    iam('delete-access-key', '--user-name', 'lin', '--access-key-id', lin.key['AccessKeyId'])
    iam('delete-user', '--user-name', 'lin')
    assert 'NoSuchEntity' in iam('get-user', '--user-name', 'lin', status=254)

    created = tenant.entries('user.create')
    assert [e['payload']['phase'] for e in created] == ['intent', 'outcome']
    assert created[1]['payload']['after']['owner'] == 'root' and 'before' not in created[1]['payload']
    put = tenant.entries('policy.put-inline')[1]['payload']
    assert json.loads(put['after']['document']) == json.loads(ALLOW % '["s3:Get*","s3:List*"]')
    assert tenant.entries('user.delete')[0]['payload']['before']['name'] == 'lin'
    denied = tenant.entries('access.denied')
    assert any(e['payload'].get('action') == 'iam:ListUsers' and e['payload']['actor']['id'].endswith('/user/lin')
               for e in denied)
    assert lin.key['SecretAccessKey'] not in json.dumps(tenant.entries())


def test_groups_and_managed_policies(iam, as_user):
    iam('create-user', '--user-name', 'wu')
    iam('create-group', '--group-name', 'writers')
    arn = iam('create-policy', '--policy-name', 'write', '--policy-document', ALLOW % '"s3:*"')['Policy']['Arn']
    iam('attach-group-policy', '--group-name', 'writers', '--policy-arn', arn)
    iam('add-user-to-group', '--group-name', 'writers', '--user-name', 'wu')
    wu = as_user('wu')
    wu('s3', 'mb', 's3://of-the-group')
    assert iam('list-entities-for-policy', '--policy-arn', arn)['PolicyGroups'][0]['GroupName'] == 'writers'
    version = iam('create-policy-version', '--policy-arn', arn, '--policy-document', ALLOW % '"s3:List*"',
                  '--set-as-default')['PolicyVersion']
    assert version['VersionId'] == 'v2' and version['IsDefaultVersion']
    assert 'AccessDenied' in wu('s3api', 'create-bucket', '--bucket', 'another', status=254)
    assert 'DeleteConflict' in iam('delete-policy', '--policy-arn', arn, status=254)
    iam('remove-user-from-group', '--group-name', 'writers', '--user-name', 'wu')
    assert 'AccessDenied' in wu('s3api', 'list-buckets', status=254)
    many = iam('list-roles', '--max-items', '3')
    assert len(many['Roles']) == 3 and many['NextToken']
    simulated = iam('simulate-principal-policy', '--policy-source-arn',
                    iam('get-user', '--user-name', 'wu')['User']['Arn'], '--action-names', 's3:GetObject')
    assert simulated['EvaluationResults'][0]['EvalDecision'] == 'implicitDeny'


def test_refusals_have_their_names(aws, iam):
    assert 'MalformedPolicyDocument' in iam('create-policy', '--policy-name', 'x', '--policy-document', '{}',
                                            status=254)
    iam('create-user', '--user-name', 'Lin')
    assert 'EntityAlreadyExists' in iam('create-user', '--user-name', 'lin', status=254)
    assert 'ValidationError' in iam('create-user', '--user-name', 'l\u0456n', status=254) # Cyrillic i
    assert 'NotImplemented' in iam('list-account-aliases', status=254)
    said = iam('attach-user-policy', '--user-name', 'Lin', '--policy-arn',
               'arn:aws:iam::aws:policy/AdministratorAccess', status=254)
    assert 'NoSuchEntity' in said and "AWS's own policies are not here" in said
    said = iam('create-login-profile', '--user-name', 'Lin', '--password', 'x', status=254)
    assert 'NotImplemented' in said and 'troth login --enrol' in said
    said = iam('put-user-policy', '--user-name', 'Lin', '--policy-name', 'x', '--policy-document', '{bad', status=254)
    assert 'line 1, column 2' in said


#= 2.1.4-1 test
def test_virtual_mfa_device(aws, iam, as_user, tmp_path):
    """Made, enabled by two codes; a role that asks for a second factor opens by the third."""
    iam('create-user', '--user-name', 'mei')
    iam('put-user-policy', '--user-name', 'mei', '--policy-name', 'assume', '--policy-document',
        ALLOW % '"sts:AssumeRole"')
    account = json.loads(aws('sts', 'get-caller-identity'))['Account']
    trust = {'Version': '2012-10-17', 'Statement': [{
        'Effect': 'Allow', 'Principal': {'AWS': f'arn:aws:iam::{account}:user/mei'}, 'Action': 'sts:AssumeRole',
        'Condition': {'Bool': {'aws:MultiFactorAuthPresent': 'true'}}}]}
    role = iam('create-role', '--role-name', 'guarded', '--assume-role-policy-document', json.dumps(trust))['Role']
    iam('put-role-policy', '--role-name', 'guarded', '--policy-name', 's3', '--policy-document', ALLOW % '"s3:*"')
    png = tmp_path / 'code.png'
    serial = iam('create-virtual-mfa-device', '--virtual-mfa-device-name', 'mei-phone', '--bootstrap-method',
                 'QRCodePNG', '--outfile', str(png))['VirtualMFADevice']['SerialNumber']
    assert png.read_bytes().startswith(b'\x89PNG\r\n')
    iam('delete-virtual-mfa-device', '--serial-number', serial)
    seed_file = tmp_path / 'seed'
    iam('create-virtual-mfa-device', '--virtual-mfa-device-name', 'mei-phone', '--bootstrap-method',
        'Base32StringSeed', '--outfile', str(seed_file))
    seed = base64.b32decode(seed_file.read_bytes())
    step = totp.step_now()
    mei = as_user('mei')
    enable = ('enable-mfa-device', '--user-name', 'mei', '--serial-number', serial)
    assert 'InvalidAuthenticationCode' in iam(*enable, '--authentication-code1', '000000', '--authentication-code2',
                                              '000001', status=254)
    iam(*enable, '--authentication-code1', totp.code(seed, step - 1), '--authentication-code2', totp.code(seed, step))
    assert iam('list-mfa-devices', '--user-name', 'mei')['MFADevices'][0]['SerialNumber'] == serial
    assume = ('sts', 'assume-role', '--role-arn', role['Arn'], '--role-session-name', 'mei')
    assert 'AccessDenied' in mei(*assume, status=254)
    replayed = mei(*assume, '--serial-number', serial, '--token-code', totp.code(seed, step), status=254)
    assert 'MultiFactorAuthentication failed' in replayed
    session = json.loads(mei(*assume, '--serial-number', serial, '--token-code', totp.code(seed, step + 1)))
    assert session['AssumedRoleUser']['Arn'].endswith(':assumed-role/guarded/mei')
    iam('deactivate-mfa-device', '--user-name', 'mei', '--serial-number', serial)
    iam('delete-virtual-mfa-device', '--serial-number', serial)
