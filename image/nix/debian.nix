# Debian packages: as sources for the assembler, and, unpacked, as programs for the build itself.
{
  fetch,
  seed,
  lock,
}:
let
  inherit (seed) run busybox;
  source = key: fetch.deb lock.archives lock.packages.${key};
  unpack =
    key:
    run "unpacked-${lock.packages.${key}.package}" { deb = source key; } ''
      mkdir $out
      ar p $deb data.tar.xz | tar -xJ --no-same-permissions -C $out
    '';
  tree =
    name: keys:
    run name { packages = map unpack keys; } ''
      mkdir $out
      for package in $packages; do cp -dR $package/. $out; chmod -R u+w $out; done
    '';
  program =
    name: tool:
    run name
      {
        inherit host;
        shell = "${busybox}/bin/sh";
      }
      ''
        ${wrap}
        wrap ${tool} $host/usr/bin/${tool}
      '';

  # The sources of packages, each once.
  unique =
    keys:
    map source (
      builtins.attrNames (
        builtins.listToAttrs (
          map (name: {
            inherit name;
            value = null;
          }) keys
        )
      )
    );

  # What the build's own programs run with.
  host = tree "host" lock.build.host;

  # The host's loader is not at its usual place, so each program is started through it by a small script.
  # Shell text: `wrap NAME PROGRAM [ARGUMENT...]` writes $out/bin/NAME. Wants $host and $shell.
  wrap = ''
    wrap() {
      name=$1 program=$2; shift 2
      mkdir -p $out/bin
      libraries=$host/usr/lib/x86_64-linux-gnu
      printf '#!%s\nexec %s --argv0 %s --library-path %s:%s %s %s "$@"\n' \
        $shell $libraries/ld-linux-x86-64.so.2 $name $libraries $out/lib $program "$*" >$out/bin/$name
      chmod +x $out/bin/$name
    }
  '';
in
rec {
  inherit host wrap lock;
  inherit source unpack;

  # What the build itself and the images of these architectures take.
  sourcesOf =
    architectures:
    let
      layers = builtins.concatMap (arch: lock.image.${arch}) architectures;
      keys =
        builtins.concatMap (layer: layer.packages) layers
        ++ builtins.concatLists (builtins.attrValues lock.build);
    in
    unique keys;

  # What the test cluster's images take.
  clusterSources = unique (builtins.concatLists (builtins.attrValues lock.cluster));

  # A build set that is one package, unpacked.
  only = set: unpack (builtins.head lock.build.${set});

  # GNU programs where busybox falls short: its unxz cannot read Rust's archives, and tests hold the assembler's
  # archives against GNU tar.
  tools = program "tools" "xz";
  tar = program "tar" "tar";
}
