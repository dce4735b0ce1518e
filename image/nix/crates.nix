# The programs of this workspace that the build or the image holds. Each is built from its own part of the workspace,
# so that a change of one does not build another.
{ rust, version }:
let
  parts = builtins.mapAttrs (name: members: rust.part { inherit name members; }) {
    assemble = [
      "image/assemble"
      "image/catalogue"
    ];
    box-init = [ "image/init" ];
    inventory = [
      "image/inventory"
      "image/assemble"
      "image/catalogue"
    ];
    box-entrypoint = [ "image/entrypoint" ];
    messages-api = [ "verify/messages-api" ];
  };
  tested = rust.part {
    name = "tests";
    tests = true;
    members = [
      "image/assemble"
      "image/catalogue"
      "image/entrypoint"
      "image/init"
      "image/inventory"
      "image/lock-update"
      "verify/messages-api"
    ];
  };
in
rec {
  inherit version;
  program = crate: rust.program parts.${crate} crate;
  # The crates in a program, as text.
  cratesIn = crate: rust.crates parts.${crate} crate;
  assemble = program "assemble" "amd64";
  inventory = program "inventory" "amd64";
  tests = rust.tests tested;
  # The trees of crates by part, as crates-PART.
  trees = builtins.listToAttrs (
    map (part: {
      name = "crates-${part.name}";
      value = part.vendor;
    }) (builtins.attrValues parts ++ [ tested ])
  );
  sources = builtins.attrValues trees;
}
