//! Calls into the library: statuses become results, buffers become strings and vectors.

use crate::{Code, Error, Result};
use rorqual_sys as sys;
use std::os::raw::c_char;
use std::path::Path;
use std::ptr::{null_mut, NonNull};

/// Runs a call that reports through the `rq_error` it is given.
pub(crate) fn call(f: impl FnOnce(*mut sys::rq_error) -> i32) -> Result<()> {
    let mut err = sys::rq_error::INIT;
    match f(&mut err) {
        sys::RQ_OK => Ok(()),
        _ => Err(Error::of(&err)),
    }
}

/// A path as the library takes it: UTF-8.
pub(crate) fn utf8(path: &Path) -> Result<&str> {
    path.to_str().ok_or_else(|| Error::new(Code::InvalidArgument, format!("path: not UTF-8: {}", path.display())))
}

/// A call that makes a handle.
pub(crate) fn create<T>(f: impl FnOnce(*mut *mut T, *mut sys::rq_error) -> i32) -> Result<NonNull<T>> {
    let mut out = null_mut();
    call(|err| f(&mut out, err))?;
    Ok(NonNull::new(out).expect("a call that succeeds returns a handle"))
}

/// An out-text of the header: asked for its length, then for itself.
pub(crate) fn text(f: impl Fn(*mut c_char, usize, *mut usize, *mut sys::rq_error) -> i32) -> Result<String> {
    let mut length = 0;
    call(|err| f(null_mut(), 0, &mut length, err))?;
    let mut buffer = vec![0u8; length + 1];
    call(|err| f(buffer.as_mut_ptr().cast(), buffer.len(), &mut length, err))?;
    buffer.truncate(length);
    Ok(String::from_utf8(buffer).unwrap_or_else(|bad| String::from_utf8_lossy(bad.as_bytes()).into_owned()))
}

/// Out-ids of the header.
pub(crate) fn ids(f: impl Fn(*mut i32, usize, *mut usize, *mut sys::rq_error) -> i32) -> Result<Vec<i32>> {
    let mut count = 0;
    call(|err| f(null_mut(), 0, &mut count, err))?;
    let mut tokens = vec![0; count];
    call(|err| f(tokens.as_mut_ptr(), tokens.len(), &mut count, err))?;
    tokens.truncate(count);
    Ok(tokens)
}

/// `count` values that the library lends; none where it lends no pointer.
///
/// # Safety
/// `data` is NULL or leads to `count` values that stay as they are for `'a`.
pub(crate) unsafe fn lent<'a, T>(data: *const T, count: usize) -> &'a [T] {
    if data.is_null() {
        return &[];
    }
    // SAFETY: the caller's promise.
    unsafe { std::slice::from_raw_parts(data, count) }
}

/// Text that the library lends.
///
/// # Safety
/// As for [`lent`].
pub(crate) unsafe fn lent_text<'a>(data: *const c_char, length: usize) -> std::borrow::Cow<'a, str> {
    // SAFETY: the caller's promise.
    String::from_utf8_lossy(unsafe { lent(data.cast::<u8>(), length) })
}
