"""The short form of durability.py: a minute of kill -9. The long one: tests/faults/durability.py --rounds 100."""
import hashlib
import os
import threading

import pytest

import durability
from kit import s3 as raw

SECONDS = float(os.environ.get('TROTH_DURABILITY_SECONDS', '60'))


#= 2.1.5-3 test
@pytest.mark.timeout(600)
def test_nothing_acknowledged_is_lost(capsys):
    with capsys.disabled():
        wrong = durability.run(seconds=SECONDS, say=lambda text: print('\n' + text, flush=True))
    assert not wrong, wrong[:20]


def test_what_is_lost_is_found(server, names):
    """The harness itself: an object that is gone, one that is torn, an entry that is not there."""
    tenant = server.tenant(names('tenant'))
    for path, body in (('/bkt', b''), ('/bkt/torn', b'half of wh')):
        assert raw.request(tenant, 'PUT', path, body=body).status == 200
    digest = hashlib.sha256(b'half of what was sent').hexdigest()
    writer = durability.Writer(0, tenant, 1, threading.Event())
    writer.may_be = {'lost': {digest}, 'torn': {digest}}
    writer.acknowledged = [('object.put', 'lost', digest, 1000), ('object.put', 'torn', digest, None)]
    assert durability.check_objects(tenant, [writer]) == (['lost'], ['torn'])
    missing, verify = durability.check_log(server, tenant, [writer])
    assert missing == [('object.put', 'lost', 1000), ('object.put', 'torn')] and verify == ''
