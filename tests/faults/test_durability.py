"""The short form of durability.py: a minute of kill -9. The long one: tests/faults/durability.py --rounds 100."""
import os

import pytest

import durability

SECONDS = float(os.environ.get('TROTH_DURABILITY_SECONDS', '60'))


#= 2.1.5-3 test
@pytest.mark.timeout(600)
def test_nothing_acknowledged_is_lost(capsys):
    with capsys.disabled():
        wrong = durability.run(seconds=SECONDS, say=lambda text: print('\n' + text, flush=True))
    assert not wrong, wrong[:20]
