# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The drawing shows the observed state, and no name can break it."""

from __future__ import annotations

import html
import re

from hypothesis import given
from hypothesis import strategies as st
from unit.views.fleets import all_modes, container, host, network, one_host, overlay, port

from ansible_collections.virtnet.linux.plugins.plugin_utils.views.graph import graph

# In Graphviz's language: a string, or a label that is made like HTML
TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|label=<((?:[^<>]|<[^<>]*>)*)>', re.DOTALL)


def words(text):
    """The words that a person reads, label by label."""
    labels = re.findall(r"label=<(.*)>\]", text)
    return [html.unescape(re.sub(r"<[^<>]*>", " ", label)).split() for label in labels]


def drawn_text(reports):
    """All words of a drawing in one line."""
    return " ".join(word for label in words(graph(reports)) for word in label)


def one_label(text, name):
    """The words of the label that begins with a name."""
    (found,) = [label for label in words(text) if label[:1] == [name]]
    return found


def lines(text):
    """The lines of the drawing that can be seen, as (from, to)."""
    return re.findall(r'^  "([^"]*)" -> "([^"]*)" \[color(?!.*invis)', text, re.MULTILINE)


def test_a_host_shows_its_containers_with_addresses_and_published_ports():
    text = drawn_text(one_host())
    for shown in (
        "nginx and sidecar eth0 172.30.0.2 host:8080 → 80/tcp 192.0.2.11:8443 → 443/tcp",
        "gate router eth0 172.30.0.3 eth1 172.31.0.2",
        "batch no network",
        "agent the host's own network",
        "back bridge br-back, internal 172.31.0.0/24 gateway 172.31.0.1",
        "web bridge br-web, SNAT 172.30.0.0/16 gateway 172.30.0.1",
        "eth0 192.0.2.11",
    ):
        assert shown in text


def test_endpoints_are_edges_to_bridges_and_internal_networks_have_no_egress():
    drawn = lines(graph(one_host()))
    assert drawn.count(("web1/containers", "web1/bridge/br-web")) == 2
    assert drawn.count(("web1/containers", "web1/bridge/br-back")) == 2
    assert ("web1/bridge/br-web", "web1/nic/eth0") in drawn
    assert ("web1/bridge/br-back", "web1/nic/eth0") not in drawn


def test_each_network_is_labelled_with_its_egress():
    text = drawn_text(all_modes())
    for shown in (
        "isolated bridge br-isolated, isolated 172.26.0.0/24",
        "mixed bridge br-mixed, IPv4 SNAT, IPv6 routed 172.28.0.0/24 gateway 172.28.0.1 fd28::/64 gateway fd28::1",
        "plain bridge br-plain, no SNAT",
        "routed bridge br-routed, routed",
        "sw1 bridge br-sw1, SNAT 172.30.0.0/16 gateway 172.30.0.1",
    ):
        assert shown in text
    out = {start for start, end in lines(graph(all_modes())) if end == "h1/nic/eth0"}
    assert out == {"h1/bridge/br-" + name for name in ("mixed", "plain", "routed", "sw1")}


def test_a_joined_switch_has_no_gateway_and_no_egress():
    assert one_label(graph(all_modes()), "sw2") == "sw2 switch br-sw2, joined to sw1 172.30.0.0/16".split()


def test_ports_are_shown_as_ranges_with_their_family():
    text = drawn_text(all_modes())
    for shown in (
        "api eth0 172.29.0.2 open 80-81/tcp open 443/tcp",
        "mail eth0 172.28.0.2, fd28::2 0.0.0.0:25 → 25/tcp open [fd28::2]:25/tcp [::1]:2525 → 25/udp",
        "near eth0 172.30.0.2 host:9000-9003 → 9000-9003/tcp",
    ):
        assert shown in text
    both = {
        "networks": [network("web", "172.30.0.0/16")],
        "containers": [container("c", ("web", "172.30.0.2/16", "fd30::2/64"))],
        "nat_ports": [port(80, "172.30.0.2", 80), port(80, "fd30::2", 80), port(81, "fd30::2", 80)],
    }
    assert "fd30::2 host:80 → 80/tcp [::]:81 → 80/tcp" in drawn_text({"h": host("192.0.2.1/24", **both)})


def test_a_container_with_only_a_nic_has_a_network():
    probe = [one for one in all_modes()["h1"]["containers"] if one["name"] == "probe"]
    text = graph({"h": host("192.0.2.1/24", containers=probe)})
    assert "DASHED" not in text and "without a network" not in text
    assert "gate router eth0 172.29.0.3 wan 203.0.113.7 NIC enp3s0" in drawn_text(all_modes())


def test_containers_are_in_the_order_of_their_bridges():
    inside = [container(name, (on, "10.0.0.2/16")) for name, on in (("app", "two"), ("c10", "one"), ("c9", "one"))]
    inside += [container("both", ("one", "10.0.0.3/16"), ("two", "10.0.0.3/16")), container("alone")]
    networks = [network(name, "10.0.0.0/16") for name in ("one", "two")]
    drawn = drawn_text({"h": host("192.0.2.1/24", networks=networks, containers=inside)})
    assert re.findall(r"\b(c9|c10|both|app|alone)\b", drawn) == ["c9", "c10", "both", "app", "alone"]


def test_an_overlay_shows_its_subnet_and_a_box_per_six_hosts():
    text = graph(overlay(14))
    assert [label for label in words(text) if label[:2] == ["fabric", "overlay,"]] == [
        "fabric overlay, VNI 4242 10.42.0.0/16".split()
    ] * 3
    drawn = lines(text)
    assert [("overlay/4242/0", "overlay/4242/1"), ("overlay/4242/1", "overlay/4242/2")] == [
        ends for ends in drawn if all(end.startswith("overlay") for end in ends)
    ]
    assert ("host7/tunnel/vx-fabric", "overlay/4242/1") in drawn
    assert ("overlay/4242/1", "host8/tunnel/vx-fabric") in drawn


def test_legend_symbols_have_the_size_of_the_drawing():
    text = graph(all_modes())
    for sign in ("router", "open 80-81/tcp", "open 80"):
        assert re.search('<FONT COLOR="[^"]*">%s</FONT>' % sign, text), sign
    assert len(re.findall(">router</FONT>", text)) == 2


def test_tunnels_of_all_hosts_meet_in_the_overlay():
    tunnels = [start for start, end in lines(graph(overlay(3))) if end == "overlay/4242/0"]
    assert tunnels == ["host%d/tunnel/vx-fabric" % number for number in (1, 2, 3)]


def test_a_patch_link_is_an_edge_between_two_bridges():
    cabled = host(
        "192.0.2.1/24",
        networks=[network("one", "172.30.0.0/16"), network("two", "172.30.0.0/16")],
        bridges=[
            {"name": "br-" + name, "netns": None, "id": "", "stp": False, "interfaces": ["patch" + name]}
            for name in ("one", "two")
        ],
    )
    cabled["host"]["interfaces"] += [
        {"name": "patch" + name, "kind": "veth", "ours": True, "labels": {"patch": "one-two"}, "addresses": []}
        for name in ("one", "two")
    ]
    assert ("h/bridge/br-one", "h/bridge/br-two") in lines(graph({"h": cabled}))


def test_a_host_without_networks_is_shown_as_such():
    assert ["no", "networks"] in words(graph({"bare": host("192.0.2.1/24")}))


def test_the_legend_has_only_what_is_drawn():
    bare = drawn_text({"bare": host("192.0.2.1/24")})
    assert "VXLAN" not in bare and "published" not in bare
    assert "VXLAN tunnel" in drawn_text(overlay(3))


def test_the_same_reports_give_the_same_text():
    reports = overlay(5)
    assert graph(reports) == graph(dict(reversed(reports.items())))


def marked(reports, variables=None):
    """The marks of a drawing, without the legend's."""
    return re.findall("⚠ ([^<]*)<", graph(reports, legend=False, variables=variables))


def test_an_overlay_whose_removal_was_not_completed_is_marked():
    whole = overlay(3)
    assert marked(whole) == []
    for live in whole.values():
        live["networks"][0]["Labels"]["role"] = "overlay_network"
    assert marked(whole) == []
    whole["host1"]["tunnels"] = []
    whole["host2"]["networks"] = []
    assert sorted(set(marked(whole))) == ["eth0 on no network", "no VXLAN tunnel", "on no network"]
    assert "bridge br-fabric, SNAT 10.42.0.0/16 gateway 10.42.0.1 ⚠ no VXLAN tunnel" in drawn_text(whole)
    assert "VTEP 192.0.2.12 ⚠ on no network" in drawn_text(whole)
    assert not [end for _start, end in lines(graph(whole)) if end == "host2/bridge/br-fabric"], "no edge to it"


def test_objects_that_are_missing_or_declared_nowhere_are_marked():
    reports = {**one_host(), "web2": host("192.0.2.12/24")}
    for one in reports["web1"]["containers"]:
        one["labels"] = {"role": "bridge_network"}
    lists = {
        "bridge_network_networks": [{"name": "web"}, {"name": "gone"}, {"name": "old", "state": "absent"}],
        "bridge_network_containers": [{"name": name} for name in "nginx gate batch sidecar agent cron".split()],
    }
    variables = {"web1": lists, "web2": {}}
    found = marked(reports, variables)
    assert sorted(found) == ["container cron missing", "declared nowhere", "declared nowhere", "network gone missing"]
    drawn = " ".join(word for label in words(graph(reports, variables=variables)) for word in label)
    assert "db eth0 172.31.0.3 ⚠ declared nowhere" in drawn
    assert "back bridge br-back, internal 172.31.0.0/24 gateway 172.31.0.1 ⚠ declared nowhere" in drawn
    assert "⚠ missing what differs" in drawn and "⚠" not in drawn_text(one_host()), "in the legend"


def test_nothing_is_marked_where_the_variables_are_in_a_playbook():
    for one in (reports := one_host())["web1"]["containers"]:
        one["labels"] = {"role": "bridge_network"}
    assert marked(reports, {"web1": {"ansible_host": "192.0.2.11"}}) == []


@given(st.text(min_size=1))
def test_names_are_escaped(name):
    """Also names that roles would refuse: existing objects may be foreign."""
    strange = host(
        "192.0.2.1/24",
        networks=[network(name, "172.30.0.0/16")],
        containers=[container(name, (name, "172.30.0.2/16")), container("joined", join=name)],
        nat_ports=[port(8080, "172.30.0.2", 80)],
    )
    text = graph({name: strange}, legend=False)
    labels = [found.group(1) for found in TOKEN.finditer(text) if found.group(1)]
    assert set(re.findall(r"[^\s\w=,.;#\[\]{}>-]", TOKEN.sub("", text))) == set()
    for label in labels:
        assert not re.search(r"&(?!(amp|lt|gt|quot|#x27);)", label)
