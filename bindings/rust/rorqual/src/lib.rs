//! Runs DeepSeek-family models inside your own process.
//!
//! ```
//! use rorqual::{GenerationOptions, Model};
//!
//! # fn main() -> rorqual::Result<()> {
//! # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../examples/models/tale");
//! let model = Model::open(path)?;
//! let mut session = model.session()?;
//! session.sync(&model.encode_prompt("Once upon a time")?)?;
//! for piece in session.generate(&GenerationOptions { limit: 40, ..Default::default() })? {
//!     print!("{}", piece?.text);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! A [`Model`] is immutable and cheap to clone; any number of threads may use it at once. A [`Session`] is one timeline of it, used by
//! one thread at a time. A [`Generation`] is an iterator that borrows its session; leaving the loop ends it. Everything is freed when
//! it is dropped, in any order. What goes wrong is an [`Error`]: a code and the library's sentence.
//!
//! What is not here (executors, allocators, operations on plain arrays) is in `rorqual-sys`.
#![deny(missing_docs, unsafe_op_in_unsafe_fn)]

mod batch;
mod call;
mod callback;
mod completion;
mod convert;
mod error;
mod generation;
mod grammar;
mod model;
mod prompt;
mod session;
mod source;
#[cfg(feature = "stream")]
mod stream;
mod tokenizer;

pub use batch::{evaluate_batch, Batched};
pub use completion::{Completion, Part};
pub use convert::{pack, quantize, Progress, QuantizeOptions};
pub use error::{Code, Error, Result};
pub use generation::{Finish, Generation, GenerationOptions, Piece, Sampling};
pub use grammar::Grammar;
pub use model::{Info, Level, Model, ModelOptions, Plan, Tensor, Tensors};
pub use prompt::{Prompt, PromptOptions};
pub use session::{CacheType, CancelHandle, Drafting, Metrics, Mode, Session, SessionOptions, Synced};
pub use source::Source;
#[cfg(feature = "stream")]
pub use stream::GenerationStream;
pub use tokenizer::{Decoder, Tokenizer};

/// The version of the library that is running: major, minor, patch.
pub fn version() -> (u32, u32, u32) {
    // SAFETY: cannot fail.
    let version = unsafe { rorqual_sys::rq_version() };
    (version / 1_000_000, version / 1_000 % 1_000, version % 1_000)
}
