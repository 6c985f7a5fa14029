//! Tests and examples of this crate find a library outside of the system's folders where it was linked from.

fn main() {
    if let Ok(folder) = std::env::var("DEP_RORQUAL_LIBDIR") {
        for kind in ["tests", "examples"] {
            println!("cargo:rustc-link-arg-{}=-Wl,-rpath,{}", kind, folder);
        }
    }
}
