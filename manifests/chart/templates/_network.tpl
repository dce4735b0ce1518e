{{/* What the network policy stands on. */}}

{{/*
IPv4 addresses that are no public hosts: RFC 6890's table with its successors, and the metadata services that live outside
of it. The three documentation ranges are nobody's; leaving them open harms no one, and tests stand on them.
*/}}
{{- define "box.notPublicV4" -}}
- 0.0.0.0/8 # this network
- 10.0.0.0/8 # private
- 100.64.0.0/10 # shared by carriers and clouds; Alibaba's metadata is 100.100.100.200
- 127.0.0.0/8 # loopback
- 168.63.129.16/32 # Azure's host, which has a public address
- 169.254.0.0/16 # link-local: the metadata of AWS, Google, Azure and others
- 172.16.0.0/12 # private
- 192.0.0.0/24 # protocol assignments; Oracle's metadata is 192.0.0.192
- 192.88.99.0/24 # relays of 6to4
- 192.168.0.0/16 # private
- 198.18.0.0/15 # benchmarks
- 224.0.0.0/4 # multicast
- 240.0.0.0/4 # reserved, and broadcast
{{- end -}}

{{/*
IPv6 is named the other way round: public addresses are those of 2000::/3, so that loopback, unique local (fd00:ec2::254 is
AWS's metadata), link-local, multicast, IPv4 in IPv6 and NAT64 (64:ff9b::/96) are out without being named. What is left
out of it carries IPv4 within: a tunnel to a private address.
*/}}
{{- define "box.notPublicV6" -}}
- 2001::/32 # Teredo
- 2002::/16 # 6to4
{{- end -}}

{{/* Where the API server listens: what was said, or what the cluster says; as JSON. */}}
{{- define "box.apiServer" -}}
{{- $endpoints := .Values.network.apiServer.endpoints -}}
{{- if and (not $endpoints) .Values.network.enabled (ne .Values.tier "none") -}}
{{- $slice := lookup "discovery.k8s.io/v1" "EndpointSlice" "default" "kubernetes" -}}
{{- range $port := $slice.ports -}}
{{- range $slice.endpoints -}}
{{- range .addresses -}}
{{- $endpoints = append $endpoints (dict "address" . "port" $port.port) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $endpoints | toJson -}}
{{- end -}}

{{/* Is a way to a gateway named? */}}
{{- define "box.hasGateway" -}}
{{- with .Values.network.gateway -}}
{{- if or .cidr .namespaceLabels .podLabels -}}true{{- end -}}
{{- end -}}
{{- end -}}

{{/* Is a range one address? */}}
{{- define "box.isOneAddress" -}}
{{- if regexMatch "^([0-9.]+/32|.*:.*/128)$" . -}}true{{- end -}}
{{- end -}}

{{/* Is a range one address that is not a public one: private, shared, link-local or unique local? */}}
{{- define "box.isOnePrivateAddress" -}}
{{- if include "box.isOneAddress" . -}}
{{- if regexMatch "^(10\\.|127\\.|172\\.(1[6-9]|2[0-9]|3[01])\\.|192\\.168\\.|169\\.254\\.|100\\.(6[4-9]|[7-9][0-9]|1[01][0-9]|12[0-7])\\.|[fF][cCdD][0-9a-fA-F]{2}:|[fF][eE][89abAB][0-9a-fA-F]:)" . -}}true{{- end -}}
{{- end -}}
{{- end -}}

{{/* The port of the model's address. */}}
{{- define "box.baseUrlPort" -}}
{{- $url := urlParse .Values.gateway.baseUrl -}}
{{- $port := regexFind ":[0-9]+$" $url.host | trimPrefix ":" -}}
{{- $port | default (ternary "80" "443" (eq $url.scheme "http")) -}}
{{- end -}}
