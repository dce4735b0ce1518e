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
      "image/lock-update"
      "verify/messages-api"
    ];
  };
  # The init has no standard library and no C runtime; core still wants memcpy and its like, which its build script
  # takes out of the musl that std brings along.
  flags = {
    box-init = ''"-Clink-self-contained=no", "-Crelocation-model=static",'';
  };
in
rec {
  inherit version;
  program =
    crate: arch:
    rust.program parts.${crate} {
      inherit crate arch;
      flags = flags.${crate} or rust.std;
    };
  assemble = program "assemble" "amd64";
  tests = rust.tests tested;
  sources = map (part: part.vendor) (builtins.attrValues parts ++ [ tested ]);
}
