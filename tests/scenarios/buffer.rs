//! A bounded buffer whose consumer is told of new items only when the buffer was empty. If it forgets to look again
//! after it took one, a notification is lost and the producer, held back by the full buffer, waits for ever. And
//! taking an item is what empties the buffer: on the ordinary lane it mutes the consumer, who then takes no second one.

use backwater::{Actor, Addr, ApplyReleaseBackpressureAuth, Backpressure, Context, ControlAuth, Env, Fault};

struct Buffer {
    auth: ApplyReleaseBackpressureAuth,
    items: u32,
    consumer: Addr<Addr<BufferMsg>>,
    /// After an item was taken: tells the consumer of those that are left.
    looks_again: bool,
}

#[derive(Clone, Debug)]
enum BufferMsg {
    Put,
    Take,
}

const FULL: u32 = 2;

impl Actor for Buffer {
    type Msg = BufferMsg;

    fn receive(&mut self, msg: BufferMsg, cx: &mut Context<'_, Self>) {
        match msg {
            BufferMsg::Put => {
                self.items += 1;
                if self.items == FULL {
                    Backpressure::apply(&self.auth, cx);
                }
                if self.items == 1 {
                    self.consumer.tell(cx.me(), cx);
                }
            }
            BufferMsg::Take => {
                self.items -= 1;
                if self.items == 0 {
                    Backpressure::release(&self.auth, cx);
                } else if self.looks_again {
                    self.consumer.tell(cx.me(), cx);
                }
            }
        }
    }
}

struct Consumer(Option<ControlAuth>);

impl Actor for Consumer {
    type Msg = Addr<BufferMsg>;

    fn receive(&mut self, buffer: Addr<BufferMsg>, cx: &mut Context<'_, Self>) {
        match &self.0 {
            Some(control) => buffer.tell_control(BufferMsg::Take, control, cx),
            None => buffer.tell(BufferMsg::Take, cx),
        }
    }
}

pub(crate) fn program(looks_again: bool, control_lane: bool) -> impl Fn(&mut Env<'_>) {
    move |env| {
        let control = control_lane.then(|| ControlAuth::from(&env.root));
        let consumer = env.spawn(Consumer(control));
        let auth = ApplyReleaseBackpressureAuth::from(&env.root);
        let buffer = env.spawn(Buffer { auth, items: 0, consumer, looks_again });
        for _ in 0..2 {
            env.spawn(crate::Teller { what: vec![(buffer.clone(), BufferMsg::Put)] }).tell((), env);
        }
    }
}

#[test]
fn a_lost_notification_strands_the_buffer() {
    let failure = crate::fails(backwater::Check::new(), program(false, true));
    // Both items are in, the consumer took one, and nobody will tell it of the other.
    let Fault::UnmatchedApply(root) = &failure.fault else { panic!("{failure}") };
    assert_eq!(root.name.to_string(), "Buffer");
}

#[test]
fn a_consumer_muted_by_taking_takes_no_more() {
    assert_eq!(crate::deadlocks(program(true, false)), ["Buffer"]);
}

#[test]
fn a_buffer_that_looks_again_ends_well() {
    crate::passes(program(true, true));
}
