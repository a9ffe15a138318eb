//! Recordings that somebody may have spoilt, with every checksum made right: whatever the entries say, they are refused with
//! a position, or replayed to the end that they tell of, or the program is found to do something else.

use backwater::{Actor, Addr, ApplyReleaseBackpressureAuth, Backpressure, Context, Env, Recording, RunError, Runtime};
use std::io::{Cursor, Write};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

/// Lengths of the head of a recording and of that of a block, and the worker of the last block: the format, written a second
/// time, as `sum` is.
const HEAD: usize = 40;
const BLOCK: usize = 16;
const END: u32 = u32::MAX;

/// Makes of bytes whatever a behaviour can be told by a recording: ids, times, answers.
struct Sink {
    auth: ApplyReleaseBackpressureAuth,
    sender: Option<Addr<u8>>,
}

impl Actor for Sink {
    type Msg = u8;

    fn receive(&mut self, n: u8, cx: &mut Context<'_, Self>) {
        match n {
            0 if cx.now() > Duration::ZERO || cx.is_under_pressure() => Backpressure::release(&self.auth, cx),
            0 => {}
            1 => {
                Backpressure::apply(&self.auth, cx);
                cx.after(Duration::from_millis(1), 0);
            }
            _ => {
                let timer = cx.after(Duration::from_millis(2), 0);
                if cx.cancel(timer) && self.sender.is_none() {
                    let to = cx.me();
                    self.sender = Some(cx.spawn(Sender { to }));
                }
                self.sender.iter().for_each(|sender| sender.tell(n - 1, cx));
            }
        }
    }
}

struct Sender {
    to: Addr<u8>,
}

impl Actor for Sender {
    type Msg = u8;

    fn receive(&mut self, n: u8, cx: &mut Context<'_, Self>) {
        self.to.tell(n, cx);
        if n > 3 {
            cx.stop();
        }
    }
}

fn program(env: &mut Env<'_>) {
    let auth = ApplyReleaseBackpressureAuth::from(&env.root);
    let sink = env.spawn(Sink { auth, sender: None });
    (2..6).for_each(|n| sink.tell(n, env));
}

#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A run of the program on two threads, as it is written down.
pub(crate) fn recorded() -> Vec<u8> {
    let buffer = Buffer::default();
    let end = Runtime::builder().threads(2).virtual_time().record(buffer.clone()).run(program);
    end.expect("the sink releases what it applies");
    let bytes = buffer.0.lock().unwrap();
    bytes.clone()
}

/// What the target does: the bytes as they are, and as what is inside a recording. Was it replayed?
pub(crate) fn run(bytes: &[u8]) -> bool {
    read(bytes);
    read(&sealed(bytes)) && replay(sealed(bytes))
}

fn read(bytes: &[u8]) -> bool {
    let read = Recording::parse(bytes);
    if let Err(why) = &read {
        assert!(why.position() <= bytes.len() as u64, "{why}");
        assert!(why.to_string().len() < 500, "what is said is no longer than it has to be: {why}");
    }
    read.is_ok()
}

fn replay(bytes: Vec<u8>) -> bool {
    match Runtime::builder().replay_recording(Cursor::new(bytes)).run(program) {
        Ok(_) | Err(RunError::Deadlock(_)) => true,
        Err(RunError::Recording(why)) => {
            assert!(why.to_string().len() < 700, "what is said is no longer than it has to be: {why}");
            false
        }
        Err(other) => panic!("{other}"),
    }
}

/// Blocks, each a worker and a length of one byte and so many bytes, as a recording of the program; the last is its end.
fn sealed(bytes: &[u8]) -> Vec<u8> {
    static RECORDED: OnceLock<Vec<u8>> = OnceLock::new();
    let mut all = RECORDED.get_or_init(recorded)[..HEAD].to_vec();
    let (mut rest, mut index) = (bytes, 0);
    while let [worker, length, after @ ..] = rest {
        let (payload, after) = after.split_at(usize::from(*length).min(after.len()));
        let worker = if after.len() < 2 { END } else { u32::from(*worker) };
        all.extend((payload.len() as u32).to_le_bytes());
        all.extend(worker.to_le_bytes());
        all.extend(sum(sum(index, &worker.to_le_bytes()), payload).to_le_bytes());
        all.extend(payload);
        (rest, index) = (after, index + 1);
    }
    all
}

/// The bytes of which `sealed` makes this recording.
pub(crate) fn opened(recording: &[u8]) -> Vec<u8> {
    let (mut bytes, mut rest) = (Vec::new(), &recording[HEAD..]);
    while let [l0, l1, l2, l3, w0, ..] = *rest {
        let length = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
        bytes.extend([w0, u8::try_from(length).expect("blocks are short")]);
        bytes.extend(&rest[BLOCK..BLOCK + length]);
        rest = &rest[BLOCK + length..];
    }
    bytes
}

fn sum(from: u64, bytes: &[u8]) -> u64 {
    let step =
        |sum: u64, word: [u8; 8]| (sum ^ u64::from_le_bytes(word)).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29);
    let words = bytes.chunks_exact(8);
    let mut last = [0; 8];
    last[..words.remainder().len()].copy_from_slice(words.remainder());
    let begin = step(from, (bytes.len() as u64).to_le_bytes());
    let sum = words.fold(begin, |sum, word| step(sum, word.try_into().expect("a chunk is eight bytes")));
    step(step(sum, last), [0; 8])
}
