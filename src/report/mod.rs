//! Puts runs on paper: the text trace.
#![forbid(unsafe_code)]
