use crate::*;
use rorqual::{Code, Finish, Grammar, Sampling};

#[test]
fn the_same_seed_tells_the_same_tale_and_another_seed_another() {
    let tell = |seed| {
        let sampling = Sampling { temperature: 1.5, seed, ..Default::default() };
        told(&mut begun(), &GenerationOptions { limit: 30, sampling, ..Default::default() })
    };
    assert_eq!(tell(7), tell(7));
    assert_ne!(tell(7), tell(8));
}

#[test]
fn pieces_are_the_tokens_that_the_session_has_then_and_their_text() {
    let mut session = begun();
    let start = session.length().unwrap();
    let pieces: Vec<_> = session.generate(&limit(12)).unwrap().map(Result::unwrap).collect();
    assert_eq!(pieces.len(), 12);
    assert!(pieces[..11].iter().all(|piece| piece.finish.is_none() && piece.logprob <= 0.0));
    assert_eq!(pieces[11].finish, Some(Finish::Limit));
    let tokens: Vec<_> = pieces.iter().map(|piece| piece.token.unwrap()).collect();
    assert_eq!(session.tokens().unwrap()[start..], tokens);
    let text: String = pieces.into_iter().map(|piece| piece.text).collect();
    assert_eq!(text, session.model().tokenizer().unwrap().decode(&tokens).unwrap());
}

#[test]
fn an_iterator_that_ended_gives_nothing_more() {
    let mut session = begun();
    let mut generation = session.generate(&limit(1)).unwrap();
    assert!(generation.next().unwrap().unwrap().finish.is_some());
    assert!(generation.next().is_none() && generation.next().is_none());
}

#[test]
fn a_generation_that_is_dropped_gives_the_session_back_with_what_it_drew() {
    let mut session = begun();
    let start = session.length().unwrap();
    let whole = told(&mut session.fork().unwrap(), &limit(10));
    let first: String = session.generate(&limit(10)).unwrap().take(4).map(|piece| piece.unwrap().text).collect();
    assert_eq!(session.length().unwrap(), start + 4);
    assert_eq!(first + &told(&mut session, &limit(6)), whole);
}

#[test]
fn stop_strings_stop_tokens_and_forbidden_tokens_are_kept_to() {
    let mut session = begun();
    let first = session.fork().unwrap().generate(&limit(1)).unwrap().next().unwrap().unwrap().token.unwrap();
    let whole = told(&mut session.fork().unwrap(), &limit(30));
    let word = whole.split_whitespace().nth(3).unwrap();

    let options = GenerationOptions { stop_strings: vec![word.into()], ..limit(30) };
    let pieces: Vec<_> = session.fork().unwrap().generate(&options).unwrap().map(Result::unwrap).collect();
    assert_eq!(pieces.last().unwrap().finish, Some(Finish::StopString));
    let text: String = pieces.into_iter().map(|piece| piece.text).collect();
    assert_eq!(text, whole[..whole.find(word).unwrap()]);

    let options = GenerationOptions { stop_tokens: vec![first], ..limit(30) };
    let only = session.fork().unwrap().generate(&options).unwrap().next().unwrap().unwrap();
    assert_eq!((only.finish, only.token), (Some(Finish::StopToken), Some(first)));

    let sampling = Sampling { bias: vec![(first, f32::NEG_INFINITY)], ..Default::default() };
    let options = GenerationOptions { sampling, ..limit(1) };
    assert_ne!(session.generate(&options).unwrap().next().unwrap().unwrap().token, Some(first));
}

#[test]
fn a_grammar_holds_the_text() {
    let grammar = Grammar::from_rules("root ::= \" whale\" | \" walrus\"").unwrap();
    let text = told(&mut begun(), &GenerationOptions { grammar: Some(grammar), ..limit(30) });
    assert!([" whale", " walrus"].contains(&text.as_str()), "{:?}", text);

    let schema = Grammar::from_json_schema(r#"{"type": "integer", "minimum": 3, "maximum": 3}"#).unwrap();
    assert_eq!(told(&mut begun(), &GenerationOptions { grammar: Some(schema), ..limit(30) }), "3");
}

#[test]
fn cancel_from_another_thread_stops_a_generation_which_can_be_gone_on_with() {
    let mut session = begun();
    let start = session.length().unwrap();
    let cancel = session.cancel_handle();
    let mut pieces = 0;
    let error = session
        .generate(&limit(0))
        .unwrap()
        .find_map(|piece| {
            pieces += 1;
            if pieces == 5 {
                let cancel = cancel.clone();
                std::thread::spawn(move || cancel.cancel()).join().unwrap();
            }
            piece.err()
        })
        .unwrap();
    assert_eq!(error.code(), Code::Cancelled);
    assert_eq!(pieces, 6);
    assert!(session.length().unwrap() >= start + 5);
    session.append(&[5]).unwrap();
}
