//! Words, punctuation, comments and directives of a C header.

/// One token, with the line it begins on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    pub line: usize,
    pub kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text of a comment, without its frame.
    Comment(String),
    /// A preprocessor line without `#`, continuations joined; a comment at its end follows as a token of its own, on the same line.
    Directive(String),
    Word(String),
    Punctuation(char),
}

/// All tokens of `text`.
pub fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut found = Vec::new();
    let (mut rest, mut line) = (text, 1);
    while let Some(c) = rest.chars().next() {
        let (length, kind) = if c.is_whitespace() {
            (c.len_utf8(), None)
        } else if rest.starts_with("/*") {
            let end = rest.find("*/").ok_or_else(|| format!("line {}: a comment without an end", line))?;
            (end + 2, Some(Kind::Comment(comment(&rest[2..end]))))
        } else if c == '#' {
            let end = directive_end(rest);
            let joined = rest[1..end].replace("\\\n", " ");
            (end, Some(Kind::Directive(joined.trim().to_string())))
        } else if c.is_alphanumeric() || c == '_' {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            (end, Some(Kind::Word(rest[..end].to_string())))
        } else {
            (c.len_utf8(), Some(Kind::Punctuation(c)))
        };
        found.extend(kind.map(|kind| Token { line, kind }));
        line += rest[..length].matches('\n').count();
        rest = &rest[length..];
    }
    Ok(found)
}

/// Where a directive ends: at a line end that no backslash hides, or at a comment.
fn directive_end(text: &str) -> usize {
    let mut from = 0;
    let line_end = loop {
        match text[from..].find('\n') {
            None => break text.len(),
            Some(at) if text[..from + at].ends_with('\\') => from += at + 1,
            Some(at) => break from + at,
        }
    };
    text[..line_end].find("/*").unwrap_or(line_end)
}

/// A comment's lines without the asterisks in front of them.
fn comment(text: &str) -> String {
    let lines = text.lines().map(|line| {
        let line = line.trim_end();
        let bare = line.trim_start();
        bare.strip_prefix("* ").or_else(|| bare.strip_prefix('*')).unwrap_or(if bare.len() < line.len() {
            bare
        } else {
            line
        })
    });
    lines.collect::<Vec<_>>().join("\n").trim().to_string()
}
