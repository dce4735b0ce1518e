# shellcheck shell=sh disable=SC2154 # Sourced by ../cbox.
# QEMU runs programs of other architectures once the kernel knows of it; Debian has systemd tell the kernel.

binfmt=/proc/sys/fs/binfmt_misc

qemu_is_registered() { emulates aarch64 && emulates arm; }

# Only with the flag F does an emulator work inside containers too.
emulates() { grep -qx enabled "$binfmt/qemu-$1" 2>/dev/null && grep -q '^flags:.*F' "$binfmt/qemu-$1"; }

register_qemu() {
  say "registering QEMU with the kernel for programs of aarch64 and arm"
  [ -e $binfmt/register ] || mount -t binfmt_misc binfmt_misc $binfmt
  for machine in aarch64 arm; do
    ! emulates "$machine" || continue
    [ ! -e "$binfmt/qemu-$machine" ] || echo -1 >"$binfmt/qemu-$machine"
    cat "/usr/lib/binfmt.d/qemu-$machine.conf" >$binfmt/register
  done
}
