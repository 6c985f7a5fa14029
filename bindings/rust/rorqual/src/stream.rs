use crate::{CancelHandle, GenerationOptions, Piece, Result, Session};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::thread::JoinHandle;

/// A generation for asynchronous code: it runs on a thread of its own, one piece ahead of whoever asks. Needs no particular executor.
///
/// ```
/// # async fn tell(session: rorqual::Session) -> rorqual::Result<()> {
/// let mut stream = session.into_stream(rorqual::GenerationOptions::default());
/// while let Some(piece) = stream.next().await {
///     print!("{}", piece?.text);
/// }
/// let session = stream.into_session();
/// # let _ = session; Ok(())
/// # }
/// ```
///
/// As a `futures::Stream`: `futures::stream::poll_fn(move |context| stream.poll_next(context))`. Dropping it cancels, and waits for the
/// thread.
pub struct GenerationStream {
    shared: Arc<Shared>,
    cancel: CancelHandle,
    thread: Option<JoinHandle<Session>>,
}

/// What thread and stream tell each other. One place: the thread waits until its piece was taken.
#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    taken: Condvar,
}

#[derive(Default)]
struct State {
    piece: Option<Result<Piece>>,
    waker: Option<Waker>,
    ended: bool,
    dropped: bool,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Hands a piece over; false when nobody wants more.
    fn put(&self, piece: Result<Piece>) -> bool {
        let mut state = self.state();
        while state.piece.is_some() && !state.dropped {
            state = self.taken.wait(state).unwrap_or_else(|poisoned| poisoned.into_inner());
        }
        state.piece = Some(piece);
        let (waker, wanted) = (state.waker.take(), !state.dropped);
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
        wanted
    }
}

/// Ends the stream when the thread ends, however it does.
struct End(Arc<Shared>);

impl Drop for End {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.ended = true;
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Session {
    /// Starts a generation after the last token, for asynchronous code. An error of the start is the first item.
    pub fn into_stream(mut self, options: GenerationOptions) -> GenerationStream {
        let shared = Arc::new(Shared::default());
        let cancel = self.cancel_handle();
        let end = End(shared.clone());
        let thread = std::thread::spawn(move || {
            match self.generate(&options) {
                Err(error) => {
                    end.0.put(Err(error));
                }
                Ok(mut generation) => while generation.next().map_or(false, |piece| end.0.put(piece)) {},
            }
            self
        });
        GenerationStream { shared, cancel, thread: Some(thread) }
    }
}

impl GenerationStream {
    /// The next piece, or `None` after the last.
    pub async fn next(&mut self) -> Option<Result<Piece>> {
        Next(self).await
    }

    /// [`next`](GenerationStream::next) in the form that `Stream` asks for.
    pub fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Piece>>> {
        let mut state = self.shared.state();
        if let Some(piece) = state.piece.take() {
            self.shared.taken.notify_one();
            return Poll::Ready(Some(piece));
        }
        if state.ended {
            return Poll::Ready(None);
        }
        state.waker = Some(context.waker().clone());
        Poll::Pending
    }

    /// What stops it from another thread.
    pub fn cancel_handle(&self) -> CancelHandle {
        self.cancel.clone()
    }

    /// Ends the generation and gives the session back, with the tokens that were drawn. Waits for the thread.
    pub fn into_session(mut self) -> Session {
        // Not cancelled: what arrives after the last evaluation would stop the session's next one.
        match self.stop().expect("joined once").join() {
            Ok(session) => session,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }

    fn stop(&mut self) -> Option<JoinHandle<Session>> {
        self.shared.state().dropped = true;
        self.shared.taken.notify_one();
        self.thread.take()
    }
}

struct Next<'s>(&'s mut GenerationStream);

impl Future for Next<'_> {
    type Output = Option<Result<Piece>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.poll_next(context)
    }
}

impl Drop for GenerationStream {
    fn drop(&mut self) {
        if let Some(thread) = self.stop() {
            self.cancel.cancel();
            let _ = thread.join();
        }
    }
}
