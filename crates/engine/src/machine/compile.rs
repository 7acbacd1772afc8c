//! From a machine's JSON to its compiled definition. Whatever is unknown or missing is refused with its place.
//!
//! First every state gets its number and its id, then what belongs to each is compiled, so that a target is a number
//! whether it stands before or after. What concerns the whole is checked last.

mod actions;
mod check;
pub(super) mod invokes;
mod names;
mod states;
mod timers;

use std::cell::RefCell;
use std::sync::Arc;

use cojson::collections::{OrderedMap, SortedSet};
use cojson::json::{Json, JsonObject};

use super::MachineLibrary;
use super::bits::Bits;
use super::compiled::{ANY, Definition, Kind, ROOT, State, Transition};
use super::enter::Entering;
use super::plan::Plans;
use crate::definition_error::{DefinitionError, Findings, Place, one_of};
use crate::expression::Expression;

type Compiled<T> = Result<T, DefinitionError>;

/// A definition, and the states and transitions that nothing leads to.
pub(super) fn definition(
    json: &Json,
    library: &MachineLibrary<'_>,
    place: &Place,
) -> Compiled<(Definition, Vec<DefinitionError>)> {
    let mut compiler = Compiler {
        library,
        drafts: Vec::new(),
        ids: OrderedMap::new(),
        transitions: Vec::new(),
        classes: OrderedMap::from([(Arc::from(""), 0)]),
        raised: Vec::new(),
        heard: Vec::new(),
        calls_tools: false,
        has_conditions: false,
        invoked: SortedSet::new(),
        findings: Findings::default(),
    };
    compiler.draft("".into(), json, ROOT, place)?;
    // Without all states, their names would not be known either.
    compiler.findings.check()?;
    let mut states = Vec::with_capacity(compiler.drafts.len());
    for state in 0..compiler.drafts.len() {
        states.push(compiler.state(state)?);
    }
    compiler.check_events();
    compiler.findings.check()?;
    let mut unreachable = compiler.never_taken(&states);
    let mut definition = compiler.finish(states);
    let mut entering = Entering::new(&definition, &[]);
    entering.descend(ROOT);
    definition.initial = entering.set;
    unreachable.extend(compiler.unreachable(&definition));
    Ok((definition, unreachable))
}

/// A state whose place in the tree is known, and not yet what it does.
struct Draft<'a> {
    json: &'a JsonObject,
    place: Place,
    name: Arc<str>,
    id: Arc<str>,
    kind: Kind,
    parent: usize,
    last: usize,
    /// With its histories.
    children: Vec<usize>,
}

/// A definition on its way.
struct Compiler<'a> {
    library: &'a MachineLibrary<'a>,
    drafts: Vec<Draft<'a>>,
    ids: OrderedMap<Arc<str>, usize>,
    transitions: Vec<Transition>,
    /// The names of events, and 1 where the machine made the name up: then no longer one is meant by it.
    classes: OrderedMap<Arc<str>, usize>,
    /// The types of events that actions raise.
    raised: Vec<Arc<str>>,
    /// What transitions are for, and where that is said.
    heard: Vec<(Arc<str>, Place)>,
    calls_tools: bool,
    has_conditions: bool,
    /// The ids of what states invoke.
    invoked: SortedSet<Arc<str>>,
    /// What is wrong; it is told together at the end.
    findings: Findings,
}

impl Compiler<'_> {
    /// What came of a part; nothing in its place if it is wrong, which is noted.
    fn noted<T: Default>(&mut self, part: Compiled<T>) -> T {
        self.findings.take(part).unwrap_or_default()
    }

    /// The class of that name, without what makes a wildcard of it.
    fn class(&mut self, name: &str, is_own: bool) -> usize {
        let name = if is_own {
            name
        } else {
            name.strip_suffix('*').unwrap_or(name).trim_end_matches('.')
        };
        let known = self.classes.get_or_default(name.into());
        *known |= usize::from(is_own);
        self.classes.get_index_of(name).unwrap_or(ANY)
    }

    fn shorter(&self, name: &str) -> usize {
        let mut name = name;
        while let Some((shorter, _)) = name.rsplit_once('.') {
            if let Some((class, _, 0)) = self.classes.get_full(shorter) {
                return class;
            }
            name = shorter;
        }
        ANY
    }

    fn finish(&mut self, states: Vec<State>) -> Definition {
        let count = states.len();
        let classes = self
            .classes
            .keys()
            .map(|name| (name.clone(), self.shorter(name)));
        let classes = classes.collect();
        let set = |is_in: &dyn Fn(&State) -> bool| {
            let mut bits = Bits::new(count);
            for (number, state) in states.iter().enumerate() {
                if is_in(state) {
                    bits.add(number);
                }
            }
            bits
        };
        let mut remembering = Bits::new(count);
        for state in &states {
            if matches!(state.kind, Kind::History { .. }) {
                remembering.add(state.parent);
            }
        }
        let mut definition = Definition {
            values: RefCell::default(),
            plans: Plans::default(),
            eventless: set(&|state| !state.always.is_empty()),
            remembering,
            initial: Bits::new(count),
            has_finals: states.iter().any(|state| state.kind == Kind::Final),
            states: states.into(),
            transitions: [].into(),
            ids: std::mem::take(&mut self.ids),
            classes,
            calls_tools: self.calls_tools,
            has_conditions: self.has_conditions,
            reserved_keys: self
                .library
                .reserved_keys
                .iter()
                .map(|key| (*key).into())
                .collect(),
        };
        let mut transitions = std::mem::take(&mut self.transitions);
        for it in &mut transitions {
            it.domain = definition.domain(it.source, it.is_internal, &it.targets);
        }
        definition.transitions = transitions.into();
        definition
    }
}

/// The members of an object that has none but the known ones.
fn members<'a>(json: &'a Json, place: &Place, known: &[&str]) -> Compiled<&'a JsonObject> {
    let expected = || format!("an object with {}", one_of(known.iter().copied()));
    let members = json
        .as_object()
        .ok_or_else(|| place.error(expected(), json))?;
    match members.keys().find(|key| !known.contains(&&***key)) {
        Some(unknown) => Err(place.error_text(expected(), format!("the member \"{unknown}\""))),
        None => Ok(members),
    }
}

/// The expression under a key, if there is one.
fn expression_at(json: Option<&Json>, key: &str, place: &Place) -> Compiled<Option<Expression>> {
    let compiled = json.map(|json| Expression::compile_in_step(json, &place.key(key)));
    compiled.transpose()
}

/// The value of an object's only member.
fn only<'a>(json: &'a Json, key: &str, place: &Place) -> Compiled<&'a Json> {
    let value = members(json, place, &[key])?.get(key);
    value.ok_or_else(|| place.missing(format!("the member \"{key}\"")))
}
