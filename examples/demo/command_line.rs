//! Slash commands as typed text: `/addstreamer streamer:ann channel:#live`. Discord's own client has a form instead.

use livebell_fakes::discord::Channel;
use serde_json::{Map, Value, json};

/// Discord's numbers for the types of options.
const SUBCOMMAND: u64 = 1;
const SUBCOMMAND_GROUP: u64 = 2;
const TEXT: u64 = 3;
const INTEGER: u64 = 4;
const BOOLEAN: u64 = 5;
const CHANNEL: u64 = 7;
const ROLE: u64 = 8;
const NUMBER: u64 = 10;

/// A role: its id and its name.
pub(crate) type Role = (u64, &'static str);

/// A command that was understood.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Typed {
    /// Its name; subcommands follow after a space.
    pub(crate) command: String,
    /// The values by the options' names.
    pub(crate) options: Map<String, Value>,
}

/// Something that may be meant.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Suggestion {
    /// How it is called.
    pub(crate) label: String,
    /// What it is.
    pub(crate) hint: String,
    /// The whole line when it is taken.
    pub(crate) line: String,
}

/// What to suggest for an unfinished line.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Completion {
    /// These.
    Known(Vec<Suggestion>),
    /// What the bot says.
    AskBot {
        /// The command with what is typed so far.
        typed: Typed,
        /// The option that is being typed.
        focused: String,
        /// The line in front of its value.
        before: String,
    },
}

/// A command or subcommand that can be used.
struct Leaf<'c> {
    path: String,
    description: &'c str,
    options: &'c [Value],
}

/// An option as it stands in a line.
struct Given<'c> {
    definition: &'c Value,
    value: String,
    /// Where its value begins in the line.
    at: usize,
}

/// Understands a line, or says in plain words why not.
pub(crate) fn read(
    line: &str,
    commands: &[Value],
    channels: &[Channel],
    roles: &[Role],
) -> Result<Typed, String> {
    let leaves = leaves(commands);
    if !line.starts_with('/') {
        return Err("A command begins with a slash, such as /streamers. Bell reads nothing else.".to_owned());
    }
    let (leaf, from) = find(&leaves, line).ok_or_else(|| {
        let word = line.split_whitespace().next().unwrap_or("/");
        format!(
            "There is no command {word}. Try {}.",
            listed(leaves.iter().map(|leaf| format!("/{}", leaf.path)))
        )
    })?;
    let mut options = Map::new();
    for given in givens(leaf, line, from)? {
        options.insert(name(given.definition).to_owned(), value(&given, channels, roles)?);
    }
    let missing = |option: &&Value| option["required"] == true && !options.contains_key(name(option));
    if let Some(option) = leaf.options.iter().find(missing) {
        let (path, name) = (&leaf.path, name(option));
        return Err(format!("/{path} needs {name}: {}. Type {name}: and a value.", description(option)));
    }
    Ok(Typed { command: leaf.path.clone(), options })
}

/// Says how an unfinished line may go on.
pub(crate) fn complete(line: &str, commands: &[Value], channels: &[Channel], roles: &[Role]) -> Completion {
    let leaves = leaves(commands);
    let found = find(&leaves, line).filter(|(_, from)| line[*from..].starts_with(char::is_whitespace));
    let Some((leaf, from)) = found else { return Completion::Known(command_names(&leaves, line)) };
    let Ok(given) = givens(leaf, line, from) else { return Completion::Known(Vec::new()) };
    let open = given.last().filter(|_| !line.ends_with(char::is_whitespace));
    let Some(open) = open else { return Completion::Known(option_names(leaf, &given, line)) };
    let before = line[..open.at].to_owned();
    let known = |label: String, hint: &str, value: &str| Suggestion {
        line: format!("{before}{value} "),
        hint: hint.to_owned(),
        label,
    };
    let typed = open.value.to_lowercase();
    if open.definition["autocomplete"] == true {
        let values = given.iter().map(|given| (name(given.definition).to_owned(), json!(given.value)));
        let texts = values.filter(|(name, _)| name == self::name(open.definition)).collect();
        let typed = Typed { command: leaf.path.clone(), options: texts };
        return Completion::AskBot { typed, focused: name(open.definition).to_owned(), before };
    }
    Completion::Known(match kind(open.definition) {
        CHANNEL => {
            let typed = typed.trim_start_matches('#');
            let fitting = channels.iter().filter(|channel| takes(open.definition, channel));
            let fitting = fitting.filter(|channel| channel.name.starts_with(typed));
            fitting
                .map(|channel| format!("#{}", channel.name))
                .map(|name| known(name.clone(), "", &name))
                .collect()
        }
        ROLE => {
            let typed = typed.trim_start_matches('@');
            let fitting = roles.iter().filter(|(_, name)| name.to_lowercase().starts_with(typed));
            fitting.map(|(_, name)| format!("@{name}")).map(|name| known(name.clone(), "", &name)).collect()
        }
        BOOLEAN => ["true", "false"].map(|word| known(word.to_owned(), "", word)).into(),
        _ => {
            let choices = open.definition["choices"].as_array().into_iter().flatten().map(name);
            let fitting = choices.filter(|choice| choice.to_lowercase().starts_with(&typed));
            fitting.map(|choice| known(choice.to_owned(), "", choice)).collect()
        }
    })
}

fn command_names(leaves: &[Leaf<'_>], line: &str) -> Vec<Suggestion> {
    let fitting = leaves.iter().filter(|leaf| format!("/{}", leaf.path).starts_with(line));
    fitting
        .map(|leaf| {
            let first = leaf.options.iter().find(|option| option["required"] == true);
            let first = first.map(|option| format!(" {}:", name(option))).unwrap_or_default();
            Suggestion {
                label: format!("/{}", leaf.path),
                hint: leaf.description.to_owned(),
                line: format!("/{}{first}", leaf.path),
            }
        })
        .collect()
}

fn option_names(leaf: &Leaf<'_>, given: &[Given<'_>], line: &str) -> Vec<Suggestion> {
    let unused =
        leaf.options.iter().filter(|option| given.iter().all(|given| name(given.definition) != name(option)));
    unused
        .map(|option| Suggestion {
            label: format!("{}:", name(option)),
            hint: description(option).to_owned(),
            line: format!("{line}{}:", name(option)),
        })
        .collect()
}

/// Every command that can be used, subcommands by their whole path.
fn leaves(commands: &[Value]) -> Vec<Leaf<'_>> {
    fn walk<'c>(path: String, command: &'c Value, found: &mut Vec<Leaf<'c>>) {
        let options = command["options"].as_array().map(Vec::as_slice).unwrap_or_default();
        let (subs, plain): (Vec<_>, Vec<_>) =
            options.iter().partition(|option| [SUBCOMMAND, SUBCOMMAND_GROUP].contains(&kind(option)));
        if subs.is_empty() || !plain.is_empty() {
            return found.push(Leaf { path, description: description(command), options });
        }
        for sub in subs {
            walk(format!("{path} {}", name(sub)), sub, found);
        }
    }
    let mut found = Vec::new();
    for command in commands.iter().filter(|command| command["type"].as_u64().unwrap_or(1) == 1) {
        walk(name(command).to_owned(), command, &mut found);
    }
    found
}

/// The command that a line begins with, and where it goes on.
fn find<'l, 'c>(leaves: &'l [Leaf<'c>], line: &str) -> Option<(&'l Leaf<'c>, usize)> {
    let rest = line.strip_prefix('/')?;
    let begins = |leaf: &&Leaf<'_>| {
        let after = rest.strip_prefix(leaf.path.as_str());
        after.is_some_and(|after| after.is_empty() || after.starts_with(char::is_whitespace))
    };
    leaves.iter().find(begins).map(|leaf| (leaf, 1 + leaf.path.len()))
}

/// The options of a line. A value may hold spaces: it ends where the next option begins.
fn givens<'c>(leaf: &Leaf<'c>, line: &str, from: usize) -> Result<Vec<Given<'c>>, String> {
    let mut given: Vec<Given<'c>> = Vec::new();
    let mut at = from;
    for word in line[from..].split_inclusive(char::is_whitespace) {
        let begins = at;
        at += word.len();
        let word = word.trim_end();
        if word.is_empty() {
            continue;
        }
        if let Some((option, value)) = option_of(word) {
            let definition = leaf.options.iter().find(|known| name(known) == option);
            let definition = definition.ok_or_else(|| no_option(leaf, option))?;
            if given.iter().any(|given| name(given.definition) == option) {
                return Err(format!("{option} stands there twice."));
            }
            given.push(Given { definition, value: value.to_owned(), at: begins + option.len() + 1 });
        } else if let Some(last) = given.last_mut() {
            let space = if last.value.is_empty() { "" } else { " " };
            last.value = format!("{}{space}{word}", last.value);
        } else {
            // As in Discord, what is typed straight after the command is its first option.
            let definition = leaf.options.first().ok_or_else(|| no_option(leaf, word))?;
            given.push(Given { definition, value: word.to_owned(), at: begins });
        }
    }
    Ok(given)
}

/// `name:value`, but not an address such as `https://…`.
fn option_of(word: &str) -> Option<(&str, &str)> {
    let (option, value) = word.split_once(':')?;
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte);
    let fits = !option.is_empty() && option.bytes().all(plain) && !value.starts_with("//");
    fits.then_some((option, value))
}

fn no_option(leaf: &Leaf<'_>, option: &str) -> String {
    let path = &leaf.path;
    if leaf.options.is_empty() {
        return format!("/{path} takes no options, so there is no place for {option}.");
    }
    format!("/{path} has no option {option}. It has {}.", listed(leaf.options.iter().map(name)))
}

/// The value as Discord would send it.
fn value(given: &Given<'_>, channels: &[Channel], roles: &[Role]) -> Result<Value, String> {
    let (text, option) = (given.value.as_str(), name(given.definition));
    if text.is_empty() {
        return Err(format!("{option} is empty. Type a value right behind {option}:"));
    }
    let choices = given.definition["choices"].as_array().map(Vec::as_slice).unwrap_or_default();
    if !choices.is_empty() {
        let chosen = choices.iter().find(|choice| name(choice).eq_ignore_ascii_case(text));
        let chosen = chosen.map(|choice| choice["value"].clone());
        return chosen.ok_or_else(|| format!("{option} is one of {}.", listed(choices.iter().map(name))));
    }
    match kind(given.definition) {
        TEXT => {
            let most = given.definition["max_length"].as_u64().unwrap_or(6000);
            let fits = u64::try_from(text.chars().count()).is_ok_and(|length| length <= most);
            if fits { Ok(json!(text)) } else { Err(format!("{option} has at most {most} characters.")) }
        }
        INTEGER => text
            .parse::<i64>()
            .map(Value::from)
            .map_err(|_| format!("{option} is a whole number, not {text}.")),
        NUMBER => {
            text.parse::<f64>().map(Value::from).map_err(|_| format!("{option} is a number, not {text}."))
        }
        BOOLEAN => text.parse::<bool>().map(Value::from).map_err(|_| format!("{option} is true or false.")),
        CHANNEL => channel(given.definition, text, channels).map(|channel| json!(channel.id.to_string())),
        ROLE => role(text, roles).map(|id| json!(id.to_string())),
        _ => Ok(json!(text)),
    }
}

fn role(text: &str, roles: &[Role]) -> Result<u64, String> {
    let wanted = text.trim_start_matches('@');
    let found = roles.iter().find(|(_, name)| name.eq_ignore_ascii_case(wanted));
    found.map(|(id, _)| *id).ok_or_else(|| {
        let names = roles.iter().map(|(_, name)| format!("@{name}"));
        format!("This server has no role @{wanted}. It has {}.", listed(names))
    })
}

fn channel<'c>(definition: &Value, text: &str, channels: &'c [Channel]) -> Result<&'c Channel, String> {
    let wanted = text.trim_start_matches("<#").trim_end_matches('>').trim_start_matches('#');
    let found = channels.iter().find(|channel| channel.name == wanted || channel.id.to_string() == wanted);
    let found = found.ok_or_else(|| {
        let names = channels.iter().map(|channel| format!("#{}", channel.name));
        format!("This server has no channel #{wanted}. It has {}.", listed(names))
    })?;
    if takes(definition, found) { Ok(found) } else { Err(format!("#{wanted} is not of the right kind.")) }
}

/// Whether an option takes channels of that kind.
fn takes(definition: &Value, channel: &Channel) -> bool {
    let kinds = definition["channel_types"].as_array().map(Vec::as_slice).unwrap_or_default();
    kinds.is_empty() || kinds.iter().any(|kind| kind.as_u64() == Some(channel.kind as u64))
}

fn name(object: &Value) -> &str {
    object["name"].as_str().unwrap_or_default()
}

fn description(object: &Value) -> &str {
    object["description"].as_str().unwrap_or_default()
}

fn kind(option: &Value) -> u64 {
    option["type"].as_u64().unwrap_or(TEXT)
}

/// `a, b and c`.
fn listed(items: impl Iterator<Item = impl AsRef<str>>) -> String {
    let items: Vec<_> = items.map(|item| item.as_ref().to_owned()).collect();
    match items.split_last() {
        None => "nothing".to_owned(),
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}
