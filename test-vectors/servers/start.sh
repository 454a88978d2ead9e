#!/usr/bin/env bash
# Start docker-registry, notary-signer and notary-server on loopback, for tests and to try things out.
#
#   start.sh [WORKDIR] [OPTION…]
#
#   --trust remote    notary-signer holds the server's keys, ECDSA (default)
#   --trust local     notary-server holds them itself, Ed25519; no signer is started
#   --http            notary-server without TLS
#   --realm ORIGIN    start realm.py too, e.g. at https://127.0.0.1 or http://localhost (the port is
#                     added); notary-server then asks for its tokens
#   --auth-realm URL --auth-cert FILE
#                     ask for tokens of another realm, signed by what FILE certifies
#   --registry-port N, --notary-port N, --signer-port N, --realm-port N
#                     default: free ones
#
# Certificates, configurations and logs lie in WORKDIR; without one, in a temporary folder that is
# removed at the end. Prints lines NAME=value (WORKDIR/env has them for a shell), then `ready`, and
# runs until the end of its standard input (Ctrl-D), or a signal (Ctrl-C); then it stops what it
# started. So whoever holds the other end of a pipe leaves no server behind, however it dies.
set -euo pipefail

fail() {
  printf 'start.sh: %s\n' "$1" >&2
  exit 1
}

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work='' trust=remote scheme=https origin='' realm='' bundle=''
declare -A port=([registry]='' [notary]='' [signer]='' [realm]='')
while (($#)); do
  case $1 in
    --http) scheme=http ;;
    --trust | --realm | --auth-realm | --auth-cert | --*-port)
      (($# > 1)) || fail "$1 wants a value"
      case $1 in
        --trust) trust=$2 ;;
        --realm) origin=$2 ;;
        --auth-realm) realm=$2 ;;
        --auth-cert) bundle=$(realpath "$2") ;;
        *)
          name=${1#--} name=${name%-port}
          [[ -v port[$name] ]] || fail "no such option: $1"
          port[$name]=$2
          ;;
      esac
      shift
      ;;
    -*) fail "no such option: $1" ;;
    *)
      [[ -z $work ]] || fail "two folders: $work and $1"
      work=$1
      ;;
  esac
  shift
done
[[ $trust == remote || $trust == local ]] || fail "--trust takes remote or local"
[[ -z $origin || $origin =~ ^https?://[a-z0-9.]+$ ]] || fail "--realm takes http:// or https:// and a host"
[[ -z $realm || -n $bundle ]] || fail "--auth-realm needs --auth-cert"
[[ -z $realm || -z $origin ]] || fail "--realm or --auth-realm, not both"

for need in notary-server:notary notary-signer:notary docker-registry:docker-registry openssl:openssl \
  python3:python3 flock:util-linux setpriv:util-linux; do
  command -v "${need%:*}" >/dev/null || fail "${need%:*} is missing: apt-get install ${need#*:}"
done

pids=() temporary=''
stop() {
  exec 2>/dev/null # bash would tell of each that it was killed
  ((${#pids[@]} == 0)) || kill -KILL "${pids[@]}" || true
  wait || true
  [[ -z $temporary ]] || rm -rf "$temporary"
}
trap stop EXIT
trap 'exit 0' INT TERM HUP

umask 077
if [[ -z $work ]]; then
  temporary=$(mktemp -d)
  work=$temporary
fi
mkdir -p "$work/registry"
work=$(cd "$work" && pwd)
"$here/certificates.sh" "$work/tls"

# Two starts at once must not choose the same port: one at a time, until the servers listen. Below
# the range that the system gives to whoever asks for any port.
exec {lock}>"${TMPDIR:-/tmp}/test-servers-$UID.lock"
flock "$lock"
listens() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
for name in registry notary signer realm; do
  while [[ -z ${port[$name]} ]]; do
    chosen=$((20000 + SRANDOM % 12000))
    [[ " ${port[*]} " == *" $chosen "* ]] || listens "$chosen" || port[$name]=$chosen
  done
  ! listens "${port[$name]}" || fail "port ${port[$name]} is in use"
done

launch() { # NAME COMMAND…: in WORKDIR; waits until it listens. It dies with this script, killed or not
  local pid tries=0
  (cd "$work" && exec setpriv --pdeathsig KILL "${@:2}" >"$work/$1.log" 2>&1 {lock}>&-) <&0 &
  pid=$!
  pids+=("$pid")
  until listens "${port[$1]}"; do
    if ((++tries > 600)) || ! kill -0 "$pid" 2>/dev/null; then
      tail -n 5 "$work/$1.log" >&2
      fail "$1 did not start"
    fi
    sleep 0.05
  done
}
cat >"$work/registry.yml" <<YML
version: 0.1
log: {level: warn}
storage:
  filesystem: {rootdirectory: "$work/registry"}
http: {addr: "127.0.0.1:${port[registry]}"}
YML
launch registry docker-registry serve registry.yml

service='{"type": "local"}'
if [[ $trust == remote ]]; then
  cat >"$work/signer.json" <<JSON
{"server": {"grpc_addr": "127.0.0.1:${port[signer]}", "tls_cert_file": "tls/server.crt",
            "tls_key_file": "tls/server.key", "client_ca_file": "tls/ca.crt"},
 "storage": {"backend": "memory"}}
JSON
  launch signer notary-signer -config signer.json
  service="{\"type\": \"remote\", \"hostname\": \"127.0.0.1\", \"port\": \"${port[signer]}\",
    \"tls_ca_file\": \"tls/ca.crt\", \"tls_client_cert\": \"tls/server.crt\",
    \"tls_client_key\": \"tls/server.key\", \"key_algorithm\": \"ecdsa\"}"
fi

if [[ -n $origin ]]; then
  realm=$origin:${port[realm]}/token bundle=$work/tls/ca.crt
  launch realm python3 "$here/realm.py" "$work" --url "$realm"
fi
auth=''
if [[ -n $realm ]]; then
  auth=", \"auth\": {\"type\": \"token\", \"options\": {\"realm\": \"$realm\", \"service\": \"test-notary\",
    \"issuer\": \"test-realm\", \"rootcertbundle\": \"$bundle\"}}"
fi
tls=', "tls_cert_file": "tls/server.crt", "tls_key_file": "tls/server.key"'
[[ $scheme == https ]] || tls=''
cat >"$work/notary.json" <<JSON
{"server": {"http_addr": "127.0.0.1:${port[notary]}"$tls},
 "trust_service": $service,
 "storage": {"backend": "memory"},
 "logging": {"level": "info"}$auth}
JSON
launch notary notary-server -config notary.json
exec {lock}>&-

cat >"$work/env" <<ENV
export TRUST_URL='$scheme://127.0.0.1:${port[notary]}'
export TRUST_CA='$work/tls/ca.crt'
export TRUST_WORK='$work'
export REGISTRY='127.0.0.1:${port[registry]}'
export REALM_URL='$realm'
ENV
sed -E "s/^export //; s/'//g" "$work/env"
printf 'ready\n'
while read -r _; do :; done
