use rorqual_sys as sys;
use std::ffi::CStr;
use std::fmt;

/// What kind of thing went wrong.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Code {
    /// A value is outside what the function documents.
    InvalidArgument,
    /// A file, key, tensor or token that is needed is not there.
    NotFound,
    /// The operating system could not read or write.
    Io,
    /// A file contradicts itself or its format.
    Corrupt,
    /// Valid, but this version or this machine cannot do it.
    Unsupported,
    /// An allocation failed.
    NoMemory,
    /// The session has no room for the tokens.
    ContextFull,
    /// [`CancelHandle::cancel`](crate::CancelHandle::cancel) was called.
    Cancelled,
    /// A closure of yours asked to stop or failed.
    Callback,
    /// Not possible now: no logits yet, no tokenizer, used after `fork()`.
    WrongState,
    /// A mistake in the library; the message says where.
    Internal,
    /// A code of a newer library.
    Other(i32),
}

impl From<i32> for Code {
    fn from(code: i32) -> Code {
        match code {
            sys::RQ_ERR_INVALID_ARGUMENT => Code::InvalidArgument,
            sys::RQ_ERR_NOT_FOUND => Code::NotFound,
            sys::RQ_ERR_IO => Code::Io,
            sys::RQ_ERR_CORRUPT => Code::Corrupt,
            sys::RQ_ERR_UNSUPPORTED => Code::Unsupported,
            sys::RQ_ERR_NO_MEMORY => Code::NoMemory,
            sys::RQ_ERR_CONTEXT_FULL => Code::ContextFull,
            sys::RQ_ERR_CANCELLED => Code::Cancelled,
            sys::RQ_ERR_CALLBACK => Code::Callback,
            sys::RQ_ERR_WRONG_STATE => Code::WrongState,
            sys::RQ_ERR_INTERNAL => Code::Internal,
            other => Code::Other(other),
        }
    }
}

/// Why a call failed: a code, and one line that names the file, key, tensor or argument.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Error {
    code: Code,
    message: String,
}

/// What calls return.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Error {
        Error { code, message: message.into() }
    }

    pub(crate) fn of(err: &sys::rq_error) -> Error {
        // SAFETY: rorqual.h, rq_error: "UTF-8, ends with a zero".
        let message = unsafe { CStr::from_ptr(err.message.as_ptr()) };
        Error::new(Code::from(err.code), message.to_string_lossy())
    }

    /// What kind of thing went wrong.
    pub fn code(&self) -> Code {
        self.code
    }

    /// The library's sentence.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}
