//! The declarations of a header whose tokens are known.

use crate::lexer::{tokens, Kind, Token};

/// A type as C spells it.
#[derive(Clone, Debug)]
pub enum Type {
    Named(String),
    Pointer { to: Box<Type>, constant: bool },
    Array { of: Box<Type>, length: String },
    Function { result: Box<Type>, parameters: Vec<Named> },
}

/// A parameter or field.
#[derive(Clone, Debug)]
pub struct Named {
    pub name: String,
    pub of: Type,
    pub doc: String,
}

#[derive(Debug)]
pub enum Declaration {
    Constant { value: String },
    Opaque,
    Struct { fields: Vec<Named> },
    Callback { of: Type },
    Function { of: Type },
}

#[derive(Debug)]
pub struct Item {
    pub name: String,
    pub doc: String,
    /// Under RQ_ENABLE_UNSTABLE.
    pub unstable: bool,
    pub declaration: Declaration,
}

/// Everything a header declares, in its order.
pub fn parse(text: &str) -> Result<Vec<Item>, String> {
    let mut parser = Parser { tokens: tokens(text)?, at: 0 };
    let (mut items, mut doc, mut conditions) = (Vec::new(), String::new(), Vec::new());
    while let Some(token) = parser.next() {
        let unstable = conditions.iter().any(|c| c == "ifdef RQ_ENABLE_UNSTABLE");
        let item = match &token.kind {
            Kind::Comment(text) => {
                doc = if text.starts_with("---") { String::new() } else { text.clone() };
                continue;
            }
            Kind::Directive(line) => {
                if line.starts_with("if") {
                    conditions.push(line.clone());
                } else if line.starts_with("endif") {
                    conditions.pop();
                }
                constant(line)
            }
            _ if conditions.iter().any(|c| c == "ifdef __cplusplus") => continue,
            Kind::Word(word) if word == "typedef" => Some(parser.typedef()?),
            Kind::Word(word) if word == "RQ_API" => Some(parser.function()?),
            other => return Err(format!("line {}: {:?} begins no declaration", token.line, other)),
        };
        if let Some((name, declaration)) = item {
            let doc = match parser.comment_on_line(token.line) {
                Some(comment) if matches!(declaration, Declaration::Constant { .. }) => comment,
                _ => doc.clone(),
            };
            items.push(Item { name, doc, unstable, declaration });
        }
        doc.clear();
    }
    Ok(items)
}

/// `#define NAME value` of a number; initialisers, guards and RQ_API are none.
fn constant(line: &str) -> Option<(String, Declaration)> {
    let mut words = line.strip_prefix("define ")?.trim().splitn(2, char::is_whitespace);
    let name = words.next()?.to_string();
    let value = words.next()?.trim().to_string();
    let number = name != "RQ_API" && !name.ends_with("_INIT");
    number.then_some((name, Declaration::Constant { value }))
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
}

impl Parser {
    fn next(&mut self) -> Option<Token> {
        self.at += 1;
        self.tokens.get(self.at - 1).cloned()
    }

    fn line(&self) -> usize {
        self.tokens.get(self.at).map_or(0, |token| token.line)
    }

    fn fail<T>(&self, expected: &str) -> Result<T, String> {
        Err(format!(
            "line {}: expected {}, found {:?}",
            self.line(),
            expected,
            self.tokens.get(self.at).map(|t| &t.kind)
        ))
    }

    /// Steps over a punctuation character or word, if it is the next token.
    fn take(&mut self, text: &str) -> bool {
        let found = match self.tokens.get(self.at).map(|t| &t.kind) {
            Some(Kind::Word(word)) => word == text,
            Some(Kind::Punctuation(c)) => text.len() == 1 && text.starts_with(*c),
            _ => false,
        };
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, text: &str) -> Result<(), String> {
        if self.take(text) {
            Ok(())
        } else {
            self.fail(text)
        }
    }

    fn word(&mut self) -> Result<String, String> {
        match self.tokens.get(self.at).map(|t| t.kind.clone()) {
            Some(Kind::Word(word)) => {
                self.at += 1;
                Ok(word)
            }
            _ => self.fail("a name"),
        }
    }

    /// Steps over a comment that begins on `line`.
    fn comment_on_line(&mut self, line: usize) -> Option<String> {
        match self.tokens.get(self.at) {
            Some(Token { line: at, kind: Kind::Comment(text) }) if *at == line => {
                self.at += 1;
                Some(text.clone())
            }
            _ => None,
        }
    }

    fn comment(&mut self) -> Option<String> {
        let line = self.line();
        self.comment_on_line(line)
    }

    fn typedef(&mut self) -> Result<(String, Declaration), String> {
        if !self.take("struct") {
            let of = self.declarator("")?;
            self.expect(";")?;
            return Ok((of.name, Declaration::Callback { of: of.of }));
        }
        let name = self.word()?;
        let mut declaration = Declaration::Opaque;
        if self.take("{") {
            declaration = Declaration::Struct { fields: self.fields()? };
        }
        self.expect(&name)?;
        self.expect(";")?;
        Ok((name, declaration))
    }

    fn fields(&mut self) -> Result<Vec<Named>, String> {
        let mut fields = Vec::new();
        while !self.take("}") {
            let before = self.comment();
            let mut field = self.declarator("")?;
            let line = self.line();
            self.expect(";")?;
            field.doc = before.or_else(|| self.comment_on_line(line)).unwrap_or_default();
            fields.push(field);
        }
        Ok(fields)
    }

    fn function(&mut self) -> Result<(String, Declaration), String> {
        let result = self.base_type()?;
        let name = self.word()?;
        let parameters = self.parameters()?;
        self.expect(";")?;
        Ok((name, Declaration::Function { of: Type::Function { result: Box::new(result), parameters } }))
    }

    fn parameters(&mut self) -> Result<Vec<Named>, String> {
        self.expect("(")?;
        let mut parameters = Vec::new();
        while !self.take(")") {
            let parameter = self.declarator("void")?;
            self.take(",");
            if !parameter.name.is_empty() {
                parameters.push(parameter);
            }
        }
        Ok(parameters)
    }

    /// `const T *const *`.
    fn base_type(&mut self) -> Result<Type, String> {
        let mut constant = self.take("const");
        let mut of = Type::Named(self.word()?);
        while self.take("*") {
            of = Type::Pointer { to: Box::new(of), constant };
            constant = self.take("const");
        }
        Ok(of)
    }

    /// `T name`, `T name[N]` or `T (*name)(...)`; `nameless` is a type that may stand alone.
    fn declarator(&mut self, nameless: &str) -> Result<Named, String> {
        let base = self.base_type()?;
        if matches!(&base, Type::Named(name) if name == nameless) {
            return Ok(Named { name: String::new(), of: base, doc: String::new() });
        }
        if self.take("(") {
            self.expect("*")?;
            let name = self.word()?;
            self.expect(")")?;
            let parameters = self.parameters()?;
            return Ok(Named { name, of: Type::Function { result: Box::new(base), parameters }, doc: String::new() });
        }
        let name = self.word()?;
        let mut of = base;
        if self.take("[") {
            of = Type::Array { of: Box::new(of), length: self.word()? };
            self.expect("]")?;
        }
        Ok(Named { name, of, doc: String::new() })
    }
}
