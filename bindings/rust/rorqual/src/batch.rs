//! Several sessions in one evaluation.

use crate::call::call;
use crate::{Error, Generation, Result, Session};
use rorqual_sys as sys;

/// What can stand in a batch: a [`Session`], or the [`Generation`] under way on one.
pub trait Batched: sealed::Sealed {}

impl Batched for Session {}
impl Batched for Generation<'_> {}

mod sealed {
    use super::{sys, Generation, Session};

    pub trait Sealed {
        fn handle(&mut self) -> *mut sys::rq_session;
    }
    impl Sealed for Session {
        fn handle(&mut self) -> *mut sys::rq_session {
            self.pointer()
        }
    }
    impl Sealed for Generation<'_> {
        fn handle(&mut self) -> *mut sys::rq_session {
            self.session_pointer()
        }
    }
}

/// Evaluates what [`Session::logits`] of each evaluates, together: each weight that several of them need is read once. Afterwards the logits,
/// or the next piece of a generation, take no evaluation, and are what they are without this.
///
/// What came of each: one that failed is as it was, and the others take no notice. Sessions of other models or modes are evaluated one
/// after another. Fails as a whole, before anything is evaluated, for an empty timeline.
pub fn evaluate_batch(members: &mut [&mut dyn Batched]) -> Result<Vec<Result<()>>> {
    let handles: Vec<_> = members.iter_mut().map(|member| member.handle()).collect();
    let mut errors = vec![sys::rq_error::INIT; handles.len()];
    // SAFETY: live handles, each borrowed for this call alone, so that none stands twice; one place for the error of each.
    let all = call(|err| unsafe {
        sys::rq_session_evaluate_batch(handles.as_ptr(), handles.len(), errors.as_mut_ptr(), err)
    });
    let failed = errors.iter().any(|error| error.code != sys::RQ_OK);
    match all {
        Err(error) if !failed => Err(error),
        _ => Ok(errors.iter().map(|error| if error.code == sys::RQ_OK { Ok(()) } else { Err(Error::of(error)) }).collect()),
    }
}
