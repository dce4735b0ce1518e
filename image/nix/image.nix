# Layers to an image of one architecture, and images to the layout that holds all of them.
{
  seed,
  assemble,
  inventory,
  owner,
  layers,
  locks,
  cratesIn,
  created,
  config,
  annotations,
}:
let
  inherit (builtins) attrNames filter;
  systems = import ./systems.nix;

  # `core` holds the layers of its own; `full` holds every layer.
  holds = flavour: layer: flavour == "full" || layer.flavour == flavour;

  # The programs of ours that an image holds.
  programs = [
    "box-entrypoint"
    "box-init"
  ];

  # The layers of a flavour, without the one that is made of them.
  own = flavour: arch: map (layer: layer.path) (filter (holds flavour) (layers arch));
in
rec {
  inherit own;

  # The dynamic loader's cache, a layer of its own on top: it is of what all others hold.
  loaderCache =
    flavour: arch:
    seed.run "layer-loader-cache-${flavour}-${arch}" {
      path = [ assemble ];
      json.request = {
        version = 1;
        name = "loader-cache";
        architecture = arch;
        layers = own flavour arch;
        inherit owner;
      };
    } "assemble loader-cache $requestPath $out";

  image =
    flavour: arch:
    seed.run "image-${flavour}-${arch}" {
      path = [ assemble ];
      json.request = {
        version = 1;
        architecture = arch;
        layers = own flavour arch ++ [ (loaderCache flavour arch) ];
        inherit created config annotations;
      };
    } "assemble image $requestPath $out";

  # What an image is made of: SBOMs and provenance.
  documents =
    flavour: arch:
    seed.run "documents-${flavour}-${arch}" {
      path = [ inventory ];
      json.request = {
        version = 1;
        inherit flavour locks;
        image = image flavour arch;
        crates = builtins.listToAttrs (
          map (name: {
            inherit name;
            value = cratesIn name arch;
          }) programs
        );
      };
    } "inventory image $requestPath $out";

  # The index with its images alone, and with their documents attached. The first is the same bytes whatever is said of it.
  index =
    flavour:
    seed.run "image-${flavour}" {
      path = [ assemble ];
      json.request = {
        version = 1;
        images = map (image flavour) (attrNames systems);
        inherit annotations;
      };
    } "assemble index $requestPath $out";

  layout =
    flavour:
    seed.run "image-${flavour}-documents" {
      path = [ inventory ];
      json.request = {
        version = 1;
        inherit flavour locks;
        layout = index flavour;
        images = map (documents flavour) (attrNames systems);
      };
    } "inventory layout $requestPath $out";

  # Puts the image of this machine's architecture into Docker.
  load =
    flavour: tag:
    seed.run "load-${flavour}"
      {
        json.request = {
          version = 1;
          images = [
            {
              image = image flavour "amd64";
              tags = [ tag ];
            }
          ];
        };
      }
      ''
        mkdir -p $out/bin
        cp $requestPath $out/request.json
        printf '#!%s\nset -o pipefail\n%s archive %s - | docker load\n' ${seed.busybox}/bin/sh ${assemble}/bin/assemble $out/request.json >$out/bin/load
        chmod +x $out/bin/load
      '';
}
