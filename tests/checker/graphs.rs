//! The graphs that a failure is drawn as: read again by the grammar of Graphviz's language, with nodes and edges as in the
//! report.

use super::{Clock, act, fault};
use backwater::report::{stall_dot, wait_for_dot};
use backwater::{
    Actor, Addr, ApplyReleaseBackpressureAuth, Backpressure, Check, Context, Env, Fault, Model, SpawnOptions,
};
use std::collections::BTreeMap;
use std::iter::Peekable;
use std::str::Chars;

type Attributes = BTreeMap<String, String>;

/// What was read.
#[derive(Debug, Default, PartialEq)]
struct Graph {
    nodes: BTreeMap<String, Attributes>,
    edges: BTreeMap<(String, String), Attributes>,
}

/// Reads `digraph name { … }`, of which every statement ends with a semicolon.
///
/// # Panics
/// Where the text is no such graph.
fn read(text: &str) -> Graph {
    let mut words = words(text).into_iter().peekable();
    let mut next = || words.next().unwrap_or_default();
    assert_eq!((next().as_str(), next().is_empty(), next().as_str()), ("digraph", false, "{"), "{text}");
    let mut graph = Graph::default();
    loop {
        let first = next();
        match first.as_str() {
            "}" => break,
            "" | "{" | "[" | "]" | ";" | "," | "=" | "->" => panic!("a statement begins with {first:?}: {text}"),
            _ => {}
        }
        let (mut what, mut to) = (next(), None);
        if what == "->" {
            (to, what) = (Some(next()), next());
        }
        let mut attributes = Attributes::new();
        match what.as_str() {
            // A setting of the whole graph.
            "=" => what = (next(), next()).1,
            "[" => {
                let mut mark = String::from(",");
                while mark == "," {
                    let (key, is, value) = (next(), next(), next());
                    assert_eq!(is, "=", "{text}");
                    assert!(attributes.insert(key, value).is_none(), "an attribute is given twice: {text}");
                    mark = next();
                }
                assert_eq!(mark, "]", "{text}");
                what = next();
                let known = match to {
                    _ if first == "node" => None,
                    Some(to) => graph.edges.insert((first, to), attributes),
                    None => graph.nodes.insert(first, attributes),
                };
                assert_eq!(known, None, "drawn twice: {text}");
            }
            _ => {}
        }
        assert_eq!(what, ";", "{text}");
    }
    assert_eq!(next(), "", "something follows the graph: {text}");
    for (from, to) in graph.edges.keys() {
        assert!([from, to].iter().all(|end| graph.nodes.contains_key(*end)), "{from} -> {to} leads nowhere: {text}");
    }
    graph
}

/// Names, marks, and texts in quotes without their quotes.
fn words(text: &str) -> Vec<String> {
    let (mut words, mut rest) = (Vec::new(), text.chars().peekable());
    while let Some(c) = rest.next() {
        match c {
            c if c.is_whitespace() => {}
            '"' => words.push(quoted(&mut rest)),
            '-' => {
                assert_eq!(rest.next(), Some('>'), "{text}");
                words.push("->".to_owned());
            }
            '{' | '}' | '[' | ']' | ';' | ',' | '=' => words.push(c.to_string()),
            c => {
                let mut word = c.to_string();
                while let Some(more) = rest.next_if(|c| c.is_ascii_alphanumeric() || *c == '_') {
                    word.push(more);
                }
                assert!(c.is_ascii_alphabetic() || c == '_', "{word:?} needs quotes: {text}");
                words.push(word);
            }
        }
    }
    words
}

fn quoted(rest: &mut Peekable<Chars<'_>>) -> String {
    let mut text = String::new();
    loop {
        match rest.next().expect("a text in quotes ends") {
            '"' => return text,
            '\n' => panic!("a line ends within quotes, after {text:?}"),
            '\\' => match rest.next().expect("something is escaped") {
                'n' => text.push('\n'),
                c @ ('"' | '\\') => text.push(c),
                c => panic!("nothing is written as \\{c}"),
            },
            c => text.push(c),
        }
    }
}

/// The first lines of a node's label, its shape, and the ends, texts and styles of edges.
fn picture(graph: &Graph) -> (Vec<[&str; 3]>, Vec<[&str; 4]>) {
    fn of<'g>(attributes: &'g Attributes, key: &str) -> &'g str {
        attributes.get(key).map_or("", String::as_str)
    }
    let nodes = graph.nodes.iter().map(|(name, attributes)| {
        let label = of(attributes, "label").lines().next().unwrap_or_default();
        [name.as_str(), label, of(attributes, "shape")]
    });
    let edges = graph
        .edges
        .iter()
        .map(|((from, to), attributes)| [from.as_str(), to.as_str(), of(attributes, "label"), of(attributes, "style")]);
    (nodes.collect(), edges.collect())
}

/// A valve closes for ever; a tap is muted by it, and whoever calls the tap by the tap. Their names have all that has to
/// be escaped.
fn waterworks(env: &mut Env<'_>) {
    let auth = ApplyReleaseBackpressureAuth::from(&env.root);
    let valve = env.spawn_with(SpawnOptions::new().name(r"C:\valve"), act(move |_, cx| Backpressure::apply(&auth, cx)));
    valve.tell(0, env);
    let named = SpawnOptions::new().name(r#"the "tap"; -> [x]"#);
    let tap = env.spawn_with(named, act(move |n, cx| valve.tell(n, cx)));
    tap.tell(1, env);
    env.spawn_with(SpawnOptions::new().name("a\nb"), act(move |n, cx| tap.tell(n, cx))).tell(2, env);
}

#[test]
fn a_deadlock_is_drawn_as_a_well_formed_graph_of_who_waits_for_whom() {
    let Fault::Deadlock(report) = fault(Check::new().random(1_000).allow_unmatched_apply(true), waterworks) else {
        panic!("the tap waits for ever")
    };
    let graph = read(&wait_for_dot(&report));
    for muted in &report.muted {
        let node = &graph.nodes[&format!("a{}_0", muted.id.seat())];
        assert_eq!(node["label"], format!("{}{}\n{} waiting", muted.name, muted.id, muted.waiting));
    }
    assert_eq!(graph.nodes.len(), report.muted.len() + report.roots.len());
    let (nodes, edges) = picture(&graph);
    assert_eq!(nodes, [["a4_0", r"C:\valve#4", "octagon"], ["a5_0", r#"the "tap"; -> [x]#5"#, ""], ["a6_0", "a", ""]]);
    assert_eq!(edges, [["a5_0", "a4_0", "is muted by", ""], ["a6_0", "a5_0", "is muted by", ""]]);
    let causes = &graph.nodes["a4_0"]["label"];
    assert!(causes.contains("was never released"), "{causes}");
}

#[derive(Hash)]
struct Sink(ApplyReleaseBackpressureAuth);

impl Actor for Sink {
    type Msg = bool;

    fn receive(&mut self, full: bool, cx: &mut Context<'_, Self>) {
        match full {
            true => Backpressure::apply(&self.0, cx),
            false => Backpressure::release(&self.0, cx),
        }
    }

    fn model() -> Model<Self> {
        Model::hashed()
    }
}

/// Fills the sink in one behaviour and means to empty it in the next, before which it is muted.
#[derive(Hash)]
struct Source(Addr<bool>);

impl Actor for Source {
    type Msg = bool;

    fn receive(&mut self, full: bool, cx: &mut Context<'_, Self>) {
        self.0.tell(full, cx);
        self.0.tell(full, cx);
        if full {
            cx.me().tell(false, cx);
        }
    }

    fn model() -> Model<Self> {
        Model::hashed()
    }
}

#[test]
fn a_stall_is_drawn_with_whose_message_would_have_to_come() {
    let found = fault(Check::new().states(), |env| {
        env.spawn(Clock).tell((), env);
        let auth = ApplyReleaseBackpressureAuth::from(&env.root);
        let sink = env.spawn(Sink(auth));
        env.spawn(Source(sink)).tell(true, env);
    });
    let Fault::Stalled(stall) = found else { panic!("{found}") };
    let graph = read(&stall_dot(&stall));
    let (nodes, edges) = picture(&graph);
    assert_eq!(nodes, [["a5_0", "Sink#5", "octagon"], ["a6_0", "Source#6", ""]]);
    assert_eq!(edges, [["a5_0", "a6_0", "needs a message of", "dashed"], ["a6_0", "a5_0", "is muted by", ""]]);
}

#[test]
fn what_is_no_graph_is_not_read_as_one() {
    for wrong in [
        "digraph g {",
        "graph g { }",
        "digraph g { } x",
        "digraph g { a -> b [label=\"x\"]; }",
        "digraph g { a [label=\"x] }",
        "digraph g { a [label=x y]; }",
        "digraph g { a [label=x] }",
        r#"digraph g { a [label="\q"]; }"#,
    ] {
        assert!(std::panic::catch_unwind(|| read(wrong)).is_err(), "{wrong}");
    }
}
