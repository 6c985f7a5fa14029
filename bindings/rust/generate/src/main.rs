//! Writes what `rorqual-sys` declares from `rorqual.h`, docs included:
//!
//! ```text
//! cargo run -p rorqual-generate
//! ```
//!
//! `src/bindings.rs` gets the declarations, `tests/layout/declared.rs` their names, which a test compares with the C compiler's layout. The
//! header is plain on purpose (no unions, bit-fields or macros in declarations); whatever this program does not understand is an error.

mod header;
mod lexer;
mod rust;

use std::error::Error;
use std::path::{Path, PathBuf};

fn rorqual_sys() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../rorqual-sys")
}

/// `rorqual.h` with its parts in place of the lines that include them.
fn header_text() -> std::io::Result<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../capi/include/rorqual");
    let mut text = String::new();
    for line in std::fs::read_to_string(folder.join("rorqual.h"))?.lines() {
        match line.strip_prefix("#include \"c/").and_then(|rest| rest.split('"').next()) {
            Some(part) => text += &std::fs::read_to_string(folder.join("c").join(part))?,
            None => text += line,
        }
        text.push('\n');
    }
    Ok(text)
}

/// The generated files: path and text.
fn generated() -> Result<Vec<(PathBuf, String)>, Box<dyn Error>> {
    let items = header::parse(&header_text()?)?;
    Ok(vec![
        (rorqual_sys().join("src/bindings.rs"), rust::declarations(&items)),
        (rorqual_sys().join("tests/layout/declared.rs"), rust::names(&items)),
    ])
}

fn main() -> Result<(), Box<dyn Error>> {
    for (path, text) in generated()? {
        std::fs::write(path, text)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn committed_bindings_are_those_of_the_header() {
        for (path, text) in super::generated().unwrap() {
            let committed = std::fs::read_to_string(&path).unwrap_or_default();
            assert!(committed == text, "{} is not what rorqual.h gives: cargo run -p rorqual-generate", path.display());
        }
    }
}
