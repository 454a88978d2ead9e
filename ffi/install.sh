#!/bin/sh
# Installs libtufverify: shared library, static library, header and pkg-config file.
#
#   ffi/install.sh PREFIX            builds the release, and installs it below PREFIX
#   ffi/install.sh PREFIX FOLDER     installs the libraries that lie in FOLDER
#
# DESTDIR is put before PREFIX, as packagers want it.
set -eu

fail() {
  printf 'install.sh: %s\n' "$1" >&2
  exit 1
}

[ $# -eq 1 ] || [ $# -eq 2 ] || fail 'it takes PREFIX, and the folder of libraries that are built already'
case $1 in
  /*) prefix=${DESTDIR:-}${1%/} ;;
  *) fail 'PREFIX is an absolute path' ;;
esac
here=$(cd "$(dirname "$0")" && pwd)

# What a program needs that is linked with the static library: `static_libraries` among the tests holds
# it against the compiler's word.
native='-lgcc_s -lutil -lrt -lpthread -lm -ldl -lc'
# The number of the interface: TUF_ABI_VERSION.
abi=$(sed -n 's/^#define TUF_ABI_VERSION //p' "$here/include/tufverify.h")
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' "$here/../Cargo.toml")
[ -n "$abi" ] && [ -n "$version" ] || fail 'the versions of interface and library are not found'

if [ $# -eq 2 ]; then
  built=$2
else
  (cd "$here/.." && cargo build --release --locked -p tuf-ffi)
  built=${CARGO_TARGET_DIR:-$here/../target}/release
fi

case $(uname -s) in
  Darwin) shared=libtufverify.dylib own=libtufverify.$abi.dylib ;;
  *) shared=libtufverify.so own=libtufverify.so.$abi ;;
esac
for library in "$built/$shared" "$built/libtufverify.a"; do
  [ -f "$library" ] || fail "there is no $library"
done

mkdir -p "$prefix/lib/pkgconfig" "$prefix/include"
# Programs that run keep the library that they have opened: each file is replaced, never written over.
put() {
  cp "$2" "$3.new"
  chmod "$1" "$3.new"
  mv -f "$3.new" "$3"
}
put 755 "$built/$shared" "$prefix/lib/$own"
ln -sf "$own" "$prefix/lib/$shared"
put 644 "$built/libtufverify.a" "$prefix/lib/libtufverify.a"
put 644 "$here/include/tufverify.h" "$prefix/include/tufverify.h"

# The prefix is relative to this file: the whole tree may be moved.
cat >"$prefix/lib/pkgconfig/tufverify.pc" <<END
prefix=\${pcfiledir}/../..
libdir=\${prefix}/lib
includedir=\${prefix}/include
abi_version=$abi

Name: tufverify
Description: Strict verification of TUF 1.0 and Notary v1 trust data
Version: $version
Libs: -L\${libdir} -ltufverify
Libs.private: $native
Cflags: -I\${includedir}
END
