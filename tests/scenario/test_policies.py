"""Who may do what with objects: policies of users and buckets, decided on real requests."""
import json
import threading
import time
import urllib.error
import urllib.request
import ssl

import pytest
from botocore.exceptions import ClientError

from kit.people import User, client, policy, statement

MIB = 1 << 20


def code_of(call, **arguments):
    """The error code, or None where it went well."""
    try:
        call(**arguments)
        return None
    except ClientError as e:
        code = e.response['Error']['Code']
        return 'AccessDenied' if code == '403' else code


@pytest.fixture
def root(tenant):
    s3 = client(tenant.server, 's3', tenant.access_key, tenant.secret_key)
    s3.create_bucket(Bucket='contracts')
    s3.put_object(Bucket='contracts', Key='open/a', Body=b'a', Tagging='class=public')
    s3.put_object(Bucket='contracts', Key='secret/b', Body=b'b')
    return s3


def test_nothing_allows_it(tenant, root):
    s3 = User(tenant, 'nobody').s3
    for call, more in ((s3.list_buckets, {}), (s3.list_objects_v2, {'Bucket': 'contracts'}),
                       (s3.get_object, {'Bucket': 'contracts', 'Key': 'open/a'}),
                       (s3.put_object, {'Bucket': 'contracts', 'Key': 'x', 'Body': b''}),
                       (s3.delete_object, {'Bucket': 'contracts', 'Key': 'open/a'}),
                       (s3.create_bucket, {'Bucket': 'other'}), (s3.delete_bucket, {'Bucket': 'contracts'}),
                       (s3.get_object, {'Bucket': 'not-there', 'Key': 'k'})):
        assert code_of(call, **more) == 'AccessDenied', call
    denied = tenant.entries('access.denied')
    assert {e['payload']['actor']['id'] for e in denied} == {f'{tenant.name}/user/nobody'}
    assert {'s3:GetObject', 's3:PutObject'} <= {e['payload']['action'] for e in denied}


def test_user_policy_by_prefix(tenant, root):
    s3 = User(tenant, 'reader', statement('s3:GetObject', 'arn:aws:s3:::contracts/open/*'),
              statement('s3:ListBucket', 'arn:aws:s3:::contracts', Condition={'StringLike': {'s3:prefix': 'open/*'}})).s3
    assert s3.get_object(Bucket='contracts', Key='open/a')['Body'].read() == b'a'
    assert [o['Key'] for o in s3.list_objects_v2(Bucket='contracts', Prefix='open/')['Contents']] == ['open/a']
    assert code_of(s3.list_objects_v2, Bucket='contracts') == 'AccessDenied'
    assert code_of(s3.get_object, Bucket='contracts', Key='secret/b') == 'AccessDenied'
    assert code_of(s3.put_object, Bucket='contracts', Key='open/a', Body=b'') == 'AccessDenied'
    # Who may not list does not learn what is there.
    assert code_of(s3.get_object, Bucket='contracts', Key='open/not-there') == 'AccessDenied'
    assert code_of(root.get_object, Bucket='contracts', Key='open/not-there') == 'NoSuchKey'


def test_deny_wins(tenant, root):
    user = User(tenant, 'editor', statement('s3:*'), statement('s3:DeleteObject', '*', 'Deny'))
    assert code_of(user.s3.put_object, Bucket='contracts', Key='new', Body=b'1') is None
    assert code_of(user.s3.delete_object, Bucket='contracts', Key='new') == 'AccessDenied'
    gone = user.s3.delete_objects(Bucket='contracts', Delete={'Objects': [{'Key': 'new'}, {'Key': 'open/a'}]})
    assert {e['Code'] for e in gone['Errors']} == {'AccessDenied'} and 'Deleted' not in gone
    # ... whatever the bucket says.
    root.put_bucket_policy(Bucket='contracts', Policy=policy(
        statement('s3:DeleteObject', 'arn:aws:s3:::contracts/*', Principal={'AWS': user.arn})))
    assert code_of(user.s3.delete_object, Bucket='contracts', Key='new') == 'AccessDenied'


def test_delete_objects_by_key(tenant, root):
    s3 = User(tenant, 'cleaner', statement('s3:DeleteObject', 'arn:aws:s3:::contracts/open/*')).s3
    gone = s3.delete_objects(Bucket='contracts', Delete={'Objects': [{'Key': 'open/a'}, {'Key': 'secret/b'}]})
    assert [d['Key'] for d in gone['Deleted']] == ['open/a']
    assert [(e['Key'], e['Code']) for e in gone['Errors']] == [('secret/b', 'AccessDenied')]


def test_copy_needs_both(tenant, root):
    s3 = User(tenant, 'copier', statement('s3:PutObject', 'arn:aws:s3:::contracts/*'),
              statement('s3:GetObject', 'arn:aws:s3:::contracts/open/*')).s3
    assert code_of(s3.copy_object, Bucket='contracts', Key='copy', CopySource='contracts/open/a') is None
    assert code_of(s3.copy_object, Bucket='contracts', Key='copy', CopySource='contracts/secret/b') == 'AccessDenied'
    assert code_of(s3.copy_object, Bucket='contracts', Key='copy', CopySource='not-there/b') == 'NoSuchBucket'


def test_tags(tenant, root):
    s3 = User(tenant, 'tagged', statement('s3:GetObject', '*', Condition={'StringEquals': {'s3:ExistingObjectTag/class': 'public'}}),
              statement('s3:PutObject', 'arn:aws:s3:::contracts/*')).s3
    assert code_of(s3.get_object, Bucket='contracts', Key='open/a') is None
    assert code_of(s3.get_object, Bucket='contracts', Key='secret/b') == 'AccessDenied'
    assert code_of(s3.put_object, Bucket='contracts', Key='t', Body=b'') is None
    assert code_of(s3.put_object, Bucket='contracts', Key='t', Body=b'', Tagging='class=public') == 'AccessDenied'


def test_conditions_of_the_request(tenant, root):
    encrypted = {'StringEquals': {'s3:x-amz-server-side-encryption': 'aws:kms'}}
    s3 = User(tenant, 'careful', statement('s3:PutObject', '*', Condition=encrypted),
              statement('s3:GetObject', '*', Condition={'IpAddress': {'aws:SourceIp': '127.0.0.0/8'},
                                                        'Bool': {'aws:SecureTransport': 'true'}}),
              statement('s3:ListBucket', '*', Condition={'IpAddress': {'aws:SourceIp': '10.0.0.0/8'}}),
              statement('s3:DeleteObject', '*', Condition={'Bool': {'aws:MultiFactorAuthPresent': 'true'}})).s3
    assert code_of(s3.put_object, Bucket='contracts', Key='k', Body=b'', ServerSideEncryption='aws:kms') is None
    assert code_of(s3.put_object, Bucket='contracts', Key='k', Body=b'') == 'AccessDenied'
    assert code_of(s3.get_object, Bucket='contracts', Key='k') is None
    assert code_of(s3.list_objects_v2, Bucket='contracts') == 'AccessDenied'
    assert code_of(s3.delete_object, Bucket='contracts', Key='k') == 'AccessDenied'


def test_bucket_policy(tenant, root):
    user = User(tenant, 'guest')
    assert code_of(root.get_bucket_policy, Bucket='contracts') == 'NoSuchBucketPolicy'
    text = policy(statement('s3:GetObject', 'arn:aws:s3:::contracts/open/*', Principal={'AWS': user.arn}))
    root.put_bucket_policy(Bucket='contracts', Policy=text)
    assert json.loads(root.get_bucket_policy(Bucket='contracts')['Policy']) == json.loads(text)
    assert root.get_bucket_policy_status(Bucket='contracts')['PolicyStatus']['IsPublic'] is False
    assert code_of(user.s3.get_object, Bucket='contracts', Key='open/a') is None
    assert code_of(user.s3.get_object, Bucket='contracts', Key='secret/b') == 'AccessDenied'
    root.delete_bucket_policy(Bucket='contracts')
    assert code_of(user.s3.get_object, Bucket='contracts', Key='open/a') == 'AccessDenied'
    kinds = [(e['entry']['kind'], e['payload'].get('phase')) for e in tenant.entries('bucket.policy.put', 'bucket.policy.delete')]
    assert kinds == [('bucket.policy.put', 'intent'), ('bucket.policy.put', 'outcome'),
                     ('bucket.policy.delete', 'intent'), ('bucket.policy.delete', 'outcome')]
    assert code_of(root.put_bucket_policy, Bucket='contracts', Policy='{"Version":"2012-10-17"}') == 'MalformedPolicy'


def test_a_new_bucket_has_no_policy(tenant, root):
    """The policy goes with the bucket, not with its name."""
    user = User(tenant, 'guest')
    root.create_bucket(Bucket='again')
    root.put_bucket_policy(Bucket='again', Policy=policy(statement('s3:*', ['arn:aws:s3:::again', 'arn:aws:s3:::again/*'],
                                                                   Principal={'AWS': user.arn})))
    assert code_of(user.s3.list_objects_v2, Bucket='again') is None
    root.delete_bucket(Bucket='again')
    root.create_bucket(Bucket='again')
    assert code_of(user.s3.list_objects_v2, Bucket='again') == 'AccessDenied'


def test_public_is_refused(tenant, root):
    world = policy(statement('s3:GetObject', 'arn:aws:s3:::contracts/open/*', Principal='*'))
    assert code_of(root.put_bucket_policy, Bucket='contracts', Policy=world) == 'AccessDenied'
    # Root keys are no person, and have no second factor.
    off = {'BlockPublicAcls': True, 'IgnorePublicAcls': True, 'BlockPublicPolicy': False, 'RestrictPublicBuckets': False}
    assert code_of(root.put_public_access_block, Bucket='contracts', PublicAccessBlockConfiguration=off) == 'AccessDenied'
    assert root.get_public_access_block(Bucket='contracts')['PublicAccessBlockConfiguration']['BlockPublicPolicy'] is True
    with pytest.raises(urllib.error.HTTPError) as e:
        urllib.request.urlopen(f'{tenant.server.address}/contracts/open/a', context=ssl.create_default_context(cafile=tenant.server.ca))
    assert e.value.code == 403


def test_other_tenant(server, names, tenant, root):
    """Buckets are looked up within the tenant: another's root sees its own bucket of that name, or none."""
    other = server.tenant(names('tenant'))
    s3 = client(server, 's3', other.access_key, other.secret_key)
    assert code_of(s3.get_object, Bucket='contracts', Key='open/a') == 'NoSuchBucket'
    # Named in a bucket policy, it still is another tenant's.
    arn = client(server, 'sts', other.access_key, other.secret_key).get_caller_identity()['Arn']
    root.put_bucket_policy(Bucket='contracts', Policy=policy(statement('s3:*', 'arn:aws:s3:::contracts/*', Principal={'AWS': arn})))
    assert code_of(s3.get_object, Bucket='contracts', Key='open/a') == 'NoSuchBucket'


def test_change_holds_at_once(tenant, root):
    user = User(tenant, 'moving', statement('s3:GetObject'))
    iam = User.iam_of(tenant)
    assert code_of(user.s3.get_object, Bucket='contracts', Key='open/a') is None
    iam.delete_user_policy(UserName='moving', PolicyName='own')
    assert code_of(user.s3.get_object, Bucket='contracts', Key='open/a') == 'AccessDenied'
    iam.put_user_policy(UserName='moving', PolicyName='own', PolicyDocument=policy(statement('s3:GetObject')))
    assert code_of(user.s3.get_object, Bucket='contracts', Key='open/a') is None
    iam.update_access_key(UserName='moving', AccessKeyId=user.key, Status='Inactive')
    assert code_of(user.s3.get_object, Bucket='contracts', Key='open/a') == 'InvalidAccessKeyId'


def test_running_download_is_cut(tenant, root):
    """A policy taken away ends what runs, within a second of the next bytes."""
    size = 64 * MIB
    root.put_object(Bucket='contracts', Key='big', Body=b'\0' * size)
    user = User(tenant, 'slow', statement('s3:GetObject'))
    body = user.s3.get_object(Bucket='contracts', Key='big')['Body']
    got = len(body.read(MIB))
    User.iam_of(tenant).delete_user_policy(UserName='slow', PolicyName='own')
    with pytest.raises(Exception):
        while got < size:
            part = body.read(MIB)
            assert part, 'ended early'
            got += len(part)
    assert got < size


def test_running_upload_is_refused(tenant, root):
    user = User(tenant, 'writer', statement('s3:PutObject'))
    started = threading.Event()

    class Slow:
        """Waits in the middle until the right was taken away."""
        at = 0

        def read(self, n=-1):
            if self.at >= 8 * MIB:
                return b''
            if self.at == 4 * MIB:
                started.set()
                time.sleep(1)
            self.at += MIB
            return b'x' * MIB

        def seek(self, at, whence=0):
            self.at = at if whence == 0 else 8 * MIB
            return self.at

        def tell(self):
            return self.at

    result = []
    s3 = client(user.server, 's3', user.key, user.secret)
    s3.meta.events.register('before-sign.s3.PutObject', lambda request, **_: request.context.update(payload_signing_enabled=False))
    worker = threading.Thread(target=lambda: result.append(code_of(s3.put_object, Bucket='contracts', Key='up', Body=Slow(), ContentLength=8 * MIB)))
    worker.start()
    assert started.wait(20)
    User.iam_of(tenant).delete_user_policy(UserName='writer', PolicyName='own')
    worker.join()
    assert result == ['AccessDenied']
    assert code_of(root.head_object, Bucket='contracts', Key='up') == '404'
