//! Every text of the project: it stands alone (no path of anybody's machine), its links lead somewhere, the rules that
//! it cites exist, and the files that say the same thing agree.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn top() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(top().join(path)).unwrap_or_else(|why| panic!("{path}: {why}"))
}

/// Every text file of the project with its path: those that git knows or would take, or, where there is no git, all.
fn texts() -> BTreeMap<String, String> {
    let mut git = Command::new("git");
    git.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).current_dir(top());
    let listed = git.output().ok().filter(|output| output.status.success() && !output.stdout.is_empty());
    let paths = match listed {
        Some(output) => String::from_utf8_lossy(&output.stdout).split_terminator('\0').map(str::to_owned).collect(),
        None => walk(),
    };
    let text = |path: String| fs::read_to_string(top().join(&path)).ok().map(|text| (path, text));
    paths.into_iter().filter_map(text).collect()
}

fn walk() -> Vec<String> {
    let mut folders = vec![PathBuf::new()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(top().join(&folder)).expect("a folder of the project can be listed") {
            let entry = entry.expect("an entry of the project can be read");
            let path = folder.join(entry.file_name());
            match entry.file_type().expect("an entry has a type").is_dir() {
                true if entry.file_name() == "target" || entry.file_name() == ".git" => {}
                true => folders.push(path),
                false => files.push(path.to_string_lossy().replace('\\', "/")),
            }
        }
    }
    files
}

/// The first place that names somebody's own folder, as the rest of its line.
fn private_path(text: &str) -> Option<&str> {
    // Taken apart, so that this file does not find itself.
    let folders = ["home", "work", "root", "Users", "tmp"].map(|folder| format!("/{folder}/"));
    let begins = |at: usize| !text[..at].ends_with(|c: char| c.is_alphanumeric() || "._-$}>".contains(c));
    let places = folders.iter().flat_map(|folder| text.match_indices(folder.as_str()));
    places.map(|(at, _)| at).find(|at| begins(*at)).map(|at| text[at..].lines().next().unwrap_or_default())
}

#[test]
fn no_text_names_a_folder_of_somebodys_machine() {
    let texts = texts();
    assert!(texts.contains_key("src/lib.rs") && texts.contains_key("README.md"), "these are not the project's files");
    for (path, text) in &texts {
        assert_eq!(private_path(text), None, "in {path}: it means nothing on another machine");
    }
}

#[test]
fn a_planted_private_path_is_found() {
    let planted = format!("see (/{}/someone/notes\nend", "home");
    assert_eq!(private_path(&planted), Some(&planted[5..24]));
    assert_eq!(private_path("src/work/x, $HOME/root/y and target/tmp/z are everybody's"), None);
}

/// The targets of a page's links, those outside the project left out. Code blocks have none.
fn links(page: &str) -> Vec<&str> {
    let prose = page.split("```").step_by(2);
    let targets = prose.flat_map(|part| part.split("](").skip(1)).filter_map(|rest| rest.split(')').next());
    targets.filter(|target| !target.contains("://")).collect()
}

/// The anchors of a page's headings, as they are made where Markdown is shown.
fn anchors(page: &str) -> BTreeSet<String> {
    let prose = page.split("```").step_by(2);
    let headings = prose.flat_map(str::lines).filter(|line| line.starts_with('#'));
    let slug = |heading: &str| {
        let words = heading.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
        words.chars().filter(|c| c.is_alphanumeric() || "-_".contains(*c)).collect()
    };
    headings.map(slug).collect()
}

/// Does the link lead to a file, and to a heading in it?
fn resolves(from: &str, target: &str) -> bool {
    let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
    let folder = Path::new(from).parent().unwrap_or(Path::new(""));
    let path = if file.is_empty() { top().join(from) } else { top().join(folder).join(file) };
    let has = |path: &Path| fs::read_to_string(path).is_ok_and(|page| anchors(&page).contains(anchor));
    path.exists() && (anchor.is_empty() || has(&path))
}

#[test]
fn every_link_between_pages_leads_somewhere() {
    let texts = texts();
    let pages: Vec<_> = texts.iter().filter(|(path, _)| path.ends_with(".md")).collect();
    assert!(pages.iter().map(|(_, page)| links(page).len()).sum::<usize>() > 20, "the pages have lost their links");
    for (path, page) in pages {
        for target in links(page) {
            assert!(resolves(path, target), "{path} links to {target}, which is not there");
        }
    }
}

#[test]
fn a_dead_link_is_found() {
    assert!(resolves("docs/RULES.md", "ARCHITECTURE.md#floors") && resolves("README.md", "docs/RULES.md"));
    assert!(!resolves("docs/RULES.md", "ARCHITECTURE.md#ceilings") && !resolves("README.md", "docs/NONE.md"));
    assert_eq!(links("a [b](c.md) `d`\n```\n[e](f.md)\n```\n[g](https://h.example) [i](#j)"), ["c.md", "#j"]);
}

/// Rules and theorems cited in a text: an R or T and one or two digits, standing alone.
fn cited(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_alphanumeric() && c != '_');
    words
        .filter(|w| matches!(w.len(), 2 | 3) && w.starts_with(['R', 'T']) && w[1..].parse::<u32>().is_ok())
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_rule_cited_in_the_source_and_the_docs_exists() {
    let defined =
        |line: &str| line.strip_prefix("**").and_then(|line| line.split(['.', '*', ' ']).next()).map(str::to_owned);
    let rules: BTreeSet<String> = read("docs/RULES.md").lines().filter_map(defined).collect();
    let expected = (1..=14).map(|n| format!("R{n}")).chain((1..=8).map(|n| format!("T{n}"))).collect();
    assert!(rules.is_superset(&expected), "docs/RULES.md defines only {rules:?}");
    for (path, text) in texts().iter().filter(|(path, _)| path.starts_with("src/") || path.ends_with(".md")) {
        let unknown: Vec<String> = cited(text).difference(&rules).cloned().collect();
        assert!(unknown.is_empty(), "{path} cites {unknown:?}, which docs/RULES.md does not define");
    }
}

/// The words between quotes after `key`, on the first line that begins with it.
fn value<'a>(text: &'a str, key: &str) -> &'a str {
    let line = text.lines().map(str::trim).find(|line| line.starts_with(key)).unwrap_or_else(|| panic!("no {key}"));
    line.split('"').nth(1).unwrap_or_else(|| panic!("no quotes in {line}"))
}

#[test]
fn the_oldest_rust_is_the_same_wherever_it_is_named() {
    let declared = read("Cargo.toml");
    let oldest = value(&declared, "rust-version = ");
    assert_eq!(value(&read("clippy.toml"), "msrv = "), oldest);
    let workflow = read(".github/workflows/CI.yml");
    assert!(workflow.contains(&format!("toolchain: \"{oldest}\"")), "CI.yml builds with another Rust than {oldest}");
    assert!(read("README.md").contains(&format!("Rust {oldest}")), "README.md names another Rust than {oldest}");
}

#[test]
fn the_workflow_runs_only_what_a_person_can_run() {
    let workflow = read(".github/workflows/CI.yml");
    let commands: Vec<&str> =
        workflow.lines().filter_map(|line| line.trim().trim_start_matches("- ").strip_prefix("run: ")).collect();
    assert!(commands.contains(&".ci/run"), "nothing calls .ci/run");
    for command in commands {
        assert!(command == ".ci/run" || command.starts_with("cargo verify"), "`{command}` is no check of ours");
    }
    assert_eq!(read("CI.yml"), workflow, "CI.yml at the top is a link to the workflow");
}
