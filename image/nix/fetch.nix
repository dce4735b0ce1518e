# Sources. Each is known by its hash alone: where it comes from does not matter, so `cbox fetch` may put it into
# the store before Nix ever asks a server for it. `prefill` says how this machine's own clients would get it.
let
  fetchurl = import <nix/fetchurl.nix>;
in
{
  file =
    {
      name,
      url,
      sha256,
    }:
    fetchurl { inherit name url sha256; };

  # A file with its executable bit: a recursive hash.
  program =
    {
      name,
      url,
      narHash,
      npm,
      version,
      member,
    }:
    fetchurl {
      inherit name url;
      hash = narHash;
      executable = true;
    }
    // {
      prefill = {
        client = "npm";
        inherit npm version member;
        executable = true;
      };
    };

  deb =
    archives: package:
    let
      inherit (archives.${package.archive}) snapshot;
      inherit (package) path;
    in
    fetchurl {
      name = "${package.package}_${package.architecture}.deb";
      url = "https://snapshot.debian.org/archive/${package.archive}/${snapshot}/${path}";
      inherit (package) sha256;
    }
    // {
      prefill = {
        client = "apt";
        file = path;
        inherit (package) archive sha256;
      };
    };

  # One member of an npm package's archive, or, without `member`, the archive itself. Where upstream serves the same
  # bytes elsewhere, `url` says so; else nothing but the client knows, and a build without it ends with the sentence.
  npm =
    run:
    {
      name,
      npm,
      version,
      sha256,
      url ? null,
      member ? null,
    }:
    (
      if url != null then
        fetchurl { inherit name url sha256; }
      else
        run name
          {
            outputHashMode = "flat";
            outputHashAlgo = "sha256";
            outputHash = sha256;
          }
          ''
            echo "${name} is only in the npm registry, as ${npm}@${version}: run ./cbox fetch" >&2
            exit 66
          ''
    )
    // {
      prefill = {
        client = "npm";
        inherit npm version sha256;
      }
      // (if member == null then { } else { inherit member; });
    };

  # A tree that a script makes out of the network; sandboxed, but with the network on.
  tree =
    {
      run,
      name,
      narHash,
      env,
      script,
    }:
    run name (
      env
      // {
        outputHashMode = "recursive";
        outputHash = narHash;
      }
    ) script;
}
