use crate::call::create;
use crate::Result;
use rorqual_sys as sys;
use std::ptr::NonNull;
use std::sync::Arc;

/// What a generation may write: a set of texts. Immutable; a clone is another handle on the same.
#[derive(Clone)]
pub struct Grammar(Arc<Handle>);

struct Handle(NonNull<sys::rq_grammar>);

// SAFETY: rorqual.h, rq_grammar: "Immutable: any number of threads and generations may use one at once."
unsafe impl Send for Handle {}
unsafe impl Sync for Handle {}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: freed once; "generations that use it keep what they need".
        unsafe { sys::rq_grammar_free(self.0.as_ptr()) }
    }
}

impl Grammar {
    /// The JSON texts that a JSON Schema admits. Keywords that cannot be kept to are refused
    /// ([`Code::Unsupported`](crate::Code::Unsupported)), not ignored.
    pub fn from_json_schema(schema: &str) -> Result<Grammar> {
        // SAFETY: a pointer and its length.
        let made = create(|out, err| unsafe {
            sys::rq_grammar_from_json_schema(schema.as_ptr().cast(), schema.len(), out, err)
        });
        Ok(Grammar(Arc::new(Handle(made?))))
    }

    /// The texts of rules in extended Backus-Naur form: `root ::= "yes" | "no"`.
    pub fn from_rules(rules: &str) -> Result<Grammar> {
        // SAFETY: a pointer and its length.
        let made =
            create(|out, err| unsafe { sys::rq_grammar_from_rules(rules.as_ptr().cast(), rules.len(), out, err) });
        Ok(Grammar(Arc::new(Handle(made?))))
    }

    pub(crate) fn handle(&self) -> *const sys::rq_grammar {
        self.0 .0.as_ptr()
    }
}
