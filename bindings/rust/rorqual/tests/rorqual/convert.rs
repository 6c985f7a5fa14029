use crate::*;
use rorqual::{pack, quantize, Code, QuantizeOptions};

#[test]
fn a_quantised_and_a_packed_model_tell_tales() {
    let (gguf, packed) = (Temporary::new("tale.gguf"), Temporary::new("tale.safetensors"));
    let options = QuantizeOptions { format: "q8_0".into(), ..Default::default() };
    let (mut done, mut all) = (0, 0);
    let watch = |progress: rorqual::Progress<'_>| {
        done = progress.done_bytes;
        all = progress.all_bytes;
        true
    };
    quantize(&Source::path(TALE).unwrap(), &gguf.0, &options, watch).unwrap();
    assert!(done > 0 && done <= all);
    pack(&Source::path(&gguf.0).unwrap(), &packed.0, 0, |_| true).unwrap();
    let tell = |path: &std::path::Path| {
        let model = Model::open(path).unwrap();
        let mut session = model.session().unwrap();
        session.sync(&model.encode_prompt("Once upon a time").unwrap()).unwrap();
        told(&mut session, &limit(20))
    };
    assert_eq!(tell(&gguf.0), tell(&packed.0));
}

#[test]
fn a_conversion_that_is_stopped_leaves_nothing() {
    let file = Temporary::new("stopped.gguf");
    let source = Source::path(TALE).unwrap();
    let stopped = quantize(&source, &file.0, &Default::default(), |_| false).unwrap_err();
    assert_eq!(stopped.code(), Code::Callback);
    let panics = || quantize(&source, &file.0, &Default::default(), |_| panic!("in the closure"));
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(panics)).unwrap_err();
    assert_eq!(caught.downcast_ref::<&str>(), Some(&"in the closure"));
    assert!(!file.0.exists());
}
