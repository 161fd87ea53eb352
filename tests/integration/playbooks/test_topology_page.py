# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The page of the topology graph in a browser: it fits the window, zooms, pans and finds. Needs Chromium."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess

import pytest
from unit.views import fleets

from ansible_collections.virtnet.linux.plugins.plugin_utils.views.graph import graph
from kit.checkout import HOME

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
TEMPLATE = HOME / "playbooks" / "templates" / "topology.html.j2"
SIZES = (1, 3, 20, 100)
WINDOWS = {"desktop": (1280, 800), "phone": (390, 844)}

# What a person does to the page, in a frame of the window's size; the result is the text of the element #result.
DRIVER = """
<!DOCTYPE html><body style="margin:0"><iframe id="page" width="WIDTH" height="HEIGHT" style="border:0"></iframe>
<pre id="result"></pre><script>
const frame = document.getElementById('page');
frame.onload = () => {
  const page = frame.contentDocument, svg = page.querySelector('main svg'), main = page.querySelector('main');
  const view = () => svg.getAttribute('viewBox').split(' ').map(Number);
  const drawing = svg.querySelector('.graph').getBBox(), all = {};
  const send = (on, type, init) => on.dispatchEvent(new frame.contentWindow[init.kind || 'MouseEvent'](type, {
    bubbles: true, cancelable: true, ...init}));
  const drag = (type, id, x, y) => send(svg, type, {kind: 'PointerEvent', pointerId: id, clientX: x, clientY: y});
  const visible = text => { const t = text.getBoundingClientRect(), m = main.getBoundingClientRect();
    return t.left >= m.left && t.right <= m.right && t.top >= m.top && t.bottom <= m.bottom; };
  svg.setPointerCapture = () => {};
  all.first = view();
  all.drawing = drawing.width;
  all.overflow = page.documentElement.scrollWidth - frame.clientWidth;
  all.main = [main.clientWidth, main.clientHeight];
  send(main, 'wheel', {kind: 'WheelEvent', deltaY: -200, ctrlKey: true, clientX: 100, clientY: 300});
  all.zoomed = view();
  drag('pointerdown', 1, 200, 300); drag('pointermove', 1, 150, 270); drag('pointerup', 1, 150, 270);
  all.moved = view();
  drag('pointerdown', 1, 100, 300); drag('pointerdown', 2, 200, 300); drag('pointermove', 2, 300, 300);
  drag('pointerup', 1, 100, 300); drag('pointerup', 2, 300, 300);
  all.pinched = view();
  page.getElementById('all').click();
  all.whole = view();
  page.getElementById('width').click();
  all.again = view();
  const find = page.getElementById('find');
  find.value = 'FIND';
  send(find, 'input', {kind: 'Event'});
  all.count = page.querySelector('output').value;
  send(find, 'keydown', {kind: 'KeyboardEvent', key: 'Enter'});
  const found = svg.querySelector('.found');
  all.found = found && [found.textContent.trim(), visible(found), found.getBoundingClientRect().height];
  const marks = page.getElementById('marks');
  all.marks = marks.hidden ? null : marks.textContent;
  if (!marks.hidden) { marks.click(); all.mark = visible(svg.querySelector('.found')); }
  document.getElementById('result').textContent = JSON.stringify(all);
};
frame.src = 'page.html';
</script></body>
"""


def rendered(made, reports, name, variables=None):
    """The page of a fleet, made with the playbook's template."""
    done = subprocess.run(
        ["dot", "-Tsvg"], input=graph(reports, variables=variables), capture_output=True, text=True, check=True
    )
    shown = {"topology_title": "Fleet", "topology_svg": {"stdout": done.stdout}, "topology_live": {"containers": []}}
    path = made / f"{name}.html"
    variables_file = made / f"{name}.json"
    variables_file.write_text(json.dumps(shown))
    command = ["ansible", "localhost", "-i", "localhost,", "-c", "local", "-e", f"@{variables_file}"]
    task = ["-m", "ansible.builtin.template", "-a", json.dumps({"src": str(TEMPLATE), "dest": str(path)})]
    hosts = {"ansible_play_hosts": ["localhost"], "ansible_play_hosts_all": ["localhost"]}
    interpreter = ["-e", "ansible_python_interpreter={{ ansible_playbook_python }}", "-e", json.dumps(hosts)]
    subprocess.run([*command, *interpreter, *task], capture_output=True, text=True, check=True)
    return path


def looked_at(directory, page, window, find="c10"):
    """What the driver finds out in a window."""
    width, height = WINDOWS[window]
    place = directory / f"{page.stem}-{window}"
    place.mkdir()
    shutil.copy(page, place / "page.html")
    driver = DRIVER.replace("WIDTH", str(width)).replace("HEIGHT", str(height)).replace("FIND", find)
    (place / "driver.html").write_text(driver)
    command = [CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files"]
    command += [
        "--window-size=1400,1000",
        "--virtual-time-budget=5000",
        f"--user-data-dir={place}/profile",
        "--dump-dom",
    ]
    done = subprocess.run([*command, f"file://{place}/driver.html"], capture_output=True, text=True, check=True)
    (text,) = re.findall('<pre id="result">(.*?)</pre>', done.stdout, re.DOTALL)
    assert text, done.stdout[-2000:] + done.stderr[-2000:]
    return json.loads(html.unescape(text))


@pytest.fixture(scope="module", params=SIZES)
def page(request, tmp_path_factory):
    """The page of a fleet of so many hosts."""
    reports = fleets.one_host() if request.param == 1 else fleets.overlay(request.param, 4)
    return rendered(tmp_path_factory.mktemp("page"), reports, f"hosts{request.param}")


@pytest.mark.parametrize("window", WINDOWS)
def test_the_page_fits_the_window_and_can_be_moved(page, window, tmp_path):
    found = looked_at(tmp_path, page, window, "nginx" if page.stem == "hosts1" else "c10")
    (x, _y, w, h), (width, height) = found["first"], found["main"]
    assert found["overflow"] <= 0, "nothing is wider than the window"
    assert w >= found["drawing"], "the whole width of the drawing is visible"
    assert abs(h / w - height / width) < 0.02, "undistorted"
    zx, zy, zw, _zh = found["zoomed"]
    assert zw < 0.6 * w
    before = (x + 100 * w / width, zw)
    assert zx <= before[0] <= zx + zw, "the point under the mouse stays visible"
    mx, my, mw, _mh = found["moved"]
    assert mw == zw and (mx, my) != (zx, zy)
    assert abs(found["pinched"][2] / mw - 0.5) < 0.02, "fingers twice as far apart"
    _wx, _wy, ww, wh = found["whole"]
    assert ww >= w - 1 and wh >= 0.99 * h, "all of it"
    assert found["again"] == found["first"]
    _text, is_visible, size = found["found"]
    assert is_visible and size > 10, "what was found is in the window and can be read"
    assert found["marks"] is None


def test_differences_are_counted_and_shown_one_after_the_other(tmp_path):
    reports = fleets.overlay(20, 4)
    reports["host7"]["tunnels"] = []
    for live in reports.values():
        live["networks"][0]["Labels"]["role"] = "overlay_network"
    page = rendered(tmp_path, reports, "marked")
    found = looked_at(tmp_path, page, "phone", "192.0.2.17")
    assert found["marks"] == "⚠ 1 difference" and found["mark"] is True
    assert found["count"] == "1 found"
