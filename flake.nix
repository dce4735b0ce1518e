{
  description = "Claude Code for DevOps work in one hardened image, reproducible bit for bit, on three architectures";

  outputs =
    { self }:
    let
      system = "x86_64-linux";
      image = import ./image/nix { workspace = ./.; };
      run = name: {
        type = "app";
        program = "${image.packages.${name}}/bin/load";
      };
    in
    {
      packages.${system} = image.packages;
      checks.${system} = image.checks;
      apps.${system} = {
        load = run "load";
        load-core = run "load-core";
      };
      lib = {
        inherit (image)
          prefill
          assembled
          trees
          cluster
          ;
      };
    };
}
