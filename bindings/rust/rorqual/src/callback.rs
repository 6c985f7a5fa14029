//! Closures behind C callbacks. A panic must not cross the library: it stops the call and goes on when the call has returned.

use std::any::Any;
use std::panic::{catch_unwind, resume_unwind, AssertUnwindSafe};
use std::sync::Mutex;

/// Where a panic waits for the call to return.
#[derive(Default)]
pub(crate) struct Panic(Mutex<Option<Box<dyn Any + Send>>>);

impl Panic {
    /// Runs a closure; 0 where it returned true, 1 where it returned false or panicked.
    pub(crate) fn catch(&self, f: impl FnOnce() -> bool) -> i32 {
        match catch_unwind(AssertUnwindSafe(f)) {
            Ok(go_on) => i32::from(!go_on),
            Err(payload) => {
                *self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = Some(payload);
                1
            }
        }
    }

    /// Lets a panic that was caught go on.
    pub(crate) fn resume(&self) {
        let payload = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take();
        if let Some(payload) = payload {
            resume_unwind(payload);
        }
    }
}
