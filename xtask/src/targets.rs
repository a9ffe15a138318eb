//! Which integration tests and examples the library has, as cargo sees them: what is not there is not run.

use std::process::Command;

/// What cargo says about the workspace: JSON, in which each target is an object that begins with its kind.
pub(crate) struct Targets(String);

impl Targets {
    pub(crate) fn read() -> Result<Targets, String> {
        let mut cargo = Command::new(super::run::cargo());
        let output = cargo.args(["metadata", "--no-deps", "--format-version", "1"]).output();
        let output = output.map_err(|why| format!("cargo metadata did not run: {why}"))?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        Ok(Targets(String::from_utf8_lossy(&output.stdout).into_owned()))
    }

    /// The integration tests.
    ///
    /// # Errors
    /// If there seem to be none: then this no longer understands cargo, and a check that runs nothing would pass.
    pub(crate) fn tests(&self) -> Result<Vec<&str>, String> {
        self.of_kind("test")
    }

    /// The examples; errors as for tests.
    pub(crate) fn examples(&self) -> Result<Vec<&str>, String> {
        self.of_kind("example")
    }

    /// The part about the library: other members of the workspace have tests too.
    fn library(&self) -> &str {
        let from = self.0.find(r#"{"name":"backwater","version":"#).unwrap_or(0);
        let own = &self.0[from..];
        let version = r#","version":"#;
        let mut versions = own.match_indices(version).map(|(at, _)| at);
        &own[..versions.nth(1).unwrap_or(own.len())]
    }

    fn of_kind(&self, kind: &str) -> Result<Vec<&str>, String> {
        let begin = format!("{{\"kind\":[\"{kind}\"]");
        let names: Vec<&str> = self.library().split(&begin).skip(1).filter_map(name).collect();
        if names.is_empty() { Err(format!("cargo metadata shows no {kind} at all")) } else { Ok(names) }
    }
}

fn name(target: &str) -> Option<&str> {
    let (_, rest) = target.split_once("\"name\":\"")?;
    rest.split('"').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_workspace_has_the_tests_that_hold_the_house() {
        let targets = Targets::read().unwrap();
        assert!(targets.tests().unwrap().contains(&"house"));
        assert!(targets.examples().unwrap().contains(&"bench"));
        assert!(!targets.tests().unwrap().contains(&"backing"), "that is a test of `model_tests`");
    }

    #[test]
    fn targets_are_told_apart_by_kind() {
        let text = r#"[{"kind":["lib"],"crate_types":["lib"],"name":"a"},{"kind":["test"],"name":"b","doc":false}]"#;
        let targets = Targets(text.to_owned());
        assert_eq!(targets.tests().unwrap(), ["b"]);
        assert!(targets.examples().is_err());
    }
}
