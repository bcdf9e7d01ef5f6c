"""Short-lived credentials, as the CLI's profiles and the SDKs use them by themselves."""
import base64
import json
import ssl
import subprocess
import urllib.request
import xml.etree.ElementTree as ET

import boto3
import botocore.exceptions
import botocore.session
import pytest
from botocore.credentials import AssumeRoleCredentialFetcher, Credentials, DeferredRefreshableCredentials
from botocore.config import Config
from cryptography.hazmat.primitives.asymmetric import rsa
from kit import oidc, totp

ALLOW = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":%s,"Resource":"*"}]}'


def client(service, tenant, **keys):
    keys = keys or {'aws_access_key_id': tenant.access_key, 'aws_secret_access_key': tenant.secret_key}
    return boto3.client(service, endpoint_url=tenant.server.address, region_name=tenant.region,
                        verify=tenant.server.ca, config=Config(retries={'max_attempts': 0}), **keys)


def keys_of(credentials):
    return {'aws_access_key_id': credentials['AccessKeyId'], 'aws_secret_access_key': credentials['SecretAccessKey'],
            'aws_session_token': credentials['SessionToken']}


def trust(account, **more):
    return json.dumps({'Version': '2012-10-17', 'Statement': [{
        'Effect': 'Allow', 'Principal': {'AWS': f'arn:aws:iam::{account}:root'}, 'Action': 'sts:AssumeRole', **more}]})


@pytest.fixture
def iam(tenant):
    return client('iam', tenant)


@pytest.fixture
def account(tenant):
    return client('sts', tenant).get_caller_identity()['Account']


@pytest.fixture
def reader(iam, account):
    """A role that lists buckets, and a user who may assume it."""
    iam.create_user(UserName='program')
    iam.put_user_policy(UserName='program', PolicyName='assume', PolicyDocument=ALLOW % '"sts:AssumeRole"')
    iam.create_role(RoleName='reader', AssumeRolePolicyDocument=trust(account))
    iam.put_role_policy(RoleName='reader', PolicyName='read', PolicyDocument=ALLOW % '["s3:Get*","s3:List*"]')
    key = iam.create_access_key(UserName='program')['AccessKey']
    return {'aws_access_key_id': key['AccessKeyId'], 'aws_secret_access_key': key['SecretAccessKey'],
            'arn': f'arn:aws:iam::{account}:role/reader'}


#= 2.1.4-1 test
def test_profile_with_a_code_then_s3(aws, tenant, iam, account, home):
    """aws sts assume-role with a TOTP code, then aws s3 ls with the session: a profile asks for the code itself."""
    iam.create_user(UserName='mei')
    iam.put_user_policy(UserName='mei', PolicyName='assume', PolicyDocument=ALLOW % '"sts:AssumeRole"')
    condition = {'Bool': {'aws:MultiFactorAuthPresent': 'true'},
                 'NumericLessThan': {'aws:MultiFactorAuthAge': '300'}}
    iam.create_role(RoleName='guarded', AssumeRolePolicyDocument=trust(account, Condition=condition))
    iam.put_role_policy(RoleName='guarded', PolicyName='s3', PolicyDocument=ALLOW % '"s3:*"')
    device = iam.create_virtual_mfa_device(VirtualMFADeviceName='mei')['VirtualMFADevice']
    seed, step = base64.b32decode(device['Base32StringSeed']), totp.step_now()
    iam.enable_mfa_device(UserName='mei', SerialNumber=device['SerialNumber'],
                          AuthenticationCode1=totp.code(seed, step - 1), AuthenticationCode2=totp.code(seed, step))
    key = iam.create_access_key(UserName='mei')['AccessKey']
    aws('s3', 'mb', 's3://seen-with-a-code')
    done = subprocess.run(
        ['/usr/bin/aws', '--endpoint-url', tenant.server.address, 'sts', 'assume-role', '--role-arn',
         f'arn:aws:iam::{account}:role/guarded', '--role-session-name', 'mei', '--serial-number',
         device['SerialNumber'], '--token-code', totp.code(seed, step + 1)],
        env={**tenant.environment(home), 'AWS_ACCESS_KEY_ID': key['AccessKeyId'],
             'AWS_SECRET_ACCESS_KEY': key['SecretAccessKey']}, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    session = json.loads(done.stdout)['Credentials']
    done = subprocess.run(
        ['/usr/bin/aws', '--endpoint-url', tenant.server.address, 's3', 'ls'],
        env={**tenant.environment(home), 'AWS_ACCESS_KEY_ID': session['AccessKeyId'],
             'AWS_SECRET_ACCESS_KEY': session['SecretAccessKey'], 'AWS_SESSION_TOKEN': session['SessionToken']},
        capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0 and 'seen-with-a-code' in done.stdout, done.stderr
    entry = tenant.entries('sts.assume')[1]['payload']
    assert entry['after']['mfa'] and entry['result'] == 'ok' and entry['actor']['id'] == f'{tenant.name}/user/mei'
    assert tenant.entries('bucket.list')[-1]['payload']['actor']['id'] == f'{tenant.name}/role/guarded/mei'


def test_boto3_refreshes_by_itself(tenant, reader):
    """botocore's own fetcher; 900 s are within its time of refreshing: every use makes a fresh session."""
    source = Credentials(reader['aws_access_key_id'], reader['aws_secret_access_key'])
    session = botocore.session.Session()

    def sts_client(service, **more):
        return session.create_client(service, endpoint_url=tenant.server.address, region_name=tenant.region,
                                     verify=tenant.server.ca, **more)

    fetcher = AssumeRoleCredentialFetcher(sts_client, source, reader['arn'],
                                          extra_args={'RoleSessionName': 'refreshing', 'DurationSeconds': 900})
    credentials = DeferredRefreshableCredentials(fetcher.fetch_credentials, 'assume-role')
    session._credentials = credentials # pylint: disable=protected-access
    s3 = session.create_client('s3', endpoint_url=tenant.server.address, region_name=tenant.region,
                               verify=tenant.server.ca)
    seen = set()
    for _ in range(3):
        s3.list_buckets()
        seen.add(credentials.access_key)
    assert len(seen) >= 2
    assert len(tenant.entries('sts.assume')) >= 4 # intent and outcome of two at least


def test_what_a_session_may(tenant, iam, reader):
    sts = client('sts', tenant, **{k: v for k, v in reader.items() if k != 'arn'})
    narrow = sts.assume_role(RoleArn=reader['arn'], RoleSessionName='narrow',
                             Policy=ALLOW % '"s3:GetObject"')
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        client('s3', tenant, **keys_of(narrow['Credentials'])).list_buckets()
    assert refused.value.response['Error']['Code'] == 'AccessDenied'
    wide = sts.assume_role(RoleArn=reader['arn'], RoleSessionName='wide')
    s3 = client('s3', tenant, **keys_of(wide['Credentials']))
    s3.list_buckets()
    with pytest.raises(botocore.exceptions.ClientError):
        s3.create_bucket(Bucket='not-for-readers')
    iam.put_role_policy(RoleName='reader', PolicyName='read', PolicyDocument=ALLOW % '"s3:GetObject"')
    with pytest.raises(botocore.exceptions.ClientError): # at once, in a session that runs
        s3.list_buckets()
    own = client('sts', tenant, **{k: v for k, v in reader.items() if k != 'arn'}).get_session_token()
    who = client('sts', tenant, **keys_of(own['Credentials'])).get_caller_identity()
    assert who['Arn'].endswith(':user/program')


def test_presigned_identity(tenant):
    """As tools prove who they are to others: a presigned GetCallerIdentity."""
    url = client('sts', tenant).generate_presigned_url('get_caller_identity', ExpiresIn=60, HttpMethod='GET')
    context = ssl.create_default_context(cafile=tenant.server.ca)
    with urllib.request.urlopen(url, context=context, timeout=30) as answer:
        text = answer.read().decode()
    arn = next(e.text for e in ET.fromstring(text).iter() if e.tag.endswith('Arn'))
    assert arn.endswith(':user/root')


@pytest.fixture
def issuer(tmp_path):
    with oidc.Issuer(str(tmp_path)) as one:
        yield one


#= 2.1.4-7 test
def test_web_identity(make_server, issuer):
    """A job of a CI with a token of its issuer, and every token that is not one."""
    server = make_server(f'identity:\n  oidc_ca: {issuer.ca}\n')
    tenant = server.tenant('ci')
    iam, account = client('iam', tenant), client('sts', tenant).get_caller_identity()['Account']
    arn = iam.create_open_id_connect_provider(Url=issuer.url, ClientIDList=['troth'],
                                              ThumbprintList=['0' * 40])['OpenIDConnectProviderArn']
    name = issuer.url.split('://')[1]
    federated = {'Version': '2012-10-17', 'Statement': [{
        'Effect': 'Allow', 'Principal': {'Federated': arn}, 'Action': 'sts:AssumeRoleWithWebIdentity',
        'Condition': {'StringEquals': {f'{name}:aud': 'troth', f'{name}:sub': 'repo:acme/app'}}}]}
    iam.create_role(RoleName='job', AssumeRolePolicyDocument=json.dumps(federated))
    iam.put_role_policy(RoleName='job', PolicyName='s3', PolicyDocument=ALLOW % '"s3:*"')
    role = f'arn:aws:iam::{account}:role/job'
    sts = boto3.client('sts', endpoint_url=server.address, region_name=tenant.region, verify=server.ca,
                       config=Config(signature_version=botocore.UNSIGNED, retries={'max_attempts': 0}))

    def ask(token):
        return sts.assume_role_with_web_identity(RoleArn=role, RoleSessionName='job-1', WebIdentityToken=token)

    def refused(token, *codes):
        with pytest.raises(botocore.exceptions.ClientError) as e:
            ask(token)
        assert e.value.response['Error']['Code'] in codes, e.value.response['Error']

    good = {'aud': 'troth', 'sub': 'repo:acme/app'}
    answer = ask(issuer.token(**good))
    assert answer['SubjectFromWebIdentityToken'] == 'repo:acme/app' and answer['Audience'] == 'troth'
    client('s3', tenant, **keys_of(answer['Credentials'])).create_bucket(Bucket='of-the-job')
    refused(issuer.token(aud='troth', sub='repo:evil/app'), 'AccessDenied')
    refused(issuer.token(aud='other', sub='repo:acme/app'), 'InvalidIdentityToken')
    refused(issuer.token(alg='none', **good), 'InvalidIdentityToken')
    refused(issuer.token(key=rsa.generate_private_key(public_exponent=65537, key_size=2048), **good),
            'InvalidIdentityToken')
    refused(issuer.token(**{**good, 'exp': 1_700_000_000, 'iat': 1_600_000_000}), 'ExpiredTokenException')
    refused(issuer.token(**{**good, 'iss': issuer.url + '/else'}), 'InvalidIdentityToken')
    assert tenant.entries('sts.web-identity')[1]['payload']['actor']['id'] == f'ci/web/{name}/repo:acme/app'
