use crate::call::{call, create, lent_text};
use crate::Result;
use rorqual_sys as sys;
use std::ptr::{null, NonNull};

/// A piece of an answer that is certain.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Part {
    /// Text the model thinks.
    Reasoning(String),
    /// Text of the answer.
    Content(String),
    /// A call begins: the name of the function.
    ToolCall(String),
    /// More of the arguments of the call that began last: all of a call joined are its JSON.
    Arguments(String),
    /// A kind of a newer library.
    Other(i32, String),
}

/// What a model writes, read while it is written: reasoning apart from the answer, calls of tools as they arrive.
///
/// ```
/// # use rorqual::{Completion, Part};
/// # fn main() -> rorqual::Result<()> {
/// let mut completion = Completion::new("v3.1", true)?; // the format and `thinking` of the prompt
/// for piece in ["Hm.</th", "ink>Yes.<｜end▁of▁sentence｜>"] { // generated with `special`
///     completion.feed(piece)?;
///     while let Some(part) = completion.take()? {
///         println!("{:?}", part);
///     }
/// }
/// let message = completion.finish()?; // JSON, ready for the array of `Prompt::new`
/// # assert!(message.contains("Yes."));
/// # Ok(())
/// # }
/// ```
///
/// Nothing is given out that could still be part of a marker; all parts joined do not depend on how the text was cut. The marker that
/// ends an answer belongs to the text: feed it where a generation stopped at it without showing it. After an error only
/// [`take`](Completion::take) is left.
pub struct Completion {
    handle: NonNull<sys::rq_completion>,
}

// SAFETY: rorqual.h, rq_completion: "One thread at a time." Every call needs `&mut self`.
unsafe impl Send for Completion {}
unsafe impl Sync for Completion {}

impl Completion {
    /// Begins to read an answer; [`Code::NotFound`](crate::Code::NotFound) for a format that does not exist.
    pub fn new(format: &str, thinking: bool) -> Result<Completion> {
        // SAFETY: a pointer and its length, copied.
        let handle = create(|out, err| unsafe {
            sys::rq_completion_create(format.as_ptr().cast(), format.len(), thinking.into(), out, err)
        })?;
        Ok(Completion { handle })
    }

    /// More of the text. [`Code::Corrupt`](crate::Code::Corrupt) with the byte where it is no answer of the format.
    pub fn feed(&mut self, text: &str) -> Result<()> {
        // SAFETY: a live handle; a pointer and its length, copied.
        call(|err| unsafe { sys::rq_completion_feed(self.handle.as_ptr(), text.as_ptr().cast(), text.len(), err) })
    }

    /// The next part that is certain, where there is one.
    pub fn take(&mut self) -> Result<Option<Part>> {
        let (mut kind, mut text, mut length) = (sys::RQ_PART_NONE, null(), 0);
        // SAFETY: a live handle; the text is "borrowed until the next call of this function", and copied before.
        let text = unsafe {
            call(|err| sys::rq_completion_next(self.handle.as_ptr(), &mut kind, &mut text, &mut length, err))?;
            lent_text(text, length).into_owned()
        };
        Ok(match kind {
            sys::RQ_PART_NONE => None,
            sys::RQ_PART_REASONING => Some(Part::Reasoning(text)),
            sys::RQ_PART_CONTENT => Some(Part::Content(text)),
            sys::RQ_PART_TOOL_CALL => Some(Part::ToolCall(text)),
            sys::RQ_PART_ARGUMENTS => Some(Part::Arguments(text)),
            other => Some(Part::Other(other, text)),
        })
    }

    /// The end of the text: what was held back becomes a part, also where the answer is refused. The whole answer as a JSON message, ready
    /// for the array of [`Prompt::new`](crate::Prompt::new).
    pub fn finish(&mut self) -> Result<String> {
        let (mut text, mut length) = (null(), 0);
        // SAFETY: a live handle; the text is "borrowed until rq_completion_free", and copied before.
        unsafe {
            call(|err| sys::rq_completion_finish(self.handle.as_ptr(), &mut text, &mut length, err))?;
            Ok(lent_text(text, length).into_owned())
        }
    }
}

impl Drop for Completion {
    fn drop(&mut self) {
        // SAFETY: freed once.
        unsafe { sys::rq_completion_free(self.handle.as_ptr()) }
    }
}
