//! Talks with a model, one line a turn; what was said before is not evaluated again.   chat MODEL [FORMAT [SEED]]
use rorqual::{GenerationOptions, Model, Prompt, PromptOptions, Sampling};
use std::io::{BufRead, Write};

/// Text as JSON writes it.
fn quoted(text: &str) -> String {
    let escape = |c: char| match c {
        '"' => "\\\"".into(),
        '\\' => "\\\\".into(),
        c if c < ' ' => format!("\\u{:04x}", c as u32),
        c => c.to_string(),
    };
    format!("\"{}\"", text.chars().map(escape).collect::<String>())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let model = Model::open(arguments.next().ok_or("usage: chat MODEL [FORMAT [SEED]]")?)?;
    let options = PromptOptions { format: arguments.next().unwrap_or_default(), ..Default::default() };
    let seed = arguments.next().map_or(Ok(0), |seed| seed.parse())?;
    let sampling = Sampling { temperature: 0.8, seed, ..Default::default() };
    let generation = GenerationOptions { limit: 200, sampling, ..Default::default() };
    let tokenizer = model.tokenizer()?;
    let mut session = model.session()?;
    let mut messages = Vec::new();
    for line in std::io::stdin().lock().lines() {
        messages.push(format!(r#"{{"role": "user", "content": {}}}"#, quoted(&line?)));
        let prompt = Prompt::new(&format!("[{}]", messages.join(", ")), &tokenizer, &options)?;
        session.sync(&prompt.tokens(&tokenizer)?)?;
        let mut answer = String::new();
        for piece in session.generate(&generation)? {
            let piece = piece?;
            print!("{}", piece.text);
            std::io::stdout().flush()?;
            answer += &piece.text;
        }
        println!();
        messages.push(format!(r#"{{"role": "assistant", "content": {}}}"#, quoted(&answer)));
    }
    Ok(())
}
