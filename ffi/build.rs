//! The shared library's own name, which programs that are linked with it look for; and that it stays once it is loaded.

#![allow(clippy::print_stdout)] // cargo is told so

fn main() {
    // The number is that of the interface (TUF_ABI_VERSION): a test holds the two together.
    match std::env::var("CARGO_CFG_TARGET_OS").as_deref() {
        Ok("macos") => println!("cargo:rustc-cdylib-link-arg=-Wl,-install_name,@rpath/libtufverify.1.dylib"),
        Ok("windows") => {}
        // A panic hook and threads lead into it: dlclose must not take it away from under them.
        _ => println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libtufverify.so.1,-z,nodelete"),
    }
    println!("cargo:rerun-if-changed=build.rs");
}
