# The Go tools of the catalogue, in the groups that tools.toml puts them into.
{
  go,
  systems,
  catalogue,
}:
let
  inherit (builtins)
    attrNames
    concatMap
    listToAttrs
    mapAttrs
    ;

  architectures = attrNames systems;
  programs = concatMap (
    name:
    let
      inherit (catalogue.tools.${name}) source;
    in
    if source ? go then [ (source.go // { inherit name; }) ] else [ ]
  ) (attrNames catalogue.tools);

  groups = go.groups {
    directory = ./.;
    inherit architectures programs;
  };
  groupOf = listToAttrs (
    map (program: {
      inherit (program) name;
      value = groups.${program.group};
    }) programs
  );
in
{
  # The trees of modules by group.
  modules = mapAttrs (_: group: group.modules) groups;

  # The version of each tool's module, as Go writes it.
  versions = mapAttrs (tool: group: group.version tool) groupOf;

  # Every group's programs, as go-GROUP-ARCHITECTURE.
  packages = listToAttrs (
    concatMap (
      name:
      map (arch: {
        name = "go-${name}-${arch}";
        value = groups.${name}.all arch;
      }) architectures
    ) (attrNames groups)
  );

  # One tool alone, so that a layer does not depend on the others of the group.
  tool =
    name: arch: groupOf.${name}.some "${name}-${groupOf.${name}.version name}-${arch}" [ name ] arch;
}
