//! Compiled expressions, kept from one stream to the next, within a limit.

use std::collections::HashMap;

use regex_automata::Input;
use regex_automata::nfa::thompson::Compiler;
use regex_automata::nfa::thompson::backtrack::{BoundedBacktracker, Cache, Config};

use crate::domain::Pattern;

/// How much memory compiled expressions may take, in bytes: a tenth of a machine with 256 MB. An ordinary one takes some 1,700, so
/// ten thousand servers that each have one of their own still fit.
const MAX_KEPT: usize = 24 * 1024 * 1024;

/// What an expression takes besides its program and its text: two entries in a table, and the engine around it.
const OVERHEAD: usize = 256;

/// How much memory one search may take, in bytes: enough for a title of 140 characters, which is Twitch's limit, with the
/// largest program there is. All searches use the same.
const MAX_SEARCH: usize = 256 * 1024;

/// Expressions that were asked for lately.
pub struct Patterns {
    compiler: Compiler,
    kept: HashMap<Pattern, Kept>,
    /// How many bytes those take.
    size: usize,
    /// How many they may take.
    limit: usize,
    scratch: Option<Cache>,
    title: String,
    /// Counts the titles.
    turn: u64,
}

struct Kept {
    /// Nothing for one that this version cannot compile.
    program: Option<BoundedBacktracker>,
    size: usize,
    /// The last title that was asked about, and the answer: a thousand servers may have the same expression.
    answer: (u64, bool),
}

impl Default for Patterns {
    fn default() -> Self {
        Self::within(MAX_KEPT)
    }
}

impl std::fmt::Debug for Patterns {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Patterns")
            .field("kept", &self.kept.len())
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}

impl Patterns {
    fn within(limit: usize) -> Self {
        Self {
            compiler: Pattern::compiler(),
            kept: HashMap::new(),
            size: 0,
            limit,
            scratch: None,
            title: String::new(),
            turn: 0,
        }
    }

    /// Whether the title matches. One that cannot be compiled (it was when it was saved, so another version saved it) matches
    /// everything: better announced in the usual way than not at all.
    pub(super) fn matches(&mut self, pattern: &Pattern, title: &str) -> bool {
        if self.turn == 0 || self.title != title {
            title.clone_into(&mut self.title);
            self.turn += 1;
        }
        if let Some(kept) = self.kept.get_mut(pattern) {
            if kept.answer.0 != self.turn {
                let answer = search(kept.program.as_ref(), &mut self.scratch, title);
                kept.answer = (self.turn, answer);
            }
            return kept.answer.1;
        }
        let program = pattern.compile(&self.compiler).and_then(|program| {
            let config = Config::new().visited_capacity(MAX_SEARCH);
            BoundedBacktracker::builder().configure(config).build_from_nfa(program).ok()
        });
        let answer = search(program.as_ref(), &mut self.scratch, title);
        self.keep(pattern, program, answer);
        answer
    }

    /// Keeps one for the next time, if there is room beside those that this title or the one before was compared with. Were any
    /// other to make room, each would be thrown away just before it is asked for again.
    fn keep(&mut self, pattern: &Pattern, program: Option<BoundedBacktracker>, answer: bool) {
        let bytes = program.as_ref().map_or(0, |program| program.get_nfa().memory_usage());
        let size = bytes + 2 * pattern.as_str().len() + OVERHEAD;
        if self.size + size > self.limit {
            self.kept.retain(|_, kept| kept.answer.0 + 1 >= self.turn);
            self.size = self.kept.values().map(|kept| kept.size).sum();
        }
        if self.size + size <= self.limit {
            self.size += size;
            self.kept.insert(pattern.clone(), Kept { program, size, answer: (self.turn, answer) });
        }
    }
}

fn search(program: Option<&BoundedBacktracker>, scratch: &mut Option<Cache>, title: &str) -> bool {
    let Some(program) = program else { return true };
    let scratch = scratch.get_or_insert_with(|| program.create_cache());
    scratch.reset(program);
    // Twitch has no title that is longer than what fits; if it had, its beginning would count.
    let mut end = title.len().min(program.max_haystack_len());
    while !title.is_char_boundary(end) {
        end -= 1;
    }
    program.try_is_match(scratch, Input::new(&title[..end])).unwrap_or(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, title: &str, expected: bool) {
        let (mut patterns, parsed) = (Patterns::default(), Pattern::parse(pattern).expect("an expression"));
        for _ in 0..2 {
            assert_eq!(patterns.matches(&parsed, title), expected, "{pattern} in {title}");
        }
    }

    #[test]
    fn an_expression_matches_anywhere_in_a_title_and_in_any_case() {
        check(r"\bany%|100%", "Celeste ANY% runs", true);
        check(r"^celeste", "Celeste", true);
        check(r"^celeste", "More Celeste", false);
        check(r"wr in \d{2}:\d{2}", "Trying for the WR in 26:44", true);
        check("ärger", "ÄRGER", true);
        check("", "", true);
        check("a", "", false);
    }

    #[test]
    fn each_title_is_answered_for_itself() {
        let (mut patterns, parsed) = (Patterns::default(), Pattern::parse("any%").expect("an expression"));
        for (title, expected) in [("any%", true), ("100%", false), ("any%", true), ("", false)] {
            assert_eq!(patterns.matches(&parsed, title), expected, "{title}");
        }
    }

    #[test]
    fn what_another_version_has_saved_and_this_one_cannot_read_holds_nothing_back() {
        assert!(Patterns::default().matches(&Pattern::remembered("("), "anything"));
    }

    #[test]
    fn the_largest_expression_and_the_longest_title_find_an_answer() {
        let mut larger = (1..10).rev().map(|times| format!(r"(?:\w{{0,{times}}}x)$"));
        let largest = larger.find_map(|text| Pattern::parse(&text).ok()).expect("an expression");
        let title = "\u{1f600}".repeat(140);
        assert!(!Patterns::default().matches(&largest, &title));
        assert!(Patterns::default().matches(&largest, &format!("{title}x")));
    }

    #[test]
    fn what_is_kept_stays_within_its_limit() {
        const LIMIT: usize = 100_000;
        let mut patterns = Patterns::within(LIMIT);
        let ask = |patterns: &mut Patterns, number: u32, title: &str| {
            let parsed = Pattern::parse(&format!("expression {number}")).expect("an expression");
            assert!(!patterns.matches(&parsed, title));
            assert!(patterns.size <= LIMIT);
            patterns.kept.contains_key(&parsed)
        };
        for number in 0..200 {
            ask(&mut patterns, number, "one");
        }
        // What this title and the one before were compared with stays, so what has no room beside it is not kept.
        assert!(!ask(&mut patterns, 200, "one"));
        assert!(!ask(&mut patterns, 200, "two"));
        assert!(ask(&mut patterns, 0, "two"));
        assert!(ask(&mut patterns, 200, "three"));
        assert!(ask(&mut patterns, 0, "three"));
    }
}
