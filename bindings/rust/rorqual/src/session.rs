use crate::call::{call, create, lent, utf8};
use crate::{Generation, GenerationOptions, Model, Result, Source};
use rorqual_sys as sys;
use std::cell::Cell;
use std::marker::PhantomData;
use std::path::Path;
use std::ptr::{null, null_mut, NonNull};
use std::sync::{Arc, Weak};

/// How a session computes.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Mode {
    /// The library's choice: fast for models with quantised weights, else exact.
    #[default]
    Default,
    /// Weights as stored, activations and sums in f32.
    Exact,
    /// int8 activations where weights are quantised, and for all the cheapest way to compute.
    Fast,
}

impl Mode {
    fn raw(self) -> i32 {
        match self {
            Mode::Default => sys::RQ_MODE_DEFAULT,
            Mode::Exact => sys::RQ_MODE_EXACT,
            Mode::Fast => sys::RQ_MODE_FAST,
        }
    }

    pub(crate) fn from_raw(mode: i32) -> Mode {
        match mode {
            sys::RQ_MODE_EXACT => Mode::Exact,
            sys::RQ_MODE_FAST => Mode::Fast,
            _ => Mode::Default,
        }
    }
}

/// How earlier tokens are remembered.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum CacheType {
    /// The library's choice: int8 in mode fast where the model has it, else f32.
    #[default]
    Default,
    /// As computed.
    F32,
    /// Half the memory.
    Bf16,
    /// A quarter.
    Int8,
    /// A quarter, for DeepSeek-V4: in 8 and 4 bits, as the model was trained.
    Compact,
}

/// Who guesses tokens ahead of a generation. What is written stays the same.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Drafting {
    /// Nobody.
    #[default]
    None,
    /// What followed the last tokens where they stood before: for answers that repeat their prompt.
    Lookup,
    /// The model's own layer for it.
    Head,
}

/// How a session is made. `Default` is the library's choice of everything.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SessionOptions {
    /// How it computes.
    pub mode: Mode,
    /// How it remembers.
    pub cache: CacheType,
    /// In mode exact: long pieces may be computed by whichever method is quicker; results then agree to rounding.
    pub relaxed: bool,
    /// Room in tokens; 0 = as many as the model supports.
    pub context: u64,
    /// A prompt is evaluated in pieces of at most so many tokens; 0 = 2048.
    pub chunk: u64,
    /// Who guesses tokens ahead of a generation, for the model to verify several at a time.
    pub drafting: Drafting,
    /// Guesses at most before they are verified, up to 15; 0 = the library's choice.
    pub draft_tokens: u32,
}

impl SessionOptions {
    pub(crate) fn raw(&self) -> sys::rq_session_options {
        let mut options = sys::rq_session_options::INIT;
        options.mode = self.mode.raw();
        options.cache = match self.cache {
            CacheType::Default => sys::RQ_CACHE_DEFAULT,
            CacheType::F32 => sys::RQ_CACHE_F32,
            CacheType::Bf16 => sys::RQ_CACHE_BF16,
            CacheType::Int8 => sys::RQ_CACHE_INT8,
            CacheType::Compact => sys::RQ_CACHE_COMPACT,
        };
        options.relaxed = self.relaxed.into();
        options.context = self.context;
        options.chunk = self.chunk;
        options.drafting = match self.drafting {
            Drafting::None => sys::RQ_DRAFTING_NONE,
            Drafting::Lookup => sys::RQ_DRAFTING_LOOKUP,
            Drafting::Head => sys::RQ_DRAFTING_HEAD,
        };
        options.draft_tokens = self.draft_tokens;
        options
    }
}

/// What [`Session::sync`] did.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Synced {
    /// Tokens that were there already.
    pub kept: usize,
    /// Tokens that were evaluated now.
    pub evaluated: usize,
}

/// Counters of a session since its creation; a fork starts anew.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Metrics {
    /// Evaluated together with others.
    pub prefill_tokens: u64,
    /// Wall time of these evaluations.
    pub prefill_seconds: f64,
    /// Evaluated alone, or with guesses of what follows.
    pub decode_tokens: u64,
    /// Wall time of these evaluations.
    pub decode_seconds: f64,
    /// What all layers remember now; memory shared with forks counts fully in each.
    pub cache_bytes: u64,
    /// Buffers, allocated once when the session was made.
    pub scratch_bytes: u64,
    /// Evaluated along with decoded tokens, because they might follow.
    pub guesses: u64,
    /// Of these, what was drawn then.
    pub kept_guesses: u64,
}

pub(crate) struct SessionHandle {
    pointer: NonNull<sys::rq_session>,
    model: Model, // its log and memory are in use until the session is freed
}

// SAFETY: rorqual.h, rq_session: "One thread at a time, any thread." Shared handles, which CancelHandle makes, are used for
// rq_session_cancel alone: "Thread: any, also in a signal handler, at any time until rq_session_free".
unsafe impl Send for SessionHandle {}
unsafe impl Sync for SessionHandle {}

impl SessionHandle {
    pub(crate) fn new(pointer: NonNull<sys::rq_session>, model: Model) -> SessionHandle {
        SessionHandle { pointer, model }
    }
}

impl Drop for SessionHandle {
    fn drop(&mut self) {
        // SAFETY: freed once, by the last of the session and the cancels under way.
        unsafe { sys::rq_session_free(self.pointer.as_ptr()) }
    }
}

/// One timeline of a model: the tokens so far and what each layer remembers of them. Can be sent to another thread, but not shared:
///
/// ```compile_fail,E0277
/// fn shared<T: Sync>() {}
/// shared::<rorqual::Session>();
/// ```
pub struct Session {
    handle: Arc<SessionHandle>,
    one_thread_at_a_time: PhantomData<Cell<()>>, // Send, not Sync
}

impl Session {
    pub(crate) fn new(handle: SessionHandle) -> Session {
        Session { handle: Arc::new(handle), one_thread_at_a_time: PhantomData }
    }

    pub(crate) fn pointer(&self) -> *mut sys::rq_session {
        self.handle.pointer.as_ptr()
    }

    /// Its model.
    pub fn model(&self) -> &Model {
        &self.handle.model
    }

    /// Makes the timeline equal to a prompt: keeps the common prefix, forgets the rest, evaluates only what is new.
    pub fn sync(&mut self, tokens: &[i32]) -> Result<Synced> {
        let (mut kept, mut evaluated) = (0, 0);
        // SAFETY: a live handle; a pointer and its length.
        call(|err| unsafe {
            let (ids, count) = (tokens.as_ptr(), tokens.len());
            sys::rq_session_sync(self.pointer(), ids, count, &mut kept, &mut evaluated, err)
        })?;
        Ok(Synced { kept, evaluated })
    }

    /// Evaluates tokens after the last one.
    pub fn append(&mut self, tokens: &[i32]) -> Result<()> {
        // SAFETY: a live handle; a pointer and its length.
        call(|err| unsafe { sys::rq_session_append(self.pointer(), tokens.as_ptr(), tokens.len(), null_mut(), 0, err) })
    }

    /// Evaluates tokens after the last one and returns the logits after each of them: \[tokens.len(), vocab_size\], row by row.
    pub fn append_logits(&mut self, tokens: &[i32]) -> Result<Vec<f32>> {
        let mut logits = vec![0.0; tokens.len() * self.model().info()?.vocab_size as usize];
        // SAFETY: a live handle; pointers and their lengths.
        call(|err| unsafe {
            let (ids, count) = (tokens.as_ptr(), tokens.len());
            sys::rq_session_append(self.pointer(), ids, count, logits.as_mut_ptr(), logits.len(), err)
        })?;
        Ok(logits)
    }

    /// Forgets all tokens from `length` on: exactly the state of a session that never saw them.
    pub fn rewind(&mut self, length: usize) -> Result<()> {
        // SAFETY: a live handle.
        call(|err| unsafe { sys::rq_session_rewind(self.pointer(), length, err) })
    }

    /// An independent session with the same timeline; memory is shared as far as it can be.
    pub fn fork(&mut self) -> Result<Session> {
        // SAFETY: a live handle.
        let handle = create(|out, err| unsafe { sys::rq_session_fork(self.pointer(), out, err) })?;
        Ok(Session::new(SessionHandle::new(handle, self.model().clone())))
    }

    /// Writes the timeline to a file, which gets its name when it is whole.
    pub fn save(&mut self, path: impl AsRef<Path>) -> Result<()> {
        let path = utf8(path.as_ref())?;
        // SAFETY: a live handle; a pointer and its length.
        call(|err| unsafe { sys::rq_session_save(self.pointer(), path.as_ptr().cast(), path.len(), err) })
    }

    /// Makes the timeline the one that was saved, to the bit, or leaves it as it is. Only with the model, mode and cache it was saved with.
    pub fn load(&mut self, source: &Source) -> Result<()> {
        // SAFETY: live handles; the source is "read during the call only".
        source.with(|source| call(|err| unsafe { sys::rq_session_load(self.pointer(), source, err) }))
    }

    /// The logits after the last token: \[vocab_size\]. After a rewind the last token is evaluated again to have them.
    pub fn logits(&mut self) -> Result<&[f32]> {
        let (mut logits, mut count) = (null(), 0);
        // SAFETY: a live handle; "borrowed until the next call that evaluates or changes the session", which need `&mut self`.
        unsafe {
            call(|err| sys::rq_session_logits(self.pointer(), &mut logits, &mut count, err))?;
            Ok(lent(logits, count))
        }
    }

    /// The tokens of the timeline, oldest first.
    pub fn tokens(&self) -> Result<&[i32]> {
        let (mut tokens, mut count) = (null(), 0);
        // SAFETY: as for `logits`.
        unsafe {
            call(|err| sys::rq_session_tokens(self.pointer(), &mut tokens, &mut count, err))?;
            Ok(lent(tokens, count))
        }
    }

    /// How many tokens the timeline has.
    pub fn length(&self) -> Result<usize> {
        let mut length = 0;
        // SAFETY: a live handle.
        call(|err| unsafe { sys::rq_session_length(self.pointer(), &mut length, err) })?;
        Ok(length)
    }

    /// How many tokens fit into the timeline.
    pub fn capacity(&self) -> Result<usize> {
        let mut capacity = 0;
        // SAFETY: a live handle.
        call(|err| unsafe { sys::rq_session_capacity(self.pointer(), &mut capacity, err) })?;
        Ok(capacity)
    }

    /// The counters.
    pub fn metrics(&self) -> Result<Metrics> {
        let mut metrics = sys::rq_metrics::INIT;
        // SAFETY: a live handle; `metrics` is filled in.
        call(|err| unsafe { sys::rq_session_metrics(self.pointer(), &mut metrics, err) })?;
        Ok(Metrics {
            prefill_tokens: metrics.prefill_tokens,
            prefill_seconds: metrics.prefill_seconds,
            decode_tokens: metrics.decode_tokens,
            decode_seconds: metrics.decode_seconds,
            cache_bytes: metrics.cache_bytes,
            scratch_bytes: metrics.scratch_bytes,
            guesses: metrics.guesses,
            kept_guesses: metrics.kept_guesses,
        })
    }

    /// Starts a generation after the last token, which draws a token each time it is asked for the next piece.
    pub fn generate(&mut self, options: &GenerationOptions) -> Result<Generation<'_>> {
        Generation::new(self, options)
    }

    /// What stops this session from another thread.
    pub fn cancel_handle(&self) -> CancelHandle {
        CancelHandle(Arc::downgrade(&self.handle))
    }
}

/// Stops the evaluation that runs on a session, from any thread. Does not keep the session alive.
#[derive(Clone)]
pub struct CancelHandle(Weak<SessionHandle>);

impl CancelHandle {
    /// The running call returns [`Code::Cancelled`](crate::Code::Cancelled). When none is running, the next one is stopped instead, once.
    /// Nothing happens where the session is gone.
    pub fn cancel(&self) {
        if let Some(session) = self.0.upgrade() {
            // SAFETY: "Thread: any ... at any time until rq_session_free", which waits for `session` here.
            unsafe { sys::rq_session_cancel(session.pointer.as_ptr()) }
        }
    }
}
