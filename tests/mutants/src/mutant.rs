//! Which change this process makes; put into the copy of the library that has all of them.
//!
//! `MUTANT_MADE` is its number. With `MUTANT_REACHED` none is made, and the numbers of those that could have mattered go
//! to that file.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};

const UNKNOWN: u32 = u32::MAX;
const NOTING: u32 = u32::MAX - 1;
const NONE: u32 = u32::MAX - 2;

static MADE: AtomicU32 = AtomicU32::new(UNKNOWN);
static REACHED: [AtomicBool; COUNT] = [const { AtomicBool::new(false) }; COUNT];

/// Is this the one?
#[inline]
pub fn on(change: u32) -> bool {
    match MADE.load(Relaxed) {
        UNKNOWN => {
            MADE.store(ask(), Relaxed);
            on(change)
        }
        NOTING => note(change),
        made => made == change,
    }
}

fn ask() -> u32 {
    let made = std::env::var("MUTANT_MADE").ok().map(|number| number.parse().expect("MUTANT_MADE is a number"));
    made.unwrap_or(if std::env::var_os("MUTANT_REACHED").is_some() { NOTING } else { NONE })
}

#[cold]
fn note(change: u32) -> bool {
    use std::io::Write;
    if !REACHED[change as usize].swap(true, Relaxed) {
        let path = std::env::var_os("MUTANT_REACHED").expect("it was there");
        let file = std::fs::OpenOptions::new().append(true).create(true).open(path);
        file.and_then(|mut file| file.write_all(format!("{change}\n").as_bytes())).expect("the file can be written");
    }
    false
}
