//! Inlets as async sinks: the traits of the `futures` crates, over what the inlet does for itself.

use super::Inlet;
use super::inlet::{Refusal, Until};
use futures_sink::Sink;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Ready while the receiver does not press (R13); one that was found ready takes the next message, whatever happens in
/// between. Flushed when the runtime has taken over what was sent, and closed after that: then the runtime waits for
/// this inlet no longer, and it refuses like one whose receiver has ended.
///
/// ```
/// use futures_sink::Sink;
/// use std::pin::Pin;
/// # use backwater::{Actor, Context};
/// # struct Sum(u64);
/// # impl Actor for Sum { type Msg = u64; fn receive(&mut self, n: u64, _: &mut Context<'_, Self>) { self.0 += n } }
/// let mut thread = None;
/// backwater::run(|env| {
///     let sum = env.spawn(Sum(0));
///     let mut inlet = env.inlet(&sum);
///     // What `SinkExt::send` of the crate `futures` does.
///     let task = async move {
///         std::future::poll_fn(|cx| Pin::new(&mut inlet).poll_ready(cx)).await.unwrap();
///         Pin::new(&mut inlet).start_send(7).unwrap();
///         std::future::poll_fn(|cx| Pin::new(&mut inlet).poll_close(cx)).await.unwrap();
///     };
///     thread = Some(std::thread::spawn(|| pollster::block_on(task)));
/// }).unwrap();
/// thread.unwrap().join().unwrap();
/// ```
impl<M> Sink<M> for Inlet<M> {
    /// The reason; a message that is refused is lost. [`Inlet::send_async`] gives it back.
    type Error = Refusal;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Refusal>> {
        self.get_mut().poll_until(Until::Ready, cx)
    }

    /// Without a `poll_ready` that found it ready, it refuses where `try_send` would.
    fn start_send(self: Pin<&mut Self>, message: M) -> Result<(), Refusal> {
        self.get_mut().send_granted(message).map_err(|refused| refused.why)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Refusal>> {
        self.get_mut().poll_until(Until::Empty, cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Refusal>> {
        let inlet = self.get_mut();
        ready!(inlet.poll_until(Until::Empty, cx))?;
        inlet.close();
        Poll::Ready(Ok(()))
    }
}
