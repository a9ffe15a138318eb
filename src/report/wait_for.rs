//! A deadlock or a stall as a graph: who waits for whom, and for what in the end.
//!
//! The edges are the chains of the report (R10): for each muted actor a shortest one to each of its roots. A stall (R11)
//! adds whose message would have to come.

use crate::event::ActorId;
use crate::scheduler::{Deadlock, MutedActor, Needs, Root, Stall};
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
    Graph::of(deadlock).dot()
}

/// The wait-for graph in Mermaid's language, which forges and editors show in Markdown.
pub fn wait_for_mermaid(deadlock: &Deadlock) -> String {
    Graph::of(deadlock).mermaid()
}

/// As [`wait_for_dot`], of a stall; a dashed edge leads to an actor whose message would have to come.
pub fn stall_dot(stall: &Stall) -> String {
    Graph::of_stall(stall).dot()
}

/// As [`wait_for_mermaid`], of a stall; a dashed edge leads to an actor whose message would have to come.
pub fn stall_mermaid(stall: &Stall) -> String {
    Graph::of_stall(stall).mermaid()
}

struct Graph {
    muted: BTreeMap<ActorId, String>,
    roots: BTreeMap<ActorId, String>,
    /// Who else could help, but does not.
    others: BTreeMap<ActorId, String>,
    edges: BTreeSet<(ActorId, ActorId)>,
    /// Needs a message of.
    needs: BTreeSet<(ActorId, ActorId)>,
}

impl Graph {
    fn of(deadlock: &Deadlock) -> Self {
        Graph::new(&deadlock.muted, deadlock.roots.iter())
    }

    fn of_stall(stall: &Stall) -> Self {
        let mut graph = Graph::new(&stall.muted, stall.roots.iter().map(|(root, _)| root));
        for why in &stall.why {
            let (Needs::Falls(who) | Needs::Release(who) | Needs::Message(who)) = &why.needs else { continue };
            let edges = who.iter().map(|(id, _)| (why.id, *id));
            match &why.needs {
                Needs::Falls(_) => graph.edges.extend(edges),
                _ => graph.needs.extend(edges),
            }
        }
        for why in &stall.why {
            let known = graph.muted.contains_key(&why.id) || graph.roots.contains_key(&why.id);
            if !known {
                graph.others.insert(why.id, format!("{}{}", why.name, why.id));
            }
        }
        graph
    }

    fn new<'r>(muted: &[MutedActor], roots: impl Iterator<Item = &'r Root>) -> Self {
        let chains = muted.iter().flat_map(|m| &m.chains);
        let edges = chains.flat_map(|chain| chain.windows(2)).map(|pair| (pair[0].0, pair[1].0)).collect();
        let muted = muted.iter().map(|m| (m.id, format!("{}{}\n{} waiting", m.name, m.id, m.waiting))).collect();
        let roots = roots.map(|root| {
            let causes: String = root.causes.iter().map(|cause| format!("\n{cause}")).collect();
            (root.id, format!("{}{}{causes}", root.name, root.id))
        });
        Graph { muted, roots: roots.collect(), others: BTreeMap::new(), edges, needs: BTreeSet::new() }
    }

    fn dot(&self) -> String {
        let mut text = String::from("digraph wait_for {\n  rankdir=LR;\n  node [shape=box];\n");
        for (id, label) in self.muted.iter().chain(&self.others) {
            put(&mut text, format_args!("  {} [label=\"{}\"];", node(*id), dot_text(label)));
        }
        for (id, label) in &self.roots {
            put(&mut text, format_args!("  {} [shape=octagon, label=\"{}\"];", node(*id), dot_text(label)));
        }
        for (from, to) in &self.edges {
            put(&mut text, format_args!("  {} -> {} [label=\"is muted by\"];", node(*from), node(*to)));
        }
        for (from, to) in &self.needs {
            let style = "style=dashed, label=\"needs a message of\"";
            put(&mut text, format_args!("  {} -> {} [{style}];", node(*from), node(*to)));
        }
        text + "}\n"
    }

    fn mermaid(&self) -> String {
        let mut text = String::from("flowchart LR\n");
        for (id, label) in self.muted.iter().chain(&self.others) {
            put(&mut text, format_args!("  {}[\"{}\"]", node(*id), escape(label)));
        }
        for (id, label) in &self.roots {
            put(&mut text, format_args!("  {}{{{{\"{}\"}}}}", node(*id), escape(label)));
        }
        for (from, to) in &self.edges {
            put(&mut text, format_args!("  {} -->|is muted by| {}", node(*from), node(*to)));
        }
        for (from, to) in &self.needs {
            put(&mut text, format_args!("  {} -.->|needs a message of| {}", node(*from), node(*to)));
        }
        text
    }
}

fn put(text: &mut String, line: std::fmt::Arguments<'_>) {
    // A String takes whatever is written to it.
    let _ = writeln!(text, "{line}");
}

/// A name of letters and digits, which both languages take as it is.
pub(super) fn node(id: ActorId) -> String {
    format!("a{}_{}", id.seat(), id.tenant())
}

fn dot_text(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// Text as Mermaid takes it.
pub(super) fn escape(text: &str) -> String {
    let escape = |c: char| match c {
        '#' => "#35;".to_owned(),
        ';' => "#59;".to_owned(),
        '"' => "#quot;".to_owned(),
        '<' => "#lt;".to_owned(),
        '>' => "#gt;".to_owned(),
        '\n' => "<br>".to_owned(),
        other => other.to_string(),
    };
    text.chars().map(escape).collect()
}
