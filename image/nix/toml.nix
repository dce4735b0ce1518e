# A value as TOML: the inverse of builtins.fromTOML for what Cargo manifests hold (strings, numbers, booleans, lists,
# tables). A string's JSON form is a valid TOML basic string.
let
  inherit (builtins)
    attrNames
    concatStringsSep
    isAttrs
    isList
    toJSON
    ;
  value =
    v:
    if isAttrs v then
      "{ ${concatStringsSep ", " (map (name: "${toJSON name} = ${value v.${name}}") (attrNames v))} }"
    else if isList v then
      "[ ${concatStringsSep ", " (map value v)} ]"
    else
      toJSON v;
in
document:
concatStringsSep "" (
  map (name: "${toJSON name} = ${value document.${name}}\n") (attrNames document)
)
