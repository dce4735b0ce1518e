# Upstream's manifests, out of their modules, as this cluster wants them. What they run is on the node already: an image
# that is not would be found missing much later.
{
  seed,
  components,
  preloaded,
}:
let
  patched =
    name: source:
    seed.run "${name}.yaml"
      {
        inherit source;
        patch = ../manifests + "/${name}/kustomization.yaml";
        path = [ (components.some "kubectl" "kubernetes" [ "kubectl" ]) ];
        HOME = "/homeless";
        preloaded = preloaded.names;
      }
      ''
        cp $source upstream.yaml
        cp $patch kustomization.yaml
        kubectl kustomize . >$out
        # Those in a text within the manifest, too.
        sed -n 's/^[- ]*image: *//p' $out | sort -u >images
        [ -s images ]
        while read -r image; do
          case " $preloaded " in
            *" $image "*) ;;
            *) echo "${name}.yaml runs $image, which is not preloaded: it has $preloaded" >&2; exit 65 ;;
          esac
        done <images
      '';
in
{
  calico = patched "calico" "${components.source "github.com/projectcalico/calico"}/manifests/calico-vxlan.yaml";
  storage = patched "storage" "${components.source "github.com/rancher/local-path-provisioner"}/deploy/local-path-storage.yaml";
}
