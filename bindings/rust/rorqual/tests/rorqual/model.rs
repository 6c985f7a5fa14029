use crate::*;
use rorqual::{CacheType, Level, Mode, Prompt, PromptOptions, SessionOptions, Tokenizer};
use std::fs::File;
use std::io::{Error, ErrorKind};
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex};

#[test]
fn a_model_tells_what_it_is() {
    let model = tale();
    let info = model.info().unwrap();
    assert!(info.has_tokenizer && info.vocab_size > 0 && info.layers > info.dense_layers && info.threads > 0);
    assert_eq!(info.default_mode, Mode::Exact);
    assert_eq!(model.model_type().unwrap(), "deepseek_v2");
    assert!(model.config().unwrap().contains("\"kv_lora_rank\""));
    assert!(model.kernels().unwrap().contains('\n'));
    assert_eq!(model.identity().unwrap().len(), 32);
    assert_eq!(model.stop_tokens().unwrap(), [1]);
    assert_eq!(model.sampling().unwrap().top_p, 0.9);
}

#[test]
fn tensors_tell_name_shape_and_size() {
    let model = tale();
    let tensors: Vec<_> = model.tensors().unwrap().map(Result::unwrap).collect();
    let embedding = tensors.iter().find(|tensor| tensor.name == "model.embed_tokens.weight").unwrap();
    let info = model.info().unwrap();
    assert_eq!(embedding.shape, [info.vocab_size, info.hidden_size]);
    assert!(embedding.file.ends_with("model.safetensors"));
    let all: u64 = tensors.iter().map(|tensor| tensor.size_bytes).sum();
    assert_eq!(all, model.plan(&SessionOptions::default()).unwrap().weights_bytes);
}

#[test]
fn a_plan_of_a_source_is_that_of_the_model() {
    let session = SessionOptions { context: 64, ..Default::default() };
    let plan = Source::path(TALE).unwrap().plan(&ModelOptions::default(), &session).unwrap();
    assert_eq!(plan, tale().plan(&session).unwrap());
    assert_eq!(plan.context_tokens, 64);
    assert!(plan.cache_bytes >= 64 * plan.cache_per_token_bytes);
    assert!(!tale().info().unwrap().has_compact_cache);
    let compact = SessionOptions { cache: CacheType::Compact, ..Default::default() };
    assert!(tale().plan(&compact).unwrap_err().to_string().contains("cache: compact"));
}

#[test]
fn a_model_opens_from_memory_files_and_readers() {
    let identity = tale().identity().unwrap();
    assert_eq!(open(&tale_in_memory()).unwrap().identity().unwrap(), identity);

    let (mut files, mut readers) = (Source::files().unwrap(), Source::files().unwrap());
    for name in ["config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors"] {
        let file = File::open(format!("{}/{}", TALE, name)).unwrap();
        let length = file.metadata().unwrap().len();
        files.add_file(name, &file, 0, 0).unwrap();
        readers.add_reader(name, length, move |offset, out| file.read_exact_at(out, offset)).unwrap();
    }
    assert_eq!(open(&files).unwrap().identity().unwrap(), identity);
    let mut session = open(&readers).unwrap().session().unwrap();
    session.append(&[3, 4]).unwrap();
}

#[test]
fn a_reader_that_fails_is_an_error_and_one_that_panics_goes_on_panicking() {
    let mut source = Source::files().unwrap();
    source.add_reader("config.json", 100, |_, _| Err(Error::new(ErrorKind::Other, "no"))).unwrap();
    assert_eq!(open(&source).err().unwrap().code(), rorqual::Code::Callback);

    let mut source = Source::files().unwrap();
    source.add_reader("config.json", 100, |_, _| panic!("in the reader")).unwrap();
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| open(&source).is_ok())).unwrap_err();
    assert_eq!(caught.downcast_ref::<&str>(), Some(&"in the reader"));
}

#[test]
fn the_log_receives_the_notices() {
    // One token more than the model has: opens, with a warning.
    let tokenizer = std::fs::read_to_string(format!("{}/tokenizer.json", TALE)).unwrap();
    let more = "\"added_tokens\": [{\"id\": 100000, \"content\": \"<more>\"}, ";
    let mut source = Source::files().unwrap();
    source.add_memory("tokenizer.json", tokenizer.replace("\"added_tokens\": [", more).into_bytes()).unwrap();
    for name in ["config.json", "model.safetensors"] {
        source.add_memory(name, std::fs::read(format!("{}/{}", TALE, name)).unwrap()).unwrap();
    }
    let lines = Arc::new(Mutex::new(Vec::new()));
    let log = lines.clone();
    let log = move |level: Level, line: &str| log.lock().unwrap().push((level, line.to_string()));
    let options = ModelOptions { log: Some(Arc::new(log)), threads: 1, ..Default::default() };
    let model = Model::open_with(&source, &options).unwrap();
    drop(options);
    assert_eq!(model.info().unwrap().threads, 1);
    let lines = lines.lock().unwrap();
    assert!(lines.iter().any(|(level, line)| *level == Level::Warning && line.contains("vocab_size")), "{:?}", lines);
}

#[test]
fn text_becomes_tokens_and_tokens_the_same_text() {
    let tokenizer = Tokenizer::open(&Source::path(TALE).unwrap()).unwrap();
    let text = "The whale, \u{1f40b} and 鯨.";
    let tokens = tokenizer.encode(text).unwrap();
    assert_eq!(tokenizer.decode(&tokens).unwrap(), text);
    let mut decoder = tokenizer.decoder().unwrap();
    let mut streamed: String = tokens.iter().map(|&token| decoder.push(token).unwrap()).collect();
    streamed += &decoder.finish().unwrap();
    assert_eq!(streamed, text);
    let bytes: Vec<u8> = tokens.iter().flat_map(|&token| tokenizer.bytes(token).unwrap().to_vec()).collect();
    assert_eq!(bytes, text.as_bytes());
}

#[test]
fn special_tokens_come_from_own_text_only() {
    let tokenizer = tale().tokenizer().unwrap();
    let bos = "<｜begin▁of▁sentence｜>";
    assert_eq!(tokenizer.encode_with_added_tokens(bos).unwrap(), [0]);
    assert!(tokenizer.encode(bos).unwrap().len() > 1);
    assert_eq!(tokenizer.find(bos).unwrap(), 0);
    assert!(tokenizer.is_special(0).unwrap() && !tokenizer.is_special(40).unwrap());
    assert_eq!(tokenizer.decode(&[0]).unwrap(), "");
    assert_eq!(tokenizer.decode_special(&[0]).unwrap(), bos);
    assert!(tokenizer.vocab_size().unwrap() > 40);
    assert_eq!(tale().encode_prompt("Once").unwrap()[0], 0);
}

#[test]
fn a_conversation_becomes_the_prompt_of_its_format() {
    let tokenizer = tale().tokenizer().unwrap();
    let options = PromptOptions { format: "v2".into(), ..Default::default() };
    let prompt = Prompt::new(r#"[{"role": "user", "content": "Tell a tale"}]"#, &tokenizer, &options).unwrap();
    assert_eq!(prompt.format().unwrap(), "v2");
    let text = prompt.text().unwrap();
    assert!(text.contains("User: Tell a tale") && text.ends_with("Assistant:"));
    assert_eq!(prompt.tokens(&tokenizer).unwrap(), tokenizer.encode_with_added_tokens(&text).unwrap());
}
