//! What is dropped is freed. Alone in its process, whose memory it measures.

use rorqual::{GenerationOptions, Level, Model, ModelOptions, Source};
use std::sync::Arc;

const TALE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../examples/models/tale");

type Log = dyn Fn(Level, &str) + Send + Sync;

/// Bytes of memory that this process has touched.
fn resident_bytes() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    text.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 4096
}

#[test]
fn sessions_with_generations_left_early_leave_no_memory_behind() {
    let log: Arc<Log> = Arc::new(|_, _| {});
    let options = ModelOptions { log: Some(log.clone()), ..Default::default() };
    let model = Model::open_with(&Source::path(TALE).unwrap(), &options).unwrap();
    drop(options);
    let prompt = model.encode_prompt("Once upon a time").unwrap();
    let leave_early = || {
        let mut session = model.session().unwrap();
        session.sync(&prompt).unwrap();
        let options = GenerationOptions { stop_strings: vec!["never".repeat(100)], ..Default::default() };
        assert_eq!(session.generate(&options).unwrap().take(3).count(), 3);
        let metrics = session.metrics().unwrap();
        metrics.cache_bytes + metrics.scratch_bytes
    };
    let one = (0..20).map(|_| leave_early()).max().unwrap();
    let before = resident_bytes();
    (0..100).for_each(|_| {
        leave_early();
    });
    let more = resident_bytes().saturating_sub(before);
    assert!(more < 20 * one, "100 sessions of {} bytes left {} bytes", one, more);

    let session = model.session().unwrap();
    drop(model);
    assert_eq!(Arc::strong_count(&log), 2); // the session keeps what it may call
    drop(session);
    assert_eq!(Arc::strong_count(&log), 1);
}
