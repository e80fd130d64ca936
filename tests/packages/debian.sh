#!/bin/sh
# What a person does with the package, in a bare Debian (scripts/bare): debian.sh OLD.deb NEW.deb. Says where it is.
set -eu
old=$1
new=$2
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8

say() { echo "== $*"; }

# every file of the system, but what packages and caches write about each other; and what people would
everything() {
    find / -xdev \( -path /srv -o -path /var/lib/dpkg -o -path /var/lib/apt -o -path /var/cache -o -path /var/log \
        -o -path /proc -o -path /dev -o -path /tmp -o -path /root \) -prune -o -print | sort
}

# without a network: nothing may be downloaded
install() { unshare --net apt-get install --yes --quiet --quiet --no-install-recommends --allow-downgrades "$1" >/dev/null; }

apt-get purge --yes --quiet --quiet reconciler >/dev/null 2>&1 || true
rm -rf /etc/reconciler
everything >/tmp/before

say install the older one
install "$old"
test -e /usr/lib/reconciler/only-in-the-older-one
say upgrade
install "$new"
test ! -e /usr/lib/reconciler/only-in-the-older-one
[ "$(dpkg-query -W -f '${Version}' reconciler)" = "$(dpkg-deb -f "$new" Version)" ]
reconciler --version

say use it as somebody without rights
mkdir -p /tmp/home
chown 54321:54321 /tmp/home
as_somebody() {
    (cd /tmp/home && setpriv --reuid=54321 --regid=54321 --clear-groups env HOME=/tmp/home PYTHONPATH=/nonsense "$@")
}
as_somebody reconciler demo site >/tmp/demo.out 2>&1 || { tail /tmp/demo.out; exit 1; }
as_somebody reconciler validate --site site/reconciler.yaml >/dev/null
# the demo ends with drift
status=0
as_somebody reconciler plan --site site/reconciler.yaml >/tmp/plan.out 2>&1 || status=$?
[ "$status" = 4 ] || { cat /tmp/plan.out; exit 1; }
say use it as root: no file appears that the package does not own
reconciler schema state >/dev/null
find /usr/lib/reconciler /usr/bin/reconciler | xargs dpkg-query --search >/dev/null
dpkg --verify reconciler

say what admins expect
bash -c '. /usr/share/bash-completion/completions/reconciler && complete -p reconciler' >/dev/null
test -s /usr/share/zsh/vendor-completions/_reconciler
test -s /usr/share/fish/vendor_completions.d/reconciler.fish
test -s /usr/share/doc/reconciler/copyright
test -s /usr/share/doc/reconciler/docs/installing.md
# a minimal Debian leaves the manual pages out: they are looked for in the package
for page in man1/reconciler.1.gz man1/reconciler-plan.1.gz man5/reconciler.yaml.5.gz; do
    dpkg-deb --contents "$new" | grep -q "/usr/share/man/$page"
done
say nothing is enabled
! find /etc/systemd/system -name 'reconciler*' 2>/dev/null | grep .

say what is enabled and written goes as it should
touch /etc/reconciler/reconciler.yaml
for timer in /usr/lib/systemd/system/reconciler*.timer; do
    [ ! -e "$timer" ] || ln -s "$timer" /etc/systemd/system/timers.target.wants/ 2>/dev/null || {
        mkdir -p /etc/systemd/system/timers.target.wants
        ln -s "$timer" /etc/systemd/system/timers.target.wants/
    }
done
apt-get remove --yes --quiet --quiet reconciler >/dev/null
apt-get purge --yes --quiet --quiet reconciler >/dev/null 2>&1
rmdir /etc/systemd/system/timers.target.wants 2>/dev/null || true
everything >/tmp/after
left=$(comm -13 /tmp/before /tmp/after)
[ "$left" = "/etc/reconciler
/etc/reconciler/reconciler.yaml" ] || { echo "left behind: $left"; exit 1; }
[ -z "$(comm -23 /tmp/before /tmp/after)" ] || { comm -23 /tmp/before /tmp/after; exit 1; }
rm -r /etc/reconciler
say purged
