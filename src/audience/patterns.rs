//! Compiled expressions, kept from one stream to the next, within a limit.

use std::collections::HashMap;

use regex_automata::Input;
use regex_automata::nfa::thompson::Compiler;
use regex_automata::nfa::thompson::backtrack::{BoundedBacktracker, Cache, Config};

use super::literals::Literals;
use crate::domain::Pattern;
use crate::domain::text::Folded;

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
    /// What a title needs for there to be a match.
    literals: Literals,
    program: Program,
    size: usize,
    /// The last title that was asked about, and the answer: a thousand servers may have the same expression.
    answer: (u64, bool),
}

enum Program {
    /// No title has had what is needed yet.
    Unneeded,
    Compiled(BoundedBacktracker),
    /// One that this version cannot compile.
    Broken,
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

    /// Whether the title matches; `folded` is the same title. An expression that cannot be compiled (it was when it was saved, so
    /// another version saved it) matches everything: better announced in the usual way than not at all.
    pub(super) fn matches(&mut self, pattern: &Pattern, title: &str, folded: &Folded) -> bool {
        if self.turn == 0 || self.title != title {
            title.clone_into(&mut self.title);
            self.turn += 1;
        }
        let turn = self.turn;
        let Some(kept) = self.kept.get_mut(pattern) else {
            let kept = Kept {
                literals: Literals::of(pattern),
                program: Program::Unneeded,
                size: 0,
                answer: (0, false),
            };
            return self.answer(pattern, kept, title, folded);
        };
        if kept.answer.0 == turn {
            return kept.answer.1;
        }
        if !kept.literals.may_match(folded) {
            kept.answer = (turn, false);
            return false;
        }
        if let Program::Compiled(program) = &kept.program {
            let answer = search(program, &mut self.scratch, title);
            kept.answer = (turn, answer);
            return answer;
        }
        // It has to be compiled, and may have no room then.
        let Some(kept) = self.kept.remove(pattern) else { return true };
        self.size -= kept.size;
        self.answer(pattern, kept, title, folded)
    }

    /// Answers for one that is not kept, and keeps it for the next time, if there is room.
    fn answer(&mut self, pattern: &Pattern, mut kept: Kept, title: &str, folded: &Folded) -> bool {
        let answer = if kept.literals.may_match(folded) {
            if matches!(kept.program, Program::Unneeded) {
                kept.program = self.compile(pattern);
            }
            match &kept.program {
                Program::Compiled(program) => search(program, &mut self.scratch, title),
                _ => true,
            }
        } else {
            false
        };
        kept.answer = (self.turn, answer);
        self.keep(pattern, kept);
        answer
    }

    fn compile(&self, pattern: &Pattern) -> Program {
        let config = Config::new().visited_capacity(MAX_SEARCH);
        let build = |program| BoundedBacktracker::builder().configure(config).build_from_nfa(program).ok();
        pattern.compile(&self.compiler).and_then(build).map_or(Program::Broken, Program::Compiled)
    }

    /// Keeps one if there is room beside those that this title or the one before was compared with. Were any other to make room,
    /// each would be thrown away just before it is asked for again.
    fn keep(&mut self, pattern: &Pattern, mut kept: Kept) {
        let program = match &kept.program {
            Program::Compiled(program) => program.get_nfa().memory_usage(),
            _ => 0,
        };
        kept.size = program + kept.literals.memory_usage() + 2 * pattern.as_str().len() + OVERHEAD;
        if self.size + kept.size > self.limit {
            self.kept.retain(|_, kept| kept.answer.0 + 1 >= self.turn);
            self.size = self.kept.values().map(|kept| kept.size).sum();
        }
        if self.size + kept.size <= self.limit {
            self.size += kept.size;
            self.kept.insert(pattern.clone(), kept);
        }
    }
}

fn search(program: &BoundedBacktracker, scratch: &mut Option<Cache>, title: &str) -> bool {
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

    fn ask(patterns: &mut Patterns, pattern: &Pattern, title: &str) -> bool {
        patterns.matches(pattern, title, &Folded::new(title))
    }

    fn check(pattern: &str, title: &str, expected: bool) {
        let (mut patterns, parsed) = (Patterns::default(), Pattern::parse(pattern).expect("an expression"));
        for _ in 0..2 {
            assert_eq!(ask(&mut patterns, &parsed, title), expected, "{pattern} in {title}");
        }
    }

    #[test]
    fn an_expression_matches_anywhere_in_a_title_and_in_any_case() {
        check(r"\bany%|100%", "Celeste ANY% runs", true);
        check(r"^celeste", "Celeste", true);
        check(r"^celeste", "More Celeste", false);
        check(r"wr in \d{2}:\d{2}", "Trying for the WR in 26:44", true);
        check("ärger", "ÄRGER", true);
        // What takes other engines for ever.
        check("(a+)+$", &format!("{}!", "a".repeat(139)), false);
        check(r"(\w+\s?)+\?", &"go ".repeat(46), false);
        check("", "", true);
        check("a", "", false);
    }

    #[test]
    fn each_title_is_answered_for_itself() {
        let (mut patterns, parsed) = (Patterns::default(), Pattern::parse("any%").expect("an expression"));
        for (title, expected) in [("any%", true), ("100%", false), ("any%", true), ("", false)] {
            assert_eq!(ask(&mut patterns, &parsed, title), expected, "{title}");
        }
    }

    #[test]
    fn what_another_version_has_saved_and_this_one_cannot_read_holds_nothing_back() {
        assert!(ask(&mut Patterns::default(), &Pattern::remembered("("), "anything"));
    }

    #[test]
    fn the_largest_expression_and_the_longest_title_find_an_answer() {
        let mut larger = (1..10).rev().map(|times| format!(r"(?:\w{{0,{times}}}x)$"));
        let largest = larger.find_map(|text| Pattern::parse(&text).ok()).expect("an expression");
        let title = "\u{1f600}".repeat(140);
        assert!(!ask(&mut Patterns::default(), &largest, &title));
        assert!(ask(&mut Patterns::default(), &largest, &format!("{title}x")));
    }

    #[test]
    fn only_what_may_match_is_compiled() {
        let (mut patterns, parsed) = (Patterns::default(), Pattern::parse(r"\bany%").expect("an expression"));
        for (title, expected, is_compiled) in
            [("100%", false, false), ("many%", false, true), ("100%", false, true), ("any%", true, true)]
        {
            assert_eq!(ask(&mut patterns, &parsed, title), expected, "{title}");
            let kept = patterns.kept.get(&parsed).expect("kept");
            assert_eq!(matches!(kept.program, Program::Compiled(_)), is_compiled, "{title}");
            assert_eq!(patterns.size, kept.size);
        }
    }

    #[test]
    fn what_is_kept_stays_within_its_limit() {
        const LIMIT: usize = 100_000;
        let mut patterns = Patterns::within(LIMIT);
        // Both titles have what is needed, and nothing matches.
        let (one, two, three) = ("expression one", "expression two", "expression three");
        let asked = |patterns: &mut Patterns, number: u32, title: &str| {
            let parsed = Pattern::parse(&format!("expression [0-9]{{3}}{number}")).expect("an expression");
            assert!(!ask(patterns, &parsed, title));
            assert!(patterns.size <= LIMIT);
            assert_eq!(patterns.size, patterns.kept.values().map(|kept| kept.size).sum::<usize>());
            patterns.kept.contains_key(&parsed)
        };
        for number in 0..200 {
            asked(&mut patterns, number, one);
        }
        // What this title and the one before were compared with stays, so what has no room beside it is not kept.
        assert!(!asked(&mut patterns, 200, one));
        assert!(!asked(&mut patterns, 200, two));
        assert!(asked(&mut patterns, 0, two));
        assert!(asked(&mut patterns, 200, three));
        assert!(asked(&mut patterns, 0, three));
    }
}
