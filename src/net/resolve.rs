//! From a text to addresses. A numeric address is read at once; a name is looked up on a thread of its own, because
//! the machine's resolver blocks.

use super::errand;
use super::error::NetError;
use super::event_loop::{self, Signal, What};
use crate::actor::{Actor, Context};
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Address(SocketAddr),
    Name { host: String, port: u16 },
}

/// # Errors
/// [`NetError::BadAddress`].
pub(super) fn parse(text: &str) -> Result<Target, NetError> {
    if let Ok(address) = text.parse() {
        return Ok(Target::Address(address));
    }
    let bad = |why| NetError::BadAddress { text: text.to_owned(), why };
    let (host, port) = text.rsplit_once(':').ok_or_else(|| bad("it has no port"))?;
    let port = port.parse().map_err(|_| bad("its port is no number from 0 to 65535"))?;
    match host {
        "" => Err(bad("it has no host")),
        _ if host.contains(':') => Err(bad("an IPv6 address stands in brackets")),
        _ => Ok(Target::Name { host: host.to_owned(), port }),
    }
}

/// The families in turns, beginning with that of the first address; within a family the order stays (RFC 8305, 4).
pub(super) fn in_turns(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (ours, others): (Vec<_>, Vec<_>) = addresses.into_iter().partition(|address| address.is_ipv6() == first);
    let mut others = others.into_iter();
    let mut turns: Vec<SocketAddr> =
        ours.into_iter().flat_map(|address| [Some(address), others.next()]).flatten().collect();
    turns.extend(others);
    turns
}

pub(super) type Found = Result<Vec<SocketAddr>, NetError>;

/// Looks a name up; the running actor is sent what was found. Until then the runtime waits for it (R9).
pub(super) fn look_up<A: Actor<Msg: From<Signal>>>(host: String, port: u16, cx: &mut Context<'_, A>) {
    let known = event_loop::network(cx).ok().and_then(|network| network.resolve(&host));
    if let Some(known) = known {
        let addresses = |found: Vec<IpAddr>| found.into_iter().map(|ip| SocketAddr::new(ip, port)).collect();
        let found = known.map(addresses).map_err(|why| NetError::Unresolved { host, why });
        return event_loop::signal(cx, What::Resolved(found));
    }
    let asked = host.clone();
    let failed = move |why| What::Resolved(Err(NetError::Unresolved { host, why }));
    // A look-up that is in the way of nothing: nobody waits for its thread.
    drop(errand::send_out("backwater-resolve", move || What::Resolved(ask(asked, port)), failed, cx));
}

fn ask(host: String, port: u16) -> Found {
    let found = (host.as_str(), port).to_socket_addrs().map(Iterator::collect::<Vec<_>>);
    match found {
        Ok(found) if found.is_empty() => {
            Err(NetError::Unresolved { host, why: io::Error::from(io::ErrorKind::NotFound) })
        }
        Ok(found) => Ok(found),
        Err(why) => Err(NetError::Unresolved { host, why }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_families_take_turns_and_keep_their_order() {
        let of = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<SocketAddr>>();
        let mixed = of(&["[::1]:7", "[::2]:7", "[::3]:7", "1.0.0.1:7", "1.0.0.2:7"]);
        assert_eq!(in_turns(mixed), of(&["[::1]:7", "1.0.0.1:7", "[::2]:7", "1.0.0.2:7", "[::3]:7"]));
        let mixed = of(&["1.0.0.1:7", "[::1]:7", "[::2]:7", "[::3]:7"]);
        assert_eq!(in_turns(mixed), of(&["1.0.0.1:7", "[::1]:7", "[::2]:7", "[::3]:7"]));
        assert_eq!(in_turns(Vec::new()), []);
    }

    #[test]
    fn addresses_are_read_and_bad_ones_say_what_is_wrong() {
        assert_eq!(parse("127.0.0.1:80").unwrap(), Target::Address(([127, 0, 0, 1], 80).into()));
        assert!(matches!(parse("[::1]:80").unwrap(), Target::Address(a) if a.is_ipv6()));
        assert_eq!(parse("localhost:80").unwrap(), Target::Name { host: "localhost".into(), port: 80 });
        let why = |text| parse(text).unwrap_err().to_string();
        assert!(why("localhost").starts_with("`localhost` is no address: it has no port; write HOST:PORT"));
        assert!(why("localhost:http").contains("its port is no number"));
        assert!(why("localhost:65536").contains("its port is no number"));
        assert!(why(":80").contains("it has no host"));
        assert!(why("::1:80").contains("in brackets"));
        assert!(why("").contains("it has no port"));
    }
}
