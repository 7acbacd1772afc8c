//! Random charts, and what they look like as a definition.

use cojson::json::Json;

/// Enough of a random number generator: xorshift.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap() % bound
    }

    pub(crate) fn one_in(&mut self, bound: usize) -> bool {
        self.below(bound) == 0
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Atomic,
    Compound,
    Parallel,
    Final,
    Shallow,
    Deep,
}

/// A state; its number is its place in document order, and 0 is the machine.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    pub(crate) parent: usize,
    pub(crate) children: Vec<usize>,
    /// Where a compound state or a history leads to by itself.
    pub(crate) initial: Vec<usize>,
    pub(crate) transitions: Vec<usize>,
    /// Whether something runs for as long as it is active.
    pub(crate) invokes: bool,
    /// What it asks when it is entered and left.
    pub(crate) asks: Option<Question>,
}

/// An action that depends on whether a state is active, and one in it that depends on whether another is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question(pub(crate) usize, pub(crate) usize);

#[derive(Clone, Debug)]
pub(crate) enum Guard {
    Yes,
    In(usize),
    NotIn(usize),
}

#[derive(Clone, Debug)]
pub(crate) struct Transition {
    pub(crate) source: usize,
    /// Without one it is taken by itself.
    pub(crate) event: Option<String>,
    pub(crate) guard: Guard,
    pub(crate) targets: Vec<usize>,
    pub(crate) is_internal: bool,
    pub(crate) raises: Option<&'static str>,
    pub(crate) asks: Option<Question>,
}

#[derive(Clone, Debug)]
pub(crate) struct Chart {
    pub(crate) nodes: Vec<Node>,
    pub(crate) transitions: Vec<Transition>,
}

pub(crate) const EVENTS: [&str; 6] = ["a", "b", "a.x", "b.y", "c", "d"];
const WANTED: [&str; 7] = ["a", "b", "a.x", "b.*", "c", "*", "done.state.s1"];

impl Chart {
    pub(crate) fn random(random: &mut Random) -> Self {
        let mut chart = Self {
            nodes: Vec::new(),
            transitions: Vec::new(),
        };
        let bound = if random.one_in(8) { 150 } else { 20 };
        let size = 3 + random.below(bound);
        chart.grow(random, 0, 0, size);
        for node in 0..chart.nodes.len() {
            chart.lead(random, node);
        }
        for node in 0..chart.nodes.len() {
            chart.connect(random, node);
        }
        if random.one_in(2) {
            chart.ask(random);
        }
        chart
    }

    /// Lets some actions depend on conditions.
    fn ask(&mut self, random: &mut Random) {
        let mut all: Vec<usize> = (1..self.nodes.len()).collect();
        all.retain(|it| !self.is_history(*it));
        let mut question = || {
            let mut any = || all[random.below(all.len())];
            let question = Question(any(), any());
            random.one_in(2).then_some(question)
        };
        for node in &mut self.nodes {
            node.asks = question();
        }
        for transition in &mut self.transitions {
            transition.asks = question();
        }
    }

    /// Adds a state with everything inside; hands back its number.
    fn grow(&mut self, random: &mut Random, parent: usize, depth: usize, size: usize) -> usize {
        let number = self.nodes.len();
        let is_root = number == 0;
        let is_leaf = !is_root && (size < 2 || depth > 4 || random.one_in(3));
        let kind = match random.below(8) {
            0..3 if !is_leaf => Kind::Parallel,
            _ if !is_leaf => Kind::Compound,
            0 => Kind::Final,
            _ => Kind::Atomic,
        };
        self.nodes.push(Node {
            kind,
            parent,
            children: Vec::new(),
            initial: Vec::new(),
            transitions: Vec::new(),
            invokes: !is_root && kind != Kind::Final && random.one_in(3),
            asks: None,
        });
        if is_leaf {
            return number;
        }
        let count = 1 + random.below(3);
        let mut children: Vec<usize> = (0..count)
            .map(|_| self.grow(random, number, depth + 1, size / count))
            .collect();
        if kind == Kind::Parallel {
            self.make_regions(&children);
        }
        if !is_root && random.one_in(2) {
            children.push(self.nodes.len());
            let kind = if random.one_in(2) {
                Kind::Shallow
            } else {
                Kind::Deep
            };
            let (children, initial, transitions) = (Vec::new(), Vec::new(), Vec::new());
            self.nodes.push(Node {
                kind,
                parent: number,
                children,
                initial,
                transitions,
                invokes: false,
                asks: None,
            });
        }
        self.nodes[number].children = children;
        number
    }

    /// A region is never final by itself.
    fn make_regions(&mut self, children: &[usize]) {
        for child in children {
            let node = &mut self.nodes[*child];
            if node.kind == Kind::Final {
                node.kind = Kind::Atomic;
            }
        }
    }

    pub(crate) fn is_history(&self, node: usize) -> bool {
        matches!(self.nodes[node].kind, Kind::Shallow | Kind::Deep)
    }

    pub(crate) fn is_inside(&self, inner: usize, outer: usize) -> bool {
        let mut at = inner;
        while at != 0 {
            at = self.nodes[at].parent;
            if at == outer {
                return true;
            }
        }
        false
    }

    fn inside(&self, outer: usize) -> Vec<usize> {
        (1..self.nodes.len())
            .filter(|it| self.is_inside(*it, outer))
            .collect()
    }

    /// Chooses what a compound state or a history leads to.
    fn lead(&mut self, random: &mut Random, node: usize) {
        let around = match self.nodes[node].kind {
            Kind::Compound => node,
            Kind::Shallow | Kind::Deep => self.nodes[node].parent,
            _ => return,
        };
        let mut inside = self.inside(around);
        inside.retain(|it| !self.is_history(*it));
        if random.below(4) > 0 {
            inside.retain(|it| self.nodes[*it].parent == around);
        }
        let first = inside[random.below(inside.len())];
        self.nodes[node].initial = self.with_another(random, first, &inside);
    }

    /// With a second target now and then, if both can be active together.
    fn with_another(&self, random: &mut Random, first: usize, among: &[usize]) -> Vec<usize> {
        let second = among[random.below(among.len())];
        if random.one_in(2) && first != second && self.can_be_together(first, second) {
            return vec![first, second];
        }
        vec![first]
    }

    fn can_be_together(&self, one: usize, other: usize) -> bool {
        let stands = |node: usize| {
            if self.is_history(node) {
                self.nodes[node].parent
            } else {
                node
            }
        };
        let (one, other) = (stands(one), stands(other));
        if one == other || self.is_inside(one, other) || self.is_inside(other, one) {
            return false;
        }
        let mut around = self.nodes[one].parent;
        while !self.is_inside(other, around) {
            around = self.nodes[around].parent;
        }
        self.nodes[around].kind == Kind::Parallel
    }

    /// Gives a state transitions.
    fn connect(&mut self, random: &mut Random, node: usize) {
        if self.is_history(node) || self.nodes[node].kind == Kind::Final {
            return;
        }
        let all: Vec<usize> = (1..self.nodes.len()).collect();
        let mut transitions = Vec::new();
        for _ in 0..random.below(4) {
            let first = all[random.below(all.len())];
            let guard = match random.below(4) {
                0 => Guard::In(first),
                1 => Guard::NotIn(all[random.below(all.len())]),
                _ => Guard::Yes,
            };
            let guard = match guard {
                Guard::In(state) | Guard::NotIn(state) if self.is_history(state) => Guard::Yes,
                guard => guard,
            };
            let target = all[random.below(all.len())];
            let targets = match random.below(6) {
                0 => Vec::new(),
                _ => self.with_another(random, target, &all),
            };
            let event = match random.below(16) {
                0 => None,
                1..4 => Some(format!("done.invoke.s{first}")),
                _ => Some(WANTED[random.below(WANTED.len())].to_owned()),
            };
            transitions.push(Transition {
                source: node,
                event,
                guard,
                targets,
                is_internal: random.one_in(3),
                raises: random.one_in(8).then(|| EVENTS[random.below(EVENTS.len())]),
                asks: None,
            });
        }
        // In the definition those without an event stand apart.
        transitions.sort_by_key(|it| it.event.is_none());
        for transition in transitions {
            self.nodes[node].transitions.push(self.transitions.len());
            self.transitions.push(transition);
        }
    }

    /// The definition of a machine, which tells a tool what it does.
    pub(crate) fn to_json(&self) -> Json {
        self.node_to_json(0)
    }

    fn node_to_json(&self, number: usize) -> Json {
        let node = &self.nodes[number];
        let mut members: Vec<(&str, Json)> = vec![("id", name(number))];
        let of_kind = |kind: &str| ("type", Json::from(kind));
        let lead = |kind: char| (names(&node.initial), logged(kind, number));
        match node.kind {
            Kind::Atomic => {}
            Kind::Compound => {
                let (target, actions) = lead('i');
                members.push((
                    "initial",
                    Json::object([("target", target), ("actions", actions)]),
                ));
            }
            Kind::Parallel => members.push(of_kind("parallel")),
            Kind::Final => members.push(of_kind("final")),
            Kind::Shallow | Kind::Deep => {
                let depth = if node.kind == Kind::Deep {
                    "deep"
                } else {
                    "shallow"
                };
                let (target, actions) = lead('h');
                members.extend([
                    of_kind("history"),
                    ("history", depth.into()),
                    ("target", target),
                    ("actions", actions),
                ]);
                return Json::object(members);
            }
        }
        let asked = node.asks.map(|question| question.to_json(number));
        let entry = [logged('+', number), later(number)];
        let entry: Vec<Json> = entry.into_iter().chain(asked.clone()).collect();
        let exit: Vec<Json> = asked.into_iter().chain([logged('-', number)]).collect();
        members.extend([("entry", entry.into()), ("exit", exit.into())]);
        if node.invokes {
            let what = [("tool", Json::from("@invoked")), ("payload", name(number))];
            members.push(("invoke", Json::object(what)));
        }
        if !node.children.is_empty() {
            let child = |child: &usize| (format!("s{child}"), self.node_to_json(*child));
            members.push(("states", Json::object(node.children.iter().map(child))));
        }
        for (key, has_event) in [("on", true), ("always", false)] {
            let own = node
                .transitions
                .iter()
                .filter(|it| self.transitions[**it].event.is_some() == has_event);
            let list: Vec<Json> = own.map(|it| self.transition_to_json(*it)).collect();
            if !list.is_empty() {
                members.push((key, list.into()));
            }
        }
        Json::object(members)
    }

    fn transition_to_json(&self, number: usize) -> Json {
        let it = &self.transitions[number];
        let mut actions = vec![logged('t', number)];
        actions.extend(it.asks.map(|question| question.to_json(number)));
        actions.push(remembered(number));
        actions.extend(
            it.raises
                .map(|event| Json::object([("raise", event.into())])),
        );
        let mut members: Vec<(&str, Json)> = vec![
            ("actions", actions.into()),
            ("internal", it.is_internal.into()),
        ];
        let event = it.event.as_deref();
        members.extend(event.map(|event| ("event", event.into())));
        if !it.targets.is_empty() {
            members.push(("target", names(&it.targets)));
        }
        match it.guard {
            Guard::Yes => {}
            Guard::In(state) => members.push(("guard", is_in(state))),
            Guard::NotIn(state) => members.push(("guard", Json::object([("not", is_in(state))]))),
        }
        Json::object(members)
    }
}

impl Question {
    /// Tells `y` if the first state is active, and then `b` if the second is too; else `n`.
    fn to_json(self, number: usize) -> Json {
        let Self(first, second) = self;
        let both = Json::object([("if", is_in(second)), ("then", logged('b', number))]);
        Json::object([
            ("if", is_in(first)),
            ("then", vec![logged('y', number), both].into()),
            ("else", logged('n', number)),
        ])
    }
}

fn is_in(state: usize) -> Json {
    Json::object([("in", name(state))])
}

fn name(number: usize) -> Json {
    format!("#s{number}").trim_start_matches('#').into()
}

fn names(numbers: &[usize]) -> Json {
    numbers
        .iter()
        .map(|number| Json::from(format!("#s{number}")))
        .collect::<Vec<_>>()
        .into()
}

/// An action that keeps the number of a transition in the context, and under it that of the one before.
fn remembered(number: usize) -> Json {
    let last = ("taken".to_owned(), u32::try_from(number).unwrap().into());
    let before = (format!("t{number}"), Json::from("$taken"));
    Json::object([("updateContext", Json::object([before, last]))])
}

/// An action that asks for an event later. No test keeps the time, so it never comes.
fn later(number: usize) -> Json {
    let members = [
        ("type", Json::from("c")),
        ("delay", 5.into()),
        ("id", format!("s{number}").into()),
    ];
    Json::object([("raise", Json::object(members))])
}

/// An action that tells the tool `@log` what happens.
fn logged(kind: char, number: usize) -> Json {
    let payload = Json::from(format!("{kind}{number}"));
    Json::object([("tool", "@log".into()), ("payload", payload)])
}
