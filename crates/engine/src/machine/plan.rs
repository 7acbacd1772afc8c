//! What transitions that are taken together lead to: which states are left and entered, and what of that has something to
//! do. A machine comes to the same places again and again, so what was found for the last few is kept.

use std::cell::{OnceCell, RefCell};
use std::rc::{Rc, Weak};

use super::bits::Bits;
use super::compiled::{Definition, List, ROOT};
use super::enter::{Entering, Kept};
use super::select::{Enabled, Wanted};

/// How many are kept.
const PLANS_MAX: usize = 64;

/// How many places there are for each; one that finds all taken takes the first.
const PLACES_EACH: usize = 4;

/// The way from the states that are active to those that are active next.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// How many transitions are taken.
    pub(super) taken: u32,
    /// Those of them that have something to do, in order.
    pub(super) acting: Vec<usize>,
    /// Whether any of them leads anywhere.
    pub(super) is_move: bool,
    /// The states with a history that are left, each with its active descendants.
    pub(super) remembered: Vec<(usize, Bits)>,
    /// The states that have something to do when they are left, from the inside out.
    pub(super) exits: Vec<usize>,
    /// What stays active.
    pub(super) staying: Bits,
    /// The states that have something to do when they are entered, from the outside in.
    pub(super) entries: Vec<Entry>,
    /// What is active in the end.
    pub(super) active: Bits,
    /// Whether it is the same each time: no history has a say in it.
    pub(super) is_lasting: bool,
    /// What follows for a class of events, once that was found.
    next: OnceCell<(usize, Weak<Plan>)>,
}

/// A state that is entered.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) state: usize,
    /// The transitions that lead on inside it: its initial one, and those of histories that nothing is kept for.
    pub(super) onward: Vec<usize>,
}

/// Plans that were made lately, each for the states that were active and for what is wanted.
#[derive(Debug, Default)]
pub(super) struct Plans(RefCell<Vec<Option<Known>>>);

#[derive(Debug)]
struct Known {
    active: Bits,
    wanted: Wanted,
    plan: Rc<Plan>,
}

impl Plans {
    pub(super) fn find(&self, active: &Bits, wanted: &Wanted) -> Option<Rc<Plan>> {
        let all = self.0.borrow();
        let known = places_of(active, wanted).find_map(|place| {
            let known = all.get(place)?.as_ref()?;
            (known.wanted == *wanted && known.active == *active).then_some(known)
        })?;
        Some(Rc::clone(&known.plan))
    }

    fn keep(&self, active: &Bits, wanted: Wanted, plan: &Rc<Plan>) {
        let mut all = self.0.borrow_mut();
        if all.is_empty() {
            all.resize_with(PLANS_MAX, || None);
        }
        let mut places = places_of(active, &wanted);
        let first = places.clone().next();
        let empty = places.find(|place| all.get(*place).is_some_and(Option::is_none));
        if let Some(place) = empty.or(first).and_then(|place| all.get_mut(place)) {
            *place = Some(Known {
                active: active.clone(),
                wanted,
                plan: Rc::clone(plan),
            });
        }
    }
}

/// Where it is looked for.
fn places_of(active: &Bits, wanted: &Wanted) -> impl Iterator<Item = usize> + Clone + use<> {
    let wanted = match wanted {
        Wanted::Start => 0,
        Wanted::Eventless => 1,
        Wanted::Class(class) => class + 2,
        Wanted::Taken(taken) => taken
            .iter()
            .fold(!0, |mixed: usize, it| mixed.wrapping_mul(31) ^ it),
    };
    let first = active.mixed().wrapping_mul(31).wrapping_add(wanted);
    (0..PLACES_EACH).map(move |step| first.wrapping_add(step) % PLANS_MAX)
}

impl Definition {
    /// What is active at first is entered; nothing was active before.
    pub(super) fn start(&self) -> Rc<Plan> {
        let none = Bits::new(self.states.len());
        if let Some(known) = self.plans.find(&none, &Wanted::Start) {
            return known;
        }
        let mut entering = Entering::new(self, &[]);
        entering.descend(ROOT);
        let mut plan = Plan {
            staying: none.clone(),
            active: none.clone(),
            ..Plan::default()
        };
        plan.enter(self, &entering);
        let plan = Rc::new(plan);
        self.plans.keep(&none, Wanted::Start, &plan);
        plan
    }

    /// All leave, then all enter; kept as what is wanted, if it is the same each time.
    pub(super) fn plan(
        &self,
        active: &Bits,
        kept: &Kept,
        taken: &Enabled,
        wanted: Wanted,
    ) -> Rc<Plan> {
        let mut plan = Plan {
            active: active.clone(),
            ..Plan::default()
        };
        // What a history led to when the transition was chosen, not what it is of the states that are left now.
        let leads = |it: usize| {
            let it = self.transition(it).filter(|it| !it.targets.is_empty())?;
            Some((it, self.domain_of(it, kept)))
        };
        for (_, domain) in taken.iter().rev().filter_map(leads) {
            plan.leave(self, domain);
        }
        plan.staying.clone_from(&plan.active);
        let mut kept_now = kept.to_vec();
        remember(&mut kept_now, &plan.remembered);
        plan.is_lasting = true;
        for (transition, domain) in taken.iter().filter_map(leads) {
            let mut entering = Entering::new(self, &kept_now);
            entering.transition(transition, domain);
            plan.is_lasting &= !transition.is_dynamic && !entering.has_met_history;
            plan.enter(self, &entering);
        }
        for transition in taken.iter() {
            plan.taken += 1;
            if self.does(List::Transition(transition)) {
                plan.acting.push(transition);
            }
        }
        let plan = Rc::new(plan);
        if plan.is_lasting {
            self.plans.keep(active, wanted, &plan);
        }
        plan
    }

    /// Whether something happens when a state is entered or left, beside its entry and exit actions.
    fn is_watched(&self, state: usize) -> bool {
        self.calls_tools
            || self
                .state(state)
                .is_some_and(|it| !it.timers.is_empty() || !it.invokes.is_empty())
    }

    fn does(&self, list: List) -> bool {
        !self.actions(list).is_empty()
    }
}

impl Plan {
    /// What follows for that class of events, if that is known here.
    pub(super) fn next(&self, class: usize) -> Option<Rc<Self>> {
        let (_, plan) = self.next.get().filter(|(known, _)| *known == class)?;
        plan.upgrade()
    }

    /// Keeps what follows, unless it keeps something else.
    pub(super) fn keep_next(&self, class: usize, plan: &Rc<Self>) {
        self.next.get_or_init(|| (class, Rc::downgrade(plan)));
    }

    fn leave(&mut self, definition: &Definition, domain: usize) {
        let last = definition.last(domain);
        self.is_move = true;
        for state in definition.remembering.within(domain + 1, last) {
            if self.active.has(state) {
                let mut inside = Bits::new(definition.states.len());
                for active in self.active.within(state + 1, definition.last(state)) {
                    inside.add(active);
                }
                self.remembered.push((state, inside));
            }
        }
        let mut end = last + 1;
        while let Some(state) = self.active.previous(end).filter(|it| *it > domain) {
            if definition.has_conditions
                || definition.is_watched(state)
                || definition.does(List::Exit(state))
            {
                self.exits.push(state);
            }
            self.active.remove(state);
            end = state;
        }
    }

    fn enter(&mut self, definition: &Definition, entering: &Entering<'_>) {
        // What a final state ends is read from what is active when it is entered, and so is what a condition asks for.
        let is_each_told = definition.has_finals || definition.has_conditions;
        for state in entering.set.within(ROOT, definition.states.len()) {
            if !self.active.add(state) {
                continue;
            }
            let initial = definition.state(state).and_then(|it| it.initial);
            let initial = initial.filter(|_| entering.defaults.has(state));
            let histories = entering.histories.iter();
            let histories = histories.filter(|(around, _)| *around == state);
            let onward = initial.into_iter().chain(histories.map(|(_, it)| *it));
            let onward: Vec<usize> = onward
                .filter(|it| definition.does(List::Transition(*it)))
                .collect();
            if is_each_told
                || !onward.is_empty()
                || definition.is_watched(state)
                || definition.does(List::Entry(state))
            {
                self.entries.push(Entry { state, onward });
            }
        }
    }
}

/// Keeps what was active in states with a history, instead of what is kept of them.
pub(super) fn remember(kept: &mut Vec<(usize, Bits)>, left: &[(usize, Bits)]) {
    for (state, inside) in left {
        match kept.iter_mut().find(|(known, _)| known == state) {
            Some((_, kept)) => kept.clone_from(inside),
            None => kept.push((*state, inside.clone())),
        }
    }
}
