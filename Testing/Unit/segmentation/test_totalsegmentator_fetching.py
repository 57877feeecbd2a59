"""TotalSegmentator's weights are fetched whole, and the user's settings stay."""

from __future__ import annotations

import json
import socket
import sys
import tempfile
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from network_weights import NAME, network, packed

from CTDoseSegLib.cli import weights as command
from CTDoseSegLib.cli.command_line import main
from CTDoseSegLib.segmentation.totalsegmentator import weights
from CTDoseSegLib.segmentation.totalsegmentator.plan import make_plan

pytestmark = pytest.mark.slow


def test_fetch_without_a_network_names_what_to_copy(store, tmp_path, monkeypatch, capfd):
    pytest.importorskip("totalsegmentator", reason="it does the download")
    # A proxy that nobody listens at: what a machine without a network looks like.
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("TOTALSEG_HOME_DIR", str(tmp_path / "home"))
    assert main(["weights", "fetch", "--events", "none"]) == 3
    printed = capfd.readouterr().err
    assert f"copy {NAME}.zip of TotalSegmentator's releases" in printed
    assert weights.present() == []


@pytest.fixture
def like_2_13(monkeypatch):
    """The table that says which networks a task needs came after 2.13."""
    pytest.importorskip("totalsegmentator", reason="it does the download")
    monkeypatch.setitem(sys.modules, "totalsegmentator.map_tasks_config", None)


@pytest.fixture
def licensed(store, tmp_path, monkeypatch):
    """A licence, and all networks but the licensed one."""
    pytest.importorskip("totalsegmentator", reason="it does the download")
    home = tmp_path / "home"
    home.mkdir()
    settings = {"license_number": "aca_" + 14 * "X"}
    (home / "config.json").write_text(json.dumps(settings))
    monkeypatch.setenv("TOTALSEG_HOME_DIR", str(home))
    for one in make_plan("fast", ("heart_chambers",)).weights:
        if not one.licensed:
            network(store, one.folder, one.labels)
    return home


@pytest.fixture
def releases(tmp_path, monkeypatch):
    """A server in place of GitHub's, which holds the 3 mm and the 6 mm network."""
    pytest.importorskip("totalsegmentator", reason="it does the download")
    from totalsegmentator.map_tasks_config import TASK_ID_WEIGHTS_CONFIGS

    for number in (297, 298):
        about = TASK_ID_WEIGHTS_CONFIGS[number]
        name = about["foldername"]
        place = tmp_path / "server/wasserth/TotalSegmentator/releases/download" / about["version"]
        place.mkdir(parents=True, exist_ok=True)
        packed(network(tmp_path / "made", name, labels=117), place / f"{name}.zip")
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path / "server"))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    here = f"http://127.0.0.1:{server.server_port}"
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "sitecustomize.py").write_text(
        "import requests\n"
        "get = requests.get\n"
        f"requests.get = lambda url, **o: get(url.replace('https://github.com', {here!r}), **o)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "code"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("TOTALSEG_HOME_DIR", str(tmp_path / "home"))
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr(tempfile, "tempdir", None)
    yield server
    server.shutdown()
    server.server_close()
    assert list(temporary.iterdir()) == []


def test_what_is_missing_is_fetched_whole_and_the_users_settings_stay(store, releases, tmp_path):
    assert main(["weights", "fetch", "--events", "none"]) == 0
    assert [path.name for path in store.iterdir()] == [NAME]
    assert not (tmp_path / "home").exists()


def test_version_2_13_fetches_by_its_own_command(store, releases, like_2_13, tmp_path, capsys):
    assert main(["weights", "status"]) == 0
    assert "does not say beforehand" in capsys.readouterr().out
    kept = network(store, NAME, labels=3)
    assert main(["weights", "fetch", "--events", "none"]) == 0
    names = sorted(path.name for path in store.iterdir())
    assert [name[:10] for name in names] == ["Dataset297", "Dataset298"]
    weights.look_at(kept, 3)  # what was there is left alone
    assert not (tmp_path / "home").exists()


def test_what_is_fetched_must_be_what_the_task_needs(store, releases, tmp_path, capsys):
    (archive,) = (tmp_path / "server").rglob(f"{NAME}.zip")
    packed(network(tmp_path / "wrong", labels=26), archive)
    assert main(["weights", "fetch", "--events", "none"]) == 3
    assert "distinguish 26 labels where the task has 117" in capsys.readouterr().err
    assert list(store.iterdir()) == []


def test_weights_that_are_not_whole_are_not_fetched_over(store, capsys):
    pytest.importorskip("totalsegmentator", reason="it says which weights it needs")
    made = network(store, labels=117)
    next(made.rglob("*.pth")).unlink()
    assert main(["weights", "fetch", "--events", "none"]) == 3
    assert f"weights remove {NAME}" in capsys.readouterr().err


def test_licensed_weights_without_a_licence_are_not_asked_for(store, licensed, capsys):
    (licensed / "config.json").unlink()
    assert main(["weights", "fetch", "--extra", "heart_chambers", "--events", "none"]) == 3
    assert "needs a licence, and no valid one is set" in capsys.readouterr().err


@pytest.mark.parametrize("server", ["refuses", "hangs"])
def test_a_licence_server_that_is_away_is_reported_in_time(
    store, licensed, monkeypatch, capfd, server
):
    asked = []
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        if server == "refuses":
            listening.close()
        else:

            def hang():
                connection, _ = listening.accept()
                asked.append((connection.recv(4096), connection))

            threading.Thread(target=hang, daemon=True).start()
        for name in ("HTTPS_PROXY", "https_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{port}")
        monkeypatch.setattr(command, "SILENCE_S", 10.0)
        assert main(["weights", "fetch", "--extra", "heart_chambers", "--events", "none"]) == 3
    printed = capfd.readouterr().err
    assert "the licence that totalseg_set_license sets" in printed
    if server == "hangs":
        assert "the server sent nothing for 10 s" in printed
        assert asked[0][0].startswith(b"CONNECT backend.totalsegmentator.com")
        asked[0][1].close()
    else:
        assert "Connection refused" in printed
    assert all(path.name.startswith("Dataset") for path in store.iterdir())
