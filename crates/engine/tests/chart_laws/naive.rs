//! The algorithm of the W3C's SCXML recommendation, appendix D, as it stands there: slow and plain. Its names are kept.
//!
//! Two things differ, where its words lead to states that cannot be. A state that is active already is not entered
//! again, though a history leads into it. And a transition's domain is found once: found anew after the exit, with what
//! the exit itself put into a history, it may be inside of what was left.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::chart::{Chart, Guard, Kind, Question, Transition};

/// How many steps without an end are a loop.
const MICROSTEPS_MAX: usize = 1_000;

pub(crate) struct Interpreter<'a> {
    chart: &'a Chart,
    pub(crate) configuration: Vec<usize>,
    history_value: BTreeMap<usize, Vec<usize>>,
    internal_queue: VecDeque<String>,
    states_to_invoke: BTreeSet<usize>,
    /// The states whose invoked service runs.
    pub(crate) invoked: BTreeSet<usize>,
    running: bool,
    pub(crate) log: Vec<String>,
    pub(crate) is_loop: bool,
}

impl<'a> Interpreter<'a> {
    pub(crate) fn interpret(chart: &'a Chart) -> Self {
        let mut interpreter = Self {
            chart,
            configuration: Vec::new(),
            history_value: BTreeMap::new(),
            internal_queue: VecDeque::new(),
            states_to_invoke: BTreeSet::new(),
            invoked: BTreeSet::new(),
            running: true,
            log: Vec::new(),
            is_loop: false,
        };
        let (mut to_enter, mut for_default, mut content) =
            (Vec::new(), Vec::new(), BTreeMap::new());
        interpreter.add_descendant_states_to_enter(
            0,
            &mut to_enter,
            &mut for_default,
            &mut content,
        );
        interpreter.enter(to_enter, &for_default, &content);
        interpreter.finish_macrostep();
        interpreter
    }

    /// The event loop's body; whether a transition took the event.
    pub(crate) fn external_event(&mut self, event: &str) -> bool {
        if !self.running {
            return false;
        }
        let enabled = self.select_transitions(Some(event));
        if !enabled.is_empty() {
            self.microstep(&enabled);
        }
        self.finish_macrostep();
        !enabled.is_empty()
    }

    fn finish_macrostep(&mut self) {
        for _ in 0..MICROSTEPS_MAX {
            if !self.running {
                self.exit_interpreter();
                return;
            }
            let mut enabled = self.select_transitions(None);
            if enabled.is_empty() {
                let Some(event) = self.internal_queue.pop_front() else {
                    // No service raises an error here, so there is nothing that it would have to go on with.
                    self.invoke();
                    return;
                };
                enabled = self.select_transitions(Some(&event));
            }
            if !enabled.is_empty() {
                self.microstep(&enabled);
            }
        }
        self.is_loop = true;
    }

    fn invoke(&mut self) {
        for state in std::mem::take(&mut self.states_to_invoke) {
            self.log.push(format!("!{state}"));
            self.invoked.insert(state);
        }
    }

    fn exit_interpreter(&mut self) {
        self.invoked.clear();
        let mut to_exit = self.configuration.clone();
        to_exit.sort_unstable_by(|one, other| other.cmp(one));
        // What was active at the end is told of afterwards.
        let configuration = self.configuration.clone();
        for state in to_exit {
            self.ask(state, self.chart.nodes[state].asks);
            self.log.push(format!("-{state}"));
            self.configuration.retain(|other| *other != state);
        }
        self.configuration = configuration;
    }

    fn ask(&mut self, number: usize, question: Option<Question>) {
        let Some(Question(first, second)) = question else {
            return;
        };
        let is_active = |state: &usize| self.configuration.contains(state);
        let answers = match [first, second].each_ref().map(is_active) {
            [true, true] => "yb",
            [true, false] => "y",
            _ => "n",
        };
        let told = |answer: char| format!("{answer}{number}");
        self.log.extend(answers.chars().map(told));
    }

    fn select_transitions(&self, event: Option<&str>) -> Vec<usize> {
        let mut enabled = Vec::new();
        let mut atomic: Vec<usize> = self.configuration.clone();
        atomic.retain(|state| matches!(self.kind(*state), Kind::Atomic | Kind::Final));
        atomic.sort_unstable();
        for state in atomic {
            let mut chain = vec![state];
            chain.extend(self.proper_ancestors(state, None));
            'states: for s in chain {
                for t in &self.chart.nodes[s].transitions {
                    let it = &self.chart.transitions[*t];
                    if name_match(it.event.as_deref(), event) && self.condition_match(&it.guard) {
                        if !enabled.contains(t) {
                            enabled.push(*t);
                        }
                        break 'states;
                    }
                }
            }
        }
        self.remove_conflicting_transitions(&enabled)
    }

    fn condition_match(&self, guard: &Guard) -> bool {
        match guard {
            Guard::Yes => true,
            Guard::In(state) => self.configuration.contains(state),
            Guard::NotIn(state) => !self.configuration.contains(state),
        }
    }

    fn remove_conflicting_transitions(&self, enabled: &[usize]) -> Vec<usize> {
        let mut filtered: Vec<usize> = Vec::new();
        for t1 in enabled {
            let (mut is_preempted, mut to_remove) = (false, Vec::new());
            let exits1 = self.compute_exit_set(&[*t1]);
            for t2 in &filtered {
                let exits2 = self.compute_exit_set(&[*t2]);
                if exits1.iter().any(|state| exits2.contains(state)) {
                    if self
                        .chart
                        .is_inside(self.transition(*t1).source, self.transition(*t2).source)
                    {
                        to_remove.push(*t2);
                    } else {
                        is_preempted = true;
                        break;
                    }
                }
            }
            if !is_preempted {
                filtered.retain(|t| !to_remove.contains(t));
                filtered.push(*t1);
            }
        }
        filtered
    }

    fn microstep(&mut self, enabled: &[usize]) {
        let domains: Vec<usize> = enabled
            .iter()
            .map(|t| self.transition_domain(self.transition(*t)))
            .collect();
        self.exit_states(enabled);
        for t in enabled {
            self.log.push(format!("t{t}"));
            self.ask(*t, self.transition(*t).asks);
            let raises = self.transition(*t).raises;
            self.internal_queue.extend(raises.map(str::to_owned));
        }
        self.enter_states(enabled, &domains);
    }

    fn exit_states(&mut self, enabled: &[usize]) {
        let mut to_exit = self.compute_exit_set(enabled);
        to_exit.sort_unstable_by(|one, other| other.cmp(one));
        for s in &to_exit {
            for h in self.chart.nodes[*s]
                .children
                .iter()
                .filter(|it| self.chart.is_history(**it))
            {
                let keeps = |s0: &usize| match self.kind(*h) {
                    Kind::Deep => {
                        matches!(self.kind(*s0), Kind::Atomic | Kind::Final)
                            && self.chart.is_inside(*s0, *s)
                    }
                    _ => self.chart.nodes[*s0].parent == *s && *s0 != 0,
                };
                let mut kept: Vec<usize> =
                    self.configuration.iter().copied().filter(keeps).collect();
                kept.sort_unstable();
                self.history_value.insert(*h, kept);
            }
        }
        for s in to_exit {
            self.ask(s, self.chart.nodes[s].asks);
            self.log.push(format!("-{s}"));
            self.states_to_invoke.remove(&s);
            self.invoked.remove(&s);
            self.configuration.retain(|state| *state != s);
        }
    }

    fn compute_exit_set(&self, transitions: &[usize]) -> Vec<usize> {
        let mut to_exit = Vec::new();
        for t in transitions {
            let it = self.transition(*t);
            if it.targets.is_empty() {
                continue;
            }
            let domain = self.transition_domain(it);
            for s in &self.configuration {
                if self.chart.is_inside(*s, domain) && !to_exit.contains(s) {
                    to_exit.push(*s);
                }
            }
        }
        to_exit
    }

    fn enter_states(&mut self, enabled: &[usize], domains: &[usize]) {
        let (mut to_enter, mut for_default, mut content) =
            (Vec::new(), Vec::new(), BTreeMap::new());
        for (t, ancestor) in enabled.iter().zip(domains.iter().copied()) {
            let it = self.transition(*t);
            if it.targets.is_empty() {
                continue;
            }
            for s in &it.targets {
                self.add_descendant_states_to_enter(
                    *s,
                    &mut to_enter,
                    &mut for_default,
                    &mut content,
                );
            }
            for s in self.effective_target_states(&it.targets) {
                self.add_ancestor_states_to_enter(
                    s,
                    ancestor,
                    &mut to_enter,
                    &mut for_default,
                    &mut content,
                );
            }
            // The recommendation's outermost element is never parallel; here the machine may be.
            if self.kind(ancestor) == Kind::Parallel {
                self.add_regions(ancestor, &mut to_enter, &mut for_default, &mut content);
            }
        }
        self.enter(to_enter, &for_default, &content);
    }

    fn enter(
        &mut self,
        mut to_enter: Vec<usize>,
        for_default: &[usize],
        content: &BTreeMap<usize, usize>,
    ) {
        to_enter.retain(|state| !self.configuration.contains(state));
        to_enter.sort_unstable();
        to_enter.dedup();
        for s in to_enter {
            self.configuration.push(s);
            if self.chart.nodes[s].invokes {
                self.states_to_invoke.insert(s);
            }
            self.log.push(format!("+{s}"));
            self.ask(s, self.chart.nodes[s].asks);
            if for_default.contains(&s) {
                self.log.push(format!("i{s}"));
            }
            if let Some(history) = content.get(&s) {
                self.log.push(format!("h{history}"));
            }
            if self.kind(s) == Kind::Final {
                self.final_state_entered(s);
            }
        }
    }

    fn final_state_entered(&mut self, state: usize) {
        let parent = self.chart.nodes[state].parent;
        if parent == 0 {
            self.running = false;
            return;
        }
        self.internal_queue
            .push_back(format!("done.state.s{parent}"));
        let grandparent = self.chart.nodes[parent].parent;
        let is_done =
            self.kind(grandparent) == Kind::Parallel && self.is_in_final_state(grandparent);
        // The outermost element of the recommendation is never parallel either.
        if self.kind(0) == Kind::Parallel && self.is_in_final_state(0) {
            self.running = false;
        }
        match grandparent {
            1.. if is_done => self
                .internal_queue
                .push_back(format!("done.state.s{grandparent}")),
            _ => {}
        }
    }

    fn is_in_final_state(&self, state: usize) -> bool {
        let mut children = self.children(state);
        match self.kind(state) {
            Kind::Compound => {
                children.any(|it| self.kind(it) == Kind::Final && self.configuration.contains(&it))
            }
            Kind::Parallel => children.all(|it| self.is_in_final_state(it)),
            _ => false,
        }
    }

    fn add_descendant_states_to_enter(
        &self,
        state: usize,
        to_enter: &mut Vec<usize>,
        for_default: &mut Vec<usize>,
        content: &mut BTreeMap<usize, usize>,
    ) {
        let (targets, around) = if self.chart.is_history(state) {
            let parent = self.chart.nodes[state].parent;
            if let Some(kept) = self.history_value.get(&state) {
                (kept.clone(), parent)
            } else {
                content.insert(parent, state);
                (self.chart.nodes[state].initial.clone(), parent)
            }
        } else {
            to_enter.push(state);
            match self.kind(state) {
                Kind::Compound => {
                    for_default.push(state);
                    (self.chart.nodes[state].initial.clone(), state)
                }
                Kind::Parallel => return self.add_regions(state, to_enter, for_default, content),
                _ => return,
            }
        };
        for s in &targets {
            self.add_descendant_states_to_enter(*s, to_enter, for_default, content);
        }
        for s in &targets {
            self.add_ancestor_states_to_enter(*s, around, to_enter, for_default, content);
        }
    }

    fn add_ancestor_states_to_enter(
        &self,
        state: usize,
        ancestor: usize,
        to_enter: &mut Vec<usize>,
        for_default: &mut Vec<usize>,
        content: &mut BTreeMap<usize, usize>,
    ) {
        for anc in self.proper_ancestors(state, Some(ancestor)) {
            to_enter.push(anc);
            if self.kind(anc) == Kind::Parallel {
                self.add_regions(anc, to_enter, for_default, content);
            }
        }
    }

    fn add_regions(
        &self,
        parallel: usize,
        to_enter: &mut Vec<usize>,
        for_default: &mut Vec<usize>,
        content: &mut BTreeMap<usize, usize>,
    ) {
        for child in self.children(parallel) {
            if !to_enter
                .iter()
                .any(|s| *s == child || self.chart.is_inside(*s, child))
            {
                self.add_descendant_states_to_enter(child, to_enter, for_default, content);
            }
        }
    }

    fn effective_target_states(&self, targets: &[usize]) -> Vec<usize> {
        let mut effective = Vec::new();
        for s in targets {
            if !self.chart.is_history(*s) {
                effective.push(*s);
            } else if let Some(kept) = self.history_value.get(s) {
                effective.extend(kept);
            } else {
                effective.extend(self.effective_target_states(&self.chart.nodes[*s].initial));
            }
        }
        effective
    }

    fn transition_domain(&self, transition: &Transition) -> usize {
        let states = self.effective_target_states(&transition.targets);
        let source = transition.source;
        let all_inside = |outer: usize| states.iter().all(|s| self.chart.is_inside(*s, outer));
        if transition.is_internal && self.kind(source) == Kind::Compound && all_inside(source) {
            return source;
        }
        let mut ancestors = self.proper_ancestors(source, None);
        ancestors.retain(|anc| *anc == 0 || self.kind(*anc) == Kind::Compound);
        ancestors
            .into_iter()
            .find(|anc| all_inside(*anc))
            .unwrap_or(0)
    }

    /// From the inside out, without `until`.
    fn proper_ancestors(&self, state: usize, until: Option<usize>) -> Vec<usize> {
        let mut ancestors = Vec::new();
        let mut at = state;
        while at != 0 {
            at = self.chart.nodes[at].parent;
            if Some(at) == until {
                break;
            }
            ancestors.push(at);
        }
        ancestors
    }

    fn children(&self, state: usize) -> impl Iterator<Item = usize> {
        let children = self.chart.nodes[state].children.iter().copied();
        children.filter(|child| !self.chart.is_history(*child))
    }

    fn kind(&self, state: usize) -> Kind {
        self.chart.nodes[state].kind
    }

    fn transition(&self, number: usize) -> &'a Transition {
        &self.chart.transitions[number]
    }
}

fn name_match(wanted: Option<&str>, event: Option<&str>) -> bool {
    match (wanted, event) {
        (None, None) | (Some("*"), Some(_)) => true,
        (Some(wanted), Some(event)) => {
            let wanted: Vec<&str> = wanted.trim_end_matches(".*").split('.').collect();
            let event: Vec<&str> = event.split('.').collect();
            event.starts_with(&wanted)
        }
        _ => false,
    }
}
