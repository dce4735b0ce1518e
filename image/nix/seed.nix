# The seed: one static busybox, from which everything else is unpacked and built.
#
# busybox takes its applet from argv[0], and Nix passes the store name with its hash there. Hence the committed
# symlink seed/busybox, which points at the seed under its plain name.
{ fetch, lock }:
let
  seed = fetch.program lock;

  busybox = derivation {
    name = "busybox";
    system = "x86_64-linux";
    builder = "${./seed}/busybox";
    args = [
      "sh"
      "-euc"
      ''
        ${./seed}/busybox mkdir -p $out/bin
        ${./seed}/busybox cp $seed $out/bin/busybox
        $out/bin/busybox --install -s $out/bin
      ''
    ];
    inherit seed;
  };
in
{
  inherit seed busybox;

  # One build step: a shell script with busybox and the given programs, and nothing else. What `json` holds
  # reaches the script as files, $<name>Path each.
  run =
    name:
    {
      path ? [ ],
      json ? { },
      ...
    }@env:
    script:
    derivation (
      removeAttrs env [
        "path"
        "json"
      ]
      // builtins.mapAttrs (_: builtins.toJSON) json
      // {
        inherit name;
        system = "x86_64-linux";
        builder = "${busybox}/bin/sh";
        args = [
          "-euc"
          script
        ];
        passAsFile = builtins.attrNames json;
        PATH = builtins.concatStringsSep ":" (map (program: "${program}/bin") (path ++ [ busybox ]));
      }
    );
}
