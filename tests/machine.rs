//! What a machine hardly ever says of a socket, said of real ones: interrupted calls, and no buffers. The kernel asks a
//! thread of the test before it carries certain calls of the runtime's thread out (seccomp's user notification), and that
//! has it say something else in their place.
//!
//! Where the kernel does not do that, in some containers, the tests say so and show nothing.
#![cfg(all(feature = "net", target_os = "linux"))]

#[path = "tcp/support.rs"]
#[expect(dead_code, reason = "it is shared with the tests against real sockets")]
mod support;

use backwater::TcpConnectAuth;
use backwater::net::TcpConnection;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::sync::{Arc, Mutex, mpsc};
use support::{Heard, Log, Probe, pattern, peer, read_to_end, run, thread};

/// The calls that are asked about.
const CALLS: [i64; 4] = [libc::SYS_writev, libc::SYS_recvfrom, libc::SYS_epoll_pwait, SYS_EPOLL_WAIT];
#[cfg(target_arch = "x86_64")]
const SYS_EPOLL_WAIT: i64 = libc::SYS_epoll_wait;
#[cfg(not(target_arch = "x86_64"))]
const SYS_EPOLL_WAIT: i64 = libc::SYS_epoll_pwait;

/// How often each call was answered in the machine's place.
type Told = Arc<Mutex<BTreeMap<i64, u32>>>;

/// From here on `answer` says which error a call of this thread comes back with: it is told which call, and the how
/// manieth. None where the kernel does not do that.
fn in_place_of_the_machine(answer: impl FnMut(i64, u32) -> Option<i32> + Send + 'static) -> Option<Told> {
    let told = Told::default();
    let (give, take) = mpsc::channel();
    let theirs = told.clone();
    // Begun before there is a filter, which threads inherit.
    drop(thread(move || take.recv().is_ok_and(|notices| serve(&notices, answer, &theirs).is_ok())));
    match filter() {
        Ok(notices) => {
            give.send(notices).unwrap();
            Some(told)
        }
        Err(why) => {
            eprintln!("nothing is shown: the kernel asks nobody about calls here ({why})");
            None
        }
    }
}

/// Has the kernel ask about these calls of this thread.
fn filter() -> io::Result<OwnedFd> {
    let step = |code: u32, to: usize, k: u32| libc::sock_filter { code: code as u16, jt: to as u8, jf: 0, k };
    let mut steps = vec![step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0)];
    let asks =
        |(nth, call): (usize, &i64)| step(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, CALLS.len() - nth, *call as u32);
    steps.extend(CALLS.iter().enumerate().map(asks));
    steps.push(step(libc::BPF_RET | libc::BPF_K, 0, libc::SECCOMP_RET_ALLOW));
    steps.push(step(libc::BPF_RET | libc::BPF_K, 0, libc::SECCOMP_RET_USER_NOTIF));
    let program = libc::sock_fprog { len: steps.len() as u16, filter: steps.as_mut_ptr() };
    // SAFETY: it only keeps this thread from gaining privileges.
    if unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let (mode, flags) = (libc::SECCOMP_SET_MODE_FILTER, libc::SECCOMP_FILTER_FLAG_NEW_LISTENER);
    // SAFETY: the kernel copies the program, which lives through the call.
    let notices = unsafe { libc::syscall(libc::SYS_seccomp, mode, flags, &raw const program) };
    // SAFETY: it is a new descriptor, and nobody else's.
    if notices < 0 { Err(io::Error::last_os_error()) } else { Ok(unsafe { OwnedFd::from_raw_fd(notices as i32) }) }
}

/// The requests of `linux/seccomp.h`: read and write, the size, `!`, the number.
const fn request<T>(number: u64) -> u64 {
    3 << 30 | (size_of::<T>() as u64) << 16 | (b'!' as u64) << 8 | number
}

/// Answers until the thread is gone.
fn serve(
    notices: &OwnedFd,
    mut answer: impl FnMut(i64, u32) -> Option<i32>,
    told: &Mutex<BTreeMap<i64, u32>>,
) -> io::Result<()> {
    let mut asked = BTreeMap::<i64, u32>::new();
    loop {
        // SAFETY: all zeros is what the kernel wants to find there.
        let mut notice: libc::seccomp_notif = unsafe { std::mem::zeroed() };
        // SAFETY: it is as large as the request says, and ours.
        if unsafe { libc::ioctl(notices.as_raw_fd(), request::<libc::seccomp_notif>(0) as _, &raw mut notice) } != 0 {
            return Err(io::Error::last_os_error());
        }
        let call = i64::from(notice.data.nr);
        let nth = asked.entry(call).or_default();
        let error = answer(call, *nth);
        *nth += 1;
        let mut reply = libc::seccomp_notif_resp { id: notice.id, val: 0, error: 0, flags: 0 };
        match error {
            Some(error) => {
                reply.error = -error;
                *told.lock().unwrap().entry(call).or_default() += 1;
            }
            None => reply.flags = libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32,
        }
        // SAFETY: as above.
        if unsafe { libc::ioctl(notices.as_raw_fd(), request::<libc::seccomp_notif_resp>(1) as _, &raw mut reply) } != 0
        {
            return Err(io::Error::last_os_error());
        }
    }
}

const MUCH: usize = 1 << 20;

/// Writes much to a peer that first reads it all and then writes as much back; gives what both have read.
fn exchange(log: &Log, answer: impl FnMut(i64, u32) -> Option<i32> + Send + 'static) -> Option<(Vec<u8>, Told)> {
    let (to, peer) = peer(|mut stream| {
        let read = read_to_end(&stream);
        stream.write_all(&pattern(MUCH, 2)).unwrap();
        read
    });
    let probe = Probe::new(log, |heard, conn, _| {
        if *heard == Heard::Connected {
            conn.writev(pattern(MUCH, 1).chunks(10_000).map(<[u8]>::to_vec));
            conn.close();
        }
    });
    let told = in_place_of_the_machine(answer)?;
    run(|env| {
        let auth = TcpConnectAuth::from(&env.root);
        TcpConnection::connect(&auth, &to.to_string(), probe).send_buffer(support::BUFFER).spawn(env);
    });
    Some((peer.join().unwrap(), told))
}

#[test]
fn interrupted_calls_are_made_again_and_nothing_is_lost() {
    let log = Log::default();
    let Some((read, told)) = exchange(&log, |_, nth| nth.is_multiple_of(2).then_some(libc::EINTR)) else { return };
    assert!(read == pattern(MUCH, 1) && log.received() == pattern(MUCH, 2));
    assert_eq!(log.all().last(), Some(&Heard::Closed(None)));
    let told = told.lock().unwrap();
    for call in [libc::SYS_writev, libc::SYS_recvfrom] {
        assert!(told.get(&call).is_some_and(|times| *times > 1), "call {call} was not interrupted: {told:?}");
    }
    assert!(told.len() > 2, "no wait was interrupted: {told:?}");
}

/// The first writes and the first reads find no buffers. The machine does not say when there are some: the connection is
/// throttled meanwhile, and tries again.
#[test]
fn a_connection_without_buffers_is_throttled_and_tries_again() {
    let log = Log::default();
    let lacks =
        |call, nth| (call != libc::SYS_epoll_pwait && call != SYS_EPOLL_WAIT && nth < 2).then_some(libc::ENOBUFS);
    let Some((read, told)) = exchange(&log, lacks) else { return };
    assert!(read == pattern(MUCH, 1) && log.received() == pattern(MUCH, 2));
    let told = told.lock().unwrap();
    assert_eq!((told[&libc::SYS_writev], told[&libc::SYS_recvfrom]), (2, 2));
    let events = log.events();
    let [Heard::Connecting, Heard::Connected, Heard::Throttled, .., Heard::Closed(None)] = &events[..] else {
        panic!("{events:?}")
    };
}
