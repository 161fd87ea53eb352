# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The three shell scripts of a lab: its first process, a host's first process, and the SSH entry into a host.

They are text, because only module_utils are sent to the machine that a module runs on. They need a POSIX shell,
util-linux, iproute2 and OpenSSH's server. A process writes its "PID STARTTIME" into a file (fields 1 and 22 of
/proc/PID/stat, proc(5)): a process that later reuses the PID has another start time.
"""

from __future__ import annotations

_IDENTITY = r"""
start_time() { shift 19; echo "$1"; }

# Says which process this is. Whoever finds that it was said already was started twice, and ends here.
identify() {
    read -r stat < /proc/self/stat
    set -C
    # shellcheck disable=SC2086
    echo "${stat%% *} $(start_time ${stat##*) })" > "$1"
    set +C
}
"""

LAB = (
    r"""#!/bin/sh
# lab.sh DIRECTORY: the first process of a lab, in a mount and a PID namespace of its own.
# Every host is started inside the two. So the kernel ends all of them with this process, and their disks, which must
# outlive a host that is switched off, are on a tmpfs that is mounted in them only.
set -eu
"""
    + _IDENTITY
    + r"""
mount -t tmpfs -o mode=700 lab "$1/disks"
identify "$1/pid"
# As the first process of its PID namespace it has orphans to bury: wait does.
while :; do
    sleep infinity &
    wait
done
"""
)

HOST = (
    r"""#!/bin/sh
# host.sh DIRECTORY NAME: the first process of a host, in mount, net, uts, ipc and PID namespaces of its own.
set -eu
umask 022
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
lab=$1 name=$2
disk=$lab/disks/$name root=$lab/disks/$name/root
"""
    + _IDENTITY
    + r"""
# The lab's mount namespace still shows the machine's /proc, so this is the PID that the machine knows.
identify "$lab/hosts/$name/pid"

# The host's own writable layer over one of the machine's file systems. The layer is on the lab's tmpfs: the kernel
# refuses one that is on the file system below it.
layer() {
    at=$disk/layer$(echo "$1" | tr / -)
    mkdir -p "$at/upper" "$at/work"
    mount -t overlay lab -o "lowerdir=$1,upperdir=$at/upper,workdir=$at/work" "$root$1"
}
mkdir -p "$root"
layer /
for other in /home /opt /root /srv /usr /var; do
    if mountpoint -q "$other"; then layer "$other"; fi
done

mkdir -p "$root/proc" "$root/sys" "$root/dev" "$root/run" "$root/mnt"
mount -t proc -o nosuid,nodev,noexec proc "$root/proc"
mount -t sysfs -o nosuid,nodev,noexec sysfs "$root/sys"
mount -t tmpfs -o nosuid,nodev,mode=755 run "$root/run"
mount -t tmpfs -o nosuid,mode=755 dev "$root/dev"
mkdir "$root/dev/pts" "$root/dev/shm" "$root/dev/net"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts "$root/dev/pts"
mount -t tmpfs -o nosuid,nodev,mode=1777 shm "$root/dev/shm"
for node in null zero full random urandom tty; do
    : > "$root/dev/$node"
    mount --bind "/dev/$node" "$root/dev/$node"
done
mknod -m 666 "$root/dev/net/tun" c 10 200
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
ln -s fd/0 "$root/dev/stdin"
ln -s fd/1 "$root/dev/stdout"
ln -s fd/2 "$root/dev/stderr"

if [ ! -e "$disk/made" ]; then
    # What the machine knows of itself and its own networks is not the host's: it starts as a fresh one.
    rm -rf "$root/etc/netns" "$root/var/lib/virtnet" "$root"/etc/systemd/system/virtnet-* "$root/root/.ssh"
    rm -f "$root/root/.bashrc" "$root/root/.bash_profile" "$root/root/.bash_login" "$root/root/.profile"
    tr -d - < /proc/sys/kernel/random/uuid > "$root/etc/machine-id"
    echo "$name" > "$root/etc/hostname"
    printf '127.0.0.1 localhost\n127.0.1.1 %s\n::1 localhost ip6-localhost ip6-loopback\n' "$name" > "$root/etc/hosts"
    # No name server is in a lab. The machine's would be waited for at each lookup, 10 s of it.
    rm -f "$root/etc/resolv.conf" && : > "$root/etc/resolv.conf"
    # sshd without PAM refuses an account whose password field begins with "!".
    if grep -q '^root:!' "$root/etc/shadow"; then sed -i 's/^root:[^:]*:/root:*:/' "$root/etc/shadow"; fi
    : > "$disk/made"
fi
echo "$name" > "$root/proc/sys/kernel/hostname"

# Only net.* belongs to a network namespace. Every other sysctl is the machine's, also when a host writes it
# (kernel.panic, vm.swappiness), and so is the magic SysRq key: they are there to be read.
mount --bind "$root/proc/sys" "$root/proc/sys"
mount --bind "$root/proc/sys/net" "$root/proc/sys/net"
mount -o remount,bind,ro,nosuid,nodev,noexec "$root/proc/sys"
if [ -e "$root/proc/sysrq-trigger" ]; then
    mount --bind "$root/proc/sysrq-trigger" "$root/proc/sysrq-trigger"
    mount -o remount,bind,ro,nosuid,nodev,noexec "$root/proc/sysrq-trigger"
fi

mkdir -m 755 "$root/run/netns" "$root/run/sshd" "$root/run/lock" "$root/run/lab"
cp "$lab/hosts/$name/ssh_host_ed25519_key" "$root/run/lab/"
cp "$lab/id_ed25519.pub" "$root/run/lab/authorized_keys"
cat > "$root/run/lab/sshd_config" <<END
HostKey /run/lab/ssh_host_ed25519_key
AuthorizedKeysFile /run/lab/authorized_keys
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
UseDNS no
MaxStartups 200
MaxSessions 200
PidFile /run/lab/sshd.pid
Subsystem sftp internal-sftp
SetEnv PATH=$PATH
END

ip link set dev lo up
cd "$root"
pivot_root . mnt
umount -l /mnt
exec env -i PATH="$PATH" HOME=/root /usr/sbin/sshd -D -e -f /run/lab/sshd_config < /dev/null
"""
)

ENTER = (
    r"""#!/bin/sh
# enter NAME [COMMAND...]: runs a command (a shell when none is given) in a host of this lab, "outside" included.
# It goes by namespaces, not by network: it works whatever stands or falls on the host's cards.
set -eu
lab=$(cd "$(dirname "$0")" && pwd)
name=${1:?"usage: enter NAME [COMMAND...]"}
shift
"""
    + r"""
start_time() { shift 19; echo "$1"; }

running() {
    read -r pid started < "$lab/hosts/$name/pid" && read -r stat < "/proc/$pid/stat" || return 1
    # shellcheck disable=SC2086
    [ "$(start_time ${stat##*) })" = "$started" ]
} 2> /dev/null

if ! running; then
    echo "enter: no host '$name' is running in $lab" >&2
    exit 255
fi
[ $# -gt 0 ] || set -- sh
# ssh hangs up on its ProxyCommand when it ends. nsenter has to outlive that and bury its child: left to the machine's
# init, which may take its time, a dead process keeps the host from being switched off.
trap '' HUP
exec nsenter --target "$pid" --mount --net --uts --ipc --pid --root --wd -- \
    env -i --default-signal=HUP HOME=/root TERM="${TERM:-dumb}" \
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
"""
)
