//! The declarations of a header in Rust.

use crate::header::{Declaration, Item, Named, Type};
use std::fmt::Write;

const BEGINNING: &str = "\
// Written from rorqual.h by `cargo run -p rorqual-generate`: not to be edited.
";

/// The text of `bindings.rs`.
pub fn declarations(items: &[Item]) -> String {
    let mut out = format!("{}\nuse std::mem::size_of;\nuse std::os::raw::{{c_char, c_void}};\n", BEGINNING);
    for item in items {
        out.push('\n');
        let declaration = match &item.declaration {
            Declaration::Constant { value } => constant(&item.name, value),
            Declaration::Opaque => opaque(&item.name),
            Declaration::Struct { fields } => structure(item, fields),
            Declaration::Callback { of } => format!("pub type {} = {};\n", item.name, rust(of)),
            Declaration::Function { of } => {
                let _ = write!(
                    out,
                    "extern \"C\" {{\n{}    pub fn {}{};\n}}\n",
                    attributes(item, "    "),
                    item.name,
                    signature(of)
                );
                continue;
            }
        };
        out.push_str(&attributes(item, ""));
        out.push_str(&declaration);
    }
    out
}

/// The text of `declared.rs`: names, to be compared with what a C compiler knows of them.
pub fn names(items: &[Item]) -> String {
    let mut out = format!("{}\n", BEGINNING);
    let stable = || items.iter().filter(|item| !item.unstable);
    out.push_str("structs! {\n");
    for item in stable() {
        if let Declaration::Struct { fields } = &item.declaration {
            let fields: Vec<_> = fields.iter().map(|field| field.name.as_str()).collect();
            let _ = writeln!(out, "    {} {{ {} }}", item.name, fields.join(", "));
        }
    }
    out.push_str("}\n\nconstants! {\n");
    for item in stable().filter(|item| matches!(item.declaration, Declaration::Constant { .. })) {
        let _ = writeln!(out, "    {}", item.name);
    }
    out.push_str("}\n\nfunctions! {\n");
    for item in stable().filter(|item| matches!(item.declaration, Declaration::Function { .. })) {
        let _ = writeln!(out, "    {}", item.name);
    }
    out.push_str("}\n");
    out
}

/// Documentation and conditions of an item. The header's sentences are no Markdown: they stand as a block of text.
fn attributes(item: &Item, indent: &str) -> String {
    let mut out = String::new();
    if !item.doc.is_empty() {
        out += &comment(&format!("```text\n{}\n```", item.doc), indent);
    }
    if item.unstable {
        out += indent;
        out += "#[cfg(feature = \"unstable\")]\n";
    }
    out
}

fn comment(text: &str, indent: &str) -> String {
    let lines = text.lines().map(|line| format!("{}/// {}", indent, line).trim_end().to_string() + "\n");
    lines.collect()
}

fn constant(name: &str, value: &str) -> String {
    match value.strip_suffix('u') {
        Some(bits) => format!("pub const {}: u32 = {};\n", name, bits),
        None if name == "RQ_MAX_RANK" => format!("pub const {}: usize = {};\n", name, value),
        None if name.starts_with("RQ_VERSION") => {
            format!("pub const {}: u32 = {};\n", name, value.trim_matches(|c| c == '(' || c == ')'))
        }
        None => format!("pub const {}: i32 = {};\n", name, value),
    }
}

fn opaque(name: &str) -> String {
    format!(
        "#[repr(C)]\npub struct {} {{\n    _opaque: [u8; 0],\n    _not_send: std::marker::PhantomData<*mut u8>,\n}}\n",
        name
    )
}

fn structure(item: &Item, fields: &[Named]) -> String {
    let mut out = format!("#[repr(C)]\n#[derive(Clone, Copy, Debug)]\npub struct {} {{\n", item.name);
    for field in fields {
        let _ = writeln!(out, "{}    pub {}: {},", comment(&field.doc, "    "), field.name, rust(&field.of));
    }
    out.push_str("}\n");
    if item.unstable {
        out.push_str("#[cfg(feature = \"unstable\")]\n");
    }
    let _ =
        writeln!(out, "impl {} {{\n    /// The header's initialiser.\n    pub const INIT: Self = Self {{", item.name);
    for field in fields {
        let value = if field.name == "struct_size" { "size_of::<Self>() as u32".into() } else { zero(&field.of) };
        let _ = writeln!(out, "        {}: {},", field.name, value);
    }
    out.push_str("    };\n}\n");
    out
}

fn zero(of: &Type) -> String {
    match of {
        Type::Named(name) if name == "float" || name == "double" => "0.0".into(),
        Type::Named(name) if name.ends_with("_fn") => "None".into(),
        Type::Named(_) => "0".into(),
        Type::Pointer { constant: true, .. } => "std::ptr::null()".into(),
        Type::Pointer { constant: false, .. } => "std::ptr::null_mut()".into(),
        Type::Array { of, length } => format!("[{}; {}]", zero(of), length),
        Type::Function { .. } => "None".into(),
    }
}

fn rust(of: &Type) -> String {
    match of {
        Type::Named(name) => match name.as_str() {
            "void" => "c_void",
            "char" => "c_char",
            "size_t" => "usize",
            "float" => "f32",
            "double" => "f64",
            "int32_t" => "i32",
            "int64_t" => "i64",
            "uint32_t" => "u32",
            "uint64_t" => "u64",
            other => other,
        }
        .to_string(),
        Type::Pointer { to, constant } => format!("*{} {}", if *constant { "const" } else { "mut" }, rust(to)),
        Type::Array { of, length } => format!("[{}; {}]", rust(of), length),
        Type::Function { .. } => format!("Option<unsafe extern \"C\" fn{}>", signature(of)),
    }
}

fn signature(of: &Type) -> String {
    let (result, parameters) = match of {
        Type::Function { result, parameters } => (result, parameters),
        other => return format!("compile_error!(\"{:?} is no function\")", other),
    };
    let parameters: Vec<_> = parameters.iter().map(|p| format!("{}: {}", p.name, rust(&p.of))).collect();
    match result.as_ref() {
        Type::Named(name) if name == "void" => format!("({})", parameters.join(", ")),
        other => format!("({}) -> {}", parameters.join(", "), rust(other)),
    }
}
