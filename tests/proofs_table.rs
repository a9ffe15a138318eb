//! The table "Model and code" of `proofs/README.md` against the sources, in both directions.

use std::collections::BTreeSet;
use std::path::Path;

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What stands between backticks in one column of the table.
fn column(nth: usize) -> BTreeSet<String> {
    let text = read("proofs/README.md");
    let section = text.split("\n## ").find(|s| s.starts_with("Model and code")).expect("the section with the table");
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    let cells = rows.map(|row| row.split('|').nth(nth).unwrap_or_else(|| panic!("too few columns: {row}")));
    cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).map(str::to_owned).collect()
}

fn coq(file: &str) -> String {
    read(&format!("proofs/coq/{file}.v"))
}

/// The word that follows `before`, wherever a line begins with it.
fn words_after<'a>(text: &'a str, before: &'a str) -> impl Iterator<Item = String> + 'a {
    let rest = text.lines().filter_map(move |line| line.strip_prefix(before));
    rest.map(|rest| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().expect("a word").to_owned())
}

/// The names of all theorems.
fn theorems() -> Vec<String> {
    let files = ["Theorems", "Single", "Pool", "Check", "Step"];
    let theorems: Vec<String> =
        files.iter().flat_map(|f| words_after(&coq(f), "Theorem ").collect::<Vec<_>>()).collect();
    assert!(theorems.len() > 30, "only {theorems:?}");
    theorems
}

/// `Audit.v` is what `make` runs to see that no theorem rests on an axiom.
#[test]
fn every_theorem_is_asked_what_it_rests_on() {
    let audit = coq("Audit");
    let asked: BTreeSet<&str> = audit.lines().filter_map(|line| line.split("Print Assumptions ").nth(1)).collect();
    let missing: Vec<String> = theorems().into_iter().filter(|name| !asked.contains(&*format!("{name}."))).collect();
    assert!(missing.is_empty(), "proofs/coq/Audit.v does not ask of {missing:?}");
}

#[test]
fn every_step_and_every_theorem_of_the_proofs_is_in_the_table() {
    let listed = column(1);
    let steps: Vec<String> = words_after(&coq("System"), "| ").filter(|name| name.starts_with("s_")).collect();
    assert_eq!(steps.len(), 25, "the constructors of `step`: {steps:?}");
    let of_the_pool: Vec<String> = words_after(&coq("Pool"), "| ").filter(|name| name.starts_with("p_")).collect();
    assert_eq!(of_the_pool.len(), 28, "the constructors of `pstep`: {of_the_pool:?}");
    let theorems = theorems();
    let missing: Vec<&String> =
        steps.iter().chain(&of_the_pool).chain(&theorems).filter(|name| !listed.contains(*name)).collect();
    assert!(missing.is_empty(), "proofs/README.md says nothing of {missing:?}");
}

#[test]
fn every_name_of_the_proofs_in_the_table_exists() {
    let text: String = ["System", "Theorems", "Single", "Pool", "Check", "Step"].map(coq).concat();
    let mut known: BTreeSet<String> = BTreeSet::new();
    for before in ["Definition ", "Theorem ", "Lemma ", "Inductive ", "Fixpoint ", "Record ", "| ", "  "] {
        known.extend(words_after(&text, before));
    }
    let gone: Vec<String> = column(1).into_iter().filter(|name| !known.contains(name)).collect();
    assert!(gone.is_empty(), "proofs/README.md names what is not in proofs/coq: {gone:?}");
}

#[test]
fn every_rust_item_in_the_table_exists() {
    let items = column(3);
    assert!(items.len() > 25, "only {items:?}");
    for item in items {
        let Some((file, name)) = item.split_once(": ") else { panic!("not `file: item`: {item}") };
        let text = read(&format!("src/{file}"));
        let defines = |line: &str| {
            let words: Vec<&str> = line.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
            let after = |word| words.windows(2).any(|w| w == [word, name]);
            let field = line.trim_start().trim_start_matches("pub(super) ").starts_with(&format!("{name}: "));
            after("fn") || after("struct") || after("enum") || field
        };
        assert!(text.lines().any(defines), "proofs/README.md names {name} in src/{file}, where it is not");
    }
}

/// The Rust files under `folder`, by their paths inside `src`.
fn sources(folder: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(folder);
    let entries = std::fs::read_dir(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let names = entries.map(|entry| entry.expect("it can be listed").file_name().into_string().expect("UTF-8"));
    let mut found: Vec<String> = Vec::new();
    for name in names.map(|name| format!("{folder}/{name}")) {
        match name.strip_suffix(".rs") {
            Some(_) => found.push(name),
            None => found.extend(sources(&name)),
        }
    }
    found
}

/// The functions of a file in which an event is put through the rules, by `change` or by `step` itself.
fn functions_that_change_a_load(text: &str) -> BTreeSet<String> {
    let (mut name, mut found) = (String::new(), BTreeSet::new());
    for line in text.lines() {
        let words: Vec<&str> = line.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
        if let Some(at) = words.iter().position(|word| *word == "fn").filter(|_| !line.trim_start().starts_with("//")) {
            name = words[at + 1].to_owned();
        }
        let puts = ["change(", "step("].iter().any(|call| line.contains(call)) || line.contains("then_some(");
        if puts && line.contains("rules::Event::") {
            found.insert(name.clone());
        }
    }
    found
}

#[test]
fn every_function_that_changes_a_load_is_in_the_table() {
    let listed = column(3);
    let mut seen = 0;
    for file in sources("scheduler") {
        for name in functions_that_change_a_load(&read(&format!("src/{file}"))) {
            seen += 1;
            let item = format!("{file}: {name}");
            assert!(listed.contains(&item), "proofs/README.md does not say which step of the model `{item}` is");
        }
    }
    assert!(seen >= 8, "only {seen} were found");
}
