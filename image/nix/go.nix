# Go: upstream's own toolchain in the form of the module golang.org/toolchain, whose versions never change, downloaded
# by Debian's older Go. Programs are built from the wrapper modules in image/go, out of a module proxy on disk.
{
  fetch,
  run,
  debian,
  certs,
  busybox,
  systems,
  lock,
  catalogue,
}:
let
  inherit (builtins)
    attrNames
    attrValues
    concatMap
    concatStringsSep
    elemAt
    filter
    hashString
    isString
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

  toolchain = fetch.tree {
    inherit run;
    name = "go-${lock.toolchain.version}";
    inherit (lock.toolchain) narHash;
    env = {
      inherit (lock.toolchain) version;
      certs = certs.bundle;
      path = [ bootstrap ];
    };
    script = ''
      ${certs.use}
      . ${./go-toolchain.sh}
    '';
  };

  # The Go tools of the catalogue, each as its source: { group, package, module, variables }.
  tools = listToAttrs (
    concatMap (
      name:
      let
        source = catalogue.tools.${name}.source;
      in
      if source ? go then
        [
          {
            inherit name;
            value = source.go;
          }
        ]
      else
        [ ]
    ) (attrNames catalogue.tools)
  );

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

  group =
    name:
    let
      names = filter (tool: tools.${tool}.group == name) (attrNames tools);
      packages = map (tool: tools.${tool}.package) names;
      goarches = map (system: system.goarch) (attrValues systems);
      directory = ../go + "/${name}";
      src = builtins.path {
        path = directory;
        name = "go-${name}";
      };

      requirements = required (readFile (directory + "/go.mod"));
      version =
        tool:
        let
          inherit (tools.${tool}) module;
        in
        requirements.${module}
          or (throw "image/go/${name}/go.mod does not require ${module}, the module of the tool ${tool} in image/tools.toml");

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

      # One call a tool: a variable of the package main must not reach the main of another tool. What the
      # tools share is compiled once all the same.
      build =
        tool:
        let
          variables = mapAttrs (_: fill (version tool)) (tools.${tool}.variables or { });
          settings = map (variable: "-X '${variable}=${variables.${variable}}'") (attrNames variables);
        in
        ''
          go build -ldflags="${
            concatStringsSep " " ([ "-s -w -buildid=" ] ++ settings)
          }" -o $out/bin/${tool} ${tools.${tool}.package}
        '';
    in
    {
      inherit modules version;

      # All programs of the group in one derivation, since they share most of what there is to compile.
      programs =
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
            ${concatStringsSep "" (map build names)}
          '';
    };

  groups = listToAttrs (
    map (source: {
      name = source.group;
      value = group source.group;
    }) (attrValues tools)
  );
in
{
  inherit toolchain;

  # All that the network is needed for.
  sources = [ toolchain ] ++ map (group: group.modules) (attrValues groups);

  # The version of each tool's module, as Go writes it.
  versions = mapAttrs (tool: source: groups.${source.group}.version tool) tools;

  # Every group's programs, as go-GROUP-ARCHITECTURE.
  groups = listToAttrs (
    concatMap (
      name:
      map (arch: {
        name = "go-${name}-${arch}";
        value = groups.${name}.programs arch;
      }) (attrNames systems)
    ) (attrNames groups)
  );

  # The trees of modules by group, as go-modules-GROUP.
  trees = listToAttrs (
    map (name: {
      name = "go-modules-${name}";
      value = groups.${name}.modules;
    }) (attrNames groups)
  );

  # One tool alone, so that a layer does not depend on the others of the group.
  tool =
    name: arch:
    let
      group = groups.${tools.${name}.group};
    in
    run "${name}-${group.version name}-${arch}" { programs = group.programs arch; } ''
      mkdir -p $out/bin
      cp $programs/bin/${name} $out/bin
    '';
}
