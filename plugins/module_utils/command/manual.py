# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The manual page virtnet(8), in the macros of man(7): `virtnet man | man -l -`."""

PAGE = r""".TH VIRTNET 8 "" "virtnet.linux" "System Administration"
.SH NAME
virtnet \- show, compare and restore the networks of this host
.SH SYNOPSIS
.B virtnet
.I COMMAND
.RI [ OPTIONS ]
.SH DESCRIPTION
.B virtnet
shows the networks, containers and published ports that the Ansible collection virtnet.linux made on this host. It reads
them from the kernel, changes nothing (but for
.BR restore ;
.B trace
adds nftables tables of its own and removes them), and needs root.
.SH COMMANDS
.TP
.B ls
List networks, as docker network ls does.
.TP
.BI inspect " NETWORK" ...
Print networks in JSON, as docker network inspect does.
.TP
.B ps
List containers with their addresses, published ports and processes.
.TP
.BI port " CONTAINER"
List the published ports of a container.
.TP
.B bridges
List bridges and their ports, as brctl show does.
.TP
.BI exec " CONTAINER" " \-\- " PROGRAM
Run a program in the container's network namespace, with its files in /etc/netns and a sysfs of the namespace. The
exit status is the program's.
.TP
.BR stats " [" \-\-ports "] [" \-\-once "] [" \-\-prometheus ]
Show packets and bytes of each endpoint, every second, once, or for the textfile collector of Prometheus' node exporter.
With
.B \-\-ports
the tracked connections to each published port, and their packets and bytes where the sysctl
net.netfilter.nf_conntrack_acct is 1.
.TP
.BI capture " CONTAINER|NETWORK" " [\-\-count N] [\-\-seconds S]"
Write packets in pcap format to standard output.
.TP
.BI trace " CONTAINER ADDRESS" " [PORT] [\-\-udp]"
Send one packet from the container, follow it through the chains of nftables, and say which rule drops it.
.TP
.BR check " [" \-\-lock\-timeout " SECONDS]"
List what
.B restore
would do.
.TP
.BR restore " [" \-\-wait " SECONDS] [" \-\-lock\-timeout " SECONDS]"
Bring back what is persisted in /var/lib/virtnet and is missing or differs.
.TP
.BR completion " bash|zsh|fish"
Print the completion of a shell.
.TP
.B man
Print this page.
.SH OPTIONS
.TP
.B \-\-json
Print JSON: of ls, inspect (which prints it in any case), ps, port, bridges, stats, trace, check and restore.
.SH EXIT STATUS
.TP
0
Success.
.TP
1
check found a difference, or trace a rule that drops the packet.
.TP
2
An error, with a message on standard error.
.TP
126, 127
exec: the program cannot be executed, or does not exist.
.SH ENVIRONMENT
.TP
.B NO_COLOR
No colours. There are none either where standard output is no terminal.
.SH FILES
.TP
.I /var/lib/virtnet
The persisted networks.
.TP
.I /run/virtnet
The runtime state.
.SH SEE ALSO
.BR ip-netns (8),
.BR bridge (8),
.BR nft (8)
"""
