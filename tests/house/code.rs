//! Reads Rust well enough to see which modules a file names: words and paths, without comments, strings and lifetimes.

/// A word, a path separator, or one character of punctuation.
pub(crate) type Token = String;

/// The tokens of a source file. Comments, string and character literals and lifetimes are left out.
pub(crate) fn tokens(text: &str) -> Vec<Token> {
    let mut rest = text;
    let mut tokens = Vec::new();
    while let Some(first) = rest.chars().next() {
        let skip = [line_comment, block_comment, raw_string, string, quote].iter().find_map(|skip| skip(rest));
        let length = match skip {
            Some(length) => length,
            None if is_word(first) => {
                let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
                tokens.push(rest[..end].to_owned());
                end
            }
            None => {
                let end = if rest.starts_with("::") { 2 } else { first.len_utf8() };
                if !first.is_whitespace() {
                    tokens.push(rest[..end].to_owned());
                }
                end
            }
        };
        rest = &rest[length..];
    }
    tokens
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

fn line_comment(text: &str) -> Option<usize> {
    text.starts_with("//").then(|| text.find('\n').unwrap_or(text.len()))
}

fn block_comment(text: &str) -> Option<usize> {
    text.starts_with("/*").then_some(())?;
    let (mut depth, mut at) = (1, 2);
    while depth > 0 && at < text.len() {
        match &text.as_bytes()[at..] {
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            _ => at += 1,
        }
    }
    Some(at)
}

/// `r"…"`, `r#"…"#`, `br"…"`.
fn raw_string(text: &str) -> Option<usize> {
    let marks = text.strip_prefix("br").or_else(|| text.strip_prefix('r'))?;
    let hashes = marks.len() - marks.trim_start_matches('#').len();
    let body = marks[hashes..].strip_prefix('"')?;
    let close = format!("\"{}", "#".repeat(hashes));
    let end = body.find(&close).map_or(body.len(), |at| at + close.len());
    Some(text.len() - body.len() + end)
}

fn string(text: &str) -> Option<usize> {
    let body = text.strip_prefix("b\"").or_else(|| text.strip_prefix('"'))?;
    let mut escaped = false;
    let close = |(_, c): &(usize, char)| {
        let ends = *c == '"' && !escaped;
        escaped = *c == '\\' && !escaped;
        ends
    };
    let end = body.char_indices().find(close).map_or(body.len(), |(at, _)| at + 1);
    Some(text.len() - body.len() + end)
}

/// `'c'`, `'\n'`, or a lifetime.
fn quote(text: &str) -> Option<usize> {
    let body = text.strip_prefix('\'')?;
    let first = body.chars().next()?;
    let rest = &body[first.len_utf8()..];
    match first {
        '\\' => rest.get(1..)?.find('\'').map(|at| at + 4),
        _ if rest.starts_with('\'') => Some(first.len_utf8() + 2),
        _ => Some(1 + body.find(|c| !is_word(c)).unwrap_or(body.len())),
    }
}

/// The paths that a file names, each from its root: `crate::…` for our own, else as written. `self` and `super` are
/// resolved; `module` is the file's own path below `crate`.
pub(crate) fn paths(tokens: &[Token], module: &[&str]) -> Vec<String> {
    let mut here: Vec<&str> = std::iter::once("crate").chain(module.iter().copied()).collect();
    let mut braces: Vec<bool> = Vec::new();
    let mut found = Vec::new();
    let at = |i: usize| tokens.get(i).map_or("", String::as_str);
    for i in 0..tokens.len() {
        let continues = i > 0 && at(i - 1) == "::" && i > 1 && (is_name(at(i - 2)) || at(i - 2) == ">");
        match at(i) {
            "{" => {
                let module = i > 1 && at(i - 2) == "mod";
                if module {
                    here.push(at(i - 1));
                }
                braces.push(module);
            }
            "}" if braces.pop() == Some(true) => {
                here.pop();
            }
            word if is_name(word) && !continues && matches!(at(i + 1), "::" | "as") => {
                tree(tokens, i, &here, &[], &mut found);
            }
            _ => {}
        }
    }
    found
}

fn is_name(word: &str) -> bool {
    word.starts_with(|c: char| c == '_' || c.is_alphabetic())
}

/// Reads the path, or the tree of a `use`, that begins at token `i`; returns the token after it.
fn tree(tokens: &[Token], mut i: usize, here: &[&str], before: &[String], found: &mut Vec<String>) -> usize {
    let at = |i: usize| tokens.get(i).map_or("", String::as_str);
    let mut path = before.to_vec();
    loop {
        match at(i) {
            "{" => {
                i += 1;
                while !matches!(at(i), "}" | "") {
                    let next = tree(tokens, i, here, &path, found);
                    // Whatever is not a path, a comma say, is passed over.
                    i = next.max(i + 1);
                }
                return i + 1;
            }
            word if word != "as" && (is_name(word) || word == "*") => step(&mut path, word, here),
            _ => break,
        }
        i += 1;
        if at(i) != "::" {
            break;
        }
        i += 1;
    }
    if path != before {
        found.push(path.join("::"));
    }
    // The other name of an import is no path.
    if at(i) == "as" { i + 2 } else { i }
}

fn step(path: &mut Vec<String>, word: &str, here: &[&str]) {
    match word {
        "self" if path.is_empty() => path.extend(here.iter().map(|&word| word.to_owned())),
        "super" if path.is_empty() => path.extend(here[..here.len().saturating_sub(1)].iter().map(|&w| w.to_owned())),
        "super" => drop(path.pop()),
        "self" => {}
        _ => path.push(word.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths_of(text: &str, module: &[&str]) -> Vec<String> {
        paths(&tokens(text), module)
    }

    #[test]
    fn comments_strings_and_lifetimes_are_no_code() {
        let text = r##"// crate::a
            /* crate::b /* crate::c */ crate::d */ let x: &'static str = "crate::e \" crate::f"; 'q'; '"'; '\'';
            r#"crate::g " crate::h"#; crate::seen"##;
        assert_eq!(paths_of(text, &[]), ["crate::seen"]);
    }

    #[test]
    fn the_tree_of_a_use_is_read_to_its_leaves() {
        let text = "use crate::{a::{B, c::D}, e::F as G, h::*}; use std::sync::{Arc, atomic::{self, AtomicBool}};";
        let crate_paths = ["crate::a::B", "crate::a::c::D", "crate::e::F", "crate::h::*"];
        let found = paths_of(text, &[]);
        assert_eq!(found[..4], crate_paths);
        assert!(found.contains(&"std::sync::atomic::AtomicBool".to_owned()));
    }

    #[test]
    fn super_is_resolved_even_in_a_module_within_the_file() {
        assert_eq!(paths_of("use super::seat::Seat;", &["scheduler", "single"]), ["crate::scheduler::seat::Seat"]);
        assert_eq!(paths_of("use super::super::net::X;", &["time", "real"]), ["crate::net::X"]);
        let nested = "mod tests { use super::*; fn f() { if x {} } } use super::b;";
        assert_eq!(paths_of(nested, &["time"]), ["crate::time::*", "crate::b"]);
    }

    #[test]
    fn a_path_in_an_expression_counts_like_an_import() {
        assert_eq!(
            paths_of("let f = crate::scheduler::Failure::Shutdown;", &["actor"])[0],
            "crate::scheduler::Failure::Shutdown"
        );
        assert_eq!(paths_of("use crate as root;", &["actor"]), ["crate"]);
    }
}
