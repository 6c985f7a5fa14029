use crate::*;
use rorqual::{evaluate_batch, Batched, CacheType, Code, Drafting, GenerationOptions, Mode, SessionOptions, Source, Synced};
use std::thread;

#[test]
fn sync_keeps_the_common_prefix() {
    let mut session = tale().session().unwrap();
    assert_eq!(session.sync(&[3, 4, 5, 6]).unwrap(), Synced { kept: 0, evaluated: 4 });
    assert_eq!(session.sync(&[3, 4, 7, 8, 9]).unwrap(), Synced { kept: 2, evaluated: 3 });
    assert_eq!(session.tokens().unwrap(), [3, 4, 7, 8, 9]);
    assert_eq!(session.length().unwrap(), 5);
    assert!(session.capacity().unwrap() >= 5);
}

#[test]
fn append_rewind_and_fork_give_the_logits_of_a_fresh_session() {
    let model = tale();
    let exact = SessionOptions { mode: Mode::Exact, cache: CacheType::F32, ..Default::default() };
    let mut fresh = model.session_with(&exact).unwrap();
    let rows = fresh.append_logits(&[3, 4, 5]).unwrap();
    let vocab = model.info().unwrap().vocab_size as usize;
    assert_eq!(rows.len(), 3 * vocab);
    assert_eq!(fresh.logits().unwrap(), &rows[2 * vocab..]);

    let mut session = model.session_with(&exact).unwrap();
    session.append(&[3, 4]).unwrap();
    let mut fork = session.fork().unwrap();
    session.append(&[9, 9, 9]).unwrap();
    session.rewind(2).unwrap();
    session.append(&[5]).unwrap();
    fork.append(&[5]).unwrap();
    assert_eq!(session.logits().unwrap(), fresh.logits().unwrap());
    assert_eq!(fork.logits().unwrap(), fresh.logits().unwrap());
}

#[test]
fn sessions_live_on_without_the_handles_they_were_made_from() {
    let mut session = open(&tale_in_memory()).unwrap().session().unwrap();
    session.append(&[3, 4, 5]).unwrap();
    let mut fork = session.fork().unwrap();
    let told_before = told(&mut session, &limit(8));
    drop(session);
    assert_eq!(told(&mut fork, &limit(8)), told_before);
}

#[test]
fn a_session_goes_from_thread_to_thread_and_a_model_serves_many_at_once() {
    let mut session = begun();
    let expected = told(&mut session.fork().unwrap(), &limit(20));
    let thread = thread::spawn(move || {
        let first = told(&mut session, &limit(10));
        (session, first)
    });
    let (mut moved, first) = thread.join().unwrap();
    assert_eq!(first + &told(&mut moved, &limit(10)), expected);

    let model = tale();
    thread::scope(|scope| {
        let tell = || {
            let mut session = model.session().unwrap();
            session.sync(&model.encode_prompt("Once upon a time").unwrap()).unwrap();
            told(&mut session, &limit(20))
        };
        let threads = [(); 4].map(|_| scope.spawn(tell));
        assert!(threads.into_iter().all(|thread| thread.join().unwrap() == expected));
    });
}

#[test]
fn metrics_count_what_was_evaluated() {
    let mut session = begun();
    let read = session.length().unwrap() as u64;
    told(&mut session, &limit(5));
    let metrics = session.metrics().unwrap();
    assert_eq!(metrics.prefill_tokens, read);
    assert_eq!(metrics.decode_tokens, 4);
    assert!(metrics.prefill_seconds > 0.0 && metrics.decode_seconds > 0.0);
    assert!(metrics.cache_bytes > 0 && metrics.scratch_bytes > 0);
}

#[test]
fn a_cancel_between_calls_stops_the_next_one_once_and_outlives_the_session() {
    let mut session = begun();
    let cancel = session.cancel_handle();
    cancel.cancel();
    assert_eq!(session.append(&[3]).unwrap_err().code(), Code::Cancelled);
    session.append(&[3]).unwrap();
    drop(session);
    cancel.cancel();
}

#[test]
fn a_saved_session_comes_back() {
    let model = tale();
    let mut session = model.session().unwrap();
    session.append(&[3, 4, 5]).unwrap();
    let path = std::env::temp_dir().join(format!("rorqual-{}-saved", std::process::id()));
    session.save(&path).unwrap();
    let mut other = model.session().unwrap();
    let loaded = other.load(&Source::path(&path).unwrap());
    std::fs::remove_file(&path).unwrap();
    loaded.unwrap();
    assert_eq!(other.tokens().unwrap(), [3, 4, 5]);
    assert_eq!(other.logits().unwrap(), session.logits().unwrap());
}

#[test]
fn guesses_change_nothing_that_is_written() {
    let model = tale();
    let options = GenerationOptions { limit: 60, ..Default::default() };
    let mut written = Vec::new();
    for drafting in [Drafting::None, Drafting::Lookup] {
        let mut session = model.session_with(&SessionOptions { drafting, ..Default::default() }).unwrap();
        session.sync(&model.encode_prompt("the king and the king and the king").unwrap()).unwrap();
        written.push(session.generate(&options).unwrap().map(|piece| piece.unwrap().text).collect::<String>());
    }
    assert_eq!(written[0], written[1]);
}

#[test]
fn a_batch_gives_its_members_what_they_have_alone_and_each_its_own_error() {
    let model = tale();
    let mut sessions: Vec<_> = (0..3).map(|_| model.session().unwrap()).collect();
    for (i, session) in sessions.iter_mut().enumerate() {
        session.append(&[3, 4 + i as i32, 5]).unwrap();
        session.rewind(2).unwrap();
    }
    let mut alone: Vec<_> = sessions.iter_mut().map(|session| session.fork().unwrap()).collect();
    let expected: Vec<_> = alone.iter_mut().map(|session| told(session, &limit(4))).collect();

    sessions[1].cancel_handle().cancel();
    let [one, two, three] = sessions.as_mut_slice() else { unreachable!() };
    let came = evaluate_batch(&mut [one, two, three]).unwrap();
    assert!(came[0].is_ok() && came[2].is_ok());
    assert_eq!(came[1].as_ref().unwrap_err().code(), Code::Cancelled);

    let mut streams: Vec<_> = sessions.iter_mut().map(|session| session.generate(&limit(4)).unwrap()).collect();
    let mut text = vec![String::new(); 3];
    for _ in 0..4 {
        let mut members: Vec<&mut dyn Batched> = streams.iter_mut().map(|stream| stream as _).collect();
        assert!(evaluate_batch(&mut members).unwrap().iter().all(Result::is_ok));
        for (stream, text) in streams.iter_mut().zip(&mut text) {
            text.push_str(&stream.next().unwrap().unwrap().text);
        }
    }
    assert_eq!(text, expected);

    let mut empty = model.session().unwrap();
    assert_eq!(evaluate_batch(&mut [&mut empty]).unwrap_err().code(), Code::WrongState);
}
