//! glibc finds a service of nsswitch.conf by the name `libnss_SERVICE.so.2`: libgreen is one
//! (`src/glibc/name_service.rs`), and already loaded, when it is called so.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libnss_green.so.2");
}
