//! Names are the field's terms, and sentences are plain English: what of it a machine can check.

use super::{Source, complains};

/// Names that types, functions and modules had before they had the field's word for it. Nobody guesses what they mean.
const REPLACED_NAMES: [&str; 22] = [
    "Aside",
    "AggregateTwice",
    "Came",
    "Cast",
    "Course",
    "Damage",
    "Gathering",
    "Halt",
    "Has",
    "Kept",
    "Objection",
    "Obstacle",
    "Parted",
    "Redecided",
    "Witness",
    "Way",
    "disown",
    "landed",
    "witness",
    "tap",
    "corners",
    "others",
];

/// Words that open a doc comment without saying what the item is or does.
const OPENINGS: [&str; 6] = ["What ", "Who ", "Whom ", "Whose ", "Whether ", "How "];

/// A doc comment opens with what the item is or does: "Folds events into the state."
pub(crate) fn opening(file: &Source) -> Vec<String> {
    if !file.is_rust() {
        return vec![];
    }
    let mut before = "";
    let mut complaints = vec![];
    for (number, line) in (1..).zip(file.text.lines()) {
        let opens = |marker: &str| {
            let text = line.trim_start().strip_prefix(marker)?;
            let is_first = !before.trim_start().starts_with(marker.trim_end());
            is_first.then(|| OPENINGS.iter().any(|word| text.starts_with(word)))
        };
        if opens("/// ").or_else(|| opens("//! ")).unwrap_or_default() {
            complaints.push(format!("line {number}: a doc comment that opens with a question word"));
        }
        before = line;
    }
    complaints
}

/// A name that was replaced does not come back.
pub(crate) fn names(file: &Source) -> Vec<String> {
    if !file.is_rust() || file.is_test() {
        return vec![];
    }
    let definitions = ["struct ", "enum ", "trait ", "type ", "fn ", "mod "];
    let is_replaced = |line: &str| {
        let name = definitions.iter().find_map(|definition| {
            let (_, name) = line.split_once(definition)?;
            name.split(|char: char| !char.is_alphanumeric() && char != '_').next()
        });
        name.is_some_and(|name| REPLACED_NAMES.contains(&name))
    };
    let code = Source { path: file.path.clone(), text: file.code() };
    code.lines_where(is_replaced, "a name that was replaced by the field's term (see the glossary)")
}

/// The types that the glossary names: in backticks, in the first column of its table.
pub(crate) fn glossary_types(architecture: &str) -> Vec<String> {
    let glossary = architecture.split("\n## Glossary\n").nth(1).unwrap_or_default();
    let glossary = glossary.split("\n## ").next().unwrap_or_default();
    let cells = glossary.lines().filter_map(|line| line.strip_prefix('|')?.split('|').next());
    let quoted = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2));
    quoted.filter(|name| name.starts_with(char::is_uppercase)).map(str::to_owned).collect()
}

/// The files and folders that the page names whole: in backticks, from the root or from `host/`.
pub(crate) fn paths(architecture: &str) -> Vec<String> {
    const ROOTS: [&str; 11] = [
        "cli/",
        "docs/",
        "engine/",
        "examples/",
        "guest-sdk/",
        "host/",
        "model/",
        "replay/",
        "store/",
        "tests/",
        "wasm/",
    ];
    let quoted = architecture.split('`').skip(1).step_by(2);
    let is_path = |text: &str| {
        ROOTS.iter().any(|root| text.starts_with(root))
            && text.chars().all(|char| char.is_ascii_lowercase() || char.is_ascii_digit() || "/._-".contains(char))
    };
    quoted.filter(|text| is_path(text)).map(str::to_owned).collect()
}

#[test]
fn an_opening_with_a_question_word_is_noticed() {
    for text in ["/// What it is.", "    /// Whether it is.", "//! How it works."] {
        assert!(complains(opening, "host/store/src/lib.rs", text), "{text}");
    }
    assert!(!complains(opening, "host/store/src/lib.rs", "/// Reports whether it is.\n/// What follows is more."));
}

#[test]
fn a_name_that_was_replaced_is_noticed() {
    for code in ["struct Cast {", "pub(crate) enum Halt {", "    fn landed(&self) {", "mod corners;"] {
        assert!(complains(names, "host/engine/src/lib.rs", code), "{code}");
    }
    assert!(!complains(names, "host/engine/src/lib.rs", "struct CastIron; // struct Cast"));
}

#[test]
fn the_glossary_is_read() {
    let text = "# A\n## Glossary\n| word |\n|---|\n| outcome (`Outcome`) | x `Other` |\n## Next\n| `Not` | y |\n";
    assert_eq!(glossary_types(text), ["Outcome"]);
}

#[test]
fn paths_are_read() {
    assert_eq!(
        paths("`engine/src/job.rs`, `job.rs`, `wasm/src/sandbox/KIND.rs`, `tests/`"),
        ["engine/src/job.rs", "tests/"]
    );
}
