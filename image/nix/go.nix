# Go: upstream's own toolchain in the form of the module golang.org/toolchain, whose versions never change, downloaded
# by Debian's older Go. Programs are built in groups, each from a wrapper module, out of a module proxy on disk.
{
  fetch,
  run,
  debian,
  certs,
  busybox,
  systems,
  lock,
}:
let
  inherit (builtins)
    attrNames
    concatStringsSep
    elemAt
    filter
    groupBy
    hashString
    head
    isString
    length
    listToAttrs
    mapAttrs
    match
    readFile
    replaceStrings
    split
    substring
    ;

  bootstrap =
    run "go-bootstrap"
      {
        inherit (debian) host;
        package = debian.only "bootstrap-go";
        shell = "${busybox}/bin/sh";
      }
      ''
        ${debian.wrap}
        root=$(echo $package/usr/lib/go-*)
        wrap go $root/bin/go
        sed -i "2i export GOROOT=$root" $out/bin/go
      '';

  # What a script gets with a Go's client at a version that the lock names.
  fetched =
    {
      name,
      locked,
      by,
      script,
    }:
    fetch.tree {
      inherit run;
      name = "${name}-${locked.version}";
      inherit (locked) narHash;
      env = {
        inherit (locked) version;
        certs = certs.bundle;
        path = [ by ];
      };
      script = ''
        ${certs.use}
        . ${script}
      '';
    };

  toolchain = fetched {
    name = "go";
    locked = lock.toolchain;
    by = bootstrap;
    script = ./go-toolchain.sh;
  };

  # What a go.mod requires: versions by module, as Go writes them.
  required =
    text:
    let
      found = filter (requirement: requirement != null) (
        map (match "(require)?[ \t]*([^ \t]+) (v[^ \t]+)( // indirect)?") (
          filter isString (split "\n" text)
        )
      );
    in
    listToAttrs (
      map (requirement: {
        name = elemAt requirement 1;
        value = elemAt requirement 2;
      }) found
    );

  # Fills a linker variable in; Kubernetes' modules v0.X.Y belong to the release v1.X.Y, hence the parts.
  fill =
    version:
    let
      parts = match "v((0|[1-9][0-9]*)[.]([0-9]+)[.]([^+]+))([+]incompatible)?" version;
    in
    replaceStrings [ "{version}" "{major}" "{minor}" "{patch}" ] (
      map (elemAt parts) [
        0
        1
        2
        3
      ]
    );

  # A wrapper module and what is built from it. `name` is the group's in the lock and in the store; `directory` holds
  # go.mod and go.sum, and main packages where upstream's cannot be used; each of `programs` is
  # { name, package, module, variables }: a main package, the module whose version is the program's, and linker variables.
  group =
    {
      name,
      directory,
      programs,
      architectures,
    }:
    let
      named = mapAttrs (
        program: found:
        if length found == 1 then
          head found
        else
          throw "the group ${name} has two programs named ${program}"
      ) (groupBy (program: program.name) programs);
      packages = map (program: named.${program.name}.package) programs;
      goarches = map (arch: systems.${arch}.goarch) architectures;
      src = builtins.path {
        path = directory;
        name = "go-${name}";
      };

      requirements = required (readFile (directory + "/go.mod"));
      # The version of a module that the wrapper requires, as Go writes it.
      versionOf =
        module: requirements.${module} or (throw "${toString directory}/go.mod does not require ${module}");

      # The tree of modules is known by its hash alone, so its name says what it was made for: with another go.mod,
      # go.sum or list of packages it is another tree, and an old one is never taken for it.
      key = substring 0 12 (
        hashString "sha256" (
          concatStringsSep "\n" (
            packages
            ++ goarches
            ++ map (file: readFile (directory + "/${file}")) [
              "go.mod"
              "go.sum"
            ]
          )
        )
      );
      modules = fetch.tree {
        inherit run;
        name = "go-${name}-modules-${key}";
        narHash =
          (lock.groups.${name} or { }).narHash or "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
        env = {
          inherit src packages goarches;
          certs = certs.bundle;
          path = [ toolchain ];
        };
        script = ''
          ${certs.use}
          . ${./go-modules.sh}
        '';
      };

      # One call a program: a variable of the package main must not reach the main of another program. What the
      # programs share is compiled once all the same.
      build =
        program:
        let
          variables = mapAttrs (_: fill (versionOf program.module)) (program.variables or { });
          settings = map (variable: "-X '${variable}=${variables.${variable}}'") (attrNames variables);
        in
        ''
          go build -ldflags="${
            concatStringsSep " " ([ "-s -w -buildid=" ] ++ settings)
          }" -o $out/bin/${program.name} ${program.package}
        '';

      # All programs of the group in one derivation, since they share most of what there is to compile.
      all =
        arch:
        run "go-${name}-${arch}"
          {
            inherit src modules;
            path = [ toolchain ];
            GOOS = "linux";
            GOARCH = systems.${arch}.goarch;
            GOARM = systems.${arch}.goarm;
            CGO_ENABLED = "0";
            GOTOOLCHAIN = "local";
            GOSUMDB = "off"; # It needs the network; go.sum does the checking.
            GOFLAGS = "-mod=readonly -modcacherw -trimpath -buildvcs=false";
          }
          ''
            export HOME=$PWD GOPATH=$PWD/gopath GOCACHE=$PWD/cache GOPROXY=file://$modules
            cd $src
            ${concatStringsSep "" (map build programs)}
          '';
    in
    {
      inherit modules all versionOf;

      # The version of a program's module, as Go writes it.
      version = program: versionOf named.${program}.module;

      # Some of the programs alone, so that what holds them does not depend on the others of the group.
      some =
        name: chosen: arch:
        run name
          {
            programs = all arch;
            chosen = map (program: named.${program}.name) chosen;
          }
          ''
            mkdir -p $out/bin
            for program in $chosen; do cp $programs/bin/$program $out/bin; done
          '';

      # The files of a module that the wrapper requires, as upstream published them.
      source =
        module:
        let
          version = versionOf module;
        in
        run "${baseNameOf module}-${version}" { inherit modules; } ''
          unzip -q $modules/${module}/@v/${version}.zip
          mv ${module}@${version} $out
        '';
    };
in
{
  inherit toolchain;

  # What is known to be wrong with modules and with Go itself: golang.org/x/vulndb.
  advisories = fetched {
    name = "go-advisories";
    locked = lock.advisories;
    by = toolchain;
    script = ./go-advisories.sh;
  };

  # Groups by name out of { directory, architectures, programs }, where each program also says its `group`, the
  # wrapper module's directory in `directory`. `prefix` keeps the names in lock and store apart.
  groups =
    {
      prefix ? "",
      directory,
      architectures,
      programs,
    }:
    mapAttrs (
      name: programs:
      group {
        inherit architectures programs;
        name = "${prefix}${name}";
        directory = directory + "/${name}";
      }
    ) (groupBy (program: program.group) programs);
}
