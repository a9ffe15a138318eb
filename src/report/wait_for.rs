//! A deadlock as a graph: who waits for whom, and for what in the end.
//!
//! The edges are the chains of the report (R10): for each muted actor a shortest one to each of its roots.

use crate::event::ActorId;
use crate::scheduler::Deadlock;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// The wait-for graph in Graphviz's language: muted actors as boxes, roots as octagons with the line to blame.
///
/// ```
/// use backwater::{Actor, Addr, ApplyReleaseBackpressureAuth, Backpressure, Context, RunError, report};
///
/// /// Under pressure from the first message on, and never relieved.
/// struct Stuck(ApplyReleaseBackpressureAuth);
/// impl Actor for Stuck {
///     type Msg = ();
///     fn receive(&mut self, _: (), cx: &mut Context<'_, Self>) { Backpressure::apply(&self.0, cx) }
/// }
/// struct Sender(Addr<()>);
/// impl Actor for Sender {
///     type Msg = ();
///     fn receive(&mut self, _: (), cx: &mut Context<'_, Self>) { self.0.tell((), cx) }
/// }
/// let end = backwater::run(|env| {
///     let auth = ApplyReleaseBackpressureAuth::from(&env.root);
///     let stuck = env.spawn(Stuck(auth));
///     stuck.tell((), env);
///     env.spawn(Sender(stuck)).tell((), env);
/// });
/// let Err(RunError::Deadlock(deadlock)) = end else { panic!("the sender waits for ever") };
/// assert!(report::wait_for_dot(&deadlock).contains("a5_0 -> a4_0"));
/// ```
pub fn wait_for_dot(deadlock: &Deadlock) -> String {
    let graph = Graph::of(deadlock);
    let mut text = String::from("digraph wait_for {\n  rankdir=LR;\n  node [shape=box];\n");
    for (id, label) in &graph.muted {
        put(&mut text, format_args!("  {} [label=\"{}\"];", node(*id), dot_text(label)));
    }
    for (id, label) in &graph.roots {
        put(&mut text, format_args!("  {} [shape=octagon, label=\"{}\"];", node(*id), dot_text(label)));
    }
    for (from, to) in &graph.edges {
        put(&mut text, format_args!("  {} -> {} [label=\"is muted by\"];", node(*from), node(*to)));
    }
    text + "}\n"
}

/// The wait-for graph in Mermaid's language, which forges and editors show in Markdown.
pub fn wait_for_mermaid(deadlock: &Deadlock) -> String {
    let graph = Graph::of(deadlock);
    let mut text = String::from("flowchart LR\n");
    for (id, label) in &graph.muted {
        put(&mut text, format_args!("  {}[\"{}\"]", node(*id), mermaid_text(label)));
    }
    for (id, label) in &graph.roots {
        put(&mut text, format_args!("  {}{{{{\"{}\"}}}}", node(*id), mermaid_text(label)));
    }
    for (from, to) in &graph.edges {
        put(&mut text, format_args!("  {} -->|is muted by| {}", node(*from), node(*to)));
    }
    text
}

struct Graph {
    muted: BTreeMap<ActorId, String>,
    roots: BTreeMap<ActorId, String>,
    edges: BTreeSet<(ActorId, ActorId)>,
}

impl Graph {
    fn of(deadlock: &Deadlock) -> Self {
        let chains = deadlock.muted.iter().flat_map(|m| &m.chains);
        let edges = chains.flat_map(|chain| chain.windows(2)).map(|pair| (pair[0].0, pair[1].0)).collect();
        let muted = deadlock.muted.iter().map(|m| (m.id, format!("{}{}\n{} waiting", m.name, m.id, m.waiting)));
        let roots = deadlock.roots.iter().map(|root| {
            let causes: String = root.causes.iter().map(|cause| format!("\n{cause}")).collect();
            (root.id, format!("{}{}{causes}", root.name, root.id))
        });
        Graph { muted: muted.collect(), roots: roots.collect(), edges }
    }
}

fn put(text: &mut String, line: std::fmt::Arguments<'_>) {
    // A String takes whatever is written to it.
    let _ = writeln!(text, "{line}");
}

/// A name of letters and digits, which both languages take as it is.
fn node(id: ActorId) -> String {
    format!("a{}_{}", id.seat(), id.tenant())
}

fn dot_text(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

fn mermaid_text(text: &str) -> String {
    let escape = |c: char| match c {
        '#' => "#35;".to_owned(),
        '"' => "#quot;".to_owned(),
        '<' => "#lt;".to_owned(),
        '>' => "#gt;".to_owned(),
        '\n' => "<br>".to_owned(),
        other => other.to_string(),
    };
    text.chars().map(escape).collect()
}
