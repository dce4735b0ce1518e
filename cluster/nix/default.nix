# The test cluster's node: the userland of a small machine, Kubernetes, and the images of all that runs on it.
{
  seed,
  debian,
  certs,
  components,
  assemble,
  created,
}:
let
  images = import ./images.nix { inherit seed assemble created; };
  userland = import ./userland.nix { inherit debian certs images; };
  preloaded = import ./preloaded.nix {
    inherit
      seed
      debian
      components
      images
      userland
      ;
  };
  manifests = import ./manifests.nix {
    inherit seed components preloaded;
  };
in
{
  # What is inside, by component, as kubeadm's configuration and tests want to name it.
  inherit (preloaded) versions;

  # The image that `kind create cluster --image` takes.
  node = import ./node.nix {
    inherit
      seed
      debian
      components
      images
      userland
      preloaded
      manifests
      ;
  };
}
