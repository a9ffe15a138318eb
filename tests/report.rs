//! What the observers and graphs put on paper, held as text on a small program that is the same each time.

use backwater::report::{Chart, Trace, wait_for_dot, wait_for_mermaid};
use backwater::{
    Actor, Addr, ApplyReleaseBackpressureAuth, Backpressure, Context, ControlAuth, Deadlock, Env, Observer, RunError,
    Runtime, SpawnOptions, Summary,
};
use expect_test::{Expect, expect};
use std::time::Duration;

/// Under pressure from `Close` until `Open`.
struct Valve(ApplyReleaseBackpressureAuth);

#[derive(Debug)]
#[expect(dead_code, reason = "the number of a drop is there to be seen in traces")]
enum Turn {
    Close,
    Open,
    Drop(u8),
}

impl Actor for Valve {
    type Msg = Turn;

    fn receive(&mut self, msg: Turn, cx: &mut Context<'_, Self>) {
        match msg {
            Turn::Close => Backpressure::apply(&self.0, cx),
            Turn::Open => Backpressure::release(&self.0, cx),
            Turn::Drop(_) => {}
        }
    }
}

/// Sends one drop for each message.
struct Tap {
    to: Addr<Turn>,
}

impl Actor for Tap {
    type Msg = u8;

    fn receive(&mut self, msg: u8, cx: &mut Context<'_, Self>) {
        self.to.tell(Turn::Drop(msg), cx);
    }
}

/// Opens the valve after a while, on the control lane.
struct Plumber {
    valve: Addr<Turn>,
    auth: ControlAuth,
}

impl Actor for Plumber {
    type Msg = &'static str;

    fn receive(&mut self, msg: &'static str, cx: &mut Context<'_, Self>) {
        match msg {
            "call" => drop(cx.after(Duration::from_millis(3), "arrive")),
            _ => self.valve.tell_control(Turn::Open, &self.auth, cx),
        }
    }
}

fn waterworks(env: &mut Env<'_>, repaired: bool) {
    let auth = ApplyReleaseBackpressureAuth::from(&env.root);
    let valve = env.spawn(Valve(auth));
    valve.tell(Turn::Close, env);
    let tap = env.spawn_with(SpawnOptions::new().name("the \"tap\" <1>"), Tap { to: valve.clone() });
    tap.tell(1, env);
    tap.tell(2, env);
    if repaired {
        let plumber = Plumber { valve, auth: ControlAuth::from(&env.root) };
        env.spawn(plumber).tell("call", env);
    }
}

fn run(observer: impl Observer + 'static, repaired: bool) -> Result<Summary, RunError> {
    Runtime::builder().virtual_time().observer(observer).run(|env| waterworks(env, repaired))
}

fn deadlock() -> Deadlock {
    match run(Trace::new(), false) {
        Err(RunError::Deadlock(report)) => *report,
        other => panic!("the valve is never opened, so the run ends in a deadlock, not in {other:?}"),
    }
}

/// Without the lines and columns of source files, so that they can change.
fn without_lines(text: &str) -> String {
    let mut parts = text.split(".rs:");
    let head = parts.next().unwrap_or_default().to_owned();
    parts.fold(head, |text, part| {
        let line_gone = part.trim_start_matches(|c: char| c.is_ascii_digit());
        let column_gone = line_gone.trim_start_matches(':').trim_start_matches(|c: char| c.is_ascii_digit());
        format!("{text}.rs:L:C{column_gone}")
    })
}

fn check(found: &str, expected: Expect) {
    expected.assert_eq(found);
}

#[test]
fn a_terse_trace_tells_the_run_without_times_and_lines() {
    let trace = Trace::terse();
    run(trace.clone(), true).expect("the plumber comes");
    check(
        &trace.text(),
        expect![[r##"
        #0 spawned as `main`, child 0 of #0
        #1 spawned as `out`, child 0 of #0
        #2 spawned as `err`, child 1 of #0
        #3 spawned as `input`, child 2 of #0
        #4 spawned as `Valve`, child 3 of #0
        #0 -> #4 Close
        #5 spawned as `the "tap" <1>`, child 4 of #0
        #0 -> #5 1
        #0 -> #5 2
        #6 spawned as `Plumber`, child 5 of #0
        #0 -> #6 "call"
        #0 ended: Stopped (R8)
        #4 handles Close
        #4 applied pressure (R5)
        #5 handles 1
        #5 -> #4 Drop(1)
        #5 marked on #4 (R2)
        #5 muted by [#4] (R3)
        #6 handles "call"
        #4 handles Drop(1)
        #6 timer 0 fired, 1 ticks (R7)
        runtime -> #6 "arrive"
        #6 handles "arrive"
        #6 => #4 Open on the control lane (R7)
        #4 handles Open
        #4 released pressure (R5)
        #4 fell (R6)
        #5 freed (R6)
        #5 fell (R6)
        #5 handles 2
        #5 -> #4 Drop(2)
        #4 handles Drop(2)
        #1 ended: Shutdown (R8)
        #2 ended: Shutdown (R8)
        #3 ended: Shutdown (R8)
        #4 ended: Shutdown (R8)
        #5 ended: Shutdown (R8)
        #6 ended: Shutdown (R8)
    "##]],
    );
}

#[test]
fn a_full_trace_is_the_same_each_time_and_has_times_and_lines() {
    let [first, second] = [Trace::new(), Trace::new()];
    for trace in [&first, &second] {
        run(trace.clone(), true).expect("the plumber comes");
    }
    assert_eq!(first.text(), second.text());
    assert_eq!(first.text(), first.to_string());
    let opened = first.lines().into_iter().find(|line| line.contains("Open on the control lane")).expect("it is sent");
    check(&without_lines(&opened), expect!["3ms #6 => #4 Open on the control lane (R7) at tests/report.rs:L:C"]);
}

/// A message that quotes a source line keeps it: only the event's own place is cut.
#[test]
fn a_terse_trace_leaves_messages_alone() {
    struct Sink;
    impl Actor for Sink {
        type Msg = &'static str;
        fn receive(&mut self, _: &'static str, _: &mut Context<'_, Self>) {}
    }
    let trace = Trace::terse();
    let main = |env: &mut Env<'_>| env.spawn(Sink).tell("died at tests/report.rs:1:1", env);
    Runtime::builder().observer(trace.clone()).run(main).expect("nothing is muted");
    assert!(trace.lines().contains(&"#0 -> #4 \"died at tests/report.rs:1:1\"".to_owned()), "{trace}");
}

#[test]
fn a_chart_draws_mutes_and_falls() {
    let chart = Chart::new();
    run(chart.clone(), true).expect("the plumber comes");
    check(
        &chart.to_string(),
        expect![[r#"
                                main#0           Valve#4       the "tap" <1>#5      Plumber#6
            0ns                   │•                                                                main#0 begins
                                  │                 │•                                              Valve#4 created by main#0
                                  │────────────────▶│                                               Close
                                  │                 │                 │•                            the "tap" <1>#5 created by main#0
                                  │──────────────────────────────────▶│                             1
                                  │──────────────────────────────────▶│                             2
                                  │                 │                 │                 │•          Plumber#6 created by main#0
                                  │────────────────────────────────────────────────────▶│           "call"
                                   •                │                 │                 │           main#0 ends: Stopped (R8)
                                                    ║•                │                 │           Valve#4 applies pressure (R5)
                                                    ║◀────────────────│                 │           Drop(1)
                                                    ║                 ┊•                │           the "tap" <1>#5 muted by Valve#4 (R3)
            3ms                                     ║                 ┊                 │•          Plumber#6 "arrive" from the runtime (R7)
                                                    ║◀──────────────────────────────────│           Open on the control lane (R7)
                                                    ║•                ┊                 │           Valve#4 releases pressure (R5)
                                                    │•                ┊                 │           Valve#4 falls (R6)
                                                    │                 │•                │           the "tap" <1>#5 freed (R6)
                                                    │                 │•                │           the "tap" <1>#5 falls (R6)
                                                    │◀────────────────│                 │           Drop(2)
                                                     •                │                 │           Valve#4 ends: Shutdown (R8)
                                                                       •                │           the "tap" <1>#5 ends: Shutdown (R8)
                                                                                         •          Plumber#6 ends: Shutdown (R8)
        "#]],
    );
}

#[test]
fn the_chart_of_a_run_in_which_nothing_happens_is_empty() {
    let chart = Chart::new();
    Runtime::builder().observer(chart.clone()).run(|_| {}).expect("nothing happens");
    assert_eq!(chart.to_string().trim(), "");
}

#[test]
fn a_deadlock_as_a_graph_for_graphviz() {
    check(
        &without_lines(&wait_for_dot(&deadlock())),
        expect![[r#"
        digraph wait_for {
          rankdir=LR;
          node [shape=box];
          a5_0 [label="the \"tap\" <1>#5\n1 waiting"];
          a4_0 [shape=octagon, label="Valve#4\nBackpressure::apply at tests/report.rs:L:C was never released"];
          a5_0 -> a4_0 [label="is muted by"];
        }
    "#]],
    );
}

#[test]
fn a_deadlock_as_a_graph_for_mermaid() {
    check(
        &without_lines(&wait_for_mermaid(&deadlock())),
        expect![[r#"
        flowchart LR
          a5_0["the #quot;tap#quot; #lt;1#gt;#35;5<br>1 waiting"]
          a4_0{{"Valve#35;4<br>Backpressure::apply at tests/report.rs:L:C was never released"}}
          a5_0 -->|is muted by| a4_0
    "#]],
    );
}

#[cfg(feature = "serde")]
mod json {
    use super::*;
    use backwater::report::JsonLines;
    use std::io::{self, Write};

    #[test]
    fn every_line_is_an_object_and_the_first_has_the_version() {
        let (json, trace) = (JsonLines::new(Vec::new()), Trace::new());
        run(json.clone(), true).expect("the plumber comes");
        run(trace.clone(), true).expect("the plumber comes");
        let text = String::from_utf8(json.finish().expect("a Vec takes everything")).expect("JSON is UTF-8");
        assert_eq!(text.lines().count(), 1 + trace.lines().len(), "the head, and one line an event");
        for line in text.lines() {
            let value: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}"));
            assert!(value.is_object() && value["kind"].is_string(), "{line}");
        }
        let kept = ["\"v\":", "\"control\"", "\"muted\"", "\"applied\"", "\"timer_fired\"", "\"ended\""];
        let lines: Vec<&str> = text.lines().filter(|line| kept.iter().any(|word| line.contains(word))).collect();
        check(
            &without_lines(&lines.join("\n")),
            expect![[r##"
            {"v":1,"kind":"backwater trace"}
            {"t_ns":0,"kind":"ended","actor":"#0","why":"stopped"}
            {"t_ns":0,"kind":"applied","actor":"#4","place":"tests/report.rs:L:C"}
            {"t_ns":0,"kind":"muted","actor":"#5","by":["#4"]}
            {"t_ns":3000000,"kind":"timer_fired","actor":"#6","timer":0,"ticks":1}
            {"t_ns":3000000,"kind":"sent","actor":"#6","to":"#4","lane":"control","message":"Open","place":"tests/report.rs:L:C"}
            {"t_ns":3000000,"kind":"ended","actor":"#1","why":"shutdown"}
            {"t_ns":3000000,"kind":"ended","actor":"#2","why":"shutdown"}
            {"t_ns":3000000,"kind":"ended","actor":"#3","why":"shutdown"}
            {"t_ns":3000000,"kind":"ended","actor":"#4","why":"shutdown"}
            {"t_ns":3000000,"kind":"ended","actor":"#5","why":"shutdown"}
            {"t_ns":3000000,"kind":"ended","actor":"#6","why":"shutdown"}"##]],
        );
    }

    /// Takes so many bytes and then fails for ever.
    struct Full(usize);

    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let taken = bytes.len().min(self.0);
            self.0 -= taken;
            if taken == 0 { Err(io::Error::other("the disk is full")) } else { Ok(taken) }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_write_that_fails_ends_the_writing_and_not_the_run() {
        let json = JsonLines::new(Full(200));
        run(json.clone(), true).expect("the plumber comes, whatever the disk does");
        let Err(failure) = json.finish() else { panic!("200 bytes are not enough") };
        check(&failure.to_string(), expect!["the trace ends after 2 lines: the disk is full"]);
    }
}

#[cfg(feature = "tracing")]
mod tracing_events {
    use super::*;
    use backwater::report::TracingObserver;
    use std::fmt::{Debug, Write};
    use std::sync::{Arc, Mutex};
    use tracing::field::{Field, Visit};
    use tracing::span::{Attributes, Id, Record};
    use tracing::{Metadata, Subscriber};

    /// Keeps the events at DEBUG and above as text.
    #[derive(Clone, Default)]
    struct Keep(Arc<Mutex<String>>);

    struct Fields<'a>(&'a mut String);

    impl Visit for Fields<'_> {
        fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
            write!(self.0, " {}={value:?}", field.name()).expect("a String takes everything");
        }
    }

    impl Subscriber for Keep {
        fn enabled(&self, metadata: &Metadata<'_>) -> bool {
            *metadata.level() <= tracing::Level::DEBUG
        }

        fn event(&self, event: &tracing::Event<'_>) {
            let mut text = self.0.lock().expect("nobody panics with the lock");
            text.push_str(event.metadata().level().as_str());
            event.record(&mut Fields(&mut text));
            text.push('\n');
        }

        fn new_span(&self, _: &Attributes<'_>) -> Id {
            Id::from_u64(1)
        }
        fn record(&self, _: &Id, _: &Record<'_>) {}
        fn record_follows_from(&self, _: &Id, _: &Id) {}
        fn enter(&self, _: &Id) {}
        fn exit(&self, _: &Id) {}
    }

    #[test]
    fn each_event_has_its_fields_and_level() {
        let keep = Keep::default();
        let end = tracing::subscriber::with_default(keep.clone(), || run(TracingObserver, false));
        assert!(matches!(end, Err(RunError::Deadlock(_))), "{end:?}");
        let text = keep.0.lock().expect("nobody panics with the lock").clone();
        check(
            &without_lines(&text),
            expect![[r#"
                DEBUG message=#0 spawned as `main`, child 0 of #0, at tests/report.rs:L:C kind="spawned" actor=#0 t_ns=0 place=tests/report.rs:L:C peer=#0
                DEBUG message=#1 spawned as `out`, child 0 of #0, at src/runtime/stdio.rs:L:C kind="spawned" actor=#1 t_ns=0 place=src/runtime/stdio.rs:L:C peer=#0
                DEBUG message=#2 spawned as `err`, child 1 of #0, at src/runtime/stdio.rs:L:C kind="spawned" actor=#2 t_ns=0 place=src/runtime/stdio.rs:L:C peer=#0
                DEBUG message=#3 spawned as `input`, child 2 of #0, at src/runtime/stdio.rs:L:C kind="spawned" actor=#3 t_ns=0 place=src/runtime/stdio.rs:L:C peer=#0
                DEBUG message=#4 spawned as `Valve`, child 3 of #0, at tests/report.rs:L:C kind="spawned" actor=#4 t_ns=0 place=tests/report.rs:L:C peer=#0
                DEBUG message=#5 spawned as `the "tap" <1>`, child 4 of #0, at tests/report.rs:L:C kind="spawned" actor=#5 t_ns=0 place=tests/report.rs:L:C peer=#0
                DEBUG message=#0 ended: Stopped (R8) kind="ended" actor=#0 t_ns=0
                DEBUG message=#4 applied pressure at tests/report.rs:L:C (R5) kind="applied" actor=#4 t_ns=0 place=tests/report.rs:L:C
                DEBUG message=#5 marked on #4 (R2) kind="marked" actor=#5 t_ns=0 peer=#4
                DEBUG message=#5 muted by [#4] (R3) kind="muted" actor=#5 t_ns=0 peer=[#4]
                DEBUG message=#1 ended: Shutdown (R8) kind="ended" actor=#1 t_ns=0
                DEBUG message=#2 ended: Shutdown (R8) kind="ended" actor=#2 t_ns=0
                DEBUG message=#3 ended: Shutdown (R8) kind="ended" actor=#3 t_ns=0
                DEBUG message=#4 ended: Shutdown (R8) kind="ended" actor=#4 t_ns=0
                DEBUG message=#4 fell (R6) kind="fell" actor=#4 t_ns=0
                DEBUG message=#5 freed (R6) kind="freed" actor=#5 t_ns=0
                DEBUG message=#5 fell (R6) kind="fell" actor=#5 t_ns=0
                DEBUG message=#5 ended: Shutdown (R8) kind="ended" actor=#5 t_ns=0
                WARN message=#5 dead letter 2 (R8) kind="dead_letter" actor=#5 t_ns=0 msg=2
            "#]],
        );
    }
}
