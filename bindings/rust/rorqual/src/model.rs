use crate::call::{call, create, ids, lent, lent_text, text};
use crate::session::SessionHandle;
use crate::{Mode, Result, Sampling, Session, SessionOptions, Source, Tokenizer};
use rorqual_sys as sys;
use std::borrow::Cow;
use std::ffi::CStr;
use std::os::raw::{c_char, c_void};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::path::Path;
use std::ptr::NonNull;
use std::sync::Arc;

/// How important a notice is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[allow(missing_docs)]
pub enum Level {
    Error,
    Warning,
    Info,
    Debug,
}

type Log = dyn Fn(Level, &str) + Send + Sync;

/// How a model is opened.
#[derive(Clone, Default)]
pub struct ModelOptions {
    /// Workers including the thread that calls; 0 = one per physical core this process may use.
    pub threads: u32,
    /// Kernels of one instruction set by name ("portable", "avx2"): fails rather than falling back. Empty = the best of this machine.
    pub isa: String,
    /// Read no weights: a model to look at and to tokenize with, which has no sessions.
    pub headers_only: bool,
    /// Receives the library's notices, on the thread that made the call. A panic in it is lost.
    pub log: Option<Arc<Log>>,
}

/// Config, weights and tokenizer of a checkpoint. Immutable; a clone is another handle on the same.
#[derive(Clone)]
pub struct Model(Arc<Inner>);

struct Inner {
    handle: NonNull<sys::rq_model>,
    _memory: Vec<Arc<[u8]>>,
    _log: Option<Box<Arc<Log>>>,
}

// SAFETY: rorqual.h, rq_model: "Immutable: any number of threads may use one at once." What it keeps along is Send and Sync.
unsafe impl Send for Inner {}
unsafe impl Sync for Inner {}

impl Drop for Inner {
    fn drop(&mut self) {
        // SAFETY: freed once, when no clone is left to make a call with. Sessions keep a clone, so the log and the memory stay for them.
        unsafe { sys::rq_model_free(self.handle.as_ptr()) }
    }
}

/// A model's sizes; names as in config.json.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
#[allow(missing_docs)]
pub struct Info {
    /// Workers in use, the calling thread included.
    pub threads: u32,
    /// Text calls work.
    pub has_tokenizer: bool,
    /// Begin of sentence.
    pub bos_token: Option<i32>,
    pub vocab_size: i64,
    pub hidden_size: i64,
    /// num_hidden_layers
    pub layers: i64,
    /// Of these, layers without routed experts.
    pub dense_layers: i64,
    /// num_attention_heads
    pub heads: i64,
    /// Per expert layer; 0 = none.
    pub routed_experts: i64,
    pub experts_per_token: i64,
    /// max_position_embeddings: tokens a session can hold.
    pub context: i64,
    /// All weights.
    pub parameters: u64,
    /// Used per token: head included, embedding not.
    pub active_parameters: u64,
    /// What [`Mode::Default`] means for this model.
    pub default_mode: Mode,
    /// Sessions can remember in int8.
    pub has_int8_cache: bool,
    /// A layer guesses the token after the next.
    pub has_draft_head: bool,
    /// Sessions can remember in the compact form of DeepSeek-V4.
    pub has_compact_cache: bool,
}

/// Memory that a model and one session of it need, in bytes except `context_tokens`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Plan {
    /// All tensors as stored.
    pub weights_bytes: u64,
    /// Of these, mapped from files: the system may drop and reread them.
    pub weights_mapped_bytes: u64,
    /// What all layers remember, per token.
    pub cache_per_token_bytes: u64,
    /// What the figures below are for.
    pub context_tokens: u64,
    /// What all layers remember of so many tokens.
    pub cache_bytes: u64,
    /// Buffers of one session.
    pub scratch_bytes: u64,
    /// Weights, cache and scratch.
    pub peak_bytes: u64,
}

impl From<sys::rq_plan> for Plan {
    fn from(plan: sys::rq_plan) -> Plan {
        Plan {
            weights_bytes: plan.weights_bytes,
            weights_mapped_bytes: plan.weights_mapped_bytes,
            cache_per_token_bytes: plan.cache_per_token_bytes,
            context_tokens: plan.context_tokens,
            cache_bytes: plan.cache_bytes,
            scratch_bytes: plan.scratch_bytes,
            peak_bytes: plan.peak_bytes,
        }
    }
}

/// One tensor of a checkpoint, borrowed from its model.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Tensor<'m> {
    /// As in the checkpoint.
    pub name: Cow<'m, str>,
    /// The file it lies in.
    pub file: Cow<'m, str>,
    /// How its numbers are stored: "bf16".
    pub dtype: &'static str,
    /// Outermost first.
    pub shape: Vec<i64>,
    #[allow(missing_docs)]
    pub size_bytes: u64,
}

/// The tensors of a model, in the order of the checkpoint.
pub struct Tensors<'m> {
    model: &'m Model,
    indices: std::ops::Range<usize>,
}

impl<'m> Iterator for Tensors<'m> {
    type Item = Result<Tensor<'m>>;

    fn next(&mut self) -> Option<Self::Item> {
        self.indices.next().map(|index| self.model.tensor(index))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.indices.size_hint()
    }
}

impl ModelOptions {
    /// The header's struct, and the log that it points to. The struct borrows from `self`.
    fn raw(&self) -> (sys::rq_model_options, Option<Box<Arc<Log>>>) {
        let mut options = sys::rq_model_options::INIT;
        options.threads = self.threads;
        options.isa = self.isa.as_ptr().cast();
        options.isa_len = self.isa.len();
        options.headers_only = self.headers_only.into();
        let log = self.log.clone().map(Box::new); // boxed: a thin pointer to it goes through C
        if let Some(log) = &log {
            options.log = Some(notice);
            options.log_user = (&**log as *const Arc<Log>) as *mut c_void;
        }
        (options, log)
    }
}

impl Source {
    /// What opening a model and one session would need. Reads headers, no weights.
    pub fn plan(&self, model: &ModelOptions, session: &SessionOptions) -> Result<Plan> {
        let ((options, _log), session) = (model.raw(), session.raw());
        let mut plan = sys::rq_plan::INIT;
        // SAFETY: structs of their types, read or filled in during the call.
        self.with(|source| call(|err| unsafe { sys::rq_source_plan(source, &options, &session, &mut plan, err) }))?;
        Ok(plan.into())
    }
}

impl Model {
    /// Opens a checkpoint folder or a GGUF file. Everything that is wrong with it is told at once.
    pub fn open(path: impl AsRef<Path>) -> Result<Model> {
        Model::open_with(&Source::path(path)?, &ModelOptions::default())
    }

    /// Opens a model from any source.
    pub fn open_with(source: &Source, options: &ModelOptions) -> Result<Model> {
        let (options, log) = options.raw();
        // SAFETY: source and options are read during the call only; `log` is kept until model and sessions are freed.
        let handle =
            source.with(|source| create(|out, err| unsafe { sys::rq_model_open(source, &options, out, err) }))?;
        Ok(Model(Arc::new(Inner { handle, _memory: source.memory(), _log: log })))
    }

    pub(crate) fn handle(&self) -> *const sys::rq_model {
        self.0.handle.as_ptr()
    }

    /// A new, empty timeline.
    pub fn session(&self) -> Result<Session> {
        self.session_with(&SessionOptions::default())
    }

    /// A new, empty timeline.
    pub fn session_with(&self, options: &SessionOptions) -> Result<Session> {
        let options = options.raw();
        // SAFETY: a live handle; options are read during the call.
        let handle = create(|out, err| unsafe { sys::rq_session_create(self.handle(), &options, out, err) })?;
        Ok(Session::new(SessionHandle::new(handle, self.clone())))
    }

    /// Its tokenizer; [`Code::WrongState`](crate::Code::WrongState) where the checkpoint has none.
    pub fn tokenizer(&self) -> Result<Tokenizer> {
        // SAFETY: a live handle.
        create(|out, err| unsafe { sys::rq_model_tokenizer(self.handle(), out, err) }).map(Tokenizer::new)
    }

    /// The ids of a prompt as the model expects it, begin-of-sentence included. Special tokens in `text` are spelled out like any text.
    pub fn encode_prompt(&self, text: &str) -> Result<Vec<i32>> {
        // SAFETY: a live handle; pointers and their lengths.
        ids(|tokens, capacity, count, err| unsafe {
            let (text, len) = (text.as_ptr().cast(), text.len());
            sys::rq_model_encode_prompt(self.handle(), text, len, 0, tokens, capacity, count, err)
        })
    }

    /// Its sizes.
    pub fn info(&self) -> Result<Info> {
        let mut info = sys::rq_model_info::INIT;
        // SAFETY: a live handle; `info` is filled in.
        call(|err| unsafe { sys::rq_model_get_info(self.handle(), &mut info, err) })?;
        Ok(Info {
            threads: info.threads,
            has_tokenizer: info.has_tokenizer != 0,
            bos_token: (info.bos_token >= 0).then_some(info.bos_token),
            vocab_size: info.vocab_size,
            hidden_size: info.hidden_size,
            layers: info.layers,
            dense_layers: info.dense_layers,
            heads: info.heads,
            routed_experts: info.routed_experts,
            experts_per_token: info.experts_per_token,
            context: info.context,
            parameters: info.parameters,
            active_parameters: info.active_parameters,
            default_mode: Mode::from_raw(info.default_mode),
            has_int8_cache: info.has_int8_cache != 0,
            has_draft_head: info.has_draft_head != 0,
            has_compact_cache: info.has_compact_cache != 0,
        })
    }

    /// What this model and one session of it need.
    pub fn plan(&self, session: &SessionOptions) -> Result<Plan> {
        let session = session.raw();
        let mut plan = sys::rq_plan::INIT;
        // SAFETY: a live handle; structs of their types.
        call(|err| unsafe { sys::rq_model_plan(self.handle(), &session, &mut plan, err) })?;
        Ok(plan.into())
    }

    /// The family as config.json names it: "deepseek_v2".
    pub fn model_type(&self) -> Result<String> {
        // SAFETY: a live handle, a buffer and its capacity; so in the three functions that follow.
        text(|buffer, capacity, length, err| unsafe {
            sys::rq_model_type(self.handle(), buffer, capacity, length, err)
        })
    }

    /// 32 hexadecimal digits: equal for equal checkpoints, wherever they lie.
    pub fn identity(&self) -> Result<String> {
        text(|buffer, capacity, length, err| unsafe {
            sys::rq_model_identity(self.handle(), buffer, capacity, length, err)
        })
    }

    /// config.json as it was read; of a GGUF model, its keys in the words of config.json.
    pub fn config(&self) -> Result<String> {
        text(|buffer, capacity, length, err| unsafe {
            sys::rq_model_config(self.handle(), buffer, capacity, length, err)
        })
    }

    /// For people: threads in use, kernels in use, and why no better ones.
    pub fn kernels(&self) -> Result<String> {
        text(|buffer, capacity, length, err| unsafe {
            sys::rq_model_kernels(self.handle(), buffer, capacity, length, err)
        })
    }

    /// Its tensors, in the order of the checkpoint.
    pub fn tensors(&self) -> Result<Tensors<'_>> {
        let mut count = 0;
        // SAFETY: a live handle.
        call(|err| unsafe { sys::rq_model_tensor_count(self.handle(), &mut count, err) })?;
        Ok(Tensors { model: self, indices: 0..count })
    }

    fn tensor(&self, index: usize) -> Result<Tensor<'_>> {
        let mut info = sys::rq_tensor_info::INIT;
        // SAFETY: a live handle; `info` is filled in. Name and file are "borrowed until this model handle is freed", the dtype's name is
        // static text.
        unsafe {
            call(|err| sys::rq_model_tensor(self.handle(), index, &mut info, err))?;
            Ok(Tensor {
                name: lent_text(info.name, info.name_len),
                file: lent_text(info.file, info.file_len),
                dtype: CStr::from_ptr(sys::rq_dtype_name(info.dtype)).to_str().unwrap_or("unknown"),
                shape: info.shape[..info.rank as usize].to_vec(),
                size_bytes: info.size_bytes,
            })
        }
    }

    /// What the checkpoint's generation_config.json recommends.
    pub fn sampling(&self) -> Result<Sampling> {
        let mut sampling = sys::rq_sampling_options::INIT;
        // SAFETY: a live handle; `sampling` is filled in.
        call(|err| unsafe { sys::rq_model_sampling(self.handle(), &mut sampling, err) })?;
        Ok(Sampling::from_raw(&sampling))
    }

    /// The tokens at which the model says it has finished.
    pub fn stop_tokens(&self) -> Result<Vec<i32>> {
        // SAFETY: a live handle, a buffer and its capacity.
        ids(|tokens, capacity, count, err| unsafe {
            sys::rq_model_stop_tokens(self.handle(), tokens, capacity, count, err)
        })
    }
}

unsafe extern "C" fn notice(level: i32, line: *const c_char, line_len: usize, user: *mut c_void) {
    // SAFETY: `user` is the log that the model keeps; the line is "borrowed until the callback returns".
    let (log, line) = unsafe { (&*(user as *const Arc<Log>), lent(line.cast::<u8>(), line_len)) };
    let level = match level {
        sys::RQ_LOG_ERROR => Level::Error,
        sys::RQ_LOG_WARNING => Level::Warning,
        sys::RQ_LOG_INFO => Level::Info,
        _ => Level::Debug,
    };
    let _ = catch_unwind(AssertUnwindSafe(|| log(level, &String::from_utf8_lossy(line))));
}
