//! Writing models.

use crate::call::{call, lent_text, utf8};
use crate::callback::Panic;
use crate::{Result, Source};
use rorqual_sys as sys;
use std::os::raw::{c_char, c_void};
use std::path::Path;

/// How far a conversion is.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Progress<'a> {
    #[allow(missing_docs)]
    pub done_bytes: u64,
    #[allow(missing_docs)]
    pub all_bytes: u64,
    /// The tensor at hand.
    pub tensor: std::borrow::Cow<'a, str>,
}

/// How a model is written.
#[derive(Clone, Debug, Default)]
pub struct QuantizeOptions {
    /// How numbers are stored: "q8_0", "q4_k_m", ... as rorqual.h lists them; empty = "q4_k_m".
    pub format: String,
    /// Every matrix in the format itself, no mix.
    pub pure: bool,
    /// kv_b_proj as two tensors, as llama.cpp's absorbed attention needs it.
    pub split_latent: bool,
    /// Workers including the thread that calls; 0 = one per physical core this process may use.
    pub threads: u32,
}

/// Writes a model as a GGUF file whose matrices are stored in another format. `progress` hears of it a few times a second and stops it by
/// returning false. The file appears only when whole.
pub fn quantize(
    source: &Source,
    path: impl AsRef<Path>,
    options: &QuantizeOptions,
    mut progress: impl FnMut(Progress<'_>) -> bool,
) -> Result<()> {
    let path = utf8(path.as_ref())?;
    let mut watcher = Watcher::new(&mut progress);
    let mut raw = sys::rq_quantize_options::INIT;
    raw.threads = options.threads;
    raw.format = options.format.as_ptr().cast();
    raw.format_len = options.format.len();
    raw.pure = options.pure.into();
    raw.latent = if options.split_latent { sys::RQ_LATENT_SPLIT } else { sys::RQ_LATENT_DEFAULT };
    raw.progress = Some(report);
    raw.user = watcher.user();
    // SAFETY: pointers and their lengths; `watcher` lives longer than the call.
    let written = source
        .with(|source| call(|err| unsafe { sys::rq_quantize(source, path.as_ptr().cast(), path.len(), &raw, err) }));
    watcher.panic.resume();
    written
}

/// Writes a model as one safetensors file that is mapped when opened. `threads` and `progress` as for [`quantize`].
pub fn pack(
    source: &Source,
    path: impl AsRef<Path>,
    threads: u32,
    mut progress: impl FnMut(Progress<'_>) -> bool,
) -> Result<()> {
    let path = utf8(path.as_ref())?;
    let mut watcher = Watcher::new(&mut progress);
    let mut raw = sys::rq_pack_options::INIT;
    raw.threads = threads;
    raw.progress = Some(report);
    raw.user = watcher.user();
    // SAFETY: pointers and their lengths; `watcher` lives longer than the call.
    let written =
        source.with(|source| call(|err| unsafe { sys::rq_pack(source, path.as_ptr().cast(), path.len(), &raw, err) }));
    watcher.panic.resume();
    written
}

struct Watcher<'f> {
    progress: &'f mut dyn FnMut(Progress<'_>) -> bool,
    panic: Panic,
}

impl<'f> Watcher<'f> {
    fn new(progress: &'f mut dyn FnMut(Progress<'_>) -> bool) -> Watcher<'f> {
        Watcher { progress, panic: Panic::default() }
    }

    fn user(&mut self) -> *mut c_void {
        (self as *mut Watcher<'f>).cast()
    }
}

unsafe extern "C" fn report(done: u64, all: u64, tensor: *const c_char, tensor_len: usize, user: *mut c_void) -> i32 {
    // SAFETY: `user` is the Watcher of the call under way, which "runs on the thread that made the call"; the name is "borrowed until the
    // callback returns".
    let (watcher, tensor) = unsafe { (&mut *(user as *mut Watcher<'_>), lent_text(tensor, tensor_len)) };
    let Watcher { progress, panic } = watcher;
    panic.catch(|| progress(Progress { done_bytes: done, all_bytes: all, tensor }))
}
