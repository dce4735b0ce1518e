# What a tool puts into its layer besides Debian packages.
{
  seed,
  fetch,
  go,
  programs,
  catalogue,
  claudeLock,
  rootfs,
}:
let
  inherit (builtins) attrNames getAttr head;

  file = source: path: {
    file = {
      inherit source path;
      mode = "0755";
    };
  };
  unreadable = source: path: {
    file = {
      inherit source path;
      mode = "0711";
    };
  };
  link = path: target: { link = { inherit path target; }; };
  directory = path: {
    directory = {
      inherit path;
      mode = "0755";
      uid = 10000;
      gid = 10000;
    };
  };

  # One program, or, where there is none, an npm archive.
  claudeSource =
    arch:
    let
      lock = claudeLock.${arch};
    in
    fetch.npm seed.run (
      {
        inherit (lock) npm version sha256;
        name = "claude-code-${lock.version}-${arch}${if lock.kind == "javascript" then ".tgz" else ""}";
      }
      // (if lock ? url then { inherit (lock) url; } else { })
      // (if lock.kind == "native" then { member = "claude"; } else { })
    );

  # The release for Node carries search programs for other platforms; the image has its own.
  claudeTree =
    arch:
    seed.run "claude-code-tree-${arch}" { archive = claudeSource arch; } ''
      mkdir $out
      tar -xzf $archive --strip-components=1 -C $out
      rm -rf $out/vendor
    '';

  kinds = {
    # The package itself is the lock's matter; here are the names that Debian does not give its commands.
    debian =
      _: _: source:
      let
        links = source.links or { };
      in
      if links == { } then
        [ ]
      else
        [
          {
            inherit (ours) owner;
            entries = map (path: link path links.${path}) (attrNames links);
          }
        ];

    go = arch: name: _: [
      {
        owner = {
          kind = "go";
          name = catalogue.tools.${name}.source.go.module;
          version = go.versions.${name};
        };
        entries = [ (file "${go.tool name arch}/bin/${name}" "/usr/bin/${name}") ];
      }
    ];

    claude =
      arch: _: _:
      let
        lock = claudeLock.${arch};
        native = [
          # Executed, and read by root alone: the kernel lets nobody of the box's user into the memory of such a program's
          # process, nor dumps its core (proc(5), dumpable). The credential is in there.
          (unreadable (claudeSource arch) "/opt/claude-code/claude")
          (link "/usr/bin/claude" "../../opt/claude-code/claude")
        ];
        javascript = [
          {
            tree = {
              source = claudeTree arch;
              path = "/opt/claude-code";
            };
          }
          (link "/usr/bin/claude" "../../opt/claude-code/cli.js")
        ];
      in
      [
        {
          owner = {
            kind = if lock.kind == "native" then "anthropic" else "npm";
            name = lock.npm;
            inherit (lock) version;
          };
          entries = if lock.kind == "native" then native else javascript;
        }
      ];

    crate =
      arch: name: source:
      [
        {
          owner = {
            kind = "crate";
            inherit (source) name;
            version = programs.version;
          };
          entries = [ (file "${programs.program source.name arch}/bin/${source.name}" "/usr/bin/${name}") ];
        }
      ]
      ++ (if source.name == "box-entrypoint" then [ ours ] else [ ]);
  };

  # The files that are ours as they stand, and the places that the box writes to.
  ours = {
    owner = {
      kind = "ours";
      name = "claude-in-a-box";
      version = programs.version;
    };
    entries = [
      {
        tree = {
          source = rootfs;
          path = "/";
        };
      }
      (directory "/home/claude")
      (directory "/workspace")
    ];
  };
in
{
  # Who brings what is ours.
  inherit (ours) owner;

  # Claude Code for these architectures.
  sourcesOf = map claudeSource;

  items =
    arch: name:
    let
      inherit (catalogue.tools.${name}) source;
      kind = head (attrNames source);
    in
    getAttr kind kinds arch name source.${kind};
}
