//! The declarations against what the C compiler and the library know.

use rorqual_sys::*;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::mem::{size_of, MaybeUninit};
use std::process::Command;

/// What Rust and C know of a name: "rq_error.code" -> 4.
type Table = BTreeMap<String, i64>;

macro_rules! structs {
    ($($name:ident { $($field:ident),* })*) => {
        fn structs() -> Table {
            let mut table = Table::new();
            $(
                table.insert(stringify!($name).into(), size_of::<$name>() as i64);
                let value = MaybeUninit::<$name>::uninit();
                $(
                    // SAFETY: takes addresses inside of `value`, reads nothing.
                    let field = unsafe { std::ptr::addr_of!((*value.as_ptr()).$field) } as usize;
                    let offset = field - value.as_ptr() as usize;
                    table.insert(concat!(stringify!($name), ".", stringify!($field)).into(), offset as i64);
                )*
            )*
            table
        }
    };
}
macro_rules! constants {
    ($($name:ident)*) => {
        fn constants() -> Table {
            let mut table = Table::new();
            $(table.insert(stringify!($name).into(), $name as i64);)*
            table
        }
    };
}
macro_rules! functions {
    ($($name:ident)*) => {
        fn functions() -> Vec<*const ()> {
            vec![$($name as *const ()),*]
        }
    };
}
include!("declared.rs");

/// The same table by the C compiler.
fn table_of_c(names: &Table) -> Table {
    let mut lines = String::new();
    for name in names.keys() {
        let value = match name.split_once('.') {
            Some((of, field)) => format!("offsetof({}, {})", of, field),
            None if name.starts_with("rq_") => format!("sizeof({})", name),
            None => name.clone(),
        };
        let _ = writeln!(lines, "    printf(\"{} %lld\\n\", (long long)({}));", name, value);
    }
    let text =
        format!("#include <rorqual/rorqual.h>\n#include <stdio.h>\nint main(void) {{\n{}    return 0;\n}}\n", lines);
    let folder = std::env::temp_dir().join(format!("rorqual-layout-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (source, program) = (folder.join("layout.c"), folder.join("layout"));
    std::fs::write(&source, text).unwrap();
    let include = concat!(env!("CARGO_MANIFEST_DIR"), "/vendor/capi/include");
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".into());
    let status = Command::new(&compiler).arg("-I").arg(include).arg(&source).arg("-o").arg(&program).status().unwrap();
    assert!(status.success(), "{} could not compile the header", compiler);
    let output = Command::new(&program).output().unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    let line =
        |line: &str| line.split_once(' ').map(|(name, value)| (name.to_string(), value.parse().unwrap())).unwrap();
    String::from_utf8(output.stdout).unwrap().lines().map(line).collect()
}

#[test]
fn sizes_offsets_and_constants_are_those_of_the_c_compiler() {
    let mut table = structs();
    table.extend(constants());
    assert!(table.len() > 200);
    assert_eq!(table, table_of_c(&table));
}

#[test]
fn the_library_has_every_function_that_is_declared() {
    let functions = functions();
    assert!(functions.len() > 60 && functions.iter().all(|address| !address.is_null()));
}

#[test]
fn the_library_is_of_the_version_of_the_header() {
    // SAFETY: cannot fail.
    assert_eq!(unsafe { rq_version() }, RQ_VERSION);
}
