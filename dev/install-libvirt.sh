#!/usr/bin/env bash
# Makes sure that libvirt's client library, its daemon and QEMU are there: the libvirt driver's tests and the demo use them.
set -euo pipefail

packages=(libvirt0 libvirt-daemon-system libvirt-clients qemu-system-x86)

missing=()
libraries=$(PATH="$PATH:/sbin:/usr/sbin" ldconfig -p 2>/dev/null || true)
[[ $libraries == *libvirt.so.0* ]] || missing+=(libvirt.so.0)
for program in libvirtd virtlogd virsh qemu-system-x86_64; do
  command -v "$program" >/dev/null || [ -x "/usr/sbin/$program" ] || missing+=("$program")
done
[ ${#missing[@]} -eq 0 ] && exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "libvirt: installing ${packages[*]}"
  log=$(mktemp)
  trap 'rm -f "$log"' EXIT
  if { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}"; } >"$log" 2>&1 </dev/null; then
    exit 0
  fi
  tail -n 20 "$log" >&2
  exit 1
fi

echo "libvirt: ${missing[*]} not found; install ${packages[*]} (Debian, Ubuntu) or libvirt libvirt-client qemu-kvm (Fedora)" >&2
exit 1
