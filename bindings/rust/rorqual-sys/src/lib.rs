//! `rorqual.h` in Rust, name for name. The header is the manual; its words stand at each declaration. Safe to use is the crate `rorqual`.
//!
//! `RQ_..._INIT` is the constant `INIT` of its struct:
//!
//! ```
//! let mut err = rorqual_sys::rq_error::INIT;
//! let mut source = std::ptr::null_mut();
//! // SAFETY: pointers of the sizes named, and a length that is that of the path.
//! let status = unsafe { rorqual_sys::rq_source_create_path("x".as_ptr().cast(), 1, &mut source, &mut err) };
//! assert_eq!(status, rorqual_sys::RQ_OK);
//! // SAFETY: freed once.
//! unsafe { rorqual_sys::rq_source_free(source) };
//! ```
#![allow(non_camel_case_types)]
#![allow(rustdoc::broken_intra_doc_links, rustdoc::invalid_html_tags)] // comments of C fields are no Markdown

#[rustfmt::skip]
mod bindings;
pub use bindings::*;
