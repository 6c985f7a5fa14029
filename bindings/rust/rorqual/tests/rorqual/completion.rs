use rorqual::{Code, Completion, Part};

/// The parts of an answer that arrives a character at a time, joined where one goes on with another.
fn parts(completion: &mut Completion, text: &str) -> Vec<Part> {
    let mut joined: Vec<Part> = Vec::new();
    for character in text.chars() {
        completion.feed(character.encode_utf8(&mut [0; 4])).unwrap();
        while let Some(part) = completion.take().unwrap() {
            match (joined.last_mut(), part) {
                (Some(Part::Reasoning(so_far)), Part::Reasoning(more)) => *so_far += &more,
                (Some(Part::Content(so_far)), Part::Content(more)) => *so_far += &more,
                (Some(Part::Arguments(so_far)), Part::Arguments(more)) => *so_far += &more,
                (_, part) => joined.push(part),
            }
        }
    }
    joined
}

#[test]
fn reasoning_answer_and_calls_of_tools_are_told_apart() {
    let mut completion = Completion::new("v3.1", true).unwrap();
    assert_eq!(
        parts(&mut completion, "Hm.</think>Yes.<｜end▁of▁sentence｜>"),
        [Part::Reasoning("Hm.".into()), Part::Content("Yes.".into())]
    );
    let message = completion.finish().unwrap();
    assert!(message.contains("\"reasoning_content\"") && message.contains("\"Yes.\""), "{}", message);

    let mut completion = Completion::new("v3.1", false).unwrap();
    let call = "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>weather<｜tool▁sep｜>{\"place\": \"Åland\"}<｜tool▁call▁end｜><｜tool▁calls▁end｜>";
    assert_eq!(
        parts(&mut completion, &format!("{}<｜end▁of▁sentence｜>", call)),
        [Part::ToolCall("weather".into()), Part::Arguments("{\"place\": \"Åland\"}".into())]
    );
    assert!(completion.finish().unwrap().contains("\"tool_calls\""));
}

#[test]
fn what_is_no_answer_of_the_format_is_refused_and_what_came_before_is_not_lost() {
    assert_eq!(Completion::new("v99", false).err().unwrap().code(), Code::NotFound);
    let mut completion = Completion::new("v3.1", false).unwrap();
    completion.feed("Yes.<｜end▁of▁sentence｜>").unwrap();
    assert_eq!(completion.feed("more").unwrap_err().code(), Code::Corrupt);
    assert_eq!(completion.take().unwrap(), Some(Part::Content("Yes.".into())));
    assert_eq!(completion.take().unwrap(), None);
    assert_eq!(completion.finish().unwrap_err().code(), Code::WrongState);
}
