# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A hundred containers where a process may have few files open (a hard `ulimit -n`): the run needs fewer at once, or
reports the limit before any change.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest
from integration.robust import engine
from integration.robust.documents import absent, changed, complete, containers

from kit import snapshot

RUN = """
import json, sys
sys.path.insert(0, %r)
from kit.host import run_module
print(json.dumps(run_module(sys.argv[1], json.load(open(sys.argv[2])))))
"""
MANY = containers(range(1, 101))


def limited(host, tmp_path, limit, module="topology", **arguments):
    """What a module returns, run by a process of its own that may have so many files open."""
    file = tmp_path / "arguments.json"
    given = {
        kind: [{word: value for word, value in one.items() if value is not None} for one in objects]
        for kind, objects in arguments.items()
    }
    file.write_text(json.dumps(given))
    (tmp_path / "run.py").write_text(RUN % str(Path(__file__).parents[2]))
    done = host.try_sh(f"ulimit -n {limit}; exec {sys.executable} {tmp_path}/run.py {module} {file}")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("limit", [64, 128])
def test_a_hundred_containers_within_the_file_limit(host, tmp_path, limit):
    empty = host.snapshot()

    def run(document):
        done = limited(host, tmp_path, limit, **document)
        assert not done.get("failed") and done["actions"], done
        assert engine.run(host, document, check=True) == []

    run(MANY)
    assert limited(host, tmp_path, limit, **MANY)["actions"] == []
    seen = limited(host, tmp_path, limit, "network_info")
    assert len(seen["containers"]) == 102 and len(seen["networks"][0]["Containers"]) == 100
    run(changed(MANY, containers(range(51, 151), mtu=1400)))
    run(absent(containers(range(51, 151))))
    snapshot.same(empty, host.snapshot())


def test_a_hundred_process_namespaces_within_the_file_limit(host, tmp_path):
    pids = [host.start("unshare", "--net", "sleep", "100") for _one in range(100)]
    host.sh("for pid in %s; do until [ $(readlink /proc/$pid/ns/net) != $(readlink /proc/self/ns/net) ];"
            " do sleep 0.01; done; done" % " ".join(map(str, pids)))  # fmt: skip
    document = containers(range(1, 101))
    document["netns"] = complete({"netns": [{"name": "c%d" % n, "pid": pid} for n, pid in enumerate(pids, 1)]})["netns"]
    done = limited(host, tmp_path, 64, **document)
    assert not done.get("failed") and done["actions"], done
    assert engine.run(host, document, check=True) == []


def test_a_file_limit_that_is_too_low_is_reported_before_any_change(host, tmp_path):
    before = host.snapshot()
    for module, arguments in (("topology", MANY), ("network_info", {})):
        done = limited(host, tmp_path, 30, module, **arguments)
        assert done["failed"] and "30 files open (ulimit -n" in done["msg"] and "LimitNOFILE=" in done["msg"], done
    snapshot.same(before, host.snapshot())
    needed = re.search(r"needs (\d+)", done["msg"]).group(1)
    few = containers(range(1, 21))
    for document in (few, absent(few)):
        done = limited(host, tmp_path, needed, **document)
        assert not done.get("failed") and done["actions"], done
    snapshot.same(before, host.snapshot())
