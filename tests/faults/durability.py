#!/usr/bin/python3
"""kill -9 of every role under load: nothing that was acknowledged is lost, nothing is torn.

Sixteen writers put, overwrite and delete objects and write down what was acknowledged. Every so often a role (keeper,
scribe, edge), or the supervisor with all of them, is killed. At the end each key must have the content of its last
acknowledged act, or of one that was under way after it; every acknowledged act must be in the log; the log must verify.

    durability.py [--rounds N | --seconds S] [--writers W] [--seed X]
"""
import argparse
import base64
import hashlib
import json
import os
import random
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
from kit import s3 as raw  # noqa: E402
from kit.server import Server, wait_for  # noqa: E402

VICTIMS = ('edge', 'keeper', 'scribe', 'supervisor')
KEYS_PER_WRITER = 12
SIZES = (0, 1, 1000, 4096, 4096, 4096, 70_000, 140_000, 1_200_000)
GONE = None # the content of a deleted key


class Link:
    """A connection that is made anew when it breaks."""

    def __init__(self, tenant):
        self.tenant, self.connection = tenant, None

    def drop(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def request(self, method, path, body=b''):
        """An answer, or None when nothing is known about what was asked."""
        signer = raw.Signer(self.tenant)
        headers = signer.headers(method, path, payload=hashlib.sha256(body).hexdigest())
        if method == 'PUT':
            headers['content-length'] = str(len(body))
        try:
            if self.connection is None:
                self.connection = raw.Connection(self.tenant.server, timeout=20)
            self.connection.send(raw.head_bytes(method, path, headers) + body)
            answer = self.connection.answer(method)
        except (OSError, EOFError, ValueError):
            self.drop()
            return None
        if answer.headers.get('connection') == 'close':
            self.drop()
        return answer


class Writer(threading.Thread):
    def __init__(self, number, tenant, seed, ending):
        super().__init__(daemon=True)
        self.number, self.link, self.ending = number, Link(tenant), ending
        self.random = random.Random(f'{seed}/{number}')
        self.may_be = {} # key: contents (digest) that it may have now; one when the last act was acknowledged
        self.acknowledged = [] # (kind, key, digest or None, index in the log or None)
        self.refused, self.unknown, self.failure = 0, 0, None

    def run(self):
        try:
            while not self.ending.is_set():
                self.act()
        except Exception as e: # pylint: disable=broad-except
            self.failure = e

    def act(self):
        key = f'w{self.number}-{self.random.randrange(KEYS_PER_WRITER)}'
        is_delete = self.random.random() < 0.15
        body = b'' if is_delete else self.random.randbytes(self.random.choice(SIZES))
        digest = GONE if is_delete else hashlib.sha256(body).hexdigest()
        before = self.may_be.get(key, {GONE})
        self.may_be[key] = before | {digest}
        answer = self.link.request('DELETE' if is_delete else 'PUT', f'/bkt/{key}', body)
        if answer is None:
            self.unknown += 1
            time.sleep(0.02)
        elif answer.status in (200, 204):
            self.may_be[key] = {digest}
            index = None
            if 'x-troth-receipt' in answer.headers:
                text = base64.urlsafe_b64decode(answer.headers['x-troth-receipt'] + '==')
                index = json.loads(text)['index']
            self.acknowledged.append(('object.delete' if is_delete else 'object.put', key, digest, index))
        else:
            # 503 before anything was done, or after: nothing is known either
            assert answer.status in (500, 503), answer
            self.refused += 1
            time.sleep(0.02)


def kill(server, victim):
    if victim == 'supervisor':
        server.kill()
        server.start()
        return True
    return server.kill_role(victim)


def check_objects(tenant, writers):
    lost, torn, link = [], [], Link(tenant)
    for w in writers:
        for key, possible in w.may_be.items():
            answer = wait_for(lambda k=key: (lambda a: a if a is not None and a.status in (200, 404) else None)(
                link.request('GET', f'/bkt/{k}')), 30, f'GET {key}')
            is_there = answer.status == 200
            found = hashlib.sha256(answer.body).hexdigest() if is_there else GONE
            if found not in possible:
                (torn if is_there and found not in {d for _, k, d, _ in w.acknowledged if k == key} else lost).append(key)
    return lost, torn


def check_log(server, tenant, writers):
    """Acknowledged acts that the log lacks."""
    by_index = {e['index']: e for e in tenant.entries()}
    counted = {}
    for e in by_index.values():
        if e['payload'] and e['entry']['kind'] in ('object.put', 'object.delete'):
            what = (e['entry']['kind'], e['payload'].get('key'), e['payload'].get('sha256'))
            counted[what] = counted.get(what, 0) + 1
    missing = []
    for w in writers:
        for kind, key, digest, index in w.acknowledged:
            entry = by_index.get(index) if index is not None else None
            if index is not None and (entry is None or entry['entry']['kind'] != kind or entry['payload']['key'] != key or
                                      entry['payload'].get('sha256') != digest):
                missing.append((kind, key, index))
            elif index is None and (kind, key, digest) not in counted and (kind, key, None) not in counted:
                missing.append((kind, key))
    package = os.path.join(server.dir, '..', 'durability.troth')
    server.troth_ok('log', 'export', '--tenant', tenant.name, '-o', package)
    done = server.troth('verify', package)
    return missing, done.stderr if done.returncode != 0 else ''


def run(rounds=None, seconds=None, writers=16, seed=None, say=print, folder=None):
    """Returns a list of what went wrong; empty when all is well."""
    seed = seed if seed is not None else random.randrange(1 << 32)
    say(f'durability: seed {seed}')
    dice, ending = random.Random(seed), threading.Event()
    with tempfile.TemporaryDirectory() as own:
        server = Server(folder or own, 'ledger: {heartbeat: 2s}\n')
        server.expect('.')
        server.start()
        tenant = server.tenant('acme')
        assert raw.request(tenant, 'PUT', '/bkt').status == 200
        crew = [Writer(i, tenant, seed, ending) for i in range(writers)]
        for w in crew:
            w.start()
        started, done, killed = time.monotonic(), 0, {v: 0 for v in VICTIMS}
        while (done < rounds) if rounds else (time.monotonic() - started < seconds):
            time.sleep(dice.uniform(0.2, 0.9))
            victim = VICTIMS[done % len(VICTIMS)] if dice.random() < 0.7 else dice.choice(VICTIMS)
            killed[victim] += kill(server, victim)
            done += 1
        time.sleep(1)
        ending.set()
        for w in crew:
            w.join(60)
        acknowledged = sum(len(w.acknowledged) for w in crew)
        say(f'durability: {done} rounds ({", ".join(f"{v} {n}" for v, n in killed.items())}), {acknowledged} acknowledged, '
            f'{sum(w.refused for w in crew)} refused, {sum(w.unknown for w in crew)} unknown')
        wrong = [f'writer {w.number}: {w.failure!r}' for w in crew if w.failure] + [
            f'writer {w.number} hangs' for w in crew if w.is_alive()]
        for again in ('', ' after a restart'):
            lost, torn = check_objects(tenant, crew)
            missing, verify = check_log(server, tenant, crew)
            wrong += [f'lost{again}: {k}' for k in lost] + [f'torn{again}: {k}' for k in torn]
            wrong += [f'not in the log{again}: {m}' for m in missing] + ([f'log{again}: {verify}'] if verify else [])
            check = server.troth('check')
            if check.returncode != 0:
                wrong.append(f'check{again}: {check.stdout[-500:]}{check.stderr}')
            if not again:
                server.stop()
                server.start()
        if not acknowledged:
            wrong.append('nothing was acknowledged')
        server.stop()
    say(f'durability: {len(wrong)} faults')
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n', maxsplit=1)[0])
    parser.add_argument('--rounds', type=int)
    parser.add_argument('--seconds', type=float, default=60)
    parser.add_argument('--writers', type=int, default=16)
    parser.add_argument('--seed', type=int)
    given = parser.parse_args()
    wrong = run(given.rounds, given.seconds, given.writers, given.seed)
    for line in wrong[:50]:
        print(line)
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main())
