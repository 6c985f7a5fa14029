//! Loads a model, continues a prompt, prints the text as it is written.   hello MODEL [PROMPT]
use rorqual::{GenerationOptions, Model};
use std::io::Write;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("usage: hello MODEL [PROMPT]")?;
    let prompt = arguments.next().unwrap_or_else(|| "Once upon a time".into());

    let model = Model::open(path)?;
    let mut session = model.session()?;
    session.sync(&model.encode_prompt(&prompt)?)?;
    print!("{}", prompt);
    for piece in session.generate(&GenerationOptions { limit: 40, ..Default::default() })? {
        print!("{}", piece?.text);
        std::io::stdout().flush()?;
    }
    println!();
    Ok(())
}
