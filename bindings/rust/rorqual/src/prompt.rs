use crate::call::{call, create, ids, lent_text};
use crate::{Model, Result, Tokenizer};
use rorqual_sys as sys;
use std::ptr::{null, NonNull};

/// How a conversation is written.
#[derive(Clone, Debug, Default)]
pub struct PromptOptions {
    /// "v2", "v3", "r1", "v3-0324", "r1-0528", "v3.1", "v3.2", "v4" or "jinja"; empty = the one that writes what the chat template
    /// writes, else "jinja"; without a template the newest whose special tokens the tokenizer has.
    pub format: String,
    /// The model is to reason before it answers; R1 always does.
    pub thinking: bool,
    /// V4, where thinking: "max" asks for all there is, "high" for the usual; empty = the usual.
    pub effort: String,
    /// Reasoning of earlier turns stays in the prompt (V3.2, V4).
    pub keep_thinking: bool,
    /// The prompt does not open an answer (up to V3.1; "jinja").
    pub no_generation: bool,
    /// A chat template in Jinja; empty = none.
    pub chat_template: String,
    /// "jinja": more of what the template is told, a JSON object; empty = nothing. Names that end in "_token" are special tokens.
    pub variables: String,
}

/// A conversation as the text and the token ids that a model expects. Immutable.
pub struct Prompt {
    handle: NonNull<sys::rq_prompt>,
}

// SAFETY: rorqual.h, rq_prompt: "Immutable: any number of threads may use one at once."
unsafe impl Send for Prompt {}
unsafe impl Sync for Prompt {}

impl Prompt {
    /// Reads a conversation, a JSON array in the OpenAI shape, and writes its prompt. Errors name the place: "messages\[3\].content: ...".
    pub fn new(messages: &str, tokenizer: &Tokenizer, options: &PromptOptions) -> Result<Prompt> {
        Prompt::make(messages, tokenizer.handle(), null(), options)
    }

    /// The same with the tokenizer and the chat template that come with a model.
    pub fn for_model(messages: &str, model: &Model, options: &PromptOptions) -> Result<Prompt> {
        Prompt::make(messages, null(), model.handle(), options)
    }

    fn make(
        messages: &str,
        tokenizer: *const sys::rq_tokenizer,
        model: *const sys::rq_model,
        options: &PromptOptions,
    ) -> Result<Prompt> {
        let mut raw = sys::rq_prompt_options::INIT;
        raw.thinking = options.thinking.into();
        raw.format = options.format.as_ptr().cast();
        raw.format_len = options.format.len();
        raw.tokenizer = tokenizer;
        raw.model = model;
        raw.effort = options.effort.as_ptr().cast();
        raw.effort_len = options.effort.len();
        raw.keep_thinking = options.keep_thinking.into();
        raw.no_generation = options.no_generation.into();
        raw.chat_template = options.chat_template.as_ptr().cast();
        raw.chat_template_len = options.chat_template.len();
        raw.variables = options.variables.as_ptr().cast();
        raw.variables_len = options.variables.len();
        // SAFETY: pointers and their lengths, copied or read during the call.
        let handle = create(|out, err| unsafe {
            sys::rq_prompt_create(messages.as_ptr().cast(), messages.len(), &raw, out, err)
        })?;
        Ok(Prompt { handle })
    }

    /// The format that was named or found.
    pub fn format(&self) -> Result<String> {
        let (mut name, mut length) = (null(), 0);
        // SAFETY: a live handle; static text.
        unsafe {
            call(|err| sys::rq_prompt_format(self.handle.as_ptr(), &mut name, &mut length, err))?;
            Ok(lent_text(name, length).into_owned())
        }
    }

    /// What the published template writes, special tokens spelled out.
    pub fn text(&self) -> Result<String> {
        let (mut text, mut length) = (null(), 0);
        // SAFETY: a live handle; the text is "borrowed until rq_prompt_free".
        unsafe {
            call(|err| sys::rq_prompt_text(self.handle.as_ptr(), &mut text, &mut length, err))?;
            Ok(lent_text(text, length).into_owned())
        }
    }

    /// The ids. Text of users, tools and models never becomes a special token, whatever it spells.
    pub fn tokens(&self, tokenizer: &Tokenizer) -> Result<Vec<i32>> {
        // SAFETY: live handles; a buffer and its capacity.
        ids(|tokens, capacity, count, err| unsafe {
            sys::rq_prompt_tokens(self.handle.as_ptr(), tokenizer.handle(), tokens, capacity, count, err)
        })
    }
}

impl Drop for Prompt {
    fn drop(&mut self) {
        // SAFETY: freed once.
        unsafe { sys::rq_prompt_free(self.handle.as_ptr()) }
    }
}
