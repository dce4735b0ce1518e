# What can be checked without Docker: the other architectures' programs run under qemu.
{
  seed,
  debian,
  crates,
  images,
}:
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
{
  # Every advisory that has a fix is answered.
  advisories =
    report:
    seed.run "advisories-answered" { inherit report; } ''
      if [ -s $report/open.txt ]; then cat $report/open.txt; exit 1; fi
      cp $report/findings.json $out
    '';

  # The programs of ours are run.
  programs =
    arch:
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
      '';

  # The loader's cache is, byte for byte, what the image's own ldconfig writes; and it would make no link that is not there.
  loaderCache =
    flavour: arch:
    seed.run "loader-cache-${flavour}-${arch}"
      {
        emulator = emulators.${arch};
        layers = images.own flavour arch ++ [ (images.loaderCache flavour arch) ];
      }
      ''
        mkdir -p root/var/cache/ldconfig
        for layer in $layers; do
          # Libraries, what configures the loader, and ldconfig: a line each in the layer's record.
          sed -nE 's#^[{]"path":"(lib[^"]*|usr/lib[^"]*|etc/ld\.so[^"]*|usr/sbin/ldconfig)","type":"(file|link|hardlink)".*#\1#p' \
            $layer/record.json >list
          if [ -s list ]; then tar -xzf $layer/layer.tar.gz -C root -T list; fi
        done
        find root ! -path 'root/var/*' | sort >before
        mv root/etc/ld.so.cache ours
        $emulator root/usr/sbin/ldconfig -r root
        find root ! -path 'root/var/*' | sort >after
        cmp ours root/etc/ld.so.cache
        cmp before after
        sha256sum ours >$out
      '';
}
