//! Every kind of error carries its code and the library's sentence.

use crate::*;
use rorqual::{Code, Drafting, Grammar, Prompt, PromptOptions, SessionOptions};
use std::os::unix::ffi::OsStrExt;

#[track_caller]
fn fails<T>(result: rorqual::Result<T>, code: Code, words: &str) {
    let error = result.err().expect("the call should fail");
    assert_eq!(error.code(), code, "{}", error);
    assert!(error.message().contains(words), "{}", error);
    assert_eq!(error.to_string(), error.message());
}

#[test]
fn invalid_argument_names_what_is_wrong() {
    fails(begun().append(&[1 << 30]), Code::InvalidArgument, "1073741824");
    fails(Grammar::from_rules("root = 1"), Code::InvalidArgument, "line 1");
    fails(begun().rewind(100_000), Code::InvalidArgument, "100000");
    let path = std::ffi::OsStr::from_bytes(b"not\xffutf8");
    fails(Model::open(path), Code::InvalidArgument, "UTF-8");
    let zero = GenerationOptions { grammar_after: "a\0b".into(), ..limit(1) };
    fails(begun().generate(&zero).map(drop), Code::InvalidArgument, "grammar_after");
    let isa = ModelOptions { isa: "abacus".into(), ..Default::default() };
    let opened = Model::open_with(&Source::path(TALE).unwrap(), &isa);
    fails(opened, Code::InvalidArgument, "abacus");
}

#[test]
fn not_found_names_the_path() {
    fails(Model::open("/nowhere/at/all"), Code::NotFound, "/nowhere/at/all");
    fails(tale().tokenizer().unwrap().find("no such token"), Code::NotFound, "no token stands for it");
}

#[test]
fn corrupt_names_the_file() {
    let mut source = Source::files().unwrap();
    source.add_memory("config.json", &b"{ \"model_type\": "[..]).unwrap();
    fails(open(&source), Code::Corrupt, "config.json");
    let tokenizer = tale().tokenizer().unwrap();
    let options = PromptOptions { format: "v2".into(), ..Default::default() };
    fails(
        Prompt::new(r#"[{"role": "user", "content": 3}]"#, &tokenizer, &options),
        Code::Corrupt,
        "messages[0].content",
    );
}

#[test]
fn unsupported_says_what() {
    fails(Grammar::from_json_schema(r#"{"not": {}}"#), Code::Unsupported, "not");
    let head = SessionOptions { drafting: Drafting::Head, ..Default::default() };
    fails(tale().session_with(&head), Code::Unsupported, "drafting");
}

#[test]
fn a_full_session_and_one_without_tokens_say_so() {
    let mut session = tale().session_with(&SessionOptions { context: 4, ..Default::default() }).unwrap();
    fails(session.append(&[3, 4, 5, 6, 7]), Code::ContextFull, "4");
    fails(session.logits().map(|_| ()), Code::WrongState, "");
    fails(session.generate(&limit(1)).map(drop), Code::WrongState, "");
    assert_eq!(session.length().unwrap(), 0);
}

#[test]
fn a_model_of_headers_has_no_sessions() {
    let options = ModelOptions { headers_only: true, ..Default::default() };
    let model = Model::open_with(&Source::path(TALE).unwrap(), &options).unwrap();
    fails(model.session(), Code::WrongState, "");
    assert!(!model.encode_prompt("Once").unwrap().is_empty());
}

#[test]
fn errors_cross_threads_and_question_marks() {
    fn opens() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        Model::open("/nowhere/at/all")?;
        Ok(())
    }
    assert!(std::thread::spawn(opens).join().unwrap().unwrap_err().to_string().contains("/nowhere/at/all"));
}
