//! What waits to be written, in order. No socket here.

use std::collections::VecDeque;
use std::io::IoSlice;

/// Buffers handed to the machine in one call; it takes at least 16 everywhere.
const SLICES: usize = 64;

#[derive(Default)]
pub(super) struct Backlog {
    buffers: VecDeque<Vec<u8>>,
    /// Bytes of the first buffer that are already written.
    written: usize,
    bytes: usize,
    peak: usize,
}

impl Backlog {
    pub(super) fn push(&mut self, data: Vec<u8>) {
        if !data.is_empty() {
            self.bytes += data.len();
            self.peak = self.peak.max(self.bytes);
            self.buffers.push_back(data);
        }
    }

    /// Bytes that wait.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The most bytes that ever waited at the end of a push: what was handed over, written at once or not.
    pub(super) fn peak(&self) -> usize {
        self.peak
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// Shows the front to `write`, which says how many bytes of it are done.
    pub(super) fn write<E>(&mut self, write: impl FnOnce(&[IoSlice<'_>]) -> Result<usize, E>) -> Result<usize, E> {
        let mut slices = [IoSlice::new(&[]); SLICES];
        let mut used = 0;
        for (slice, buffer) in slices.iter_mut().zip(&self.buffers) {
            let done = if used == 0 { self.written } else { 0 };
            *slice = IoSlice::new(&buffer[done..]);
            used += 1;
        }
        let done = write(&slices[..used])?;
        self.advance(done);
        Ok(done)
    }

    fn advance(&mut self, mut done: usize) {
        self.bytes -= done;
        while let Some(first) = self.buffers.front() {
            let left = first.len() - self.written;
            if done < left {
                self.written += done;
                return;
            }
            done -= left;
            self.written = 0;
            self.buffers.pop_front();
        }
    }

    /// Nobody will ever take it.
    pub(super) fn clear(&mut self) {
        self.buffers.clear();
        (self.written, self.bytes) = (0, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// However the bytes are cut into buffers and however few are taken at a time, they come out as they went in.
        #[test]
        fn nothing_is_lost_or_reordered(
            buffers in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..150),
            takes in prop::collection::vec(1usize..60, 1..20),
        ) {
            let mut backlog = Backlog::default();
            buffers.iter().for_each(|buffer| backlog.push(buffer.clone()));
            let mut out = Vec::new();
            for take in takes.iter().cycle() {
                if backlog.is_empty() {
                    break;
                }
                let before = backlog.bytes();
                let done = backlog.write(|slices| {
                    let front: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).take(*take).collect();
                    out.extend_from_slice(&front);
                    Ok::<_, ()>(front.len())
                });
                prop_assert_eq!(backlog.bytes() + done.unwrap(), before);
            }
            prop_assert_eq!(out, buffers.concat());
            prop_assert!(backlog.buffers.is_empty());
        }
    }

    #[test]
    fn an_error_takes_nothing() {
        let mut backlog = Backlog::default();
        backlog.push(b"abc".to_vec());
        assert_eq!(backlog.write(|_| Err("full")), Err("full"));
        assert_eq!((backlog.bytes(), backlog.peak()), (3, 3));
    }
}
