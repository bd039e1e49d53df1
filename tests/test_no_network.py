"""The guard that closes the network in notebooks; tried by audit events alone, nothing is ever sent."""

import os
import subprocess
import sys

import pytest
from jupyter_client.manager import start_new_kernel

from tools.course import ROOT

IPYTHON = ROOT / "tests" / "ipython"
GUARD = IPYTHON / "profile_default" / "startup" / "00-no-network.py"
CLOSED = [
    ("socket.connect", None, ("192.0.2.1", 80)),
    ("socket.connect", None, ("2001:db8::1", 80, 0, 0)),
    ("socket.sendto", None, ("192.0.2.1", 53)),
    ("socket.sendmsg", None, ("192.0.2.1", 53)),
    ("socket.getaddrinfo", "example.invalid", 443, 0, 0, 0),
    ("socket.gethostbyname", "example.invalid"),
]
OPEN = [
    ("socket.connect", None, ("127.0.0.1", 80)),
    ("socket.connect", None, ("::1", 80, 0, 0)),
    ("socket.connect", None, "/run/some.socket"),
    ("socket.sendmsg", None, None),
    ("socket.getaddrinfo", "localhost", 80, 0, 0, 0),
    ("socket.getaddrinfo", None, 80, 0, 0, 0),
    ("socket.gethostbyname", b"127.0.0.1"),
    ("socket.bind", None, ("192.0.2.1", 80)),
]


def ask(event):
    """What one audit event does in a fresh interpreter with the guard: an audit hook can never be taken out again."""
    code = f"exec(open({str(GUARD)!r}).read()); import sys; sys.audit(*{event!r})"
    return subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True).stderr


@pytest.mark.parametrize("event", CLOSED, ids=lambda e: f"{e[0]}-{e[-1]}")
def test_the_world_is_closed(event):
    assert "OSError: The network is closed while notebooks are tested" in ask(event)


@pytest.mark.parametrize("event", OPEN, ids=lambda e: f"{e[0]}-{e[-1]}")
def test_this_machine_is_open(event):
    assert ask(event) == ""


def test_guard_is_active_in_a_kernel_and_leaves_nothing_for_git():
    manager, client = start_new_kernel(kernel_name="python3", env={**os.environ, "IPYTHONDIR": str(IPYTHON)})
    try:
        reply = client.execute_interactive(
            "import sys; sys.audit('socket.connect', None, ('192.0.2.1', 80))",
            output_hook=lambda message: None,
            timeout=60,
        )["content"]
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    assert reply["status"] == "error" and "The network is closed" in reply["evalue"]
    git = subprocess.run(["git", "status", "--porcelain", "tests/ipython"], cwd=ROOT, capture_output=True, text=True)
    if git.returncode == 0:  # not in an unpacked archive
        assert [line for line in git.stdout.splitlines() if line.startswith("??")] == []
