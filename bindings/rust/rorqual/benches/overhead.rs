//! What this crate adds to a token: the same tale told by calls of the C interface and by the iterator, in turn.   overhead [MODEL]

use rorqual::{GenerationOptions, Model, ModelOptions, Source};
use rorqual_sys as sys;
use std::io::Write;
use std::ptr::{null, null_mut};
use std::time::Instant;

const TOKENS: u64 = 32;
const ROUNDS: usize = 101;

/// Microseconds a token.
fn timed(tell: impl FnOnce() -> u64) -> f64 {
    let start = Instant::now();
    let tokens = tell();
    start.elapsed().as_secs_f64() * 1e6 / tokens as f64
}

fn by_rust(model: &Model, prompt: &[i32]) -> f64 {
    let mut session = model.session().unwrap();
    session.sync(prompt).unwrap();
    let options = GenerationOptions { limit: TOKENS, ignore_stop_tokens: true, ..Default::default() };
    let mut out = std::io::sink();
    timed(|| {
        let generation = session.generate(&options).unwrap();
        generation.map(|piece| out.write_all(piece.unwrap().text.as_bytes()).unwrap()).count() as u64
    })
}

fn by_c(model: *const sys::rq_model, prompt: &[i32]) -> f64 {
    let (mut session, mut generation, mut err) = (null_mut(), null_mut(), sys::rq_error::INIT);
    let mut options = sys::rq_generation_options::INIT;
    options.limit = TOKENS;
    options.ignore_stop_tokens = 1;
    let mut out = std::io::sink();
    // SAFETY: handles made and freed here; the text is written before the next call.
    unsafe {
        assert_eq!(sys::rq_session_create(model, null(), &mut session, &mut err), 0);
        assert_eq!(sys::rq_session_append(session, prompt.as_ptr(), prompt.len(), null_mut(), 0, &mut err), 0);
        let microseconds = timed(|| {
            assert_eq!(sys::rq_generation_create(session, &options, &mut generation, &mut err), 0);
            let (mut piece, mut count) = (sys::rq_piece::INIT, 0);
            while piece.finish == sys::RQ_FINISH_NONE {
                assert_eq!(sys::rq_generation_next(generation, &mut piece, &mut err), 0);
                out.write_all(std::slice::from_raw_parts(piece.text.cast(), piece.text_len)).unwrap();
                count += 1;
            }
            count
        });
        sys::rq_generation_free(generation);
        sys::rq_session_free(session);
        microseconds
    }
}

fn main() {
    let tale = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../examples/models/tale");
    let path = std::env::args().skip(1).find(|argument| !argument.starts_with("--")).unwrap_or_else(|| tale.into());
    // One thread: the noise of waking others is larger than what is measured.
    let options = ModelOptions { threads: 1, ..Default::default() };
    let model = Model::open_with(&Source::path(&path).unwrap(), &options).unwrap();
    let prompt = model.encode_prompt("Once upon a time").unwrap();
    let (mut source, mut c_model, mut err) = (null_mut(), null_mut(), sys::rq_error::INIT);
    // SAFETY: pointers and their lengths; freed below.
    unsafe {
        assert_eq!(sys::rq_source_create_path(path.as_ptr().cast(), path.len(), &mut source, &mut err), 0);
        let mut options = sys::rq_model_options::INIT;
        options.threads = 1;
        assert_eq!(sys::rq_model_open(source, &options, &mut c_model, &mut err), 0);
    }
    let (mut c, mut rust): (Vec<_>, Vec<_>) =
        (0..ROUNDS).map(|_| (by_c(c_model, &prompt), by_rust(&model, &prompt))).unzip();
    c.sort_by(f64::total_cmp);
    rust.sort_by(f64::total_cmp);
    let row = |name, of: &[f64]| println!("{:5} {:8.2} {:8.2} {:8.2}", name, of[0], of[ROUNDS / 2], of[ROUNDS - 1]);
    println!("microseconds a token: least, median, most of {} rounds of {} tokens", ROUNDS, TOKENS);
    row("C", &c);
    row("Rust", &rust);
    println!("more  {:8.2} {:8.2}", rust[0] - c[0], rust[ROUNDS / 2] - c[ROUNDS / 2]);
    // SAFETY: freed once.
    unsafe {
        sys::rq_model_free(c_model);
        sys::rq_source_free(source);
    }
}
