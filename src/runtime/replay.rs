//! Tokens: one line of text that says how a run was made, so that it can be made again.
//!
//! In the deterministic runtime a run is a function of program, configuration, seed and inputs (R12). The token has
//! the configuration and the seed; the program and its inputs are the user's. With virtual time and no sockets there
//! are no other inputs, and the token is the whole truth.

use std::fmt;

/// How a run was made: `bw1.fifo.s0.b100`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// The scheduling policy's name.
    pub policy: String,
    /// The seed.
    pub seed: u64,
    /// The runtime's batch.
    pub batch: u32,
}

/// A token that cannot be replayed, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadToken {
    token: String,
    why: String,
}

impl fmt::Display for BadToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the replay token {:?} cannot be used: {}", self.token, self.why)
    }
}

impl std::error::Error for BadToken {}

impl BadToken {
    pub(super) fn new(token: &str, why: impl Into<String>) -> Self {
        BadToken { token: token.chars().take(LONGEST).collect(), why: why.into() }
    }
}

const VERSION: &str = "bw1";
const LONGEST: usize = 200;

impl Token {
    /// Reads a token.
    ///
    /// # Errors
    /// Says which part is not as it should be.
    pub fn parse(text: &str) -> Result<Token, BadToken> {
        let bad = |why: &str| BadToken::new(text, why);
        let mut parts = text.trim().split('.');
        match parts.next() {
            Some(VERSION) => {}
            Some(other) if other.starts_with("bw") => return Err(bad("it is of another version of backwater")),
            _ => return Err(bad("it does not begin with `bw1.`")),
        }
        let policy = parts.next().filter(|p| !p.is_empty()).ok_or_else(|| bad("it names no policy"))?.to_owned();
        let number = |part: Option<&str>, mark: char| part.and_then(|p| p.strip_prefix(mark)?.parse::<u64>().ok());
        let seed = number(parts.next(), 's').ok_or_else(|| bad("its third part is not a seed like `s42`"))?;
        let batch = number(parts.next(), 'b').and_then(|b| u32::try_from(b).ok()).filter(|b| *b > 0);
        let batch = batch.ok_or_else(|| bad("its fourth part is not a batch like `b100`"))?;
        match parts.next() {
            None => Ok(Token { policy, seed, batch }),
            Some(_) => Err(bad("it has too many parts")),
        }
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{VERSION}.{}.s{}.b{}", self.policy, self.seed, self.batch)
    }
}

/// What stands in place of the line where no token can make the run again.
pub(super) const NO_LINE: &str = "by no line, for it ran on threads; Builder::record writes such a run down";

/// The line that a user can paste before a command.
pub(super) fn line(token: &Token) -> String {
    format!("BACKWATER_REPLAY={token}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_reads_back_as_it_was_written() {
        let token = Token { policy: "shuffled".into(), seed: u64::MAX, batch: 1 };
        assert_eq!(Token::parse(&token.to_string()), Ok(token));
    }

    #[test]
    fn a_spoilt_token_is_refused_with_the_reason() {
        for (text, why) in [
            ("", "does not begin"),
            ("bw2.fifo.s1.b1", "another version"),
            ("bw1", "no policy"),
            ("bw1.fifo.1.b1", "third part"),
            ("bw1.fifo.s1.b0", "fourth part"),
            ("bw1.fifo.s1.b99999999999", "fourth part"),
            ("bw1.fifo.s1.b1.x", "too many"),
        ] {
            let error = Token::parse(text).expect_err(text).to_string();
            assert!(error.contains(why), "{text:?} gave {error}");
        }
    }
}
