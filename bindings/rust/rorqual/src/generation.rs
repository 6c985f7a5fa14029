use crate::call::{call, create, lent_text};
use crate::{Code, Error, Grammar, Result, Session};
use rorqual_sys as sys;
use std::ffi::CString;
use std::marker::PhantomData;
use std::ptr::NonNull;

/// How the next token is chosen: logit bias, penalties, temperature, top-k, top-p, min-p, draw. `Default` is greedy.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sampling {
    /// 0 = greedy: the largest logit, ties to the lowest id.
    pub temperature: f32,
    /// Keep the k largest; 0 = all.
    pub top_k: i32,
    /// Keep the smallest set whose probability reaches p; 0 = all.
    pub top_p: f32,
    /// Keep tokens of at least min_p times the largest probability; 0 = all.
    pub min_p: f32,
    /// More than 1 makes tokens seen before less likely; 0 and 1 = off.
    pub repetition_penalty: f32,
    /// Subtracted from the logits of tokens seen before; 0 = off.
    pub presence_penalty: f32,
    /// How many of the last tokens count as seen; 0 = all.
    pub penalty_window: i32,
    /// Same seed, same logits: same tokens, on every machine.
    pub seed: u64,
    /// Ids, and for each what is added to its logit; minus infinity forbids it.
    pub bias: Vec<(i32, f32)>,
}

impl Sampling {
    pub(crate) fn from_raw(raw: &sys::rq_sampling_options) -> Sampling {
        Sampling {
            temperature: raw.temperature,
            top_k: raw.top_k,
            top_p: raw.top_p,
            min_p: raw.min_p,
            repetition_penalty: raw.repetition_penalty,
            presence_penalty: raw.presence_penalty,
            penalty_window: raw.penalty_window,
            seed: raw.seed,
            bias: Vec::new(),
        }
    }

    /// The header's struct; it borrows the two arrays.
    fn raw(&self, tokens: &[i32], values: &[f32]) -> sys::rq_sampling_options {
        let mut raw = sys::rq_sampling_options::INIT;
        raw.temperature = self.temperature;
        raw.top_k = self.top_k;
        raw.top_p = self.top_p;
        raw.min_p = self.min_p;
        raw.repetition_penalty = self.repetition_penalty;
        raw.presence_penalty = self.presence_penalty;
        raw.penalty_window = self.penalty_window;
        raw.seed = self.seed;
        raw.bias_tokens = tokens.as_ptr();
        raw.bias_values = values.as_ptr();
        raw.bias_count = tokens.len();
        raw
    }
}

/// With what and when a generation ends. `Default` is greedy, until a stop token or the end of the room.
#[derive(Clone, Default)]
pub struct GenerationOptions {
    /// Tokens at most; 0 = as many as the session has room for.
    pub limit: u64,
    /// How tokens are chosen.
    pub sampling: Sampling,
    /// Do not stop at the model's own stop tokens.
    pub ignore_stop_tokens: bool,
    /// Special tokens appear in the text.
    pub special: bool,
    /// Stop tokens in addition to the model's own.
    pub stop_tokens: Vec<i32>,
    /// Texts that end the generation and are not part of it.
    pub stop_strings: Vec<String>,
    /// What the text may be.
    pub grammar: Option<Grammar>,
    /// The grammar holds behind the first occurrence of this text: `</think>`. Empty = from the beginning.
    pub grammar_after: String,
}

/// Why a generation ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Finish {
    /// The last token is one to stop at.
    StopToken,
    /// The text reached one to stop at.
    StopString,
    /// As many tokens as asked for.
    Limit,
    /// The session has no room left.
    ContextFull,
    /// The grammar's text is whole and cannot go on.
    Complete,
    /// A reason of a newer library.
    Other(i32),
}

/// One step of a generation.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Piece {
    /// The token drawn; none on a last piece where the session was full before the first.
    pub token: Option<i32>,
    /// Natural logarithm of the probability the model gave it, before penalties and filters.
    pub logprob: f32,
    /// On the last piece: why it is the last.
    pub finish: Option<Finish>,
    /// New text that is certain: empty while a character or a possible stop string is incomplete.
    pub text: String,
}

/// A generation under way: an iterator that ends after its last piece or after an error. Every token drawn is part of the session's
/// timeline at once. Dropping it early is fine.
pub struct Generation<'s> {
    handle: NonNull<sys::rq_generation>,
    on: *mut sys::rq_session,
    done: bool,
    session: PhantomData<&'s mut Session>,
}

// SAFETY: rorqual.h, rq_generation: "Used by one thread at a time together with its session", which it borrows. Every call needs
// `&mut self`.
unsafe impl Send for Generation<'_> {}

impl<'s> Generation<'s> {
    pub(crate) fn new(session: &'s mut Session, options: &GenerationOptions) -> Result<Generation<'s>> {
        let (tokens, values): (Vec<_>, Vec<_>) = options.sampling.bias.iter().copied().unzip();
        let sampling = options.sampling.raw(&tokens, &values);
        let strings: Vec<_> = options.stop_strings.iter().map(|text| text.as_ptr().cast()).collect();
        let lengths: Vec<_> = options.stop_strings.iter().map(String::len).collect();
        let after = CString::new(options.grammar_after.as_str())
            .map_err(|_| Error::new(Code::InvalidArgument, "grammar_after: holds a zero byte"))?;
        let mut raw = sys::rq_generation_options::INIT;
        raw.ignore_stop_tokens = options.ignore_stop_tokens.into();
        raw.special = options.special.into();
        raw.limit = options.limit;
        raw.sampling = &sampling;
        raw.stop_tokens = options.stop_tokens.as_ptr();
        raw.stop_token_count = options.stop_tokens.len();
        raw.stop_strings = strings.as_ptr();
        raw.stop_string_lens = lengths.as_ptr();
        raw.stop_string_count = strings.len();
        if let Some(grammar) = &options.grammar {
            raw.grammar = grammar.handle();
        }
        if !options.grammar_after.is_empty() {
            raw.grammar_after = after.as_ptr();
        }
        // SAFETY: a live session, borrowed as long as the generation lives; pointers and their counts, copied during the call.
        let handle = create(|out, err| unsafe { sys::rq_generation_create(session.pointer(), &raw, out, err) })?;
        Ok(Generation { handle, on: session.pointer(), done: false, session: PhantomData })
    }
}

impl Generation<'_> {
    pub(crate) fn session_pointer(&self) -> *mut sys::rq_session {
        self.on
    }
}

impl Iterator for Generation<'_> {
    type Item = Result<Piece>;

    fn next(&mut self) -> Option<Result<Piece>> {
        if self.done {
            return None;
        }
        let mut piece = sys::rq_piece::INIT;
        // SAFETY: a live handle; `piece` is filled in, its text borrowed "until the next call with the generation", and copied before.
        let next = call(|err| unsafe { sys::rq_generation_next(self.handle.as_ptr(), &mut piece, err) });
        let next = next.map(|()| Piece {
            token: (piece.token >= 0).then_some(piece.token),
            logprob: piece.logprob,
            finish: finish(piece.finish),
            text: unsafe { lent_text(piece.text, piece.text_len) }.into_owned(),
        });
        self.done = next.as_ref().map_or(true, |piece| piece.finish.is_some());
        Some(next)
    }
}

impl std::iter::FusedIterator for Generation<'_> {}

fn finish(code: i32) -> Option<Finish> {
    match code {
        sys::RQ_FINISH_NONE => None,
        sys::RQ_FINISH_STOP_TOKEN => Some(Finish::StopToken),
        sys::RQ_FINISH_STOP_STRING => Some(Finish::StopString),
        sys::RQ_FINISH_LIMIT => Some(Finish::Limit),
        sys::RQ_FINISH_CONTEXT_FULL => Some(Finish::ContextFull),
        sys::RQ_FINISH_COMPLETE => Some(Finish::Complete),
        other => Some(Finish::Other(other)),
    }
}

impl Drop for Generation<'_> {
    fn drop(&mut self) {
        // SAFETY: freed once.
        unsafe { sys::rq_generation_free(self.handle.as_ptr()) }
    }
}
