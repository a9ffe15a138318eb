//! Inlets as async sinks and outlets as async streams: the traits of the `futures` crates, over what both do anyway.

use super::inlet::{Refusal, Until};
use super::{Inlet, Outlet};
use futures_core::{FusedStream, Stream};
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

/// Ends with its actor, when everything has been read.
///
/// ```
/// use futures_core::Stream;
/// use std::pin::Pin;
/// let mut reader = None;
/// backwater::run(|env| {
///     let (numbers, mut outlet) = env.outlet::<u64>(16);
///     // What `StreamExt::next` of the crate `futures` does.
///     let task = async move {
///         let mut sum = 0;
///         while let Some(n) = std::future::poll_fn(|cx| Pin::new(&mut outlet).poll_next(cx)).await {
///             sum += n;
///         }
///         sum
///     };
///     reader = Some(std::thread::spawn(|| pollster::block_on(task)));
///     (1..=1_000).for_each(|n| numbers.tell(n, env));
/// }).unwrap();
/// assert_eq!(reader.unwrap().join().unwrap(), 500_500);
/// ```
impl<M> Stream for Outlet<M> {
    type Item = M;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<M>> {
        self.get_mut().poll_recv(cx)
    }
}

impl<M> FusedStream for Outlet<M> {
    fn is_terminated(&self) -> bool {
        self.is_ended()
    }
}
