# The programs of ours are run, the other architectures' under qemu.
{
  seed,
  debian,
  crates,
}:
arch:
let
  emulators = {
    amd64 = "";
    arm64 = "${debian.only "emulator"}/usr/bin/qemu-aarch64";
    armhf = "${debian.only "emulator"}/usr/bin/qemu-arm";
  };
in
seed.run "programs-${arch}"
  {
    emulator = emulators.${arch};
    init = crates.program "box-init" arch;
    entrypoint = crates.program "box-entrypoint" arch;
  }
  ''
    $emulator $init/bin/box-init --version >$out
    code=0
    CLAUDE_MODE=nonsense $emulator $entrypoint/bin/box-entrypoint || code=$?
    [ $code = 64 ]
  ''
