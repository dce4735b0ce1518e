# Layers and images out of the assembler, for amd64, and what goes into them.
{
  seed,
  assemble,
  created,
}:
rec {
  # Entries of an item.
  file = path: source: {
    file = {
      inherit source path;
      mode = "0644";
    };
  };
  program = path: source: {
    file = {
      inherit source path;
      mode = "0755";
    };
  };
  link = path: target: { link = { inherit path target; }; };
  links = targets: map (path: link path targets.${path}) (builtins.attrNames targets);
  tree = path: source: { tree = { inherit source path; }; };
  directory = path: mode: { directory = { inherit path mode; }; };

  # Entries of our own making.
  ours = entries: {
    owner = {
      kind = "ours";
      name = "cluster";
      version = "0";
    };
    inherit entries;
  };

  layer =
    name:
    {
      items,
      omit ? [ ],
    }:
    seed.run "layer-${name}" {
      path = [ assemble ];
      json.request = {
        version = 1;
        architecture = "amd64";
        packages = [ ];
        accounts = [ ];
        inherit name items omit;
      };
    } "assemble layer $requestPath $out";

  image =
    name: layers: config:
    seed.run "image-${name}" {
      path = [ assemble ];
      json.request = {
        version = 1;
        architecture = "amd64";
        annotations."org.opencontainers.image.title" = name;
        inherit created layers config;
      };
    } "assemble image $requestPath $out";

  # One file of several images: { image, tags } each.
  archive =
    name: images:
    seed.run name {
      path = [ assemble ];
      json.request = {
        version = 1;
        inherit images;
      };
    } "assemble archive $requestPath $out";
}
