//! `docs/complaints.md` maps each complaint to the tests that answer it; a name that does not exist fails.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::run::capture;
use crate::workspace::Workspace;

/// Complaints that were collected.
const COMPLAINTS: usize = 22;

/// Fails when a complaint is missing, or names no test and is not open, or names a test that does not exist.
pub fn are_mapped(workspace: &Workspace) -> Result<()> {
    let page = workspace.root.join("docs").join("complaints.md");
    let text =
        fs::read_to_string(&page).with_context(|| format!("cannot read {}", page.display()))?;
    let tests = names_of_tests(&workspace.root)?;
    let rows: Vec<Vec<&str>> = text.lines().filter_map(row).collect();
    for number in 1..=COMPLAINTS {
        let wanted = number.to_string();
        let of_it: Vec<_> = rows.iter().filter(|row| row[0] == wanted).collect();
        let [row] = of_it[..] else {
            bail!(
                "complaint {number} stands in {} rows of {}",
                of_it.len(),
                page.display()
            );
        };
        let answer = row.last().copied().unwrap_or_default();
        let named: Vec<&str> = answer.split('`').skip(1).step_by(2).collect();
        if named.is_empty() && !answer.contains("open") {
            bail!("complaint {number} names no test and is not open");
        }
        if let Some(unknown) = named.iter().find(|name| !tests.contains(**name)) {
            bail!("complaint {number} names the test `{unknown}`, which does not exist");
        }
    }
    Ok(())
}

/// The cells of a table row that begins with a number.
fn row(line: &str) -> Option<Vec<&str>> {
    let cells: Vec<&str> = line
        .strip_prefix('|')?
        .trim_end()
        .strip_suffix('|')?
        .split('|')
        .map(str::trim)
        .collect();
    cells[0].parse::<usize>().ok().map(|_| cells)
}

/// The functions that follow a `#[test]`, or stand in a `proptest!` block, in files that git knows.
fn names_of_tests(root: &Path) -> Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    let mut list = std::process::Command::new("git");
    list.current_dir(root).args([
        "ls-files",
        "--cached",
        "--others",
        "--exclude-standard",
        "*.rs",
    ]);
    let (files, _) = capture(&mut list)?;
    for file in files.lines() {
        let Ok(source) = fs::read_to_string(root.join(file)) else {
            continue;
        };
        let lines: Vec<&str> = source.lines().map(str::trim).collect();
        for (i, line) in lines.iter().enumerate() {
            if *line == "#[test]" || line.starts_with("#[tokio::test") {
                let following = lines[i + 1..]
                    .iter()
                    .find(|line| !line.starts_with("#[") && !line.starts_with("//"));
                names.extend(following.and_then(|line| name_of(line)));
            }
        }
    }
    Ok(names)
}

fn name_of(line: &str) -> Option<String> {
    let rest = line
        .strip_prefix("async ")
        .unwrap_or(line)
        .strip_prefix("fn ")?;
    rest.split(['(', '<']).next().map(str::to_owned)
}
