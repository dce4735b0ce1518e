# Rust: upstream's own archives, run through Debian's loader. Programs are static musl binaries linked by rust-lld with
# what each target's std brings along: there is no C compiler, so no crate here may hold C.
{
  fetch,
  seed,
  debian,
  certs,
  systems,
  lock,
  crates,
  workspace,
}:
let
  inherit (seed) run busybox;
  inherit (builtins)
    attrNames
    attrValues
    concatMap
    concatStringsSep
    filter
    hashString
    intersectAttrs
    listToAttrs
    mapAttrs
    substring
    toFile
    ;
  toml = import ./toml.nix;

  sources =
    map
      (
        file:
        fetch.file {
          name = "${baseNameOf file}.tar.xz";
          url = "${lock.base}/${file}.tar.xz";
          sha256 = lock.files.${file};
        }
      )
      (
        filter (file: builtins.match "(.*/)?(cargo|rustc|rust-std)-.*" file != null) (attrNames lock.files)
      );

  toolchain =
    run "rust-${lock.version}"
      {
        inherit sources;
        inherit (debian) host;
        path = [ debian.tools ];
        shell = "${busybox}/bin/sh";
      }
      ''
        mkdir -p $out/bin $out/libexec
        for source in $sources; do
          xz -dc $source | tar -x --strip-components=2 -C $out --exclude='*/share' --exclude='*/etc'
        done
        ${debian.wrap}
        mv $out/bin/rustc $out/bin/cargo $out/libexec
        rm -r $out/manifest.in $out/bin/rust*-*db* $out/bin/rustdoc
        wrap rustc $out/libexec/rustc --sysroot $out
        wrap cargo $out/libexec/cargo
        wrap ld $out/lib/rustlib/x86_64-unknown-linux-gnu/bin/rust-lld
        # Build scripts and procedural macros run here and now, so they use the host's libc.
        libraries=$host/usr/lib/x86_64-linux-gnu links=$out/lib/host
        mkdir $links
        ln -s $libraries/libgcc_s.so.1 $links/libgcc_s.so
        for name in m dl rt pthread util; do ln -s $libraries/lib$name.so.? $links/lib$name.so; done
        echo "GROUP ( $libraries/libc.so.6 $libraries/libc_nonshared.a AS_NEEDED ( $libraries/ld-linux-x86-64.so.2 ) )" >$links/libc.so
        cat >$out/bin/host-ld <<EOF
        #!$shell
        case " \$* " in
          *" -shared "*) exec $out/bin/ld "\$@" -L$links ;;
          *) exec $out/bin/ld "\$@" -L$links -dynamic-linker $libraries/ld-linux-x86-64.so.2 -rpath $libraries $libraries/Scrt1.o $libraries/crti.o $libraries/crtn.o ;;
        esac
        EOF
        sed -i 's/^    *//' $out/bin/host-ld
        chmod +x $out/bin/host-ld
      '';

  root = builtins.fromTOML (builtins.readFile (workspace + "/Cargo.toml"));
  locked = builtins.fromTOML (builtins.readFile (workspace + "/Cargo.lock"));
  manifest = member: builtins.fromTOML (builtins.readFile (workspace + "/${member}/Cargo.toml"));

  # An empty crate in the place of each member.
  stubs = ''
    for member in $members; do
      mkdir -p $member/src
      : >$member/src/lib.rs
      echo 'fn main() {}' >$member/src/main.rs
    done
  '';

  # The part of the workspace that `members` are: manifests with just what they need, so that what changes elsewhere
  # (the harness, another crate) does not build these anew. Without `tests` the test dependencies are left out too.
  part =
    {
      name,
      members,
      tests ? false,
    }:
    let
      # Benchmarks are run where the whole workspace is.
      parts = [ "bench" ] ++ (if tests then [ ] else [ "dev-dependencies" ]);
      manifests = listToAttrs (
        map (member: {
          name = member;
          value = removeAttrs (manifest member) parts;
        }) members
      );
      used = concatMap (
        m:
        attrNames ((m.dependencies or { }) // (m.dev-dependencies or { }) // (m.build-dependencies or { }))
      ) (attrValues manifests);
      dependencies = intersectAttrs (listToAttrs (
        map (name: {
          inherit name;
          value = null;
        }) used
      )) root.workspace.dependencies;
      files = {
        "Cargo.toml" = toml {
          workspace = {
            inherit members dependencies;
            resolver = "3";
            inherit (root.workspace) package lints;
          };
          inherit (root) profile;
        };
      }
      // listToAttrs (
        map (member: {
          name = "${member}/Cargo.toml";
          value = toml manifests.${member};
        }) members
      );

      # The tree of crates is known by its hash alone, so its name says what it was made for: with another manifest or
      # another version of a crate that is used here it is another tree, and an old one is never taken for it.
      closure = map (crate: removeAttrs crate.crate [ "dependencies" ]) (
        builtins.genericClosure {
          startSet = concatMap find used;
          operator = crate: concatMap find (crate.crate.dependencies or [ ]);
        }
      );
      find =
        reference:
        let
          words = filter builtins.isString (builtins.split " " reference);
          matches =
            crate:
            crate.name == builtins.head words
            && (builtins.length words == 1 || crate.version == builtins.elemAt words 1);
        in
        map (crate: {
          key = "${crate.name} ${crate.version}";
          inherit crate;
        }) (filter matches locked.package);
      key = substring 0 12 (
        hashString "sha256" (
          builtins.toJSON [
            files
            closure
          ]
        )
      );

      lay = concatStringsSep "\n" (
        attrValues (
          mapAttrs (path: text: "mkdir -p ${dirOf path} && cat ${toFile "Cargo.toml" text} >${path}") files
        )
      );

      vendor = fetch.tree {
        inherit run;
        name = "${name}-crates-${key}";
        narHash = crates.${name} or "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
        env = {
          inherit members;
          certs = certs.bundle;
          path = [ toolchain ];
          lockfile = workspace + "/Cargo.lock";
        };
        script = ''
          ${certs.use}
          ${lay}
          cat $lockfile >Cargo.lock
          ${stubs}
          . ${./cargo-vendor.sh}
        '';
      };
    in
    {
      inherit
        name
        members
        lay
        vendor
        ;
      # The names of its crates, and whether these are all that it is made of.
      crates = map (member: manifests.${member}.package.name) members;
      isAlone = used == [ ];
      # Each member's own files; a change of another crate's is not seen here.
      sources = map (
        member:
        builtins.path {
          path = workspace + "/${member}";
          name = baseNameOf member;
        }
      ) members;
    };

  # The settings of every build: how to link, and no path of the builder in the result.
  configure = target: flags: ''
    export CARGO_HOME=$PWD/cargo CARGO_TARGET_DIR=$PWD/target CARGO_BUILD_TARGET=${target}
    export CARGO_NET_OFFLINE=true CARGO_INCREMENTAL=0 SOURCE_DATE_EPOCH=1
    mkdir -p $CARGO_HOME
    cat >$CARGO_HOME/config.toml <<EOF
    [target.x86_64-unknown-linux-gnu]
    linker = "${toolchain}/bin/host-ld"
    rustflags = ["-Clinker-flavor=ld.lld"]
    [target.${target}]
    linker = "${toolchain}/bin/ld"
    rustflags = ["-Clinker-flavor=ld.lld", "-Clink-self-contained=yes", "-Ctarget-feature=+crt-static", ${flags}"--remap-path-prefix=$PWD=/build", "--remap-path-prefix=$vendor=/crates"]
    [source.crates-io]
    replace-with = "vendored"
    [source.vendored]
    directory = "$vendor"
    EOF
  '';

  copy = ''
    set -- $sources
    for member in $members; do
      mkdir -p $member
      cp -r $1/. $member
      chmod -R u+w $member
      shift
    done
    cat $vendor/Cargo.lock >Cargo.lock
  '';

  # How a crate is made: the init is the smallest that it can be, and never moved in memory; for the others what counts is how
  # quickly they are made. The init's code jumps without tables, which would lie outside of its loop (image/init/layout.ld), and
  # what recurs in it is shared. Every armhf machine of Debian's has Thumb-2, which takes two thirds of the room.
  made =
    crate: arch:
    let
      isSmallest = crate == "box-init";
      smallest = [
        "-Crelocation-model=static"
        "-Cjump-tables=no"
        "-Cllvm-args=-enable-machine-outliner=always"
      ]
      ++ (if arch == "armhf" then [ "-Ctarget-feature=+thumb-mode" ] else [ ]);
    in
    {
      profile = if isSmallest then "smallest" else "release";
      flags = concatStringsSep "" (map (flag: "\"${flag}\", ") (if isSmallest then smallest else [ ]));
    };

  # What a crate's dependencies compile to, beside empty crates in the place of the part's own: a change of our code does not
  # compile them anew. Of the empty crates nothing stays, or cargo, which goes by the files' times, would take them for ours.
  compiled =
    part: crate: arch:
    let
      target = systems.${arch}.rust;
      inherit (made crate arch) profile flags;
    in
    run "${crate}-dependencies-${arch}"
      {
        inherit (part) vendor members crates;
        path = [ toolchain ];
      }
      ''
        ${configure target flags}
        ${part.lay}
        ${stubs}
        cat $vendor/Cargo.lock >Cargo.lock
        cargo build --profile ${profile} --frozen --package ${crate}
        cargo clean --quiet --frozen --profile ${profile} $(printf -- '--package %s ' $crates)
        mv target $out
      '';
in
{
  inherit toolchain part sources;

  # A crate's binaries for one architecture.
  program =
    part: crate: arch:
    let
      target = systems.${arch}.rust;
      inherit (made crate arch) profile flags;
    in
    run "${crate}-${arch}"
      (
        {
          inherit (part) vendor members sources;
          path = [ toolchain ];
        }
        // (if part.isAlone then { } else { dependencies = compiled part crate arch; })
      )
      ''
        ${configure target flags}
        ${copy}
        ${part.lay}
        # Cargo compares times: of what was compiled before, nothing may be newer than anything else.
        if test -n "''${dependencies-}"; then
          cp -R $dependencies target
          chmod -R u+w target
          find target -exec touch -d @1 {} +
        fi
        cargo build --profile ${profile} --frozen --package ${crate}
        mkdir -p $out/bin
        find target/${target}/${profile} -maxdepth 1 -type f -perm -100 -exec cp {} $out/bin \;
      '';

  # The crates of others that are in a crate's binaries for one architecture: a line each of name, version and licence.
  crates =
    part: crate: arch:
    run "crates-in-${crate}-${arch}"
      {
        inherit (part) vendor members sources;
        path = [ toolchain ];
      }
      ''
        ${configure systems.${arch}.rust ""}
        ${copy}
        ${part.lay}
        # What is ours stands there with its directory. What only builds it is in no binary.
        cargo tree --frozen --package ${crate} --target ${systems.${arch}.rust} --edges normal,no-proc-macro \
          --prefix none --no-dedupe --format '{p}|{l}' >tree
        tab=$(printf '\t')
        sed -e '/ (\//d' -e "s/^\([^ ]*\) v\([^ |]*\)|/\1$tab\2$tab/" tree | sort -u >$out
      '';

  # The tests of every crate of the part, as static programs of this machine.
  tests =
    part:
    run "crate-tests"
      {
        inherit (part) vendor members sources;
        path = [
          toolchain
          debian.tar
        ];
      }
      ''
        ${configure systems.amd64.rust ""}
        ${copy}
        ${part.lay}
        export HOME=$PWD/home
        mkdir -p $HOME
        # What the other crates' boundary tests start wants a machine around it (/bin/sh, dpkg), which is not here.
        # No pipe: its first program's failure would be lost.
        {
          cargo test --workspace --frozen --no-fail-fast --lib &&
            cargo test --package assemble --package inventory --frozen --no-fail-fast --tests
        } >$out 2>&1 || { cat $out; exit 1; }
        cat $out
      '';
}
