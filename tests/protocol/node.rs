//! Actors that do at random what the rules speak of.

use backwater::{
    Actor, Addr, AmbientAuth, ApplyReleaseBackpressureAuth, Backpressure, Context, ControlAuth, Detector, Env,
    PressureGuard, SpawnOptions,
};
use std::time::Duration;

#[derive(Debug)]
pub(super) enum Msg {
    Peers(Vec<Addr<Msg>>),
    /// Do something at random, and send on while there is fuel.
    Work {
        fuel: u8,
    },
    /// A guard travels; it is dropped with the message.
    Carry {
        _guard: PressureGuard,
    },
    /// Hand it on, with less life left in it.
    Pass {
        left: u8,
    },
    /// What a timer brings: ends the pressure.
    Relief,
}

pub(super) struct Node {
    pressure: ApplyReleaseBackpressureAuth,
    control: ControlAuth,
    peers: Vec<Addr<Msg>>,
    guards: Vec<PressureGuard>,
}

impl Node {
    pub(super) fn new(root: &AmbientAuth) -> Self {
        let (pressure, control) = (root.into(), root.into());
        Node { pressure, control, peers: Vec::new(), guards: Vec::new() }
    }

    fn act(&mut self, fuel: u8, cx: &mut Context<'_, Self>) {
        let to = self.peers[cx.random_below(self.peers.len() as u64) as usize].clone();
        match cx.random_below(40) {
            0..18 if fuel > 0 => to.tell(Msg::Work { fuel: fuel - 1 }, cx),
            18..20 if fuel > 0 => to.tell_control(Msg::Work { fuel: fuel - 1 }, &self.control, cx),
            20..22 if fuel > 0 => cx.me().tell(Msg::Work { fuel: fuel - 1 }, cx),
            22..25 => {
                Backpressure::apply(&self.pressure, cx);
                if cx.random_below(8) > 0 {
                    cx.after(Duration::from_millis(1), Msg::Relief);
                }
            }
            25..28 => Backpressure::release(&self.pressure, cx),
            28..31 => {
                let guard = Backpressure::hold(&self.pressure, cx);
                self.guards.push(guard);
                cx.after(Duration::from_millis(2), Msg::Relief);
            }
            31..33 => drop(self.guards.pop()),
            33 => {
                let guard = Backpressure::hold(&self.pressure, cx);
                to.tell(Msg::Carry { _guard: guard }, cx);
            }
            34 if fuel > 0 => {
                // Perhaps into the seat of one that has ended.
                let (pressure, control) = (self.pressure.clone(), self.control.clone());
                let node = Node { pressure, control, peers: self.peers.clone(), guards: Vec::new() };
                let child = cx.spawn(node);
                child.tell(Msg::Work { fuel: fuel - 1 }, cx);
                self.peers.push(child);
            }
            35 if cx.random_below(4) == 0 => cx.stop(),
            36 if cx.random_below(4) == 0 => panic!("as the program has it"),
            37.. if fuel > 0 => (0..3).for_each(|_| cx.me().tell(Msg::Work { fuel: 0 }, cx)),
            _ => {}
        }
    }
}

impl Actor for Node {
    type Msg = Msg;

    fn receive(&mut self, msg: Msg, cx: &mut Context<'_, Self>) {
        match msg {
            Msg::Peers(peers) => self.peers = peers,
            Msg::Work { fuel } => (0..=cx.random_below(5)).for_each(|_| self.act(fuel, cx)),
            Msg::Carry { .. } | Msg::Pass { left: 0 } => {}
            Msg::Pass { left } => self.peers[0].tell(Msg::Pass { left: left - 1 }, cx),
            Msg::Relief => {
                self.guards.clear();
                Backpressure::release(&self.pressure, cx);
            }
        }
    }
}

/// Actors differ in batch and detector, so that overload begins and ends in every way.
fn options(nth: u64) -> SpawnOptions {
    match nth % 4 {
        0 => SpawnOptions::new().batch(1),
        1 => SpawnOptions::new().batch(2),
        2 => SpawnOptions::new().overload(Detector::Depth { high: 2, low: 0 }),
        _ => SpawnOptions::new(),
    }
}

/// A random program: two to six actors that know each other.
pub(super) fn random(env: &mut Env<'_>, seed: u64) {
    let nodes: Vec<_> = (0..2 + seed % 5)
        .map(|nth| {
            let node = Node::new(&env.root);
            env.spawn_with(options(seed + nth), node)
        })
        .collect();
    nodes.iter().for_each(|node| node.tell(Msg::Peers(nodes.clone()), env));
    (0..3).for_each(|_| nodes.iter().for_each(|node| node.tell(Msg::Work { fuel: 4 }, env)));
}
