//! TCP.
#![forbid(unsafe_code)]
