//! Puts many changes into one source, each behind a question: is it the one that this process makes?
//!
//! An operator is planted by writing its expression twice, a body by an early return, an arm of a match by a guard. What
//! stands in a `const fn` or holds a `let` cannot be asked, and stays as it is.

use crate::change::{Change, Genre};
use proc_macro2::Span;
use std::ops::Range;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

/// Text put around a range of a source for one change.
#[derive(Clone, Debug)]
pub(crate) struct Edit {
    pub(crate) change: usize,
    pub(crate) range: Range<usize>,
    before: String,
    after: String,
}

/// The edits for the changes of one file; those that have none cannot be planted.
pub(crate) fn edits<'a>(source: &str, changes: impl Iterator<Item = (usize, &'a Change)>) -> Vec<Edit> {
    let tree = syn::parse_file(source).expect("what compiles can be read");
    let mut planter = Planter { source, changes: changes.collect(), edits: Vec::new() };
    planter.bodies();
    planter.visit_file(&tree);
    planter.edits
}

/// A source with changes planted, and of each inserted text where it is and which change it is of.
pub(crate) struct Planted {
    pub(crate) text: String,
    pub(crate) inserted: Vec<(Range<usize>, usize)>,
}

/// Carries the edits out. Ranges lie in one another or apart, so those at one place are put in by length.
pub(crate) fn plant(source: &str, edits: &[Edit]) -> Planted {
    let mut all: Vec<(usize, u8, isize, usize, &str, usize)> = Vec::new();
    for (nth, edit) in edits.iter().enumerate() {
        let length = edit.range.len() as isize;
        all.push((edit.range.start, 1, -length, nth, &edit.before, edit.change));
        // What ends here comes before what begins here; the innermost first, and of two alike the one put in last.
        all.push((edit.range.end, 0, length, usize::MAX - nth, &edit.after, edit.change));
    }
    all.sort();
    let mut planted = Planted { text: String::new(), inserted: Vec::new() };
    let mut from = 0;
    for (at, _, _, _, text, change) in all {
        planted.text.push_str(&source[from..at]);
        planted.inserted.push((planted.text.len()..planted.text.len() + text.len(), change));
        planted.text.push_str(text);
        from = at;
    }
    planted.text.push_str(&source[from..]);
    planted
}

fn on(change: usize) -> String {
    format!("crate::mutant::on({change})")
}

struct Planter<'a> {
    source: &'a str,
    changes: Vec<(usize, &'a Change)>,
    edits: Vec<Edit>,
}

impl Planter<'_> {
    /// Those of this kind that begin here.
    fn here(&self, genre: Genre, at: Span) -> Vec<(usize, String)> {
        let at = at.byte_range().start;
        let alike = self.changes.iter().filter(|(_, change)| change.genre == genre && change.place.start == at);
        alike.map(|(id, change)| (*id, change.replacement.clone())).collect()
    }

    fn text(&self, of: &impl Spanned) -> String {
        self.source[of.span().byte_range()].to_owned()
    }

    fn put(&mut self, change: usize, range: Range<usize>, before: String, after: &str) {
        self.edits.push(Edit { change, range, before, after: after.into() });
    }

    /// The place is what is in the braces.
    fn bodies(&mut self) {
        for (id, change) in self.changes.clone().into_iter().filter(|(_, change)| change.genre == Genre::Body) {
            self.put(id, change.place.clone(), format!("if {} {{ return {}; }} ", on(id), change.replacement), "");
        }
    }

    /// The whole expression, or what it would be.
    fn instead(&mut self, whole: &syn::Expr, change: usize, other: &str) {
        let before = format!("(if {} {{ {other} }} else {{ ", on(change));
        self.put(change, whole.span().byte_range(), before, " })");
    }

    fn guard(&mut self, arm: &syn::Arm, change: usize, asks: &str) {
        match &arm.guard {
            Some((_, guard)) => self.put(change, guard.span().byte_range(), format!("({asks} ("), "))"),
            None => {
                let end = arm.pat.span().byte_range().end;
                self.put(change, end..end, format!(" if {} ", asks.trim_end_matches(" &&")), "");
            }
        }
    }
}

/// Is it a condition with a `let` in it? That cannot stand in parentheses.
fn has_let(expr: &syn::Expr) -> bool {
    match expr {
        syn::Expr::Let(_) => true,
        syn::Expr::Binary(binary) => has_let(&binary.left) || has_let(&binary.right),
        _ => false,
    }
}

impl<'ast> Visit<'ast> for Planter<'_> {
    fn visit_expr(&mut self, expr: &'ast syn::Expr) {
        match expr {
            syn::Expr::Binary(binary) if !has_let(expr) => {
                for (id, operator) in self.here(Genre::Binary, binary.op.span()) {
                    let other = format!("{} {operator} {}", self.text(&binary.left), self.text(&binary.right));
                    self.instead(expr, id, &other);
                }
            }
            syn::Expr::Unary(unary) => {
                for (id, operator) in self.here(Genre::Unary, unary.op.span()) {
                    let other = format!("{operator}{}", self.text(&unary.expr));
                    self.instead(expr, id, &other);
                }
            }
            _ => {}
        }
        visit::visit_expr(self, expr);
    }

    fn visit_arm(&mut self, arm: &'ast syn::Arm) {
        for (id, _) in self.here(Genre::Arm, arm.span()) {
            self.guard(arm, id, &format!("!{} &&", on(id)));
        }
        if let Some((_, guard)) = &arm.guard {
            for (id, value) in self.here(Genre::Guard, guard.span()) {
                let asks = if value == "true" { format!("{} ||", on(id)) } else { format!("!{} &&", on(id)) };
                self.guard(arm, id, &asks);
            }
        }
        visit::visit_arm(self, arm);
    }

    fn visit_expr_struct(&mut self, whole: &'ast syn::ExprStruct) {
        for field in &whole.fields {
            let Some(rest) = &whole.rest else { continue };
            for (id, _) in self.here(Genre::Field, field.span()) {
                let other = format!("({}).{}", self.text(rest), self.text(&field.member));
                let name =
                    field.colon_token.map_or_else(|| format!("{}: ", self.text(&field.member)), |_| String::new());
                let before = format!("{name}(if {} {{ {other} }} else {{ ", on(id));
                self.put(id, field.expr.span().byte_range(), before, " })");
            }
        }
        visit::visit_expr_struct(self, whole);
    }

    /// Nothing can be asked where the compiler computes.
    fn visit_item_const(&mut self, _: &'ast syn::ItemConst) {}
    fn visit_item_static(&mut self, _: &'ast syn::ItemStatic) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planted(source: &str, changes: &[(Genre, &str, &str)]) -> String {
        let change = |(genre, place, replacement): &(Genre, &str, &str)| {
            let at = source.find(place).unwrap();
            let (file, name) = (String::new(), String::new());
            Change { file, genre: *genre, place: at..at + place.len(), replacement: (*replacement).into(), name }
        };
        let changes: Vec<Change> = changes.iter().map(change).collect();
        plant(source, &edits(source, changes.iter().enumerate())).text.replace("crate::mutant::on", "on")
    }

    #[test]
    fn of_an_operator_both_are_there() {
        let source = "fn f() -> u8 { a + b * c }";
        let both = planted(source, &[(Genre::Binary, "+", "-"), (Genre::Binary, "*", "/")]);
        let product = "(if on(1) { b / c } else { b * c })";
        assert_eq!(both, format!("fn f() -> u8 {{ (if on(0) {{ a - b * c }} else {{ a + {product} }}) }}"));
        let two = planted("fn f() { !x }", &[(Genre::Unary, "!", ""), (Genre::Body, "!x", "()")]);
        assert_eq!(two, "fn f() { if on(1) { return (); } (if on(0) { x } else { !x }) }");
    }

    #[test]
    fn an_arm_goes_by_its_guard_and_a_let_stays() {
        let source = "fn f() { match x { 1 => a, n if n > 2 => b, _ => c } }";
        let both = planted(source, &[(Genre::Arm, "1 => a,", ""), (Genre::Guard, "n > 2", "true")]);
        assert_eq!(both, "fn f() { match x { 1 if !on(0)  => a, n if (on(1) || (n > 2)) => b, _ => c } }");
        let source = "fn f() { if let Some(x) = y && x { g() } }";
        assert_eq!(planted(source, &[(Genre::Binary, "&&", "||")]), source);
    }

    #[test]
    fn a_field_that_is_left_out_is_that_of_the_rest() {
        let both = planted("fn f() -> T { T { a: 1, ..t } }", &[(Genre::Field, "a: 1", "")]);
        assert_eq!(both, "fn f() -> T { T { a: (if on(0) { (t).a } else { 1 }), ..t } }");
    }
}
