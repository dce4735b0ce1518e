# shellcheck shell=sh disable=SC2154 # Sourced by ../cbox.
# QEMU runs programs of other architectures once the kernel knows of it; Debian has systemd tell the kernel.

binfmt=/proc/sys/fs/binfmt_misc

qemu_is_registered() { [ -e $binfmt/qemu-aarch64 ] && [ -e $binfmt/qemu-arm ]; }

register_qemu() {
  say "registering QEMU with the kernel for programs of aarch64 and arm"
  [ -e $binfmt/register ] || mount -t binfmt_misc binfmt_misc $binfmt
  for machine in aarch64 arm; do
    [ -e "$binfmt/qemu-$machine" ] || cat "/usr/lib/binfmt.d/qemu-$machine.conf" >$binfmt/register
  done
}
