# One derivation a layer: which packages, programs and files of ours each holds, handed to the assembler.
{
  seed,
  debian,
  catalogue,
  debianLock,
  assemble,
  accounts,
  omit,
  items,
}:
let
  inherit (builtins)
    attrNames
    concatMap
    filter
    ;
in
arch:
let
  has = name: !((catalogue.tools.${name}.absent or { }) ? ${arch});
  toolsOf =
    layer:
    filter (name: catalogue.tools.${name}.layer == layer && has name) (attrNames catalogue.tools);

  package = key: debianLock.packages.${key};
  packagesOf =
    layer:
    map (key: {
      inherit (package key)
        package
        version
        architecture
        sha256
        ;
      scripts = (package key).scripts or { };
      deb = debian.source key;
    }) layer.packages;
in
filter (layer: layer.request.packages != [ ] || layer.request.items != [ ]) (
  map (
    layer:
    let
      request = {
        version = 1;
        inherit (layer) name;
        architecture = arch;
        packages = packagesOf layer;
        items = concatMap (items arch) (toolsOf layer.name);
        inherit accounts omit;
      };
    in
    {
      inherit (layer) name flavour;
      inherit request;
      path = seed.run "layer-${layer.name}-${arch}" {
        json = { inherit request; };
        path = [ assemble ];
      } "assemble layer $requestPath $out";
    }
  ) debianLock.image.${arch}
)
