//! The house rules of docs/ARCHITECTURE.md, held against every file in `src`. The table of floors is read from that
//! page, so the page and this test cannot come to differ.

#[path = "house/code.rs"]
mod code;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// One row of the table.
#[derive(Debug)]
struct Room {
    floor: i32,
    /// Paths that it must not name, whatever the floors say.
    never: Vec<String>,
    may_be_unsafe: bool,
}

type House = BTreeMap<String, Room>;

/// A file of a module; `path` is its path below `src`.
struct File<'a> {
    path: &'a str,
    text: &'a str,
}

fn top() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(&path).unwrap_or_else(|why| panic!("{}: {why}", path.as_ref().display()))
}

/// The rows of the table whose heading begins `| floor | module |`.
fn house() -> House {
    parse_house(&read(top().join("docs/ARCHITECTURE.md")))
}

fn parse_house(page: &str) -> House {
    let table = page.lines().skip_while(|line| !line.starts_with("| floor | module |")).skip(2);
    let rows = table.take_while(|line| line.starts_with('|')).map(|line| line.split('|').map(str::trim).collect());
    rows.map(|cells: Vec<&str>| {
        let [_, floor, module, _, never, may_be_unsafe, _] = cells[..] else { panic!("not five cells: {cells:?}") };
        let floor = floor.parse().unwrap_or_else(|_| panic!("{floor:?} is no floor"));
        let never = spans(never);
        (spans(module).remove(0), Room { floor, never, may_be_unsafe: may_be_unsafe == "allowed" })
    })
    .collect()
}

/// The parts of a cell that stand between backticks.
fn spans(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn sources() -> Vec<(String, String)> {
    let mut folders = vec![top().join("src")];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of src can be listed") {
            let path: PathBuf = entry.expect("an entry of src can be read").path();
            match path.extension() {
                _ if path.is_dir() => folders.push(path),
                Some(extension) if extension == "rs" => {
                    let below = path.strip_prefix(top().join("src")).expect("it was found there").to_owned();
                    files.push((below.to_string_lossy().replace('\\', "/"), read(&path)));
                }
                _ => {}
            }
        }
    }
    files.sort();
    files
}

/// Is it the file of a `#[cfg(test)] mod tests;` beside it, or below that? It is no part of the house.
fn is_test_only(path: &str, sources: &[(String, String)]) -> bool {
    let below = || path.split_once("/tests/").map(|(folder, _)| folder);
    let Some(folder) = path.strip_suffix("/tests.rs").or_else(below) else { return false };
    let parents = [format!("{folder}/mod.rs"), format!("{folder}.rs")];
    let declares = |text: &str| text.contains("#[cfg(test)]\nmod tests;");
    sources.iter().any(|(path, text)| parents.contains(path) && declares(text))
}

/// `scheduler/policy/fifo.rs` is `[scheduler, policy, fifo]`, `time/mod.rs` is `[time]`.
fn module_of(path: &str) -> Vec<&str> {
    let mut parts: Vec<&str> = path.trim_end_matches(".rs").split('/').collect();
    if parts.last() == Some(&"mod") {
        parts.pop();
    }
    parts
}

/// What is wrong with a file, one sentence each.
fn faults(house: &House, file: &File<'_>) -> Vec<String> {
    let module = module_of(file.path);
    let own = module[0];
    let Some(room) = house.get(own) else { return vec![format!("`{own}` is not in the table of floors")] };
    let tokens = code::tokens(file.text);
    let mut faults: Vec<String> =
        code::paths(&tokens, &module).iter().flat_map(|p| path_faults(house, own, p)).collect();
    if own != "time" && tokens.iter().any(|token| token == "Instant" || token == "SystemTime") {
        faults.push("only `time` reads the machine's clock (R12)".into());
    }
    let runtime = house.get("runtime").map_or(0, |room| room.floor);
    // Two files are for tests alone: the faults to plant, and the backing that makes threads wait.
    if own != "faults"
        && file.path != "sync/with_pauses.rs"
        && room.floor < runtime
        && tokens.iter().any(|token| token == "static" || token == "thread_local")
    {
        faults.push("a static below `runtime` would let two runtimes in one process see each other (R12)".into());
    }
    if module.len() == 1 && !room.may_be_unsafe && !file.text.contains("\n#![forbid(unsafe_code)]\n") {
        faults.push("it does not say `#![forbid(unsafe_code)]`".into());
    }
    faults
}

fn path_faults(house: &House, own: &str, path: &str) -> Option<String> {
    let room = &house[own];
    if let Some(never) = room.never.iter().find(|never| begins_with(path, never)) {
        return Some(format!("it names `{path}`, and `{own}` never names `{never}`"));
    }
    let mut segments = path.split("::");
    if segments.next() != Some("crate") {
        return None;
    }
    let other = segments.next().unwrap_or_default();
    match house.get(other) {
        _ if other == own => None,
        None => Some(format!("`{path}` goes through the crate's root, which hides the floor: name the module")),
        Some(there) if there.floor < room.floor => None,
        Some(there) => {
            Some(format!("floor {} imports `{path}` from floor {}: not a lower one", room.floor, there.floor))
        }
    }
}

/// Is `path` at or below `prefix`?
fn begins_with(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

#[test]
fn every_file_keeps_to_its_floor() {
    let (house, sources) = (house(), sources());
    let found: Vec<String> = sources
        .iter()
        .filter(|(path, _)| path != "lib.rs" && !is_test_only(path, &sources))
        .flat_map(|(path, text)| {
            let faults = faults(&house, &File { path, text });
            faults.into_iter().map(move |fault| format!("src/{path}: {fault}"))
        })
        .collect();
    assert!(found.is_empty(), "docs/ARCHITECTURE.md, Floors:\n{}", found.join("\n"));
}

#[test]
fn the_table_and_the_source_have_the_same_modules() {
    let sources = sources();
    let mut modules: Vec<&str> = sources.iter().map(|(path, _)| module_of(path)[0]).filter(|m| *m != "lib").collect();
    modules.dedup();
    let house = house();
    let listed: Vec<&str> = house.keys().map(String::as_str).collect();
    modules.sort_unstable();
    modules.dedup();
    assert_eq!(modules, listed);
}

#[test]
fn the_crate_root_has_no_logic() {
    let tokens = code::tokens(&read(top().join("src/lib.rs")));
    let logic: Vec<&String> =
        tokens.iter().filter(|token| ["fn", "impl", "struct", "enum", "trait"].contains(&token.as_str())).collect();
    assert!(logic.is_empty(), "src/lib.rs only names: {logic:?} belong into a module");
}

/// Each planted fault is found, and its innocent neighbour is not.
#[test]
fn planted_faults_are_found() {
    let house = house();
    let ok = "//! Doc.\n#![forbid(unsafe_code)]\n";
    let said = |path: &str, text: &str| faults(&house, &File { path, text: &format!("{ok}{text}") }).join("; ");
    for (path, text, complaint) in [
        ("scheduler/mod.rs", "use crate::actor::Addr;", "floor 2 imports `crate::actor::Addr` from floor 3"),
        ("scheduler/x.rs", "use crate::{rules::Load, runtime::Env};", "imports `crate::runtime::Env`"),
        ("time/mod.rs", "use crate::net::Stream;", "from floor 4: not a lower one"),
        ("time/real.rs", "fn f() { super::super::net::go() }", "imports `crate::net::go`"),
        ("rules/mod.rs", "use crate::sync::Arc;", "from floor 0"),
        ("rules/load.rs", "use std::vec::Vec;", "`rules` never names `std`"),
        ("net/mod.rs", "use crate::rules::Load;", "`net` never names `crate::rules`"),
        ("actor/mod.rs", "use crate::Runtime;", "goes through the crate's root"),
        ("actor/mod.rs", "use crate as all;", "goes through the crate's root"),
        ("actor/mod.rs", "use crate::*;", "goes through the crate's root"),
        ("scheduler/x.rs", "let t = std::time::Instant::now();", "only `time` reads"),
        ("scheduler/x.rs", "static COUNT: u32 = 0;", "a static below"),
        ("actor/x.rs", "thread_local! {}", "a static below"),
        ("brand_new.rs", "", "`brand_new` is not in the table"),
    ] {
        assert!(said(path, text).contains(complaint), "{path} with {text:?}: {:?}", said(path, text));
    }
    let missing = faults(&house, &File { path: "auth.rs", text: "//! No forbid.\n" });
    assert_eq!(missing, ["it does not say `#![forbid(unsafe_code)]`"]);
    for (path, text) in [
        ("scheduler/mod.rs", "//! [`Addr`](crate::actor::Addr)\nuse crate::rules::Load;"),
        ("scheduler/x.rs", "use super::seat::Seat; let s: &'static str = \"crate::runtime::Env\";"),
        ("runtime/x.rs", "static HOOK: u32 = 0; use crate::time::Clock;"),
        ("time/mod.rs", "use std::time::Instant;"),
    ] {
        assert_eq!(said(path, text), "", "{path} with {text:?}");
    }
}
