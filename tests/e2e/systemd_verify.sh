#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The unit files say what systemd understands, and shut fetchd in. The unit names the program without its folder, so that
# any PREFIX on systemd's path does; here it is given the one just built.

. "$(dirname "$0")/lib.sh"
need systemd-analyze

mkdir units
sed "s|^ExecStart=fetchd|ExecStart=$BUILD/fetchd|" "$ROOT/systemd/fetchd.service" >units/fetchd.service
cp "$ROOT/systemd/fetchd.socket" units/
systemd-analyze verify units/fetchd.service units/fetchd.socket >out 2>err || fail "verify: $(cat err)"
same 'what verify says' '' "$(cat err)"
systemd-analyze security --offline=true --threshold=15 units/fetchd.service >out 2>err || fail "security: $(tail -n 1 out)$(cat err)"

if command -v systemd-sysusers >/dev/null; then
	mkdir -p root/etc
	systemd-sysusers --root="$WORK/root" "$ROOT/systemd/sysusers.d/fetchd.conf" >out 2>&1 || fail "sysusers: $(cat out)"
	grep -q '^fetchd:' root/etc/passwd || fail 'sysusers made no user'
fi
if command -v systemd-tmpfiles >/dev/null && [ "$(id -u)" = 0 ]; then
	systemd-tmpfiles --create --root="$WORK/root" "$ROOT/systemd/tmpfiles.d/fetchd.conf" >out 2>&1 || fail "tmpfiles: $(cat out)"
	[ -d root/var/lib/fetchd ] || fail 'tmpfiles made no folder'
fi
