"""identity.db put back alone to an older copy: it is told, what was deleted does not come back to life, and there is a way out."""
import copy
import glob
import os
import shutil

import pytest
from kit import s3 as raw
from kit.people import User, enrolled, statement
from kit.server import wait_for


class Copy:
    """Of identity.db and what belongs to it, taken while the server is stopped."""

    def __init__(self, server, folder):
        self.server, self.folder = server, str(folder)
        os.makedirs(self.folder)
        for path in self.files():
            shutil.copy2(path, self.folder)

    def files(self):
        return glob.glob(os.path.join(self.server.dir, 'identity', 'identity.db*'))

    def put_back(self):
        for path in self.files():
            os.unlink(path)
        for name in os.listdir(self.folder):
            shutil.copy2(os.path.join(self.folder, name), os.path.join(self.server.dir, 'identity'))


def status(tenant, user, path='/bkt/x'):
    one = copy.copy(tenant)
    one.access_key, one.secret_key = user.key, user.secret
    return raw.request(one, 'GET', path).status


@pytest.fixture
def world(make_server):
    """A server with two tenants; one has a user whose key opens an object."""
    server = make_server()
    acme, beta = server.tenant('acme'), server.tenant('beta')
    raw.request(acme, 'PUT', '/bkt')
    raw.request(acme, 'PUT', '/bkt/x', body=b'x')
    raw.request(beta, 'PUT', '/own')
    return server, acme, beta, User(acme, 'lin', statement('s3:*'))


def restarted(server, old):
    server.stop()
    old.put_back()
    server.expect('put back to an older copy')
    server.start()


#= 2.1.5-3 test
def test_a_deleted_key_does_not_come_back(world, tmp_path):
    server, acme, beta, lin = world
    assert status(acme, lin) == 200
    server.stop()
    old = Copy(server, tmp_path / 'copy')
    server.start()
    assert server.entries('platform') and not acme.entries('identity.rollback')
    User.iam_of(acme).delete_access_key(UserName='lin', AccessKeyId=lin.key)
    assert status(acme, lin) == 403
    restarted(server, old)
    assert status(acme, lin) == 403 # the row is there again, and does nothing
    [told] = acme.entries('identity.rollback')
    assert told['payload']['had'] > told['payload']['has'] > 0
    [told] = [e for e in server.entries('platform') if e['entry']['kind'] == 'identity.rollback']
    assert told['payload']['had'] > told['payload']['has']
    assert not beta.entries('identity.rollback')
    assert raw.request(beta, 'GET', '/own').status == 200 # nothing of it was undone
    said = server.log_text()
    assert 'troth tenant unfreeze' in said and 'acme' in said
    # Frozen until somebody thaws: the next start says nothing more.
    server.stop()
    server.start()
    assert status(acme, lin) == 403 and len(acme.entries('identity.rollback')) == 1
    assert server.troth('tenant', 'create', 'gamma').returncode == 1 # the provider's realm is concerned too
    server.troth_ok('tenant', 'unfreeze', 'acme')
    server.troth_ok('tenant', 'unfreeze', 'platform')
    assert [e['payload']['phase'] for e in acme.entries('realm.unfreeze')] == ['intent', 'outcome']
    assert status(acme, lin) == 200 # undone knowingly: to be deleted again
    User.iam_of(acme).delete_access_key(UserName='lin', AccessKeyId=lin.key)
    assert status(acme, lin) == 403
    server.tenant('gamma')
    server.stop()
    server.start()
    assert len(acme.entries('identity.rollback')) == 1


#= 2.1.5-3 test
def test_the_platform_log_tells_too(world, tmp_path):
    """Where no outcome tells of a change (a role was killed in between), the mark in the platform log does."""
    server, acme, _, _ = world
    server.stop()
    old = Copy(server, tmp_path / 'copy')
    server.start()

    def marks():
        return [e['payload']['changes'] for e in server.entries('platform') if e['entry']['kind'] == 'identity.mark']
    before = len(marks())
    User.iam_of(acme).create_group(GroupName='late')
    wait_for(lambda: len(marks()) > before, 20, 'a mark')
    assert marks() == sorted(marks())
    assert marks()[-1] == acme.entries('group.create')[-1]['payload']['changes']
    restarted(server, old)
    [told] = [e for e in server.entries('platform') if e['entry']['kind'] == 'identity.rollback']
    assert told['payload']['had'] == marks()[-1]


#= 2.1.3-9 test
def test_a_claimed_tenant_is_thawed_by_the_operator(world, tmp_path):
    server, _, _, _ = world
    admin = enrolled(server, server.troth_ok, tmp_path, 'acme', 'wang', 'security-administrator', 'approver')
    server.stop()
    old = Copy(server, tmp_path / 'copy')
    server.start()
    admin.ok('user', 'create', 'mei', '--realm', 'acme', '--owner', 'Mei')
    restarted(server, old)
    assert admin.troth('user', 'list', '--realm', 'acme').returncode == 1 # sessions are ended
    assert server.troth('user', 'create', 'eve', '--realm', 'acme', '--owner', 'E').returncode == 1
    assert server.troth('tenant', 'freeze', 'acme').returncode == 1
    server.troth_ok('tenant', 'unfreeze', 'acme')
    assert server.troth('tenant', 'unfreeze', 'acme').returncode == 1 # what nobody rolled back is not the operator's


def test_identity_db_taken_away(world):
    server, _, _, _ = world
    server.stop()
    for path in glob.glob(os.path.join(server.dir, 'identity', 'identity.db*')):
        os.unlink(path)
    server.expect('put back to an older copy')
    server.start()
    told = [e['payload'] for e in server.entries('platform') if e['entry']['kind'] == 'identity.rollback']
    assert len(told) == 1 and told[0]['has'] == 0
    assert server.troth('tenant', 'create', 'acme').returncode == 1
