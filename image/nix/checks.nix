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
  # What was reached, and a little: image/init/README.md tells it, and where the bytes are.
  sizes_max = {
    amd64 = 33000;
    arm64 = 33500;
    armhf = 27000;
  };
in
seed.run "programs-${arch}"
  {
    emulator = emulators.${arch};
    size_max = sizes_max.${arch};
    init = crates.program "box-init" arch;
    entrypoint = crates.program "box-entrypoint" arch;
  }
  ''
    $emulator $init/bin/box-init --version >$out
    size=$(stat -c %s $init/bin/box-init)
    [ $size -le $size_max ] || { echo "box-init has $size bytes, more than $size_max"; exit 1; }
    code=0
    CLAUDE_MODE=nonsense $emulator $entrypoint/bin/box-entrypoint || code=$?
    [ $code = 64 ]
  ''
