//! Capability tokens: who may do what is written in the types.
//!
//! [`AmbientAuth`] is the authority over everything. Only the runtime makes one, and hands it to `main` in
//! [`Env::root`](crate::Env::root). Narrower tokens are made from it, or from a wider one, with `From<&…>`. All are
//! zero-sized, and safe code outside this crate has no other way to come by one:
//!
//! ```compile_fail
//! let forged = backwater::AmbientAuth {};
//! ```
//!
//! Not here: any check at run time. A function that needs a right takes a reference to its token.
#![forbid(unsafe_code)]

/// Authority over everything: the root of all tokens.
#[derive(Clone, Debug, Hash)]
pub struct AmbientAuth {
    _private: (),
}

impl AmbientAuth {
    /// For the runtime alone: `main` gets it in its `Env`.
    pub(crate) fn new() -> Self {
        AmbientAuth { _private: () }
    }
}

macro_rules! token {
    ($(#[$doc:meta])* $name:ident from $($wider:ident),+) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Hash)]
        pub struct $name {
            _private: (),
        }
        $(impl From<&$wider> for $name {
            fn from(_: &$wider) -> Self {
                $name { _private: () }
            }
        })+
    };
}

token! {
    /// May apply and release backpressure (R5).
    ///
    /// ```
    /// # backwater::run(|env| {
    /// let auth = backwater::ApplyReleaseBackpressureAuth::from(&env.root);
    /// # let _ = auth;
    /// # }).unwrap();
    /// ```
    ApplyReleaseBackpressureAuth from AmbientAuth
}

token! {
    /// May send on the control lane, which never mutes its sender (R7).
    ControlAuth from AmbientAuth
}

token! {
    /// May use TCP in every way.
    TcpAuth from AmbientAuth
}

token! {
    /// May bind UDP sockets, send and receive.
    UdpAuth from AmbientAuth
}

token! {
    /// May start child processes.
    ProcessAuth from AmbientAuth
}

token! {
    /// May hear of the signals that the machine sends to the process.
    SignalAuth from AmbientAuth
}

token! {
    /// May open TCP connections.
    TcpConnectAuth from AmbientAuth, TcpAuth
}

token! {
    /// May listen for TCP connections.
    TcpListenAuth from AmbientAuth, TcpAuth
}
