//! The shared library's own name: what programs that are linked with it look for.

#![allow(clippy::print_stdout)] // cargo is told so

fn main() {
    // The number is that of the interface (TUF_ABI_VERSION): a test holds the two together.
    match std::env::var("CARGO_CFG_TARGET_OS").as_deref() {
        Ok("macos") => println!("cargo:rustc-cdylib-link-arg=-Wl,-install_name,@rpath/libtufverify.1.dylib"),
        Ok("windows") => {}
        _ => println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libtufverify.so.1"),
    }
    println!("cargo:rerun-if-changed=build.rs");
}
