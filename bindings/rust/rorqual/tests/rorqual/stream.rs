use crate::*;
use rorqual::Code;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;

/// The smallest executor: parks until it is woken.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut future: Pin<Box<F>> = Box::pin(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => std::thread::park(),
        }
    }
}

#[test]
fn a_stream_tells_what_an_iterator_tells_and_gives_the_session_back() {
    let mut session = begun();
    let expected = told(&mut session.fork().unwrap(), &limit(20));
    let start = session.length().unwrap();
    let mut stream = session.into_stream(limit(20));
    let text = block_on(async {
        let mut text = String::new();
        while let Some(piece) = stream.next().await {
            text += &piece.unwrap().text;
        }
        assert!(stream.next().await.is_none());
        text
    });
    assert_eq!(text, expected);
    let mut session = stream.into_session();
    assert_eq!(session.length().unwrap(), start + 20);
    session.append(&[3]).unwrap();
}

#[test]
fn a_stream_runs_one_piece_ahead_at_most() {
    let session = begun();
    let start = session.length().unwrap();
    let mut stream = session.into_stream(limit(0));
    block_on(stream.next()).unwrap().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(50));
    assert!(stream.into_session().length().unwrap() <= start + 3);
}

#[test]
fn a_stream_that_is_cancelled_ends_with_the_error_and_one_that_is_dropped_just_ends() {
    let mut stream = begun().into_stream(limit(0));
    stream.cancel_handle().cancel();
    let error = block_on(async {
        loop {
            if let Err(error) = stream.next().await.unwrap() {
                return error;
            }
        }
    });
    assert_eq!(error.code(), Code::Cancelled);
    assert!(block_on(stream.next()).is_none());
    drop(begun().into_stream(limit(0)));

    let mut empty = tale().session().unwrap().into_stream(limit(1));
    assert_eq!(block_on(empty.next()).unwrap().unwrap_err().code(), Code::WrongState);
}
