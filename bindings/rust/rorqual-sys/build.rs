//! Finds librorqual, or builds it: see README.md. Downloads nothing and depends on no other crate.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    for name in ["RORQUAL_LIB_DIR", "RORQUAL_STATIC", "PKG_CONFIG", "PKG_CONFIG_PATH", "CMAKE"] {
        println!("cargo:rerun-if-env-changed={}", name);
    }
    if env::var_os("DOCS_RS").is_some() {
        return; // documentation links nothing
    }
    let archive = env::var("RORQUAL_STATIC").map_or(false, |value| value == "1");
    let found = match env::var_os("RORQUAL_LIB_DIR") {
        Some(folder) => named(&PathBuf::from(folder)),
        None if env::var_os("CARGO_FEATURE_VENDORED").is_some() => {
            build().and_then(|prefix| pkg_config(Some(&prefix), true))
        }
        None => pkg_config(None, archive),
    };
    if let Err(reason) = found {
        eprintln!("rorqual-sys: {}", reason);
        eprintln!("Name the library's folder in RORQUAL_LIB_DIR or that of rorqual.pc in PKG_CONFIG_PATH, or ask for the feature \"vendored\".");
        std::process::exit(1);
    }
}

/// The shared library in a folder that the environment names.
fn named(folder: &Path) -> Result<(), String> {
    let files = ["librorqual.so", "librorqual.dylib"].map(|name| folder.join(name));
    if !files.iter().any(|file| file.exists()) {
        return Err(format!("RORQUAL_LIB_DIR: {} does not exist", files[0].display()));
    }
    link_folder(&folder.display().to_string());
    println!("cargo:rustc-link-lib=dylib=rorqual");
    Ok(())
}

/// `cargo:libdir` reaches the build scripts of crates that depend on this one, as DEP_RORQUAL_LIBDIR.
fn link_folder(folder: &str) {
    println!("cargo:rustc-link-search=native={}", folder);
    println!("cargo:libdir={}", folder);
}

fn run(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| format!("cannot run {:?}: {}", command, error))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(format!("{:?}: {}", command, String::from_utf8_lossy(&output.stderr).trim()))
    }
}

fn program(variable: &str, name: &str) -> Command {
    Command::new(env::var_os(variable).unwrap_or_else(|| name.into()))
}

/// What rorqual.pc says, in the usual places or under `prefix`.
fn pkg_config(prefix: Option<&Path>, archive: bool) -> Result<(), String> {
    let mut command = program("PKG_CONFIG", "pkg-config");
    command.args(["--libs", "rorqual >= 0.1", "rorqual < 0.2"]).env("PKG_CONFIG_ALLOW_SYSTEM_LIBS", "1");
    if archive {
        command.arg("--static");
    }
    if let Some(prefix) = prefix {
        let mut folders = vec![prefix.join("lib/pkgconfig"), prefix.join("lib64/pkgconfig")];
        folders.extend(env::split_paths(&env::var_os("PKG_CONFIG_PATH").unwrap_or_default()));
        command.env("PKG_CONFIG_PATH", env::join_paths(folders).map_err(|error| error.to_string())?);
    }
    for flag in run(&mut command)?.split_whitespace() {
        if flag == "-lrorqual" {
            println!("cargo:rustc-link-lib={}=rorqual", if archive { "static" } else { "dylib" });
        } else if let Some(folder) = flag.strip_prefix("-L") {
            link_folder(folder);
        } else if let Some(library) = flag.strip_prefix("-l") {
            println!("cargo:rustc-link-lib={}", library);
        }
    }
    Ok(())
}

/// Builds and installs the library below OUT_DIR; returns that prefix.
fn build() -> Result<PathBuf, String> {
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").ok_or("CARGO_MANIFEST_DIR is not set")?);
    let source = here.join("vendor"); // links into the repository; files, once the crate is packaged
    println!("cargo:rerun-if-changed={}", source.join("capi").display());
    println!("cargo:rerun-if-changed={}", source.join("src").display());
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?);
    let (tree, prefix) = (out.join("build"), out.join("prefix"));
    let off = ["TESTS", "EXAMPLES", "WERROR"].map(|option| format!("-DRORQUAL_{}=OFF", option));
    run(program("CMAKE", "cmake")
        .arg("-S")
        .arg(&source)
        .arg("-B")
        .arg(&tree)
        .args(off)
        .args(["-DCMAKE_BUILD_TYPE=Release", "-DCMAKE_INSTALL_LIBDIR=lib"]))?;
    let jobs = env::var("NUM_JOBS").unwrap_or_else(|_| "1".into());
    run(program("CMAKE", "cmake").arg("--build").arg(&tree).args(["--parallel", &jobs]))?;
    run(program("CMAKE", "cmake").arg("--install").arg(&tree).arg("--prefix").arg(&prefix))?;
    Ok(prefix)
}
