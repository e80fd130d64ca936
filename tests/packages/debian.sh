#!/bin/sh
# What a person does with the package and the one file, in a bare Debian (scripts/bare): debian.sh OLD.deb NEW.deb PYZ.
# Says where it is. First without systemd, then with it: the package makes its user in both.
set -eu
old=$1
new=$2
pyz=$3
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
units=/usr/lib/systemd/system

say() { echo "== $*"; }

# every file of the system, but what packages and caches write about each other; and what people would
everything() {
    find / -xdev \( -path /srv -o -path /var/lib/dpkg -o -path /var/lib/apt -o -path /var/cache -o -path /var/log \
        -o -path /proc -o -path /dev -o -path /tmp -o -path /root -o -path /run \
        -o -path '/etc/*-' \) -prune -o -print | sort
}

quiet() { "$@" >/tmp/quiet 2>&1 || { cat /tmp/quiet >&2; return 1; }; }
# without a network: nothing may be downloaded
install() { quiet unshare --net apt-get install --yes -qq --no-install-recommends --allow-downgrades "$1"; }
purge() { quiet apt-get purge --yes -qq "$@"; }
# of Debian's own, with a network
debians() { quiet apt-get update -qq && quiet apt-get install --yes -qq --no-install-recommends "$@"; }
as_user() {
    user=$1 home=$2
    shift 2
    (cd "$home" && setpriv --reuid="$user" --regid="$user" --clear-groups env HOME="$home" PYTHONPATH=/nonsense "$@")
}
# ends with this status
ends() {
    expected=$1 status=0
    shift
    "$@" >/tmp/ends 2>&1 || status=$?
    [ "$status" = "$expected" ] || { cat /tmp/ends; echo "$* ended with $status, not $expected"; exit 1; }
}
same_as() {
    everything >/tmp/after
    left=$(comm -13 "$1" /tmp/after)
    [ "$left" = "$2" ] || { echo "left behind: $left"; exit 1; }
    [ -z "$(comm -23 "$1" /tmp/after)" ] || { comm -23 "$1" /tmp/after; exit 1; }
}
the_user_is_there() {
    [ "$(getent passwd reconciler | cut -d : -f 6-)" = /var/lib/reconciler:/usr/sbin/nologin ]
    [ "$(stat -c '%U:%G %a' /var/lib/reconciler)" = 'reconciler:reconciler 750' ]
}

# what an earlier try left
quiet dpkg --purge reconciler
! dpkg-query -W systemd >/dev/null 2>&1 || purge systemd
! getent passwd reconciler >/dev/null || userdel reconciler
rm -rf /etc/reconciler /var/lib/reconciler
command -v adduser >/dev/null || debians adduser
everything >/tmp/before

say install the older one, without systemd
install "$old"
test -e /usr/lib/reconciler/only-in-the-older-one
the_user_is_there
say upgrade
install "$new"
test ! -e /usr/lib/reconciler/only-in-the-older-one
[ "$(dpkg-query -W -f '${Version}' reconciler)" = "$(dpkg-deb -f "$new" Version)" ]
the_user_is_there
reconciler --version

say use it as somebody without rights, and the one file
mkdir -p /tmp/home
chown 54321:54321 /tmp/home
ends 0 as_user 54321 /tmp/home reconciler demo site
for program in reconciler "$pyz"; do
    ends 0 as_user 54321 /tmp/home env -u PYTHONPATH "$program" validate --site site/reconciler.yaml
    # the demo ends with drift
    ends 4 as_user 54321 /tmp/home env -u PYTHONPATH "$program" plan --site site/reconciler.yaml
done
say use it as root: no file appears that the package does not own
reconciler schema state >/dev/null
find /usr/lib/reconciler /usr/bin/reconciler | xargs dpkg-query --search >/dev/null
dpkg --verify reconciler

say what the units start, as their user
ends 0 as_user reconciler /var/lib/reconciler reconciler demo site
unit() {
    command=$(sed -n 's/^ExecStart=//p' "$units/reconciler-$1.service")
    # shellcheck disable=SC2086  # a list of words is meant
    as_user reconciler /var/lib/reconciler env RECONCILER_SITE=site/reconciler.yaml $command
}
ends 4 unit drift
ends 0 unit apply
for file in drift.json seen.json run.json; do
    test -s /var/lib/reconciler/$file
done

say what admins expect
bash -c '. /usr/share/bash-completion/completions/reconciler && complete -p reconciler' >/dev/null
test -s /usr/share/zsh/vendor-completions/_reconciler
test -s /usr/share/fish/vendor_completions.d/reconciler.fish
test -s /usr/share/doc/reconciler/copyright
test -s /usr/share/doc/reconciler/docs/installing.md
# a minimal Debian leaves the manual pages out: they are looked for in the package
dpkg-deb --contents "$new" >/tmp/contents
for page in man1/reconciler.1.gz man1/reconciler-plan.1.gz man5/reconciler.yaml.5.gz; do
    grep -q "/usr/share/man/$page" /tmp/contents
done

say what is written stays, and the user
touch /etc/reconciler/reconciler.yaml
quiet apt-get remove --yes -qq reconciler
test -s /var/lib/reconciler/seen.json
purge reconciler
[ "$(ls -A /var/lib/reconciler)" = site ]
getent passwd reconciler >/dev/null
rm -rf /var/lib/reconciler/* /var/lib/reconciler/.[!.]*
same_as /tmp/before "/etc/reconciler
/etc/reconciler/reconciler.yaml
/var/lib/reconciler"
rm -r /etc/reconciler /var/lib/reconciler
userdel reconciler

say with systemd: its user by systemd-sysusers, nothing enabled
debians systemd
everything >/tmp/before
install "$new"
the_user_is_there
getent passwd reconciler | grep -q 'GitOps for mail accounts'
quiet systemd-analyze verify --man=no $units/reconciler-*
for timer in $units/reconciler-*.timer; do
    timer=$(basename "$timer")
    ends 1 systemctl is-enabled "$timer"
    ends 0 systemctl enable "$timer"
    mkdir -p /var/lib/systemd/timers
    touch /var/lib/systemd/timers/stamp-"$timer"
done
[ "$(find /etc/systemd/system -name 'reconciler-*' | wc -l)" = 2 ]
say twice, and gone
install "$new"
the_user_is_there
purge reconciler
rmdir /var/lib/systemd/timers 2>/dev/null || true
same_as /tmp/before ""
userdel reconciler
purge systemd
say purged
