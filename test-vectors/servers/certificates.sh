#!/usr/bin/env bash
# Make what servers on loopback need to be believed, for tests.
#
#   certificates.sh FOLDER
#
# FOLDER receives ca.crt, the test authority, and by it server (TLS of every server here), client
# (a client certificate) and token (signs tokens): NAME.crt and NAME.key each. What is there stays.
set -euo pipefail

fail() {
  printf 'certificates.sh: %s\n' "$1" >&2
  exit 1
}

(($# == 1)) || fail "usage: certificates.sh FOLDER"
command -v openssl >/dev/null || fail "openssl is missing: apt-get install openssl"
[[ ! -s $1/token.crt ]] || exit 0
umask 077
mkdir -p "$1"
cd "$1"

cat >openssl.cnf <<'CNF'
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[leaf]
basicConstraints = CA:FALSE
keyUsage = digitalSignature
extendedKeyUsage = serverAuth,clientAuth
subjectAltName = DNS:localhost,IP:127.0.0.1
CNF

make() { # NAME SECTION OPTION…
  openssl req -x509 -config openssl.cnf -extensions "$2" -sha256 -days 365 -nodes -subj "/CN=loopback test $1" \
    -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -keyout "$1.key" -out "$1.crt" "${@:3}" 2>openssl.log ||
    fail "$(<openssl.log)"
}
make ca authority
for name in server client token; do
  make "$name" leaf -CA ca.crt -CAkey ca.key
done
