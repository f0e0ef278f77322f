#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The units under a real systemd: it is booted in a container over a throw-away overlay of this system. fetchd starts there in its
# sandbox as its own user, reports READY, fetches, stops orderly; a second time it is started through its socket. Its credentials are in
# a file of root's, which systemd hands on.

. "$(dirname "$0")/lib.sh"
need systemd-nspawn unshare mount jq curl
[ "$(id -u)" = 0 ] || skip 'needs root'

cat >probe <<'PROBE'
#!/bin/bash
# Runs inside; what it finds out goes to /found, a line each.
exec >/found 2>&1
ctl="runuser -u fetchd -- fetchctl"
echo "active $(systemctl is-active fetchd.service)"
echo "user $(ps -o user= -p "$(systemctl show -p MainPID --value fetchd.service)")"
echo "credentials $(stat -c '%U %a' /etc/fetchd/hosts.secret) $(grep -c . /run/credentials/fetchd.service/hosts)"
echo "status $(systemctl show -p StatusText --value fetchd.service)"
echo 'http://127.0.0.1:9/' | $ctl submit - | sed 's/^/submitted /'
$ctl wait --timeout 20s 1
echo "wait $?"
echo "result $($ctl results 1 | jq -r .error)"
echo "nobody $(runuser -u nobody -- fetchctl list 2>&1 | cut -c 1-25)"
systemctl stop fetchd.service
echo "stopped $(systemctl show -p Result,ExecMainStatus --value fetchd.service | paste -sd ' ')"
systemctl start fetchd.socket
echo "before $(systemctl is-active fetchd.service)"
echo "kept $($ctl status 1 --json | jq -r .state)"
echo "after $(systemctl is-active fetchd.service)"
systemctl kill -s KILL fetchd.service
for i in {1..100}; do
	[ "$(systemctl show -p NRestarts --value fetchd.service)" = 1 ] && systemctl -q is-active fetchd.service && break
	sleep 0.1
done
echo "again $($ctl status 1 --json | jq -r .state)"
journalctl -q -u fetchd.service --no-pager -o cat | sed 's/^/log /'
PROBE
cat >boot <<'BOOT'
set -eu
mkdir layer root
mount -t tmpfs tmpfs layer
mkdir layer/upper layer/work
mount -t overlay overlay -o lowerdir=/,upperdir=layer/upper,workdir=layer/work root
install -D -t root/usr/local/bin "$BUILD/fetchd" "$BUILD/fetchctl"
install -D -m 644 -t root/etc/systemd/system "$ROOT/systemd/fetchd.service" "$ROOT/systemd/fetchd.socket"
install probe root/probe
install -d root/etc/systemd/system/fetchd.service.d root/etc/fetchd
printf '[Service]\nLoadCredential=hosts:/etc/fetchd/hosts.secret\n' >root/etc/systemd/system/fetchd.service.d/credentials.conf
printf '[auth]\ncredentials_file = /run/credentials/fetchd.service/hosts\n' >root/etc/fetchd/fetchd.conf
printf '[https://a.example]\nbearer = x\n' >secret
install -m 600 secret root/etc/fetchd/hosts.secret
cat >root/etc/systemd/system/probe.target <<UNIT
[Unit]
Requires=probe.service
UNIT
cat >root/etc/systemd/system/probe.service <<UNIT
[Unit]
Wants=fetchd.service
After=fetchd.service dbus.service
Requires=dbus.service
[Service]
Type=oneshot
TimeoutStartSec=60
ExecStart=/probe
ExecStopPost=systemctl poweroff -ff
UNIT
systemd-sysusers --root="$PWD/root" "$ROOT/systemd/sysusers.d/fetchd.conf"
rm -rf root/var/lib/fetchd root/run/fetchd
SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 timeout -k 5 100 systemd-nspawn -q -D root -M "fetchd-test-$$" --register=no --keep-unit \
	--private-network --console=pipe --boot systemd.unit=probe.target </dev/null >console 2>&1 || true
cp root/found found 2>/dev/null || true
BOOT
export ROOT BUILD
unshare --mount --propagation private bash boot >boot.log 2>&1 || skip "no container here: $(tail -n 1 boot.log)"
[ -s found ] || skip "systemd does not boot here: $(tail -n 1 console)"

found()
{
	same "$1" "$2" "$(sed -n "s/^$1 //p" found)"
}
say "$(grep -c '' found) lines found"
found active active
found user fetchd
found credentials 'root 600 2'
found status ready
found submitted 1
found wait 1
found result policy_denied
found nobody 'fetchctl: you may not use'
found stopped 'success 0'
found before inactive
found kept done
found after active
found again done
