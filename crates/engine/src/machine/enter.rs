//! Which states are entered: the targets, what is between them and what was not left, and what they bring along.

use super::bits::Bits;
use super::compiled::{Definition, Kind, ROOT, Transition};

/// What is kept of states with a history: each with its descendants that were active when it was left.
pub(super) type Kept = [(usize, Bits)];

/// States that are about to be entered.
pub(super) struct Entering<'a> {
    definition: &'a Definition,
    kept: &'a Kept,
    pub(super) set: Bits,
    /// Those that are entered by their initial transition.
    pub(super) defaults: Bits,
    /// States whose history is empty, and the transition that is taken instead.
    pub(super) histories: Vec<(usize, usize)>,
    /// Whether what is kept was looked at.
    pub(super) has_met_history: bool,
}

impl<'a> Entering<'a> {
    pub(super) fn new(definition: &'a Definition, kept: &'a Kept) -> Self {
        let none = Bits::new(definition.states.len());
        Self {
            definition,
            kept,
            set: none.clone(),
            defaults: none,
            histories: Vec::new(),
            has_met_history: false,
        }
    }

    /// Everything that a transition enters inside its domain.
    pub(super) fn transition(&mut self, transition: &Transition, domain: usize) {
        for target in &transition.targets {
            self.descend(*target);
        }
        if transition.is_dynamic {
            for target in effective(self.definition, self.kept, transition) {
                self.ascend(target, domain);
            }
        } else {
            for target in &transition.targets {
                self.ascend(*target, domain);
            }
        }
        if self.definition.kind(domain) == Kind::Parallel {
            self.fill(domain);
        }
    }

    /// A state and what is active in it at first, or what a history stands for.
    pub(super) fn descend(&mut self, state: usize) {
        match self.definition.kind(state) {
            Kind::History { .. } => self.history(state),
            kind => {
                self.set.add(state);
                match kind {
                    Kind::Compound => {
                        self.defaults.add(state);
                        self.initial(state, state);
                    }
                    Kind::Parallel => self.fill(state),
                    _ => {}
                }
            }
        }
    }

    /// What the transition of `of` leads to, inside `around`.
    fn initial(&mut self, of: usize, around: usize) {
        let definition = self.definition;
        let Some((_, initial)) = definition.initial_of(of) else {
            return;
        };
        for target in &initial.targets {
            self.descend(*target);
        }
        for target in &initial.targets {
            self.ascend(*target, around);
        }
    }

    fn history(&mut self, history: usize) {
        self.has_met_history = true;
        let around = self.definition.parent(history);
        if let Some(kept) = remembered(self.definition, self.kept, history) {
            for target in &kept {
                self.descend(*target);
            }
            for target in &kept {
                self.ascend(*target, around);
            }
        } else if let Some((transition, _)) = self.definition.initial_of(history) {
            self.histories.push((around, transition));
            self.initial(history, around);
        } else {
            self.descend(around);
        }
    }

    /// The ancestors of a state inside `until`, and the other regions of those that are parallel.
    fn ascend(&mut self, state: usize, until: usize) {
        let mut around = self.definition.parent(state);
        while around > until && around != ROOT {
            self.set.add(around);
            if self.definition.kind(around) == Kind::Parallel {
                self.fill(around);
            }
            around = self.definition.parent(around);
        }
    }

    /// The regions of a parallel state that nothing in particular is entered in.
    pub(super) fn fill(&mut self, parallel: usize) {
        let definition = self.definition;
        for region in definition.children(parallel) {
            if !self.set.meets(*region, definition.last(*region)) {
                self.descend(*region);
            }
        }
    }
}

/// What a history stands for, if its state was ever left.
fn remembered(definition: &Definition, kept: &Kept, history: usize) -> Option<Vec<usize>> {
    let around = definition.parent(history);
    let (_, kept) = kept.iter().find(|(state, _)| *state == around)?;
    let is_deep = definition.kind(history) == Kind::History { is_deep: true };
    let stands = |state: &usize| {
        if is_deep {
            matches!(definition.kind(*state), Kind::Atomic | Kind::Final)
        } else {
            definition.parent(*state) == around
        }
    };
    let inside = kept.within(around + 1, definition.last(around));
    Some(inside.filter(stands).collect())
}

impl Definition {
    /// The state whose active descendants a transition leaves.
    pub(super) fn domain_of(&self, transition: &Transition, kept: &Kept) -> usize {
        if !transition.is_dynamic {
            return transition.domain;
        }
        let targets = effective(self, kept, transition);
        self.domain(transition.source, transition.is_internal, &targets)
    }
}

/// The targets of a transition with histories resolved.
fn effective(definition: &Definition, kept: &Kept, transition: &Transition) -> Vec<usize> {
    let mut states = Vec::new();
    for target in &transition.targets {
        if !matches!(definition.kind(*target), Kind::History { .. }) {
            states.push(*target);
        } else if let Some(kept) = remembered(definition, kept, *target) {
            states.extend(kept);
        } else if let Some((_, initial)) = definition.initial_of(*target) {
            states.extend(effective(definition, kept, initial));
        } else {
            states.push(definition.parent(*target));
        }
    }
    states
}
