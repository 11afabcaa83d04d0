from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rulekit.node.seal import key_of, new_key, seal, unseal

KEY = bytes(range(32))


@given(st.binary(max_size=300))
def test_what_was_sealed_comes_back(data):
    assert unseal(seal(data, KEY), KEY) == data


@given(st.binary(max_size=100), st.data())
def test_no_bit_may_be_changed(data, draw):
    sealed = bytearray(seal(data, KEY))
    where = draw.draw(st.integers(0, len(sealed) * 8 - 1))
    sealed[where // 8] ^= 1 << where % 8
    with pytest.raises(ValueError):
        unseal(bytes(sealed), KEY)


@given(st.binary(max_size=100), st.data())
def test_nothing_may_be_cut_off_or_added(data, draw):
    sealed = seal(data, KEY)
    with pytest.raises(ValueError):
        unseal(sealed[: draw.draw(st.integers(0, len(sealed) - 1))], KEY)
    with pytest.raises(ValueError):
        unseal(sealed + b"\0", KEY)


def test_another_key_does_not_open_it():
    with pytest.raises(ValueError, match="another one's"):
        unseal(seal(b"data", KEY), key_of(new_key()))


def test_the_same_data_never_looks_the_same():
    first, second = seal(b"x" * 200, KEY), seal(b"x" * 200, KEY)
    assert first != second
    assert b"xxxx" not in first


@pytest.mark.parametrize("text", ["", "abc", "§", "A" * 44, new_key()[:-4]], ids=len)
def test_what_is_no_key_is_not_taken(text):
    with pytest.raises(ValueError) as refused:
        key_of(text)
    assert not text or text not in str(refused.value)


def test_a_taken_key_is_nowhere_in_the_environment_of_the_process():
    code = (
        "import os, subprocess\n"
        "from rulekit.node.seal import take_key\n"
        "assert take_key('RK_SEAL_KEY') == 'planted-key'\n"
        "assert 'RK_SEAL_KEY' not in os.environ\n"
        "print(open('/proc/self/environ', 'rb').read())\n"
        "print(subprocess.run('env; cat /proc/$PPID/environ', shell=True, capture_output=True))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"RK_SEAL_KEY": "planted-key", "OTHER": "other-value", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "other-value" in done.stdout
    assert "planted-key" not in done.stdout
