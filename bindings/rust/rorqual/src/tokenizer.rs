use crate::call::{call, create, ids, lent, lent_text, text};
use crate::{Result, Source};
use rorqual_sys as sys;
use std::ptr::{null, NonNull};

/// Text to token ids and back. Immutable: any number of threads may use one at once.
pub struct Tokenizer {
    handle: NonNull<sys::rq_tokenizer>,
}

// SAFETY: rorqual.h, rq_tokenizer: "Immutable: any number of threads may use one at once."
unsafe impl Send for Tokenizer {}
unsafe impl Sync for Tokenizer {}

impl Tokenizer {
    pub(crate) fn new(handle: NonNull<sys::rq_tokenizer>) -> Tokenizer {
        Tokenizer { handle }
    }

    /// A tokenizer without a model: of a tokenizer.json, a GGUF file, or a folder that holds one of them.
    pub fn open(source: &Source) -> Result<Tokenizer> {
        // SAFETY: a live handle, read during the call.
        source.with(|source| create(|out, err| unsafe { sys::rq_tokenizer_open(source, out, err) })).map(Tokenizer::new)
    }

    pub(crate) fn handle(&self) -> *const sys::rq_tokenizer {
        self.handle.as_ptr()
    }

    /// The ids of a text; nothing is added, and no text becomes a special token: right for text from users.
    pub fn encode(&self, text: &str) -> Result<Vec<i32>> {
        self.encode_flags(text, 0)
    }

    /// The ids of a text in which `<s>` and the like are the tokens of that name: right for text of your own.
    pub fn encode_with_added_tokens(&self, text: &str) -> Result<Vec<i32>> {
        self.encode_flags(text, sys::RQ_ENCODE_ADDED_TOKENS)
    }

    fn encode_flags(&self, text: &str, flags: u32) -> Result<Vec<i32>> {
        // SAFETY: a live handle; pointers and their lengths.
        ids(|tokens, capacity, count, err| unsafe {
            let (text, len) = (text.as_ptr().cast(), text.len());
            sys::rq_tokenizer_encode(self.handle(), text, len, flags, tokens, capacity, count, err)
        })
    }

    /// The text of ids, special tokens left out. Bytes that are no UTF-8 become U+FFFD.
    pub fn decode(&self, tokens: &[i32]) -> Result<String> {
        self.decode_flags(tokens, 0)
    }

    /// The text of ids, special tokens included.
    pub fn decode_special(&self, tokens: &[i32]) -> Result<String> {
        self.decode_flags(tokens, sys::RQ_DECODE_SPECIAL)
    }

    fn decode_flags(&self, tokens: &[i32], flags: u32) -> Result<String> {
        // SAFETY: a live handle; pointers and their lengths.
        text(|buffer, capacity, length, err| unsafe {
            sys::rq_tokenizer_decode(self.handle(), tokens.as_ptr(), tokens.len(), flags, buffer, capacity, length, err)
        })
    }

    /// The exact bytes of one token: may be a part of a character.
    pub fn bytes(&self, token: i32) -> Result<&[u8]> {
        let (mut bytes, mut count) = (null(), 0);
        // SAFETY: a live handle; the bytes are "borrowed until this tokenizer handle is freed".
        unsafe {
            call(|err| sys::rq_tokenizer_bytes(self.handle(), token, &mut bytes, &mut count, err))?;
            Ok(lent(bytes.cast(), count))
        }
    }

    /// The id of an added token or vocabulary entry; [`Code::NotFound`](crate::Code::NotFound) where there is none.
    pub fn find(&self, text: &str) -> Result<i32> {
        let mut token = -1;
        // SAFETY: a live handle; a pointer and its length.
        call(|err| unsafe {
            sys::rq_tokenizer_find(self.handle(), text.as_ptr().cast(), text.len(), &mut token, err)
        })?;
        Ok(token)
    }

    /// Whether a token is a special one: begin of sentence and the like.
    pub fn is_special(&self, token: i32) -> Result<bool> {
        let mut special = 0;
        // SAFETY: a live handle.
        call(|err| unsafe { sys::rq_tokenizer_is_special(self.handle(), token, &mut special, err) })?;
        Ok(special != 0)
    }

    /// The highest defined id + 1; a model's vocab_size may be larger.
    pub fn vocab_size(&self) -> Result<i64> {
        let mut size = 0;
        // SAFETY: a live handle.
        call(|err| unsafe { sys::rq_tokenizer_vocab_size(self.handle(), &mut size, err) })?;
        Ok(size)
    }

    /// A decoder at the start of a text, which leaves special tokens out.
    pub fn decoder(&self) -> Result<Decoder> {
        // SAFETY: a live handle; the decoder "keeps what it needs of the tokenizer".
        create(|out, err| unsafe { sys::rq_decoder_create(self.handle(), 0, out, err) })
            .map(|handle| Decoder { handle })
    }
}

impl Drop for Tokenizer {
    fn drop(&mut self) {
        // SAFETY: freed once.
        unsafe { sys::rq_tokenizer_free(self.handle.as_ptr()) }
    }
}

/// Turns a stream of tokens into a stream of text without ever splitting a character.
pub struct Decoder {
    handle: NonNull<sys::rq_decoder>,
}

// SAFETY: rorqual.h: "A handle that is not const is used by one thread at a time, whichever it is." Every call needs `&mut self`.
unsafe impl Send for Decoder {}
unsafe impl Sync for Decoder {}

impl Decoder {
    /// The text that is certain after one more token; empty while a character is incomplete.
    pub fn push(&mut self, token: i32) -> Result<String> {
        let (mut text, mut length) = (null(), 0);
        // SAFETY: a live handle; the text is "borrowed until the next call with this decoder", and copied before.
        unsafe {
            call(|err| sys::rq_decoder_push(self.handle.as_ptr(), token, &mut text, &mut length, err))?;
            Ok(lent_text(text, length).into_owned())
        }
    }

    /// What is left at the end. Then the decoder starts anew.
    pub fn finish(&mut self) -> Result<String> {
        let (mut text, mut length) = (null(), 0);
        // SAFETY: as above.
        unsafe {
            call(|err| sys::rq_decoder_finish(self.handle.as_ptr(), &mut text, &mut length, err))?;
            Ok(lent_text(text, length).into_owned())
        }
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        // SAFETY: freed once.
        unsafe { sys::rq_decoder_free(self.handle.as_ptr()) }
    }
}
