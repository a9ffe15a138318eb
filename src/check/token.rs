//! Tokens of schedules: one line of text from which a run is made again.
//!
//! `bwc1.<settings>.<path>.<decisions>.<check>`: hashes of the settings and of what the steps did, the decisions, and a
//! hash of the line itself, so that a line that was cut or altered is refused and not run as something else.

use super::run::Hash;
use std::fmt::Write;

/// Whom to take at each step where there was a choice, in the order that `World::in_order` counts, and the answers to
/// the program's own choices, as they came.
pub(super) type Decisions = Vec<u32>;

const VERSION: &str = "bwc1";

/// A schedule as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) settings: u64,
    pub(super) path: u64,
    pub(super) decisions: Decisions,
    /// The run is to be looked at after so many steps, not at its end.
    pub(super) until: Option<usize>,
}

impl Token {
    pub(super) fn to_line(&self) -> String {
        let mut line =
            format!("{VERSION}.{:08x}.{:08x}.{}", short(self.settings), short(self.path), text(&self.decisions));
        if let Some(steps) = self.until {
            let _ = write!(line, "={steps}");
        }
        let check = short(Hash::of(line.as_bytes()));
        let _ = write!(line, ".{check:08x}");
        line
    }

    /// Reads a line; the error says what is wrong with it.
    pub(super) fn parse(line: &str) -> Result<Token, String> {
        let line = line.trim();
        let line = line.strip_prefix("BACKWATER_REPLAY=").unwrap_or(line);
        if !line.starts_with("bwc1.") {
            return Err(format!("it does not begin with `{VERSION}.`: it is of another version, or no schedule"));
        }
        let (body, check) = line.rsplit_once('.').unwrap_or((line, ""));
        if u64::from_str_radix(check, 16) != Ok(short(Hash::of(body.as_bytes()))) {
            return Err("it was cut short or altered: its last part does not fit the rest".into());
        }
        let parts: Vec<&str> = body.split('.').collect();
        let [_, settings, path, decisions] = parts[..] else { return Err("it does not have five parts".into()) };
        let number = |part: &str| u64::from_str_radix(part, 16).map_err(|_| format!("{part:?} is not a hash"));
        let (decisions, until) = match decisions.split_once('=') {
            Some((decisions, steps)) => (decisions, Some(steps.parse().map_err(|_| "its number of steps is broken")?)),
            None => (decisions, None),
        };
        Ok(Token { settings: number(settings)?, path: number(path)?, decisions: numbers(decisions)?, until })
    }

    pub(super) fn fits_settings(&self, settings: u64) -> bool {
        self.settings == short(settings)
    }

    pub(super) fn fits_path(&self, path: u64) -> bool {
        self.path == short(path)
    }
}

fn short(hash: u64) -> u64 {
    hash & 0xFFFF_FFFF
}

const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";

/// Small numbers are one digit; a row of zeros is `-n-`, a number from 36 is `_n_`. Zeros at the end are left out: a
/// replay that runs out of decisions takes 0.
fn text(decisions: &[u32]) -> String {
    let end = decisions.iter().rposition(|d| *d != 0).map_or(0, |last| last + 1);
    let mut text = String::new();
    let mut rest = &decisions[..end];
    while let Some(first) = rest.first() {
        let zeros = rest.iter().take_while(|d| **d == 0).count();
        let (written, taken) = match (zeros, DIGITS.get(*first as usize)) {
            (4.., _) => (format!("-{zeros}-"), zeros),
            (_, Some(digit)) => (char::from(*digit).to_string(), 1),
            (_, None) => (format!("_{first}_"), 1),
        };
        text.push_str(&written);
        rest = &rest[taken..];
    }
    text
}

fn numbers(text: &str) -> Result<Decisions, String> {
    let mut decisions = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        rest = &rest[first.len_utf8()..];
        let mut quoted = || {
            let (number, after) = rest.split_once(first)?;
            rest = after;
            number.parse::<u32>().ok()
        };
        match first {
            '-' => {
                let zeros = quoted().filter(|n| *n < 10_000_000).ok_or("a row of zeros is broken")?;
                decisions.extend((0..zeros).map(|_| 0));
            }
            '_' => decisions.push(quoted().ok_or("a number is broken")?),
            digit => decisions.push(digit.to_digit(36).ok_or_else(|| format!("{digit:?} is no decision"))?),
        }
    }
    Ok(decisions)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token() -> Token {
        let decisions = vec![0, 1, 0, 0, 0, 0, 0, 35, 36, 1_000_000, 0, 0, 2];
        Token { settings: 0x1234, path: 7, decisions, until: Some(40) }
    }

    #[test]
    fn a_token_reads_back_as_it_was_written() {
        assert_eq!(Token::parse(&token().to_line()), Ok(token()));
        let line = format!("BACKWATER_REPLAY={}\n", token().to_line());
        assert_eq!(Token::parse(&line), Ok(token()));
    }

    /// A row of ten million zeros is no schedule, but a way to fill the memory.
    #[test]
    fn a_row_of_zeros_has_an_end() {
        assert_eq!(numbers("-9-1"), Ok([&[0; 9][..], &[1]].concat()));
        assert_eq!(numbers("-9999999-").map(|zeros| zeros.len()), Ok(9_999_999));
        assert_eq!(numbers("-10000000-"), Err("a row of zeros is broken".into()));
    }

    /// Every cut and every change of one byte, one by one.
    #[test]
    fn a_token_that_was_cut_or_altered_is_refused() {
        let line = token().to_line();
        (0..line.len()).for_each(|end| assert!(Token::parse(&line[..end]).is_err(), "{}", &line[..end]));
        for at in 0..line.len() {
            let mut bytes = line.clone().into_bytes();
            bytes[at] ^= 1;
            let altered = String::from_utf8(bytes).expect("one bit of ASCII is ASCII");
            assert!(Token::parse(&altered).is_err(), "{altered}");
        }
    }
}
