//! Why there is no connection, or nobody listens.

use std::fmt;
use std::io;
use std::net::SocketAddr;

/// Why a connection could not be opened, or a listener not listen. Each reads as a sentence that names a remedy.
#[derive(Debug)]
#[non_exhaustive]
pub enum NetError {
    /// The text is no address.
    BadAddress {
        /// The text.
        text: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The name has no address.
    Unresolved {
        /// The name.
        host: String,
        /// What the machine says.
        why: io::Error,
    },
    /// Nobody answered, or the machine refused. If the name has several addresses, this is about the last.
    Connect {
        /// Where.
        to: SocketAddr,
        /// What the machine says.
        why: io::Error,
    },
    /// The address cannot be listened at.
    Listen {
        /// Where.
        at: SocketAddr,
        /// What the machine says.
        why: io::Error,
    },
    /// The machine gives no event loop.
    NoEventLoop(io::Error),
    /// It was closed before it was open.
    GaveUp,
}

impl fmt::Display for NetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NetError::BadAddress { text, why } => {
                write!(f, "`{text}` is no address: {why}; write HOST:PORT, like localhost:7669 or [::1]:7669")
            }
            NetError::Unresolved { host, why } => {
                write!(f, "the name `{host}` has no address ({why}); check its spelling, or give a numeric address")
            }
            NetError::Connect { to, why } => {
                write!(f, "cannot connect to {to} ({why}); check that somebody listens there")
            }
            NetError::Listen { at, why } => {
                write!(f, "cannot listen at {at} ({why}); give another address, or port 0 for any free port")
            }
            NetError::NoEventLoop(why) => {
                write!(f, "the machine gives no event loop ({why}); close files or raise the limit on open ones")
            }
            NetError::GaveUp => f.write_str("the connection was closed before it was open"),
        }
    }
}

impl std::error::Error for NetError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            NetError::BadAddress { .. } | NetError::GaveUp => None,
            NetError::Unresolved { why, .. }
            | NetError::Connect { why, .. }
            | NetError::Listen { why, .. }
            | NetError::NoEventLoop(why) => Some(why),
        }
    }
}
