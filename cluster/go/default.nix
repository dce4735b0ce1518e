# The Go programs of the test cluster, which runs on amd64 alone, in the groups that components.toml puts them into.
{ go }:
let
  inherit (builtins)
    attrNames
    concatMap
    fromTOML
    listToAttrs
    mapAttrs
    readFile
    ;

  inherit (fromTOML (readFile ../components.toml)) modules;
  groups = go.groups {
    prefix = "cluster-";
    directory = ./.;
    architectures = [ "amd64" ];
    programs = concatMap (
      module:
      let
        component = modules.${module};
      in
      map (name: {
        inherit name module;
        inherit (component) group;
        package = component.programs.${name};
        variables = component.variables or { };
      }) (attrNames component.programs)
    ) (attrNames modules);
  };
in
{
  # The trees of modules by group, under the names that go.json gives the groups.
  modules = listToAttrs (
    map (name: {
      name = "cluster-${name}";
      value = groups.${name}.modules;
    }) (attrNames groups)
  );

  # All programs of each group.
  programs = mapAttrs (_: group: group.all "amd64") groups;

  # Some programs of a group alone, as NAME.
  some =
    name: group: programs:
    groups.${group}.some name programs "amd64";

  # The version of a module that is listed, as Go writes it.
  version = module: groups.${modules.${module}.group}.versionOf module;

  # The files of a module that is listed, as upstream published them.
  source = module: groups.${modules.${module}.group}.source module;
}
