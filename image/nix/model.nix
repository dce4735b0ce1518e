# The scripted model as an image of its own, for this machine's architecture: one static program and nothing else.
{
  seed,
  assemble,
  program,
  created,
}:
let
  layer = seed.run "layer-messages-api" {
    path = [ assemble ];
    json.request = {
      version = 1;
      name = "messages-api";
      architecture = "amd64";
      packages = [ ];
      accounts = [ ];
      omit = [ ];
      items = [
        {
          owner = {
            kind = "crate";
            name = "messages-api";
            version = "0";
          };
          entries = [
            {
              file = {
                source = "${program "messages-api" "amd64"}/bin/messages-api";
                path = "/messages-api";
                mode = "0755";
              };
            }
          ];
        }
      ];
    };
  } "assemble layer $requestPath $out";
in
seed.run "image-messages-api" {
  path = [ assemble ];
  json.request = {
    version = 1;
    architecture = "amd64";
    layers = [ layer ];
    config = {
      User = "10000:10000";
      Entrypoint = [ "/messages-api" ];
    };
    annotations."org.opencontainers.image.title" = "messages-api";
    inherit created;
  };
} "assemble image $requestPath $out"
