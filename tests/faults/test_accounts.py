"""kill -9 of every role while accounts change: what was acknowledged is there, nothing is half made, every intent has its outcome."""
import http.client
import os
import random
import threading
import time

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from kit.people import client, policy, statement
from kit.rest import Rest
from kit.server import wait_for

ROUNDS = int(os.environ.get('TROTH_ACCOUNTS_ROUNDS', '30'))
VICTIMS = ('edge', 'keeper', 'scribe', 'supervisor')
DOCUMENT = statement('s3:GetObject')
OK, NOT, UNKNOWN = 'ok', 'not', 'unknown'


class Writer(threading.Thread):
    """Makes accounts and what hangs on them, and keeps what each thing may be now: there (True), gone (False), or both."""
    prefix = ''

    def __init__(self, number, server, tenant, ending, seed):
        super().__init__(daemon=True)
        self.server, self.tenant, self.ending = server, tenant, ending
        self.name, self.random = f'{self.prefix}{number}', random.Random(f'{seed}/{number}')
        self.may_be = {} # thing: {True}, {False} or both
        self.acknowledged = [] # (kind, text in the target or detail)
        self.counts = {OK: 0, NOT: 0, UNKNOWN: 0}
        self.failure = None

    def run(self):
        count = 0
        try:
            while not self.ending.is_set():
                count += 1
                self.story(f'{self.name}-{count}')
        except Exception as e: # pylint: disable=broad-except
            self.failure = e

    def act(self, kind, said, thing, becomes, *call, **arguments):
        """One call; its result when it was acknowledged."""
        before = self.may_be.get(thing, {not becomes})
        self.may_be[thing] = before | {becomes}
        outcome, result = self.ask(*call, **arguments)
        self.counts[outcome] += 1
        if outcome == OK:
            self.may_be[thing] = {becomes}
            self.acknowledged.append((kind, said))
        elif outcome == NOT:
            self.may_be[thing] = before
        else:
            time.sleep(0.02)
        return result if outcome == OK else None


class RestWriter(Writer):
    prefix = 'rest'

    def ask(self, method, path, body=None):
        try:
            answer = Rest(self.server, is_local=True).raw(method, f'/api/v1/realms/{self.tenant.name}/{path}', body)
        except (OSError, http.client.HTTPException):
            return UNKNOWN, None
        if answer.status < 300:
            return OK, answer.json or {}
        assert answer.status in (404, 409, 500, 503), answer
        return (UNKNOWN, None) if answer.status >= 500 else (NOT, None)

    def story(self, name):
        user = ('user', name)
        self.act('user.create', f'user/{name}', user, True, 'POST', 'users', {'name': name, 'kind': 'service', 'owner': 'root'})
        key = self.act('access-key.create', f'user/{name}', ('keys', name), True, 'POST', f'users/{name}/access-keys')
        self.act('policy.create', f'policy/{name}', ('policy', name), True, 'POST', 'policies',
                 {'name': name, 'document': {'Version': '2012-10-17', 'Statement': [DOCUMENT]}})
        self.act('policy.attach', f'user/{name}', ('attached', name), True, 'PUT', f'users/{name}/policies/{name}')
        self.act('role.assign', f'user/{name}', ('role', name), True, 'PUT', f'users/{name}/roles/storage-reader')
        asked = self.act('grant.break-glass', '', ('any', name), True, 'POST', 'break-glass',
                         {'role': 'support-data-reader', 'reason': f'story {name}', 'ticket': 'T-1', 'length_s': 3600})
        if asked is not None:
            self.may_be[('grant', asked['id'])] = {True}
        if key is not None and self.random.random() < 0.5:
            self.act('access-key.delete', key['access_key_id'], ('keys', name), False, 'DELETE', f'access-keys/{key["access_key_id"]}')
        if self.random.random() < 0.3:
            self.act('role.unassign', f'user/{name}', ('role', name), False, 'DELETE', f'users/{name}/roles/storage-reader')


class IamWriter(Writer):
    prefix = 'iam'

    def ask(self, operation, **arguments):
        try:
            iam = client(self.server, 'iam', self.tenant.access_key, self.tenant.secret_key)
            return OK, getattr(iam, operation)(**arguments)
        except ClientError as e:
            status = e.response['ResponseMetadata']['HTTPStatusCode']
            assert status in (404, 409, 500, 503), e
            return (UNKNOWN, None) if status >= 500 else (NOT, None)
        except (BotoCoreError, OSError):
            return UNKNOWN, None

    def story(self, name):
        arn = f'arn:aws:iam::{self.account}:policy/{name}'
        self.act('user.create', f'user/{name}', ('user', name), True, 'create_user', UserName=name)
        key = self.act('access-key.create', f'user/{name}', ('keys', name), True, 'create_access_key', UserName=name)
        self.act('policy.create', f'policy/{name}', ('policy', name), True, 'create_policy', PolicyName=name,
                 PolicyDocument=policy(DOCUMENT))
        self.act('policy.attach', f'user/{name}', ('attached', name), True, 'attach_user_policy', UserName=name, PolicyArn=arn)
        if key is not None and self.random.random() < 0.5:
            key_id = key['AccessKey']['AccessKeyId']
            self.act('access-key.delete', key_id, ('keys', name), False, 'delete_access_key', UserName=name, AccessKeyId=key_id)


def everything(server, realm):
    """What the directory has."""
    rest, found = Rest(server, is_local=True), set()

    def items(path):
        mark, out = '', []
        while True:
            answer = rest.get(f'realms/{realm}/{path}{mark}')
            out += answer['items']
            if not answer.json.get('next'):
                return out
            mark = ('&' if '?' in path else '?') + f'after={answer["next"]}'
    users = [u['name'] for u in items('users')]
    found |= {('user', n) for n in users} | {('policy', p['name']) for p in items('policies')}
    found |= {('grant', g['id']) for g in items('grants')}
    found |= {('keys', k['owner']) for k in items('access-keys')}
    for name in users:
        found |= {('attached', name) for _ in items(f'users/{name}/policies')}
        found |= {('role', name) for r in items(f'users/{name}/roles') if r['name'] == 'storage-reader'}
    return found


def check_things(found, crew):
    return [f'{"lost" if thing not in found else "there, but gone"}: {thing}' for w in crew for thing, may in w.may_be.items()
            if thing[0] != 'any' and (thing in found) not in may]


def check_log(entries, found, crew):
    """Entries against acknowledgements, intents against outcomes, what is there against both."""
    wrong, outcomes, ok = [], {}, {}
    intents = {e['index']: e for e in entries if (e['payload'] or {}).get('phase') == 'intent'}
    for e in entries:
        if (e['payload'] or {}).get('phase') == 'outcome':
            outcomes.setdefault(e['payload']['intent'], []).append(e['payload']['result'])
    for index, e in intents.items():
        results = outcomes.get(index, [])
        if len(results) != 1 or results[0] not in ('ok', 'failed', 'unknown'):
            wrong.append(f'intent {index} {e["entry"]["kind"]}: outcomes {results}')
        elif results[0] != 'failed':
            said = e['payload'].get('target', '') + ' ' + e['payload'].get('detail', '')
            ok.setdefault(e['entry']['kind'], []).append((said, results[0]))
    wrong += [f'outcome without intent: {i}' for i in outcomes if i not in intents]
    for kind in {k for w in crew for k, _ in w.acknowledged}:
        acknowledged = [said for w in crew for k, said in w.acknowledged if k == kind]
        told = ' '.join(said + ' ' for said, result in ok.get(kind, []))
        wrong += [f'acknowledged, but not in the log: {kind} {a}' for a in acknowledged if a + ' ' not in told]
    for what, kind in (('user', 'user.create'), ('policy', 'policy.create')):
        told = {said.split()[0].rsplit('/', 1)[-1]: result for said, result in ok.get(kind, [])}
        there = {name for k, name in found if k == what and name != 'root'}
        wrong += [f'{what} {name} without an entry' for name in there - set(told)]
        wrong += [f'entry "ok" without its {what} {name}' for name, result in told.items() if result == 'ok' and name not in there]
    grants, told = sum(k == 'grant' for k, _ in found), [result for _, result in ok.get('grant.break-glass', [])]
    if not told.count('ok') <= grants <= len(told):
        wrong.append(f'{grants} grants, in the log {told.count("ok")} and {told.count("unknown")} unknown')
    return wrong


def kill(server, victim):
    if victim == 'supervisor':
        server.kill()
        server.start()
    else:
        server.kill_role(victim)


#= 2.1.5-3 test
@pytest.mark.timeout(300)
def test_no_account_is_lost(make_server, capsys):
    seed = random.randrange(1 << 32)
    server = make_server('ledger: {heartbeat: 2s}\n')
    server.expect('.')
    tenant = server.tenant('acme')
    IamWriter.account = client(server, 'sts', tenant.access_key, tenant.secret_key).get_caller_identity()['Account']
    dice, ending = random.Random(seed), threading.Event()
    crew = [kind(i, server, tenant, ending, seed) for i in range(3) for kind in (RestWriter, IamWriter)]
    for w in crew:
        w.start()
    for done in range(ROUNDS):
        time.sleep(dice.uniform(0.2, 0.7))
        kill(server, VICTIMS[done % len(VICTIMS)])
    time.sleep(0.5)
    ending.set()
    for w in crew:
        w.join(60)
    counts = {o: sum(w.counts[o] for w in crew) for o in (OK, NOT, UNKNOWN)}
    with capsys.disabled():
        kinds = sorted({k for w in crew for k, _ in w.acknowledged})
        print(f'\naccounts: seed {seed}, {ROUNDS} rounds, {counts}, {kinds}', flush=True)
    wrong = [f'{w.name}: {w.failure!r}' for w in crew if w.failure] + [f'{w.name} hangs' for w in crew if w.is_alive()]
    wait_for(lambda: server.troth('status').returncode == 0, 20, 'the server')
    server.stop()
    server.start()
    found, entries = everything(server, 'acme'), tenant.entries()
    wrong += check_things(found, crew) + check_log(entries, found, crew)
    wrong += ['taken for an older copy' for e in entries + server.entries('platform') if e['entry']['kind'] == 'identity.rollback']
    check = server.troth('check')
    assert check.returncode == 0, check.stdout + check.stderr
    assert not wrong, (seed, len(wrong), wrong[:20])
    assert counts[OK] > 100 and counts[UNKNOWN] > 0, counts


def test_what_is_lost_is_found():
    """The checks themselves: a user that is gone, one without its entry, an intent without its outcome."""
    writer = Writer(0, None, None, None, 0)
    writer.may_be = {('user', 'kept'): {True}, ('user', 'lost'): {True}, ('user', 'open'): {True, False}, ('keys', 'old'): {False}}
    writer.acknowledged = [('user.create', 'user/kept'), ('user.create', 'user/lost')]

    def entry(index, **payload):
        return {'index': index, 'entry': {'kind': 'user.create'}, 'payload': payload}
    entries = [entry(0, phase='intent', target='arn:user/kept'), entry(1, phase='outcome', intent=0, result='ok'),
               entry(2, phase='intent', target='arn:user/half'), entry(3, phase='intent', target='arn:user/gone'),
               entry(4, phase='outcome', intent=3, result='ok')]
    found = {('user', 'kept'), ('user', 'forged'), ('keys', 'old')}
    assert sorted(check_things(found, [writer])) == ["lost: ('user', 'lost')", "there, but gone: ('keys', 'old')"]
    assert sorted(check_log(entries, found, [writer])) == [
        'acknowledged, but not in the log: user.create user/lost', 'entry "ok" without its user gone',
        'intent 2 user.create: outcomes []', 'user forged without an entry']
