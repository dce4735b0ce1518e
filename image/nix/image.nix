# Layers to an image of one architecture, and images to the layout that holds all of them.
{
  seed,
  assemble,
  layers,
  created,
  config,
  annotations,
}:
let
  inherit (builtins) attrNames filter;
  systems = import ./systems.nix;

  # `core` holds the layers of its own; `full` holds every layer.
  holds = flavour: layer: flavour == "full" || layer.flavour == flavour;
in
rec {
  image =
    flavour: arch:
    seed.run "image-${flavour}-${arch}" {
      path = [ assemble ];
      json.request = {
        version = 1;
        architecture = arch;
        layers = map (layer: layer.path) (filter (holds flavour) (layers arch));
        inherit created config annotations;
      };
    } "assemble image $requestPath $out";

  layout =
    flavour:
    seed.run "image-${flavour}" {
      path = [ assemble ];
      json.request = {
        version = 1;
        images = map (image flavour) (attrNames systems);
        inherit annotations;
      };
    } "assemble index $requestPath $out";

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
