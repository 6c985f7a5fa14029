//! The promises of the crate, on the model of the repository that tells tales.

mod completion;
mod convert;
mod errors;
mod generation;
mod model;
mod session;
#[cfg(feature = "stream")]
mod stream;

use rorqual::{GenerationOptions, Model, ModelOptions, Session, Source};

const TALE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../examples/models/tale");

fn tale() -> Model {
    Model::open(TALE).unwrap()
}

/// A session that has read a beginning.
fn begun() -> Session {
    let model = tale();
    let mut session = model.session().unwrap();
    session.sync(&model.encode_prompt("Once upon a time").unwrap()).unwrap();
    session
}

fn limit(limit: u64) -> GenerationOptions {
    GenerationOptions { limit, ..Default::default() }
}

/// The text of a whole generation.
fn told(session: &mut Session, options: &GenerationOptions) -> String {
    session.generate(options).unwrap().map(|piece| piece.unwrap().text).collect()
}

/// The tale in memory.
fn tale_in_memory() -> Source {
    let mut source = Source::files().unwrap();
    for name in ["config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors"] {
        source.add_memory(name, std::fs::read(format!("{}/{}", TALE, name)).unwrap()).unwrap();
    }
    source
}

fn open(source: &Source) -> rorqual::Result<Model> {
    Model::open_with(source, &ModelOptions::default())
}

/// A path in the folder for temporary files that no other test has; removed at the end.
struct Temporary(std::path::PathBuf);

impl Temporary {
    fn new(name: &str) -> Temporary {
        Temporary(std::env::temp_dir().join(format!("rorqual-rust-{}-{}", std::process::id(), name)))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
