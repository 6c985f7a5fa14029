// Written from rorqual.h by `cargo run -p rorqual-generate`: not to be edited.

use std::mem::size_of;
use std::os::raw::{c_char, c_void};

pub const RQ_VERSION_MAJOR: u32 = 0;

pub const RQ_VERSION_MINOR: u32 = 1;

pub const RQ_VERSION_PATCH: u32 = 0;

pub const RQ_VERSION: u32 = RQ_VERSION_MAJOR * 1000000 + RQ_VERSION_MINOR * 1000 + RQ_VERSION_PATCH;

extern "C" {
    /// ```text
    /// The version of the library that is running, as RQ_VERSION counts; RQ_VERSION itself is that of the header you compiled with.
    /// Thread: any. Cannot fail. Since 0.1.
    /// ```
    pub fn rq_version() -> u32;
}

pub const RQ_OK: i32 = 0;

/// ```text
/// the caller's value is outside what the function documents
/// ```
pub const RQ_ERR_INVALID_ARGUMENT: i32 = 1;

/// ```text
/// a file, key, tensor or token the call needs is not there
/// ```
pub const RQ_ERR_NOT_FOUND: i32 = 2;

/// ```text
/// the operating system or a callback could not read or write
/// ```
pub const RQ_ERR_IO: i32 = 3;

/// ```text
/// a file contradicts itself or its format
/// ```
pub const RQ_ERR_CORRUPT: i32 = 4;

/// ```text
/// valid, but this version or this machine cannot do it
/// ```
pub const RQ_ERR_UNSUPPORTED: i32 = 5;

/// ```text
/// an allocation failed or a memory budget does not suffice
/// ```
pub const RQ_ERR_NO_MEMORY: i32 = 6;

/// ```text
/// the session has no room for the tokens
/// ```
pub const RQ_ERR_CONTEXT_FULL: i32 = 7;

/// ```text
/// rq_session_cancel was called
/// ```
pub const RQ_ERR_CANCELLED: i32 = 8;

/// ```text
/// a callback of yours asked to stop or failed
/// ```
pub const RQ_ERR_CALLBACK: i32 = 9;

/// ```text
/// not possible now: no logits yet, no tokenizer, used after fork()
/// ```
pub const RQ_ERR_WRONG_STATE: i32 = 10;

/// ```text
/// a mistake in the library; the message says where
/// ```
pub const RQ_ERR_INTERNAL: i32 = 11;

/// ```text
/// What went wrong: one line that names the file, key, tensor or argument. After a call that succeeded: RQ_OK and "".
/// ```
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct rq_error {
    pub struct_size: u32,
    /// RQ_OK or RQ_ERR_*, as the function returned it
    pub code: i32,
    /// UTF-8, ends with a zero; a longer line is cut
    pub message: [c_char; 1016],
}
impl rq_error {
    /// The header's initialiser.
    pub const INIT: Self = Self {
        struct_size: size_of::<Self>() as u32,
        code: 0,
        message: [0; 1016],
    };
}

extern "C" {
    /// ```text
    /// The name of a status as messages spell it: "not_found"; "unknown" for numbers that are none. Static text.
    /// Thread: any. Cannot fail. Since 0.1.
    /// ```
    pub fn rq_status_name(status: i32) -> *const c_char;
}

pub const RQ_LOG_ERROR: i32 = 0;

pub const RQ_LOG_WARNING: i32 = 1;

pub const RQ_LOG_INFO: i32 = 2;

pub const RQ_LOG_DEBUG: i32 = 3;

/// ```text
/// Receives the library's notices, one line each, without a newline; `line` is borrowed until the callback returns. Runs on the
/// thread that made the call; must not call the library with the same objects.
/// ```
pub type rq_log_fn = Option<unsafe extern "C" fn(level: i32, line: *const c_char, line_len: usize, user: *mut c_void)>;

/// ```text
/// Where weights that cannot be mapped, caches and scratch memory come from. Both functions may run on any thread, also at the same
/// time, and must not call the library. What alloc returned goes back through release with the same size and alignment.
/// ```
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct rq_allocator {
    pub struct_size: u32,
    /// must be 0
    pub reserved: u32,
    /// `size` bytes at a multiple of `alignment`, a power of two. NULL = none left: the call then fails with RQ_ERR_NO_MEMORY.
    pub alloc: Option<unsafe extern "C" fn(size: usize, alignment: usize, user: *mut c_void) -> *mut c_void>,
    pub release: Option<unsafe extern "C" fn(memory: *mut c_void, size: usize, alignment: usize, user: *mut c_void)>,
    /// passed on as it is
    pub user: *mut c_void,
    /// must be NULL
    pub reserved_pointer: *mut c_void,
}
impl rq_allocator {
    /// The header's initialiser.
    pub const INIT: Self = Self {
        struct_size: size_of::<Self>() as u32,
        reserved: 0,
        alloc: None,
        release: None,
        user: std::ptr::null_mut(),
        reserved_pointer: std::ptr::null_mut(),
    };
}

/// ```text
/// One piece of work of the library: run it once for each index.
/// ```
pub type rq_task_fn = Option<unsafe extern "C" fn(context: *mut c_void, index: usize)>;

/// ```text
/// Your threads, lent to the library. Results never depend on how many take part or in which order they run.
/// ```
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct rq_executor {
    pub struct_size: u32,
    /// how many tasks can run at the same time, at least 1
    pub concurrency: u32,
    /// Calls task(context, i) once for every i < count, on any threads, and returns when all have returned. Runs on the thread that
    /// called the library; must not call the library. Non-zero = could not: that call then fails with RQ_ERR_CALLBACK.
    pub run: Option<unsafe extern "C" fn(count: usize, task: rq_task_fn, context: *mut c_void, user: *mut c_void) -> i32>,
    /// passed on as it is
    pub user: *mut c_void,
}
impl rq_executor {
    /// The header's initialiser.
    pub const INIT: Self = Self {
        struct_size: size_of::<Self>() as u32,
        concurrency: 0,
        run: None,
        user: std::ptr::null_mut(),
    };
}

/// ```text
/// Where a model comes from: a path, or named files behind descriptors, in memory, or behind callbacks.
/// ```
#[repr(C)]
pub struct rq_source {
    _opaque: [u8; 0],
    _not_send: std::marker::PhantomData<*mut u8>,
}

extern "C" {
    /// ```text
    /// A source that is a checkpoint folder, or one file of it whose neighbours are found beside it; or a GGUF file (any part of a
    /// split), or a folder that holds one GGUF model and no safetensors. Nothing is opened yet.
    ///   path       UTF-8, path_len bytes, not empty; copied.
    ///   out        owned: rq_source_free().
    /// Thread: any. Since 0.1.
    /// ```
    pub fn rq_source_create_path(path: *const c_char, path_len: usize, out: *mut *mut rq_source, err: *mut rq_error) -> i32;
}

extern "C" {
    /// ```text
    /// An empty set of named files, to be filled by the rq_source_add_ functions below: the checkpoint folder without a file system.
    ///   out        owned: rq_source_free().
    /// Thread: any. Since 0.1.
    /// ```
    pub fn rq_source_create_files(out: *mut *mut rq_source, err: *mut rq_error) -> i32;
}

extern "C" {
    /// ```text
    /// Bytes [offset, offset + length) of an open file descriptor become the file `name`.
    ///   name       a single path component ("config.json"), not given before; copied.
    ///   fd         duplicated: yours may be closed at once.
    ///   length     bytes; 0 = to the end of the file.
    /// Thread: one at a time. Errors: RQ_ERR_IO. Since 0.1.
    /// ```
    pub fn rq_source_add_fd(source: *mut rq_source, name: *const c_char, name_len: usize, fd: i32, offset: u64, length: u64, err: *mut rq_error) -> i32;
}

extern "C" {
    /// ```text
    /// Memory of yours becomes the file `name` (as for rq_source_add_fd).
    ///   data       `size` bytes; borrowed, and to stay unchanged until the source and every model and session made from it are freed.
    /// Thread: one at a time. Since 0.1.
    /// ```
    pub fn rq_source_add_memory(source: *mut rq_source, name: *const c_char, name_len: usize, data: *const c_void, size: usize, err: *mut rq_error) -> i32;
}

/// ```text
/// Reads exactly `size` bytes at `offset` of a file into `out`. Runs on the thread that made the call; must not call the library with
/// the same source. Non-zero = could not: the call fails with RQ_ERR_CALLBACK.
/// ```
pub type rq_read_fn = Option<unsafe extern "C" fn(offset: u64, out: *mut c_void, size: usize, user: *mut c_void) -> i32>;

extern "C" {
    /// ```text
    /// A file `name` (as for rq_source_add_fd) of `length` bytes behind a callback. Its weights are copied into memory when a model opens.
    ///   read       called only inside calls that are given this source.
    ///   user       passed on as it is; must stay usable until rq_source_free().
    /// Thread: one at a time. Since 0.1.
    /// ```
    pub fn rq_source_add_callbacks(source: *mut rq_source, name: *const c_char, name_len: usize, length: u64, read: rq_read_fn, user: *mut c_void, err: *mut rq_error) -> i32;
}

extern "C" {
    /// ```text
    /// Frees a source. Models opened from it live on. Thread: one at a time. NULL is fine; cannot fail. Since 0.1.
    /// ```
    pub fn rq_source_free(source: *mut rq_source);
}

/// ```text
/// Config, weights and tokenizer of a checkpoint. Immutable: any number of threads may use one at once.
/// ```
#[repr(C)]
pub struct rq_model {
    _opaque: [u8; 0],
    _not_send: std::marker::PhantomData<*mut u8>,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct rq_model_options {
    pub struct_size: u32,
    /// workers including the thread that calls; 0 = one per physical core this process may use
    pub threads: u32,
    /// kernels of one instruction set by name ("portable", "avx2"): fails rather than falling back; copied
    pub isa: *const c_char,
    /// 0 = the best of this machine
    pub isa_len: usize,
    /// NULL = no notices. To stay callable, with log_user, until model and sessions are freed
    pub log: rq_log_fn,
    pub log_user: *mut c_void,
    /// NULL = the C++ heap. The struct is copied; its functions stay in use until model and sessions are freed
    pub allocator: *const rq_allocator,
    /// NULL = a pool of the model's own. As for allocator; `threads` is then without effect
    pub executor: *const rq_executor,
    /// 1 = read no weights: a model to look at and to tokenize with, which has no sessions
    pub headers_only: u32,
    pub reserved: u32,
}
impl rq_model_options {
    /// The header's initialiser.
    pub const INIT: Self = Self {
        struct_size: size_of::<Self>() as u32,
        threads: 0,
        isa: std::ptr::null(),
        isa_len: 0,
        log: None,
        log_user: std::ptr::null_mut(),
        allocator: std::ptr::null(),
        executor: std::ptr::null(),
        headers_only: 0,
        reserved: 0,
    };
}

/// ```text
/// the library's choice: int8 in mode fast where the model has it, else f32
/// ```
pub const RQ_CACHE_DEFAULT: i32 = 0;

pub const RQ_CACHE_F32: i32 = 1;

/// ```text
/// half the memory; values rounded to 8 bits of mantissa
/// ```
pub const RQ_CACHE_BF16: i32 = 2;

/// ```text
/// a quarter; one scale per 256 values. What mode fast computes with as it lies. RQ_ERR_UNSUPPORTED for a model
/// whose latents are not made of blocks of 32
/// ```
pub const RQ_CACHE_INT8: i32 = 3;

/// ```text
/// a quarter, for DeepSeek-V4: keys in 8-bit floating point but for their rotated part, index keys in 4 bits, as the
/// model was trained. RQ_ERR_UNSUPPORTED for others: has_compact_cache of rq_model_info
/// ```
pub const RQ_CACHE_COMPACT: i32 = 4;

/// ```text
/// the library's choice: fast for models with quantised weights, else exact; rq_model_info tells
/// ```
pub const RQ_MODE_DEFAULT: i32 = 0;

/// ```text
/// weights as stored, activations and sums in f32
/// ```
pub const RQ_MODE_EXACT: i32 = 1;

/// ```text
/// int8 activations where weights are quantised, and for all the cheapest way to compute
/// ```
pub const RQ_MODE_FAST: i32 = 2;

/// ```text
/// Who guesses tokens ahead of a generation, for the model to verify several at a time. The tokens of a generation are those it would have
/// without; guessing stops by itself while it does not pay.
/// ```
pub const RQ_DRAFTING_NONE: i32 = 0;

/// ```text
/// what followed the last tokens where they stood before: for answers that repeat their prompt. Any model
/// ```
pub const RQ_DRAFTING_LOOKUP: i32 = 1;

/// ```text
/// the model's own layer for it (has_draft_head of rq_model_info), else RQ_ERR_UNSUPPORTED
/// ```
pub const RQ_DRAFTING_HEAD: i32 = 2;

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct rq_session_options {
    pub struct_size: u32,
    /// RQ_MODE_*
    pub mode: i32,
    /// RQ_CACHE_*: how earlier tokens are remembered
    pub cache: i32,
    /// in mode exact: 0 = the same bits for every way of cutting a prompt into pieces. 1 = long pieces may be computed by
    /// whichever method is quicker; results then agree to rounding
    pub relaxed: u32,
    /// room in tokens; 0 = as many as the model supports
    pub context: u64,
    /// a prompt is evaluated in pieces of at most so many tokens; 0 = 2048. More is faster for long
    /// prompts and takes more scratch memory: see rq_plan
    pub chunk: u64,
    /// RQ_DRAFTING_*: who guesses tokens ahead of a generation
    pub drafting: i32,
    /// guesses at most before they are verified, up to 15; 0 = 8 of lookup, 2 of the head
    pub draft_tokens: u32,
}
impl rq_session_options {
    /// The header's initialiser.
    pub const INIT: Self = Self {
        struct_size: size_of::<Self>() as u32,
        mode: 0,
        cache: 0,
        relaxed: 0,
        context: 0,
        chunk: 0,
        drafting: 0,
        draft_tokens: 0,
    };
}

extern "C" {
    /// ```text
    /// Opens a model and maps its weights. Everything that is wrong with a checkpoint is told at once.
    ///   source     read during the call only.       options    may be NULL: all defaults.
    ///   out        owned: rq_model_free().
    /// A checkpoint without a tokenizer opens; calls that need text then return RQ_ERR_WRONG_STATE.
    /// Thread: any. Errors: RQ_ERR_NOT_FOUND, RQ_ERR_IO, RQ_ERR_CORRUPT, RQ_ERR_UNSUPPORTED, RQ_ERR_CALLBACK. Since 0.1.
    /// ```
    pub fn rq_model_open(source: *const rq_source, options: *const rq_model_options, out: *mut *mut rq_model, err: *mut rq_error) -> i32;
}

extern "C" {
    /// ```text
    /// Gives a model back. Sessions and tokenizers made from it live on; its memory goes with the last of them.
    /// Thread: any, when no other call uses this handle. NULL is fine; cannot fail. Since 0.1.
    /// ```
    pub fn rq_model_free(model: *mut rq_model);
}

/// ```text
/// Memory that a model and one session of it need. All in bytes, except context_tokens.
/// ```
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct rq_plan {
    pub struct_size: u32,
    pub reserved: u32,
    /// all tensors as stored
    pub weights_bytes: u64,
    /// of these, mapped from files: the system may drop and reread them
    pub weights_mapped_bytes: u64,
    /// what all layers remember, per token
    pub cache_per_token_bytes: u64,
    /// what the figures below are for
    pub context_tokens: u64,
    /// what all layers remember of so many tokens
    pub cache_bytes: u64,
    /// buffers of one session
    pub scratch_bytes: u64,
    /// weights + cache + scratch
    pub peak_bytes: u64,
}
impl rq_plan {
    /// The header's initialiser.
    pub const INIT: Self = Self {
        struct_size: size_of::<Self>() as u32,
        reserved: 0,
        weights_bytes: 0,
        weights_mapped_bytes: 0,
        cache_per_token_bytes: 0,
        context_tokens: 0,
        cache_bytes: 0,
        scratch_bytes: 0,
        peak_bytes: 0,
    };
}

extern "C" {
    /// ```text
    /// What opening a model and one session would need. Reads headers, no weights.
    ///   model_options, session_options    may be NULL: all defaults.       plan    filled in.
    /// Thread: any. Errors: as rq_model_open. Since 0.1.
    /// ```
    pub fn rq_source_plan(source: *const rq_source, model_options: *const rq_model_options, session_options: *const rq_session_options, plan: *mut rq_plan, err: *mut rq_error) -> i32;
}

extern "C" {
    /// ```text
    /// The same figures for an open model.
    ///   session_options    may be NULL: all defaults.       plan    filled in.
    /// Thread: any. Since 0.1.
    /// ```
    pub fn rq_model_plan(model: *const rq_model, session_options: *const rq_session_options, plan: *mut rq_plan, err: *mut rq_error) -> i32;
}

/// ```text
/// A model's sizes; names as in config.json.
/// ```
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct rq_model_info {
    pub struct_size: u32,
    /// workers in use, the calling thread included
    pub threads: u32,
    /// 1 = text calls work
    pub has_tokenizer: u32,
    /// begin of sentence; -1 = none
    pub bos_token: i32,
    pub vocab_size: i64,
    pub hidden_size: i64,
    /// num_hidden_layers
    pub layers: i64,
    /// of these, layers without routed experts
    pub dense_layers: i64,
    /// num_attention_heads
    pub heads: i64,
    /// per expert layer; 0 = none
    pub routed_experts: i64,
    pub experts_per_token: i64,
    /// max_position_embeddings: tokens a session can hold
    pub context: i64,
    /// all weights
    pub parameters: u64,
    /// used per token: head included, embedding not
    pub active_parameters: u64,
    /// RQ_MODE_*: what RQ_MODE_DEFAULT means for this model
    pub default_mode: i32,
    /// 1 = sessions can remember in int8 (RQ_CACHE_INT8)
    pub has_int8_cache: u32,
    /// 1 = a layer guesses the token after the next (multi-token prediction)
    pub has_draft_head: u32,
    /// 1 = sessions can remember in the compact form (RQ_CACHE_COMPACT)
    pub has_compact_cache: u32,
}
impl rq_model_info {
    /// The header's initialiser.
    pub const INIT: Self = Self {
        struct_size: size_of::<Self>() as u32,
        threads: 0,
        has_tokenizer: 0,
        bos_token: 0,
        vocab_size: 0,
        hidden_size: 0,
        layers: 0,
        dense_layers: 0,
        heads: 0,
        routed_experts: 0,
        experts_per_token: 0,
        context: 0,
        parameters: 0,
        active_parameters: 0,
        default_mode: 0,
        has_int8_cache: 0,
        has_draft_head: 0,
        has_compact_cache: 0,
    };
}

extern "C" {
    /// ```text
    /// The sizes of a model.   info: filled in. Thread: any. Since 0.1.
    /// ```
    pub fn rq_model_get_info(model: *const rq_model, info: *mut rq_model_info, err: *mut rq_error) -> i32;
}

extern "C" {
    /// ```text
    /// Out-text: the family as config.json names it, "deepseek_v2". Thread: any. Since 0.1.
    /// ```
    pub fn rq_model_type(model: *const rq_model, buffer: *mut c_char, capacity: usize, length: *mut usize, err: *mut rq_error) -> i32;
}

extern "C" {
    /// ```text
    /// Out-text: 32 hexadecimal digits that stand for config, tokenizer and tensor table: equal for equal checkpoints, wherever they lie.
    /// Thread: any. Since 0.1.
    /// ```
    pub fn rq_model_identity(model: *const rq_model, buffer: *mut c_char, capacity: usize, length: *mut usize, err: *mut rq_error) -> i32;
}

extern "C" {
    /// ```text
    /// Out-text: config.json as it was read; of a GGUF model, its keys in the words of config.json. Thread: any. Since 0.1.
    /// ```
    pub fn rq_model_config(model: *const rq_model, buffer: *mut c_char, capacity: usize, length: *mut usize, err: *mut rq_error) -> i32;
}

extern "C" {
    /// ```text
    /// Out-text for people: threads in use, kernels in use, and why no better ones; one line each, with '\n' between them.
    /// Thread: any. Since 0.1.
    /// ```
    pub fn rq_model_kernels(model: *const rq_model, buffer: *mut c_char, capacity: usize, length: *mut usize, err: *mut rq_error) -> i32;
}

/// ```text
/// How numbers are stored. Codes never change their meaning.
/// ```
pub const RQ_DTYPE_F32: i32 = 0;

/// ```text
/// IEEE half
/// ```
pub const RQ_DTYPE_F16: i32 = 1;

/// ```text
/// the high half of an f32
/// ```
pub const RQ_DTYPE_BF16: i32 = 2;

/// ```text
/// 1-4-3, bias 7, no infinity; scaled by a second tensor
/// ```
pub const RQ_DTYPE_F8_E4M3: i32 = 3;

/// ```text
/// a power of two: 2^(b - 127)
/// ```
pub const RQ_DTYPE_F8_E8M0: i32 = 4;

pub const RQ_DTYPE_I8: i32 = 5;

pub const RQ_DTYPE_U8: i32 = 6;

pub const RQ_DTYPE_I16: i32 = 7;

pub const RQ_DTYPE_I32: i32 = 8;

pub const RQ_DTYPE_I64: i32 = 9;

/// ```text
/// one byte
/// ```
pub const RQ_DTYPE_BOOLEAN: i32 = 10;

pub const RQ_DTYPE_F64: i32 = 11;

/// ```text
/// Formats of GGUF files, in which 32 or 256 numbers share a block; names as there.
/// ```
pub const RQ_DTYPE_Q4_0: i32 = 12;

pub const RQ_DTYPE_Q4_1: i32 = 13;

pub const RQ_DTYPE_Q5_0: i32 = 14;

pub const RQ_DTYPE_Q5_1: i32 = 15;

pub const RQ_DTYPE_Q8_0: i32 = 16;

pub const RQ_DTYPE_Q2_K: i32 = 17;

pub const RQ_DTYPE_Q3_K: i32 = 18;

pub const RQ_DTYPE_Q4_K: i32 = 19;

pub const RQ_DTYPE_Q5_K: i32 = 20;

pub const RQ_DTYPE_Q6_K: i32 = 21;

pub const RQ_DTYPE_IQ4_NL: i32 = 22;

pub const RQ_DTYPE_IQ4_XS: i32 = 23;

pub const RQ_DTYPE_MXFP4: i32 = 24;

pub const RQ_DTYPE_IQ2_XXS: i32 = 25;

pub const RQ_DTYPE_IQ2_XS: i32 = 26;

pub const RQ_DTYPE_IQ2_S: i32 = 27;

pub const RQ_DTYPE_IQ3_XXS: i32 = 28;

pub const RQ_DTYPE_IQ3_S: i32 = 29;

pub const RQ_DTYPE_IQ1_S: i32 = 30;

pub const RQ_DTYPE_IQ1_M: i32 = 31;

pub const RQ_DTYPE_TQ1_0: i32 = 32;

pub const RQ_DTYPE_TQ2_0: i32 = 33;

extern "C" {
    /// ```text
    /// The name of a dtype: "bf16"; "unknown" for numbers that are none. Static text. Thread: any. Cannot fail. Since 0.1.
    /// ```
    pub fn rq_dtype_name(dtype: i32) -> *const c_char;
}

pub const RQ_MAX_RANK: usize = 8;

/// ```text
/// One tensor of a checkpoint.
/// ```
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct rq_tensor_info {
    pub struct_size: u32,
    /// RQ_DTYPE_*
    pub dtype: i32,
    pub size_bytes: u64,
    /// how many of `shape` count
    pub rank: i64,
    /// outermost first
    pub shape: [i64; RQ_MAX_RANK],
    /// as in the checkpoint; borrowed until this model handle is freed; no zero at the end is promised
    pub name: *const c_char,
    pub name_len: usize,
    /// the file it lies in; borrowed likewise
    pub file: *const c_char,
    pub file_len: usize,
}
impl rq_tensor_info {
    /// The header's initialiser.
    pub const INIT: Self = Self {
        struct_size: size_of::<Self>() as u32,
        dtype: 0,
        size_bytes: 0,
        rank: 0,
        shape: [0; RQ_MAX_RANK],
        name: std::ptr::null(),
        name_len: 0,
        file: std::ptr::null(),
        file_len: 0,
    };
}

extern "C" {
    /// ```text
    /// How many tensors a model has.   count: set. Thread: any. Since 0.1.
    /// ```
    pub fn rq_model_tensor_count(model: *const rq_model, count: *mut usize, err: *mut rq_error) -> i32;
}

extern "C" {
    /// ```text
    /// Tensor `index` < count, in the order of the checkpoint.   info: filled in.
    /// Thread: any. Errors: RQ_ERR_UNSUPPORTED for a rank beyond RQ_MAX_RANK. Since 0.1.
    /// ```
    pub fn rq_model_tensor(model: *const rq_model, index: usize, info: *mut rq_tensor_info, err: *mut rq_error) -> i32;
}

/// ```text
/// Text <-> token ids. Immutable: any number of threads may use one at once.
/// ```
#[repr(C)]
pub struct rq_tokenizer {
    _opaque: [u8; 0],
    _not_send: std::marker::PhantomData<*mut u8>,
}

extern "C" {
    /// ```text
    /// The tokenizer of a model.   out: owned: rq_tokenizer_free().
    /// Thread: any. Errors: RQ_ERR_WRONG_STATE where the checkpoint has none. Since 0.1.
    /// ```
    pub fn rq_model_tokenizer(model: *const rq_model, out: *mut *mut rq_tokenizer, err: *mut rq_error) -> i32;
}

extern "C" {
    /// ```text
    /// A tokenizer without a model.
    ///   source     a path to a tokenizer.json (of any name), to a GGUF file (of a split, the first part is enough) or to a folder
    ///              that holds one of them, or such files under their names.
    ///   out        owned: rq_tokenizer_free().
    /// Thread: any. Errors: RQ_ERR_NOT_FOUND, RQ_ERR_IO, RQ_ERR_CORRUPT, RQ_ERR_UNSUPPORTED. Since 0.1.
    /// ```
    pub fn rq_tokenizer_open(source: *const rq_source, out: *mut *mut rq_tokenizer, err: *mut rq_error) -> i32;
}

extern "C" {
    /// ```text
    /// Gives a tokenizer back. Thread: any, when no other call uses this handle. NULL is fine; cannot fail. Since 0.1.
    /// ```
    pub fn rq_tokenizer_free(tokenizer: *mut rq_tokenizer);
}

/// ```text
/// text such as "<s>" becomes the token of that name. Without it such text is spelled out like
/// any other: right for text from users, which can then never become a special token
/// ```
pub const RQ_ENCODE_ADDED_TOKENS: u32 = 1;

extern "C" {
    /// ```text
    /// Out-ids of a text; nothing is added before or after.
    ///   text       UTF-8, text_len bytes.       flags    RQ_ENCODE_*.
    /// Thread: any. Errors: RQ_ERR_INVALID_ARGUMENT with the offset of bytes that are no UTF-8. Since 0.1.
    /// ```
    pub fn rq_tokenizer_encode(tokenizer: *const rq_tokenizer, text: *const c_char, text_len: usize, flags: u32, tokens: *mut i32, capacity: usize, count: *mut usize, err: *mut rq_error) -> i32;
}

extern "C" {
    /// ```text
    /// Out-ids of a prompt as the model expects it: like rq_tokenizer_encode, with begin-of-sentence first where the model
    /// asks for it (add_bos_token) and the text does not bring it itself. Thread: any. Errors: RQ_ERR_WRONG_STATE without a tokenizer. Since 0.1.
    /// ```
    pub fn rq_model_encode_prompt(model: *const rq_model, text: *const c_char, text_len: usize, flags: u32, tokens: *mut i32, capacity: usize, count: *mut usize, err: *mut rq_error) -> i32;
}

/// ```text
/// special tokens appear in the text; without it they are left out
/// ```
pub const RQ_DECODE_SPECIAL: u32 = 1;

extern "C" {
    /// ```text
    /// Out-text of ids. Bytes that are no UTF-8 become U+FFFD.
    ///   tokens     token_count ids below the vocabulary size.       flags    RQ_DECODE_*.
    /// Thread: any. Since 0.1.
    /// ```
    pub fn rq_tokenizer_decode(tokenizer: *const rq_tokenizer, tokens: *const i32, token_count: usize, flags: u32, buffer: *mut c_char, capacity: usize, length: *mut usize, err: *mut rq_error) -> i32;
}

extern "C" {
    /// ```text
    /// The exact bytes of one token: may be a part of a character, none for ids that the tokenizer leaves undefined.
    ///   bytes      borrowed until this tokenizer handle is freed; no zero at the end is promised.       count    set.
    /// Thread: any. Since 0.1.
    /// ```
    pub fn rq_tokenizer_bytes(tokenizer: *const rq_tokenizer, token: i32, bytes: *mut *const c_char, count: *mut usize, err: *mut rq_error) -> i32;
}

extern "C" {
    /// ```text
    /// The id of an added token or vocabulary entry, given as the text it stands for.   token: set; -1 on failure.
    /// Thread: any. Errors: RQ_ERR_NOT_FOUND. Since 0.1.
    /// ```
    pub fn rq_tokenizer_find(tokenizer: *const rq_tokenizer, text: *const c_char, text_len: usize, token: *mut i32, err: *mut rq_error) -> i32;
}

extern "C" {
    /// ```text
    /// Whether a token is a special one (begin of sentence ...).   special: 1 or 0. Thread: any. Since 0.1.
    /// ```
    pub fn rq_tokenizer_is_special(tokenizer: *const rq_tokenizer, token: i32, special: *mut u32, err: *mut rq_error) -> i32;
}

extern "C" {
    /// ```text
    /// Highest defined id + 1; a model's vocab_size may be larger.   size: set. Thread: any. Since 0.1.
    /// ```
    pub fn rq_tokenizer_vocab_size(tokenizer: *const rq_tokenizer, size: *mut i64, err: *mut rq_error) -> i32;
}

/// ```text
/// Turns a stream of tokens into a stream of text without ever splitting a character. One thread at a time.
/// ```
#[repr(C)]
pub struct rq_decoder {
    _opaque: [u8; 0],
    _not_send: std::marker::PhantomData<*mut u8>,
}

extern "C" {
    /// ```text
    /// A decoder at the start of a text.   flags: RQ_DECODE_*.   out: owned: rq_decoder_free(). Keeps what it needs of the tokenizer.
    /// Thread: any. Since 0.1.
    /// ```
    pub fn rq_decoder_create(tokenizer: *const rq_tokenizer, flags: u32, out: *mut *mut rq_decoder, err: *mut rq_error) -> i32;
}

extern "C" {
    /// ```text
    /// The text that is certain after one more token; empty while a character is incomplete.
    ///   text       borrowed until the next call with this decoder; no zero at the end is promised.       text_len    set.
    /// Thread: one at a time. Since 0.1.
    /// ```
    pub fn rq_decoder_push(decoder: *mut rq_decoder, token: i32, text: *mut *const c_char, text_len: *mut usize, err: *mut rq_error) -> i32;
}

extern "C" {
    /// ```text
    /// What is left at the end: bytes that never became a character come out as U+FFFD. Then starts anew. Parameters as rq_decoder_push.
    /// Thread: one at a time. Since 0.1.
    /// ```
    pub fn rq_decoder_finish(decoder: *mut rq_decoder, text: *mut *const c_char, text_len: *mut usize, err: *mut rq_error) -> i32;
}

extern "C" {
    /// ```text
    /// Frees a decoder. Thread: one at a time. NULL is fine; cannot fail. Since 0.1.
    /// ```
    pub fn rq_decoder_free(decoder: *mut rq_decoder);
}

/// ```text
/// A conversation as the text and the token ids that a model expects: the templates and encoders published with the models, byte for
/// byte. Immutable: any number of threads may use one at once.
/// ```
#[repr(C)]
pub struct rq_prompt {
    _opaque: [u8; 0],
    _not_send: std::marker::PhantomData<*mut u8>,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct rq_prompt_options {
    pub struct_size: u32,
    /// 1 = the model is to reason before it answers; R1 always does
    pub thinking: u32,
    /// "v2", "v3", "r1", "v3-0324", "r1-0528", "v3.1", "v3.2", "v4" or "jinja"; copied
    pub format: *const c_char,
    /// 0 = the one that writes what the template writes, else "jinja"; without a template the newest whose
    /// special tokens the tokenizer has
    pub format_len: usize,
    /// read during the call only; may be NULL where a format is named or a model given
    pub tokenizer: *const rq_tokenizer,
    /// V4, where thinking: "max" asks for all there is, "high" for the usual; copied
    pub effort: *const c_char,
    /// 0 = the usual
    pub effort_len: usize,
    /// 1 = reasoning of earlier turns stays in the prompt (V3.2, V4)
    pub keep_thinking: u32,
    /// 1 = the prompt does not open an answer (up to V3.1; "jinja")
    pub no_generation: u32,
    /// read during the call only: the tokenizer and the chat template that come with it; may be NULL
    pub model: *const rq_model,
    /// Jinja, in place of the model's; copied
    pub chat_template: *const c_char,
    /// 0 = the model's, where it has one
    pub chat_template_len: usize,
    /// "jinja": more of what the template is told, a JSON object; copied
    pub variables: *const c_char,
    /// 0 = nothing
    pub variables_len: usize,
}
impl rq_prompt_options {
    /// The header's initialiser.
    pub const INIT: Self = Self {
        struct_size: size_of::<Self>() as u32,
        thinking: 0,
        format: std::ptr::null(),
        format_len: 0,
        tokenizer: std::ptr::null(),
        effort: std::ptr::null(),
        effort_len: 0,
        keep_thinking: 0,
        no_generation: 0,
        model: std::ptr::null(),
        chat_template: std::ptr::null(),
        chat_template_len: 0,
        variables: std::ptr::null(),
        variables_len: 0,
    };
}

extern "C" {
    /// ```text
    /// Reads a conversation and writes its prompt.
    ///
    /// Format "jinja" runs a chat template that comes with another model as Hugging Face transformers does. The template is told messages, as
    /// they are (each an object with a `role`; the other keys are the template's business); tools, those of all messages that have any, else
    /// none; add_generation_prompt, thinking and enable_thinking, as the options say; and bos_token and its like of the model, and `variables`,
    /// of which names that end in "_token" are markup as the template's own text is. All other strings never become special tokens.
    /// Understood are if, for, set, macro, generation, break, continue and raw; all operators, slices and inline if; range, dict, namespace and
    /// raise_exception; strftime_now only where a variable of that name says what it returns, since the library reads no clock; the methods,
    /// filters and tests that templates use (`include/rorqual/prompt.hpp` lists them). The rest is refused, and a template that takes more than
    /// its share (256 KiB, 200 levels, 2^22 steps beyond one and 64 MiB beyond 16 for each byte of messages) is stopped.
    ///
    ///   messages   a JSON array in the OpenAI shape, UTF-8, messages_len bytes: objects with `role` (system, developer, user, assistant,
    ///              tool, latest_reminder) and `content`; of an assistant `tool_calls` and `reasoning_content`; of a tool `tool_call_id`; of
    ///              system and developer messages `tools` and `response_format` (a JSON schema); of a user `task` (V4). Keys that are
    ///              null count as absent.
    ///   options    may be NULL only to be told so: a format, a tokenizer or a model is needed.
    ///   out        owned: rq_prompt_free().
    /// Thread: any. Errors, which name the place ("messages[3].content: expected a string"): RQ_ERR_CORRUPT for text that is no JSON, too deep
    /// or too long, for missing keys and wrong types; RQ_ERR_UNSUPPORTED for keys and roles that are not known or that the format does not
    /// have, where the tokenizer has the special tokens of no format, for what a template has that is not supported, and what it raises;
    /// RQ_ERR_NOT_FOUND for a format that does not exist; RQ_ERR_INVALID_ARGUMENT for "jinja" without a template. Since 0.1.
    /// ```
    pub fn rq_prompt_create(messages: *const c_char, messages_len: usize, options: *const rq_prompt_options, out: *mut *mut rq_prompt, err: *mut rq_error) -> i32;
}

extern "C" {
    /// ```text
    /// The format of a prompt: the one that was named or found.
    ///   name       static text; no zero at the end is promised.       name_len    set.
    /// Thread: any. Since 0.1.
    /// ```
    pub fn rq_prompt_format(prompt: *const rq_prompt, name: *mut *const c_char, name_len: *mut usize, err: *mut rq_error) -> i32;
}

extern "C" {
    /// ```text
    /// The text of a prompt, special tokens spelled out: what the published template writes.
    ///   text       borrowed until rq_prompt_free; no zero at the end is promised.       text_len    set.
    /// Thread: any. Since 0.1.
    /// ```
    pub fn rq_prompt_text(prompt: *const rq_prompt, text: *mut *const c_char, text_len: *mut usize, err: *mut rq_error) -> i32;
}

extern "C" {
    /// ```text
    /// Out-ids of a prompt. Text of users, tools and models never becomes a special token, whatever it spells; apart from that they are the
    /// ids of its text with RQ_ENCODE_ADDED_TOKENS. Thread: any. Since 0.1.
    /// ```
    pub fn rq_prompt_tokens(prompt: *const rq_prompt, tokenizer: *const rq_tokenizer, tokens: *mut i32, capacity: usize, count: *mut usize, err: *mut rq_error) -> i32;
}

extern "C" {
    /// ```text
    /// Frees a prompt. Thread: any, when no other call uses this handle. NULL is fine; cannot fail. Since 0.1.
    /// ```
    pub fn rq_prompt_free(prompt: *mut rq_prompt);
}

/// ```text
/// What a model writes, read while it is written: reasoning apart from the answer, calls of tools as they arrive. One thread at a time.
///
///     rq_completion_feed(completion, piece.text, piece.text_len, &err);         generated with `special` = 1
///     while (rq_completion_next(completion, &kind, &text, &text_len, &err) == RQ_OK && kind != RQ_PART_NONE) show(kind, text, text_len);
///
/// Nothing is given out that could still be part of a marker; all parts joined do not depend on how the text was cut. The marker that ends
/// an answer belongs to the text: feed it where a generation stopped at it without showing it. After an error only rq_completion_next
/// and rq_completion_free are of use.
/// ```
#[repr(C)]
pub struct rq_completion {
    _opaque: [u8; 0],
    _not_send: std::marker::PhantomData<*mut u8>,
}

/// ```text
/// nothing more is certain yet
/// ```
pub const RQ_PART_NONE: i32 = 0;

/// ```text
/// text the model thinks
/// ```
pub const RQ_PART_REASONING: i32 = 1;

/// ```text
/// text of the answer
/// ```
pub const RQ_PART_CONTENT: i32 = 2;

/// ```text
/// a call begins: the name of the function
/// ```
pub const RQ_PART_TOOL_CALL: i32 = 3;

/// ```text
/// more of the arguments of the call that began last: all of a call joined are its JSON
/// ```
pub const RQ_PART_ARGUMENTS: i32 = 4;

extern "C" {
    /// ```text
    /// Begins to read an answer.
    ///   format     that of the prompt (rq_prompt_format), format_len bytes; copied.
    ///   thinking   as in the rq_prompt_options of the prompt: 1 or 0.
    ///   out        owned: rq_completion_free().
    /// Thread: any. Errors: RQ_ERR_NOT_FOUND for the format. Since 0.1.
    /// ```
    pub fn rq_completion_create(format: *const c_char, format_len: usize, thinking: u32, out: *mut *mut rq_completion, err: *mut rq_error) -> i32;
}

extern "C" {
    /// ```text
    /// More of the text.
    ///   text       text_len bytes, which may end anywhere, inside a character too; copied.
    /// Thread: one at a time. Errors: RQ_ERR_CORRUPT with the byte where it is no answer of the format; RQ_ERR_WRONG_STATE after
    /// rq_completion_finish or an earlier error. Since 0.1.
    /// ```
    pub fn rq_completion_feed(completion: *mut rq_completion, text: *const c_char, text_len: usize, err: *mut rq_error) -> i32;
}

extern "C" {
    /// ```text
    /// The next part that is certain.
    ///   kind       RQ_PART_*; RQ_PART_NONE where there is none.
    ///   text       borrowed until the next call of this function or rq_completion_free; no zero at the end is promised.       text_len    set.
    /// Thread: one at a time. Since 0.1.
    /// ```
    pub fn rq_completion_next(completion: *mut rq_completion, kind: *mut i32, text: *mut *const c_char, text_len: *mut usize, err: *mut rq_error) -> i32;
}

extern "C" {
    /// ```text
    /// The end of the text: what was held back becomes a part, also where the answer is refused.
    ///   message    the whole answer as a JSON message, ready for the array of rq_prompt_create: role, content (null beside calls of tools where
    ///              there is no text), reasoning_content and tool_calls where there are any. Borrowed until rq_completion_free; no zero at the
    ///              end is promised.       message_len    set.
    /// Thread: one at a time. Errors: RQ_ERR_CORRUPT for an answer that is not whole or no UTF-8; RQ_ERR_WRONG_STATE as rq_completion_feed.
    /// Since 0.1.
    /// ```
    pub fn rq_completion_finish(completion: *mut rq_completion, message: *mut *const c_char, message_len: *mut usize, err: *mut rq_error) -> i32;
}

extern "C" {
    /// ```text
    /// Frees a completion. Thread: one at a time. NULL is fine; cannot fail. Since 0.1.
    /// ```
    pub fn rq_completion_free(completion: *mut rq_completion);
}

/// ```text
/// One timeline of a model: the tokens so far and what each layer remembers of them. One thread at a time, any thread. While a
/// generation is under way on it, calls that evaluate or change it return RQ_ERR_WRONG_STATE.
/// ```
#[repr(C)]
pub struct rq_session {
    _opaque: [u8; 0],
    _not_send: std::marker::PhantomData<*mut u8>,
}

extern "C" {
    /// ```text
    /// A new, empty timeline.   options: may be NULL: all defaults.   out: owned: rq_session_free().
    /// Thread: any. Errors: RQ_ERR_WRONG_STATE. Since 0.1.
    /// ```
    pub fn rq_session_create(model: *const rq_model, options: *const rq_session_options, out: *mut *mut rq_session, err: *mut rq_error) -> i32;
}

extern "C" {
    /// ```text
    /// Frees a session. A generation under way on it keeps it alive. Thread: one at a time. NULL is fine; cannot fail. Since 0.1.
    /// ```
    pub fn rq_session_free(session: *mut rq_session);
}

extern "C" {
    /// ```text
    /// Makes the timeline equal to a prompt: keeps the common prefix, forgets the rest, evaluates only what is new.
    ///   tokens     token_count ids.
    ///   kept, evaluated    may be NULL; how many tokens were kept, and evaluated now.
    /// Thread: one at a time. Errors: RQ_ERR_CONTEXT_FULL (nothing changed); RQ_ERR_CANCELLED, RQ_ERR_CALLBACK (the timeline is valid and
    /// may be shorter: rq_session_length tells); RQ_ERR_WRONG_STATE. Since 0.1.
    /// ```
    pub fn rq_session_sync(session: *mut rq_session, tokens: *const i32, token_count: usize, kept: *mut usize, evaluated: *mut usize, err: *mut rq_error) -> i32;
}

extern "C" {
    /// ```text
    /// Evaluates tokens after the last one.
    ///   tokens     token_count ids. An id outside the vocabulary changes nothing: RQ_ERR_INVALID_ARGUMENT.
    ///   logits     NULL, or [token_count, vocab_size] floats for the logits after each of the tokens.
    ///   logits_count   0 with NULL, else token_count * vocab_size.
    /// Thread: one at a time. Errors: as rq_session_sync. Since 0.1.
    /// ```
    pub fn rq_session_append(session: *mut rq_session, tokens: *const i32, token_count: usize, logits: *mut f32, logits_count: usize, err: *mut rq_error) -> i32;
}

extern "C" {
    /// ```text
    /// Forgets all tokens from `length` on, length <= rq_session_length: exactly the state of a session that never saw them.
    /// Thread: one at a time. Errors: RQ_ERR_WRONG_STATE. Since 0.1.
    /// ```
    pub fn rq_session_rewind(session: *mut rq_session, length: usize, err: *mut rq_error) -> i32;
}

extern "C" {
    /// ```text
    /// An independent session with the same timeline; memory is shared as far as it can be.   out: owned: rq_session_free().
    /// Thread: one at a time. Errors: RQ_ERR_WRONG_STATE. Since 0.1.
    /// ```
    pub fn rq_session_fork(session: *mut rq_session, out: *mut *mut rq_session, err: *mut rq_error) -> i32;
}

extern "C" {
    /// ```text
    /// Writes the timeline to a file, which gets its name when it is whole: what was there before stays until then. Evaluates nothing.
    ///   path       UTF-8, path_len bytes.
    /// Thread: one at a time. Errors: RQ_ERR_WRONG_STATE, RQ_ERR_IO. Since 0.1.
    /// ```
    pub fn rq_session_save(session: *mut rq_session, path: *const c_char, path_len: usize, err: *mut rq_error) -> i32;
}

extern "C" {
    /// ```text
    /// Makes the timeline the one that was saved, as if it had been evaluated here: the same bits follow. All or nothing.
    ///   source     the saved file: rq_source_create_path, or files with one named "session.safetensors"; read during the call only.
    /// Thread: one at a time. Errors, which leave the session as it was: RQ_ERR_CORRUPT (no saved session, cut off, damaged),
    /// RQ_ERR_UNSUPPORTED (of a later version), RQ_ERR_INVALID_ARGUMENT (of another model, mode or cache, or without what this session's
    /// draft head needs), RQ_ERR_CONTEXT_FULL, RQ_ERR_NOT_FOUND, RQ_ERR_IO, RQ_ERR_WRONG_STATE. Since 0.1.
    /// ```
    pub fn rq_session_load(session: *mut rq_session, source: *const rq_source, err: *mut rq_error) -> i32;
}

extern "C" {
    /// ```text
    /// The logits after the last token.
    ///   logits     [vocab_size] floats; borrowed until the next call that evaluates or changes the session.       count    set to vocab_size.
    /// After a rewind the last token is evaluated again to have them.
    /// Thread: one at a time. Errors: RQ_ERR_WRONG_STATE (empty timeline), RQ_ERR_CANCELLED. Since 0.1.
    /// ```
    pub fn rq_session_logits(session: *mut rq_session, logits: *mut *const f32, count: *mut usize, err: *mut rq_error) -> i32;
}

extern "C" {
    /// ```text
    /// Evaluates what rq_session_logits evaluates, for several sessions at once: their last tokens go through the model together, and each weight
    /// that several of them need is read once. Afterwards rq_session_logits of each, and rq_generation_next of a generation under way, take no
    /// evaluation; both give what they give without this. The one call that evaluates while generations are under way.
    ///   sessions   count of them, each once, none empty. Those of other models or modes, with an observer, or with more than one token to
    ///              evaluate are evaluated one after another.
    ///   errors     NULL, or count structs side by side, the same struct_size in each: RQ_OK and "", or what went wrong with the session. One that
    ///              failed is as it was, and the others take no notice; rq_session_cancel of one of several takes effect when the call ends.
    /// Returns RQ_OK where all went well, else the status of the first that failed, with its sentence in err.
    /// Thread: one at a time for each of the sessions. Errors: RQ_ERR_WRONG_STATE (an empty timeline), RQ_ERR_INVALID_ARGUMENT (one stands twice):
    /// nothing was evaluated; as rq_session_sync. Since 0.1.
    /// ```
    pub fn rq_session_evaluate_batch(sessions: *const *mut rq_session, count: usize, errors: *mut rq_error, err: *mut rq_error) -> i32;
}

extern "C" {
    /// ```text
    /// The tokens of the timeline, oldest first.   tokens: borrowed until the next call that evaluates or changes the session.   count: set.
    /// Thread: one at a time. Since 0.1.
    /// ```
    pub fn rq_session_tokens(session: *mut rq_session, tokens: *mut *const i32, count: *mut usize, err: *mut rq_error) -> i32;
}

extern "C" {
    /// ```text
    /// How many tokens the timeline has.   length: set. Thread: one at a time. Since 0.1.
    /// ```
    pub fn rq_session_length(session: *mut rq_session, length: *mut usize, err: *mut rq_error) -> i32;
}

extern "C" {
    /// ```text
    /// How many tokens fit into the timeline.   capacity: set. Thread: one at a time. Since 0.1.
    /// ```
    pub fn rq_session_capacity(session: *mut rq_session, capacity: *mut usize, err: *mut rq_error) -> i32;
}

/// ```text
/// Counters of a session since its creation; a fork starts anew. Tokens evaluated twice count twice, tokens of an evaluation that was
/// given up do not count.
/// ```
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct rq_metrics {
    pub struct_size: u32,
    pub reserved: u32,
    /// evaluated together with others
    pub prefill_tokens: u64,
    /// wall time of these evaluations
    pub prefill_seconds: f64,
    /// evaluated alone, or with guesses of what follows
    pub decode_tokens: u64,
    pub decode_seconds: f64,
    /// what all layers remember now; memory shared with forks counts fully in each
    pub cache_bytes: u64,
    /// buffers, allocated once when the session was made
    pub scratch_bytes: u64,
    /// evaluated along with decoded tokens, because they might follow: RQ_DRAFTING_*
    pub guesses: u64,
    /// of these, what was drawn then. Tokens a second: (decode_tokens + kept_guesses) / decode_seconds
    pub kept_guesses: u64,
}
impl rq_metrics {
    /// The header's initialiser.
    pub const INIT: Self = Self {
        struct_size: size_of::<Self>() as u32,
        reserved: 0,
        prefill_tokens: 0,
        prefill_seconds: 0.0,
        decode_tokens: 0,
        decode_seconds: 0.0,
        cache_bytes: 0,
        scratch_bytes: 0,
        guesses: 0,
        kept_guesses: 0,
    };
}

extern "C" {
    /// ```text
    /// The counters.   metrics: filled in. Thread: one at a time. Since 0.1.
    /// ```
    pub fn rq_session_metrics(session: *mut rq_session, metrics: *mut rq_metrics, err: *mut rq_error) -> i32;
}

extern "C" {
    /// ```text
    /// Stops the evaluation that is running on a session: that call returns RQ_ERR_CANCELLED. When none is running, the next one is
    /// stopped instead, once: a cancel between two tokens is not lost. Works on generations of the session, too.
    /// Thread: any, also in a signal handler, at any time until rq_session_free. NULL is fine; cannot fail. Since 0.1.
    /// ```
    pub fn rq_session_cancel(session: *const rq_session);
}

/// ```text
/// How the next token is chosen. In this order: logit bias, repetition and presence penalties, temperature, top-k, top-p, min-p, draw.
/// ```
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct rq_sampling_options {
    pub struct_size: u32,
    /// 0 = greedy: the largest logit, ties to the lowest id; the other filters then have no effect
    pub temperature: f32,
    /// keep the k largest; 0 = all
    pub top_k: i32,
    /// keep the smallest set whose probability reaches p <= 1; 0 = all
    pub top_p: f32,
    /// keep tokens of at least min_p * the largest probability; 0 = all
    pub min_p: f32,
    /// > 1 makes tokens seen before less likely; 0 and 1 = off
    pub repetition_penalty: f32,
    /// subtracted from the logits of tokens seen before; 0 = off
    pub presence_penalty: f32,
    /// how many of the last tokens count as seen; 0 = all
    pub penalty_window: i32,
    /// same seed, same logits: same tokens, on every machine
    pub seed: u64,
    /// bias_count ids, and for each what is added to its logit; minus infinity forbids it. Copied
    pub bias_tokens: *const i32,
    pub bias_values: *const f32,
    pub bias_count: usize,
    /// must be NULL
    pub reserved_pointer: *mut c_void,
}
impl rq_sampling_options {
    /// The header's initialiser.
    pub const INIT: Self = Self {
        struct_size: size_of::<Self>() as u32,
        temperature: 0.0,
        top_k: 0,
        top_p: 0.0,
        min_p: 0.0,
        repetition_penalty: 0.0,
        presence_penalty: 0.0,
        penalty_window: 0,
        seed: 0,
        bias_tokens: std::ptr::null(),
        bias_values: std::ptr::null(),
        bias_count: 0,
        reserved_pointer: std::ptr::null_mut(),
    };
}

extern "C" {
    /// ```text
    /// What the checkpoint's generation_config.json recommends (a GGUF file: nothing); fields it does not mention are left at their defaults.
    ///   sampling   filled in.
    /// Thread: any. Since 0.1.
    /// ```
    pub fn rq_model_sampling(model: *const rq_model, sampling: *mut rq_sampling_options, err: *mut rq_error) -> i32;
}

extern "C" {
    /// ```text
    /// Out-ids: the tokens at which the model says it has finished. Thread: any. Since 0.1.
    /// ```
    pub fn rq_model_stop_tokens(model: *const rq_model, tokens: *mut i32, capacity: usize, count: *mut usize, err: *mut rq_error) -> i32;
}

/// ```text
/// What a generation may write: a set of texts. Immutable: any number of threads and generations may use one at once.
/// ```
#[repr(C)]
pub struct rq_grammar {
    _opaque: [u8; 0],
    _not_send: std::marker::PhantomData<*mut u8>,
}

extern "C" {
    /// ```text
    /// The JSON texts that a JSON Schema admits, with its properties in the schema's order and at most a space or a line break and indentation
    /// between things. Understood are type, enum, const, properties, required, additionalProperties, items, prefixItems, the limits of lengths
    /// and counts, those of integers, anyOf, oneOf of alternatives that differ in type or in a constant property, and $ref into the schema.
    /// Annotations are passed over. Properties that are named are the only ones, unless additionalProperties says otherwise.
    ///   schema     UTF-8, schema_len bytes.       out: owned: rq_grammar_free().
    /// Thread: any. Errors: RQ_ERR_INVALID_ARGUMENT with the place in the schema; RQ_ERR_UNSUPPORTED for every other keyword: what cannot be
    /// kept to is refused, not ignored. Since 0.1.
    /// ```
    pub fn rq_grammar_from_json_schema(schema: *const c_char, schema_len: usize, out: *mut *mut rq_grammar, err: *mut rq_error) -> i32;
}

extern "C" {
    /// ```text
    /// The texts of rules in extended Backus-Naur form:
    ///     root   ::= "yes" | "no" reason?      # a comment
    ///     reason ::= ", because " [^\n.]{1,80} "."
    /// The rule called root, or else the first, is the whole text. Literals and classes know \n \r \t \\ \" \] \- \^ \xHH \u{H...}; a dot is any
    /// character but the end of a line; * + ? {n} {n,} {n,m} repeat, parentheses group.
    ///   rules      UTF-8, rules_len bytes.        out: owned: rq_grammar_free().
    /// Thread: any. Errors: RQ_ERR_INVALID_ARGUMENT with line and column, or naming a rule that calls itself before it has read anything.
    /// Since 0.1.
    /// ```
    pub fn rq_grammar_from_rules(rules: *const c_char, rules_len: usize, out: *mut *mut rq_grammar, err: *mut rq_error) -> i32;
}

extern "C" {
    /// ```text
    /// Gives a grammar back; generations that use it keep what they need. Thread: any. NULL is fine; cannot fail. Since 0.1.
    /// ```
    pub fn rq_grammar_free(grammar: *mut rq_grammar);
}

/// ```text
/// With what and when a generation ends.
/// ```
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct rq_generation_options {
    pub struct_size: u32,
    /// 1 = do not stop at the model's own stop tokens
    pub ignore_stop_tokens: u32,
    /// 1 = special tokens appear in the text
    pub special: u32,
    /// must be 0
    pub reserved: u32,
    /// tokens at most; 0 = as many as the session has room for
    pub limit: u64,
    /// NULL = greedy; copied
    pub sampling: *const rq_sampling_options,
    /// stop_token_count ids in addition to the model's own; copied
    pub stop_tokens: *const i32,
    pub stop_token_count: usize,
    /// stop_string_count texts that end the generation and are not part of it; copied. Need a tokenizer
    pub stop_strings: *const *const c_char,
    /// their lengths in bytes; NULL = each ends with a zero
    pub stop_string_lens: *const usize,
    pub stop_string_count: usize,
    /// what the text may be; NULL = anything. Needs a tokenizer. A stop token may come where the
    /// grammar lets the text end
    pub grammar: *const rq_grammar,
    /// the grammar holds behind the first occurrence of this text, after white space: "</think>".
    /// NULL = from the beginning. Ends with a zero; copied
    pub grammar_after: *const c_char,
}
impl rq_generation_options {
    /// The header's initialiser.
    pub const INIT: Self = Self {
        struct_size: size_of::<Self>() as u32,
        ignore_stop_tokens: 0,
        special: 0,
        reserved: 0,
        limit: 0,
        sampling: std::ptr::null(),
        stop_tokens: std::ptr::null(),
        stop_token_count: 0,
        stop_strings: std::ptr::null(),
        stop_string_lens: std::ptr::null(),
        stop_string_count: 0,
        grammar: std::ptr::null(),
        grammar_after: std::ptr::null(),
    };
}

/// ```text
/// A generation under way, pulled one token a call. Every token drawn becomes part of the session's timeline at once, a stop token and
/// those of a stop string included; the text of all pieces joined is that of the tokens, up to a stop token or stop string.
///
///     do {
///         if (rq_generation_next(generation, &piece, &err) != RQ_OK) break;
///         fwrite(piece.text, 1, piece.text_len, stdout);
///     } while (piece.finish == RQ_FINISH_NONE);
///     rq_generation_free(generation);
///
/// Used by one thread at a time together with its session. Freeing it early is fine.
/// ```
#[repr(C)]
pub struct rq_generation {
    _opaque: [u8; 0],
    _not_send: std::marker::PhantomData<*mut u8>,
}

/// ```text
/// still running
/// ```
pub const RQ_FINISH_NONE: i32 = 0;

/// ```text
/// `token` is the one that ended it
/// ```
pub const RQ_FINISH_STOP_TOKEN: i32 = 1;

pub const RQ_FINISH_STOP_STRING: i32 = 2;

/// ```text
/// as many tokens as asked for
/// ```
pub const RQ_FINISH_LIMIT: i32 = 3;

/// ```text
/// the session has no room left
/// ```
pub const RQ_FINISH_CONTEXT_FULL: i32 = 4;

/// ```text
/// the grammar's text is whole and cannot go on
/// ```
pub const RQ_FINISH_COMPLETE: i32 = 5;

/// ```text
/// One step of a generation.
/// ```
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct rq_piece {
    pub struct_size: u32,
    /// the token drawn; -1 on a last piece without one: the session was full before the first
    pub token: i32,
    /// natural logarithm of the probability the model gave it, before penalties and filters
    pub logprob: f32,
    /// RQ_FINISH_*; not NONE on the last piece
    pub finish: i32,
    /// new text that is certain: empty while a character or a possible stop string is incomplete; the last piece
    /// brings what was held back. Never NULL after RQ_OK. Borrowed until the next call with the generation
    pub text: *const c_char,
    /// bytes; no zero at the end is promised
    pub text_len: usize,
}
impl rq_piece {
    /// The header's initialiser.
    pub const INIT: Self = Self {
        struct_size: size_of::<Self>() as u32,
        token: 0,
        logprob: 0.0,
        finish: 0,
        text: std::ptr::null(),
        text_len: 0,
    };
}

extern "C" {
    /// ```text
    /// Starts a generation after the session's last token.
    ///   session    in use by the generation until its last piece was delivered or it is freed; calls that evaluate or change the session
    ///              return RQ_ERR_WRONG_STATE until then.
    ///   options    may be NULL: greedy, until a stop token or the end of the room.
    ///   out        owned: rq_generation_free().
    /// A model without a tokenizer generates tokens without text.
    /// Thread: one at a time. Errors: RQ_ERR_WRONG_STATE (empty timeline; another generation under way; stop strings or a grammar without a tokenizer).
    /// Since 0.1.
    /// ```
    pub fn rq_generation_create(session: *mut rq_session, options: *const rq_generation_options, out: *mut *mut rq_generation, err: *mut rq_error) -> i32;
}

extern "C" {
    /// ```text
    /// Draws the next token, and evaluates the one before it where that is still to be done.
    ///   piece      filled in. Where its finish is not RQ_FINISH_NONE it is the last one; calls after that give pieces with token -1, no
    ///              text and the same finish.
    /// Thread: one at a time. Errors: RQ_ERR_CANCELLED, RQ_ERR_CALLBACK: nothing is lost, and the call may be made again. Since 0.1.
    /// ```
    pub fn rq_generation_next(generation: *mut rq_generation, piece: *mut rq_piece, err: *mut rq_error) -> i32;
}

extern "C" {
    /// ```text
    /// Ends and frees a generation. Thread: one at a time. NULL is fine; cannot fail. Since 0.1.
    /// ```
    pub fn rq_generation_free(generation: *mut rq_generation);
}

/// ```text
/// How far a conversion is: bytes written, bytes in all, and the tensor at hand (borrowed until the callback returns). Runs on the
/// thread that made the call, a few times a second at least. Non-zero = stop: the call fails with RQ_ERR_CALLBACK.
/// ```
pub type rq_progress_fn = Option<unsafe extern "C" fn(done_bytes: u64, all_bytes: u64, tensor: *const c_char, tensor_len: usize, user: *mut c_void) -> i32>;

/// ```text
/// RQ_LATENT_JOINED
/// ```
pub const RQ_LATENT_DEFAULT: i32 = 0;

/// ```text
/// attn_kv_b, as published. All programs open it; llama.cpp then caches whole keys and values
/// ```
pub const RQ_LATENT_JOINED: i32 = 1;

/// ```text
/// attn_k_b, transposed, and attn_v_b: what llama.cpp needs for its absorbed attention
/// ```
pub const RQ_LATENT_SPLIT: i32 = 2;

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct rq_quantize_options {
    pub struct_size: u32,
    /// workers including the thread that calls; 0 = one per physical core this process may use
    pub threads: u32,
    /// how numbers are stored: "f32", "f16", "bf16", "q8_0", "q4_0", "q4_1", "q5_0", "q5_1", "q6_k", "iq4_nl",
    /// "iq4_xs", "mxfp4", or a mix with more bits where they matter more, as llama.cpp's of the same name: "q2_k",
    /// "q3_k_s", "q3_k_m", "q3_k_l", "q4_k_s", "q4_k_m", "q5_k_s", "q5_k_m". Where rows are no multiple of 256, the K
    /// formats and iq4_xs give way to one with 32: q4_k to q5_0, q5_k to q5_1, q6_k to q8_0, q2_k and q3_k to
    /// q4_0, iq4_xs to iq4_nl. Norms and routers stay as they are
    pub format: *const c_char,
    /// 0 = "q4_k_m"
    pub format_len: usize,
    /// 1 = every matrix in the format itself, no mix
    pub pure: u32,
    /// RQ_LATENT_*: of a checkpoint folder; a GGUF file keeps its own
    pub latent: i32,
    /// may be NULL
    pub progress: rq_progress_fn,
    /// passed on to it
    pub user: *mut c_void,
    /// NULL = threads of the call's own; else `threads` is without effect
    pub executor: *const rq_executor,
}
impl rq_quantize_options {
    /// The header's initialiser.
    pub const INIT: Self = Self {
        struct_size: size_of::<Self>() as u32,
        threads: 0,
        format: std::ptr::null(),
        format_len: 0,
        pure: 0,
        latent: 0,
        progress: None,
        user: std::ptr::null_mut(),
        executor: std::ptr::null(),
    };
}

extern "C" {
    /// ```text
    /// Writes a model, a checkpoint folder as published or a GGUF file, as a GGUF file whose matrices are stored in another format. Keys,
    /// tokenizer and chat template go along. Weights that are quantised already are decoded first, and lose twice; what is stored in the
    /// wanted format is copied. All cores, bounded memory; equal input gives equal bytes.
    ///   source     read during the call only.
    ///   path       UTF-8, path_len bytes, not empty. The file appears there only when whole, and replaces what was there.
    ///   options    may be NULL: all defaults.
    /// Thread: any. Errors: as rq_model_open for the source; RQ_ERR_INVALID_ARGUMENT (naming the option), RQ_ERR_UNSUPPORTED (what GGUF
    /// cannot say of the model or its tokenizer), RQ_ERR_CORRUPT (naming a tensor whose values cannot be stored), RQ_ERR_IO,
    /// RQ_ERR_CALLBACK; no file is left behind then. Since 0.1.
    /// ```
    pub fn rq_quantize(source: *const rq_source, path: *const c_char, path_len: usize, options: *const rq_quantize_options, err: *mut rq_error) -> i32;
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct rq_pack_options {
    pub struct_size: u32,
    /// workers including the thread that calls; 0 = one per physical core this process may use
    pub threads: u32,
    /// may be NULL
    pub progress: rq_progress_fn,
    /// passed on to it
    pub user: *mut c_void,
    /// NULL = threads of the call's own; else `threads` is without effect
    pub executor: *const rq_executor,
}
impl rq_pack_options {
    /// The header's initialiser.
    pub const INIT: Self = Self {
        struct_size: size_of::<Self>() as u32,
        threads: 0,
        progress: None,
        user: std::ptr::null_mut(),
        executor: std::ptr::null(),
    };
}

extern "C" {
    /// ```text
    /// Writes a model, of whatever form, as one safetensors file that holds its weights as the engine computes with them, and its config and
    /// tokenizer. Opening such a file maps it and is done, without reading or packing ahead; the system may drop and reread its pages. It
    /// computes the same bits and has the same identity as the original, which it does not need any more. Another version of the library
    /// may refuse it (RQ_ERR_UNSUPPORTED): keep the original. All cores, bounded memory; equal input gives equal bytes.
    ///   source     read during the call only.
    ///   path       UTF-8, path_len bytes, not empty. The file appears there only when whole, and replaces what was there.
    ///   options    may be NULL: all defaults.
    /// Thread: any. Errors: as rq_model_open for the source; RQ_ERR_INVALID_ARGUMENT, RQ_ERR_UNSUPPORTED (a packed file), RQ_ERR_CORRUPT
    /// (naming a matrix of a quantised model whose values are not finite), RQ_ERR_IO, RQ_ERR_CALLBACK; no file is left behind then. Since 0.1.
    /// ```
    pub fn rq_pack(source: *const rq_source, path: *const c_char, path_len: usize, options: *const rq_pack_options, err: *mut rq_error) -> i32;
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct rq_synthesize_options {
    pub struct_size: u32,
    /// workers including the thread that calls; 0 = one per physical core this process may use
    pub threads: u32,
    /// "v2-lite": DeepSeek-V2-Lite's; "moonlight", "glm-4.7-flash", "v4-mini": Flash at an eighth of its width; "v2-tiny", "v32-tiny" and "v4-tiny": small, odd sizes
    pub geometry: *const c_char,
    /// 0 = "v2-lite"
    pub geometry_len: usize,
    /// as in rq_quantize_options
    pub format: *const c_char,
    /// 0 = "q4_k_m"
    pub format_len: usize,
    /// 1 = every matrix in the format itself, no mix
    pub pure: u32,
    /// RQ_LATENT_*
    pub latent: i32,
    /// another seed, other weights
    pub seed: u64,
    /// fewer or more layers than the geometry has; 0 = as many
    pub layers: u64,
    /// may be NULL
    pub progress: rq_progress_fn,
    /// passed on to it
    pub user: *mut c_void,
    /// NULL = threads of the call's own; else `threads` is without effect
    pub executor: *const rq_executor,
    /// must be NULL
    pub reserved_pointer: *mut c_void,
}
impl rq_synthesize_options {
    /// The header's initialiser.
    pub const INIT: Self = Self {
        struct_size: size_of::<Self>() as u32,
        threads: 0,
        geometry: std::ptr::null(),
        geometry_len: 0,
        format: std::ptr::null(),
        format_len: 0,
        pure: 0,
        latent: 0,
        seed: 0,
        layers: 0,
        progress: None,
        user: std::ptr::null_mut(),
        executor: std::ptr::null(),
        reserved_pointer: std::ptr::null_mut(),
    };
}

extern "C" {
    /// ```text
    /// Writes a GGUF file with a model of true geometry and random weights: what it says means nothing, but it takes the time and memory
    /// of the real one, so that anybody can measure without a download. Activations neither explode nor vanish; the made-up vocabulary
    /// encodes any text. Writing is about as fast as the disk. Equal options give equal bytes.
    ///   path       UTF-8, path_len bytes, not empty. The file appears there only when whole, and replaces what was there.
    ///   options    what to write.
    /// Thread: any. Errors: RQ_ERR_INVALID_ARGUMENT (naming the option), RQ_ERR_IO, RQ_ERR_CALLBACK; no file is left behind then.
    /// Since 0.1.
    /// ```
    pub fn rq_synthesize(path: *const c_char, path_len: usize, options: *const rq_synthesize_options, err: *mut rq_error) -> i32;
}

/// ```text
/// y[t,n] = sum over k of x[t,k] * w[n,k].
/// ```
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct rq_matmul_args {
    pub struct_size: u32,
    /// RQ_DTYPE_F32, RQ_DTYPE_F16 or RQ_DTYPE_BF16
    pub w_dtype: i32,
    /// T
    pub tokens: i64,
    /// K
    pub inputs: i64,
    /// N
    pub outputs: i64,
    pub x_stride: i64,
    pub y_stride: i64,
    /// [N, K] of w_dtype, rows adjacent, any alignment
    pub w: *const c_void,
    /// [T, K]
    pub x: *const f32,
    /// [T, N]
    pub y: *mut f32,
    /// NULL = the calling thread alone; used during the call only
    pub executor: *const rq_executor,
}
impl rq_matmul_args {
    /// The header's initialiser.
    pub const INIT: Self = Self {
        struct_size: size_of::<Self>() as u32,
        w_dtype: 0,
        tokens: 0,
        inputs: 0,
        outputs: 0,
        x_stride: 0,
        y_stride: 0,
        w: std::ptr::null(),
        x: std::ptr::null(),
        y: std::ptr::null_mut(),
        executor: std::ptr::null(),
    };
}

extern "C" {
    /// ```text
    /// Matrix product, sums in f32. Thread: any. Since 0.1.
    /// ```
    pub fn rq_matmul(args: *const rq_matmul_args, err: *mut rq_error) -> i32;
}

/// ```text
/// the form with fewer multiplications
/// ```
pub const RQ_ATTENTION_AUTOMATIC: i32 = 0;

/// ```text
/// expand keys and values of every cached token: cheaper for many queries
/// ```
pub const RQ_ATTENTION_NAIVE: i32 = 1;

/// ```text
/// attend to the latent itself: cheaper for few
/// ```
pub const RQ_ATTENTION_ABSORBED: i32 = 2;

/// ```text
/// Causal multi-head latent attention (DeepSeek-V2 paper, section 2.1) of T queries at positions first ... first + T - 1 over the cached
/// tokens 0 ... first + T - 1. Names as in config.json.
/// ```
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct rq_latent_attention_args {
    pub struct_size: u32,
    /// RQ_ATTENTION_*: equal to rounding
    pub form: i32,
    /// RQ_DTYPE_F32, RQ_DTYPE_F16 or RQ_DTYPE_BF16
    pub w_dtype: i32,
    /// 0 = (qk_nope_head_dim + qk_rope_head_dim)^-1/2
    pub softmax_scale: f32,
    /// H
    pub heads: i64,
    /// R
    pub kv_lora_rank: i64,
    /// P
    pub qk_nope_head_dim: i64,
    /// Q
    pub qk_rope_head_dim: i64,
    /// V
    pub v_head_dim: i64,
    /// T
    pub queries: i64,
    /// position of the first query = cached tokens before it
    pub first: i64,
    pub q_stride: i64,
    pub c_kv_stride: i64,
    pub k_pe_stride: i64,
    pub out_stride: i64,
    /// [T, H * (P + Q)]: per head first the part without position, then the rotated part
    pub q: *const f32,
    /// [first + T, R]: latents after their norm
    pub c_kv: *const f32,
    /// [first + T, Q]: rope keys after rotation, shared by all heads
    pub k_pe: *const f32,
    /// [H * (P + V), R] of w_dtype: per head the rows that make keys, then those that make values
    pub w_kv_b: *const c_void,
    /// [T, H * V]
    pub out: *mut f32,
    /// NULL = the calling thread alone; used during the call only
    pub executor: *const rq_executor,
}
impl rq_latent_attention_args {
    /// The header's initialiser.
    pub const INIT: Self = Self {
        struct_size: size_of::<Self>() as u32,
        form: 0,
        w_dtype: 0,
        softmax_scale: 0.0,
        heads: 0,
        kv_lora_rank: 0,
        qk_nope_head_dim: 0,
        qk_rope_head_dim: 0,
        v_head_dim: 0,
        queries: 0,
        first: 0,
        q_stride: 0,
        c_kv_stride: 0,
        k_pe_stride: 0,
        out_stride: 0,
        q: std::ptr::null(),
        c_kv: std::ptr::null(),
        k_pe: std::ptr::null(),
        w_kv_b: std::ptr::null(),
        out: std::ptr::null_mut(),
        executor: std::ptr::null(),
    };
}

extern "C" {
    /// ```text
    /// Latent attention on plain arrays, softmax in f32. Thread: any. Since 0.1.
    /// ```
    pub fn rq_latent_attention(args: *const rq_latent_attention_args, err: *mut rq_error) -> i32;
}

/// ```text
/// DeepSeek-V2: over all experts
/// ```
pub const RQ_SCORING_SOFTMAX: i32 = 0;

/// ```text
/// DeepSeek-V3
/// ```
pub const RQ_SCORING_SIGMOID: i32 = 1;

/// ```text
/// sqrt(ln(1 + e^x))
/// ```
pub const RQ_SCORING_SQRT_SOFTPLUS: i32 = 2;

/// ```text
/// DeepSeek-V2, group_limited_greedy
/// ```
pub const RQ_GROUP_SCORE_MAXIMUM: i32 = 0;

/// ```text
/// DeepSeek-V3, noaux_tc
/// ```
pub const RQ_GROUP_SCORE_TOP_TWO_SUM: i32 = 1;

/// ```text
/// Which experts each token goes to, and with what weights (DeepSeek-V2 eq. 20-22, DeepSeek-V3 eq. 12-16).
/// ```
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct rq_route_args {
    pub struct_size: u32,
    /// RQ_SCORING_*
    pub scoring: i32,
    /// RQ_GROUP_SCORE_*
    pub group_score: i32,
    /// 1 = divide the weights by their sum
    pub normalise: u32,
    /// factor on the final weights; 0 = 1
    pub scale: f32,
    /// must be 0
    pub reserved: u32,
    /// T
    pub tokens: i64,
    /// E
    pub experts: i64,
    /// k
    pub experts_per_token: i64,
    /// consecutive blocks of equal size; 0 = 1
    pub groups: i64,
    /// how many of them a token may use; 0 = all
    pub groups_kept: i64,
    pub logits_stride: i64,
    /// [T, E]
    pub logits: *const f32,
    /// [E], added to the scores for choosing only; NULL = none
    pub bias: *const f32,
    /// [T, k]: by descending selection score, ties to the lower id
    pub ids: *mut i32,
    /// [T, k]: scores without bias, normalised and scaled
    pub weights: *mut f32,
}
impl rq_route_args {
    /// The header's initialiser.
    pub const INIT: Self = Self {
        struct_size: size_of::<Self>() as u32,
        scoring: 0,
        group_score: 0,
        normalise: 0,
        scale: 0.0,
        reserved: 0,
        tokens: 0,
        experts: 0,
        experts_per_token: 0,
        groups: 0,
        groups_kept: 0,
        logits_stride: 0,
        logits: std::ptr::null(),
        bias: std::ptr::null(),
        ids: std::ptr::null_mut(),
        weights: std::ptr::null_mut(),
    };
}

extern "C" {
    /// ```text
    /// Chooses experts. Thread: any. Since 0.1.
    /// ```
    pub fn rq_route(args: *const rq_route_args, err: *mut rq_error) -> i32;
}

extern "C" {
    /// ```text
    /// y[t,i] = x[t,i] / sqrt(mean over i of x[t,i]^2 + eps) * weight[i].   x, y [rows, cols], weight [cols]. In place allowed.
    /// Thread: any. Since 0.1.
    /// ```
    pub fn rq_rms_norm(x: *const f32, x_stride: i64, weight: *const f32, eps: f32, rows: i64, cols: i64, y: *mut f32, y_stride: i64, err: *mut rq_error) -> i32;
}

extern "C" {
    /// ```text
    /// Each row of x [rows, cols] becomes exp(x - max) / sum of exp(x - max). In place. Thread: any. Since 0.1.
    /// ```
    pub fn rq_softmax(x: *mut f32, rows: i64, cols: i64, stride: i64, err: *mut rq_error) -> i32;
}

extern "C" {
    /// ```text
    /// y = silu(gate) * up, element by element, silu(z) = z / (1 + e^-z).   gate, up, y [rows, cols]. In place over gate or up allowed.
    /// Thread: any. Since 0.1.
    /// ```
    pub fn rq_swiglu(gate: *const f32, gate_stride: i64, up: *const f32, up_stride: i64, rows: i64, cols: i64, y: *mut f32, y_stride: i64, err: *mut rq_error) -> i32;
}

/// ```text
/// elements 2i and 2i + 1 form a pair: DeepSeek's attention
/// ```
pub const RQ_ROPE_ADJACENT: i32 = 0;

/// ```text
/// elements i and i + dim / 2
/// ```
pub const RQ_ROPE_HALVES: i32 = 1;

/// ```text
/// Rotary position embedding, with YaRN scaling as DeepSeek uses it.
/// ```
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct rq_rope_args {
    pub struct_size: u32,
    /// RQ_ROPE_*
    pub pairs: i32,
    /// T, at positions first ... first + T - 1
    pub tokens: i64,
    pub first: i64,
    /// H
    pub heads: i64,
    /// rotated elements per head, even
    pub dim: i64,
    /// elements from head to head within a row; 0 = dim
    pub head_stride: i64,
    /// where in a head the rotated elements begin
    pub offset: i64,
    /// elements from row to row; 0 = H * head_stride
    pub x_stride: i64,
    /// theta; 0 = 10000
    pub base: f64,
    /// YaRN's s; 0 and 1 = no scaling, and the fields below have no effect
    pub factor: f64,
    /// the context the model was trained with; 0 = 4096
    pub original_positions: f64,
    /// 0 = 32
    pub beta_fast: f64,
    /// 0 = 1
    pub beta_slow: f64,
    /// 0 = absent
    pub mscale: f64,
    /// 0 = absent
    pub mscale_all_dim: f64,
    /// [T, H * head_stride], rotated in place
    pub x: *mut f32,
    /// must be NULL
    pub reserved_pointer: *mut c_void,
}
impl rq_rope_args {
    /// The header's initialiser.
    pub const INIT: Self = Self {
        struct_size: size_of::<Self>() as u32,
        pairs: 0,
        tokens: 0,
        first: 0,
        heads: 0,
        dim: 0,
        head_stride: 0,
        offset: 0,
        x_stride: 0,
        base: 0.0,
        factor: 0.0,
        original_positions: 0.0,
        beta_fast: 0.0,
        beta_slow: 0.0,
        mscale: 0.0,
        mscale_all_dim: 0.0,
        x: std::ptr::null_mut(),
        reserved_pointer: std::ptr::null_mut(),
    };
}

extern "C" {
    /// ```text
    /// Rotates heads by their positions. Thread: any. Since 0.1.
    /// ```
    pub fn rq_rope(args: *const rq_rope_args, err: *mut rq_error) -> i32;
}

/// ```text
/// Looks on while a session evaluates. Callbacks run on the thread that evaluates, with arrays borrowed until they return, and must not
/// call the library with that session; either may be NULL. Non-zero = stop: the evaluating call fails with RQ_ERR_CALLBACK.
/// ```
#[cfg(feature = "unstable")]
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct rq_observer {
    pub struct_size: u32,
    /// must be 0
    pub reserved: u32,
    /// x [tokens, cols], rows `stride` elements apart, at positions position ... position + tokens - 1: the embedding (layer -1), then the
    /// residual stream after each layer.
    pub hidden: Option<unsafe extern "C" fn(layer: i64, position: i64, tokens: i64, cols: i64, stride: i64, x: *const f32, user: *mut c_void) -> i32>,
    /// ids and weights [tokens, per_token]: the experts chosen, by descending selection score.
    pub experts: Option<unsafe extern "C" fn(layer: i64, position: i64, tokens: i64, per_token: i64, ids: *const i32, weights: *const f32, user: *mut c_void) -> i32>,
    /// passed on as it is
    pub user: *mut c_void,
    /// must be NULL
    pub reserved_pointer: *mut c_void,
}
#[cfg(feature = "unstable")]
impl rq_observer {
    /// The header's initialiser.
    pub const INIT: Self = Self {
        struct_size: size_of::<Self>() as u32,
        reserved: 0,
        hidden: None,
        experts: None,
        user: std::ptr::null_mut(),
        reserved_pointer: std::ptr::null_mut(),
    };
}

extern "C" {
    /// ```text
    /// Sets who looks on while the session evaluates.   observer: copied; NULL = nobody. Its functions stay in use until it is replaced or the
    /// session is freed; forks have none. Thread: one at a time. Errors: RQ_ERR_WRONG_STATE. Since 0.1 (unstable).
    /// ```
    #[cfg(feature = "unstable")]
    pub fn rq_session_observe(session: *mut rq_session, observer: *const rq_observer, err: *mut rq_error) -> i32;
}

extern "C" {
    /// ```text
    /// rq_session_append that also tells what the model's draft head expects, for a session made with RQ_DRAFTING_HEAD.
    ///   draft_logits   [token_count, vocab_size] floats: row i is the guess of what follows tokens[i], made from that token and from what the model
    ///                  made of those before it. After the first token of a timeline there is none: zeros.
    ///   draft_logits_count   token_count * vocab_size.
    /// Thread: one at a time. Errors: as rq_session_append; RQ_ERR_WRONG_STATE for a session without drafts. Since 0.1 (unstable).
    /// ```
    #[cfg(feature = "unstable")]
    pub fn rq_session_append_drafts(session: *mut rq_session, tokens: *const i32, token_count: usize, logits: *mut f32, logits_count: usize, draft_logits: *mut f32, draft_logits_count: usize, err: *mut rq_error) -> i32;
}
