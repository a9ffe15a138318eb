//! Messages can be shown in traces and reports.
use backwater::{Actor, Context};

struct Secret;
struct Keeper;

impl Actor for Keeper {
    type Msg = Secret;
    fn receive(&mut self, _: Secret, _: &mut Context<'_, Self>) {}
}

fn main() {}
