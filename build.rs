//! How the library is linked.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // glibc finds a service of nsswitch.conf by the name `libnss_SERVICE.so.2`: libgreen is one
    // (`src/glibc/name_service.rs`), and already loaded, when it is called so.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libnss_green.so.2");
    // What one hook calls by another's name is that hook, as inside libc, also where the program
    // defines the name itself: its `read` may be made of `__read`.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-Bsymbolic-functions");
}
