//! What a title must contain for an expression to match, as reading the expression tells. Most titles lack it, and then nothing
//! has to be compiled or run.

use regex_syntax::ast::{self, Ast, RepetitionKind, RepetitionRange};

use crate::domain::Pattern;
use crate::domain::text::Folded;

/// Alternatives that are looked for at most. Looking for more takes longer than the machine would.
const MAX_ALTERNATIVES: usize = 8;

/// Texts of which a title contains one, upper and lower case alike, if the expression matches it. None of them is empty.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Literals(Vec<String>);

impl Literals {
    /// What an expression tells of itself; nothing for many, and for one that cannot be read.
    pub(super) fn of(pattern: &Pattern) -> Self {
        let read = ast::parse::Parser::new().parse(pattern.as_str());
        Self(read.ok().and_then(|read| needed(&read)).unwrap_or_default())
    }

    /// Whether the expression may match. That it does not is certain.
    pub(super) fn may_match(&self, title: &Folded) -> bool {
        self.0.is_empty() || self.0.iter().any(|literal| title.as_str().contains(literal))
    }

    /// How much memory they take, in bytes.
    pub(super) fn memory_usage(&self) -> usize {
        self.0.iter().map(|literal| size_of::<String>() + literal.capacity()).sum()
    }
}

/// Texts of which every match contains one; nothing when that is not known.
fn needed(read: &Ast) -> Option<Vec<String>> {
    match read {
        Ast::Literal(literal) => folded(literal.c).map(|char| vec![char.into()]),
        Ast::Group(group) => needed(&group.ast),
        Ast::Repetition(repeated) => match repeated.op.kind {
            RepetitionKind::OneOrMore => needed(&repeated.ast),
            RepetitionKind::Range(
                RepetitionRange::Exactly(least)
                | RepetitionRange::AtLeast(least)
                | RepetitionRange::Bounded(least, _),
            ) if least > 0 => needed(&repeated.ast),
            _ => None,
        },
        Ast::Concat(parts) => of_sequence(&parts.asts),
        Ast::Alternation(choices) => {
            let mut all = Vec::new();
            for choice in &choices.asts {
                all.extend(needed(choice)?);
            }
            (all.len() <= MAX_ALTERNATIVES).then_some(all)
        }
        _ => None,
    }
}

/// What says most of what stands one after the other: the longest text, where there are alternatives by the shortest of them.
fn of_sequence(parts: &[Ast]) -> Option<Vec<String>> {
    let mut best: Option<Vec<String>> = None;
    let mut run = String::new();
    let mut offer = |found: Vec<String>| {
        let length = |texts: &[String]| texts.iter().map(String::len).min().unwrap_or_default();
        if best.as_deref().is_none_or(|best| length(best) < length(&found)) {
            best = Some(found);
        }
    };
    for part in parts {
        if let Ast::Literal(literal) = part
            && let Some(char) = folded(literal.c)
        {
            run.push(char);
            continue;
        }
        if !run.is_empty() {
            offer(vec![std::mem::take(&mut run)]);
        }
        if let Some(found) = needed(part) {
            offer(found);
        }
    }
    if !run.is_empty() {
        offer(vec![run]);
    }
    best
}

/// A character as it stands in a folded title. Only those of ASCII are certain: for others, what expressions take for the same
/// letter and what folding makes the same differ (`ẞ` and `ß`).
fn folded(character: char) -> Option<char> {
    character.is_ascii().then(|| character.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(pattern: &str, expected: &[&str]) {
        assert_eq!(Literals::of(&Pattern::parse(pattern).expect("an expression")).0, expected, "{pattern}");
    }

    #[test]
    fn an_expression_tells_what_it_needs() {
        check("Any%", &["any%"]);
        check(r"\b(any|100)%|speedrun", &["any", "100", "speedrun"]);
        check(r"^.*WR in \d{2}:\d{2}$", &["wr in "]);
        check("(?i)a(?-i)bc", &["bc"]);
        check("(?x) a b # c", &["ab"]);
        check("(world )+records", &["records"]);
        check("(world ){2}or", &["world "]);
        check("mañana ärger", &["ana "]);
    }

    #[test]
    fn many_need_nothing_certain() {
        for pattern in
            ["", ".*", "a?", "(any)*", "(any){0,3}", "any|.", r"\w+", "[ab]", "ß", "a|b|c|d|e|f|g|h|i"]
        {
            check(pattern, &[]);
        }
        assert_eq!(Literals::of(&Pattern::remembered("(")), Literals::default());
    }

    /// Expressions made of what people write, and of letters that have more than two cases.
    fn an_expression() -> impl Strategy<Value = Pattern> {
        let atom = prop::sample::select(
            [
                "a", "k", "S", "ß", "ẞ", "ſ", "\u{212a}", "İ", "ς", "ab", ".", r"\w", "[ks]", r"\b", "^",
                "$", " ", "(?-i)", "(?x)",
            ]
            .as_slice(),
        );
        let leaf = atom.prop_map(str::to_owned);
        leaf.prop_recursive(3, 12, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 1..4).prop_map(|parts| parts.concat()),
                prop::collection::vec(inner.clone(), 1..3)
                    .prop_map(|parts| format!("(?:{})", parts.join("|"))),
                (inner, prop::sample::select(["*", "+", "?", "{2}", "{0,1}"].as_slice()))
                    .prop_map(|(part, times)| format!("(?:{part}){times}")),
            ]
        })
        .prop_filter_map("no expression", |text| Pattern::parse(&text).ok())
    }

    proptest! {
        #[test]
        fn what_an_expression_matches_contains_what_it_needs(
            pattern in an_expression(),
            title in "[akAKsSbB ßẞſ\u{212a}İıςΣi]{0,8}",
        ) {
            let program = pattern.compile(&Pattern::compiler()).expect("a program");
            let engine = regex_automata::nfa::thompson::backtrack::BoundedBacktracker::new_from_nfa(program);
            let engine = engine.expect("an engine");
            let matches = engine.try_is_match(&mut engine.create_cache(), title.as_str()).expect("an answer");
            let may_match = Literals::of(&pattern).may_match(&Folded::new(&title));
            prop_assert!(may_match || !matches, "{:?} in {:?}", pattern, title);
        }
    }
}
