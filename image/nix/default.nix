# Wires the concerns to each other; each file is a function of what it needs.
{ workspace }:
let
  json = file: builtins.fromJSON (builtins.readFile file);
  toml = file: builtins.fromTOML (builtins.readFile file);
  systems = import ./systems.nix;
  architectures = builtins.attrNames systems;

  catalogue = toml ../tools.toml;
  debianLock = json ../lock/debian.json;
  claudeLock = json ../lock/claude.json;
  version = (toml (workspace + "/Cargo.toml")).workspace.package.version;

  fetch = import ./fetch.nix;
  seed = import ./seed.nix {
    inherit fetch;
    lock = json ../lock/seed.json;
  };
  debian = import ./debian.nix {
    inherit fetch seed;
    lock = debianLock;
  };
  certs = import ./certs.nix { inherit seed debian; };
  rust = import ./rust.nix {
    inherit
      fetch
      seed
      debian
      certs
      systems
      workspace
      ;
    lock = json ../lock/rust.json;
    crates = json ../lock/crates.json;
  };
  go = import ./go.nix {
    inherit
      fetch
      debian
      certs
      systems
      ;
    inherit (seed) run busybox;
    lock = json ../lock/go.json;
  };
  goTools = import ../go { inherit go systems catalogue; };
  components = import (workspace + "/cluster/go") { inherit go; };
  crates = import ./crates.nix { inherit rust version; };

  claude = import ./items.nix {
    inherit
      seed
      fetch
      catalogue
      ;
    go = goTools;
    programs = crates;
    inherit claudeLock;
    rootfs = builtins.path {
      path = ../rootfs;
      name = "rootfs";
    };
  };
  common = import ./config.nix {
    inherit version claudeLock;
    inherit (debianLock) archives;
  };
  layers = import ./layers.nix {
    inherit
      seed
      debian
      catalogue
      debianLock
      ;
    inherit (crates) assemble;
    inherit (common) accounts omit;
    inherit (claude) items;
  };
  # What decides what the image is, by its path in the repository; of the sources, the repository's commit says it.
  locks =
    let
      file =
        path:
        builtins.path {
          inherit path;
          name = baseNameOf path;
        };
      all = {
        "Cargo.lock" = file (workspace + "/Cargo.lock");
        "image/lock/claude.json" = file ../lock/claude.json;
        "image/lock/crates.json" = file ../lock/crates.json;
        "image/lock/debian.json" = file ../lock/debian.json;
        "image/lock/go.json" = file ../lock/go.json;
        "image/lock/rust.json" = file ../lock/rust.json;
        "image/lock/seed.json" = file ../lock/seed.json;
        "image/scripts.toml" = file ../scripts.toml;
        "image/tools.toml" = file ../tools.toml;
      };
    in
    {
      inherit all;
      cargo = all."Cargo.lock";
      claude = all."image/lock/claude.json";
      debian = all."image/lock/debian.json";
    };
  images = import ./image.nix {
    inherit seed layers locks;
    inherit (crates) assemble inventory cratesIn;
    inherit (common) created config annotations;
    inherit (claude) owner;
  };
  checks = import ./checks.nix {
    inherit
      seed
      debian
      crates
      images
      ;
  };
  model = import ./model.nix {
    inherit seed;
    inherit (crates) assemble program;
    inherit (common) created;
  };

  cluster = import (workspace + "/cluster/nix") {
    inherit
      seed
      debian
      certs
      components
      ;
    inherit (crates) assemble;
    inherit (common) created;
  };

  goModules = goTools.modules // components.modules;
  prefixed =
    prefix: set:
    builtins.listToAttrs (
      map (name: {
        name = "${prefix}${name}";
        value = set.${name};
      }) (builtins.attrNames set)
    );
  perArchitecture =
    name: make:
    builtins.listToAttrs (
      map (arch: {
        name = "${name}-${arch}";
        value = make arch;
      }) architectures
    );
  # What a build takes from outside for the images of these architectures: files that `cbox fetch` can put into the
  # store, and trees that fetch themselves.
  files = wanted: [ seed.seed ] ++ debian.sourcesOf wanted ++ claude.sourcesOf wanted;
  trees =
    rust.sources
    ++ [
      go.toolchain
      go.advisories
    ]
    ++ builtins.attrValues goTools.modules
    ++ crates.sources;
  sources = name: sources: seed.run name { inherit sources; } "printf '%s\\n' $sources >$out";
  # The same for the test cluster: what builds are made with, and the node's own.
  clusterFiles = [ seed.seed ] ++ debian.sourcesOf [ ] ++ debian.clusterSources;
  clusterTrees =
    rust.sources ++ [ go.toolchain ] ++ builtins.attrValues components.modules ++ crates.sources;
  # Which advisories concern the image's Go programs.
  advisories = seed.run "advisories" {
    path = [ crates.inventory ];
    json.request = {
      version = 1;
      images = map (images.image "full") architectures;
      inherit (go) advisories;
      exceptions = builtins.path {
        path = ../advisories.toml;
        name = "advisories.toml";
      };
    };
  } "inventory advisories $requestPath $out";
  prefill = map (source: source.prefill // { path = builtins.unsafeDiscardStringContext source; });
in
{
  packages = {
    default = images.index "full";
    image = images.index "full";
    image-core = images.index "core";
    # The same with what it is made of attached; apart, since every change of the image writes all of that anew.
    image-documents = images.layout "full";
    image-core-documents = images.layout "core";
    load = images.load "full" "claude-in-a-box:latest";
    load-core = images.load "core" "claude-in-a-box:core";
    messages-api = model;
    kind-node = cluster.node;
    inherit (crates) assemble inventory;
    rust = rust.toolchain;
    go = go.toolchain;
    go-advisories = go.advisories;

    inherit advisories;

    # Programs of the test cluster that run outside of it.
    kind = components.some "kind" "kind" [ "kind" ];
    control-plane = components.some "control-plane" "kubernetes" [
      "etcd"
      "kube-apiserver"
      "kube-controller-manager"
      "kubectl"
    ];

    # Everything that a build takes from outside, and nothing that it makes.
    sources = sources "sources" (files architectures ++ trees);
    sources-amd64 = sources "sources-amd64" (files [ "amd64" ] ++ trees);
    sources-cluster = sources "sources-cluster" (clusterFiles ++ clusterTrees);
  }
  // perArchitecture "init" (crates.program "box-init")
  // perArchitecture "image" (images.image "full")
  // perArchitecture "image-core" (images.image "core")
  // perArchitecture "documents" (images.documents "full")
  // perArchitecture "documents-core" (images.documents "core")
  // goTools.packages
  // prefixed "cluster-go-" components.programs
  // prefixed "go-modules-" goModules
  // crates.trees;

  checks = {
    inherit (crates) tests;
    advisories = checks.advisories advisories;
  }
  // perArchitecture "programs" checks.programs
  // perArchitecture "loader-cache" (checks.loaderCache "full")
  // perArchitecture "loader-cache-core" (checks.loaderCache "core");

  # The trees whose hashes `cbox lock` renews: the output that fetches one, and where its hash stands.
  trees =
    map (name: {
      output = name;
      file = "image/lock/crates.json";
      pointer = "/${builtins.substring 7 100 name}";
    }) (builtins.attrNames crates.trees)
    ++ [
      # Before the modules, which it fetches.
      {
        output = "go";
        file = "image/lock/go.json";
        pointer = "/toolchain/narHash";
      }
      {
        output = "go-advisories";
        file = "image/lock/go.json";
        pointer = "/advisories/narHash";
      }
    ]
    ++ map (name: {
      output = "go-modules-${name}";
      file = "image/lock/go.json";
      pointer = "/groups/${name}/narHash";
    }) (builtins.attrNames goModules);

  # What a build assembles, as store paths: `cbox bench` takes them away to measure how long they take.
  assembled = map builtins.unsafeDiscardStringContext (
    [ (images.index "full") ]
    ++ builtins.concatMap (
      arch:
      [
        (images.image "full" arch)
        (images.loaderCache "full" arch)
      ]
      ++ map (layer: layer.path) (layers arch)
    ) architectures
  );

  # The versions of what the test cluster's node brings along.
  cluster = cluster.versions;

  # What `cbox fetch` has to put into the store where upstream cannot be reached: a path, and how to get it.
  prefill = {
    all = prefill (files architectures);
    amd64 = prefill (files [ "amd64" ]);
    cluster = prefill clusterFiles;
  };
}
